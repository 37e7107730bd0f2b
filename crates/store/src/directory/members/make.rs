//! Making a change of a group's members, at once or as one that is decided.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use scim::resource::later;
use scim::schema::GROUPS;

use super::Delta;
use super::change::{Attributes, ChangeOfMembers, MembersChanged};
use super::known::{Known, Seen};
use super::large::{Mark, Read};
use super::shard::Expected;
use super::small::Small;
use crate::directory::keys;
use crate::directory::parts::Parts;
use crate::{StoreError, TenantStore};

/// How often a small change is tried after it was found out who is a member already, and who is
/// nobody: each time it is smaller.
const TRIES: usize = 5;

/// How often a larger one is tried again when something has moved since it was read, in up to a
/// second altogether.
const PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(4))
    .with_max_delay(Duration::from_millis(250))
    .with_max_times(8)
    .with_jitter();

impl TenantStore<'_> {
    /// Changes who is a member of a group, and its attributes in the same transaction. What is too
    /// large for one is decided by it, and pending.
    ///
    /// # Errors
    /// [`StoreError::Nobody`]; [`StoreError::VersionMismatch`] when another change is pending or
    /// came in between; [`StoreError::TooManyMembers`] when too many would be removed; and as
    /// [`Self::create`] and [`Self::replace`].
    pub async fn change_members(
        &self,
        change: ChangeOfMembers<'_>,
    ) -> Result<MembersChanged, StoreError> {
        let known = Known::of(change.members);
        known.check()?;
        let attributes = self.attribute_parts(change)?;
        let is_exact = change.members.clears() || change.is_conditional;
        let log = usize::from(change.is_logged(!known.left_out.is_empty()));
        if !is_exact && self.fits(attributes.len() + log, &known.delta) {
            let unread = self.change_unread(change, attributes.clone(), known);
            match Box::pin(unread).await {
                // Perhaps somebody became a member later than now, by another clock.
                Err(StoreError::Conflict) => {}
                outcome => return outcome,
            }
        }
        Box::pin(self.change_read(change, attributes)).await
    }

    /// Makes a small change without reading who is a member: if the transaction is cancelled, the
    /// reasons tell.
    async fn change_unread(
        &self,
        change: ChangeOfMembers<'_>,
        attributes: Parts,
        mut known: Known,
    ) -> Result<MembersChanged, StoreError> {
        for _ in 0..TRIES {
            let small = Small {
                at: change.at(),
                delta: &known.delta,
                left_out: known.left_out(),
                expected: Expected::NoPending,
            };
            let failed = self.make_small(change, attributes.clone(), small).await?;
            if failed.is_empty() {
                return Ok(known.changed(change.group, false));
            }
            if !known.learn(failed) {
                break;
            }
            known.check()?;
        }
        Err(StoreError::VersionMismatch)
    }

    /// Reads who is a member and who is a user, and makes or decides what is left to do. After a
    /// lost race, what has not moved is not read again.
    async fn change_read(
        &self,
        change: ChangeOfMembers<'_>,
        attributes: Parts,
    ) -> Result<MembersChanged, StoreError> {
        let mut seen = Seen::default();
        let mut pauses = PAUSES.build();
        loop {
            let attempt = self.change_seen(change, attributes.clone(), &mut seen);
            match Box::pin(attempt).await {
                Err(error @ (StoreError::Conflict | StoreError::Throttled)) => {
                    let Some(pause) = pauses.next() else {
                        return Err(error);
                    };
                    tokio::time::sleep(pause).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// One attempt. [`StoreError::Conflict`] if something has moved since it was read.
    async fn change_seen(
        &self,
        change: ChangeOfMembers<'_>,
        mut attributes: Parts,
        seen: &mut Seen,
    ) -> Result<MembersChanged, StoreError> {
        let group = &change.group.id;
        // In this order: what is read later may be newer, and is then noticed.
        let shards = self.shards(group).await?;
        let is_moved = change.is_conditional
            && shards.membership().changes != change.group.meta.membership.changes;
        if is_moved || shards.membership().pending {
            return Err(StoreError::VersionMismatch);
        }
        let fences = self.fences().await?;
        let known = self
            .known(group, change.members, (&shards, &fences), seen)
            .await?;
        known.check()?;
        let replaced = known.replaced;
        // Who is a member was read in one state, then: the one before and after.
        if replaced.is_some() && self.shards(group).await? != shards {
            return Err(StoreError::Conflict);
        }
        if change.is_conditional && (!known.delta.is_empty() || !attributes.is_empty()) {
            let touched = known.delta.by_digit();
            let is_touched = |digit| touched.contains_key(&digit);
            self.check_shards(group, &shards, is_touched, &mut attributes)?;
        }
        // With the mark of a replacement.
        let log = usize::from(change.is_logged(!known.left_out.is_empty()));
        let is_small = self.fits(attributes.len() + 1 + log, &known.delta);
        // Later than all that was read.
        let at = [shards.membership().last_modified, seen.latest]
            .into_iter()
            .flatten()
            .fold(change.at(), later);
        let failed = if is_small {
            if replaced.is_some() && !known.delta.is_empty() {
                let mark = Mark {
                    replaced,
                    ..Mark::default()
                };
                let (mark, expectation) = self.mark(keys::members::head(group), mark)?;
                attributes.push(mark, expectation);
            }
            let small = Small {
                at,
                delta: &known.delta,
                left_out: known.left_out(),
                expected: Expected::Unmoved(&shards),
            };
            self.make_small(change, attributes, small).await?
        } else {
            let read = Read {
                at,
                shards: &shards,
                fences: &fences,
                replaced,
            };
            let left_out = known.left_out();
            self.decide(change, attributes, &known.delta, left_out, read)
                .await?
        };
        match failed.is_empty() {
            true => Ok(known.changed(change.group, !is_small)),
            // A user is gone whom it was to add.
            false => Err(StoreError::VersionMismatch),
        }
    }

    /// Whether one transaction can make the change.
    fn fits(&self, others: usize, delta: &Delta) -> bool {
        let members = 3 * delta.added.len() + 2 * delta.removed.len() + delta.by_digit().len();
        // And a record of each.
        others + members + 2 <= self.room()
    }

    /// The parts of a transaction that create a group or write its next version.
    fn attribute_parts(&self, change: ChangeOfMembers<'_>) -> Result<Parts, StoreError> {
        let ChangeOfMembers { group, origin, .. } = change;
        let mut parts = Parts::default();
        match change.attributes {
            Attributes::Unchanged => {}
            Attributes::New => self.creation(&GROUPS, group, origin, &mut parts)?,
            Attributes::Next(next) => {
                self.replacement(&GROUPS, group, next, origin, None, &mut parts)?;
            }
        }
        Ok(parts)
    }
}
