//! `user deleted` and `group deleted`.

use account::Account;
use account::deleted::name;
use scim::ResourceType;
use serde_json::{Value, json};
use store::directory::tombstone::Tombstone;
use time::OffsetDateTime;

use crate::failure::Failure;
use crate::report::Report;
use crate::terminal::{columns, exact, stamp};

/// The resources of a type that can be restored.
#[derive(Debug)]
pub struct Deleted {
    resource_type: &'static ResourceType,
    tombstones: Vec<Tombstone>,
}

/// Lists the deleted resources of a tenant.
pub async fn run(
    resource_type: &'static ResourceType,
    account: &Account,
) -> Result<Deleted, Failure> {
    let since = OffsetDateTime::UNIX_EPOCH;
    Ok(Deleted {
        resource_type,
        tombstones: account.deleted(resource_type, since).await?,
    })
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
                    "deleted": exact(tombstone.deleted),
                    "expires": exact(tombstone.expires),
                })
            })
            .collect()
    }
}
