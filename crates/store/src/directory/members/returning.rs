//! Users who are restored come back to the groups that they left by being deleted.
//!
//! The transaction that restores a user has room for some of them; the others follow, some at a
//! time, each transaction with its record. What is missing when that is interrupted is found by the
//! edges that still say that the user has left.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use scim::ResourceId;
use scim::resource::later;
use scim::schema::GROUPS;
use time::OffsetDateTime;
use tokio::time::Instant;
use uuid::Uuid;

use super::edge::{DISPLAY, JOINED_AT, LEFT, PARTED_AT, joined_at};
use super::leave::ACTIONS;
use super::record::LeftOut;
use super::shard::{Expected, Moved};
use super::{Delta, Moves};
use crate::client::attributes::{
    in_milliseconds, milliseconds, number_of, optional, optional_text, text,
};
use crate::client::tables::SORT_KEY;
use crate::client::transaction::settled;
use crate::directory::keys;
use crate::directory::parts::{Expectation, Parts};
use crate::directory::record::{Origin, returned};
use crate::{StoreError, TenantStore};

/// Groups to come back to: first those that were left by the deletion itself, of which nobody is
/// told but by the restoration, for it has room for as many.
pub(crate) type Returning = VecDeque<Waiting>;

/// A membership that waits for the user to be restored.
#[derive(Debug)]
pub(crate) struct Waiting {
    group: ResourceId,
    /// What the client called the member.
    display: Option<String>,
    /// Since when it was one.
    since: Option<OffsetDateTime>,
    /// When it ended, if it did before the deletion, or when the latest one ended that its shard
    /// counted. Then to come back is a change of the group that is told of.
    parted: Option<OffsetDateTime>,
}

/// How long an operator's command waits for a pending change to be carried out.
pub(crate) const CARRY_OUT: Duration = Duration::from_secs(300);

impl TenantStore<'_> {
    /// The groups that a restored user comes back to: those that were left by the deletion, and are
    /// there or can be restored themselves.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a pending change that names the user cannot be carried out;
    /// failures of DynamoDB, and [`StoreError::Damaged`].
    pub(crate) async fn returning(&self, user: &ResourceId) -> Result<Returning, StoreError> {
        // One that was to make the user a member leaves the edge to come back by only when it is
        // carried out.
        for pending in self.all_pending().await? {
            if pending.gone.contains(user) {
                self.finish(&pending.group).await?;
            }
        }
        let mut all = BTreeMap::new();
        let query = self.query_prefix(keys::members::edges_of_user(user));
        self.each(query, |item| {
            let ends = keys::members::ends(text(item, SORT_KEY)?);
            if let (Some((_, group)), Some(_)) = (ends, optional_text(item, LEFT)?) {
                let waiting = Waiting {
                    group: group.clone(),
                    display: optional_text(item, DISPLAY)?.map(str::to_owned),
                    since: joined_at(item)?,
                    parted: optional(item, PARTED_AT, milliseconds)?,
                };
                all.insert(group, waiting);
            }
            Ok(true)
        })
        .await?;
        let wanted = |group: &ResourceId| {
            [
                keys::resource(&GROUPS, group),
                keys::tombstone(&GROUPS, group),
                keys::members::edge(group, user),
            ]
        };
        let there = self.there(all.keys().flat_map(wanted).collect()).await?;
        all.retain(|group, _| {
            let [present, deleted, is_member] = wanted(group).map(|key| there.contains(&key));
            // A member who has also left is damage, and the audit's to mend.
            (present || deleted) && !is_member
        });
        let (mut told, untold): (Vec<_>, Vec<_>) = all
            .into_values()
            .partition(|waiting| waiting.parted.is_some());
        let parted = told.iter().map(|waiting| &waiting.group);
        let digit = keys::members::digit(user);
        let last = self.last_parted(parted, digit).await?;
        for waiting in &mut told {
            waiting.parted = waiting.parted.max(last.get(&waiting.group).copied());
        }
        Ok(untold.into_iter().chain(told).collect())
    }

    /// The parts of a transaction that bring a user back to groups, at this time or later: as many
    /// as it has room for. They are taken from those to come back to, and returned.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a pending change of one of them cannot be carried out.
    pub(crate) async fn come_back(
        &self,
        user: &ResourceId,
        groups: &mut Returning,
        (at, origin): (OffsetDateTime, &Origin),
        parts: &mut Parts,
    ) -> Result<Vec<ResourceId>, StoreError> {
        let mut taken = Vec::new();
        while let Some(waiting) = groups.front() {
            let actions = ACTIONS + usize::from(waiting.parted.is_some());
            // And the record.
            if parts.len() + actions >= self.room() {
                break;
            }
            let Some(waiting) = groups.pop_front() else {
                break;
            };
            self.finish(&waiting.group).await?;
            self.come_back_to(user, &waiting, (at, origin), parts)?;
            taken.push(waiting.group);
        }
        Ok(taken)
    }

    /// The parts of a transaction that bring a user back to one group.
    fn come_back_to(
        &self,
        user: &ResourceId,
        Waiting {
            group,
            display,
            since,
            parted,
        }: &Waiting,
        (at, origin): (OffsetDateTime, &Origin),
        parts: &mut Parts,
    ) -> Result<(), StoreError> {
        let at = parted.map_or(at, |parted| later(at, parted));
        let since = if parted.is_some() { Some(at) } else { *since };
        let edge = keys::members::edge(group, user);
        let edge = self.edge(edge, display.as_deref(), since);
        parts.push(self.put_new(edge)?, Expectation::Unmoved);
        let mut reverse = Update::builder()
            .table_name(self.table())
            .set_key(Some(self.key(keys::members::edge_of_user(user, group))))
            .condition_expression("attribute_exists(#left)")
            .expression_attribute_names("#left", LEFT);
        let mut expression = "REMOVE #left";
        if parted.is_some() {
            expression = "SET #joined = :now REMOVE #left, #parted";
            reverse = reverse
                .expression_attribute_names("#joined", JOINED_AT)
                .expression_attribute_names("#parted", PARTED_AT)
                .expression_attribute_values(":now", number_of(in_milliseconds(at)));
        }
        let reverse = reverse.update_expression(expression).build()?;
        let reverse = TransactWriteItem::builder().update(reverse).build();
        parts.push(reverse, Expectation::Unmoved);
        let moved = Moved {
            group,
            at,
            pending: None,
            is_version: true,
        };
        let moves = Moves {
            by: 1,
            joins: parted.is_some(),
            ..Moves::default()
        };
        let digit = keys::members::digit(user);
        let (part, expectation) = self.count_members(moved, digit, moves, Expected::NoPending)?;
        parts.push(part, expectation);
        if parted.is_some() {
            let delta = Delta {
                added: BTreeMap::from([(user.clone(), display.clone())]),
                ..Delta::default()
            };
            let change = ResourceId::from_bytes(Uuid::new_v4().as_bytes());
            let record = keys::members::member_record(group, at, &change);
            let nobody = BTreeSet::new();
            let record = self.member_record_item(origin, record, &delta, LeftOut(&nobody));
            parts.push(self.put(record)?, Expectation::Nothing);
        }
        Ok(())
    }

    /// Brings a user who is there back to all groups that are left: after a restoration that had no
    /// room for them, or that was interrupted, and after a deletion that was. Returns to which.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the user is gone; [`StoreError::Conflict`] or
    /// [`StoreError::Throttled`] when every attempt failed for that reason; failures of DynamoDB,
    /// and [`StoreError::Damaged`]. The user may have come back to some of the groups.
    pub async fn return_to_groups(
        &self,
        user: &ResourceId,
        origin: &Origin,
    ) -> Result<Vec<ResourceId>, StoreError> {
        let mut all = Vec::new();
        loop {
            let some = settled(|| self.return_to_some(user, origin)).await?;
            if some.is_empty() {
                return Ok(all);
            }
            all.extend(some);
        }
    }

    /// How many of these groups are there, and not deleted.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn count_groups(&self, groups: &[ResourceId]) -> Result<u64, StoreError> {
        let keys = groups.iter().map(|group| keys::resource(&GROUPS, group));
        Ok(self.there(keys.collect()).await?.len() as u64)
    }

    /// Brings a user back to as many groups as fit into a transaction.
    async fn return_to_some(
        &self,
        user: &ResourceId,
        origin: &Origin,
    ) -> Result<Vec<ResourceId>, StoreError> {
        let mut groups = self.returning(user).await?;
        let mut parts = Parts::default();
        // A deletion that has not seen the memberships fails.
        parts.push(self.note_joining(user)?, Expectation::User(user.clone()));
        let taken = self
            .come_back(user, &mut groups, (origin.at, origin), &mut parts)
            .await?;
        let Some(first) = taken.first() else {
            return Ok(taken);
        };
        let sort_key = keys::members::returning_record(user, origin.at, first);
        let mut record = self.new_item(sort_key);
        record.extend(origin.attributes());
        record.extend(returned(&taken));
        match self.send(parts, record).await?.is_empty() {
            true => Ok(taken),
            false => Err(StoreError::NotFound),
        }
    }

    /// Carries out all pending changes of the tenant, for an operator's command.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when one cannot be carried out in time, failures of DynamoDB, and
    /// [`StoreError::Damaged`].
    pub async fn finish_all(&self) -> Result<(), StoreError> {
        for pending in self.all_pending().await? {
            self.finish(&pending.group).await?;
        }
        Ok(())
    }

    /// Carries out the pending change of a group, if there is one, for an operator's command.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it cannot be carried out in time.
    pub(crate) async fn finish(&self, group: &ResourceId) -> Result<(), StoreError> {
        match self.carry_out(group, Instant::now() + CARRY_OUT).await? {
            true => Ok(()),
            false => Err(StoreError::Conflict),
        }
    }
}
