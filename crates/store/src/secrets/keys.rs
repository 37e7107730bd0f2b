//! Keys of a tenant: created, listed, revoked.

use tenant::{ApiKey, ClientId, KeyDigest, KeyId, TenantId};
use time::{Duration, OffsetDateTime};

use super::item::{self, KEY_PREFIX, KeyItem, TenantItem};
use super::{SecretsError, Trust, write};
use crate::client::attributes::string;
use crate::client::format;
use crate::client::gate::Passage;
use crate::{Meter, Store, StoreError};

/// Maximum number of keys of a tenant, not counting revoked ones and those that expired more than a
/// day ago. Enabling and disabling a tenant changes all of them in one transaction, which DynamoDB
/// limits to 100 items.
pub const MAX_ACTIVE_KEYS: usize = 20;

/// How long an expired key still counts. By then it has expired by every clock, the operator's and
/// the function's.
const LONG_EXPIRED: Duration = Duration::days(1);

/// What a key item is the record of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyKind {
    /// An API key.
    ApiKey,
    /// A secret of an OAuth 2.0 client.
    ClientSecret(ClientId),
    /// An OAuth 2.0 client's trust in an issuer of assertions.
    Trust(ClientId, Trust),
}

impl KeyKind {
    /// The client whose secret or trust it is.
    pub fn client(&self) -> Option<&ClientId> {
        match self {
            Self::ApiKey => None,
            Self::ClientSecret(client) | Self::Trust(client, _) => Some(client),
        }
    }

    /// Whether one can take the place of the other.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && self.client() == other.client()
    }
}

/// The record of an API key, of a client secret or of a trust. No key and no secret is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Names the key in logs and commands.
    pub id: KeyId,
    /// What it is.
    pub kind: KeyKind,
    /// A description of the key's purpose.
    pub label: String,
    /// When the key was created.
    pub created: OffsetDateTime,
    /// When the key expires.
    pub expires: Option<OffsetDateTime>,
    /// When the key was revoked.
    pub revoked: Option<OffsetDateTime>,
    /// The key that takes this one's place and is accepted for longer. If that key is rotated, this
    /// is its successor; if it is revoked, there is none any more.
    pub replaced_by: Option<KeyId>,
}

impl KeyRecord {
    /// Whether the key itself is valid; its tenant may be disabled.
    pub fn is_active(&self, now: OffsetDateTime) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|expires| now < expires)
    }
}

impl Store {
    /// Stores a new key of the tenant that the key names. In a disabled tenant it is not accepted
    /// until the tenant is enabled.
    ///
    /// # Errors
    /// [`SecretsError::NoTenant`], [`SecretsError::BeingDeleted`],
    /// [`SecretsError::ImportUnderWay`], [`SecretsError::TooManyKeys`], and failures of DynamoDB.
    pub async fn create_key(
        &self,
        key: &ApiKey,
        label: &str,
        now: OffsetDateTime,
        expires: Option<OffsetDateTime>,
        meter: &Meter,
    ) -> Result<KeyRecord, SecretsError> {
        let new = NewKey::of_key(key);
        self.create_new(&new, label, now, expires, meter).await
    }

    pub(super) async fn create_new(
        &self,
        new: &NewKey<'_>,
        label: &str,
        now: OffsetDateTime,
        expires: Option<OffsetDateTime>,
        meter: &Meter,
    ) -> Result<KeyRecord, SecretsError> {
        let record = new.record(label, now, expires);
        let seen = self.meant_tenant();
        write::retrying_races(|| async {
            let mut read = self.tenant_item(new.tenant, meter).await?;
            read.is_same(&seen)?;
            // One that takes the place of its own item needs no room.
            if !read.active_digests.contains(&new.digest.to_hex()) {
                self.make_room(&mut read, now, meter).await?;
            }
            read.is_whole()?;
            self.write_key(&read, &new.digest, &record, None, meter)
                .await
        })
        .await?;
        Ok(record)
    }

    /// All keys of a tenant, client secrets and trusts among them, including revoked and expired
    /// ones, oldest first.
    ///
    /// # Errors
    /// [`SecretsError::NoTenant`], and failures of DynamoDB.
    pub async fn list_keys(
        &self,
        tenant: &TenantId,
        meter: &Meter,
    ) -> Result<Vec<KeyRecord>, SecretsError> {
        // A tenant without keys and a tenant that does not exist look the same to the Query.
        self.tenant_item(tenant, meter).await?;
        let keys = self.query_keys(tenant, KEY_PREFIX, meter).await?;
        let mut records: Vec<_> = keys.into_iter().map(|key| key.record).collect();
        records.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        Ok(records)
    }

    /// Revokes a key permanently: the next request that presents it is refused. A key that is
    /// already revoked keeps its time of revocation.
    ///
    /// # Errors
    /// [`SecretsError::NoKey`], [`SecretsError::AmbiguousKey`], and failures of DynamoDB.
    pub async fn revoke_key(
        &self,
        tenant: &TenantId,
        key: &KeyId,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<KeyRecord, SecretsError> {
        write::retrying_races(|| async {
            let keys = self.query_keys(tenant, KEY_PREFIX, meter).await?;
            let item = find_key(&keys, tenant, key)?;
            if item.record.revoked.is_some() {
                return Ok(item.record.clone());
            }
            let followed = replaced_by(&keys, key, now);
            self.write_revoked(tenant, item, &followed, now, meter)
                .await?;
            Ok(KeyRecord {
                revoked: Some(now),
                ..item.record.clone()
            })
        })
        .await
    }

    /// Brings the expiry of a key forward, as a rotation did it in another table. One that is
    /// revoked or expires by then stays as it is.
    ///
    /// # Errors
    /// [`SecretsError::NoKey`], [`SecretsError::AmbiguousKey`], and failures of DynamoDB.
    pub async fn end_key(
        &self,
        tenant: &TenantId,
        key: &KeyId,
        end: OffsetDateTime,
        meter: &Meter,
    ) -> Result<KeyRecord, SecretsError> {
        write::retrying_races(|| async {
            let keys = self.query_keys(tenant, KEY_PREFIX, meter).await?;
            let item = find_key(&keys, tenant, key)?;
            let ends = item.record.expires.is_some_and(|expires| expires <= end);
            if item.record.revoked.is_some() || ends {
                return Ok(item.record.clone());
            }
            self.write_end(tenant, item, end, meter).await?;
            Ok(KeyRecord {
                expires: Some(end),
                ..item.record.clone()
            })
        })
        .await
    }

    /// Makes sure that the tenant may have another key. If its list is full, it drops long-expired
    /// keys from it, and those that were deleted by hand. The stored list changes when the next key
    /// is written.
    pub(super) async fn make_room(
        &self,
        read: &mut TenantItem,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<(), SecretsError> {
        read.is_whole()?;
        if read.active_digests.len() < MAX_ACTIVE_KEYS {
            return Ok(());
        }
        let tenant = &read.tenant.id;
        let keys = self.query_keys(tenant, KEY_PREFIX, meter).await?;
        let is_key = |digest: &&String| keys.iter().any(|key| key.digest == **digest);
        let gone = read.active_digests.iter().filter(|digest| !is_key(digest));
        read.gone_digests = gone.cloned().collect();
        read.active_digests.retain(|digest| is_key(&digest));
        for key in &keys {
            let expires = key.record.expires;
            if expires.is_some_and(|expires| expires + LONG_EXPIRED <= now) {
                read.active_digests.retain(|digest| *digest != key.digest);
            }
        }
        if read.active_digests.len() < MAX_ACTIVE_KEYS {
            Ok(())
        } else {
            Err(SecretsError::TooManyKeys(tenant.clone()))
        }
    }

    pub(super) async fn query_keys(
        &self,
        tenant: &TenantId,
        prefix: &str,
        meter: &Meter,
    ) -> Result<Vec<KeyItem>, StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.tables.secrets)
            .consistent_read(true)
            .key_condition_expression("secrets_pk = :tenant AND begins_with(secrets_sk, :prefix)")
            .expression_attribute_values(":tenant", item::partition(tenant))
            .expression_attribute_values(":prefix", string(prefix));
        let mut keys = Vec::new();
        self.each(request, meter, Passage::Free, |item| {
            format::check(item)?;
            keys.push(KeyItem::read(item)?);
            Ok(true)
        })
        .await?;
        Ok(keys)
    }
}

/// A key that is to be stored.
pub(super) struct NewKey<'k> {
    pub tenant: &'k TenantId,
    pub digest: KeyDigest,
    pub kind: KeyKind,
}

impl<'k> NewKey<'k> {
    pub(super) fn of_key(key: &'k ApiKey) -> Self {
        Self {
            tenant: key.tenant(),
            digest: key.digest(),
            kind: KeyKind::ApiKey,
        }
    }

    pub(super) fn record(
        &self,
        label: &str,
        now: OffsetDateTime,
        expires: Option<OffsetDateTime>,
    ) -> KeyRecord {
        KeyRecord {
            id: self.digest.key_id(),
            kind: self.kind.clone(),
            label: label.to_owned(),
            created: now,
            expires,
            revoked: None,
            replaced_by: None,
        }
    }
}

/// The one of a tenant's `keys` with this id.
///
/// # Errors
/// [`SecretsError::NoKey`] and [`SecretsError::AmbiguousKey`].
pub(super) fn find_key<'k>(
    keys: &'k [KeyItem],
    tenant: &TenantId,
    key: &KeyId,
) -> Result<&'k KeyItem, SecretsError> {
    let mut found = keys.iter().filter(|item| item.record.id == *key);
    let Some(item) = found.next() else {
        return Err(SecretsError::NoKey {
            tenant: tenant.clone(),
            key: key.clone(),
        });
    };
    if found.next().is_some() {
        return Err(SecretsError::AmbiguousKey {
            tenant: tenant.clone(),
            key: key.clone(),
        });
    }
    Ok(item)
}

/// The keys whose place this key takes, as far as they are still accepted.
pub(super) fn replaced_by<'k>(
    keys: &'k [KeyItem],
    new: &KeyId,
    now: OffsetDateTime,
) -> Vec<&'k KeyItem> {
    let is_old = |item: &&KeyItem| {
        item.record.replaced_by.as_ref() == Some(new) && item.record.is_active(now)
    };
    keys.iter().filter(is_old).collect()
}
