//! Tenants: create, find, enable and disable.

use tenant::TenantId;
use time::OffsetDateTime;

use super::item::{self, TENANT_SORT_KEY, TenantItem};
use super::{Import, SecretsError, write};
use crate::client::attributes::string;
use crate::{Meter, Store};

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Names the tenant in keys, logs and commands.
    pub id: TenantId,
    /// The tenant's display name.
    pub name: String,
    /// Whether the tenant's keys are accepted.
    pub enabled: bool,
    /// Since when they are not.
    pub disabled: Option<OffsetDateTime>,
    /// Since when all that it owns is being deleted: it cannot be enabled or get keys any more.
    pub deleting: Option<OffsetDateTime>,
    /// The import of which only a part is there: it cannot be enabled or get keys meanwhile.
    pub importing: Option<Import>,
    /// When the tenant was created.
    pub created: OffsetDateTime,
    /// How many keys are on the tenant's list: those not revoked. Long-expired ones leave it when
    /// their place is needed.
    pub active_keys: usize,
}

impl Store {
    /// Creates a tenant, enabled and without keys.
    ///
    /// # Errors
    /// [`SecretsError::TenantExists`], [`SecretsError::TenantDeleted`], and failures of DynamoDB.
    pub async fn create_tenant(
        &self,
        tenant: &TenantId,
        name: &str,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<Tenant, SecretsError> {
        self.create(tenant, name, false, now, meter).await
    }

    /// The same with the id of a tenant that was deleted.
    ///
    /// # Errors
    /// [`SecretsError::TenantExists`], and failures of DynamoDB.
    pub async fn create_tenant_again(
        &self,
        tenant: &TenantId,
        name: &str,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<Tenant, SecretsError> {
        self.create(tenant, name, true, now, meter).await
    }

    async fn create(
        &self,
        tenant: &TenantId,
        name: &str,
        is_again: bool,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<Tenant, SecretsError> {
        let tenant = Tenant {
            id: tenant.clone(),
            name: name.to_owned(),
            enabled: true,
            disabled: None,
            deleting: None,
            importing: None,
            created: now,
            active_keys: 0,
        };
        write::retrying_races(|| self.put_tenant(&tenant, is_again, meter)).await?;
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

    /// Enables or disables a tenant and all of its keys at once. Does nothing if the tenant is
    /// already in that state.
    ///
    /// # Errors
    /// [`SecretsError::NoTenant`], [`SecretsError::BeingDeleted`],
    /// [`SecretsError::ImportUnderWay`], and failures of DynamoDB.
    pub async fn set_enabled(
        &self,
        tenant: &TenantId,
        enabled: bool,
        meter: &Meter,
    ) -> Result<Tenant, SecretsError> {
        write::retrying_races(|| async {
            let read = self.tenant_item(tenant, meter).await?;
            if read.tenant.enabled == enabled {
                return Ok(read.tenant);
            }
            match enabled {
                true => read.is_whole()?,
                false => read.not_being_deleted()?,
            }
            let now = OffsetDateTime::now_utc();
            self.write_enabled(&read, enabled, now, meter).await?;
            Ok(Tenant {
                enabled,
                disabled: (!enabled).then_some(now),
                ..read.tenant
            })
        })
        .await
    }

    pub(super) async fn tenant_item(
        &self,
        tenant: &TenantId,
        meter: &Meter,
    ) -> Result<TenantItem, SecretsError> {
        let sort_key = string(TENANT_SORT_KEY);
        let item = self
            .read_secret(item::partition(tenant), sort_key, meter)
            .await?;
        match item {
            Some(item) => Ok(TenantItem::read(&item)?),
            None => Err(SecretsError::NoTenant(tenant.clone())),
        }
    }
}
