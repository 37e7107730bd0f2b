//! The items of the secrets table, attribute by attribute.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{KeyRecord, Tenant};
use crate::StoreError;
use crate::tables::{PARTITION_KEY, SORT_KEY};
use tenant::{KeyDigest, KeyId, TenantId};

/// The sort key of every tenant item.
pub(super) const TENANT_SORT_KEY: &str = "TENANT";
/// The start of the sort key of every key item; the digest follows.
pub(super) const KEY_PREFIX: &str = "KEY#";
const PARTITION_PREFIX: &str = "TENANT#";

const NAME: &str = "name";
const ENABLED: &str = "enabled";
const CREATED: &str = "created";
const VERSION: &str = "version";
const ACTIVE_KEYS: &str = "active_keys";
const KEY_ID: &str = "key_id";
const LABEL: &str = "label";
const EXPIRES: &str = "expires";
const REVOKED: &str = "revoked";
const REPLACED_BY: &str = "replaced_by";
const TENANT_ENABLED: &str = "tenant_enabled";

pub(super) type Item = HashMap<String, AttributeValue>;

/// A tenant item as read.
#[derive(Debug)]
pub(super) struct TenantItem {
    pub tenant: Tenant,
    /// Changes with every write to the tenant or one of its keys.
    pub version: u64,
    /// The digests of the keys that are not revoked, in hexadecimal digits.
    pub active_digests: Vec<String>,
}

/// A key item as read.
#[derive(Debug)]
pub(super) struct KeyItem {
    pub record: KeyRecord,
    /// In hexadecimal digits.
    pub digest: String,
    pub tenant_enabled: bool,
}

/// The partition key of everything that belongs to the tenant.
pub(super) fn partition(tenant: &TenantId) -> AttributeValue {
    AttributeValue::S(format!("{PARTITION_PREFIX}{tenant}"))
}

/// The tenant that an item belongs to.
pub(super) fn owner(item: &Item) -> Result<TenantId, StoreError> {
    let id = text(item, PARTITION_KEY)?.strip_prefix(PARTITION_PREFIX);
    let id = id.and_then(|id| TenantId::parse(id).ok());
    id.ok_or_else(|| damaged(item, PARTITION_KEY))
}

/// The sort key of a key with this digest.
pub(super) fn key_sort_key(digest: &str) -> AttributeValue {
    AttributeValue::S(format!("{KEY_PREFIX}{digest}"))
}

/// The form of a time in both kinds of item.
pub(super) fn timestamp(time: OffsetDateTime) -> Result<AttributeValue, StoreError> {
    match time.format(&Rfc3339) {
        Ok(text) => Ok(AttributeValue::S(text)),
        Err(_) => Err(StoreError::TooLarge(format!(
            "the time {time} is out of range"
        ))),
    }
}

/// A tenant item without keys, at its first version.
pub(super) fn new_tenant(tenant: &Tenant) -> Result<Item, StoreError> {
    Ok(HashMap::from([
        (PARTITION_KEY.to_owned(), partition(&tenant.id)),
        (
            SORT_KEY.to_owned(),
            AttributeValue::S(TENANT_SORT_KEY.to_owned()),
        ),
        (NAME.to_owned(), AttributeValue::S(tenant.name.clone())),
        (ENABLED.to_owned(), AttributeValue::Bool(tenant.enabled)),
        (CREATED.to_owned(), timestamp(tenant.created)?),
        (VERSION.to_owned(), AttributeValue::N("1".to_owned())),
    ]))
}

/// A key item that is not revoked.
pub(super) fn new_key(
    tenant: &Tenant,
    digest: &KeyDigest,
    record: &KeyRecord,
) -> Result<Item, StoreError> {
    let mut item = HashMap::from([
        (PARTITION_KEY.to_owned(), partition(&tenant.id)),
        (SORT_KEY.to_owned(), key_sort_key(&digest.to_hex())),
        (KEY_ID.to_owned(), AttributeValue::S(record.id.to_string())),
        (LABEL.to_owned(), AttributeValue::S(record.label.clone())),
        (CREATED.to_owned(), timestamp(record.created)?),
        (
            TENANT_ENABLED.to_owned(),
            AttributeValue::Bool(tenant.enabled),
        ),
    ]);
    if let Some(expires) = record.expires {
        item.insert(EXPIRES.to_owned(), timestamp(expires)?);
    }
    Ok(item)
}

impl TenantItem {
    pub(super) fn read(item: &Item) -> Result<Self, StoreError> {
        let id = owner(item)?;
        // DynamoDB has no empty set: the attribute goes away with the last key.
        let active_digests = match item.get(ACTIVE_KEYS) {
            None => Vec::new(),
            Some(AttributeValue::Ss(digests)) => digests.clone(),
            Some(_) => return Err(damaged(item, ACTIVE_KEYS)),
        };
        Ok(Self {
            tenant: Tenant {
                id,
                name: text(item, NAME)?.to_owned(),
                enabled: flag(item, ENABLED)?,
                created: time(item, CREATED)?,
                active_keys: active_digests.len(),
            },
            version: number(item, VERSION)?,
            active_digests,
        })
    }
}

impl KeyItem {
    pub(super) fn read(item: &Item) -> Result<Self, StoreError> {
        let digest = text(item, SORT_KEY)?.strip_prefix(KEY_PREFIX);
        let digest = digest.ok_or_else(|| damaged(item, SORT_KEY))?.to_owned();
        Ok(Self {
            record: KeyRecord {
                id: key_id(item, KEY_ID)?,
                label: text(item, LABEL)?.to_owned(),
                created: time(item, CREATED)?,
                expires: optional_time(item, EXPIRES)?,
                revoked: optional_time(item, REVOKED)?,
                replaced_by: match item.get(REPLACED_BY) {
                    None => None,
                    Some(_) => Some(key_id(item, REPLACED_BY)?),
                },
            },
            digest,
            tenant_enabled: flag(item, TENANT_ENABLED)?,
        })
    }
}

fn text<'a>(item: &'a Item, name: &str) -> Result<&'a str, StoreError> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Ok(text),
        _ => Err(damaged(item, name)),
    }
}

fn key_id(item: &Item, name: &str) -> Result<KeyId, StoreError> {
    KeyId::parse(text(item, name)?).map_err(|_| damaged(item, name))
}

fn flag(item: &Item, name: &str) -> Result<bool, StoreError> {
    match item.get(name) {
        Some(AttributeValue::Bool(flag)) => Ok(*flag),
        _ => Err(damaged(item, name)),
    }
}

fn number(item: &Item, name: &str) -> Result<u64, StoreError> {
    match item.get(name) {
        Some(AttributeValue::N(digits)) => digits.parse().map_err(|_| damaged(item, name)),
        _ => Err(damaged(item, name)),
    }
}

fn time(item: &Item, name: &str) -> Result<OffsetDateTime, StoreError> {
    OffsetDateTime::parse(text(item, name)?, &Rfc3339).map_err(|_| damaged(item, name))
}

/// An attribute of the wrong type is an error and not an absent one: a damaged `revoked` must
/// not make a key valid again.
fn optional_time(item: &Item, name: &str) -> Result<Option<OffsetDateTime>, StoreError> {
    if item.contains_key(name) {
        time(item, name).map(Some)
    } else {
        Ok(None)
    }
}

fn damaged(item: &Item, name: &str) -> StoreError {
    let part = |name| match item.get(name) {
        Some(AttributeValue::S(text)) => text.as_str(),
        _ => "?",
    };
    StoreError::Damaged(format!(
        "attribute `{name}` of `{}`, `{}` in the secrets table",
        part(PARTITION_KEY),
        part(SORT_KEY)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenant::ApiKey;

    fn tenant() -> Tenant {
        Tenant {
            id: TenantId::parse("acme").unwrap(),
            name: "Acme Ltd".to_owned(),
            enabled: true,
            created: OffsetDateTime::UNIX_EPOCH,
            active_keys: 0,
        }
    }

    fn key_item() -> (Item, KeyRecord) {
        let digest = ApiKey::from_secret(&tenant().id, [1; 32]).digest();
        let record = KeyRecord {
            id: digest.key_id(),
            label: "entra".to_owned(),
            created: OffsetDateTime::UNIX_EPOCH,
            expires: Some(OffsetDateTime::UNIX_EPOCH),
            revoked: None,
            replaced_by: None,
        };
        (new_key(&tenant(), &digest, &record).unwrap(), record)
    }

    #[test]
    fn items_round_trip() {
        let read = TenantItem::read(&new_tenant(&tenant()).unwrap()).unwrap();
        assert_eq!(read.tenant, tenant());
        assert_eq!((read.version, read.active_digests.len()), (1, 0));
        let (item, record) = key_item();
        let read = KeyItem::read(&item).unwrap();
        assert_eq!(read.record, record);
        assert!(read.tenant_enabled);
        assert_eq!(item.get(SORT_KEY), Some(&key_sort_key(&read.digest)));
    }

    #[test]
    fn a_damaged_item_is_refused_whole() {
        for name in [
            SORT_KEY,
            KEY_ID,
            LABEL,
            CREATED,
            EXPIRES,
            REVOKED,
            REPLACED_BY,
            TENANT_ENABLED,
        ] {
            let (mut item, _) = key_item();
            item.insert(name.to_owned(), AttributeValue::Null(true));
            let error = KeyItem::read(&item).unwrap_err();
            assert!(
                matches!(&error, StoreError::Damaged(text) if text.contains(name)),
                "{error}"
            );
        }
    }
}
