//! `user deleted` and `group deleted`.

use scim::{ResourceType, Stored};
use serde_json::{Value, json};
use store::directory::tombstone::Tombstone;
use store::{Gate, Meter, Store, TenantStore};
use tenant::TenantId;
use time::OffsetDateTime;

use crate::failure::Failure;
use crate::report::Report;
use crate::terminal::{columns, stamp};

/// The resources of a type that can be restored.
#[derive(Debug)]
pub struct Deleted {
    resource_type: &'static ResourceType,
    tombstones: Vec<Tombstone>,
}

/// Lists the deleted resources of a tenant.
pub async fn run(
    resource_type: &'static ResourceType,
    tenant: &TenantId,
    store: &Store,
) -> Result<Deleted, Failure> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    store.find_tenant(tenant, &meter).await?;
    let directory = store.tenant(tenant, &meter, &gate);
    let since = OffsetDateTime::UNIX_EPOCH;
    Ok(Deleted {
        resource_type,
        tombstones: deleted(resource_type, &directory, since).await?,
    })
}

/// The resources that were deleted since a time, the first deleted first.
pub async fn deleted(
    resource_type: &ResourceType,
    directory: &TenantStore<'_>,
    since: OffsetDateTime,
) -> Result<Vec<Tombstone>, Failure> {
    let mut tombstones = Vec::new();
    directory
        .tombstones(resource_type, |tombstone| {
            if tombstone.deleted >= since {
                tombstones.push(tombstone);
            }
        })
        .await?;
    tombstones.sort_by_key(|tombstone| tombstone.deleted);
    Ok(tombstones)
}

impl Report for Deleted {
    fn text(&self) -> String {
        let rows = self.tombstones.iter().map(|tombstone| {
            [
                tombstone.stored.id.to_string(),
                stamp(tombstone.deleted),
                stamp(tombstone.expires),
                name(self.resource_type, &tombstone.stored),
            ]
        });
        let [kind, unique] = [self.resource_type.name, self.resource_type.unique];
        let [kind, unique] = [kind, unique].map(str::to_uppercase);
        columns([&kind, "DELETED", "KEPT UNTIL", &unique], rows)
    }

    fn json(&self) -> Value {
        self.tombstones
            .iter()
            .map(|tombstone| {
                json!({
                    "id": tombstone.stored.id.as_str(),
                    self.resource_type.unique: name(self.resource_type, &tombstone.stored),
                    "deleted": stamp(tombstone.deleted),
                    "expires": stamp(tombstone.expires),
                })
            })
            .collect()
    }
}

/// A resource's name, as far as there is one.
pub fn name(resource_type: &ResourceType, stored: &Stored) -> String {
    let name = stored.resource.text(resource_type.unique);
    name.unwrap_or("?").to_owned()
}
