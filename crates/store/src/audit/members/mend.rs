//! Repairs what is wrong with the members of a group, in transactions with the condition that
//! nobody has changed them since they were judged.
//!
//! What is found from the group is what counts, if its user exists. A repair changes nobody's
//! membership as the group shows it, so it has no record.

use aws_sdk_dynamodb::types::{ConditionCheck, TransactWriteItem, Update};
use scim::ResourceId;
use scim::schema::{GROUPS, USERS};
use time::OffsetDateTime;

use super::super::{Defect, DefectKind};
use super::judge::display;
use super::{Place, Stamp};
use crate::client::attributes::{milliseconds, number_of, optional, string, text};
use crate::client::format::Upsert as _;
use crate::client::tables::SORT_KEY;
use crate::client::transaction::{MAX_ACTIONS, Outcome};
use crate::directory::keys::members::{self, digit, ends};
use crate::directory::keys::{DIGITS, resource, tombstone};
use crate::directory::members::Moves;
use crate::directory::members::edge::{JOINED_AT, LEFT};
use crate::directory::members::pending::{LARGE, RECORD};
use crate::directory::members::shard::{Expected, Moved, PENDING};
use crate::{StoreError, TenantStore};

impl TenantStore<'_> {
    /// Mends a defect of a group's members, provided that it is as it was judged.
    pub(in crate::audit) async fn mend_members(
        &self,
        defect: &Defect,
        place: &Place,
    ) -> Result<bool, StoreError> {
        let group = &place.group;
        // Boxed: the futures of calls are large, and a repair has several.
        match (defect.kind, &place.user, place.digit) {
            (DefectKind::EndedGroup, ..) => return Box::pin(self.sweep(group)).await,
            // What of a change is on record is carried out; what is lost is lost.
            (DefectKind::BrokenPending | DefectKind::OverduePending, ..) => {
                return Box::pin(self.finish(group)).await.map(|()| true);
            }
            (DefectKind::StuckGroup, ..) => return Box::pin(self.release(place)).await,
            _ => {}
        }
        if self.pending(group).await?.is_some() {
            // Then it is judged again: it may be as it should.
            Box::pin(self.finish(group)).await?;
            return Ok(false);
        }
        match (&place.user, place.digit, &place.stamp) {
            (Some(user), _, Some(stamp)) => Box::pin(self.mend_edge(group, user, stamp)).await,
            (_, Some(digit), Some(stamp)) => {
                let by = defect.count.expected.count - defect.count.found.count;
                let mut parts = Vec::new();
                match self.move_shard(group, digit, by, stamp).await? {
                    Some(part) => parts.push(part),
                    None => return Ok(false),
                }
                Ok(self.transact(parts).await? == Outcome::Written)
            }
            _ => Ok(false),
        }
    }

    /// The part of a transaction that changes what a shard counts, with the condition that it is as
    /// it was judged, and nothing pending. `None` if it is known not to be.
    async fn move_shard(
        &self,
        group: &ResourceId,
        digit: char,
        by: i64,
        stamp: &Stamp,
    ) -> Result<Option<TransactWriteItem>, StoreError> {
        let shards = self.shards(group).await?;
        if shards.get(digit).map(|shard| shard.changes) != stamp.changes {
            return Ok(None);
        }
        let moved = Moved {
            group,
            at: OffsetDateTime::now_utc().truncate_to_millisecond(),
            pending: None,
            is_version: true,
        };
        let moves = Moves {
            by,
            ..Moves::default()
        };
        let expected = Expected::Unmoved(&shards);
        Ok(Some(self.count_members(moved, digit, moves, expected)?.0))
    }

    /// Makes both sides of a membership the same: as it is found from the group if the user exists,
    /// and else neither.
    async fn mend_edge(
        &self,
        group: &ResourceId,
        user: &ResourceId,
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        let found = self.edge_of(group, user).await?;
        let edge = members::edge(group, user);
        let reverse = members::edge_of_user(user, group);
        let mut writes = Vec::new();
        if !found.knows_group {
            writes.extend(self.gone_for_good(group)?);
        } else {
            // Each change of the membership is one of the shard.
            match self.move_shard(group, digit(user), 0, stamp).await? {
                Some(part) => writes.push(part),
                None => return Ok(false),
            }
        }
        match &found.edge {
            Some(item) if found.knows_group && found.has_user => {
                // A deletion of the user that has not seen the membership fails.
                writes.push(self.note_joining(user)?);
                let since = optional(item, JOINED_AT, milliseconds)?;
                writes.push(self.put(self.edge(reverse, display(item)?, since))?);
            }
            is_there => {
                if !found.has_user {
                    writes.push(self.is_gone(resource(&USERS, user))?);
                }
                if is_there.is_some() {
                    writes.push(self.delete_item(edge)?);
                }
                // By it the user comes back.
                let waits = found
                    .reverse
                    .as_ref()
                    .is_some_and(|item| item.contains_key(LEFT));
                if !(waits && found.knows_user && found.knows_group) {
                    writes.push(self.delete_item(reverse)?);
                }
            }
        }
        Ok(self.transact(writes).await? == Outcome::Written)
    }

    /// Has the items of a group wait no longer for a change that is not there.
    async fn release(&self, place: &Place) -> Result<bool, StoreError> {
        let group = &place.group;
        let (stale, stamp) = self.stuck(group).await?;
        if place.stamp.as_ref() != Some(&stamp) || stale.is_empty() {
            return Ok(false);
        }
        let pending = self.key(members::pending(group));
        let mut writes = Vec::new();
        let check = ConditionCheck::builder()
            .table_name(self.table())
            .set_key(Some(pending));
        let check = match &stamp.pending {
            None => check.condition_expression("attribute_not_exists(pk)"),
            Some((record, _)) => check
                .condition_expression("#record = :record")
                .expression_attribute_names("#record", RECORD)
                .expression_attribute_values(":record", string(record)),
        };
        let check = check.build()?;
        writes.push(TransactWriteItem::builder().condition_check(check).build());
        let [head, tail] = stamp.large.map(Option::unwrap_or_default);
        for (sort_key, waits_for) in stale {
            let update = Update::builder()
                .table_name(self.table())
                .set_key(Some(self.key(sort_key)));
            let update = match waits_for {
                Some(record) => update
                    .update_expression("REMOVE #pending")
                    .condition_expression("#pending = :pending")
                    .expression_attribute_names("#pending", PENDING)
                    .expression_attribute_values(":pending", string(record)),
                // The tail, which counts what the head counts.
                None => update
                    .upsert_expression("SET #large = :head")
                    .condition_expression("attribute_not_exists(#large) OR #large = :tail")
                    .expression_attribute_names("#large", LARGE)
                    .expression_attribute_values(":head", number_of(head))
                    .expression_attribute_values(":tail", number_of(tail)),
            };
            let update = update.build()?;
            writes.push(TransactWriteItem::builder().update(update).build());
        }
        Ok(self.transact(writes).await? == Outcome::Written)
    }

    /// Removes the memberships of a group that is gone for good, some at a time.
    async fn sweep(&self, group: &ResourceId) -> Result<bool, StoreError> {
        /// The two sides of each.
        const AT_ONCE: usize = (MAX_ACTIONS - 3) / 2;
        let sort_key = members::pending(group);
        if !self.sweep_some(group, vec![sort_key]).await? {
            return Ok(false);
        }
        loop {
            let mut keys = Vec::new();
            let query = self.query_prefix(members::head(group));
            self.each(query, |item| {
                let sort_key = text(item, SORT_KEY)?;
                let user = ends(sort_key).map(|(_, user)| user);
                keys.extend(user.map(|user| members::edge_of_user(&user, group)));
                keys.push(sort_key.to_owned());
                Ok(keys.len() < 2 * AT_ONCE - 1)
            })
            .await?;
            if keys.is_empty() {
                break;
            }
            if !self.sweep_some(group, keys).await? {
                return Ok(false);
            }
        }
        let shards = DIGITS.chars().map(|digit| members::shard(group, digit));
        self.sweep_some(group, shards.collect()).await
    }

    /// Removes items of a group, if it is gone for good.
    async fn sweep_some(
        &self,
        group: &ResourceId,
        sort_keys: Vec<String>,
    ) -> Result<bool, StoreError> {
        let mut writes: Vec<_> = self.gone_for_good(group)?.into();
        for sort_key in sort_keys {
            writes.push(self.delete_item(sort_key)?);
        }
        Ok(self.transact(writes).await? == Outcome::Written)
    }

    /// The conditions that a group is not there, and cannot be restored.
    fn gone_for_good(&self, group: &ResourceId) -> Result<[TransactWriteItem; 2], StoreError> {
        Ok([
            self.is_gone(resource(&GROUPS, group))?,
            self.is_gone(tombstone(&GROUPS, group))?,
        ])
    }

    fn is_gone(&self, sort_key: String) -> Result<TransactWriteItem, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(self.table())
            .set_key(Some(self.key(sort_key)))
            .condition_expression("attribute_not_exists(pk)")
            .build()?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }
}
