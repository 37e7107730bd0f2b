//! Change records as sentences.

use std::collections::HashMap;

use account::Account;
use scim::ResourceId;
use scim::schema::{GROUPS, USERS};
use serde_json::{Map, Value};
use store::directory::history::Record;
use store::directory::record::{Actor, ChangeKind, ChangeRecord};

use super::credentials::Known;
use super::values::{Change, called, changed};
use crate::charts::days::Sort;
use crate::failed::Failed;
use crate::html::Html;
use crate::texts::Texts;

/// What happened.
pub struct Event {
    pub time: Html,
    pub class: &'static str,
    pub text: Html,
    pub by: Html,
    /// The user, if it is one.
    pub person: Option<String>,
    pub changes: Vec<Change>,
    /// The number of the request that made it, or of its entry in the operator's log.
    pub number: String,
}

/// The sort of a change; those of members are none.
pub fn sort(record: &Record) -> Option<Sort> {
    let Record::Change(change) = record else {
        return None;
    };
    Some(match (&change.operation, active(change)) {
        (ChangeKind::Create | ChangeKind::Revive | ChangeKind::Restore, _) => Sort::Created,
        (ChangeKind::Delete, _) | (_, Some(false)) => Sort::Lost,
        _ => Sort::Changed,
    })
}

/// What `active` became, if it was changed.
fn active(change: &ChangeRecord) -> Option<bool> {
    change.changes.get("active")?.get("after")?.as_bool()
}

/// What people call those who are in records, and what made the changes, as far as that is known.
pub struct Names {
    of: HashMap<ResourceId, String>,
    pub credentials: Known,
}

impl Names {
    /// The names of the users and groups of these records.
    pub async fn of(account: &Account, records: &[Record]) -> Result<Self, Failed> {
        let mut names = HashMap::new();
        let (mut users, mut groups) = (Vec::new(), Vec::new());
        for record in records {
            match record {
                Record::Change(change) => {
                    if let Some(name) = name_in(&change.changes) {
                        names.entry(change.id.clone()).or_insert(name);
                    }
                    match change.resource_type == USERS.name {
                        true => users.push(change.id.clone()),
                        false => groups.push(change.id.clone()),
                    }
                }
                Record::Members(change) => groups.push(change.group.clone()),
                Record::Groups(change) => users.push(change.user.clone()),
                Record::Unknown { .. } => {}
            }
        }
        for ids in [&mut users, &mut groups] {
            ids.sort();
            ids.dedup();
        }
        let directory = account.directory();
        let users = directory.get_many(&USERS, &users);
        let groups = directory.get_many(&GROUPS, &groups);
        let resources = async { Ok(tokio::try_join!(users, groups)?) };
        let ((users, groups), records) =
            tokio::try_join!(resources, Box::pin(account.credential_records()))?;
        for (resource_type, found) in [(&USERS, users), (&GROUPS, groups)] {
            for stored in found {
                let name = account::deleted::name(resource_type, &stored);
                names.insert(stored.id.clone(), name);
            }
        }
        Ok(Self {
            of: names,
            credentials: Known::of(records),
        })
    }

    fn get(&self, id: &ResourceId) -> String {
        self.of.get(id).cloned().unwrap_or_else(|| id.to_string())
    }
}

/// The userName or displayName that a record has.
fn name_in(changes: &Map<String, Value>) -> Option<String> {
    let side = |name: &str, side: &str| Some(changes.get(name)?.get(side)?.as_str()?.to_owned());
    let of = |name: &str| side(name, "after").or_else(|| side(name, "before"));
    of("userName").or_else(|| of("displayName"))
}

/// Records as sentences, in their order.
pub fn events(t: &'static Texts, records: &[Record], names: &Names) -> Vec<Event> {
    let of = records.iter().map(|record| event(t, record, names));
    of.collect()
}

fn event(t: &'static Texts, record: &Record, names: &Names) -> Event {
    let by = match record.actor() {
        Some(Actor::Key(key)) => names.credentials.by(t, key.as_str()),
        Some(Actor::Operator) => Html::text(t.by_operator),
        Some(Actor::Other(other)) => Html::foreign(other),
        None => Html::default(),
    };
    let mut event = Event {
        time: Html::time(record.at()),
        class: "none",
        text: Html::text(t.did_other),
        by,
        person: None,
        changes: Vec::new(),
        number: number(record).to_owned(),
    };
    match record {
        Record::Change(change) => {
            let is_user = change.resource_type == USERS.name;
            event.person = is_user.then(|| change.id.to_string());
            let mut who = Html::foreign(&names.get(&change.id));
            if !is_user {
                who = Html::own(format!("{} {who}", Html::text(t.group_word)));
            }
            let (class, text) = sentence(t, change);
            let attributes = change.changes.keys().map(|name| called(t, name));
            let what: Vec<String> = attributes.take(4).collect();
            let what = Html::foreign(&what.join(", "));
            event.class = class;
            event.text = Html::fill(text, &[("who", &who), ("what", &what)]);
            event.changes = changed(t, &change.changes);
        }
        Record::Members(change) => {
            let (added, removed) = (change.added().count(), change.removed().count());
            let group = Html::foreign(&names.get(&change.group));
            let [added, removed] = [added, removed].map(|count| Html::text(&count.to_string()));
            let values = [("group", &group), ("added", &added), ("removed", &removed)];
            event.text = Html::fill(t.did_members, &values);
            event.class = "some";
        }
        Record::Groups(change) => {
            event.person = Some(change.user.to_string());
            let who = Html::foreign(&names.get(&change.user));
            event.text = Html::fill(t.did_groups, &[("who", &who)]);
        }
        Record::Unknown { .. } => {}
    }
    event
}

fn number(record: &Record) -> &str {
    match record {
        Record::Change(change) => &change.request_id,
        Record::Members(change) => &change.request_id,
        Record::Groups(change) => &change.request_id,
        Record::Unknown { .. } => "",
    }
}

fn sentence(t: &'static Texts, change: &ChangeRecord) -> (&'static str, &'static str) {
    match (&change.operation, active(change)) {
        (ChangeKind::Create | ChangeKind::Revive, _) => ("good", t.did_create),
        (ChangeKind::Restore, _) => ("good", t.did_restore),
        (ChangeKind::Delete, _) => ("bad", t.did_delete),
        (ChangeKind::Erase, _) => ("none", t.did_erase),
        (_, Some(false)) => ("bad", t.did_deactivate),
        (_, Some(true)) => ("good", t.did_activate),
        _ => ("some", t.did_change),
    }
}
