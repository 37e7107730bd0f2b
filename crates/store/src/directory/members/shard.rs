//! Shards: how many members a group has, and how often they have changed.
//!
//! A membership changes its shard and not its group, so that a hundred changes at once do not meet
//! on one item. The version of a group is its own and that of its shards together.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{ConditionCheck, TransactWriteItem, Update};
use scim::{Membership, ResourceId, Stored};
use time::OffsetDateTime;

use super::Moves;
use crate::client::attributes::{
    Item, damaged, in_milliseconds, milliseconds, number, number_of, optional, optional_text,
    optional_time, signed, string, text, timestamp,
};
use crate::client::format::Upsert as _;
use crate::client::tables::SORT_KEY;
use crate::directory::document::{COUNT, LAST_MODIFIED};
use crate::directory::keys::{self, DIGITS};
use crate::directory::parts::{Expectation, Parts};
use crate::{StoreError, TenantStore};

/// How often the members that a shard counts have changed.
pub(crate) const CHANGES: &str = "changes";

/// How many versions of the group those changes made: one each, whatever shards a change touches.
const VERSIONS: &str = "versions";

/// The time of the latest change that ended a membership which the shard had counted, in
/// milliseconds since 1970.
///
/// Whoever becomes a member does so later than that, and whoever stops being one does so later than
/// when they became one (`edge`). So the times of all changes of one membership follow each other,
/// whatever the clocks of those who make them: they are its versions, by which whoever is told of
/// changes in another order knows the latest one.
const PARTED_AT: &str = "parted_at";

/// The record of the pending change that a shard waits for.
pub(crate) const PENDING: &str = "pending";

/// A shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shard {
    /// How many members it counts. Negative only where something is damaged.
    pub count: i64,
    pub changes: u64,
    pub versions: u64,
    pub last_modified: Option<OffsetDateTime>,
    pub parted_at: Option<OffsetDateTime>,
    pub pending: Option<String>,
}

impl Shard {
    /// The shard of an item.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is not one.
    pub fn read(item: &Item) -> Result<Self, StoreError> {
        Ok(Self {
            count: signed(item, COUNT)?,
            changes: number(item, CHANGES)?,
            versions: optional(item, VERSIONS, number)?.unwrap_or_default(),
            last_modified: optional_time(item, LAST_MODIFIED)?,
            parted_at: optional(item, PARTED_AT, milliseconds)?,
            pending: optional_text(item, PENDING)?.map(str::to_owned),
        })
    }
}

/// The shards of a group, by their digits. One that has never counted anybody does not exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shards(BTreeMap<char, Shard>);

impl Shards {
    /// Takes in an item.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is not a shard.
    pub fn add(&mut self, item: &Item) -> Result<(), StoreError> {
        let digit = keys::members::shard_digit(text(item, SORT_KEY)?);
        let digit = digit.ok_or_else(|| damaged(item, SORT_KEY))?;
        self.0.insert(digit, Shard::read(item)?);
        Ok(())
    }

    /// What they say together.
    pub fn membership(&self) -> Membership {
        let shards = || self.0.values();
        Membership {
            members: shards()
                .map(|shard| shard.count.max(0).unsigned_abs())
                .sum(),
            changes: shards().map(|shard| shard.versions).sum(),
            last_modified: shards()
                .flat_map(|shard| [shard.last_modified, shard.parted_at])
                .flatten()
                .max(),
            pending: shards().any(|shard| shard.pending.is_some()),
        }
    }

    /// The shard of a digit.
    pub fn get(&self, digit: char) -> Option<&Shard> {
        self.0.get(&digit)
    }

    /// The shard that counts the member with this 0-based index, and the index within it.
    pub fn locate(&self, index: u64) -> Option<(char, u64)> {
        let mut skip = index;
        for (digit, shard) in &self.0 {
            let count = shard.count.max(0).unsigned_abs();
            if skip < count {
                return Some((*digit, skip));
            }
            skip -= count;
        }
        None
    }

    /// How often the members that the shard of a digit counts have changed.
    pub fn changes(&self, digit: char) -> Option<u64> {
        self.0.get(&digit).map(|shard| shard.changes)
    }
}

/// What a change expects of the shards that it touches.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expected<'s> {
    /// Anything.
    Anything,
    /// That no change is pending.
    NoPending,
    /// That no change is pending, and nobody's membership has changed since they were read.
    Unmoved(&'s Shards),
}

/// What a change does to a shard.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moved<'m> {
    pub group: &'m ResourceId,
    pub at: OffsetDateTime,
    /// The record of a change that is pending from now on.
    pub pending: Option<&'m str>,
    /// Whether it makes a version of the group: one of the shards that a change touches says so.
    pub is_version: bool,
}

impl TenantStore<'_> {
    /// The times of the latest changes that ended a membership in each of these groups, as far as
    /// the shards of a digit count.
    pub(super) async fn last_parted(
        &self,
        groups: impl Iterator<Item = &ResourceId>,
        digit: char,
    ) -> Result<BTreeMap<ResourceId, OffsetDateTime>, StoreError> {
        let shards = groups.map(|group| keys::members::shard(group, digit));
        let read = |item: &Item| {
            let group = keys::members::shard_group(text(item, SORT_KEY)?).flatten();
            Ok(group.zip(optional(item, PARTED_AT, milliseconds)?))
        };
        let attributes = format!("{SORT_KEY}, {PARTED_AT}");
        let all = self.there_as(shards.collect(), &attributes, read).await?;
        Ok(all.into_iter().flatten().collect())
    }

    /// The shards of a group, whether or not there is one.
    pub(crate) async fn shards(&self, group: &ResourceId) -> Result<Shards, StoreError> {
        let mut shards = Shards::default();
        let query = self.query_prefix(format!("{}#", keys::resource(&scim::schema::GROUPS, group)));
        self.each(query, |item| {
            shards.add(item)?;
            Ok(true)
        })
        .await?;
        Ok(shards)
    }

    /// Has a shard count so many more.
    pub(crate) fn count_members(
        &self,
        Moved {
            group,
            at,
            pending,
            is_version,
        }: Moved<'_>,
        digit: char,
        moves: Moves,
        expected: Expected<'_>,
    ) -> Result<(TransactWriteItem, Expectation), StoreError> {
        let mut set = "SET #modified = :at".to_owned();
        let mut update = Update::builder()
            .table_name(self.table())
            .set_key(Some(self.key(keys::members::shard(group, digit))))
            .expression_attribute_names("#count", COUNT)
            .expression_attribute_names("#changes", CHANGES)
            .expression_attribute_names("#modified", LAST_MODIFIED)
            .expression_attribute_values(":at", timestamp(at))
            .expression_attribute_values(":by", number_of_signed(moves.by))
            .expression_attribute_values(":one", number_of(1));
        let mut add = "ADD #count :by, #changes :one".to_owned();
        if is_version {
            add.push_str(", #versions :one");
            update = update.expression_attribute_names("#versions", VERSIONS);
        }
        if let Some(record) = pending {
            set.push_str(", #pending = :pending");
            update = update.expression_attribute_values(":pending", string(record));
        }
        let mut conditions = Vec::new();
        match expected {
            Expected::Anything => {}
            Expected::NoPending => conditions.push("attribute_not_exists(#pending)".to_owned()),
            Expected::Unmoved(shards) => conditions.push(unmoved(shards.changes(digit))),
        }
        if pending.is_some() || !conditions.is_empty() {
            update = update.expression_attribute_names("#pending", PENDING);
        }
        if let Expected::Unmoved(shards) = expected
            && let Some(changes) = shards.changes(digit)
        {
            update = update.expression_attribute_values(":read", number_of(changes));
        }
        if moves.joins || moves.parts {
            let later = if moves.joins { "<" } else { "<=" };
            conditions.push(format!(
                "(attribute_not_exists(#parted) OR #parted {later} :now)"
            ));
            if moves.parts {
                set.push_str(", #parted = :now");
            }
            update = update
                .expression_attribute_names("#parted", PARTED_AT)
                .expression_attribute_values(":now", number_of(in_milliseconds(at)));
        }
        let expectation = match conditions.is_empty() {
            false => Expectation::Unmoved,
            true => Expectation::Nothing,
        };
        let condition = (!conditions.is_empty()).then(|| conditions.join(" AND "));
        let update = update
            .upsert_expression(&format!("{set} {add}"))
            .set_condition_expression(condition)
            .build()?;
        Ok((
            TransactWriteItem::builder().update(update).build(),
            expectation,
        ))
    }

    /// Checks that nobody's membership has changed since the group was read.
    ///
    /// # Errors
    /// [`StoreError::VersionMismatch`] when it has.
    pub(crate) async fn check_membership(
        &self,
        group: &Stored,
        parts: &mut Parts,
    ) -> Result<(), StoreError> {
        let shards = self.shards(&group.id).await?;
        if shards.membership().changes != group.meta.membership.changes {
            return Err(StoreError::VersionMismatch);
        }
        self.check_shards(&group.id, &shards, |_| false, parts)
    }

    /// Checks that the shards that a change does not touch are as they were read (`If-Match`).
    pub(crate) fn check_shards(
        &self,
        group: &ResourceId,
        read: &Shards,
        is_touched: impl Fn(char) -> bool,
        parts: &mut Parts,
    ) -> Result<(), StoreError> {
        let others = DIGITS.chars().filter(|digit| !is_touched(*digit));
        for digit in others {
            let changes = read.changes(digit);
            let mut check = ConditionCheck::builder()
                .table_name(self.table())
                .set_key(Some(self.key(keys::members::shard(group, digit))))
                .condition_expression(unmoved(changes))
                .expression_attribute_names("#pending", PENDING)
                .expression_attribute_names("#changes", CHANGES);
            if let Some(changes) = changes {
                check = check.expression_attribute_values(":read", number_of(changes));
            }
            let check = TransactWriteItem::builder()
                .condition_check(check.build()?)
                .build();
            parts.push(check, Expectation::Unmoved);
        }
        Ok(())
    }
}

/// The condition that a shard has changed so often, or does not exist.
fn unmoved(changes: Option<u64>) -> String {
    match changes {
        Some(_) => "attribute_not_exists(#pending) AND #changes = :read".to_owned(),
        None => "attribute_not_exists(#pending) AND attribute_not_exists(#changes)".to_owned(),
    }
}

fn number_of_signed(number: i64) -> aws_sdk_dynamodb::types::AttributeValue {
    aws_sdk_dynamodb::types::AttributeValue::N(number.to_string())
}
