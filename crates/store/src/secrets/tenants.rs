//! Tenants: create, find, enable and disable.

use tenant::TenantId;
use time::OffsetDateTime;

use super::item::{self, TENANT_SORT_KEY, TenantItem};
use super::switch::Switch;
use super::{Import, Imported, SecretsError, write};
use crate::client::attributes::string;
use crate::{Meter, Store};

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Names the tenant in keys, logs and commands.
    pub id: TenantId,
    /// The tenant's display name.
    pub name: String,
    /// Whether the operator has it enabled. Otherwise none of its keys is accepted.
    pub enabled: bool,
    /// Since when they are not.
    pub disabled: Option<OffsetDateTime>,
    /// Since when all that it owns is being deleted: it cannot be enabled or get keys any more.
    pub deleting: Option<OffsetDateTime>,
    /// The import of which only a part is there: it cannot be enabled or get keys meanwhile.
    pub importing: Option<Import>,
    /// The last import that was completed.
    pub imported: Option<Imported>,
    /// Since when its own admin has the API turned off: then its keys are not accepted either.
    pub api_off: Option<OffsetDateTime>,
    /// When the tenant was created.
    pub created: OffsetDateTime,
    /// How many keys are on the tenant's list: those not revoked. Long-expired ones leave it when
    /// their place is needed.
    pub active_keys: usize,
}

impl Tenant {
    /// A tenant that is enabled and has no keys.
    pub(super) fn new(id: &TenantId, name: &str, now: OffsetDateTime) -> Self {
        Self {
            id: id.clone(),
            name: name.to_owned(),
            enabled: true,
            disabled: None,
            deleting: None,
            importing: None,
            imported: None,
            api_off: None,
            created: now,
            active_keys: 0,
        }
    }

    /// Whether its keys are accepted, as far as the tenant is concerned.
    pub fn lets_in(&self) -> bool {
        self.enabled && self.api_off.is_none()
    }

    /// Whether its keys are not accepted because its own admin has the API turned off.
    pub fn is_off_by_admin(&self) -> bool {
        self.enabled && self.api_off.is_some()
    }
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
        let tenant = Tenant::new(tenant, name, now);
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
        let switch = match enabled {
            true => Switch::Enable,
            false => Switch::Disable,
        };
        self.switch(tenant, switch, meter).await
    }

    /// Turns the API of a tenant on or off, as its own admin asks: all of its keys at once. What
    /// the operator has disabled stays so. Does nothing if the API is already in that state.
    ///
    /// # Errors
    /// [`SecretsError::NoTenant`], [`SecretsError::BeingDeleted`],
    /// [`SecretsError::ImportUnderWay`], and failures of DynamoDB.
    pub async fn set_api(
        &self,
        tenant: &TenantId,
        is_on: bool,
        meter: &Meter,
    ) -> Result<Tenant, SecretsError> {
        let switch = match is_on {
            true => Switch::ApiOn,
            false => Switch::ApiOff,
        };
        self.switch(tenant, switch, meter).await
    }

    async fn switch(
        &self,
        tenant: &TenantId,
        switch: Switch,
        meter: &Meter,
    ) -> Result<Tenant, SecretsError> {
        let seen = self.meant_tenant();
        write::retrying_races(|| async {
            let read = self.tenant_item(tenant, meter).await?;
            read.is_same(&seen)?;
            let now = OffsetDateTime::now_utc();
            let next = switch.applied(&read.tenant, now);
            if next == read.tenant {
                return Ok(next);
            }
            match switch {
                Switch::Enable | Switch::ApiOn => read.is_whole()?,
                Switch::Disable | Switch::ApiOff => read.not_being_deleted()?,
            }
            let active_keys = self.write_switch(&read, &next, switch, meter).await?;
            Ok(Tenant {
                active_keys,
                ..next
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
