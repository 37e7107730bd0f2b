//! Changes that are too large for one transaction: one decides them.
//!
//! Their records are what is to be done, so nothing is copied. The shards that the change touches
//! say that it is pending, and stop other changes; fences stop deletions of users that have not
//! seen it.

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use scim::ResourceId;
use time::OffsetDateTime;

use super::Delta;
use super::change::ChangeOfMembers;
use super::fence::Fences;
use super::pending::{AT, LARGE, RECORD, REPLACED, SEQUENCE, SIZE};
use super::record::LeftOut;
use super::shard::{Expected, Moved, PENDING, Shards};
use crate::client::attributes::{number_of, string, timestamp};
use crate::client::format::Upsert as _;
use crate::directory::parts::{Expectation, Parts};
use crate::directory::record::Origin;
use crate::directory::{document, keys};
use crate::{StoreError, TenantStore};

/// How long the records of a large change are kept at least.
const AT_LEAST: time::Duration = time::Duration::days(30);

/// The largest part of a record, in bytes: DynamoDB takes 400 KB.
const MAX_PART: u64 = 380_000;

impl TenantStore<'_> {
    /// Decides a large change, with `parts` in the same transaction. Returns the expectations that
    /// failed, in which case nothing was written.
    pub(super) async fn decide(
        &self,
        change: ChangeOfMembers<'_>,
        mut parts: Parts,
        delta: &Delta,
        left_out: LeftOut<'_>,
        Read {
            at,
            shards,
            fences,
            replaced,
        }: Read<'_>,
    ) -> Result<Vec<Expectation>, StoreError> {
        let group = &change.group.id;
        // They are what is to be done, so they are kept until it is.
        let origin = &Origin {
            expires: change.origin.expires.max(at + AT_LEAST),
            ..change.origin.clone()
        };
        let record = change.record(at);
        let pending = self.pending_item(&change.group.id, &record, at, delta)?;
        parts.push(pending, Expectation::Unmoved);
        let mut moved = Moved {
            group,
            at,
            pending: Some(&record),
            is_version: true,
        };
        let log = self.log_part(origin.entry.as_deref(), left_out.0.len())?;
        parts.extend(log.map(|log| (log, Expectation::Nothing)));
        let mut proof = None;
        for (digit, moves) in delta.by_digit() {
            let expected = Expected::Unmoved(shards);
            let (part, expectation) = self.count_members(moved, digit, moves, expected)?;
            moved.is_version = false;
            parts.push(part, expectation);
            let sort_key = keys::members::member_record_part(&record, digit);
            let of_digit = delta.of_digit(digit);
            let part = self.member_record_item(origin, sort_key, &of_digit, left_out);
            if document::size(&part) > MAX_PART {
                return Err(StoreError::TooLarge(format!(
                    "what the members are called takes more than {MAX_PART} bytes"
                )));
            }
            if let Some(earlier) = proof.replace(part) {
                parts.push(self.put(earlier)?, Expectation::Nothing);
            }
            parts.push(self.decide_at(digit, fences)?, Expectation::Unmoved);
        }
        if let Some(written) = change.attributes_written() {
            let record = self.record_item(change.origin, &written);
            parts.push(self.put(record)?, Expectation::Nothing);
        }
        let head = Mark {
            pending: Some(&record),
            replaced,
            is_large: true,
        };
        let (head, expectation) = self.mark(keys::members::head(group), head)?;
        parts.push(head, expectation);
        let tail = Mark {
            is_large: true,
            ..Mark::default()
        };
        let (tail, expectation) = self.mark(keys::members::tail(group), tail)?;
        parts.push(tail, expectation);
        match proof {
            Some(record) => self.send(parts, record).await,
            None => Ok(Vec::new()),
        }
    }

    fn pending_item(
        &self,
        group: &ResourceId,
        record: &str,
        at: OffsetDateTime,
        delta: &Delta,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut item = self.new_item(keys::members::pending(group));
        item.extend([
            (RECORD.to_owned(), string(record)),
            (AT.to_owned(), timestamp(at)),
            (
                SIZE.to_owned(),
                number_of((delta.added.len() + delta.removed.len()) as u64),
            ),
            (SEQUENCE.to_owned(), number_of(0)),
        ]);
        self.put_new(item)
    }

    /// Notes at the head or at the tail of a group's edges what happens to them.
    pub(super) fn mark(
        &self,
        sort_key: String,
        mark: Mark<'_>,
    ) -> Result<(TransactWriteItem, Expectation), StoreError> {
        let mut counted = Vec::new();
        let mut update = Update::builder()
            .table_name(self.table())
            .set_key(Some(self.key(sort_key)))
            .expression_attribute_values(":one", number_of(1));
        if mark.is_large {
            counted.push("#large :one");
            update = update.expression_attribute_names("#large", LARGE);
        }
        if let Some(read) = mark.replaced {
            counted.push("#replaced :one");
            let condition = match read {
                0 => "attribute_not_exists(#replaced)",
                _ => "#replaced = :read",
            };
            update = update
                .expression_attribute_names("#replaced", REPLACED)
                .condition_expression(condition);
            if read > 0 {
                update = update.expression_attribute_values(":read", number_of(read));
            }
        }
        let mut set = "";
        if let Some(record) = mark.pending {
            set = "SET #pending = :pending ";
            update = update
                .expression_attribute_names("#pending", PENDING)
                .expression_attribute_values(":pending", string(record));
        }
        let update = update
            .upsert_expression(&format!("{set}ADD {}", counted.join(", ")))
            .build()?;
        let expectation = match mark.replaced {
            Some(_) => Expectation::Unmoved,
            None => Expectation::Nothing,
        };
        Ok((
            TransactWriteItem::builder().update(update).build(),
            expectation,
        ))
    }
}

/// What a large change stands on, as it was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read<'r> {
    /// The time of the change: later than everything that was read.
    pub at: OffsetDateTime,
    pub shards: &'r Shards,
    pub fences: &'r Fences,
    /// As in [`Mark`].
    pub replaced: Option<u64>,
}

/// What happens to the edges of a group.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mark<'m> {
    /// The record of a change that is pending from now on.
    pub pending: Option<&'m str>,
    /// How often the members were replaced so far, if they are replaced. Two replacements that have
    /// read the same members must not both be made: the outcome would be neither's.
    pub replaced: Option<u64>,
    /// Whether it is a large change.
    pub is_large: bool,
}
