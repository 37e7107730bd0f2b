//! The check of a presented key: one read of one item, whatever became of the key.

use aws_sdk_dynamodb::types::AttributeValue;
use tenant::{ApiKey, TenantId};
use time::OffsetDateTime;

use super::Expiry;
use super::item::{self, KeyItem, TENANT_SORT_KEY};
use crate::client::attributes::{Item, string};
use crate::client::call::Passage;
use crate::client::tables::{PARTITION_KEY, SORT_KEY};
use crate::{Meter, Store, StoreError};

/// The result of the check of a presented key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// The key is valid.
    Accepted {
        /// From when on it will not be.
        expires: Option<Expiry>,
    },
    /// No such key was ever issued.
    Unknown,
    /// The key was revoked, which cannot be undone.
    Revoked,
    /// The key was issued for a limited time, which has passed.
    Expired,
    /// The key is in order, but its tenant is disabled.
    TenantDisabled,
}

impl Store {
    /// Looks a presented key up. The read is strongly consistent: revoking a key and disabling a
    /// tenant take effect with the next request.
    ///
    /// Every key costs the same single read, whether it was ever issued and whatever became of
    /// it, so neither the time to answer nor the bill tells them apart.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`] when the item of the key is not
    /// complete. The key is not accepted then.
    pub async fn credential(
        &self,
        presented: &ApiKey,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<Credential, StoreError> {
        let partition = item::partition(presented.tenant());
        let sort_key = item::key_sort_key(&presented.digest().to_hex());
        let item = self.read_secret(partition, sort_key, meter).await?;
        let Some(item) = item else {
            return Ok(Credential::Unknown);
        };
        let key = KeyItem::read(&item)?;
        Ok(judge(&key, now).unwrap_or(Credential::Accepted {
            expires: key.record.expiry(),
        }))
    }

    /// Makes one read of the secrets table, of a place where nothing is: what it leaves behind is
    /// a connection.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn connect_secrets(&self, meter: &Meter) -> Result<(), StoreError> {
        let nowhere = || string("NOBODY");
        let read = self.read_secret(nowhere(), nowhere(), meter).await;
        read.map(drop)
    }

    /// Whether a tenant exists.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn has_tenant(&self, tenant: &TenantId, meter: &Meter) -> Result<bool, StoreError> {
        let sort_key = string(TENANT_SORT_KEY);
        let item = self
            .read_secret(item::partition(tenant), sort_key, meter)
            .await?;
        Ok(item.is_some())
    }

    /// Reads one item of the secrets table. The check of a key cannot wait for the key.
    pub(super) async fn read_secret(
        &self,
        partition: AttributeValue,
        sort_key: AttributeValue,
        meter: &Meter,
    ) -> Result<Option<Item>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.tables.secrets)
            .key(PARTITION_KEY, partition)
            .key(SORT_KEY, sort_key)
            .consistent_read(true);
        Ok(self.call(request, meter, Passage::Free).await?.item)
    }
}

/// Why the key is refused. What is wrong with the key itself comes first: enabling the tenant
/// would not help it.
fn judge(key: &KeyItem, now: OffsetDateTime) -> Option<Credential> {
    if key.record.revoked.is_some() {
        Some(Credential::Revoked)
    } else if key.record.expires.is_some_and(|expires| expires <= now) {
        Some(Credential::Expired)
    } else if !key.tenant_enabled {
        Some(Credential::TenantDisabled)
    } else {
        None
    }
}
