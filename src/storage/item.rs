//! Resources as items: the attributes as one JSON document, the rest beside it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Map;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::StoreError;
use super::tables::{EXPIRES_AT, PARTITION_KEY, SORT_KEY};
use crate::scim::resource::rfc3339;
use crate::scim::{Meta, Resource, ResourceId, Stored};

pub(super) type Item = HashMap<String, AttributeValue>;

/// The resource's attributes as JSON text.
const DOCUMENT: &str = "document";
/// [`Meta::version`]; every conditional write compares it.
const VERSION: &str = "version";
const CREATED: &str = "created";
const LAST_MODIFIED: &str = "last_modified";
const RESERVED_USER_NAME: &str = "reserved_user_name";
const DELETED: &str = "deleted";
/// How many resources a counter counts.
pub(super) const COUNT: &str = "count";
/// The id of the resource that holds a guarded value.
const HOLDER: &str = "holder";

/// The longest document, in bytes. DynamoDB's limit of 400 KB is for the whole item.
const MAX_DOCUMENT: usize = 350 * 1024;

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
        (
            VERSION.to_owned(),
            AttributeValue::N(stored.meta.version.to_string()),
        ),
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
    item.insert(
        EXPIRES_AT.to_owned(),
        AttributeValue::N(expires.unix_timestamp().to_string()),
    );
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

/// What a counter counts. A counter that has gone wrong must not make lists fail.
///
/// # Errors
/// [`StoreError::Damaged`] when it is no counter.
pub(super) fn count(item: &Item) -> Result<u64, StoreError> {
    match item.get(COUNT) {
        Some(AttributeValue::N(digits)) => digits
            .parse::<i64>()
            .map(|count| count.max(0).unsigned_abs())
            .map_err(|_| damaged(item, COUNT)),
        _ => Err(damaged(item, COUNT)),
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
/// [`StoreError::Damaged`] when it is absent or not a time of RFC 3339.
pub(super) fn time(item: &Item, name: &str) -> Result<OffsetDateTime, StoreError> {
    OffsetDateTime::parse(text(item, name)?, &Rfc3339).map_err(|_| damaged(item, name))
}

/// Lookup keys hold values of attributes, so the sort key is shown to its second part only.
fn damaged(item: &Item, name: &str) -> StoreError {
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
