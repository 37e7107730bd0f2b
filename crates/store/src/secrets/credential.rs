//! The check of a presented key: always one read of one item, whatever the key's state.

use aws_sdk_dynamodb::types::AttributeValue;
use tenant::{ApiKey, TenantId};
use time::OffsetDateTime;

use super::item::{self, KeyItem, TENANT_SORT_KEY};
use super::{Expiry, KeyKind};
use crate::client::attributes::{Item, string};
use crate::client::format;
use crate::client::gate::Passage;
use crate::client::tables::{SECRETS_PARTITION_KEY, SECRETS_SORT_KEY};
use crate::{Meter, Store, StoreError};

/// The result of checking a presented key, client secret, or access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// The key is valid.
    Accepted {
        /// When it expires, if it does.
        expires: Option<Expiry>,
    },
    /// No such key was ever issued.
    Unknown,
    /// The key was revoked, which is permanent.
    Revoked,
    /// The key or the token was issued for a limited time, which has passed.
    Expired,
    /// The key is valid, but its tenant is disabled.
    TenantDisabled,
    /// The key is valid, but the tenant's own admin has turned the API off.
    ApiOff,
}

impl Store {
    /// Looks up a presented key. The read is strongly consistent: revoking a key and disabling a
    /// tenant take effect with the next request.
    ///
    /// Every key costs the same single read, whether it was ever issued and whatever its state, so
    /// neither the response time nor the bill tells them apart.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`] when the key's item is incomplete. The key
    /// is not accepted then.
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
        // A trust is found by a text that is no secret: no key can have its digest, and none may
        // be taken for one.
        Ok(match key.record.kind {
            KeyKind::ApiKey => judge(&key, Some(now)),
            KeyKind::ClientSecret(_) | KeyKind::Trust(..) => Credential::Unknown,
        })
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

    /// Reads one item of the secrets table. It does not wait for the check of a key: it is that
    /// check.
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
            .key(SECRETS_PARTITION_KEY, partition)
            .key(SECRETS_SORT_KEY, sort_key)
            .consistent_read(true);
        let item = self.call(request, meter, Passage::Free).await?.item;
        item.as_ref().map(format::check).transpose()?;
        Ok(item)
    }
}

/// Whether the key is accepted; if its expiry counts, at this time. The key's own state comes
/// first: enabling the tenant would not help it.
pub(super) fn judge(key: &KeyItem, now: Option<OffsetDateTime>) -> Credential {
    let has_expired = |expires: OffsetDateTime| now.is_some_and(|now| expires <= now);
    if key.record.revoked.is_some() {
        Credential::Revoked
    } else if key.record.expires.is_some_and(has_expired) {
        Credential::Expired
    } else if key.is_api_off {
        Credential::ApiOff
    } else if !key.tenant_enabled {
        Credential::TenantDisabled
    } else {
        Credential::Accepted {
            expires: key.record.expiry(),
        }
    }
}
