//! The items of the secrets table, attribute by attribute.

use std::sync::OnceLock;

use aws_sdk_dynamodb::types::AttributeValue;
use tenant::{ClientId, KeyDigest, KeyId, TenantId};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Import, Imported, KeyKind, KeyRecord, SecretsError, Tenant, Trust, operator_log};
use crate::client::attributes::{
    Item, damaged, flag, number, number_of, optional, optional_text, optional_time, string, text,
    time, timestamp,
};
use crate::client::format;
use crate::client::tables::{SECRETS_PARTITION_KEY, SECRETS_SORT_KEY};
use crate::{Store, StoreError};

/// The sort key of every tenant item.
pub(super) const TENANT_SORT_KEY: &str = "TENANT";
/// The sort key of the stone that a deleted tenant leaves.
pub(super) const STONE_SORT_KEY: &str = "DELETED";
/// The start of the sort key of every key item; the digest follows.
pub(super) const KEY_PREFIX: &str = "KEY#";
const PARTITION_PREFIX: &str = "TENANT#";

const NAME: &str = "name";
const ENABLED: &str = "enabled";
const DISABLED: &str = "disabled";
/// When a tenant or a key was created.
pub(super) const CREATED: &str = "created";
/// Since when all that the tenant owns is being deleted.
pub(super) const DELETING: &str = "deleting";
/// When all of it was deleted: in the stone.
pub(super) const COMPLETED: &str = "completed";
const VERSION: &str = "version";
const ACTIVE_KEYS: &str = "active_keys";
const KEY_ID: &str = "key_id";
const LABEL: &str = "label";
/// Of a client secret and of a trust: whose it is.
const CLIENT: &str = "client";
const EXPIRES: &str = "expires";
const REVOKED: &str = "revoked";
const REPLACED_BY: &str = "replaced_by";
/// Of a key: whether its tenant lets requests in. An older release knows only this.
const TENANT_ENABLED: &str = "tenant_enabled";
/// Of a tenant: since when its own admin has the API turned off. Of a key: that this is why its
/// tenant lets no requests in.
const API_OFF: &str = "api_off";

/// A tenant item as read.
#[derive(Debug)]
pub(super) struct TenantItem {
    pub tenant: Tenant,
    /// Changes with every write to the tenant or one of its keys.
    pub version: u64,
    /// The digests of the keys that are not revoked, in hexadecimal digits.
    pub active_digests: Vec<String>,
    /// Those that were on the list and are no keys, as far as is known: they leave it with the next
    /// write if they are none.
    pub gone_digests: Vec<String>,
}

/// A key item as read.
#[derive(Debug)]
pub(super) struct KeyItem {
    pub record: KeyRecord,
    /// In hexadecimal digits.
    pub digest: String,
    /// Whether the tenant is enabled, and its admin has the API turned on.
    pub tenant_enabled: bool,
    /// Whether the tenant's admin has turned the API off, and the operator has not disabled it.
    pub is_api_off: bool,
}

/// The partition key of everything that belongs to the tenant.
pub(super) fn partition(tenant: &TenantId) -> AttributeValue {
    string(partition_of(tenant))
}

/// The same as text.
pub(crate) fn partition_of(tenant: &TenantId) -> String {
    format!("{PARTITION_PREFIX}{tenant}")
}

/// What the item with this sort key is, in a word; `None` for a kind that this release does not
/// know.
pub(crate) fn kind(sort_key: &str) -> Option<&'static str> {
    match sort_key {
        TENANT_SORT_KEY => Some("tenants"),
        STONE_SORT_KEY => Some("deleted tenants"),
        key if key.starts_with(KEY_PREFIX) => Some("keys"),
        entry if entry.starts_with(operator_log::PREFIX) => Some("operator's log"),
        _ => None,
    }
}

/// The tenant that an item belongs to.
pub(super) fn owner(item: &Item) -> Result<TenantId, StoreError> {
    let id = text(item, SECRETS_PARTITION_KEY)?.strip_prefix(PARTITION_PREFIX);
    let id = id.and_then(|id| TenantId::parse(id).ok());
    id.ok_or_else(|| damaged(item, SECRETS_PARTITION_KEY))
}

/// The sort key of a key with this digest.
pub(super) fn key_sort_key(digest: &str) -> AttributeValue {
    string(format!("{KEY_PREFIX}{digest}"))
}

/// A tenant item without keys, at its first version. That is any number: one of a tenant that was
/// deleted must not be met again by the next of the same id, on which a command that was suspended
/// would go on.
pub(super) fn new_tenant(tenant: &Tenant) -> Item {
    let version = Uuid::new_v4().as_u64_pair().0 >> FREE_BITS;
    let mut item = Item::from([
        (SECRETS_PARTITION_KEY.to_owned(), partition(&tenant.id)),
        (SECRETS_SORT_KEY.to_owned(), string(TENANT_SORT_KEY)),
        format::attribute(),
        (NAME.to_owned(), string(&tenant.name)),
        (ENABLED.to_owned(), AttributeValue::Bool(tenant.enabled)),
        (CREATED.to_owned(), timestamp(tenant.created)),
        (VERSION.to_owned(), number_of(version)),
    ]);
    if let Some(disabled) = tenant.disabled {
        item.insert(DISABLED.to_owned(), timestamp(disabled));
    }
    item
}

/// Bits of a version that are left for its growth, and for programs whose numbers have 53.
const FREE_BITS: u32 = 16;

/// A key item that is not revoked.
pub(super) fn new_key(tenant: &Tenant, digest: &KeyDigest, record: &KeyRecord) -> Item {
    let mut item = Item::from([
        (SECRETS_PARTITION_KEY.to_owned(), partition(&tenant.id)),
        (SECRETS_SORT_KEY.to_owned(), key_sort_key(&digest.to_hex())),
        format::attribute(),
        (KEY_ID.to_owned(), string(record.id.as_str())),
        (LABEL.to_owned(), string(&record.label)),
        (CREATED.to_owned(), timestamp(record.created)),
        (
            TENANT_ENABLED.to_owned(),
            AttributeValue::Bool(tenant.lets_in()),
        ),
    ]);
    if tenant.is_off_by_admin() {
        item.insert(API_OFF.to_owned(), AttributeValue::Bool(true));
    }
    if let Some(expires) = record.expires {
        item.insert(EXPIRES.to_owned(), timestamp(expires));
    }
    if let Some(client) = record.kind.client() {
        item.insert(CLIENT.to_owned(), string(client.as_str()));
    }
    if let KeyKind::Trust(_, trust) = &record.kind {
        trust.write(&mut item);
    }
    item
}

impl Store {
    /// When the tenant was created that a command means: known, or told by the first look.
    pub(super) fn meant_tenant(&self) -> OnceLock<OffsetDateTime> {
        self.meant.map_or_else(OnceLock::new, OnceLock::from)
    }
}

impl TenantItem {
    /// # Errors
    /// [`SecretsError::BeingDeleted`] when it is.
    pub(super) fn not_being_deleted(&self) -> Result<(), SecretsError> {
        match self.tenant.deleting {
            Some(_) => Err(SecretsError::BeingDeleted(self.tenant.id.clone())),
            None => Ok(()),
        }
    }

    /// A command that reads the tenant again reads the same one, and not the next of its id.
    ///
    /// # Errors
    /// [`SecretsError::Replaced`].
    pub(super) fn is_same(&self, seen: &OnceLock<OffsetDateTime>) -> Result<(), SecretsError> {
        match *seen.get_or_init(|| self.tenant.created) == self.tenant.created {
            true => Ok(()),
            false => Err(SecretsError::Replaced(self.tenant.id.clone())),
        }
    }

    /// # Errors
    /// [`SecretsError::BeingDeleted`] when it is, and [`SecretsError::ImportUnderWay`] when a part
    /// of an import is there.
    pub(super) fn is_whole(&self) -> Result<(), SecretsError> {
        self.not_being_deleted()?;
        match self.tenant.importing {
            Some(_) => Err(SecretsError::ImportUnderWay(self.tenant.id.clone())),
            None => Ok(()),
        }
    }

    pub(super) fn read(item: &Item) -> Result<Self, StoreError> {
        let id = owner(item)?;
        // DynamoDB has no empty sets: the attribute disappears with the last key.
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
                disabled: optional_time(item, DISABLED)?,
                deleting: optional_time(item, DELETING)?,
                importing: Import::read(item)?,
                imported: Imported::read(item)?,
                api_off: optional_time(item, API_OFF)?,
                created: time(item, CREATED)?,
                active_keys: active_digests.len(),
            },
            version: number(item, VERSION)?,
            active_digests,
            gone_digests: Vec::new(),
        })
    }
}

impl KeyItem {
    pub(super) fn read(item: &Item) -> Result<Self, StoreError> {
        let digest = text(item, SECRETS_SORT_KEY)?.strip_prefix(KEY_PREFIX);
        let digest = digest
            .ok_or_else(|| damaged(item, SECRETS_SORT_KEY))?
            .to_owned();
        Ok(Self {
            record: KeyRecord {
                id: key_id(item, KEY_ID)?,
                kind: kind_of(item)?,
                label: text(item, LABEL)?.to_owned(),
                created: time(item, CREATED)?,
                expires: optional_time(item, EXPIRES)?,
                revoked: optional_time(item, REVOKED)?,
                replaced_by: optional(item, REPLACED_BY, key_id)?,
            },
            digest,
            tenant_enabled: flag(item, TENANT_ENABLED)?,
            is_api_off: item.contains_key(API_OFF),
        })
    }
}

fn kind_of(item: &Item) -> Result<KeyKind, StoreError> {
    let read = |text: &str| {
        let client = ClientId::parse(text).ok()?;
        let is_own = owner(item).is_ok_and(|tenant| tenant == *client.tenant());
        is_own.then_some(client)
    };
    let named = match optional_text(item, CLIENT)? {
        Some(text) => Some(read(text).ok_or_else(|| damaged(item, CLIENT))?),
        None => None,
    };
    Ok(match (named, Trust::read(item)?) {
        (None, None) => KeyKind::ApiKey,
        (Some(client), None) => KeyKind::ClientSecret(client),
        (Some(client), Some(trust)) => KeyKind::Trust(client, trust),
        (None, Some(_)) => return Err(damaged(item, CLIENT)),
    })
}

fn key_id(item: &Item, name: &str) -> Result<KeyId, StoreError> {
    KeyId::parse(text(item, name)?).map_err(|_| damaged(item, name))
}

#[cfg(test)]
mod tests {
    use tenant::ApiKey;
    use time::OffsetDateTime;

    use super::*;

    fn tenant() -> Tenant {
        let id = TenantId::parse("acme").unwrap();
        Tenant::new(&id, "Acme Ltd", OffsetDateTime::UNIX_EPOCH)
    }

    fn key_item() -> (Item, KeyRecord) {
        let digest = ApiKey::from_secret(&tenant().id, [1; 32]).digest();
        let record = KeyRecord {
            id: digest.key_id(),
            kind: KeyKind::ApiKey,
            label: "entra".to_owned(),
            created: OffsetDateTime::UNIX_EPOCH,
            expires: Some(OffsetDateTime::UNIX_EPOCH),
            revoked: None,
            replaced_by: None,
        };
        (new_key(&tenant(), &digest, &record), record)
    }

    #[test]
    fn items_round_trip() {
        let read = TenantItem::read(&new_tenant(&tenant())).unwrap();
        assert_eq!(read.tenant, tenant());
        assert_eq!(read.active_digests.len(), 0);
        let other = TenantItem::read(&new_tenant(&tenant())).unwrap();
        assert_ne!(read.version, other.version);
        let (item, record) = key_item();
        let read = KeyItem::read(&item).unwrap();
        assert_eq!(read.record, record);
        assert!(read.tenant_enabled);
        assert_eq!(
            item.get(SECRETS_SORT_KEY),
            Some(&key_sort_key(&read.digest))
        );
    }

    #[test]
    fn secrets_and_trusts_name_their_client() {
        let client = ClientId::parse("acme.0123456789ab").unwrap();
        let trust = Trust {
            issuer: "https://issuer.example/1/v2.0".to_owned(),
            subject: "2819c223-7f76-453a-919d-413861904646".to_owned(),
            audiences: vec!["a".to_owned(), "b".to_owned()],
        };
        let (_, record) = key_item();
        let digest = client.trust_digest(&trust.issuer);
        for kind in [
            KeyKind::ClientSecret(client.clone()),
            KeyKind::Trust(client, trust),
        ] {
            let record = KeyRecord {
                id: digest.key_id(),
                kind,
                ..record.clone()
            };
            let item = new_key(&tenant(), &digest, &record);
            assert_eq!(KeyItem::read(&item).unwrap().record, record);
            for name in ["client", "issuer", "subject", "audiences"] {
                let mut damaged = item.clone();
                if damaged.remove(name).is_some() && name != "client" {
                    assert!(KeyItem::read(&damaged).is_err(), "without `{name}`");
                }
                damaged.insert(name.to_owned(), AttributeValue::Null(true));
                assert!(KeyItem::read(&damaged).is_err(), "damaged `{name}`");
            }
            let mut other = item.clone();
            other.insert("client".to_owned(), string("other.0123456789ab"));
            assert!(KeyItem::read(&other).is_err());
        }
    }

    #[test]
    fn a_damaged_item_is_refused_whole() {
        for name in [
            SECRETS_SORT_KEY,
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
