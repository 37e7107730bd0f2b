//! What an item says of a person, and what becomes of it.

use aws_sdk_dynamodb::types::AttributeValue;
use scim::ResourceId;
use serde_json::{Map, Value};

use super::person::{ERASED, Person, is_manager};
use crate::StoreError;
use crate::client::attributes::{Item, damaged, optional_text, string, text};
use crate::client::tables::SORT_KEY;
use crate::directory::document::{self, DOCUMENT};
use crate::directory::members::record::{DISPLAYS, LEFT_OUT};
use crate::directory::record::{CHANGES, DOCUMENT as STATE, IDENTIFIERS};
use crate::usage::refusals::DETAIL;
use crate::usage::requests;

/// What kind of item says something of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A change record of the user.
    Record,
    /// A change record of somebody whose manager the user is.
    ManagerRecord,
    /// A record of a change of a group's members.
    MemberRecord,
    /// A membership, as the user has it.
    Membership,
    /// A lookup, a guard, or a membership as the group has it.
    Lookup,
    /// A counter of refused requests.
    Refusal,
    /// An entry of the provisioning log.
    Request,
    /// A user, present or deleted, whose manager the user is: named, and not changed.
    Report(ResourceId),
}

/// What becomes of an item.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Change {
    /// The item goes.
    Delete,
    /// The guard goes, if the user still holds it.
    DeleteGuard,
    /// These attributes get other values, or go.
    Set(Vec<(String, Option<AttributeValue>)>),
    /// Nothing.
    Nothing,
}

/// What an item says of a person, and what becomes of it.
pub(super) type Trace = (Kind, Change);

/// Looks at an item of any kind. What cannot be read says nothing that could be known.
pub(super) fn trace(item: &Item, person: &Person) -> Result<Option<Trace>, StoreError> {
    let sort_key = text(item, SORT_KEY)?;
    let parts: Vec<&str> = sort_key.split('#').collect();
    let id = person.id.as_str();
    Ok(match parts.as_slice() {
        ["E", _, "M", ..] => of_members(item, person)?,
        ["E", _, "U", user, _] => match *user == id {
            true => own_record(item)?,
            false => others_record(item, id)?,
        },
        ["I", user, _] if *user == id => Some((Kind::Membership, Change::Delete)),
        ["M", _, user] if *user == id => Some((Kind::Lookup, Change::Delete)),
        ["L", "U", .., user] if *user == id => Some((Kind::Lookup, Change::Delete)),
        ["N", "U", ..] if optional_text(item, document::HOLDER)? == Some(id) => {
            Some((Kind::Lookup, Change::DeleteGuard))
        }
        ["R", ..] => of_refusal(item, person)?,
        ["P", ..] => of_request(item, person)?,
        ["U", user] | ["D", "U", user] if *user != id => managed(item, user, id)?,
        _ => None,
    })
}

/// Each changed attribute as a record has it when its values are erased.
pub(super) fn blanked(changes: &Map<String, Value>) -> Map<String, Value> {
    let blank = |change: &Value| {
        let sides = change.as_object().into_iter().flat_map(Map::keys);
        Value::from_iter(sides.map(|side| (side.clone(), Value::from(ERASED))))
    };
    let changes = changes.iter();
    changes
        .map(|(name, change)| (name.clone(), blank(change)))
        .collect()
}

/// The changes of a record.
fn changes(item: &Item) -> Result<Map<String, Value>, StoreError> {
    serde_json::from_str(text(item, CHANGES)?).map_err(|_| damaged(item, CHANGES))
}

fn own_record(item: &Item) -> Result<Option<Trace>, StoreError> {
    let read = changes(item)?;
    let next = blanked(&read);
    let mut set = Vec::new();
    if next != read {
        set.push(json(CHANGES, next));
    }
    for name in [STATE, IDENTIFIERS] {
        if item.contains_key(name) {
            set.push((name.to_owned(), None));
        }
    }
    Ok((!set.is_empty()).then_some((Kind::Record, Change::Set(set))))
}

fn json(name: &str, members: Map<String, Value>) -> (String, Option<AttributeValue>) {
    let members = string(Value::Object(members).to_string());
    (name.to_owned(), Some(members))
}

/// Erases the values of `manager` that name the person.
fn others_record(item: &Item, id: &str) -> Result<Option<Trace>, StoreError> {
    let mut set = Vec::new();
    // Most records name no manager, or another one.
    if text(item, CHANGES)?.contains(id) {
        let mut changes = changes(item)?;
        let of_manager = changes.iter_mut().filter(|(name, _)| is_manager(name));
        let sides = of_manager.filter_map(|(_, change)| change.as_object_mut());
        if erase_all(sides.flat_map(Map::values_mut), id) {
            set.push(json(CHANGES, changes));
        }
    }
    if let Some(state) = optional_text(item, STATE)?.filter(|state| state.contains(id)) {
        let mut state: Map<String, Value> =
            serde_json::from_str(state).map_err(|_| damaged(item, STATE))?;
        let mut any = false;
        for extension in state.values_mut().filter_map(Value::as_object_mut) {
            if extension
                .get("manager")
                .is_some_and(|manager| is_of(manager, id))
            {
                // Whoever is told of the state gets none that SCIM could not show.
                extension.remove("manager");
                any = true;
            }
        }
        if any {
            set.push(json(STATE, state));
        }
    }
    Ok((!set.is_empty()).then_some((Kind::ManagerRecord, Change::Set(set))))
}

/// Erases those of these managers that are the person. Returns whether there were any.
fn erase_all<'v>(managers: impl Iterator<Item = &'v mut Value>, id: &str) -> bool {
    let mut any = false;
    for manager in managers.filter(|manager| is_of(manager, id)) {
        *manager = ERASED.into();
        any = true;
    }
    any
}

/// Whether a value of `manager` names the person.
fn is_of(manager: &Value, id: &str) -> bool {
    manager.get("value").unwrap_or(manager).as_str() == Some(id)
}

fn managed(item: &Item, user: &str, id: &str) -> Result<Option<Trace>, StoreError> {
    let document = text(item, DOCUMENT)?;
    if !document.contains(id) {
        return Ok(None);
    }
    let attributes: Map<String, Value> =
        serde_json::from_str(document).map_err(|_| damaged(item, DOCUMENT))?;
    let extensions = attributes.values().filter_map(Value::as_object);
    let mut managers = extensions.filter_map(|extension| extension.get("manager"));
    let is_managed = managers.any(|manager| is_of(manager, id));
    let user = ResourceId::parse(user).filter(|_| is_managed);
    Ok(user.map(|user| (Kind::Report(user), Change::Nothing)))
}

/// The ids stay. What clients called the person goes.
fn of_members(item: &Item, person: &Person) -> Result<Option<Trace>, StoreError> {
    let mut set = Vec::new();
    if let Some(read) = optional_text(item, DISPLAYS)? {
        let mut displays: Map<String, Value> =
            serde_json::from_str(read).map_err(|_| damaged(item, DISPLAYS))?;
        if displays.remove(person.id.as_str()).is_some() {
            let rest = (!displays.is_empty()).then(|| string(Value::Object(displays).to_string()));
            set.push((DISPLAYS.to_owned(), rest));
        }
    }
    if let Some(read) = optional_text(item, LEFT_OUT)? {
        let named: Vec<String> = serde_json::from_str(read).map_err(|_| damaged(item, LEFT_OUT))?;
        let next: Vec<&str> = named
            .iter()
            .map(|name| match person.is_called(name) {
                true => ERASED,
                false => name,
            })
            .collect();
        if next != named {
            set.push((
                LEFT_OUT.to_owned(),
                Some(string(Value::from(next).to_string())),
            ));
        }
    }
    Ok((!set.is_empty()).then_some((Kind::MemberRecord, Change::Set(set))))
}

fn of_refusal(item: &Item, person: &Person) -> Result<Option<Trace>, StoreError> {
    let quotes = person.is_quoted_in(optional_text(item, DETAIL)?.unwrap_or_default());
    let erased = Change::Set(vec![(DETAIL.to_owned(), Some(string(ERASED)))]);
    Ok(quotes.then_some((Kind::Refusal, erased)))
}

/// An entry of the log of requests whose subject is the person, by the id or by a name: what the
/// client called the person goes, and what it was told. The id stays.
fn of_request(item: &Item, person: &Person) -> Result<Option<Trace>, StoreError> {
    let said = |name| optional_text(item, name).map(Option::unwrap_or_default);
    let mut is_subject = said(requests::ID)? == person.id.as_str();
    for name in requests::NAMES {
        is_subject |= person.is_called(said(name)?);
    }
    let mut set = Vec::new();
    for name in requests::NAMES {
        if is_subject && ![ERASED, ""].contains(&said(name)?) {
            set.push((name.to_owned(), Some(string(ERASED))));
        }
    }
    let told = said(requests::DETAIL)?;
    if ![ERASED, ""].contains(&told) && (is_subject || person.is_quoted_in(told)) {
        set.push((requests::DETAIL.to_owned(), Some(string(ERASED))));
    }
    Ok((!set.is_empty()).then_some((Kind::Request, Change::Set(set))))
}
