//! The members of groups, as far as an audit compares them.
//!
//! There may be millions of memberships, so the walk keeps none of them. For each group it adds up
//! a hash of each edge, those found from the group and those found from users apart; what differs
//! is then read again, edge by edge (`compare`).
//!
//! A membership has no version of its own. What it is judged by is its shard, which every change of
//! it changes, and the pending change of its group, which every step that carries it out changes: a
//! suspect is a defect if both were the same before and after it was read, and in the round before.

mod compare;
mod judge;
mod mend;
pub(super) mod seen;

use scim::ResourceId;
use scim::schema::GROUPS;

use super::{CountDefect, Defect, DefectKind};
use crate::directory::keys;
use crate::directory::keys::members;

/// What of a group's members a defect is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub group: ResourceId,
    /// The user, of a membership.
    pub user: Option<ResourceId>,
    /// The digit, of a shard.
    pub digit: Option<char>,
    /// How what it is judged by was when it was last judged.
    pub stamp: Option<Stamp>,
}

/// What changes whenever somebody changes a group's members, or carries out a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    /// How often the members of the shard, or of all shards, have changed.
    pub changes: Option<u64>,
    /// The pending change, and how often it was written.
    pub pending: Option<(String, u64)>,
    /// How many large changes the head and the tail of the edges count.
    pub large: [Option<u64>; 2],
}

impl Defect {
    fn of_group(kind: DefectKind, group: &ResourceId) -> Self {
        let sort_key = match kind {
            DefectKind::BrokenPending | DefectKind::OverduePending => members::pending(group),
            DefectKind::EndedGroup => members::head(group),
            _ => keys::resource(&GROUPS, group),
        };
        Self::of_members(kind, sort_key, group, None, None)
    }

    fn of_edge(kind: DefectKind, group: &ResourceId, user: &ResourceId) -> Self {
        let sort_key = members::edge(group, user);
        Self::of_members(kind, sort_key, group, Some(user.clone()), None)
    }

    fn of_shard(group: &ResourceId, digit: char) -> Self {
        let kind = DefectKind::WrongMemberCount;
        let sort_key = members::shard(group, digit);
        Self::of_members(kind, sort_key, group, None, Some(digit))
    }

    fn of_members(
        kind: DefectKind,
        sort_key: String,
        group: &ResourceId,
        user: Option<ResourceId>,
        digit: Option<char>,
    ) -> Self {
        Self {
            kind,
            sort_key,
            resource: None,
            count: CountDefect::default(),
            resource_type: GROUPS.name,
            members: Some(Place {
                group: group.clone(),
                user,
                digit,
                stamp: None,
            }),
        }
    }
}
