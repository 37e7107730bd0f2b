//! Reading resources by id, and the holders of unique values.

use std::collections::{BTreeSet, HashMap};

use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use scim::{ResourceId, ResourceType, Stored};

use super::assembled::Assembly;
use super::{TenantStore, document, keys};
use crate::StoreError;
use crate::client::attributes::{Item, text};
use crate::client::batch;
use crate::client::gate::Passage;
use crate::client::tables::SORT_KEY;

/// BatchGetItem's limit.
pub(super) const BATCH: usize = 100;

/// How many batches are read at a time where there are many.
pub(super) const BATCHES: usize = 4;

/// How many resources with shards are read at a time.
const CONCURRENCY: usize = 16;

/// Resources that were read by their ids, in the order of these.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub resources: Vec<Stored>,
    /// The length of their items, by which a Query is billed. Not known of a single one.
    pub size: u64,
    /// The read units they cost one by one. Not known of a single one.
    pub units: u64,
}

/// How many bytes of an item cost a unit in a strongly consistent read.
pub(super) const UNIT: u64 = 4096;

impl Batch {
    fn add(&mut self, item: &Item) -> Result<(), StoreError> {
        let size = document::size(item);
        self.size += size;
        self.units += size.div_ceil(UNIT);
        self.resources.push(document::read(item)?);
        Ok(())
    }

    fn in_order(mut self) -> Self {
        self.resources
            .sort_by(|one: &Stored, other| one.id.cmp(&other.id));
        self
    }
}

impl TenantStore<'_> {
    /// The resource with this id. May go ahead of the check of the key.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn get(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
    ) -> Result<Option<Stored>, StoreError> {
        if resource_type.members.is_some() {
            return self.get_assembled(resource_type, id, self.ahead()).await;
        }
        let sort_key = keys::resource(resource_type, id);
        let item = self.get_item(sort_key, self.ahead()).await?;
        item.as_ref().map(document::read).transpose()
    }

    /// A resource and its shards, which are beside it: together they are one read.
    async fn get_assembled(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
        passage: Passage<'_>,
    ) -> Result<Option<Stored>, StoreError> {
        let sort_key = keys::resource(resource_type, id);
        let mut assembly = Assembly::new(resource_type, true);
        let mut found = None;
        self.each_when(self.query_prefix(sort_key), passage, |item| {
            found = assembly.add(item)?;
            Ok(found.is_none())
        })
        .await?;
        Ok(found.or(assembly.end()))
    }

    /// The resource that holds this value of the type's unique attribute.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn holder(
        &self,
        resource_type: &ResourceType,
        value: &str,
    ) -> Result<Option<ResourceId>, StoreError> {
        let sort_key = keys::guard(resource_type, value)?;
        let item = self.get_item(sort_key, self.accepted_only()).await?;
        item.as_ref().map(document::holder).transpose()
    }

    /// For each of these values of the type's unique attribute, the resource that holds it. One
    /// call for a hundred of them, all at once.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn holders(
        &self,
        resource_type: &ResourceType,
        values: &[&str],
    ) -> Result<Vec<Option<ResourceId>>, StoreError> {
        // What is too long for a guard is held by nobody.
        let guard = |value: &&str| keys::guard(resource_type, value).ok();
        let guards: Vec<Option<String>> = values.iter().map(guard).collect();
        let distinct: BTreeSet<&String> = guards.iter().flatten().collect();
        let distinct: Vec<&String> = distinct.into_iter().collect();
        let batches = distinct.chunks(BATCH).map(async |batch| {
            let mut found = Vec::with_capacity(batch.len());
            let keys = batch.iter().map(|guard| self.key((*guard).clone()));
            self.get_batch(keys.collect(), |item| {
                found.push((text(item, SORT_KEY)?.to_owned(), document::holder(item)?));
                Ok(())
            })
            .await?;
            Ok::<_, StoreError>(found)
        });
        let found = try_join_all(batches).await?;
        let found: HashMap<String, ResourceId> = found.into_iter().flatten().collect();
        let holder = |guard: Option<String>| found.get(&guard?).cloned();
        Ok(guards.into_iter().map(holder).collect())
    }

    /// The existing resources among these ids, in the order of their ids.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn get_many(
        &self,
        resource_type: &ResourceType,
        ids: &[ResourceId],
    ) -> Result<Vec<Stored>, StoreError> {
        let mut resources = Vec::with_capacity(ids.len());
        for ids in ids.chunks(BATCH) {
            let batch = self.get_some(resource_type, ids).await?;
            resources.extend(batch.resources);
        }
        resources.sort_by(|one: &Stored, other| one.id.cmp(&other.id));
        Ok(resources)
    }

    /// The existing resources among at most [`BATCH`] ids. A single read costs less than a batch of
    /// one.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub(super) async fn get_some(
        &self,
        resource_type: &ResourceType,
        ids: &[ResourceId],
    ) -> Result<Batch, StoreError> {
        let mut batch = Batch::default();
        if let [id] = ids {
            batch.resources.extend(self.get(resource_type, id).await?);
            return Ok(batch);
        }
        if resource_type.members.is_some() {
            let passage = self.accepted_only();
            // Collected first: a future that borrows from a closure's argument is not known to be
            // `Send`.
            let reads: Vec<_> = ids
                .iter()
                .map(|id| self.get_assembled(resource_type, id, passage))
                .collect();
            let mut reads = stream::iter(reads).buffered(CONCURRENCY);
            while let Some(found) = reads.try_next().await? {
                if let Some(found) = found {
                    batch.units += 1;
                    batch.size += UNIT / 4;
                    batch.resources.push(found);
                }
            }
            return Ok(batch.in_order());
        }
        let key = |id| self.key(keys::resource(resource_type, id));
        self.get_batch(ids.iter().map(key).collect(), |item| batch.add(item))
            .await?;
        Ok(batch.in_order())
    }

    /// Shows `visit` those of a batch of items that are there.
    pub(super) async fn get_batch(
        &self,
        wanted: Vec<Item>,
        visit: impl FnMut(&Item) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.get_batch_of(wanted, None, visit).await
    }

    /// The same with those attributes of the items that are asked for, if not all are.
    pub(super) async fn get_batch_of(
        &self,
        wanted: Vec<Item>,
        attributes: Option<&str>,
        mut visit: impl FnMut(&Item) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let wanted = HashMap::from([(self.table().to_owned(), batch::keys(wanted, attributes)?)]);
        let passage = self.accepted_only();
        self.store
            .get_items(wanted, self.meter, passage, |_, item| visit(item))
            .await
    }

    /// Which of the items with these sort keys are there.
    pub(crate) async fn there(
        &self,
        sort_keys: Vec<String>,
    ) -> Result<BTreeSet<String>, StoreError> {
        let sort_key = |item: &Item| text(item, SORT_KEY).map(str::to_owned);
        let there = self.there_as(sort_keys, SORT_KEY, sort_key).await?;
        Ok(there.into_iter().collect())
    }

    /// What `read` finds in these attributes of those items with these sort keys that are there.
    pub(crate) async fn there_as<T>(
        &self,
        sort_keys: Vec<String>,
        attributes: &str,
        read: fn(&Item) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        // Collected first: a future that borrows from a closure's argument is not known to be
        // `Send`.
        let batches: Vec<_> = sort_keys
            .chunks(BATCH)
            .map(|batch| self.there_of(batch, attributes, read))
            .collect();
        let batches = stream::iter(batches).buffer_unordered(BATCHES);
        let there: Vec<Vec<T>> = batches.try_collect().await?;
        Ok(there.into_iter().flatten().collect())
    }

    async fn there_of<T>(
        &self,
        sort_keys: &[String],
        attributes: &str,
        read: fn(&Item) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let keys = sort_keys.iter().map(|sort_key| self.key(sort_key.clone()));
        let mut found = Vec::with_capacity(sort_keys.len());
        self.get_batch_of(keys.collect(), Some(attributes), |item| {
            found.push(read(item)?);
            Ok(())
        })
        .await?;
        Ok(found)
    }
}
