//! Records of who was put into which group, and by whom: one for a small change, and one for each
//! digit of a large one. The records of a pending change are the change itself.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use scim::ResourceId;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Delta;
use crate::client::attributes::{
    Item, damaged, number, number_of, optional, optional_text, string, text,
};
use crate::client::tables::SORT_KEY;
use crate::directory::keys::members::OF_MEMBERS;
use crate::directory::record::{Actor, ChangeKind, ORIGIN, Origin, request_id};
use crate::{StoreError, TenantStore};

/// The ids of those who became members, sixteen bytes each.
const ADDED: &str = "added";
/// The ids of those who are members no more, sixteen bytes each.
const REMOVED: &str = "removed";
/// What the client calls those who became members, by id, as JSON.
pub(crate) const DISPLAYS: &str = "displays";
/// Some of those who were to become members and are no users, as JSON.
pub(crate) const LEFT_OUT: &str = "left_out";
const LEFT_OUT_COUNT: &str = "left_out_count";

/// How many of those who were left out are named in a record.
const MAX_NAMED: usize = 20;

/// How many bytes of an id of one who was left out are kept: a client may have sent anything.
const MAX_NAME: usize = 64;

/// Who was to become a member and is no user.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeftOut<'l>(pub &'l BTreeSet<String>);

/// What the record of a decided change says of who decided it, as the records of its steps have it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Decided(Vec<(String, AttributeValue)>);

impl Decided {
    /// From a part of the change's record.
    pub fn read(part: &Item) -> Self {
        let known = |name: &&str| Some(((*name).to_owned(), part.get(*name)?.clone()));
        Self(ORIGIN.iter().filter_map(known).collect())
    }
}

/// The record of a change of a group's members, or of a part of a large one.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberRecord {
    /// When it was made.
    pub at: OffsetDateTime,
    /// Who made it.
    pub actor: Actor,
    /// What kind of request it was.
    pub operation: ChangeKind,
    /// The request's id, as in the log.
    pub request_id: String,
    /// The group.
    pub group: ResourceId,
    /// The id of the change, which the parts of a large one share.
    pub change: ResourceId,
    /// Whose membership changed.
    pub(crate) delta: Delta,
    /// How many were to become members and are no users of the tenant.
    pub left_out: u64,
    /// Some of them, as the client named them.
    pub left_out_named: Vec<String>,
}

impl MemberRecord {
    /// Who became a member.
    pub fn added(&self) -> impl Iterator<Item = &ResourceId> {
        self.delta.added.keys()
    }

    /// Who is a member no more.
    pub fn removed(&self) -> impl Iterator<Item = &ResourceId> {
        self.delta.removed.iter()
    }

    /// What the client called one who became a member.
    pub fn display(&self, added: &ResourceId) -> Option<&str> {
        self.delta.added.get(added)?.as_deref()
    }

    /// Whether both are parts of one change.
    pub(crate) fn is_of_same_change(&self, other: &Self) -> bool {
        self.group == other.group && self.change == other.change && self.at == other.at
    }

    /// Takes in another part of the same change. Each part tells of all who were left out.
    pub(crate) fn extend(&mut self, part: Self) {
        self.delta.extend(part.delta);
    }

    /// The record of an item.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is not one.
    pub(crate) fn read(item: &Item) -> Result<Self, StoreError> {
        let damaged = |name| damaged(item, name);
        let sort_key = text(item, SORT_KEY)?;
        let parts: Vec<&str> = sort_key.split('#').collect();
        let [_, at, OF_MEMBERS, group, change] = parts.get(..5).unwrap_or_default() else {
            return Err(damaged(SORT_KEY));
        };
        let id = |id| ResourceId::parse(id).ok_or_else(|| damaged(SORT_KEY));
        let displays: Map<String, Value> = match optional_text(item, DISPLAYS)? {
            Some(json) => serde_json::from_str(json).map_err(|_| damaged(DISPLAYS))?,
            None => Map::new(),
        };
        let display = |id: &ResourceId| Some(displays.get(id.as_str())?.as_str()?.to_owned());
        let added = optional(item, ADDED, ids)?.unwrap_or_default();
        let removed = optional(item, REMOVED, ids)?.unwrap_or_default();
        Ok(Self {
            at: OffsetDateTime::parse(at, &Rfc3339).map_err(|_| damaged(SORT_KEY))?,
            actor: Actor::read(item)?,
            operation: ChangeKind::read(item)?,
            request_id: request_id(item)?,
            group: id(group)?,
            change: id(change)?,
            delta: Delta {
                added: added
                    .into_iter()
                    .map(|id| (id.clone(), display(&id)))
                    .collect(),
                removed: removed.into_iter().collect(),
            },
            left_out: optional(item, LEFT_OUT_COUNT, number)?.unwrap_or_default(),
            left_out_named: match optional_text(item, LEFT_OUT)? {
                Some(json) => serde_json::from_str(json).map_err(|_| damaged(LEFT_OUT))?,
                None => Vec::new(),
            },
        })
    }
}

impl TenantStore<'_> {
    /// A record with this sort key, to be written with the change.
    pub(super) fn member_record_item(
        &self,
        origin: &Origin,
        sort_key: String,
        delta: &Delta,
        left_out: LeftOut<'_>,
    ) -> Item {
        let mut item = self.new_item(sort_key);
        item.extend(origin.attributes());
        item.extend(memberships(delta.added.keys(), delta.removed.iter()));
        let displays: Map<String, Value> = delta
            .added
            .iter()
            .filter_map(|(id, display)| Some((id.to_string(), display.clone()?.into())))
            .collect();
        if !displays.is_empty() {
            let displays = Value::Object(displays).to_string();
            item.insert(DISPLAYS.to_owned(), string(displays));
        }
        if !left_out.0.is_empty() {
            let named: Value = left_out
                .0
                .iter()
                .take(MAX_NAMED)
                .map(|id| id.chars().take(MAX_NAME).collect::<String>())
                .collect();
            item.insert(LEFT_OUT.to_owned(), string(named.to_string()));
            let count = number_of(left_out.0.len() as u64);
            item.insert(LEFT_OUT_COUNT.to_owned(), count);
        }
        item
    }

    /// The record of what a step of a decided change has carried out. What the members are called
    /// is in the change's own record.
    pub(super) fn step_record_item(
        &self,
        sort_key: String,
        decided: &Decided,
        delta: &Delta,
        ids: &[&ResourceId],
    ) -> Item {
        let mut item = self.new_item(sort_key);
        item.extend(decided.0.iter().cloned());
        let (added, removed): (Vec<_>, Vec<_>) =
            ids.iter().partition(|id| delta.added.contains_key(**id));
        item.extend(memberships(added.into_iter(), removed.into_iter()));
        item
    }
}

/// Who became a member and who is one no more, as a record has it.
fn memberships<'i>(
    added: impl Iterator<Item = &'i ResourceId>,
    removed: impl Iterator<Item = &'i ResourceId>,
) -> impl Iterator<Item = (String, AttributeValue)> {
    [(ADDED, bytes(added)), (REMOVED, bytes(removed))]
        .into_iter()
        .filter(|(_, ids)| !ids.is_empty())
        .map(|(name, ids)| (name.to_owned(), AttributeValue::B(Blob::new(ids))))
}

/// Ids as sixteen bytes each.
fn bytes<'i>(ids: impl Iterator<Item = &'i ResourceId>) -> Vec<u8> {
    let number = |id: &ResourceId| {
        let digits: String = id.as_str().split('-').collect();
        // An id has 32 hexadecimal digits.
        u128::from_str_radix(&digits, 16).unwrap_or_default()
    };
    ids.flat_map(|id| number(id).to_be_bytes()).collect()
}

/// The ids of an attribute.
fn ids(item: &Item, name: &str) -> Result<Vec<ResourceId>, StoreError> {
    let Some(AttributeValue::B(bytes)) = item.get(name) else {
        return Err(damaged(item, name));
    };
    let (ids, rest) = bytes.as_ref().as_chunks::<16>();
    match rest.is_empty() {
        true => Ok(ids.iter().map(ResourceId::from_bytes).collect()),
        false => Err(damaged(item, name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ResourceId {
        ResourceId::parse(text).unwrap()
    }

    #[test]
    fn ids_are_sixteen_bytes() {
        let all = [
            id("00000000-0000-4000-8000-000000000001"),
            id("2819c223-7f76-453a-919d-413861904646"),
            id("ffffffff-ffff-4fff-8fff-ffffffffffff"),
        ];
        let packed = bytes(all.iter());
        assert_eq!(packed.len(), 48);
        let item =
            |bytes: &[u8]| Item::from([("x".to_owned(), AttributeValue::B(Blob::new(bytes)))]);
        assert_eq!(ids(&item(&packed), "x").unwrap(), all);
        assert!(ids(&item(&packed[1..]), "x").is_err());
        assert!(ids(&Item::new(), "x").is_err());
    }
}
