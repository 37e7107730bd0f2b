//! Changing who is a member of a group, and the group's attributes with it.

use std::collections::BTreeSet;

use scim::members::{Effect, MemberChange};
use scim::schema::{GROUPS, USERS};
use scim::{ResourceId, Stored};
use time::OffsetDateTime;

use super::Delta;
use super::large::{Mark, Read};
use super::record::LeftOut;
use super::shard::Expected;
use crate::client::transaction::MAX_ACTIONS;
use crate::directory::keys;
use crate::directory::parts::{Expectation, Parts};
use crate::directory::record::{Origin, Written};
use crate::{StoreError, TenantStore};

/// How many may stop being members by one request that does not name them.
const MAX_REMOVED: usize = 100_000;

/// How many edges a read unit reads.
const EDGES_PER_UNIT: u64 = 48;

/// How often a small change is tried after it was found out who is a member already, and who is
/// nobody: each time it is smaller.
const TRIES: usize = 5;

/// What a request does to a group.
#[derive(Debug, Clone, Copy)]
pub struct ChangeOfMembers<'c> {
    /// The group as it was read, or as it is to be created.
    pub group: &'c Stored,
    /// What becomes of its attributes.
    pub attributes: Attributes<'c>,
    /// What becomes of its members.
    pub members: &'c MemberChange,
    /// Names the change's record: a random id.
    pub id: &'c ResourceId,
    /// Where it comes from.
    pub origin: &'c Origin,
    /// Whether nobody's membership may have changed since the group was read (`If-Match`).
    pub is_conditional: bool,
}

/// What becomes of a group's attributes when its members change.
#[derive(Debug, Clone, Copy)]
pub enum Attributes<'c> {
    /// The group is created.
    New,
    /// They stay.
    Unchanged,
    /// The group's next version.
    Next(&'c Stored),
}

/// What came of a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MembersChanged {
    /// How many became members.
    pub added: u64,
    /// How many are members no more.
    pub removed: u64,
    /// Who was to become one and is no user of the tenant.
    pub left_out: BTreeSet<String>,
    /// Whether it is decided, and still to be carried out.
    pub is_pending: bool,
    /// How many members there were before.
    pub before: u64,
}

impl MembersChanged {
    /// Whether the group loses so many at once that somebody should look at it: more than fifty,
    /// and more than a fifth.
    pub fn loses_many(&self) -> bool {
        self.removed > 50 && self.removed.saturating_mul(5) > self.before
    }
}

/// What is known of those whom a change names.
#[derive(Debug, Clone, Default)]
struct Known {
    delta: Delta,
    left_out: BTreeSet<String>,
    /// How many were to become members and are users.
    users: usize,
}

impl Known {
    /// Everybody as the client says, before anything was read.
    fn of(change: &MemberChange) -> Self {
        let mut known = Self {
            left_out: change.unknown().clone(),
            ..Self::default()
        };
        for (id, effect) in change.named() {
            match effect {
                Effect::Put(display) => {
                    known.delta.added.insert(id.clone(), display.clone());
                    known.users += 1;
                }
                Effect::Remove => {
                    known.delta.removed.insert(id.clone());
                }
                Effect::Keep => {}
            }
        }
        known
    }

    /// Takes in why a transaction was cancelled. Returns whether anything was new.
    fn learn(&mut self, failed: Vec<Expectation>) -> bool {
        failed
            .into_iter()
            .fold(false, |is_new, failed| match failed {
                Expectation::NoMember(id) => self.delta.added.remove(&id).is_some() || is_new,
                Expectation::Member(id) => self.delta.removed.remove(&id) || is_new,
                Expectation::User(id) => self.is_nobody(&id) || is_new,
                _ => is_new,
            })
    }

    fn is_nobody(&mut self, id: &ResourceId) -> bool {
        self.left_out.insert(id.to_string());
        self.users = self.users.saturating_sub(1);
        self.delta.added.remove(id).is_some()
    }

    /// # Errors
    /// [`StoreError::Nobody`] when there were some to become members, and none of them is a user.
    fn check(&self) -> Result<(), StoreError> {
        if self.users > 0 || self.left_out.is_empty() {
            return Ok(());
        }
        Err(StoreError::Nobody {
            named: self.left_out.clone(),
        })
    }

    fn changed(self, before: &Stored, is_pending: bool) -> MembersChanged {
        MembersChanged {
            added: self.delta.added.len() as u64,
            removed: self.delta.removed.len() as u64,
            left_out: self.left_out,
            is_pending,
            before: before.meta.membership.members,
        }
    }

    fn left_out(&self) -> LeftOut<'_> {
        LeftOut(&self.left_out)
    }
}

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
        if !is_exact && self.fits(attributes.len(), &known.delta) {
            return self.change_unread(change, attributes, known).await;
        }
        self.change_read(change, attributes).await
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
            let failed = self
                .make_small(
                    change,
                    attributes.clone(),
                    &known.delta,
                    known.left_out(),
                    Expected::NoPending,
                )
                .await?;
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

    /// Reads who is a member and who is a user, and makes or decides what is left to do.
    async fn change_read(
        &self,
        change: ChangeOfMembers<'_>,
        attributes: Parts,
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
        let (known, replaced) = self
            .known(group, shards.membership().members, change.members)
            .await?;
        known.check()?;
        let replaced = change.members.clears().then_some(replaced);
        // Who is a member was read in one state, then: the one before and after.
        if replaced.is_some() && self.shards(group).await? != shards {
            return Err(StoreError::VersionMismatch);
        }
        let mut attributes = attributes;
        if change.is_conditional && (!known.delta.is_empty() || !attributes.is_empty()) {
            let touched = known.delta.by_digit();
            self.check_shards(group, &shards, &touched, &mut attributes)?;
        }
        // With the mark of a replacement.
        let is_small = self.fits(attributes.len() + 1, &known.delta);
        let failed = if is_small {
            if replaced.is_some() && !known.delta.is_empty() {
                let mark = Mark {
                    replaced,
                    ..Mark::default()
                };
                let (mark, expectation) = self.mark(keys::members::head(group), mark)?;
                attributes.push(mark, expectation);
            }
            let expected = Expected::Unmoved(&shards);
            self.make_small(change, attributes, &known.delta, known.left_out(), expected)
                .await?
        } else {
            let read = Read {
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
            false => Err(StoreError::VersionMismatch),
        }
    }

    /// What a change comes to, from who is a member and who is a user; and how often the members
    /// were replaced, if they were all read.
    async fn known(
        &self,
        group: &ResourceId,
        members: u64,
        change: &MemberChange,
    ) -> Result<(Known, u64), StoreError> {
        let mut known = Known::of(change);
        // Edges are small: some fifty cost as much to read in one piece as one by itself.
        let named = change.named().len() as u64;
        let is_short = members <= named.saturating_mul(EDGES_PER_UNIT);
        let mut replaced = 0;
        let present: BTreeSet<ResourceId> = if change.clears() || is_short {
            let present;
            (present, replaced) = self.member_ids(group).await?;
            present
        } else {
            let keys = |id: &ResourceId| keys::members::edge(group, id);
            let named = change.named().keys();
            let there = self.there(named.map(keys).collect()).await?;
            let user = |key: &String| Some(keys::members::ends(key)?.1);
            there.iter().filter_map(user).collect()
        };
        if change.clears() {
            let stays = |id: &&ResourceId| !change.named().contains_key(id);
            known
                .delta
                .removed
                .extend(present.iter().filter(stays).cloned());
        }
        known.delta.removed.retain(|id| present.contains(id));
        if known.delta.removed.len() > MAX_REMOVED {
            return Err(StoreError::TooManyMembers {
                removed: known.delta.removed.len() as u64,
                accepted: MAX_REMOVED as u64,
            });
        }
        known.delta.added.retain(|id, _| !present.contains(id));
        let wanted = known.delta.added.keys();
        let there = self
            .there(wanted.map(|id| keys::resource(&USERS, id)).collect())
            .await?;
        let strangers: Vec<ResourceId> = known
            .delta
            .added
            .keys()
            .filter(|id| !there.contains(&keys::resource(&USERS, id)))
            .cloned()
            .collect();
        for id in strangers {
            known.is_nobody(&id);
        }
        Ok((known, replaced))
    }

    /// Whether one transaction can make the change.
    fn fits(&self, others: usize, delta: &Delta) -> bool {
        let members = 3 * delta.added.len() + 2 * delta.removed.len() + delta.by_digit().len();
        // And a record of each.
        others + members + 2 <= MAX_ACTIONS
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

impl ChangeOfMembers<'_> {
    /// The time of the change: later than what was read.
    pub(super) fn at(&self) -> OffsetDateTime {
        self.group.meta.changed(self.origin.at).last_modified
    }

    /// The sort key of its record.
    pub(super) fn record(&self) -> String {
        keys::members::member_record(&self.group.id, self.origin.at, self.id)
    }

    /// The record of what becomes of its attributes, if they change.
    pub(super) fn attributes_written(&self) -> Option<Written<'_>> {
        match self.attributes {
            Attributes::Unchanged => None,
            Attributes::New => Some(Written::creation(&GROUPS, self.group)),
            Attributes::Next(next) => Some(Written::replacement(&GROUPS, self.group, next)),
        }
    }
}
