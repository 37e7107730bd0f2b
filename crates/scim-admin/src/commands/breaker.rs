//! `breaker lift`.

use scim::schema::USERS;
use store::{Gate, Meter, Store};
use tenant::TenantId;
use time::Duration;

use super::tenant::status::{self, Status};
use crate::clock::now;
use crate::failure::Failure;

/// Lifts the limit of a tenant's breaker, and shows the tenant's status after that.
pub async fn lift(tenant: &TenantId, length: Duration, store: &Store) -> Result<Status, Failure> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    store.find_tenant(tenant, &meter).await?;
    let now = now();
    store
        .tenant(tenant, &meter, &gate)
        .lift_breaker(&USERS, now.saturating_add(length))
        .await?;
    status::run(tenant, now - Duration::DAY, store).await
}
