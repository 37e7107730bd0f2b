//! Resources as items: the attributes as one JSON document, the metadata next to it.

use aws_sdk_dynamodb::types::AttributeValue;
use scim::resource::MAX_DOCUMENT;
use scim::{Membership, Meta, Place, Resource, ResourceId, Stored};
use serde_json::Map;
use time::OffsetDateTime;

use crate::StoreError;
use crate::client::attributes::{
    Item, damaged, epoch_seconds, number, number_of, optional, optional_text, seconds, signed,
    string, text, time, timestamp,
};
use crate::client::tables::{EXPIRES_AT, SORT_KEY};

/// The resource's attributes as JSON text.
pub(crate) const DOCUMENT: &str = "document";
/// [`Meta::version`]; every conditional write checks it.
const VERSION: &str = "version";
const CREATED: &str = "created";
pub(crate) const LAST_MODIFIED: &str = "last_modified";
const RESERVED_USER_NAME: &str = "reserved_user_name";
/// [`Meta::place`], as the numbers of its window and its step.
const PLACE: &str = "place";
/// [`Meta::joined`]. Writing the resource resets it; then its version is another.
pub(crate) const JOINED: &str = "joined";
pub(crate) const DELETED: &str = "deleted";
/// When the record of the latest change may be removed, in seconds since 1970: tells the audit
/// whether a missing record is a defect.
pub(crate) const RECORDED_UNTIL: &str = "recorded_until";
/// How many resources a counter counts.
pub(crate) const COUNT: &str = "count";
/// How many of them are active; only coarse counters have it.
pub(crate) const ACTIVE: &str = "active";
/// How often a counter was written. It only rises, so a counter that has the number that it had
/// before was not written in between, even if it counts the same again. Its name is short because
/// 256 counters are read for each total.
pub(crate) const SEQUENCE: &str = "seq";
/// The id of the resource that holds a guarded value.
pub(crate) const HOLDER: &str = "holder";

/// A guard: a new item that names the holder of the value.
pub(crate) fn guard(mut new: Item, holder: &ResourceId) -> Item {
    new.insert(HOLDER.to_owned(), string(holder.as_str()));
    new
}

/// The resource that holds a guarded value.
///
/// # Errors
/// [`StoreError::Damaged`] when the guard does not say.
pub(crate) fn holder(item: &Item) -> Result<ResourceId, StoreError> {
    ResourceId::parse(text(item, HOLDER)?).ok_or_else(|| damaged(item, HOLDER))
}

/// A resource's item, from a new one.
///
/// # Errors
/// [`StoreError::TooLarge`] when it is too large.
pub(crate) fn write(mut new: Item, stored: &Stored) -> Result<Item, StoreError> {
    let document = serde_json::to_string(stored.resource.attributes()).map_err(|error| {
        StoreError::Damaged(format!("a resource cannot be written as JSON: {error}"))
    })?;
    if document.len() > MAX_DOCUMENT {
        return Err(StoreError::TooLarge(format!(
            "the resource is {} bytes long, and {MAX_DOCUMENT} are accepted",
            document.len()
        )));
    }
    new.extend([
        (DOCUMENT.to_owned(), string(document)),
        (VERSION.to_owned(), number_of(stored.meta.version)),
        (CREATED.to_owned(), timestamp(stored.meta.created)),
        (
            LAST_MODIFIED.to_owned(),
            timestamp(stored.meta.last_modified),
        ),
    ]);
    if let Some(name) = &stored.reserved {
        new.insert(RESERVED_USER_NAME.to_owned(), string(name));
    }
    if let Some(place) = stored.meta.place {
        put_place(&mut new, place);
    }
    Ok(new)
}

/// Notes the place of a resource in its item.
pub(crate) fn put_place(item: &mut Item, Place { window, step }: Place) {
    item.insert(PLACE.to_owned(), string(format!("{window}:{step}")));
}

fn place(item: &Item, name: &str) -> Result<Place, StoreError> {
    let numbers = text(item, name)?.split_once(':');
    let place = numbers.and_then(|(window, step)| {
        Some(Place {
            window: window.parse().ok()?,
            step: step.parse().ok()?,
        })
    });
    place.ok_or_else(|| damaged(item, name))
}

/// A tombstone, from a new item: the resource's item, when it was deleted, and when DynamoDB may
/// remove it.
///
/// # Errors
/// As [`write`].
pub(crate) fn tombstone(
    new: Item,
    stored: &Stored,
    deleted: OffsetDateTime,
    expires: OffsetDateTime,
) -> Result<Item, StoreError> {
    let mut item = write(new, stored)?;
    item.insert(DELETED.to_owned(), timestamp(deleted));
    item.insert(EXPIRES_AT.to_owned(), epoch_seconds(expires));
    Ok(item)
}

/// The resource of an item.
///
/// # Errors
/// [`StoreError::Damaged`] when it is not the item of a resource.
pub(crate) fn read(item: &Item) -> Result<Stored, StoreError> {
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
            place: optional(item, PLACE, place)?,
            joined: optional(item, JOINED, number)?.unwrap_or_default(),
            membership: Membership::default(),
        },
        resource: Resource::from_storage(document),
        reserved: optional_text(item, RESERVED_USER_NAME)?.map(str::to_owned),
    })
}

/// The length of an item in bytes, as DynamoDB bills it: that of the names and values of its
/// attributes. Those of a resource are texts and numbers, and lists have texts; a number takes a
/// byte for two digits and another one, which a few bytes more do not change.
pub(crate) fn size(item: &Item) -> u64 {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::L(texts) => {
            let text = |text: &AttributeValue| text.as_s().map_or(1, |text| text.len() + 1);
            3 + texts.iter().map(text).sum::<usize>()
        }
        _ => 1,
    };
    let size: usize = item
        .iter()
        .map(|(name, of)| name.len().saturating_add(value(of)))
        .sum();
    u64::try_from(size).unwrap_or(u64::MAX)
}

/// When DynamoDB may remove the item.
///
/// # Errors
/// [`StoreError::Damaged`] when it does not say.
pub(crate) fn expires(item: &Item) -> Result<OffsetDateTime, StoreError> {
    seconds(item, EXPIRES_AT)
}

/// What a counter counts. A negative count must not make lists fail.
///
/// # Errors
/// [`StoreError::Damaged`] when it is not a counter.
pub(crate) fn count(item: &Item) -> Result<u64, StoreError> {
    Ok(signed(item, COUNT)?.max(0).unsigned_abs())
}

/// How often a counter was written; counters of before the attribute existed have none.
///
/// # Errors
/// [`StoreError::Damaged`] when it is not a number.
pub(crate) fn sequence(item: &Item) -> Result<u64, StoreError> {
    Ok(optional(item, SEQUENCE, number)?.unwrap_or_default())
}

/// How many active resources a coarse counter counts. The attribute exists from the first one on.
///
/// # Errors
/// [`StoreError::Damaged`] when it is not a number.
pub(crate) fn active(item: &Item) -> Result<u64, StoreError> {
    match item.contains_key(ACTIVE) {
        true => Ok(signed(item, ACTIVE)?.max(0).unsigned_abs()),
        false => Ok(0),
    }
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
            meta: Meta {
                place: Some(Place { window: 2, step: 7 }),
                ..Meta::new(OffsetDateTime::UNIX_EPOCH).changed(OffsetDateTime::UNIX_EPOCH)
            },
            resource: Resource::from_storage(attributes),
            reserved: Some("old".to_owned()),
        }
    }

    fn key() -> Item {
        let sort_key = "U#2819c223-7f76-453a-919d-413861904646";
        Item::from([(SORT_KEY.to_owned(), string(sort_key))])
    }

    fn item() -> Item {
        write(key(), &stored()).unwrap()
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
            PLACE,
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
            write(key(), &stored),
            Err(StoreError::TooLarge(_))
        ));
    }
}
