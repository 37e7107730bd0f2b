//! The secrets table: which tenants exist, and the digests of their API keys.
//!
//! | item | `pk` | `sk` |
//! |---|---|---|
//! | tenant | `TENANT#<tenant id>` | `TENANT` |
//! | key | `TENANT#<tenant id>` | `KEY#<digest of the key>` |
//!
//! A key item repeats whether its tenant is enabled, so that authentication is one GetItem.
//! The tenant item in turn lists the digests of the keys that are not revoked, and every write
//! that adds or removes a key or enables or disables the tenant changes the tenant item in the
//! same transaction. Keys that have long expired leave the list when a new one needs the place:
//! an expiry is never put off, so they will not be accepted again. Whoever changes all keys of a tenant can therefore rely on that list, on
//! condition that the tenant's version is still the one read. A Query for the keys would not do:
//! DynamoDB does not isolate a Query from transactions, so it can miss a key that is being added.

mod credential;
mod error;
mod item;
mod rotate;
mod scan;
mod warning;
mod write;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use time::{Duration, OffsetDateTime};

use super::meter::Pool;
use super::tables::{PARTITION_KEY, SORT_KEY};
use super::{Meter, Store, StoreError};
use tenant::{ApiKey, KeyId, TenantId};

pub use credential::Credential;
pub use error::SecretsError;
use item::{KEY_PREFIX, TENANT_SORT_KEY, TenantItem};
pub use rotate::{Rotation, Successor};
pub use scan::TenantKey;
pub use warning::{Expiry, KeyWarning};

/// The keys that a tenant may have at a time. Revoked ones are not counted, nor those that expired
/// more than a day ago. Enabling and disabling a tenant changes all of them in one transaction,
/// which DynamoDB limits to 100 items.
pub const MAX_ACTIVE_KEYS: usize = 20;

/// How long an expired key still counts as one of its tenant's. By then it has expired by every
/// clock, the operator's and the function's.
const LONG_EXPIRED: Duration = Duration::days(1);

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Names the tenant in keys, logs and commands.
    pub id: TenantId,
    /// Names the tenant to people.
    pub name: String,
    /// Whether the tenant's keys are accepted.
    pub enabled: bool,
    /// When the tenant was created.
    pub created: OffsetDateTime,
    /// How many keys are neither revoked nor long expired.
    pub active_keys: usize,
}

/// What is known of an API key. The key itself is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Names the key in logs and commands.
    pub id: KeyId,
    /// Says to people what the key is for.
    pub label: String,
    /// When the key was created.
    pub created: OffsetDateTime,
    /// From when on the key is no longer accepted.
    pub expires: Option<OffsetDateTime>,
    /// When the key was revoked.
    pub revoked: Option<OffsetDateTime>,
    /// The key that was created in the place of this one.
    pub replaced_by: Option<KeyId>,
}

impl KeyRecord {
    /// Whether the key itself is in order; its tenant may be disabled.
    pub fn is_active(&self, now: OffsetDateTime) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|expires| now < expires)
    }
}

impl Store {
    /// Creates a tenant, enabled and without keys.
    ///
    /// # Errors
    /// [`SecretsError::TenantExists`], and failures of DynamoDB.
    pub async fn create_tenant(
        &self,
        tenant: &TenantId,
        name: &str,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<Tenant, SecretsError> {
        let tenant = Tenant {
            id: tenant.clone(),
            name: name.to_owned(),
            enabled: true,
            created: now,
            active_keys: 0,
        };
        write::until_settled(|| self.put_tenant(&tenant, meter)).await?;
        Ok(tenant)
    }

    /// The tenant with this id.
    ///
    /// # Errors
    /// [`SecretsError::NoTenant`], and failures of DynamoDB.
    pub async fn find_tenant(
        &self,
        tenant: &TenantId,
        meter: &Meter,
    ) -> Result<Tenant, SecretsError> {
        Ok(self.tenant_item(tenant, meter).await?.tenant)
    }

    /// Enables or disables a tenant and with it every one of its keys, all at once. Does nothing
    /// when the tenant is in that state.
    ///
    /// # Errors
    /// [`SecretsError::NoTenant`], and failures of DynamoDB.
    pub async fn set_enabled(
        &self,
        tenant: &TenantId,
        enabled: bool,
        meter: &Meter,
    ) -> Result<Tenant, SecretsError> {
        write::until_settled(|| async {
            let read = self.tenant_item(tenant, meter).await?;
            if read.tenant.enabled != enabled {
                self.write_enabled(&read, enabled, meter).await?;
            }
            Ok(Tenant {
                enabled,
                ..read.tenant
            })
        })
        .await
    }

    /// Records a new key of the tenant that the key names. In a disabled tenant the key is not
    /// accepted before the tenant is enabled.
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
        write::until_settled(|| async {
            let mut read = self.tenant_item(key.tenant(), meter).await?;
            self.make_room(&mut read, now, meter).await?;
            self.write_key(&read, &key.digest(), &record, None, meter)
                .await
        })
        .await?;
        Ok(record)
    }

    /// All keys of a tenant, revoked and expired ones included, the oldest first.
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

    /// Revokes a key for ever: the next request that presents it is refused. A key that is
    /// revoked already keeps the time at which that happened.
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
        write::until_settled(|| async {
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

    /// Takes keys that have long expired from the tenant's list, if there is no place for another
    /// one. They leave the stored list with the key that is written next.
    async fn make_room(
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
    async fn find_key(
        &self,
        tenant: &TenantId,
        key: &KeyId,
        meter: &Meter,
    ) -> Result<item::KeyItem, SecretsError> {
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

    async fn tenant_item(
        &self,
        tenant: &TenantId,
        meter: &Meter,
    ) -> Result<TenantItem, SecretsError> {
        meter.call();
        let answer = self
            .client
            .get_item()
            .table_name(&self.tables.secrets)
            .key(PARTITION_KEY, item::partition(tenant))
            .key(SORT_KEY, AttributeValue::S(TENANT_SORT_KEY.to_owned()))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        meter.record(
            Pool::Read,
            answer
                .as_ref()
                .ok()
                .and_then(|answer| answer.consumed_capacity()),
        );
        match answer.map_err(StoreError::from_sdk)?.item() {
            Some(item) => Ok(TenantItem::read(item)?),
            None => Err(SecretsError::NoTenant(tenant.clone())),
        }
    }

    async fn query_keys(
        &self,
        tenant: &TenantId,
        prefix: &str,
        meter: &Meter,
    ) -> Result<Vec<item::KeyItem>, StoreError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.tables.secrets)
            .consistent_read(true)
            .key_condition_expression("pk = :tenant AND begins_with(sk, :prefix)")
            .expression_attribute_values(":tenant", item::partition(tenant))
            .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .into_paginator()
            .send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            meter.call();
            meter.record(
                Pool::Read,
                page.as_ref().ok().and_then(|page| page.consumed_capacity()),
            );
            for item in page.map_err(StoreError::from_sdk)?.items() {
                keys.push(item::KeyItem::read(item)?);
            }
        }
        Ok(keys)
    }
}
