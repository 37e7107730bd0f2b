//! The keys of what an operator has begun and not completed.

use scim::ResourceId;

/// The start of the sort keys of all erasures that are under way.
pub(crate) const ERASURES: &str = "X#";

/// The sort key of the erasure of a user.
pub(crate) fn erasure(user: &ResourceId) -> String {
    format!("{ERASURES}{user}")
}
