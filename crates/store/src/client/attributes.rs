//! Attributes of items, read and written the same way in both tables.
//!
//! An attribute of the wrong type is an error, never treated as absent: a damaged `revoked` must
//! not make a key valid again.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use scim::resource::rfc3339;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::StoreError;
use super::tables::{
    PARTITION_KEY, SECRETS_PARTITION_KEY, SECRETS_SORT_KEY, SESSIONS_PARTITION_KEY,
    SESSIONS_SORT_KEY, SORT_KEY,
};

/// An item of either table.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// Text as an attribute.
pub(crate) fn string(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A whole number as an attribute.
pub(crate) fn number_of(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// A human-readable time in RFC 3339 format.
pub(crate) fn timestamp(time: OffsetDateTime) -> AttributeValue {
    string(rfc3339(time))
}

/// A time in seconds since 1970, as DynamoDB's time to live reads it.
pub(crate) fn epoch_seconds(time: OffsetDateTime) -> AttributeValue {
    AttributeValue::N(time.unix_timestamp().to_string())
}

/// A string attribute.
///
/// # Errors
/// [`StoreError::Damaged`] when it is absent or not a string.
pub(crate) fn text<'a>(item: &'a Item, name: &str) -> Result<&'a str, StoreError> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Ok(text),
        _ => Err(damaged(item, name)),
    }
}

/// A string attribute that may be absent.
///
/// # Errors
/// [`StoreError::Damaged`] when it is there and not a string.
pub(crate) fn optional_text<'a>(item: &'a Item, name: &str) -> Result<Option<&'a str>, StoreError> {
    optional(item, name, text)
}

/// A non-negative whole number.
///
/// # Errors
/// [`StoreError::Damaged`] when it is absent or not such a number.
pub(crate) fn number(item: &Item, name: &str) -> Result<u64, StoreError> {
    digits(item, name)
}

/// A whole number.
///
/// # Errors
/// [`StoreError::Damaged`] when it is absent or not such a number.
pub(crate) fn signed(item: &Item, name: &str) -> Result<i64, StoreError> {
    digits(item, name)
}

fn digits<T: std::str::FromStr>(item: &Item, name: &str) -> Result<T, StoreError> {
    match item.get(name) {
        Some(AttributeValue::N(digits)) => digits.parse().map_err(|_| damaged(item, name)),
        _ => Err(damaged(item, name)),
    }
}

/// A boolean.
///
/// # Errors
/// [`StoreError::Damaged`] when it is absent or not a boolean.
pub(crate) fn flag(item: &Item, name: &str) -> Result<bool, StoreError> {
    match item.get(name) {
        Some(AttributeValue::Bool(flag)) => Ok(*flag),
        _ => Err(damaged(item, name)),
    }
}

/// A time in RFC 3339.
///
/// # Errors
/// [`StoreError::Damaged`] when it is absent or not such a time.
pub(crate) fn time(item: &Item, name: &str) -> Result<OffsetDateTime, StoreError> {
    OffsetDateTime::parse(text(item, name)?, &Rfc3339).map_err(|_| damaged(item, name))
}

/// A time in RFC 3339 that may be absent.
///
/// # Errors
/// [`StoreError::Damaged`] when it is there and not such a time.
pub(crate) fn optional_time(item: &Item, name: &str) -> Result<Option<OffsetDateTime>, StoreError> {
    optional(item, name, time)
}

/// A time in seconds since 1970.
///
/// # Errors
/// [`StoreError::Damaged`] when it is absent or not such a number.
pub(crate) fn seconds(item: &Item, name: &str) -> Result<OffsetDateTime, StoreError> {
    i64::try_from(number(item, name)?)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .ok_or_else(|| damaged(item, name))
}

/// A time as a number of milliseconds since 1970, which conditions can compare.
pub(crate) fn in_milliseconds(time: OffsetDateTime) -> u64 {
    let milliseconds = time.unix_timestamp_nanos() / 1_000_000;
    u64::try_from(milliseconds).unwrap_or_default()
}

/// A time in milliseconds since 1970.
///
/// # Errors
/// [`StoreError::Damaged`] when it is absent or not such a number.
pub(crate) fn milliseconds(item: &Item, name: &str) -> Result<OffsetDateTime, StoreError> {
    let nanoseconds = i128::from(number(item, name)?).saturating_mul(1_000_000);
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).map_err(|_| damaged(item, name))
}

/// Reads an attribute if it exists.
pub(crate) fn optional<'a, T>(
    item: &'a Item,
    name: &str,
    read: impl FnOnce(&'a Item, &str) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    item.contains_key(name)
        .then(|| read(item, name))
        .transpose()
}

/// The error for a malformed attribute.
pub(crate) fn damaged(item: &Item, name: &str) -> StoreError {
    StoreError::Damaged(format!("attribute `{name}` of {}", described(item)))
}

/// What an error says of an item. It goes to the log, which holds nothing about a person and no
/// digest of a key: of a sort key it only shows the kind of item and, for a key, its id.
pub(crate) fn described(item: &Item) -> String {
    let part = |names: [&str; 3]| match names.iter().find_map(|name| item.get(*name)) {
        Some(AttributeValue::S(text)) => text.as_str(),
        _ => "?",
    };
    let sort_key = part([SORT_KEY, SECRETS_SORT_KEY, SESSIONS_SORT_KEY]);
    let (kind, rest) = sort_key.split_once('#').unwrap_or((sort_key, ""));
    let key_id = match (kind, rest.get(..KEY_ID)) {
        ("KEY", Some(id)) => format!("#{id}"),
        _ => String::new(),
    };
    format!(
        "an item of the kind `{kind}{key_id}` of `{}`",
        part([PARTITION_KEY, SECRETS_PARTITION_KEY, SESSIONS_PARTITION_KEY])
    )
}

/// This many digits of a digest are the key's id, which logs may contain.
const KEY_ID: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    fn item(partition: &str, sort_key: &str) -> Item {
        let names = match partition.starts_with("TENANT#") {
            true => [SECRETS_PARTITION_KEY, SECRETS_SORT_KEY],
            false => [PARTITION_KEY, SORT_KEY],
        };
        let names = names.map(str::to_owned).into_iter();
        names.zip([string(partition), string(sort_key)]).collect()
    }

    #[test]
    fn damage_is_told_without_ids_of_users_values_and_digests() {
        for (partition, sort_key, told) in [
            (
                "T#acme",
                "U#2819c223-7f76-453a-919d-413861904646",
                "`U` of `T#acme`",
            ),
            ("T#acme", "L#U#userName#lena#2819c223", "`L` of `T#acme`"),
            ("TENANT#acme", "TENANT", "`TENANT` of `TENANT#acme`"),
            (
                "TENANT#acme",
                "KEY#ba7816bf8f01cfea414140de",
                "`KEY#ba7816bf8f01` of `TENANT#acme`",
            ),
        ] {
            let error = damaged(&item(partition, sort_key), "x").to_string();
            assert_eq!(
                error,
                format!("stored item is damaged: attribute `x` of an item of the kind {told}")
            );
        }
    }

    #[test]
    fn an_attribute_of_another_type_is_damage_and_not_absence() {
        let mut item = item("p", "s");
        assert_eq!(optional_time(&item, "x").unwrap(), None);
        assert_eq!(optional_text(&item, "x").unwrap(), None);
        item.insert("x".to_owned(), AttributeValue::Null(true));
        assert!(optional_time(&item, "x").is_err());
        assert!(optional_text(&item, "x").is_err());
        assert!(number(&item, "x").is_err() && signed(&item, "x").is_err());
        assert!(flag(&item, "x").is_err() && seconds(&item, "x").is_err());
        item.insert("x".to_owned(), AttributeValue::N("-1".to_owned()));
        assert_eq!(signed(&item, "x").unwrap(), -1);
        assert!(number(&item, "x").is_err());
    }
}
