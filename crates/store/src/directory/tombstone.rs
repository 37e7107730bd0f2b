//! Deleted resources: kept as tombstones for the retention period, restored by the operator.

use scim::{Meta, ResourceId, ResourceType, Stored};
use time::OffsetDateTime;

use super::parts::Parts;
use super::record::{self, Origin, Written};
use super::{TenantStore, document, keys};
use crate::StoreError;
use crate::client::attributes::{Item, time};
use crate::client::transaction::settled;

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

/// What came of a restoration.
#[derive(Debug)]
pub struct Restored {
    /// The resource as it is now.
    pub stored: Stored,
    /// The groups that a user came back to.
    pub groups: Vec<ResourceId>,
    /// Why a user is not back in all groups. What is missing is made up for by
    /// [`TenantStore::return_to_groups`].
    pub failure: Option<StoreError>,
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
    /// The same transaction removes its tombstone, and brings a user back to the groups that it
    /// left, as far as it has room; the others follow. A group has its members again: they were
    /// left where they are.
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
    ) -> Result<Restored, StoreError> {
        let reserved = tombstone.stored.reserved.as_deref();
        let restore = async |reserved| {
            settled(|| self.restore_once(resource_type, tombstone, reserved, origin)).await
        };
        let (stored, mut groups, is_complete) = match restore(reserved).await {
            Err(StoreError::Taken { .. }) if reserved.is_some() => restore(None).await?,
            outcome => outcome?,
        };
        let mut failure = None;
        if !is_complete {
            match self.return_to_groups(&stored.id, origin).await {
                Ok(others) => groups.extend(others),
                Err(error) => failure = Some(error),
            }
        }
        Ok(Restored {
            stored,
            groups,
            failure,
        })
    }

    /// Returns what was restored, the groups that it came back to, and whether these are all.
    async fn restore_once(
        &self,
        resource_type: &ResourceType,
        tombstone: &Tombstone,
        reserved: Option<&str>,
        origin: &Origin,
    ) -> Result<(Stored, Vec<ResourceId>, bool), StoreError> {
        let restored = Stored {
            meta: tombstone.deletion().changed(origin.at),
            reserved: reserved.map(str::to_owned),
            ..tombstone.stored.clone()
        };
        let written = Written {
            previous: Some(tombstone.deleted),
            ..Written::creation(resource_type, &restored)
        };
        let mut record = self.record_item(origin, &written);
        let mut parts = Parts::default();
        let sort_key = keys::tombstone(resource_type, &restored.id);
        self.delete_unchanged(sort_key, tombstone.stored.meta.version, &mut parts)?;
        self.creation(resource_type, &restored, origin, &mut parts)?;
        let at = restored.meta.last_modified;
        let (mut groups, mut is_complete) = (Vec::new(), true);
        if resource_type.can_be_member() {
            let mut returning = self.returning(&restored.id).await?;
            groups = self
                .come_back(&restored.id, &mut returning, (at, origin), &mut parts)
                .await?;
            record.extend(record::returned(&groups));
            is_complete = returning.is_empty();
        }
        match self.send_all(parts, record).await {
            Err(StoreError::VersionMismatch) => Err(StoreError::NotFound),
            outcome => outcome.map(|()| (restored, groups, is_complete)),
        }
    }
}
