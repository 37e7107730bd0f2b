//! Users who are restored come back to the groups that they left by being deleted.
//!
//! The transaction that restores a user has room for some of them; the others follow, some at a
//! time, each transaction with its record. What is missing when that is interrupted is found by the
//! edges that still say that the user has left.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use scim::ResourceId;
use scim::schema::GROUPS;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::Moves;
use super::edge::{DISPLAY, JOINED_AT, LEFT};
use super::leave::ACTIONS;
use super::shard::{Expected, Moved};
use crate::client::attributes::{milliseconds, optional, optional_text, text};
use crate::client::tables::SORT_KEY;
use crate::client::transaction::settled;
use crate::directory::keys;
use crate::directory::parts::{Expectation, Parts};
use crate::directory::record::{Origin, returned};
use crate::{StoreError, TenantStore};

/// Groups to come back to, with what the client called the member, and since when it was one.
pub(crate) type Returning = BTreeMap<ResourceId, (Option<String>, Option<OffsetDateTime>)>;

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
        let mut all = Returning::default();
        let query = self.query_prefix(keys::members::edges_of_user(user));
        self.each(query, |item| {
            let ends = keys::members::ends(text(item, SORT_KEY)?);
            if let (Some((_, group)), Some(_)) = (ends, optional_text(item, LEFT)?) {
                let display = optional_text(item, DISPLAY)?.map(str::to_owned);
                all.insert(group, (display, optional(item, JOINED_AT, milliseconds)?));
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
        Ok(all)
    }

    /// The parts of a transaction that bring a user back to groups, as many as it has room for.
    /// They are taken from those to come back to, and returned.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a pending change of one of them cannot be carried out.
    pub(crate) async fn come_back(
        &self,
        user: &ResourceId,
        groups: &mut Returning,
        at: OffsetDateTime,
        parts: &mut Parts,
    ) -> Result<Vec<ResourceId>, StoreError> {
        let digit = keys::members::digit(user);
        let mut taken = Vec::new();
        // And the record.
        while parts.len() + ACTIONS < self.room()
            && let Some((group, (display, since))) = groups.pop_first()
        {
            self.finish(&group).await?;
            let edge = keys::members::edge(&group, user);
            let edge = self.edge(edge, display.as_deref(), since);
            parts.push(self.put_new(edge)?, Expectation::Unmoved);
            let reverse = Update::builder()
                .table_name(self.table())
                .set_key(Some(self.key(keys::members::edge_of_user(user, &group))))
                .update_expression("REMOVE #left")
                .condition_expression("attribute_exists(#left)")
                .expression_attribute_names("#left", LEFT)
                .build()?;
            let reverse = TransactWriteItem::builder().update(reverse).build();
            parts.push(reverse, Expectation::Unmoved);
            let moved = Moved {
                group: &group,
                at,
                pending: None,
                is_version: true,
            };
            let expected = Expected::NoPending;
            let moves = Moves {
                by: 1,
                ..Moves::default()
            };
            let (part, expectation) = self.count_members(moved, digit, moves, expected)?;
            parts.push(part, expectation);
            taken.push(group);
        }
        Ok(taken)
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
            .come_back(user, &mut groups, origin.at, &mut parts)
            .await?;
        let Some(first) = taken.first() else {
            return Ok(taken);
        };
        let sort_key = keys::members::leaving_record(user, origin.at, first);
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
