//! All tenants, with what is counted of them.

use scim::schema::{GROUPS, USERS};
use store::secrets::Tenant;
use store::{Meter, Store};

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
