//! Pending changes: large ones that are decided and not yet carried out.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use scim::ResourceId;
use time::OffsetDateTime;

use super::Delta;
use super::record::{Decided, MemberRecord};
use crate::client::attributes::{Item, damaged, number, optional, optional_text, text, time};
use crate::client::tables::SORT_KEY;
use crate::directory::keys;
use crate::{StoreError, TenantStore};

/// The sort key with which its records start. No other item has this attribute: it is the key of
/// the directory table's index.
pub(crate) const RECORD: &str = "record";
/// When it was decided.
pub(super) const AT: &str = "at";
/// How many memberships it changes.
pub(super) const SIZE: &str = "size";
/// The last user, in the order of ids, for whom it is carried out.
pub(super) const DONE: &str = "done";
/// The added users who were deleted before it was carried out for them.
pub(super) const GONE: &str = "gone";
/// How often the item was written.
pub(crate) const SEQUENCE: &str = "seq";
/// How often the members of a group were replaced, at the head of its edges.
pub(super) const REPLACED: &str = "replaced";
/// How many large changes a group has had, at the head and at the tail of its edges.
pub(crate) const LARGE: &str = "large";

/// A pending change, without the memberships that it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pending {
    pub group: ResourceId,
    /// The sort key with which its records start.
    pub record: String,
    pub at: OffsetDateTime,
    /// How many memberships it changes.
    pub size: u64,
    pub done: Option<ResourceId>,
    pub gone: BTreeSet<ResourceId>,
    pub sequence: u64,
}

/// A pending change, as an operator is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingChange {
    /// The group.
    pub group: ResourceId,
    /// When it was decided.
    pub at: OffsetDateTime,
    /// How many memberships it changes.
    pub size: u64,
}

/// What a pending change does to the membership of a user for whom it is not carried out yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Becomes a member, called so.
    Joins(Option<String>),
    /// Is a member no more; or was to become one, and was deleted.
    Parts,
}

impl Pending {
    /// The pending change of an item.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is not one.
    pub fn read(item: &Item) -> Result<Self, StoreError> {
        let group = text(item, SORT_KEY)?.strip_prefix(keys::members::PENDING);
        let group = group.and_then(ResourceId::parse);
        let done = optional_text(item, DONE)?;
        Ok(Self {
            group: group.ok_or_else(|| damaged(item, SORT_KEY))?,
            record: text(item, RECORD)?.to_owned(),
            at: time(item, AT)?,
            size: number(item, SIZE)?,
            done: done
                .map(|id| ResourceId::parse(id).ok_or_else(|| damaged(item, DONE)))
                .transpose()?,
            gone: optional(item, GONE, ids)?.unwrap_or_default(),
            sequence: number(item, SEQUENCE)?,
        })
    }

    /// Whether it is still to be carried out for a user that it names.
    pub fn is_to_do(&self, user: &ResourceId) -> bool {
        self.done.as_ref().is_none_or(|done| user > done)
    }

    /// What becomes of those for whom it is not carried out yet.
    pub fn fates(&self, delta: Delta) -> BTreeMap<ResourceId, Fate> {
        let parts = delta.removed.into_iter().map(|id| (id, Fate::Parts));
        let joins = delta.added.into_iter().map(|(id, display)| {
            let fate = match self.gone.contains(&id) {
                true => Fate::Parts,
                false => Fate::Joins(display),
            };
            (id, fate)
        });
        let fates = parts.chain(joins);
        fates.filter(|(id, _)| self.is_to_do(id)).collect()
    }
}

fn ids(item: &Item, name: &str) -> Result<BTreeSet<ResourceId>, StoreError> {
    let Some(AttributeValue::Ss(ids)) = item.get(name) else {
        return Err(damaged(item, name));
    };
    let id = |id: &String| ResourceId::parse(id).ok_or_else(|| damaged(item, name));
    ids.iter().map(id).collect()
}

impl TenantStore<'_> {
    /// The pending change of a group.
    pub(crate) async fn pending(&self, group: &ResourceId) -> Result<Option<Pending>, StoreError> {
        let sort_key = keys::members::pending(group);
        let item = self.get_item(sort_key, self.accepted_only()).await?;
        item.as_ref().map(Pending::read).transpose()
    }

    /// All pending changes of the tenant, for an operator.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn pending_changes(&self) -> Result<Vec<PendingChange>, StoreError> {
        let all = self.all_pending().await?;
        let told = |Pending {
                        group, at, size, ..
                    }| PendingChange { group, at, size };
        Ok(all.into_iter().map(told).collect())
    }

    /// All pending changes of the tenant.
    pub(crate) async fn all_pending(&self) -> Result<Vec<Pending>, StoreError> {
        let mut all = Vec::new();
        let query = self.query_between(
            keys::members::PENDING_FROM.to_owned(),
            keys::members::PENDING_END.to_owned(),
        );
        self.each(query, |item| {
            all.push(Pending::read(item)?);
            Ok(true)
        })
        .await?;
        Ok(all)
    }

    /// The memberships that a pending change changes.
    pub(crate) async fn pending_delta(&self, pending: &Pending) -> Result<Delta, StoreError> {
        Ok(self.decided(pending).await?.0)
    }

    /// The same, and who decided it.
    pub(super) async fn decided(&self, pending: &Pending) -> Result<(Delta, Decided), StoreError> {
        let (mut delta, mut decided) = (Delta::default(), Decided::default());
        let [from, to] = keys::members::member_record_parts(&pending.record);
        self.each(self.query_between(from, to), |item| {
            delta.extend(MemberRecord::read(item)?.delta);
            decided = Decided::read(item);
            Ok(true)
        })
        .await?;
        Ok((delta, decided))
    }

    /// What a pending change does to one user, if it names the user and is not carried out yet.
    pub(crate) async fn fate(
        &self,
        pending: &Pending,
        user: &ResourceId,
    ) -> Result<Option<Fate>, StoreError> {
        if !pending.is_to_do(user) {
            return Ok(None);
        }
        let digit = keys::members::digit(user);
        let sort_key = keys::members::member_record_part(&pending.record, digit);
        let Some(item) = self.get_item(sort_key, self.accepted_only()).await? else {
            return Ok(None);
        };
        let delta = MemberRecord::read(&item)?.delta;
        Ok(pending.fates(delta).remove(user))
    }
}
