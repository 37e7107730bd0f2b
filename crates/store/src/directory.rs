//! Reading a tenant's part of the directory table. Every read is strongly consistent: a client
//! finds what it wrote a moment ago.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnConsumedCapacity};
use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::future::try_join_all;

use super::counters::Place;
use super::item::{self, Item};
use super::meter::Pool;
use super::plan::{Access, Plan};
use super::range::{Range, Start};
use super::tables::SORT_KEY;
use super::{Gate, Meter, Store, StoreError, keys};
use scim::filter::BoundFilter;
use scim::list::Page;
use scim::{ResourceId, ResourceType, Stored};
use tenant::TenantId;

/// What one tenant owns. Made for one request, whose cost goes to one meter.
#[derive(Debug)]
pub struct TenantStore<'a> {
    pub(super) store: &'a Store,
    pub(super) partition: String,
    pub(super) meter: &'a Meter,
    pub(super) gate: &'a Gate,
}

/// BatchGetItem's limit.
const BATCH: usize = 100;

/// How long to leave DynamoDB alone when it throttles a batch: up to three seconds in all.
const THROTTLED_BATCH: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(50))
    .with_max_times(5)
    .with_jitter();

impl Store {
    /// The tenant's part of the directory: the only way to it.
    pub fn tenant<'a>(
        &'a self,
        tenant: &TenantId,
        meter: &'a Meter,
        gate: &'a Gate,
    ) -> TenantStore<'a> {
        TenantStore {
            store: self,
            partition: keys::partition(tenant),
            meter,
            gate,
        }
    }
}

impl TenantStore<'_> {
    /// The resource with this id.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn get(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
    ) -> Result<Option<Stored>, StoreError> {
        let item = self.get_item(keys::resource(resource_type, id)).await?;
        item.as_ref().map(item::read).transpose()
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
        let item = self.get_item(keys::guard(resource_type, value)?).await?;
        item.as_ref().map(item::holder).transpose()
    }

    /// Shows `visit` all resources of a type in the order of their ids, from the page's first on,
    /// until the page is over or `visit` returns false. Returns how many resources there are.
    ///
    /// The counters say where the page starts, so its cost does not grow with `startIndex`.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn page(
        &self,
        resource_type: &ResourceType,
        page: &Page,
        mut visit: impl FnMut(Stored) -> bool,
    ) -> Result<u64, StoreError> {
        let (total, place) = self.locate(resource_type, page.skip()).await?;
        let Some(Place { digits, skip }) = place.filter(|_| page.count > 0) else {
            return Ok(total);
        };
        let end = skip.saturating_add(page.count);
        let mut seen = 0;
        self.walk(
            Range::from_digits(resource_type, &digits),
            Some(end),
            |item| {
                seen += 1;
                Ok(seen <= skip || (visit(item::read(item)?) && seen < end))
            },
        )
        .await?;
        Ok(total)
    }

    /// The resources with these ids, those that exist, in the order of their ids.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn get_many(
        &self,
        resource_type: &ResourceType,
        ids: &[ResourceId],
    ) -> Result<Vec<Stored>, StoreError> {
        let mut resources = Vec::with_capacity(ids.len());
        match ids {
            // A single read costs less than a batch of one.
            [id] => resources.extend(self.get(resource_type, id).await?),
            _ => {
                for batch in ids.chunks(BATCH) {
                    resources.extend(self.get_batch(resource_type, batch).await?);
                }
            }
        }
        resources.sort_by(|one: &Stored, other| one.id.cmp(&other.id));
        Ok(resources)
    }

    /// Shows `visit` what `examine` makes of the resources that may match the filter, in the order
    /// of their ids, until it returns false. Which others `examine` is shown depends on the access
    /// path, so the filter has still to be evaluated there. `expected` is how many resources
    /// `visit` is going to take, if that is known.
    ///
    /// # Errors
    /// [`StoreError::TooMany`], failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn candidates<T>(
        &self,
        resource_type: &ResourceType,
        filter: Option<&BoundFilter>,
        start: &Start,
        expected: Option<usize>,
        examine: impl Fn(Stored) -> Option<T>,
        mut visit: impl FnMut(T) -> bool,
    ) -> Result<(), StoreError> {
        let plan = filter.map_or(Plan::Scan, |filter| Plan::of(resource_type, filter));
        let Plan::Find(accesses) = plan else {
            return self
                .scan(
                    resource_type,
                    start,
                    expected,
                    filter.is_some(),
                    examine,
                    visit,
                )
                .await;
        };
        let found = try_join_all(accesses.into_iter().map(|access| self.find(access))).await?;
        let ids: BTreeSet<_> = found.into_iter().flatten().collect();
        let mut ids: Vec<_> = ids.into_iter().filter(|id| start.admits(id)).collect();
        let is_backwards = matches!(start, Start::Before(_));
        if is_backwards {
            ids.reverse();
        }
        for batch in ids.chunks(BATCH) {
            let mut resources = self.get_many(resource_type, batch).await?;
            if is_backwards {
                resources.reverse();
            }
            for found in resources.into_iter().filter_map(&examine) {
                if !visit(found) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    pub(super) async fn get_item(&self, sort_key: String) -> Result<Option<Item>, StoreError> {
        self.meter.call();
        let answer = self
            .store
            .client
            .get_item()
            .table_name(&self.store.tables.directory)
            .set_key(Some(item::key(&self.partition, sort_key)))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        self.meter.record(
            Pool::Read,
            answer
                .as_ref()
                .ok()
                .and_then(|answer| answer.consumed_capacity()),
        );
        Ok(answer.map_err(StoreError::from_sdk)?.item)
    }

    async fn get_batch(
        &self,
        resource_type: &ResourceType,
        ids: &[ResourceId],
    ) -> Result<Vec<Stored>, StoreError> {
        self.gate.passed().await;
        let table = &self.store.tables.directory;
        let mut wanted: Vec<Item> = ids
            .iter()
            .map(|id| item::key(&self.partition, keys::resource(resource_type, id)))
            .collect();
        let mut resources = Vec::with_capacity(ids.len());
        let mut pauses = THROTTLED_BATCH.build();
        loop {
            let request = KeysAndAttributes::builder()
                .set_keys(Some(wanted))
                .consistent_read(true)
                .build()?;
            self.meter.call();
            let answer = self
                .store
                .client
                .batch_get_item()
                .request_items(table, request)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await;
            self.meter.record(
                Pool::Read,
                answer.iter().flat_map(|answer| answer.consumed_capacity()),
            );
            let mut answer = answer.map_err(StoreError::from_sdk)?;
            let found = answer
                .responses
                .as_mut()
                .and_then(|tables| tables.remove(table))
                .unwrap_or_default();
            for item in &found {
                resources.push(item::read(item)?);
            }
            let unprocessed = answer
                .unprocessed_keys
                .and_then(|mut tables| tables.remove(table));
            match unprocessed {
                Some(rest) if !rest.keys.is_empty() => wanted = rest.keys,
                _ => return Ok(resources),
            }
            // DynamoDB leaves keys when an answer reaches 16 MB, then the rest can follow at once,
            // and when it is throttling, then nothing was found.
            if found.is_empty() {
                let Some(pause) = pauses.next() else {
                    let message = "BatchGetItem leaves all keys unprocessed";
                    return Err(StoreError::Unavailable {
                        message: message.to_owned(),
                        source: message.into(),
                    });
                };
                tokio::time::sleep(pause).await;
            }
        }
    }

    /// The ids of the resources that an access leads to.
    async fn find(&self, access: Access) -> Result<BTreeSet<ResourceId>, StoreError> {
        let prefix = match access {
            Access::Id(id) => return Ok(ResourceId::parse(&id).into_iter().collect()),
            Access::Lookup(prefix) => prefix,
            Access::LookupPrefix(prefix) => {
                self.gate.passed().await;
                prefix
            }
        };
        let mut ids = BTreeSet::new();
        let query = self
            .query()
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)");
        self.each(
            query.expression_attribute_values(":prefix", AttributeValue::S(prefix)),
            |item| {
                ids.extend(keys::lookup_id(item::text(item, SORT_KEY)?));
                Ok(true)
            },
        )
        .await?;
        Ok(ids)
    }

    /// Shows `visit` the items of a range of resources, in its order, until it returns false.
    /// `expected` is how many it is likely to want, if that is known.
    pub(super) async fn walk(
        &self,
        range: Range,
        expected: Option<usize>,
        mut visit: impl FnMut(&Item) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        self.gate.passed().await;
        // BETWEEN includes both ends, so the resource to start after or before is read once more.
        let limit = expected.map(|expected| expected.saturating_add(range.excluded.iter().len()));
        let query = self
            .query()
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":from", AttributeValue::S(range.from))
            .expression_attribute_values(":to", AttributeValue::S(range.to))
            .scan_index_forward(range.forward)
            .set_limit(limit.and_then(|limit| i32::try_from(limit).ok()));
        self.each(query, |item| {
            if range.excluded.as_deref() == Some(item::text(item, SORT_KEY)?) {
                return Ok(true);
            }
            visit(item)
        })
        .await
    }

    pub(super) fn query(&self) -> QueryFluentBuilder {
        self.store
            .client
            .query()
            .table_name(&self.store.tables.directory)
            .expression_attribute_values(":pk", AttributeValue::S(self.partition.clone()))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
    }

    /// Shows `visit` every item of a query, page after page, until it returns false.
    pub(super) async fn each(
        &self,
        query: QueryFluentBuilder,
        mut visit: impl FnMut(&Item) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let mut start_key = None;
        loop {
            self.meter.call();
            let answer = query
                .clone()
                .set_exclusive_start_key(start_key)
                .send()
                .await;
            self.meter.record(
                Pool::Read,
                answer
                    .as_ref()
                    .ok()
                    .and_then(|answer| answer.consumed_capacity()),
            );
            let answer = answer.map_err(StoreError::from_sdk)?;
            for item in answer.items() {
                if !visit(item)? {
                    return Ok(());
                }
            }
            start_key = answer.last_evaluated_key;
            if start_key.is_none() {
                return Ok(());
            }
        }
    }
}
