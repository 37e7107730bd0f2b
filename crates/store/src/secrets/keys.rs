//! Keys of a tenant: created, listed, revoked.

use tenant::{ApiKey, KeyId, TenantId};
use time::{Duration, OffsetDateTime};

use super::item::{self, KEY_PREFIX, KeyItem, TenantItem};
use super::{SecretsError, write};
use crate::client::attributes::string;
use crate::client::gate::Passage;
use crate::{Meter, Store, StoreError};

/// Maximum number of keys of a tenant, not counting revoked ones and those that expired more than a
/// day ago. Enabling and disabling a tenant changes all of them in one transaction, which DynamoDB
/// limits to 100 items.
pub const MAX_ACTIVE_KEYS: usize = 20;

/// How long an expired key still counts. By then it has expired by every clock, the operator's and
/// the function's.
const LONG_EXPIRED: Duration = Duration::days(1);

/// The record of an API key. The key itself is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Names the key in logs and commands.
    pub id: KeyId,
    /// A description of the key's purpose.
    pub label: String,
    /// When the key was created.
    pub created: OffsetDateTime,
    /// When the key expires.
    pub expires: Option<OffsetDateTime>,
    /// When the key was revoked.
    pub revoked: Option<OffsetDateTime>,
    /// The key that replaced this one.
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
    /// [`SecretsError::NoTenant`], [`SecretsError::TooManyKeys`], and failures of DynamoDB.
    pub async fn create_key(
        &self,
        key: &ApiKey,
        label: &str,
        now: OffsetDateTime,
        expires: Option<OffsetDateTime>,
        meter: &Meter,
    ) -> Result<KeyRecord, SecretsError> {
        let record = KeyRecord {
            id: key.id(),
            label: label.to_owned(),
            created: now,
            expires,
            revoked: None,
            replaced_by: None,
        };
        write::retrying_races(|| async {
            let mut read = self.tenant_item(key.tenant(), meter).await?;
            self.make_room(&mut read, now, meter).await?;
            self.write_key(&read, &key.digest(), &record, None, meter)
                .await
        })
        .await?;
        Ok(record)
    }

    /// All keys of a tenant, including revoked and expired ones, oldest first.
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
            let item = self.find_key(tenant, key, meter).await?;
            if item.record.revoked.is_some() {
                return Ok(item.record);
            }
            self.write_revoked(tenant, &item.digest, now, meter).await?;
            Ok(KeyRecord {
                revoked: Some(now),
                ..item.record
            })
        })
        .await
    }

    /// Drops long-expired keys from the tenant's list if it is full. The stored list changes when
    /// the next key is written.
    pub(super) async fn make_room(
        &self,
        read: &mut TenantItem,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<(), SecretsError> {
        if read.active_digests.len() < MAX_ACTIVE_KEYS {
            return Ok(());
        }
        let tenant = &read.tenant.id;
        for key in self.query_keys(tenant, KEY_PREFIX, meter).await? {
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

    /// The key with this id.
    pub(super) async fn find_key(
        &self,
        tenant: &TenantId,
        key: &KeyId,
        meter: &Meter,
    ) -> Result<KeyItem, SecretsError> {
        // The id is the start of the digest, so the sort key finds it.
        let prefix = format!("{KEY_PREFIX}{key}");
        let mut found = self.query_keys(tenant, &prefix, meter).await?.into_iter();
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
            keys.push(KeyItem::read(item)?);
            Ok(true)
        })
        .await?;
        Ok(keys)
    }
}
