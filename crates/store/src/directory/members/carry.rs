//! Carrying out a pending change, in steps. Each is a transaction with the condition that nobody
//! else has made it, so any number of requests may do so at the same time, and each of them may
//! die at any moment.

use std::time::Duration;

use aws_sdk_dynamodb::types::{Delete, TransactWriteItem, Update};
use backon::{BackoffBuilder, ExponentialBuilder};
use scim::ResourceId;
use tokio::time::Instant;

use super::Delta;
use super::edge::LEFT;
use super::pending::{DONE, Pending, SEQUENCE};
use super::record::Decided;
use super::shard::PENDING;
use crate::client::attributes::{number_of, string, timestamp};
use crate::client::format::Upsert as _;
use crate::directory::keys;
use crate::directory::parts::{Expectation, Parts};
use crate::{StoreError, TenantStore};

/// How many memberships a step changes: two items each, besides the pending change itself, the
/// step's record, and the check of an operator's work.
const STEP: usize = 48;

/// How often steps are tried again that others have made, or that DynamoDB throttles.
const PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(10))
    .with_max_delay(Duration::from_millis(500))
    .with_max_times(12)
    .with_jitter();

impl TenantStore<'_> {
    /// Carries out the pending change of a group, if there is one, until a time. Returns whether
    /// none is left.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] and [`StoreError::Throttled`] when every attempt failed for that
    /// reason and nobody else came on either, failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn carry_out(&self, group: &ResourceId, until: Instant) -> Result<bool, StoreError> {
        let (mut pauses, mut seen) = (PAUSES.build(), None);
        while let Some(pending) = self.pending(group).await? {
            // Whoever loses to others who carry it out begins anew: it goes on.
            if seen.replace(pending.sequence) != Some(pending.sequence) {
                pauses = PAUSES.build();
            }
            let (delta, decided) = self.decided(&pending).await?;
            let carried = self.carry_out_from(pending, &delta, &decided, until);
            match carried.await {
                Ok(()) => {}
                // Others carry it out as well, or somebody was deleted.
                Err(error @ (StoreError::Conflict | StoreError::Throttled)) => {
                    let Some(pause) = pauses.next() else {
                        return Err(error);
                    };
                    tokio::time::sleep(pause).await;
                }
                Err(error) => return Err(error),
            }
            if Instant::now() >= until {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Carries it out for those for whom it is not, in the order of their ids.
    async fn carry_out_from(
        &self,
        mut pending: Pending,
        delta: &Delta,
        decided: &Decided,
        until: Instant,
    ) -> Result<(), StoreError> {
        let ids = delta.ids();
        let rest: Vec<&ResourceId> = ids.into_iter().filter(|id| pending.is_to_do(id)).collect();
        for ids in rest.chunks(STEP) {
            if Instant::now() >= until {
                return Ok(());
            }
            self.step(&pending, delta, decided, ids).await?;
            pending.done = ids.last().map(|id| (*id).clone());
            pending.sequence = pending.sequence.saturating_add(1);
        }
        self.end(&pending, delta).await
    }

    /// Carries it out for these, if nobody else has written it since it was read.
    async fn step(
        &self,
        pending: &Pending,
        delta: &Delta,
        decided: &Decided,
        ids: &[&ResourceId],
    ) -> Result<(), StoreError> {
        let mut parts = Parts::default();
        let Some(last) = ids.last() else {
            return Ok(());
        };
        let done = Update::builder()
            .table_name(self.table())
            .set_key(Some(self.key(keys::members::pending(&pending.group))))
            .update_expression("SET #done = :done ADD #sequence :one")
            .condition_expression("#sequence = :read")
            .expression_attribute_names("#done", DONE)
            .expression_attribute_names("#sequence", SEQUENCE)
            .expression_attribute_values(":done", string(last.as_str()))
            .expression_attribute_values(":one", number_of(1))
            .expression_attribute_values(":read", number_of(pending.sequence))
            .build()?;
        let done = TransactWriteItem::builder().update(done).build();
        parts.push(done, Expectation::Unmoved);
        for user in ids {
            self.carry_out_for(pending, delta, user, &mut parts)?;
        }
        let record = keys::members::member_record_step(&pending.record, pending.sequence);
        let record = self.step_record_item(record, decided, delta, ids);
        self.send(parts, record).await.map(drop)
    }

    fn carry_out_for(
        &self,
        pending: &Pending,
        delta: &Delta,
        user: &ResourceId,
        parts: &mut Parts,
    ) -> Result<(), StoreError> {
        let edge = keys::members::edge(&pending.group, user);
        let reverse = keys::members::edge_of_user(user, &pending.group);
        let Some(display) = delta.added.get(user) else {
            for sort_key in [edge, reverse] {
                parts.push(self.delete_item(sort_key)?, Expectation::Nothing);
            }
            return Ok(());
        };
        let since = Some(pending.at);
        let mut reverse = self.edge(reverse, display.as_deref(), since);
        if pending.gone.contains(user) {
            reverse.insert(LEFT.to_owned(), timestamp(pending.at));
        } else {
            let edge = self.edge(edge, display.as_deref(), since);
            parts.push(self.put(edge)?, Expectation::Nothing);
        }
        parts.push(self.put(reverse)?, Expectation::Nothing);
        Ok(())
    }

    /// Removes a pending change that is carried out for everybody, and lets other changes pass.
    async fn end(&self, pending: &Pending, delta: &Delta) -> Result<(), StoreError> {
        let mut parts = Parts::default();
        let sort_key = keys::members::pending(&pending.group);
        let delete = Delete::builder()
            .table_name(self.table())
            .set_key(Some(self.key(sort_key)))
            .condition_expression("#sequence = :read")
            .expression_attribute_names("#sequence", SEQUENCE)
            .expression_attribute_values(":read", number_of(pending.sequence))
            .build()?;
        let delete = TransactWriteItem::builder().delete(delete).build();
        parts.push(delete, Expectation::Unmoved);
        let shards = delta.by_digit().into_keys();
        let shards = shards.map(|digit| keys::members::shard(&pending.group, digit));
        for sort_key in shards.chain([keys::members::head(&pending.group)]) {
            let update = Update::builder()
                .table_name(self.table())
                .set_key(Some(self.key(sort_key)))
                .upsert_expression("REMOVE #pending")
                .expression_attribute_names("#pending", PENDING)
                .build()?;
            let update = TransactWriteItem::builder().update(update).build();
            parts.push(update, Expectation::Nothing);
        }
        self.send_once(parts).await.map(drop)
    }
}
