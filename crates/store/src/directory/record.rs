//! Change records: who changed what and when, with the old and new values. `history` reads them.
//!
//! Every change of a resource writes one change record in its own transaction, so there is no
//! change without a record and no record without a change. Records serve as audit log, provisioning
//! log and outbox: DynamoDB Streams can forward them. They expire by time to live.
//!
//! Each version of a resource has one record, including deletion and restore. A record's key
//! consists of the version's time, the id and the version, and each record names the time of the
//! one before it, so that one resource's history is found without an index. A version is later than
//! the one before it, so that one resource's records come in the order of its versions.

use aws_sdk_dynamodb::types::AttributeValue;
use scim::change::changes;
use scim::{Resource, ResourceId, ResourceType, Stored};
use serde_json::{Map, Value};
use tenant::KeyId;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{TenantStore, keys};
use crate::StoreError;
use crate::client::attributes::{
    Item, damaged, epoch_seconds, optional, optional_time, string, text, timestamp,
};
use crate::client::tables::{EXPIRES_AT, SORT_KEY};
use crate::usage::requests::Entry;

const ACTOR: &str = "actor";
const OPERATION: &str = "operation";
const REQUEST_ID: &str = "request_id";
/// Each changed attribute with its values, as JSON.
pub(crate) const CHANGES: &str = "changes";
const PREVIOUS: &str = "previous";
/// The attributes after the change, as JSON. What a resource has when it comes to be is in the
/// changes already.
pub(crate) const DOCUMENT: &str = "document";
/// In the place of a longer document: those attributes by which people know the resource, as JSON.
pub(crate) const IDENTIFIERS: &str = "identifiers";
/// When the resource was created, if that was another change.
const CREATED: &str = "created";
/// An attribute of every resource (RFC 7643 §3.1).
const EXTERNAL_ID: &str = "externalId";
/// The groups that a user left by being deleted, as JSON.
const LEFT: &str = "left";
/// The groups that a user came back to by being restored, as JSON.
const RETURNED: &str = "returned";
const OPERATOR: &str = "operator";

/// The longest document in a record, in bytes: an event that tells of the change has room for it.
const MAX_DOCUMENT: usize = 16 * 1024;

/// The longest of the attributes in its place, in bytes.
const MAX_IDENTIFIER: usize = 1024;

/// Who made a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The holder of this API key.
    Key(KeyId),
    /// The operator, using the command line.
    Operator,
    /// One of whom this release does not know, as the record has it.
    Other(String),
}

/// What kind of change it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// POST of a new resource.
    Create,
    /// POST of a deactivated resource, which is reactivated under its id.
    Revive,
    /// PUT.
    Replace,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
    /// The operator brought a deleted resource back.
    Restore,
    /// The operator activated a user.
    Reactivate,
    /// The operator took changes of a group's members back.
    Undo,
    /// The operator removed what is known of a person.
    Erase,
    /// One that this release does not know, as the record has it.
    Other(String),
}

const OPERATIONS: &[(ChangeKind, &str)] = &[
    (ChangeKind::Create, "create"),
    (ChangeKind::Revive, "revive"),
    (ChangeKind::Replace, "replace"),
    (ChangeKind::Patch, "patch"),
    (ChangeKind::Delete, "delete"),
    (ChangeKind::Restore, "restore"),
    (ChangeKind::Reactivate, "reactivate"),
    (ChangeKind::Undo, "undo"),
    (ChangeKind::Erase, "erase"),
];

impl ChangeKind {
    /// The names in records of all kinds that this release knows.
    pub fn names() -> Vec<&'static str> {
        OPERATIONS.iter().map(|(_, name)| *name).collect()
    }

    /// The name in records.
    pub fn as_str(&self) -> &str {
        if let Self::Other(name) = self {
            return name;
        }
        let named = OPERATIONS.iter().find(|(operation, _)| operation == self);
        named.map_or("", |(_, name)| name)
    }

    /// What kind of change the one of a record was.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it does not say.
    pub(super) fn read(item: &Item) -> Result<Self, StoreError> {
        let text = text(item, OPERATION)?;
        let named = OPERATIONS.iter().find(|(_, name)| *name == text);
        Ok(match named {
            Some((operation, _)) => operation.clone(),
            None => Self::Other(text.to_owned()),
        })
    }
}

/// The origin of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Who makes it.
    pub actor: Actor,
    /// What kind of change it is.
    pub operation: ChangeKind,
    /// The request's id, as in the log.
    pub request_id: String,
    /// When, to the millisecond. The version that it leads to is of this time, or of the
    /// millisecond after the version before, if that is later.
    pub at: OffsetDateTime,
    /// When its record may be removed.
    pub expires: OffsetDateTime,
    /// What the log of requests says of it, should it leave something out.
    pub entry: Option<Box<Entry>>,
}

/// What a record of a user says of the user's groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupsMoved {
    /// Those that the user left by being deleted.
    pub left: Vec<ResourceId>,
    /// Those that the user came back to by being restored.
    pub returned: Vec<ResourceId>,
}

impl GroupsMoved {
    /// # Errors
    /// [`StoreError::Damaged`] when the record names others than groups.
    pub(super) fn read(item: &Item) -> Result<Self, StoreError> {
        let groups = |item: &Item, name: &str| {
            let ids: Vec<String> =
                serde_json::from_str(text(item, name)?).map_err(|_| damaged(item, name))?;
            let id = |id: &String| ResourceId::parse(id).ok_or_else(|| damaged(item, name));
            ids.iter().map(id).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            left: optional(item, LEFT, groups)?.unwrap_or_default(),
            returned: optional(item, RETURNED, groups)?.unwrap_or_default(),
        })
    }
}

/// What the record of a user's deletion says of the groups that the user left.
pub(crate) fn left(groups: &[ResourceId]) -> Option<(String, AttributeValue)> {
    named(LEFT, groups)
}

/// What the record of a user's restoration says of the groups that the user came back to.
pub(super) fn returned(groups: &[ResourceId]) -> Option<(String, AttributeValue)> {
    named(RETURNED, groups)
}

fn named(name: &str, groups: &[ResourceId]) -> Option<(String, AttributeValue)> {
    let ids: Vec<&str> = groups.iter().map(ResourceId::as_str).collect();
    (!ids.is_empty()).then(|| (name.to_owned(), string(Value::from(ids).to_string())))
}

/// The attributes by which a record says where its change comes from, and when it may be removed.
pub(super) const ORIGIN: [&str; 4] = [ACTOR, OPERATION, REQUEST_ID, EXPIRES_AT];

impl Origin {
    /// What a record says of it.
    pub(super) fn attributes(&self) -> [(String, AttributeValue); 4] {
        let actor = match &self.actor {
            Actor::Key(key) => key.as_str(),
            Actor::Operator => OPERATOR,
            Actor::Other(other) => other,
        };
        [
            (ACTOR.to_owned(), string(actor)),
            (OPERATION.to_owned(), string(self.operation.as_str())),
            (REQUEST_ID.to_owned(), string(&self.request_id)),
            (EXPIRES_AT.to_owned(), epoch_seconds(self.expires)),
        ]
    }
}

impl Actor {
    /// Who made the change of a record.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it does not say.
    pub(super) fn read(item: &Item) -> Result<Self, StoreError> {
        Ok(match text(item, ACTOR)? {
            OPERATOR => Self::Operator,
            other => KeyId::parse(other)
                .map(Self::Key)
                .unwrap_or_else(|_| Self::Other(other.to_owned())),
        })
    }
}

/// The record of a change.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeRecord {
    /// When it was made: the time of the version that it led to.
    pub at: OffsetDateTime,
    /// Who made it.
    pub actor: Actor,
    /// What kind of change it was.
    pub operation: ChangeKind,
    /// The name of the resource's type.
    pub resource_type: &'static str,
    /// The resource.
    pub id: ResourceId,
    /// The version it led to.
    pub version: u64,
    /// The request's id, as in the log.
    pub request_id: String,
    /// Each changed attribute with its value `before` and `after`, where it had one.
    pub changes: Map<String, Value>,
    /// When the previous version was made; `None` for a resource's first.
    pub previous: Option<OffsetDateTime>,
    /// What became of a user's groups.
    pub groups: GroupsMoved,
}

/// A change to be written: the content of a [`ChangeRecord`], with both versions of the resource.
pub(crate) struct Written<'a> {
    pub resource_type: &'a ResourceType,
    pub id: &'a ResourceId,
    pub version: u64,
    /// The version's time.
    pub at: OffsetDateTime,
    pub previous: Option<OffsetDateTime>,
    /// When the resource was created, where that is known and was another change.
    pub created: Option<OffsetDateTime>,
    pub before: Option<&'a Resource>,
    pub after: Option<&'a Resource>,
}

impl<'a> Written<'a> {
    /// A new resource.
    pub fn creation(resource_type: &'a ResourceType, new: &'a Stored) -> Self {
        Self {
            resource_type,
            id: &new.id,
            version: new.meta.version,
            at: new.meta.last_modified,
            previous: None,
            created: (new.meta.version > 1).then_some(new.meta.created),
            before: None,
            after: Some(&new.resource),
        }
    }

    /// A resource's next version.
    pub fn replacement(
        resource_type: &'a ResourceType,
        current: &'a Stored,
        next: &'a Stored,
    ) -> Self {
        Self {
            version: next.meta.version,
            at: next.meta.last_modified,
            previous: Some(current.meta.last_modified),
            before: Some(&current.resource),
            ..Self::creation(resource_type, next)
        }
    }

    /// The sort key of its record.
    pub fn sort_key(&self) -> String {
        keys::change(self.resource_type, self.id, self.at, self.version)
    }

    /// The attributes after the change, or what stands for them, unless the changes have them all.
    fn state(&self) -> Option<(&'static str, String)> {
        let after = self.before.and(self.after)?.attributes();
        let document = Value::Object(after.clone()).to_string();
        if document.len() <= MAX_DOCUMENT {
            return Some((DOCUMENT, document));
        }
        let names = [self.resource_type.unique, EXTERNAL_ID];
        let names = names.into_iter().chain(self.resource_type.access);
        let known = names.filter_map(|name| {
            let value = after.get(name)?;
            let is_short = value
                .as_str()
                .is_none_or(|text| text.len() <= MAX_IDENTIFIER);
            is_short.then(|| (name.to_owned(), value.clone()))
        });
        Some((IDENTIFIERS, Value::Object(known.collect()).to_string()))
    }

    /// Each changed attribute with its value before and after, where it had one.
    fn changes(&self) -> Map<String, Value> {
        let changes = changes(self.before, self.after);
        changes
            .into_iter()
            .map(|change| {
                let mut values = Map::new();
                for (side, value) in [("before", change.before), ("after", change.after)] {
                    if let Some(value) = value {
                        values.insert(side.to_owned(), value);
                    }
                }
                (change.attribute, Value::Object(values))
            })
            .collect()
    }
}

impl TenantStore<'_> {
    /// Whether a transaction with this record was made: the record is there as it was written.
    pub(super) async fn was_made(&self, record: &Item) -> Result<bool, StoreError> {
        let sort_key = text(record, SORT_KEY)?.to_owned();
        let found = self.get_item(sort_key, self.accepted_only()).await?;
        Ok(found.as_ref() == Some(record))
    }

    /// The record of a change, to be written with it.
    pub(crate) fn record_item(&self, origin: &Origin, written: &Written<'_>) -> Item {
        let mut item = self.new_item(written.sort_key());
        item.extend(origin.attributes());
        let changes = Value::Object(written.changes()).to_string();
        item.insert(CHANGES.to_owned(), string(changes));
        for (name, at) in [(PREVIOUS, written.previous), (CREATED, written.created)] {
            if let Some(at) = at {
                item.insert(name.to_owned(), timestamp(at));
            }
        }
        if let Some((name, state)) = written.state() {
            item.insert(name.to_owned(), string(state));
        }
        item
    }
}

/// The id of the request that made the change of a record.
///
/// # Errors
/// [`StoreError::Damaged`] when it does not say.
pub(super) fn request_id(item: &Item) -> Result<String, StoreError> {
    Ok(text(item, REQUEST_ID)?.to_owned())
}

/// The record of an item.
///
/// # Errors
/// [`StoreError::Damaged`] when it is not one.
pub(crate) fn read(item: &Item) -> Result<ChangeRecord, StoreError> {
    let damaged = |name| damaged(item, name);
    let sort_key = text(item, SORT_KEY)?;
    let parts: Vec<&str> = sort_key.split('#').collect();
    let [_, at, letter, id, version] = parts[..] else {
        return Err(damaged(SORT_KEY));
    };
    let at = OffsetDateTime::parse(at, &Rfc3339).map_err(|_| damaged(SORT_KEY))?;
    Ok(ChangeRecord {
        at,
        actor: Actor::read(item)?,
        operation: ChangeKind::read(item)?,
        resource_type: keys::type_of(letter).ok_or_else(|| damaged(SORT_KEY))?,
        id: ResourceId::parse(id).ok_or_else(|| damaged(SORT_KEY))?,
        version: version.parse().map_err(|_| damaged(SORT_KEY))?,
        request_id: request_id(item)?,
        changes: serde_json::from_str(text(item, CHANGES)?).map_err(|_| damaged(CHANGES))?,
        previous: optional_time(item, PREVIOUS)?,
        groups: GroupsMoved::read(item)?,
    })
}
