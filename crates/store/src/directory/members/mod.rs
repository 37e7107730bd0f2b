//! Who is a member of which group.
//!
//! A membership is an edge: two items, written and removed together, one found from the group and
//! one from the user. Nothing else says who is a member; a group's document never does. Shards
//! beside the group count its members, each those whose ids start with one digit, so that changes
//! of different members rarely meet.
//!
//! A change (`change`) that fits in one transaction is made by it (`make` chooses, `small`). Of a
//! larger one it is first read whom it concerns (`known`); then one transaction decides it and
//! writes it down as a pending one (`large`), and it is carried out in steps (`carry`), by the
//! request that decided it or by any later one. Whoever reads edges lays the pending change over
//! them (`pending`; `read` from groups, `groups_of` from users, `pairs` of both, `page` a part of
//! them), so that to every reader it was made at once. Shards count it from the moment it is
//! decided.

mod carry;
mod change;
pub(crate) mod edge;
pub(crate) mod fence;
mod groups_of;
mod known;
mod large;
mod leave;
mod make;
mod page;
mod pairs;
pub(crate) mod pending;
pub(crate) mod read;
pub(crate) mod record;
mod returning;
pub(crate) mod shard;
mod small;

use std::collections::{BTreeMap, BTreeSet};

use scim::ResourceId;

use super::keys::members::digit;

pub use change::{Attributes, ChangeOfMembers, MembersChanged};
pub use groups_of::InGroup;
pub use page::{MembersPage, Part};
pub use pending::PendingChange;
pub use read::{Member, Wanted};
pub use record::MemberRecord;

/// A change of a group's members that changes something for each of the users it names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Delta {
    /// Who becomes a member, with what the client calls them.
    pub added: BTreeMap<ResourceId, Option<String>>,
    /// Who is no member any more.
    pub removed: BTreeSet<ResourceId>,
}

/// What a change does to the members that a shard counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Moves {
    /// How many more they are.
    pub by: i64,
    /// Whether the change makes somebody a member.
    pub joins: bool,
    /// Whether the change ends somebody's membership. What is left by a deletion itself is none.
    pub parts: bool,
}

impl Delta {
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    /// Takes in another part of the same change.
    pub fn extend(&mut self, part: Self) {
        self.added.extend(part.added);
        self.removed.extend(part.removed);
    }

    /// Everybody whom it names, in the order of their ids.
    pub fn ids(&self) -> BTreeSet<&ResourceId> {
        self.added.keys().chain(&self.removed).collect()
    }

    /// What it does to each shard that it touches.
    pub fn by_digit(&self) -> BTreeMap<char, Moves> {
        let mut all = BTreeMap::<char, Moves>::new();
        for id in self.added.keys() {
            let moves = all.entry(digit(id)).or_default();
            moves.by += 1;
            moves.joins = true;
        }
        for id in &self.removed {
            let moves = all.entry(digit(id)).or_default();
            moves.by -= 1;
            moves.parts = true;
        }
        all
    }

    /// The part of it whose ids start with this digit.
    pub fn of_digit(&self, of: char) -> Self {
        let added = self.added.iter().filter(|(id, _)| digit(id) == of);
        let removed = self.removed.iter().filter(|id| digit(id) == of);
        Self {
            added: added.map(|(id, of)| (id.clone(), of.clone())).collect(),
            removed: removed.cloned().collect(),
        }
    }
}
