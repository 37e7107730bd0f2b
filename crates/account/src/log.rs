//! The operator's log: who changed what of a tenant, and why.

use store::secrets::{OperatorEntry, SecretsError};
use store::{Meter, Store, StoreError};
use tenant::TenantId;
use time::OffsetDateTime;

use crate::{Account, Failure};

/// The entries of a tenant since a time, or of all tenants, the oldest first. A tenant that was
/// deleted still has them.
///
/// # Errors
/// Failures of DynamoDB.
pub async fn operator_log(
    store: &Store,
    tenant: Option<&TenantId>,
    since: OffsetDateTime,
) -> Result<Vec<OperatorEntry>, Failure> {
    let meter = Meter::default();
    let Some(tenant) = tenant else {
        return Ok(store.operator_log_of_all(since, &meter).await?);
    };
    let mut entries = Vec::new();
    store
        .operator_log(tenant, since, &meter, |entry| entries.push(entry))
        .await?;
    Ok(entries)
}

impl Account {
    /// What was done to the tenant last, so many entries at most, the latest first.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn latest_acts(&self, most: u16) -> Result<Vec<OperatorEntry>, StoreError> {
        let (tenant, meter) = (&self.tenant.id, &self.meter);
        let latest = self.store.latest_of_operator_log(tenant, most, meter);
        let mut entries = latest.await?;
        // Those of another tenant of that id are not its own.
        entries.retain(|entry| entry.at >= self.tenant.created);
        Ok(entries)
    }
}

/// Whether there is a tenant of this id, or was.
///
/// # Errors
/// [`SecretsError::NoTenant`] when there never was, and failures of DynamoDB.
pub async fn known(store: &Store, tenant: &TenantId) -> Result<(), Failure> {
    let meter = Meter::default();
    match store.find_tenant(tenant, &meter).await {
        Err(SecretsError::NoTenant(_)) if store.stone(tenant, &meter).await?.is_some() => Ok(()),
        found => Ok(found.map(drop)?),
    }
}
