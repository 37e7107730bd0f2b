//! Changes that one transaction makes.

use time::OffsetDateTime;

use super::Delta;
use super::change::ChangeOfMembers;
use super::record::LeftOut;
use super::shard::{Expected, Moved};
use crate::directory::parts::{Expectation, Parts};
use crate::{StoreError, TenantStore};

/// What a small change does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Small<'s> {
    /// Its time.
    pub at: OffsetDateTime,
    pub delta: &'s Delta,
    pub left_out: LeftOut<'s>,
    /// What it expects of the shards.
    pub expected: Expected<'s>,
}

impl TenantStore<'_> {
    /// Makes a small change, with `parts` in the same transaction. Returns the expectations that
    /// failed, in which case nothing was written. What changes nothing and leaves nobody out writes
    /// nothing.
    pub(super) async fn make_small(
        &self,
        change: ChangeOfMembers<'_>,
        mut parts: Parts,
        Small {
            at,
            delta,
            left_out,
            expected,
        }: Small<'_>,
    ) -> Result<Vec<Expectation>, StoreError> {
        let group = &change.group.id;
        for (user, display) in &delta.added {
            self.join((group, user), display.as_deref(), at, &mut parts)?;
        }
        for user in &delta.removed {
            self.part((group, user), Some(at), &mut parts)?;
        }
        let mut moved = Moved {
            group,
            at,
            pending: None,
            is_version: true,
        };
        for (digit, moves) in delta.by_digit() {
            let (part, expectation) = self.count_members(moved, digit, moves, expected)?;
            moved.is_version = false;
            parts.push(part, expectation);
        }
        let log = self.log_part(change.origin.entry.as_deref(), left_out.0.len())?;
        let log = log.map(|log| (log, Expectation::Nothing));
        let attributes = change.attributes_written();
        let attributes = attributes.map(|written| self.record_item(change.origin, &written));
        // Who was left out is told of even if nothing else comes of the change.
        if delta.is_empty() && left_out.0.is_empty() {
            return match attributes {
                Some(record) => {
                    parts.extend(log);
                    self.send(parts, record).await
                }
                None => Ok(Vec::new()),
            };
        }
        parts.extend(log);
        if let Some(record) = attributes {
            parts.push(self.put(record)?, Expectation::Nothing);
        }
        let record = self.member_record_item(change.origin, change.record(at), delta, left_out);
        self.send(parts, record).await
    }
}
