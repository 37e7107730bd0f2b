//! `tenant`: customers.

use account::tenants;
use store::secrets::Tenant;
use store::{Meter, Store};
use tenant::TenantId;

use crate::failure::Failure;

/// `tenant create`. The name is the id unless there is one.
pub async fn create(
    id: &TenantId,
    name: Option<&str>,
    is_again: bool,
    store: &Store,
) -> Result<Tenant, Failure> {
    let name = name.unwrap_or(id.as_str());
    Ok(tenants::create(store, id, name, is_again).await?)
}

/// `tenant list`.
pub async fn list(store: &Store) -> Result<Vec<Tenant>, Failure> {
    Ok(store.list_tenants(&Meter::default()).await?)
}

/// `tenant enable` and `tenant disable`.
pub async fn set_enabled(id: &TenantId, enabled: bool, store: &Store) -> Result<Tenant, Failure> {
    Ok(store.set_enabled(id, enabled, &Meter::default()).await?)
}
