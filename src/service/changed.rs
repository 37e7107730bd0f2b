//! What came of a change.

use scim::Stored;
use store::directory::members::MembersChanged;

/// What came of a change.
pub(super) struct Changed {
    /// The resource as it is now; or, of a deleted one, as it was. If its members have changed,
    /// what is known of them is older.
    pub stored: Stored,
    /// What became of its members, if the request speaks of them.
    pub members: MembersChanged,
    /// Whether the request has created it.
    pub is_new: bool,
    /// Whether anything was written.
    pub is_written: bool,
}

impl From<Stored> for Changed {
    fn from(stored: Stored) -> Self {
        Self {
            stored,
            members: MembersChanged::default(),
            is_new: false,
            is_written: true,
        }
    }
}
