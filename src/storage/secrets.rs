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
//! same transaction. Whoever changes all keys of a tenant can therefore rely on that list, on
//! condition that the tenant's version is still the one read. A Query for the keys would not do:
//! DynamoDB does not isolate a Query from transactions, so it can miss a key that is being added.

mod credential;
mod item;
mod write;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use time::OffsetDateTime;

use super::meter::Pool;
use super::tables::{PARTITION_KEY, SORT_KEY};
use super::{Meter, Store, StoreError};
use crate::tenant::{ApiKey, KeyId, TenantId};

pub use credential::Credential;
use item::{KEY_PREFIX, TENANT_SORT_KEY, TenantItem};

/// The keys that a tenant may have at a time, revoked ones not counted. Enabling and disabling a
/// tenant changes all of them in one transaction, which DynamoDB limits to 100 items.
pub const MAX_ACTIVE_KEYS: usize = 20;

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
    /// How many keys are not revoked.
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
}

/// Why a change to tenants or keys was not made.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// There is no such tenant.
    #[error("tenant `{0}` does not exist; check the id or create the tenant first")]
    NoTenant(TenantId),
    /// The tenant exists already.
    #[error("tenant `{0}` exists already; choose another id")]
    TenantExists(TenantId),
    /// The tenant has as many keys as it may have.
    #[error("tenant `{0}` has {MAX_ACTIVE_KEYS} keys, the most it may have; revoke one first")]
    TooManyKeys(TenantId),
    /// The tenant has no such key.
    #[error("tenant `{tenant}` has no key `{key}`; list its keys to find the id")]
    NoKey {
        /// The tenant.
        tenant: TenantId,
        /// The id that none of its keys has.
        key: KeyId,
    },
    /// Two keys share an id. With 48 bits to an id and few keys to a tenant this is not expected
    /// to happen, but the wrong key must not be revoked when it does.
    #[error(
        "tenant `{tenant}` has more than one key `{key}`, so none was revoked; disable the tenant if the key has leaked"
    )]
    AmbiguousKey {
        /// The tenant.
        tenant: TenantId,
        /// The id that several of its keys have.
        key: KeyId,
    },
    /// DynamoDB did not do as asked.
    #[error(transparent)]
    Store(#[from] StoreError),
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
        self.put_tenant(&tenant, meter).await?;
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

    /// All tenants by id. This reads the whole secrets table.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn list_tenants(&self, meter: &Meter) -> Result<Vec<Tenant>, SecretsError> {
        let mut pages = self
            .client
            .scan()
            .table_name(&self.tables.secrets)
            .consistent_read(true)
            .filter_expression("sk = :tenant")
            .expression_attribute_values(":tenant", AttributeValue::S(TENANT_SORT_KEY.to_owned()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .into_paginator()
            .send();
        let mut tenants = Vec::new();
        while let Some(page) = pages.next().await {
            meter.call();
            meter.record(
                Pool::Read,
                page.as_ref().ok().and_then(|page| page.consumed_capacity()),
            );
            for item in page.map_err(StoreError::from_sdk)?.items() {
                tenants.push(TenantItem::read(item)?.tenant);
            }
        }
        tenants.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(tenants)
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
            id: key.digest().key_id(),
            label: label.to_owned(),
            created: now,
            expires,
            revoked: None,
        };
        write::until_settled(|| async {
            let read = self.tenant_item(key.tenant(), meter).await?;
            if read.active_digests.len() >= MAX_ACTIVE_KEYS {
                return Err(SecretsError::TooManyKeys(key.tenant().clone()));
            }
            self.write_key(&read, &key.digest(), &record, meter).await
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
