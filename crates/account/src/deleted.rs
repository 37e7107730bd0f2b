//! Deleted users and groups that can be restored.

use scim::{ResourceType, Stored};
use store::directory::tombstone::Tombstone;
use time::OffsetDateTime;

use crate::{Account, Failure};

impl Account {
    /// The resources of a type that were deleted since a time, the first deleted first.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn deleted(
        &self,
        resource_type: &ResourceType,
        since: OffsetDateTime,
    ) -> Result<Vec<Tombstone>, Failure> {
        let mut tombstones = Vec::new();
        self.directory()
            .tombstones(resource_type, |tombstone| {
                if tombstone.deleted >= since {
                    tombstones.push(tombstone);
                }
            })
            .await?;
        tombstones.sort_by_key(|tombstone| tombstone.deleted);
        Ok(tombstones)
    }
}

/// A resource's name, as far as there is one.
pub fn name(resource_type: &ResourceType, stored: &Stored) -> String {
    let name = stored.resource.text(resource_type.unique);
    name.unwrap_or("?").to_owned()
}
