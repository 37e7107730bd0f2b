//! Resources from the items of a Query: a group is its item and the shards beside it.

use scim::{ResourceId, ResourceType, Stored};

use super::document;
use super::keys::members::shard_group;
use super::members::shard::Shards;
use crate::StoreError;
use crate::client::attributes::{Item, damaged, text};
use crate::client::tables::SORT_KEY;

/// Puts resources together from items that come in the order of their sort keys, or in the
/// opposite one.
///
/// Shards without a group are those of a deleted one, and are passed over.
#[derive(Debug)]
pub(super) struct Assembly {
    has_shards: bool,
    is_forward: bool,
    /// Forwards: a resource whose shards may follow.
    resource: Option<Stored>,
    /// The shards of one group.
    shards: Option<(ResourceId, Shards)>,
}

impl Assembly {
    pub fn new(resource_type: &ResourceType, is_forward: bool) -> Self {
        Self {
            has_shards: resource_type.members.is_some(),
            is_forward,
            resource: None,
            shards: None,
        }
    }

    /// Takes in an item. Returns a resource that is complete.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is the item of neither.
    pub fn add(&mut self, item: &Item) -> Result<Option<Stored>, StoreError> {
        if !self.has_shards {
            return document::read(item).map(Some);
        }
        let sort_key = text(item, SORT_KEY)?;
        if let Some(group) = shard_group(sort_key) {
            let group = group.ok_or_else(|| damaged(item, SORT_KEY))?;
            let is_of_another = |resource: &Stored| resource.id != group;
            if self.is_forward && self.resource.as_ref().is_none_or(is_of_another) {
                return Ok(None);
            }
            match &mut self.shards {
                Some((of, shards)) if *of == group => shards.add(item)?,
                other => {
                    let mut shards = Shards::default();
                    shards.add(item)?;
                    *other = Some((group, shards));
                }
            }
            return Ok(None);
        }
        let resource = document::read(item)?;
        if self.is_forward {
            let complete = self.end();
            self.resource = Some(resource);
            return Ok(complete);
        }
        Ok(Some(with(resource, self.shards.take())))
    }

    /// The resource that is complete when no items follow.
    pub fn end(&mut self) -> Option<Stored> {
        let resource = self.resource.take()?;
        Some(with(resource, self.shards.take()))
    }
}

fn with(mut resource: Stored, shards: Option<(ResourceId, Shards)>) -> Stored {
    if let Some((group, shards)) = shards
        && group == resource.id
    {
        resource.meta.membership = shards.membership();
    }
    resource
}
