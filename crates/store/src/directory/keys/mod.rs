//! Every key of the directory table, on one page.
//!
//! The partition key is the tenant, so no key of one tenant can be a key of another. `<T>` is the
//! letter of the resource type.
//!
//! | sort key | item |
//! |---|---|
//! | `<T>#<id>` | a resource |
//! | `L#<T>#<attribute>#<value>#<id>` | lookup: the resource has this value |
//! | `N#<T>#<attribute>#<value>` | guard: the value is taken in the tenant |
//! | `C#<T>#<first two digits of ids>` | counter: how many resources have such an id |
//! | `F#<T>#<first four digits of ids>` | counter, finer |
//! | `D#<T>#<id>` | tombstone of a deleted resource |
//! | `E#<time>#<T>#<id>#<version>` | change record: what led to this version |
//! | `B#<T>` | breaker: how many resources may lose access lately, at most |
//! | `B#<T>#<last digit of ids>` | a share of it: how many have |
//! | `R#<hour>#<status>#<reason>#<route>` | counter of refused requests |
//! | `H#<hour>` | counter of answers |
//! | `P#<time>#<request id>`, of a bulk request's operation `#<its place>` | logged request |
//! | `K#<key id>` | what is known of the use of an API key |
//! | `A#<digest of the token>` | access token |
//! | `W#<issuer>` | web keys of an issuer |
//! | `X#<id>` | an erasure that is under way: by which values the person is found |
//!
//! `members` makes the keys of what belongs to the members of groups, `usage` those of what is
//! noted about requests, `access` those of what clients are let in with.
//!
//! Values appear in sort keys as the schema compares them: folded unless `caseExact`. `#` and `%`
//! are percent-encoded, so that no value can reach into the next part. Folding can make a text up
//! to eleven times as long, so lengths are those of what is in the key.

pub(crate) mod access;
mod kind;
pub(crate) mod members;
mod under_way;
pub(crate) mod usage;

use std::borrow::Cow;
use std::collections::BTreeSet;

use scim::resource::{rfc3339, select};
use scim::schema::{ALL, BoundPath, Resolved, USERS};
use scim::text::fold;
use scim::{Resource, ResourceId, ResourceType, Stored};
use serde_json::Value;
use tenant::TenantId;
use time::OffsetDateTime;

use crate::StoreError;

pub(crate) use kind::kind;
pub(crate) use under_way::{ERASURES, erasure};

/// The longest value in a lookup key, in bytes. DynamoDB allows 1,024 for the whole key. Lookups
/// only narrow the candidates and the filter is evaluated on them, so a truncated value is fine.
const MAX_LOOKUP_VALUE: usize = 512;

/// The longest value that can be guarded, in bytes as encoded in the key.
const MAX_GUARDED_VALUE: usize = 900;

/// Maximum number of lookups and guards of a resource. One transaction must be able to remove all
/// of them and write as many others, plus the resource itself; DynamoDB allows 100 actions.
pub(crate) const MAX_KEYS: usize = 45;

/// What the sort keys of each kind of item of a resource type start with.
pub(crate) struct Kinds {
    pub resources: String,
    pub lookups: String,
    pub guards: String,
    pub counters: [String; 2],
    pub tombstones: String,
}

/// What the sort keys of each kind of item of a resource type start with.
pub(crate) fn kinds(resource_type: &ResourceType) -> Kinds {
    let letter = letter(resource_type);
    Kinds {
        resources: format!("{letter}#"),
        lookups: format!("L#{letter}#"),
        guards: format!("N#{letter}#"),
        counters: [format!("C#{letter}#"), format!("F#{letter}#")],
        tombstones: tombstones(resource_type),
    }
}

/// The digits of ids, in order.
pub(crate) const DIGITS: &str = "0123456789abcdef";

/// Maximum number of counters of a kind: one for each value of two digits.
pub(crate) const BUCKETS: usize = 256;

/// The partition key of everything the tenant owns in the directory.
pub(crate) fn partition(tenant: &TenantId) -> String {
    format!("T#{tenant}")
}

/// Whose partition has this key.
pub(crate) fn tenant(partition: &str) -> Option<TenantId> {
    TenantId::parse(partition.strip_prefix("T#")?).ok()
}

/// The sort key of a resource.
pub(crate) fn resource(resource_type: &ResourceType, id: &ResourceId) -> String {
    format!("{}#{id}", letter(resource_type))
}

/// A sort key at or below those of all resources whose ids start with these digits or higher ones.
pub(crate) fn resources_from(resource_type: &ResourceType, digits: &str) -> String {
    format!("{}#{digits}", letter(resource_type))
}

/// A sort key above those of all resources of a type.
pub(crate) fn resources_end(resource_type: &ResourceType) -> String {
    format!("{}#~", letter(resource_type))
}

/// The sort key of a deleted resource's tombstone.
pub(crate) fn tombstone(resource_type: &ResourceType, id: &ResourceId) -> String {
    format!("D#{}#{id}", letter(resource_type))
}

/// The start of the sort keys of all tombstones of a type.
pub(crate) fn tombstones(resource_type: &ResourceType) -> String {
    format!("D#{}#", letter(resource_type))
}

/// The start of the sort keys of all change records.
pub(crate) const CHANGES: &str = "E#";

/// The sort key of the record of the change that led to this version. The time is the version's
/// time of last change, so a resource shows where its latest record is.
pub(crate) fn change(
    resource_type: &ResourceType,
    id: &ResourceId,
    at: OffsetDateTime,
    version: u64,
) -> String {
    format!(
        "{}#{}#{id}#{version}",
        changes_from(at),
        letter(resource_type)
    )
}

/// A sort key at or below those of all change records from this time on, and above all others.
pub(crate) fn changes_from(at: OffsetDateTime) -> String {
    format!("{CHANGES}{}", rfc3339(at))
}

/// The id of the user whose change the record with this sort key is of.
pub(crate) fn changed_user(sort_key: &str) -> Option<&str> {
    let mut parts = sort_key.strip_prefix(CHANGES)?.split('#').skip(1);
    (parts.next()? == letter(&USERS).to_string())
        .then(|| parts.next())
        .flatten()
}

/// Whether the item with this sort key belongs to no resource: the use of a key, a counter of
/// refused requests or of answers, a logged request, or what is under way.
pub(crate) fn belongs_to_no_resource(sort_key: &str) -> bool {
    [
        usage::KEY_USES,
        usage::REFUSALS,
        usage::ANSWERS,
        usage::REQUESTS,
        ERASURES,
    ]
    .iter()
    .any(|prefix| sort_key.starts_with(prefix))
        || access::is_access(sort_key)
}

/// The sort key of the breaker of a type, with which those of its shares start.
pub(crate) fn breaker(resource_type: &ResourceType) -> String {
    format!("B#{}", letter(resource_type))
}

/// The sort key of a share of the breaker of a type.
pub(crate) fn breaker_share_of(resource_type: &ResourceType, share: u64) -> String {
    format!("{}#{share:x}", breaker(resource_type))
}

/// The number of the share of the breaker that has this sort key, if it is one.
pub(crate) fn breaker_share(resource_type: &ResourceType, sort_key: &str) -> Option<u64> {
    let digit = sort_key
        .strip_prefix(&breaker(resource_type))?
        .strip_prefix('#')?;
    // No other form of the same number.
    let number = u64::from_str_radix(digit, 16).ok()?;
    (breaker_share_of(resource_type, number) == sort_key).then_some(number)
}

/// The start of the sort keys of the counters by the first two digits.
pub(crate) fn coarse_counters(resource_type: &ResourceType) -> String {
    format!("C#{}#", letter(resource_type))
}

/// The start of the sort keys of the counters by the first four digits, given the first two.
pub(crate) fn fine_counters(resource_type: &ResourceType, digits: &str) -> String {
    format!("F#{}#{digits}", letter(resource_type))
}

/// The sort keys of the counters that a resource is counted in.
pub(crate) fn counters(resource_type: &ResourceType, id: &ResourceId) -> [String; 2] {
    let digits = |count| id.as_str().get(..count).unwrap_or_default();
    [
        format!("{}{}", coarse_counters(resource_type), digits(2)),
        fine_counters(resource_type, digits(4)),
    ]
}

/// The start of the sort keys of all lookups of resources with this value of the attribute.
pub(crate) fn lookup(resource_type: &ResourceType, path: &BoundPath, value: &str) -> String {
    format!("{}#", lookup_prefix(resource_type, path, value))
}

/// The start of the sort keys of all lookups of resources whose value of the attribute starts
/// with this. Keys have no blanks around their values, so those of `start` do not count, and more
/// may be found than is meant.
pub(crate) fn lookup_prefix(resource_type: &ResourceType, path: &BoundPath, start: &str) -> String {
    let start = comparable(path, start);
    let start = escape(&start);
    format!(
        "L#{}#{path}#{}",
        letter(resource_type),
        cut(&start, MAX_LOOKUP_VALUE)
    )
}

/// The id at the end of a lookup's sort key.
pub(crate) fn lookup_id(sort_key: &str) -> Option<ResourceId> {
    ResourceId::parse(sort_key.rsplit_once('#')?.1)
}

/// Whether the attribute can be looked up.
pub(crate) fn has_lookup(resource_type: &ResourceType, path: &BoundPath) -> bool {
    lookup_paths(resource_type).any(|indexed| {
        indexed.extension == path.extension
            && indexed.attribute.name == path.attribute.name
            && indexed.sub_attribute.map(|sub| sub.name) == path.sub_attribute.map(|sub| sub.name)
    })
}

/// The sort keys of all lookups of a resource.
pub(crate) fn lookups(
    resource_type: &ResourceType,
    id: &ResourceId,
    resource: &Resource,
) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for path in lookup_paths(resource_type) {
        for value in select(resource.attributes(), &path).filter_map(Value::as_str) {
            keys.insert(format!("{}{id}", lookup(resource_type, &path, value)));
        }
    }
    keys
}

/// The sort keys of all guards of a resource: its unique value, and the one that is reserved for
/// it.
///
/// # Errors
/// [`StoreError::TooLarge`] when the value is too long for a key.
pub(crate) fn guards(
    resource_type: &ResourceType,
    stored: &Stored,
) -> Result<BTreeSet<String>, StoreError> {
    let attribute = resource_type.unique;
    [stored.resource.text(attribute), stored.reserved.as_deref()]
        .into_iter()
        .flatten()
        .map(|value| guard(resource_type, value))
        .collect()
}

/// The sort key of the guard of a unique value.
///
/// # Errors
/// [`StoreError::TooLarge`] when the value is too long for a key.
pub(crate) fn guard(resource_type: &ResourceType, value: &str) -> Result<String, StoreError> {
    let attribute = resource_type.unique;
    let folded = escape(&fold(value)).into_owned();
    if folded.len() > MAX_GUARDED_VALUE {
        return Err(StoreError::TooLarge(format!(
            "`{attribute}` is {} bytes long as it is compared, and {MAX_GUARDED_VALUE} are accepted",
            folded.len()
        )));
    }
    Ok(format!("N#{}#{attribute}#{folded}", letter(resource_type)))
}

/// The name of the type with this letter, if it is known.
pub(crate) fn type_of(letter: &str) -> Option<&'static str> {
    let mut letters = letter.chars();
    let (letter, None) = (letters.next()?, letters.next()) else {
        return None;
    };
    let found = ALL.iter().find(|known| known.letter == letter)?;
    Some(found.name)
}

fn letter(resource_type: &ResourceType) -> char {
    resource_type.letter
}

fn lookup_paths(resource_type: &ResourceType) -> impl Iterator<Item = BoundPath> {
    resource_type
        .lookups
        .iter()
        .filter_map(|name| match resource_type.resolve(name) {
            Ok(Resolved::Attribute(path)) => Some(path),
            _ => None,
        })
}

/// The value as the schema compares it.
pub(crate) fn comparable<'a>(path: &BoundPath, value: &'a str) -> Cow<'a, str> {
    if path.leaf().case_exact {
        Cow::Borrowed(value)
    } else {
        fold(value)
    }
}

fn escape(value: &str) -> Cow<'_, str> {
    if value.contains(['#', '%']) {
        Cow::Owned(value.replace('%', "%25").replace('#', "%23"))
    } else {
        Cow::Borrowed(value)
    }
}

/// The longest start of `text` of at most `length` bytes.
pub(crate) fn cut(text: &str, length: usize) -> &str {
    let end = (0..=length.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    fn id() -> ResourceId {
        ResourceId::parse("2819c223-7f76-453a-919d-413861904646").unwrap()
    }

    #[test]
    fn values_are_folded_as_the_schema_says_and_cannot_reach_beyond_their_part() {
        let mut attributes = Map::new();
        for (name, value) in [("userName", "Lena#1%"), ("externalId", "Abc")] {
            attributes.insert(name.to_owned(), json!(value));
        }
        attributes.insert(
            "emails".to_owned(),
            json!([{"value": "L@x"}, {"value": "l@X"}, {"type": "work"}]),
        );
        let keys = lookups(&USERS, &id(), &Resource::from_storage(attributes));
        assert_eq!(
            keys.into_iter().collect::<Vec<_>>(),
            [
                format!("L#U#emails.value#l@x#{}", id()),
                format!("L#U#externalId#Abc#{}", id()),
                format!("L#U#userName#lena%231%25#{}", id()),
            ]
        );
        assert_eq!(
            guard(&USERS, "Lena#1%").unwrap(),
            "N#U#userName#lena%231%25"
        );
    }

    /// With the letter of a kind, a type's resources would be read among the items of that kind.
    #[test]
    fn no_resource_type_has_the_letter_of_a_kind_of_item() {
        let of_any_type = [
            CHANGES.to_owned(),
            usage::KEY_USES.to_owned(),
            ERASURES.to_owned(),
            breaker(&USERS),
            usage::refusals_of(OffsetDateTime::UNIX_EPOCH),
            usage::answers(OffsetDateTime::UNIX_EPOCH),
            usage::requests_from(OffsetDateTime::UNIX_EPOCH),
        ];
        let kinds = kinds(&USERS);
        let of_a_type = [kinds.lookups, kinds.guards, kinds.tombstones];
        let taken: BTreeSet<_> = of_any_type
            .into_iter()
            .chain(of_a_type)
            .chain(kinds.counters)
            .filter_map(|key| key.chars().next())
            .collect();
        assert_eq!(taken, BTreeSet::from_iter("BCDEFHKLNPRX".chars()));
        assert!(ALL.iter().all(|known| !taken.contains(&known.letter)));
    }

    #[test]
    fn names_that_look_the_same_have_the_same_keys() {
        let Ok(Resolved::Attribute(path)) = USERS.resolve("userName") else {
            panic!("no userName")
        };
        for same in [
            "jose\u{301}",
            "JOSE\u{301} ",
            "\u{200b}jos\u{e9}",
            "\u{ff4a}os\u{e9}",
        ] {
            assert_eq!(guard(&USERS, same).unwrap(), "N#U#userName#jos\u{e9}");
            assert_eq!(
                lookup(&USERS, &path, same),
                "L#U#userName#jos\u{e9}#",
                "{same:?}"
            );
        }
        // A start with a blank at its end leads to all that start without it.
        assert_eq!(lookup_prefix(&USERS, &path, " Jo "), "L#U#userName#jo");
    }

    #[test]
    fn ids_and_buckets_come_back_from_keys() {
        assert_eq!(
            lookup_id(&format!("L#U#userName#a%23b#{}", id())),
            Some(id())
        );
        assert_eq!(counters(&USERS, &id()), ["C#U#28", "F#U#2819"]);
    }

    #[test]
    fn times_in_keys_sort_as_they_follow() {
        let second = OffsetDateTime::from_unix_timestamp(1_795_512_816).unwrap();
        let at = |milliseconds| second + time::Duration::milliseconds(milliseconds);
        assert_eq!(
            change(&USERS, &id(), second, 7),
            format!("E#2026-11-24T09:33:36.000Z#U#{}#7", id())
        );
        let keys = [0, 20, 100, 1000].map(|milliseconds| changes_from(at(milliseconds)));
        assert!(keys.is_sorted(), "{keys:?}");
    }

    #[test]
    fn long_values_stay_within_dynamodb_s_limit() {
        let long = "é".repeat(2000);
        let Ok(Resolved::Attribute(path)) = USERS.resolve("userName") else {
            panic!("no userName")
        };
        assert!(lookup(&USERS, &path, &long).len() + 36 <= 1024);
        assert!(matches!(guard(&USERS, &long), Err(StoreError::TooLarge(_))));
        assert!(guard(&USERS, &"#".repeat(300)).unwrap().len() <= 1024);
        // One character that is compared as 18.
        let expanding = "\u{fdfa}".repeat(300);
        assert!(lookup(&USERS, &path, &expanding).len() + 36 <= 1024);
        assert!(matches!(
            guard(&USERS, &expanding),
            Err(StoreError::TooLarge(_))
        ));
        for length in 1..60 {
            let expanding = "\u{fdfa}".repeat(length);
            if let Ok(key) = guard(&USERS, &expanding) {
                assert!(key.len() <= 1024, "{length}");
            }
        }
    }
}
