//! What an item is, by its sort key alone: known kinds, and those of a newer release.

use super::{members, type_of};

/// What the item with this sort key is, in a word or two; `None` for a kind, or a resource type,
/// that this release does not know.
pub(crate) fn kind(sort_key: &str) -> Option<&'static str> {
    let mut parts = sort_key.split('#');
    let kind = parts.next()?;
    let (second, third) = (parts.next(), parts.next());
    let is_type = |letter: Option<&str>| letter.and_then(type_of).is_some();
    let of_a_type = KINDS_OF_A_TYPE.iter().find(|(letter, _)| *letter == kind);
    if let Some((_, name)) = of_a_type {
        return is_type(second).then_some(*name);
    }
    if let Some((_, name)) = KINDS.iter().find(|(letter, _)| *letter == kind) {
        return Some(*name);
    }
    match kind {
        "E" => {
            let is_known = third.is_none()
                || is_type(third)
                || [members::OF_MEMBERS, members::OF_RETURNING]
                    .map(Some)
                    .contains(&third);
            is_known.then_some("change records")
        }
        letter if !is_type(Some(letter)) => None,
        _ if members::shard_group(sort_key).is_some() => Some("shards"),
        letter => type_of(letter),
    }
}

/// The kinds of items whose letter is followed by that of a resource type.
const KINDS_OF_A_TYPE: &[(&str, &str)] = &[
    ("L", "lookups"),
    ("N", "guards"),
    ("C", "counters"),
    ("F", "finer counters"),
    ("D", "tombstones"),
    ("B", "breakers"),
];

/// The kinds of items whose letter is followed by something else.
const KINDS: &[(&str, &str)] = &[
    ("R", "refused requests"),
    ("H", "counts of answers"),
    ("P", "logged requests"),
    ("K", "uses of keys"),
    ("M", "members of groups"),
    ("I", "groups of users"),
    ("J", "pending changes, fences"),
    ("X", "erasures under way"),
    ("A", "access tokens"),
    ("W", "web keys"),
];

#[cfg(test)]
mod tests {
    use scim::ResourceId;
    use scim::schema::USERS;
    use time::OffsetDateTime;

    use super::super::*;

    fn id() -> ResourceId {
        ResourceId::parse("2819c223-7f76-453a-919d-413861904646").unwrap()
    }

    /// Whatever this release writes is of a kind that it knows.
    #[test]
    fn kinds_of_items_are_known_and_new_letters_are_not() {
        let (id, at) = (id(), OffsetDateTime::UNIX_EPOCH);
        let [coarse, fine] = counters(&USERS, &id);
        for (sort_key, expected) in [
            (resource(&USERS, &id), Some("User")),
            (format!("L#U#userName#lena#{id}"), Some("lookups")),
            (guard(&USERS, "lena").unwrap(), Some("guards")),
            (coarse, Some("counters")),
            (fine, Some("finer counters")),
            (tombstone(&USERS, &id), Some("tombstones")),
            (change(&USERS, &id, at, 1), Some("change records")),
            (members::member_record(&id, at, &id), Some("change records")),
            (
                members::returning_record(&id, at, &id),
                Some("change records"),
            ),
            (breaker(&USERS), Some("breakers")),
            (
                usage::refusal(at, 409, "uniqueness", "/Users"),
                Some("refused requests"),
            ),
            (
                format!("{}ba7816bf8f01", usage::KEY_USES),
                Some("uses of keys"),
            ),
            (members::shard(&id, '2'), Some("shards")),
            (members::head(&id), Some("members of groups")),
            (members::edge_of_user(&id, &id), Some("groups of users")),
            (members::pending(&id), Some("pending changes, fences")),
            (members::fence('2'), Some("pending changes, fences")),
            (erasure(&id), Some("erasures under way")),
            (
                access::token(&tenant::KeyDigest::of(b"token")),
                Some("access tokens"),
            ),
            (access::web_keys("2819c223"), Some("web keys")),
            (usage::answers(at), Some("counts of answers")),
            (
                usage::logged_request(at, "1", None),
                Some("logged requests"),
            ),
            ("ZZ#2026-11-24T09:33:36.000Z#1".to_owned(), None),
            (format!("T#{id}"), None),
            (format!("L#T#userName#lena#{id}"), None),
            (format!("D#T#{id}"), None),
            (format!("E#2026-11-24T09:33:36.000Z#T#{id}#1"), None),
            ("B#T".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(kind(&sort_key), expected, "{sort_key}");
        }
    }
}
