//! Deleted resources: kept as tombstones for the retention period, restored by the operator.

use backon::Retryable;
use scim::{Meta, ResourceId, ResourceType, Stored};
use time::OffsetDateTime;

use super::record::{Origin, Written};
use super::write::Parts;
use super::{TenantStore, document, keys};
use crate::StoreError;
use crate::client::attributes::{Item, time};
use crate::client::transaction::RACES;

/// A deleted resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Tombstone {
    /// The resource as it was.
    pub stored: Stored,
    /// When it was deleted.
    pub deleted: OffsetDateTime,
    /// When DynamoDB may remove it permanently.
    pub expires: OffsetDateTime,
}

impl Tombstone {
    /// The version that the deletion created.
    pub(crate) fn version(&self) -> u64 {
        self.deletion().version
    }

    /// The metadata of that version.
    fn deletion(&self) -> Meta {
        Meta {
            last_modified: self.deleted,
            version: self.stored.meta.version.saturating_add(1),
            ..self.stored.meta
        }
    }

    /// The tombstone of an item.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is not one.
    pub(crate) fn read(item: &Item) -> Result<Self, StoreError> {
        Ok(Self {
            stored: document::read(item)?,
            deleted: time(item, document::DELETED)?,
            expires: document::expires(item)?,
        })
    }
}

impl TenantStore<'_> {
    /// The tombstone of the resource with this id.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn tombstone(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
    ) -> Result<Option<Tombstone>, StoreError> {
        let sort_key = keys::tombstone(resource_type, id);
        let item = self.get_item(sort_key, self.accepted_only()).await?;
        item.as_ref().map(Tombstone::read).transpose()
    }

    /// Shows `visit` all tombstones of a type, in the order of their ids.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn tombstones(
        &self,
        resource_type: &ResourceType,
        mut visit: impl FnMut(Tombstone),
    ) -> Result<(), StoreError> {
        let query = self.query_prefix(keys::tombstones(resource_type));
        self.each(query, |item| {
            visit(Tombstone::read(item)?);
            Ok(true)
        })
        .await
    }

    /// Restores a deleted resource under its id, as it was, with its lookups, guards and counters.
    /// The same transaction removes its tombstone.
    ///
    /// The reserved userName is optional: if another resource has it by now, the resource comes
    /// back without it. Clients that write at the same time touch the same counters, so lost races
    /// are retried.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when another resource has its unique value by now;
    /// [`StoreError::AlreadyExists`] when there is a resource with its id; [`StoreError::NotFound`]
    /// when the tombstone is gone; [`StoreError::Conflict`] or [`StoreError::Throttled`] when every
    /// attempt failed for that reason; and failures of DynamoDB.
    pub async fn restore(
        &self,
        resource_type: &ResourceType,
        tombstone: &Tombstone,
        origin: &Origin,
    ) -> Result<Stored, StoreError> {
        let reserved = tombstone.stored.reserved.as_deref();
        let restore = async |reserved| {
            (|| self.restore_once(resource_type, tombstone, reserved, origin))
                .retry(RACES)
                .when(|error| matches!(error, StoreError::Conflict | StoreError::Throttled))
                .await
        };
        match restore(reserved).await {
            Err(StoreError::Taken { .. }) if reserved.is_some() => restore(None).await,
            outcome => outcome,
        }
    }

    async fn restore_once(
        &self,
        resource_type: &ResourceType,
        tombstone: &Tombstone,
        reserved: Option<&str>,
        origin: &Origin,
    ) -> Result<Stored, StoreError> {
        let restored = Stored {
            meta: tombstone.deletion().changed(origin.at),
            reserved: reserved.map(str::to_owned),
            ..tombstone.stored.clone()
        };
        let record = Written {
            resource_type,
            id: &restored.id,
            version: restored.meta.version,
            at: restored.meta.last_modified,
            previous: Some(tombstone.deleted),
            before: None,
            after: Some(&restored.resource),
        };
        let mut parts = Parts::default();
        let sort_key = keys::tombstone(resource_type, &restored.id);
        self.delete_unchanged(sort_key, tombstone.stored.meta.version, &mut parts)?;
        match self.add(&restored, parts, origin, &record).await {
            Err(StoreError::VersionMismatch) => Err(StoreError::NotFound),
            outcome => outcome.map(|()| restored),
        }
    }
}
