//! What a request does to a group, its members and its attributes, and what comes of it.

use std::collections::BTreeSet;

use scim::members::MemberChange;
use scim::schema::GROUPS;
use scim::{ResourceId, Stored};
use time::OffsetDateTime;

use crate::directory::keys;
use crate::directory::record::{Origin, Written};

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

impl ChangeOfMembers<'_> {
    /// The time of the change: later than what was read.
    pub(super) fn at(&self) -> OffsetDateTime {
        self.group.meta.changed(self.origin.at).last_modified
    }

    /// The sort key of its record, if it is of this time.
    pub(super) fn record(&self, at: OffsetDateTime) -> String {
        keys::members::member_record(&self.group.id, at, self.id)
    }

    /// Whether its transaction has an entry for the log, as far as is known who is left out.
    pub(super) fn is_logged(&self, leaves_members_out: bool) -> bool {
        let entry = self.origin.entry.as_ref();
        entry.is_some_and(|entry| leaves_members_out || entry.request.ignored > 0)
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
