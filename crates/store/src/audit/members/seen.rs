//! What belongs to members, in a walk through everything a tenant has.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use scim::ResourceId;
use time::{Duration, OffsetDateTime};

use super::super::seen_type::Present;
use super::super::{Defect, DefectKind};
use crate::StoreError;
use crate::client::attributes::{Item, damaged, number, optional, optional_text, optional_time};
use crate::client::tables::SORT_KEY;
use crate::directory::keys::DIGITS;
use crate::directory::keys::members::{
    EDGES, EDGES_OF_USERS, FENCES, PENDING, digit, ends, shard_digit, shard_group,
};
use crate::directory::members::edge::{DISPLAY, LEFT};
use crate::directory::members::fence::Fence;
use crate::directory::members::pending::{LARGE, Pending};
use crate::directory::members::shard::{self, Shard};

/// How long a pending change may wait: whoever decides it, and whoever changes the group next,
/// carries it out at once.
const OVERDUE: Duration = Duration::minutes(15);

/// What belongs to the members of a tenant's groups.
#[derive(Default)]
pub(in crate::audit) struct SeenMembers {
    groups: BTreeMap<ResourceId, SeenGroup>,
    users: BTreeMap<ResourceId, SeenUser>,
}

/// What belongs to the members of one group.
#[derive(Default)]
pub(super) struct SeenGroup {
    edges: Sum,
    reverse: Sum,
    counts: BTreeMap<char, i64>,
    shards: BTreeMap<char, Shard>,
    head: Mark,
    tail: Mark,
    pending: Option<Pending>,
}

/// Whether there are edges of a user.
#[derive(Default, Clone, Copy)]
struct SeenUser {
    is_member: bool,
    has_left: bool,
}

/// A sum over edges, which their order does not matter to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Sum {
    count: u64,
    hashes: u64,
}

impl Sum {
    fn add(&mut self, user: &ResourceId, display: Option<&str>) {
        let mut hasher = DefaultHasher::new();
        (user, display).hash(&mut hasher);
        self.count += 1;
        self.hashes = self.hashes.wrapping_add(hasher.finish());
    }
}

/// The head or the tail of a group's edges.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub large: Option<u64>,
    pub pending: Option<String>,
}

impl Mark {
    pub(super) fn read(item: &Item) -> Result<Self, StoreError> {
        Ok(Self {
            large: optional(item, LARGE, number)?,
            pending: optional_text(item, shard::PENDING)?.map(str::to_owned),
        })
    }
}

/// The same with the users and groups that there are.
#[derive(Clone, Copy)]
pub(in crate::audit) struct Memberships<'s> {
    pub seen: &'s SeenMembers,
    pub users: Present<'s>,
    pub groups: Present<'s>,
}

/// What is to be read again, edge by edge.
#[derive(Debug, Default)]
pub(super) struct Unequal {
    /// Groups whose edges, found from them, are not those found from users.
    pub groups: BTreeSet<ResourceId>,
    /// Users who are gone and have edges, and whether they can be restored.
    pub users: BTreeMap<ResourceId, bool>,
    /// Groups that are gone for good.
    pub ended: BTreeSet<ResourceId>,
}

impl SeenMembers {
    /// Takes in an item; returns whether it belongs to members.
    pub(in crate::audit) fn sort(
        &mut self,
        sort_key: &str,
        item: &Item,
    ) -> Result<bool, StoreError> {
        let damaged = || damaged(item, SORT_KEY);
        if let Some(group) = shard_group(sort_key) {
            let group = self.groups.entry(group.ok_or_else(damaged)?).or_default();
            let digit = shard_digit(sort_key).ok_or_else(damaged)?;
            group.shards.insert(digit, Shard::read(item)?);
        } else if let Some(rest) = sort_key.strip_prefix(EDGES) {
            self.add_edge(rest, item)?;
        } else if sort_key.starts_with(EDGES_OF_USERS) {
            let (user, group) = ends(sort_key).ok_or_else(damaged)?;
            let has_left = optional_time(item, LEFT)?.is_some();
            let display = optional_text(item, DISPLAY)?;
            // The group is entered even if the user has left it: it may be gone for good.
            let group = self.groups.entry(group).or_default();
            if !has_left {
                group.reverse.add(&user, display);
            }
            let user = self.users.entry(user).or_default();
            user.has_left |= has_left;
            user.is_member |= !has_left;
        } else if let Some(digit) = sort_key.strip_prefix(FENCES) {
            if digit.len() != 1 || !DIGITS.contains(digit) {
                return Err(damaged());
            }
            Fence::read(item)?;
        } else if sort_key.starts_with(PENDING) {
            let pending = Pending::read(item)?;
            let group = self.groups.entry(pending.group.clone()).or_default();
            group.pending = Some(pending);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn add_edge(&mut self, rest: &str, item: &Item) -> Result<(), StoreError> {
        let damaged = || damaged(item, SORT_KEY);
        let (group, end) = rest
            .split_once('#')
            .map_or((rest, None), |(group, end)| (group, Some(end)));
        let group = ResourceId::parse(group).ok_or_else(damaged)?;
        let group = self.groups.entry(group).or_default();
        match end {
            None => group.head = Mark::read(item)?,
            Some("~") => group.tail = Mark::read(item)?,
            Some(user) => {
                let user = ResourceId::parse(user).ok_or_else(damaged)?;
                group.edges.add(&user, optional_text(item, DISPLAY)?);
                *group.counts.entry(digit(&user)).or_default() += 1;
            }
        }
        Ok(())
    }
}

impl SeenGroup {
    /// Whether something waits for a change that is not the pending one, or the head and the tail
    /// of the edges do not agree.
    fn is_stuck(&self) -> bool {
        let record = self.pending.as_ref().map(|pending| &pending.record);
        let shards = self.shards.values();
        let is_stale = shards
            .filter_map(|shard| shard.pending.as_ref())
            .any(|of| Some(of) != record);
        is_stale
            || self.head.pending.as_ref() != record
            || self.head.large.unwrap_or_default() != self.tail.large.unwrap_or_default()
    }

    /// The digits whose shards may not count what is there.
    fn wrong_shards(&self) -> impl Iterator<Item = char> {
        DIGITS.chars().filter(|digit| {
            let counted = self.shards.get(digit).map_or(0, |shard| shard.count);
            let is_wrong = counted != self.counts.get(digit).copied().unwrap_or_default();
            // What is pending is counted already, which only a closer look can tell.
            is_wrong || (self.pending.is_some() && self.shards.contains_key(digit))
        })
    }
}

impl Memberships<'_> {
    /// Everything that does not match, except single memberships.
    pub(in crate::audit) fn suspects(self, now: OffsetDateTime) -> Vec<Defect> {
        let mut suspects = Vec::new();
        for (id, group) in &self.seen.groups {
            let mut add = |kind| suspects.push(Defect::of_group(kind, id));
            if !self.groups.is_known(id) {
                add(DefectKind::EndedGroup);
                continue;
            }
            if let Some(pending) = &group.pending {
                // Whether its records are there only a closer look can tell.
                add(DefectKind::BrokenPending);
                if pending.at.saturating_add(OVERDUE) < now {
                    add(DefectKind::OverduePending);
                }
            }
            if group.is_stuck() {
                add(DefectKind::StuckGroup);
            }
            for digit in group.wrong_shards() {
                suspects.push(Defect::of_shard(id, digit));
            }
        }
        suspects
    }

    /// What is to be read again, edge by edge.
    pub(super) fn unequal(self) -> Unequal {
        let mut unequal = Unequal::default();
        for (id, group) in &self.seen.groups {
            if !self.groups.is_known(id) {
                unequal.ended.insert(id.clone());
            }
            if group.edges != group.reverse {
                unequal.groups.insert(id.clone());
            }
        }
        for (id, user) in &self.seen.users {
            let is_gone = !self.users.is_there(id);
            let can_return = self.users.is_known(id);
            if is_gone && (user.is_member || (user.has_left && !can_return)) {
                unequal.users.insert(id.clone(), can_return);
            }
        }
        unequal
    }
}
