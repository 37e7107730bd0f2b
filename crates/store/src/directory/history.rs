//! The history of a tenant's directory: the records of all kinds, in the order of time.
//!
//! Records are of three kinds: of a resource's change, with the letter of its type in their keys
//! (`record`); of a change of a group's members, M (`members::record`); and of a user who left
//! groups before being deleted or came back to more after being restored, I. A kind that this
//! version does not know is shown as such, so that a record of a later one hides no others.

use scim::{ResourceId, ResourceType};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::keys::members::{OF_MEMBERS, OF_RETURNING, is_step};
use super::members::MemberRecord;
use super::record::{self, Actor, ChangeKind, ChangeRecord, GroupsMoved, request_id};
use super::{TenantStore, keys};
use crate::StoreError;
use crate::client::attributes::{Item, damaged, text};
use crate::client::format;
use crate::client::tables::SORT_KEY;
use crate::partition::json;

pub use super::span::Span;

/// How many records a page has at most. Those of a large change count as one.
const PAGE: usize = 200;

/// A record of any kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// What led to a version of a resource.
    Change(ChangeRecord),
    /// Who became a member of a group, and who is one no more.
    Members(MemberRecord),
    /// Groups that a user left before being deleted, or came back to after being restored.
    Groups(GroupsRecord),
    /// A record of a kind or a format that this version does not know.
    Unknown {
        /// When it was made.
        at: OffsetDateTime,
        /// Its sort key.
        key: String,
    },
}

/// The record of a user who left groups before being deleted, because they were too many for the
/// deletion itself, or came back to more than the restoration itself has room for.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupsRecord {
    /// When it was made.
    pub at: OffsetDateTime,
    /// Who made it.
    pub actor: Actor,
    /// What kind of request it was.
    pub operation: ChangeKind,
    /// The request's id, as in the log.
    pub request_id: String,
    /// The user.
    pub user: ResourceId,
    /// The groups.
    pub groups: GroupsMoved,
    /// The first of the groups, which tells several such records apart.
    pub first: ResourceId,
}

/// Where the next page of a history begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continuation(String);

impl Record {
    /// The record of an item.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is not one.
    pub(crate) fn read(item: &Item) -> Result<Self, StoreError> {
        let sort_key = text(item, SORT_KEY)?;
        let mut parts = sort_key.split('#').skip(1);
        let (Some(_), Some(letter)) = (parts.next(), parts.next()) else {
            return Err(damaged(item, SORT_KEY));
        };
        match letter {
            _ if format::is_newer(item)? => Self::unknown(item),
            OF_MEMBERS => MemberRecord::read(item).map(Self::Members),
            OF_RETURNING => GroupsRecord::read(item).map(Self::Groups),
            known if keys::type_of(known).is_some() => record::read(item).map(Self::Change),
            _ => Self::unknown(item),
        }
    }

    fn unknown(item: &Item) -> Result<Self, StoreError> {
        let sort_key = text(item, SORT_KEY)?;
        let at = sort_key.split('#').nth(1).unwrap_or_default();
        Ok(Self::Unknown {
            at: OffsetDateTime::parse(at, &Rfc3339).map_err(|_| damaged(item, SORT_KEY))?,
            key: sort_key.to_owned(),
        })
    }

    /// When it was made.
    pub fn at(&self) -> OffsetDateTime {
        match self {
            Self::Change(record) => record.at,
            Self::Members(record) => record.at,
            Self::Groups(record) => record.at,
            Self::Unknown { at, .. } => *at,
        }
    }

    /// Who made it, if that is known.
    pub fn actor(&self) -> Option<&Actor> {
        match self {
            Self::Change(record) => Some(&record.actor),
            Self::Members(record) => Some(&record.actor),
            Self::Groups(record) => Some(&record.actor),
            Self::Unknown { .. } => None,
        }
    }

    /// What kind of change it was, if that is known.
    pub fn operation(&self) -> Option<&ChangeKind> {
        match self {
            Self::Change(record) => Some(&record.operation),
            Self::Members(record) => Some(&record.operation),
            Self::Groups(record) => Some(&record.operation),
            Self::Unknown { .. } => None,
        }
    }

    /// What tells it apart from all other records of a tenant.
    pub fn name(&self) -> String {
        match self {
            Self::Change(record) => format!("{} {}", record.id, record.version),
            Self::Members(record) => format!("{} {}", record.group, record.change),
            Self::Groups(record) => format!("{} {} {}", record.user, record.first, record.at),
            Self::Unknown { key, .. } => key.clone(),
        }
    }

    /// Whether it says something of this group or its members.
    pub fn is_of_group(&self, group: &ResourceId) -> bool {
        let names = |groups: &GroupsMoved| {
            let mut all = groups.left.iter().chain(&groups.returned);
            all.any(|named| named == group)
        };
        match self {
            Self::Change(record) => record.id == *group || names(&record.groups),
            Self::Members(record) => record.group == *group,
            Self::Groups(record) => names(&record.groups),
            Self::Unknown { key, .. } => key.contains(group.as_str()),
        }
    }
}

impl GroupsRecord {
    fn read(item: &Item) -> Result<Self, StoreError> {
        let damaged = |name| damaged(item, name);
        let sort_key = text(item, SORT_KEY)?;
        let parts: Vec<&str> = sort_key.split('#').collect();
        let [_, at, _, user, first] = parts[..] else {
            return Err(damaged(SORT_KEY));
        };
        let id = |id| ResourceId::parse(id).ok_or_else(|| damaged(SORT_KEY));
        Ok(Self {
            at: OffsetDateTime::parse(at, &Rfc3339).map_err(|_| damaged(SORT_KEY))?,
            actor: Actor::read(item)?,
            operation: ChangeKind::read(item)?,
            request_id: request_id(item)?,
            user: id(user)?,
            groups: GroupsMoved::read(item)?,
            first: id(first)?,
        })
    }
}

impl TenantStore<'_> {
    /// A page of the records of a span, ordered by time, and where the next page begins if there is
    /// one. Those of one resource come in the order of its versions; changes of different resources
    /// that were made at about the same time may come in either order. The parts of a large change
    /// of members are one record.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn history_page(
        &self,
        span: Span,
        from: Option<&Continuation>,
    ) -> Result<(Vec<Record>, Option<Continuation>), StoreError> {
        let begin = match from {
            Some(Continuation(sort_key)) => sort_key.clone(),
            None => keys::changes_from(span.from),
        };
        let (mut records, mut next) = (Vec::new(), None);
        let query = self.query_between(begin, keys::changes_from(span.to));
        self.each_of_any_format(query, |item| {
            // The change has a record of its own.
            if is_step(text(item, SORT_KEY)?) {
                return Ok(true);
            }
            let record = Record::read(item)?;
            if let (Some(Record::Members(whole)), Record::Members(part)) =
                (records.last_mut(), &record)
                && whole.is_of_same_change(part)
            {
                whole.extend(part.clone());
                return Ok(true);
            }
            if records.len() == PAGE {
                next = Some(Continuation(text(item, SORT_KEY)?.to_owned()));
                return Ok(false);
            }
            records.push(record);
            Ok(true)
        })
        .await?;
        Ok((records, next))
    }

    /// A page of the change records of a span as items in DynamoDB's JSON, in the order of time,
    /// and where the next page begins if there is one. They are of all kinds, those that this
    /// version does not know among them, and what steps of large changes have carried out comes at
    /// the time of the change.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn outbox_page(
        &self,
        span: Span,
        from: Option<&Continuation>,
    ) -> Result<(Vec<Map<String, Value>>, Option<Continuation>), StoreError> {
        let begin = match from {
            Some(Continuation(sort_key)) => sort_key.clone(),
            None => keys::changes_from(span.from),
        };
        let (mut items, mut next) = (Vec::new(), None);
        let query = self.query_between(begin, keys::changes_from(span.to));
        self.each_of_any_format(query, |item| {
            if items.len() == PAGE {
                next = Some(Continuation(text(item, SORT_KEY)?.to_owned()));
                return Ok(false);
            }
            items.push(json::object(item));
            Ok(true)
        })
        .await?;
        Ok((items, next))
    }

    /// Shows `visit` the records of a span, in the same order, until it returns false.
    ///
    /// # Errors
    /// As [`Self::history_page`].
    pub async fn history(
        &self,
        span: Span,
        mut visit: impl FnMut(Record) -> bool,
    ) -> Result<(), StoreError> {
        let mut from = None;
        loop {
            let (records, next) = self.history_page(span, from.as_ref()).await?;
            if !records.into_iter().all(&mut visit) || next.is_none() {
                return Ok(());
            }
            from = next;
        }
    }

    /// The latest record. Of a large change of members it is a part.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn latest_change(&self) -> Result<Option<Record>, StoreError> {
        let query = self
            .query_prefix(keys::CHANGES)
            .scan_index_forward(false)
            .limit(1);
        let mut latest = None;
        self.each_of_any_format(query, |item| {
            latest = Some(Record::read(item)?);
            Ok(false)
        })
        .await?;
        Ok(latest)
    }

    /// The records of the changes of one resource, the first change first. Those of memberships are
    /// none of them: they are in [`Self::history`].
    ///
    /// The resource, or its tombstone, says where its latest record is, and each record where the
    /// previous one is. If neither exists, or one of the records does not say it in a way that this
    /// version knows, the whole history is read.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn life(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
    ) -> Result<Vec<Record>, StoreError> {
        match self.latest_of(resource_type, id, usize::MAX).await? {
            Some(records) => Ok(records),
            None => self.life_in_all(id).await,
        }
    }

    /// The latest records of the changes of one resource, so many at most, the first change first.
    /// None if only the whole history can tell, as [`Self::life`] says.
    ///
    /// # Errors
    /// As [`Self::life`].
    pub async fn latest_of(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
        most: usize,
    ) -> Result<Option<Vec<Record>>, StoreError> {
        let mut records = Vec::new();
        let latest = match self.get(resource_type, id).await? {
            Some(stored) => Some((stored.meta.last_modified, stored.meta.version)),
            None => self
                .tombstone(resource_type, id)
                .await?
                .map(|tombstone| (tombstone.deleted, tombstone.version())),
        };
        let Some((mut at, mut version)) = latest else {
            return Ok(None);
        };
        while records.len() < most
            && let Some(record) = self.record(resource_type, id, at, version).await?
        {
            let Record::Change(change) = &record else {
                return Ok(None);
            };
            let previous = change.previous;
            records.push(record);
            let Some(time) = previous else { break };
            (at, version) = (time, version.saturating_sub(1));
        }
        records.reverse();
        Ok(Some(records))
    }

    /// The same, found by reading the whole history.
    async fn life_in_all(&self, id: &ResourceId) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        let everything = Span {
            from: OffsetDateTime::UNIX_EPOCH,
            to: OffsetDateTime::now_utc() + time::Duration::DAY,
        };
        self.history(everything, |record| {
            let is_its = match &record {
                Record::Change(record) => record.id == *id,
                Record::Members(_) | Record::Groups(_) => false,
                Record::Unknown { key, .. } => key.contains(id.as_str()),
            };
            if is_its {
                records.push(record);
            }
            true
        })
        .await?;
        Ok(records)
    }

    async fn record(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
        at: OffsetDateTime,
        version: u64,
    ) -> Result<Option<Record>, StoreError> {
        let sort_key = keys::change(resource_type, id, at, version);
        let passage = self.accepted_only();
        let item = self.get_of_any_format(sort_key, passage).await?;
        item.as_ref().map(Record::read).transpose()
    }
}
