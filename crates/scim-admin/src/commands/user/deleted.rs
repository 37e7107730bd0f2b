//! `user deleted`.

use scim::Stored;
use scim::schema::USERS;
use serde_json::{Value, json};
use store::directory::tombstone::Tombstone;
use store::{Gate, Meter, Store, TenantStore};
use tenant::TenantId;
use time::OffsetDateTime;

use crate::failure::Failure;
use crate::report::Report;
use crate::terminal::{columns, stamp};

/// The users that can be restored.
#[derive(Debug)]
pub struct Deleted(Vec<Tombstone>);

/// Lists the deleted users of a tenant.
pub async fn run(tenant: &TenantId, store: &Store) -> Result<Deleted, Failure> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    store.find_tenant(tenant, &meter).await?;
    let directory = store.tenant(tenant, &meter, &gate);
    let since = OffsetDateTime::UNIX_EPOCH;
    Ok(Deleted(deleted(&directory, since).await?))
}

/// The users that were deleted since a time, the first deleted first.
pub async fn deleted(
    directory: &TenantStore<'_>,
    since: OffsetDateTime,
) -> Result<Vec<Tombstone>, Failure> {
    let mut tombstones = Vec::new();
    directory
        .tombstones(&USERS, |tombstone| {
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
        let rows = self.0.iter().map(|tombstone| {
            [
                tombstone.stored.id.to_string(),
                stamp(tombstone.deleted),
                stamp(tombstone.expires),
                user_name(&tombstone.stored),
            ]
        });
        columns(["USER", "DELETED", "KEPT UNTIL", "USERNAME"], rows)
    }

    fn json(&self) -> Value {
        self.0
            .iter()
            .map(|tombstone| {
                json!({
                    "id": tombstone.stored.id.as_str(),
                    "userName": user_name(&tombstone.stored),
                    "deleted": stamp(tombstone.deleted),
                    "expires": stamp(tombstone.expires),
                })
            })
            .collect()
    }
}

/// A user's name, as far as there is one.
pub fn user_name(stored: &Stored) -> String {
    stored.resource.text("userName").unwrap_or("?").to_owned()
}
