//! The operator's log: who changed what of a tenant, and why.

use store::secrets::{OperatorEntry, SecretsError};
use store::{Meter, Store};
use tenant::TenantId;
use time::OffsetDateTime;

use crate::Failure;

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
