//! The keys of what belongs to the members of groups. `d` is a hexadecimal digit.
//!
//! | sort key | item |
//! |---|---|
//! | `G#<g>#<d>` | shard: counts the members of a group whose ids start with this digit |
//! | `M#<g>` | head of a group's edges |
//! | `M#<g>#<u>` | edge: a user is a member of a group |
//! | `M#<g>#~` | tail of a group's edges |
//! | `I#<u>#<g>` | the same edge, from the user |
//! | `J#!<d>` | fence: the users whose ids start with this digit |
//! | `J#<g>` | pending change of a group's members |
//! | `E#<time>#M#<g>#<change id>` | membership record, of a small change |
//! | `E#<time>#M#<g>#<change id>#<d>` | the same of a large change: a part for each digit |
//! | `E#<time>#M#<g>#<change id>#~<n>` | what a step of a large change has carried out |
//! | `E#<time>#I#<u>#<g>` | record of a user who came back to groups after being restored |

use scim::schema::GROUPS;
use scim::{ResourceId, ResourceType};
use time::OffsetDateTime;

use super::{changes_from, resource};

/// The start of the sort keys of all edges, seen from groups.
pub(crate) const EDGES: &str = "M#";

/// The start of the sort keys of all edges, seen from users.
pub(crate) const EDGES_OF_USERS: &str = "I#";

/// The start of the sort keys of all pending changes, and of the fences before them.
pub(crate) const PENDING: &str = "J#";

/// A sort key below those of all pending changes, and above those of all fences.
pub(crate) const PENDING_FROM: &str = "J#0";

/// A sort key above those of all pending changes.
pub(crate) const PENDING_END: &str = "J#~";

/// The start of the sort keys of all fences. They come before all pending changes, so a Query of
/// both reads the fences first.
pub(crate) const FENCES: &str = "J#!";

/// The letter of membership records, where those of resources have that of their type.
pub(crate) const OF_MEMBERS: &str = "M";

/// The letter of the records of users who come back to groups after they are restored; earlier
/// releases also wrote them of users who left groups before they were deleted.
pub(crate) const OF_RETURNING: &str = "I";

/// What comes between the sort key of a large change's record and the number of a step.
const STEP: &str = "#~";

/// The digit that decides in which shard a member is counted, and by which fence it stands.
pub(crate) fn digit(id: &ResourceId) -> char {
    id.as_str().chars().next().unwrap_or('0')
}

/// The sort key of a group's shard.
pub(crate) fn shard(group: &ResourceId, digit: char) -> String {
    format!("{}#{digit}", resource(&GROUPS, group))
}

/// The group of the item with this sort key if it is a shard; `None` within if it has none.
pub(crate) fn shard_group(sort_key: &str) -> Option<Option<ResourceId>> {
    let (group, _) = sort_key.strip_prefix("G#")?.split_once('#')?;
    Some(ResourceId::parse(group))
}

/// The digit of the shard with this sort key, if it is one.
pub(crate) fn shard_digit(sort_key: &str) -> Option<char> {
    shard_group(sort_key)??;
    let mut digits = sort_key.rsplit_once('#')?.1.chars();
    let (digit, None) = (digits.next()?, digits.next()) else {
        return None;
    };
    super::DIGITS.contains(digit).then_some(digit)
}

/// A sort key above that of a resource and of what is kept beside it, and below the next one's.
pub(crate) fn resource_end(resource_type: &ResourceType, id: &ResourceId) -> String {
    format!("{}~", resource(resource_type, id))
}

/// The sort key of the head of a group's edges.
pub(crate) fn head(group: &ResourceId) -> String {
    format!("{EDGES}{group}")
}

/// The sort key of the edge from a group to a user.
pub(crate) fn edge(group: &ResourceId, user: &ResourceId) -> String {
    format!("{EDGES}{group}#{user}")
}

/// The sort key of the tail of a group's edges.
pub(crate) fn tail(group: &ResourceId) -> String {
    format!("{EDGES}{group}#~")
}

/// The sort key of the edge from a user to a group.
pub(crate) fn edge_of_user(user: &ResourceId, group: &ResourceId) -> String {
    format!("{}{group}", edges_of_user(user))
}

/// The start of the sort keys of all edges from a user.
pub(crate) fn edges_of_user(user: &ResourceId) -> String {
    format!("{EDGES_OF_USERS}{user}#")
}

/// The two ids in the sort key of an edge: a group and a user, or a user and a group.
pub(crate) fn ends(sort_key: &str) -> Option<(ResourceId, ResourceId)> {
    let mut parts = sort_key.split('#').skip(1);
    let (one, other, None) = (parts.next()?, parts.next()?, parts.next()) else {
        return None;
    };
    Some((ResourceId::parse(one)?, ResourceId::parse(other)?))
}

/// What an item among the edges of a group is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Head,
    /// The edge to this user.
    Edge(ResourceId),
    Tail,
}

/// The group of the item with this sort key, which is among its edges, and what it is.
pub(crate) fn place(sort_key: &str) -> Option<(ResourceId, Place)> {
    let rest = sort_key.strip_prefix(EDGES)?;
    let (group, place) = match rest.split_once('#') {
        None => (rest, Place::Head),
        Some((group, "~")) => (group, Place::Tail),
        Some((group, user)) => (group, Place::Edge(ResourceId::parse(user)?)),
    };
    Some((ResourceId::parse(group)?, place))
}

/// A sort key above those of all edges from a user.
pub(crate) fn edges_of_user_end(user: &ResourceId) -> String {
    format!("{}~", edges_of_user(user))
}

/// A sort key at or below those of the edges from a group to users whose ids start with this digit
/// or a higher one, and above the head.
pub(crate) fn edges_from(group: &ResourceId, digit: char) -> String {
    format!("{EDGES}{group}#{digit}")
}

/// The sort key of a group's pending change.
pub(crate) fn pending(group: &ResourceId) -> String {
    format!("{PENDING}{group}")
}

/// The sort key of the fence of the users whose ids start with this digit.
pub(crate) fn fence(digit: char) -> String {
    format!("{FENCES}{digit}")
}

/// The sort key of the record of a small change of a group's members, and the start of those of a
/// large one.
pub(crate) fn member_record(group: &ResourceId, at: OffsetDateTime, change: &ResourceId) -> String {
    format!("{}#{OF_MEMBERS}#{group}#{change}", changes_from(at))
}

/// The sort key of the record of a user who comes back to groups after being restored; the first of
/// them tells several such records apart.
pub(crate) fn returning_record(
    user: &ResourceId,
    at: OffsetDateTime,
    first: &ResourceId,
) -> String {
    format!("{}#{OF_RETURNING}#{user}#{first}", changes_from(at))
}

/// The sort key of the record of a step in which a large change is carried out: it comes after the
/// parts of the change's record. `sequence` tells the steps apart.
pub(crate) fn member_record_step(record: &str, sequence: u64) -> String {
    format!("{record}{STEP}{sequence}")
}

/// Whether this is the sort key of the record of a step.
pub(crate) fn is_step(sort_key: &str) -> bool {
    sort_key.starts_with(super::CHANGES) && sort_key.contains(STEP)
}

/// Where the sort keys of the parts of a large change's record begin, and where they end.
pub(crate) fn member_record_parts(record: &str) -> [String; 2] {
    [format!("{record}#"), format!("{record}{STEP}")]
}

/// The sort key of a part of the record of a large change.
pub(crate) fn member_record_part(record: &str, digit: char) -> String {
    format!("{record}#{digit}")
}
