//! All tenants, with what is counted of them.

use scim::schema::{GROUPS, USERS};
use store::secrets::Tenant;
use store::{Gate, Meter, Store};
use tenant::TenantId;
use time::OffsetDateTime;

use crate::delete::remove_rest;
use crate::{Account, Failure};

/// A tenant with how much it has, as an invoice counts.
#[derive(Debug)]
pub struct Counted {
    /// The tenant.
    pub tenant: Tenant,
    /// How many users there are.
    pub users: u64,
    /// How many of them are active.
    pub active: u64,
    /// How many groups there are.
    pub groups: u64,
}

/// Creates a tenant, enabled and without keys; `again`, with the id of one that was deleted, of
/// which nothing is left then.
///
/// # Errors
/// When there is one, or was one and it is not `again`, and failures of DynamoDB.
pub async fn create(
    store: &Store,
    tenant: &TenantId,
    name: &str,
    again: bool,
) -> Result<Tenant, Failure> {
    // To the millisecond: it tells a tenant from the next one of its id.
    let now = OffsetDateTime::now_utc();
    let (meter, gate) = (Meter::default(), Gate::opened());
    if !again {
        return Ok(store.create_tenant(tenant, name, now, &meter).await?);
    }
    if let Some(stone) = store.stone(tenant, &meter).await? {
        let directory = store.tenant(tenant, &meter, &gate);
        remove_rest(&directory, &stone).await?;
    }
    let created = store.create_tenant_again(tenant, name, now, &meter);
    Ok(created.await?)
}

/// Creates a tenant with the API turned off, for its own admin to turn it on.
///
/// # Errors
/// When there is one, or was one, and failures of DynamoDB.
pub async fn create_turned_off(
    store: &Store,
    tenant: &TenantId,
    name: &str,
) -> Result<(), Failure> {
    let (meter, now) = (Meter::default(), OffsetDateTime::now_utc());
    store.create_tenant(tenant, name, now, &meter).await?;
    store.set_api(tenant, false, &meter).await?;
    Ok(())
}

/// All tenants with how much each has: three Queries of each.
///
/// # Errors
/// Failures of DynamoDB.
pub async fn counted(store: &Store) -> Result<Vec<Counted>, Failure> {
    let mut all = Vec::new();
    for tenant in store.list_tenants(&Meter::default()).await? {
        let account = Account::open(store, &tenant.id).await?;
        let directory = account.directory();
        all.push(Counted {
            users: directory.count(&USERS).await?,
            active: directory.count_active(&USERS).await?,
            groups: directory.count(&GROUPS).await?,
            tenant,
        });
    }
    Ok(all)
}
