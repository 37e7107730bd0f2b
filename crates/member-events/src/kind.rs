//! What an event tells of.

use serde::{Serialize, Serializer};

/// What happened. docs/EVENTS.md has a line for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// There is a new member.
    MemberCreated,
    /// Attributes changed; access did not.
    MemberUpdated,
    /// The member got access, with whatever else changed.
    MemberActivated,
    /// The member lost access, with whatever else changed.
    MemberDeactivated,
    /// The member is gone, and is in no group.
    MemberDeleted,
    /// The member is there again, in the groups of before.
    MemberRestored,
    /// Nothing happened: how a member is, for one who starts to listen.
    MemberSnapshot,
    /// There is a record of a change that cannot be read.
    MemberUnreadable,
    /// There is a new group.
    GroupCreated,
    /// Attributes changed.
    GroupUpdated,
    /// The group is gone, and has no members.
    GroupDeleted,
    /// The group is there again, with the members of before.
    GroupRestored,
    /// Nothing happened: how a group is, for one who starts to listen.
    GroupSnapshot,
    /// Users became members of a group.
    GroupMemberAdded,
    /// Users are members of a group no more.
    GroupMemberRemoved,
}

/// What the names of all types start with.
const PREFIX: &str = "com.hellotracks.";

/// Every kind, with the rest of its name.
const NAMES: &[(Kind, &str)] = &[
    (Kind::MemberCreated, "member.created"),
    (Kind::MemberUpdated, "member.updated"),
    (Kind::MemberActivated, "member.activated"),
    (Kind::MemberDeactivated, "member.deactivated"),
    (Kind::MemberDeleted, "member.deleted"),
    (Kind::MemberRestored, "member.restored"),
    (Kind::MemberSnapshot, "member.snapshot"),
    (Kind::MemberUnreadable, "member.unreadable"),
    (Kind::GroupCreated, "group.created"),
    (Kind::GroupUpdated, "group.updated"),
    (Kind::GroupDeleted, "group.deleted"),
    (Kind::GroupRestored, "group.restored"),
    (Kind::GroupSnapshot, "group.snapshot"),
    (Kind::GroupMemberAdded, "group.member_added"),
    (Kind::GroupMemberRemoved, "group.member_removed"),
];

impl Kind {
    /// Every kind.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(kind, _)| *kind)
    }

    /// The name without what all names start with, such as `member.created`.
    pub fn short(self) -> &'static str {
        let named = NAMES.iter().find(|(kind, _)| *kind == self);
        named.map_or("", |(_, name)| name)
    }

    /// The type of its events (CloudEvents `type`).
    pub fn name(self) -> String {
        format!("{PREFIX}{}", self.short())
    }

    /// Whether what it tells of is gone.
    pub(crate) fn is_deletion(self) -> bool {
        matches!(self, Self::MemberDeleted | Self::GroupDeleted)
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name())
    }
}
