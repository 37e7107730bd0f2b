//! Resources as items: the attributes as one JSON document, the rest beside it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Map;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::StoreError;
use super::tables::{EXPIRES_AT, PARTITION_KEY, SORT_KEY};
use scim::resource::rfc3339;
use scim::{Meta, Resource, ResourceId, Stored};

pub(super) type Item = HashMap<String, AttributeValue>;

/// The resource's attributes as JSON text.
const DOCUMENT: &str = "document";
/// [`Meta::version`]; every conditional write compares it.
const VERSION: &str = "version";
const CREATED: &str = "created";
const LAST_MODIFIED: &str = "last_modified";
const RESERVED_USER_NAME: &str = "reserved_user_name";
pub(super) const DELETED: &str = "deleted";
/// When the record of the latest change may go, in seconds since 1970: the audit knows by it whether a
/// record that is not there has to be.
pub(super) const RECORDED_UNTIL: &str = "recorded_until";
/// How many resources a counter counts.
pub(super) const COUNT: &str = "count";
/// How many of them are active; only the coarse counters say.
pub(super) const ACTIVE: &str = "active";
/// The id of the resource that holds a guarded value.
pub(super) const HOLDER: &str = "holder";

/// The longest document, in bytes. DynamoDB's limit of 400 KB for an item holds for the record of a
/// change too, which has the attributes before and after it.
const MAX_DOCUMENT: usize = 180 * 1024;

/// An item with nothing but its key.
pub(super) fn key(partition: &str, sort_key: String) -> Item {
    HashMap::from([
        (
            PARTITION_KEY.to_owned(),
            AttributeValue::S(partition.to_owned()),
        ),
        (SORT_KEY.to_owned(), AttributeValue::S(sort_key)),
    ])
}

/// A guard's item.
pub(super) fn guard(partition: &str, sort_key: String, holder: &ResourceId) -> Item {
    let mut item = key(partition, sort_key);
    item.insert(HOLDER.to_owned(), AttributeValue::S(holder.to_string()));
    item
}

/// The resource that holds a guarded value.
///
/// # Errors
/// [`StoreError::Damaged`] when the guard does not say.
pub(super) fn holder(item: &Item) -> Result<ResourceId, StoreError> {
    ResourceId::parse(text(item, HOLDER)?).ok_or_else(|| damaged(item, HOLDER))
}

/// A resource's item.
///
/// # Errors
/// [`StoreError::TooLarge`] when it does not fit.
pub(super) fn write(
    partition: &str,
    sort_key: String,
    stored: &Stored,
) -> Result<Item, StoreError> {
    let document = serde_json::to_string(stored.resource.attributes()).map_err(|error| {
        StoreError::Damaged(format!("a resource cannot be written as JSON: {error}"))
    })?;
    if document.len() > MAX_DOCUMENT {
        return Err(StoreError::TooLarge(format!(
            "the resource is {} bytes long, and {MAX_DOCUMENT} are accepted",
            document.len()
        )));
    }
    let mut item = key(partition, sort_key);
    item.extend([
        (DOCUMENT.to_owned(), AttributeValue::S(document)),
        (VERSION.to_owned(), number_of(stored.meta.version)),
        (
            CREATED.to_owned(),
            AttributeValue::S(rfc3339(stored.meta.created)),
        ),
        (
            LAST_MODIFIED.to_owned(),
            AttributeValue::S(rfc3339(stored.meta.last_modified)),
        ),
    ]);
    if let Some(name) = &stored.reserved_user_name {
        item.insert(
            RESERVED_USER_NAME.to_owned(),
            AttributeValue::S(name.clone()),
        );
    }
    Ok(item)
}

/// A tombstone: the resource's item, when it was deleted, and when DynamoDB may remove it.
///
/// # Errors
/// As [`write`].
pub(super) fn tombstone(
    partition: &str,
    sort_key: String,
    stored: &Stored,
    deleted: OffsetDateTime,
    expires: OffsetDateTime,
) -> Result<Item, StoreError> {
    let mut item = write(partition, sort_key, stored)?;
    item.insert(DELETED.to_owned(), AttributeValue::S(rfc3339(deleted)));
    item.insert(EXPIRES_AT.to_owned(), expiry(expires));
    Ok(item)
}

/// The resource of an item.
///
/// # Errors
/// [`StoreError::Damaged`] when it is not the item of a resource.
pub(super) fn read(item: &Item) -> Result<Stored, StoreError> {
    let id = text(item, SORT_KEY)?
        .rsplit_once('#')
        .and_then(|(_, id)| ResourceId::parse(id));
    let document: Map<String, serde_json::Value> =
        serde_json::from_str(text(item, DOCUMENT)?).map_err(|_| damaged(item, DOCUMENT))?;
    Ok(Stored {
        id: id.ok_or_else(|| damaged(item, SORT_KEY))?,
        meta: Meta {
            created: time(item, CREATED)?,
            last_modified: time(item, LAST_MODIFIED)?,
            version: number(item, VERSION)?,
        },
        resource: Resource::from_storage(document),
        reserved_user_name: match item.get(RESERVED_USER_NAME) {
            None => None,
            Some(_) => Some(text(item, RESERVED_USER_NAME)?.to_owned()),
        },
    })
}

/// When DynamoDB may remove an item by itself.
pub(super) fn expiry(expires: OffsetDateTime) -> AttributeValue {
    AttributeValue::N(expires.unix_timestamp().to_string())
}

/// When DynamoDB may remove the item by itself.
///
/// # Errors
/// [`StoreError::Damaged`] when it does not say.
pub(super) fn expires(item: &Item) -> Result<OffsetDateTime, StoreError> {
    seconds(item, EXPIRES_AT)
}

/// A time attribute in seconds since 1970.
///
/// # Errors
/// [`StoreError::Damaged`] when it is absent or no such number.
pub(super) fn seconds(item: &Item, name: &str) -> Result<OffsetDateTime, StoreError> {
    i64::try_from(number(item, name)?)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .ok_or_else(|| damaged(item, name))
}

/// A whole number as an attribute.
pub(super) fn number_of(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// What a counter counts. A counter that has gone wrong must not make lists fail.
///
/// # Errors
/// [`StoreError::Damaged`] when it is no counter.
pub(super) fn count(item: &Item) -> Result<u64, StoreError> {
    Ok(signed(item, COUNT)?.max(0).unsigned_abs())
}

/// How many active resources a coarse counter counts; it says so from the first one on.
///
/// # Errors
/// [`StoreError::Damaged`] when it does not say a number.
pub(super) fn active(item: &Item) -> Result<u64, StoreError> {
    match item.contains_key(ACTIVE) {
        true => Ok(signed(item, ACTIVE)?.max(0).unsigned_abs()),
        false => Ok(0),
    }
}

/// A number attribute of a counter, which is negative if it has gone wrong.
///
/// # Errors
/// [`StoreError::Damaged`] when it is absent or not a whole number.
pub(super) fn signed(item: &Item, name: &str) -> Result<i64, StoreError> {
    match item.get(name) {
        Some(AttributeValue::N(digits)) => digits.parse().map_err(|_| damaged(item, name)),
        _ => Err(damaged(item, name)),
    }
}

/// A number attribute.
///
/// # Errors
/// [`StoreError::Damaged`] when it is absent or not a whole number.
pub(super) fn number(item: &Item, name: &str) -> Result<u64, StoreError> {
    match item.get(name) {
        Some(AttributeValue::N(digits)) => digits.parse().map_err(|_| damaged(item, name)),
        _ => Err(damaged(item, name)),
    }
}

/// A string attribute.
///
/// # Errors
/// [`StoreError::Damaged`] when it is absent or not a string.
pub(super) fn text<'a>(item: &'a Item, name: &str) -> Result<&'a str, StoreError> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Ok(text),
        _ => Err(damaged(item, name)),
    }
}

/// A time attribute.
///
/// # Errors
/// [`StoreError::Damaged`] when it is absent or no RFC 3339 time.
pub(super) fn time(item: &Item, name: &str) -> Result<OffsetDateTime, StoreError> {
    OffsetDateTime::parse(text(item, name)?, &Rfc3339).map_err(|_| damaged(item, name))
}

/// Lookup keys hold values of attributes, so the sort key is shown to its second part only.
pub(super) fn damaged(item: &Item, name: &str) -> StoreError {
    let part = |name| match item.get(name) {
        Some(AttributeValue::S(text)) => text.as_str(),
        _ => "?",
    };
    let sort_key: Vec<&str> = part(SORT_KEY).splitn(3, '#').take(2).collect();
    StoreError::Damaged(format!(
        "attribute `{name}` of an item `{}` of `{}` in the directory table",
        sort_key.join("#"),
        part(PARTITION_KEY)
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stored() -> Stored {
        let mut attributes = Map::new();
        attributes.insert("userName".to_owned(), json!("lena"));
        Stored {
            id: ResourceId::parse("2819c223-7f76-453a-919d-413861904646").unwrap(),
            meta: Meta::new(OffsetDateTime::UNIX_EPOCH).changed(OffsetDateTime::UNIX_EPOCH),
            resource: Resource::from_storage(attributes),
            reserved_user_name: Some("old".to_owned()),
        }
    }

    fn item() -> Item {
        write(
            "T#acme",
            "U#2819c223-7f76-453a-919d-413861904646".to_owned(),
            &stored(),
        )
        .unwrap()
    }

    #[test]
    fn resources_round_trip() {
        assert_eq!(read(&item()).unwrap(), stored());
    }

    #[test]
    fn damage_is_told_and_not_guessed_over() {
        for name in [
            SORT_KEY,
            DOCUMENT,
            VERSION,
            CREATED,
            LAST_MODIFIED,
            RESERVED_USER_NAME,
        ] {
            let mut item = item();
            item.insert(name.to_owned(), AttributeValue::Null(true));
            let error = read(&item).unwrap_err();
            assert!(
                matches!(&error, StoreError::Damaged(text) if text.contains(name)),
                "{error}"
            );
        }
    }

    #[test]
    fn a_document_that_does_not_fit_is_refused() {
        let mut stored = stored();
        let mut attributes = Map::new();
        attributes.insert("title".to_owned(), json!("x".repeat(MAX_DOCUMENT)));
        stored.resource = Resource::from_storage(attributes);
        assert!(matches!(
            write("p", "s".to_owned(), &stored),
            Err(StoreError::TooLarge(_))
        ));
    }
}
