//! `breaker lift`.

use scim::schema::PROVIDED;
use store::{Gate, Meter, Store};
use tenant::TenantId;
use time::Duration;

use super::tenant::status::{self, Status};
use crate::clock::now;
use crate::failure::Failure;

/// Lifts the limits of a tenant's breakers, and shows the tenant's status after that.
pub async fn lift(tenant: &TenantId, length: Duration, store: &Store) -> Result<Status, Failure> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    store.find_tenant(tenant, &meter).await?;
    let now = now();
    let directory = store.tenant(tenant, &meter, &gate);
    for resource_type in PROVIDED {
        let until = now.saturating_add(length);
        directory.lift_breaker(resource_type, until).await?;
    }
    status::run(tenant, now - Duration::DAY, store).await
}
