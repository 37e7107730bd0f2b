//! The history of a tenant's directory: who changed what and when, with the old and new values.
//!
//! Every change of a resource writes one change record in its own transaction, so there is no
//! change without a record and no record without a change. Records serve as audit log, provisioning
//! log and outbox: DynamoDB Streams can forward them. They expire by time to live.
//!
//! Each version of a resource has one record, including deletion and restore. A record's key
//! consists of the version's time, the id and the version, and each record names the time of the
//! one before it, so that one resource's history is found without an index. A version is later than
//! the one before it, so that one resource's records come in the order of its versions.

use aws_sdk_dynamodb::types::TransactWriteItem;
use scim::change::changes;
use scim::{Resource, ResourceId, ResourceType};
use serde_json::{Map, Value};
use tenant::KeyId;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{TenantStore, keys};
use crate::StoreError;
use crate::client::attributes::{
    Item, damaged, epoch_seconds, optional_time, string, text, timestamp,
};
use crate::client::tables::{EXPIRES_AT, SORT_KEY};

const ACTOR: &str = "actor";
const OPERATION: &str = "operation";
const REQUEST_ID: &str = "request_id";
const CHANGES: &str = "changes";
const PREVIOUS: &str = "previous";
const OPERATOR: &str = "operator";

/// Who made a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The holder of this API key.
    Key(KeyId),
    /// The operator, using the command line.
    Operator,
}

/// What kind of change it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

const OPERATIONS: &[(ChangeKind, &str)] = &[
    (ChangeKind::Create, "create"),
    (ChangeKind::Revive, "revive"),
    (ChangeKind::Replace, "replace"),
    (ChangeKind::Patch, "patch"),
    (ChangeKind::Delete, "delete"),
    (ChangeKind::Restore, "restore"),
];

impl ChangeKind {
    /// The name in records.
    pub fn as_str(self) -> &'static str {
        let named = OPERATIONS.iter().find(|(operation, _)| *operation == self);
        named.map_or("", |(_, name)| name)
    }

    fn parse(text: &str) -> Option<Self> {
        let named = OPERATIONS.iter().find(|(_, name)| *name == text)?;
        Some(named.0)
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
}

/// A change to be written: the content of a [`ChangeRecord`], with both versions of the resource.
pub(super) struct Written<'a> {
    pub resource_type: &'a ResourceType,
    pub id: &'a ResourceId,
    pub version: u64,
    /// The version's time.
    pub at: OffsetDateTime,
    pub previous: Option<OffsetDateTime>,
    pub before: Option<&'a Resource>,
    pub after: Option<&'a Resource>,
}

impl Written<'_> {
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

/// Which records to read, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Changes made at this time or later.
    pub from: OffsetDateTime,
    /// Changes made before this time, to the millisecond. The keys of those made exactly then are
    /// longer than the bound of the Query, so they are beyond it.
    pub to: OffsetDateTime,
}

impl TenantStore<'_> {
    /// Shows `visit` the records of a span, ordered by time, until it returns false. Those of one
    /// resource come in the order of its versions; changes of different resources that were made at
    /// about the same time may come in either order.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn history(
        &self,
        span: Span,
        mut visit: impl FnMut(ChangeRecord) -> bool,
    ) -> Result<(), StoreError> {
        let query = self.query_between(keys::changes_from(span.from), keys::changes_from(span.to));
        self.each(query, |item| Ok(visit(read(item)?))).await
    }

    /// The latest change.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn latest_change(&self) -> Result<Option<ChangeRecord>, StoreError> {
        let query = self
            .query_prefix(keys::CHANGES)
            .scan_index_forward(false)
            .limit(1);
        let mut latest = None;
        self.each(query, |item| {
            latest = Some(read(item)?);
            Ok(false)
        })
        .await?;
        Ok(latest)
    }

    /// All records of one resource, the first change first.
    ///
    /// The resource, or its tombstone, says where its latest record is, and each record where the
    /// previous one is. If neither exists, the whole history is read.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn life(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
    ) -> Result<Vec<ChangeRecord>, StoreError> {
        let mut records = Vec::new();
        let latest = match self.get(resource_type, id).await? {
            Some(stored) => Some((stored.meta.last_modified, stored.meta.version)),
            None => self
                .tombstone(resource_type, id)
                .await?
                .map(|tombstone| (tombstone.deleted, tombstone.version())),
        };
        let Some((mut at, mut version)) = latest else {
            let everything = Span {
                from: OffsetDateTime::UNIX_EPOCH,
                to: OffsetDateTime::now_utc() + time::Duration::DAY,
            };
            self.history(everything, |record| {
                if record.id == *id {
                    records.push(record);
                }
                true
            })
            .await?;
            return Ok(records);
        };
        while let Some(record) = self.record(resource_type, id, at, version).await? {
            let previous = record.previous;
            records.push(record);
            let Some(time) = previous else { break };
            (at, version) = (time, version.saturating_sub(1));
        }
        records.reverse();
        Ok(records)
    }

    /// Whether the change that `origin` and `written` describe was made: its record exists and is
    /// this request's.
    pub(super) async fn was_made(
        &self,
        origin: &Origin,
        written: &Written<'_>,
    ) -> Result<bool, StoreError> {
        let record = self
            .record(
                written.resource_type,
                written.id,
                written.at,
                written.version,
            )
            .await?;
        // The operations of a bulk request share its id.
        Ok(record.is_some_and(|record| {
            record.request_id == origin.request_id
                && record.operation == origin.operation
                && record.changes == written.changes()
        }))
    }

    /// The part of a change's transaction that records it.
    pub(super) fn put_record(
        &self,
        origin: &Origin,
        written: &Written<'_>,
    ) -> Result<TransactWriteItem, StoreError> {
        let sort_key = keys::change(
            written.resource_type,
            written.id,
            written.at,
            written.version,
        );
        let actor = match &origin.actor {
            Actor::Key(key) => key.as_str(),
            Actor::Operator => OPERATOR,
        };
        let mut item = self.key(sort_key);
        item.extend([
            (ACTOR.to_owned(), string(actor)),
            (OPERATION.to_owned(), string(origin.operation.as_str())),
            (REQUEST_ID.to_owned(), string(&origin.request_id)),
            (
                CHANGES.to_owned(),
                string(Value::Object(written.changes()).to_string()),
            ),
            (EXPIRES_AT.to_owned(), epoch_seconds(origin.expires)),
        ]);
        if let Some(previous) = written.previous {
            item.insert(PREVIOUS.to_owned(), timestamp(previous));
        }
        self.put(item)
    }

    async fn record(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
        at: OffsetDateTime,
        version: u64,
    ) -> Result<Option<ChangeRecord>, StoreError> {
        let sort_key = keys::change(resource_type, id, at, version);
        let item = self.get_item(sort_key, self.accepted_only()).await?;
        item.as_ref().map(read).transpose()
    }
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
    let actor = match text(item, ACTOR)? {
        OPERATOR => Actor::Operator,
        key => Actor::Key(KeyId::parse(key).map_err(|_| damaged(ACTOR))?),
    };
    Ok(ChangeRecord {
        at,
        actor,
        operation: ChangeKind::parse(text(item, OPERATION)?).ok_or_else(|| damaged(OPERATION))?,
        resource_type: keys::type_of(letter).ok_or_else(|| damaged(SORT_KEY))?,
        id: ResourceId::parse(id).ok_or_else(|| damaged(SORT_KEY))?,
        version: version.parse().map_err(|_| damaged(SORT_KEY))?,
        request_id: text(item, REQUEST_ID)?.to_owned(),
        changes: serde_json::from_str(text(item, CHANGES)?).map_err(|_| damaged(CHANGES))?,
        previous: optional_time(item, PREVIOUS)?,
    })
}
