//! A tenant's part of the directory table. All reads are strongly consistent: a client sees what it
//! has just written.
//!
//! This file provides access to the table; its uses are in one file each: `read` by id, `find` by a
//! filter (`plan`: by which access paths; `sides`: with which memberships), `page` by index, `scan`
//! of everything, `write`, `removal`, `record` and `history`, `tombstone`, `breaker`, `members` of
//! groups.
//! `keys` defines every sort key, `document` the form of a resource's item.

mod assembled;
pub mod breaker;
pub(crate) mod document;
mod find;
pub mod history;
pub(crate) mod keys;
pub mod latest;
pub mod members;
mod page;
pub(crate) mod parts;
mod plan;
pub mod range;
mod read;
pub mod record;
mod removal;
mod scan;
mod sides;
pub(crate) mod span;
pub mod tombstone;
mod write;

pub use sides::{Candidate, Sought};
pub use write::Deletion;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use tenant::TenantId;

use crate::client::attributes::{Item, string};
use crate::client::call::Paged as _;
use crate::client::format;
use crate::client::gate::Passage;
use crate::client::tables::{PARTITION_KEY, SORT_KEY};
use crate::client::transaction::{self, MAX_ACTIONS, Outcome};
use crate::client::update::Updated;
use crate::secrets::Hold;
use crate::{Gate, Meter, Store, StoreError};

/// What one tenant owns. Created per request; its cost goes to one meter.
///
/// Every call waits at the request's gate, except one that may go ahead: see [`Gate`].
#[derive(Debug)]
pub struct TenantStore<'a> {
    store: &'a Store,
    tenant: TenantId,
    partition: String,
    meter: &'a Meter,
    gate: &'a Gate,
    /// What every transaction hangs on; nothing for the function's.
    hold: Option<Hold>,
}

impl Store {
    /// The tenant's part of the directory: the only access to it.
    pub fn tenant<'a>(
        &'a self,
        tenant: &TenantId,
        meter: &'a Meter,
        gate: &'a Gate,
    ) -> TenantStore<'a> {
        TenantStore {
            store: self,
            tenant: tenant.clone(),
            partition: keys::partition(tenant),
            meter,
            gate,
            hold: None,
        }
    }
}

impl<'a> TenantStore<'a> {
    /// The same, for an operator's work: each transaction checks what it hangs on, and is
    /// [`StoreError::Overtaken`] when that is no more.
    #[must_use]
    pub fn holding(mut self, hold: Hold) -> Self {
        self.hold = Some(hold);
        self
    }

    /// Waits until the request's API key is accepted.
    pub async fn accepted(&self) {
        self.gate.passed().await;
    }

    /// For almost every call: it waits for the key.
    pub(crate) fn accepted_only(&self) -> Passage<'a> {
        Passage::Accepted(self.gate)
    }

    /// For the calls that may go ahead of the check: the read of a resource by its id, and the
    /// lookup of resources by a value.
    fn ahead(&self) -> Passage<'a> {
        Passage::Ahead(self.gate)
    }

    /// An item that has only its key.
    pub(crate) fn key(&self, sort_key: String) -> Item {
        Item::from([
            (PARTITION_KEY.to_owned(), string(&self.partition)),
            (SORT_KEY.to_owned(), string(sort_key)),
        ])
    }

    /// A new item with this sort key, to be completed and put.
    pub(crate) fn new_item(&self, sort_key: String) -> Item {
        let mut item = self.key(sort_key);
        item.extend([format::attribute()]);
        item
    }

    /// Whose it is.
    pub(crate) fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Where it is.
    pub(crate) fn store(&self) -> &'a Store {
        self.store
    }

    /// The partition key of everything the tenant owns in the table.
    pub(crate) fn partition(&self) -> &str {
        &self.partition
    }

    /// What counts the calls.
    pub(crate) fn meter(&self) -> &'a Meter {
        self.meter
    }

    /// The name of the table.
    pub(crate) fn table(&self) -> &'a str {
        &self.store.tables.directory
    }

    /// The item with this sort key.
    ///
    /// # Errors
    /// [`StoreError::NewerFormat`], and failures of DynamoDB.
    pub(crate) async fn get_item(
        &self,
        sort_key: String,
        passage: Passage<'_>,
    ) -> Result<Option<Item>, StoreError> {
        let item = self.get_of_any_format(sort_key, passage).await?;
        item.as_ref().map(format::check).transpose()?;
        Ok(item)
    }

    /// The same of any format.
    pub(crate) async fn get_of_any_format(
        &self,
        sort_key: String,
        passage: Passage<'_>,
    ) -> Result<Option<Item>, StoreError> {
        let request = self
            .store
            .client
            .get_item()
            .table_name(self.table())
            .set_key(Some(self.key(sort_key)))
            .consistent_read(true);
        let output = self.store.call(request, self.meter, passage).await?;
        Ok(output.item)
    }

    /// A Query of the tenant's partition, to be completed with a condition on the sort key.
    pub(crate) fn query(&self) -> QueryFluentBuilder {
        self.store
            .client
            .query()
            .table_name(self.table())
            .expression_attribute_values(":pk", string(&self.partition))
            .consistent_read(true)
    }

    /// A Query for the items whose sort keys start with `prefix`.
    pub(crate) fn query_prefix(&self, prefix: impl Into<String>) -> QueryFluentBuilder {
        self.query()
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":prefix", string(prefix))
    }

    /// A Query for the items whose sort keys are between two, both included.
    pub(crate) fn query_between(&self, from: String, to: String) -> QueryFluentBuilder {
        self.query()
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":from", string(from))
            .expression_attribute_values(":to", string(to))
    }

    /// Shows `visit` every item of a query, page by page, until it returns false.
    ///
    /// # Errors
    /// [`StoreError::NewerFormat`], failures of DynamoDB, and those of `visit`.
    pub(crate) async fn each(
        &self,
        query: QueryFluentBuilder,
        visit: impl FnMut(&Item) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        self.each_when(query, self.accepted_only(), visit).await
    }

    /// A page of a query, and where the next one starts if there is one.
    pub(crate) async fn one_page(
        &self,
        query: QueryFluentBuilder,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let passage = self.accepted_only();
        let answer = self.store.call(query, self.meter, passage).await?;
        Ok(QueryFluentBuilder::into_page(answer))
    }

    async fn each_when(
        &self,
        query: QueryFluentBuilder,
        passage: Passage<'_>,
        mut visit: impl FnMut(&Item) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let visit_known = |item: &Item| {
            format::check(item)?;
            visit(item)
        };
        self.store
            .each(query, self.meter, passage, visit_known)
            .await
    }

    /// Shows `visit` every item of a query, of whatever format it is, until it returns false.
    pub(crate) async fn each_of_any_format(
        &self,
        query: QueryFluentBuilder,
        visit: impl FnMut(&Item) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let passage = self.accepted_only();
        self.store.each(query, self.meter, passage, visit).await
    }

    /// An update of the item with this sort key, to be completed and sent.
    pub(crate) fn update(&self, sort_key: String) -> UpdateItemFluentBuilder {
        self.store
            .client
            .update_item()
            .table_name(self.table())
            .set_key(Some(self.key(sort_key)))
    }

    /// Makes an update.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub(crate) async fn send_update(
        &self,
        update: UpdateItemFluentBuilder,
    ) -> Result<Updated, StoreError> {
        let passage = self.accepted_only();
        self.store.call(update, self.meter, passage).await
    }

    /// Puts an item, whatever is there.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub(crate) async fn put_item(&self, item: Item) -> Result<(), StoreError> {
        let put = self.store.client.put_item().table_name(self.table());
        let put = put.set_item(Some(item));
        let passage = self.accepted_only();
        self.store.call(put, self.meter, passage).await.map(drop)
    }

    /// Makes a write of an operator's that nobody else's can be in the way of for long.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] or [`StoreError::Throttled`] when every attempt failed for that
    /// reason, and failures of DynamoDB.
    pub(crate) async fn settled(&self, write: TransactWriteItem) -> Result<(), StoreError> {
        let attempt = || self.transact(vec![write.clone()]);
        transaction::settled(attempt).await.map(drop)
    }

    /// How many actions there is room for in a transaction.
    pub(crate) fn room(&self) -> usize {
        MAX_ACTIONS - usize::from(self.hold.is_some())
    }

    /// Writes all items or none.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], [`StoreError::Throttled`], [`StoreError::Overtaken`], and failures
    /// of DynamoDB.
    pub(crate) async fn transact(
        &self,
        writes: Vec<TransactWriteItem>,
    ) -> Result<Outcome, StoreError> {
        let passage = self.accepted_only();
        let Some(hold) = &self.hold else {
            return self.store.transact(writes, self.meter, passage).await;
        };
        // Last, so that the other parts keep their places.
        let place = writes.len();
        let mut writes = writes;
        writes.push(self.store.hold_check(&self.tenant, hold)?);
        match self.store.transact(writes, self.meter, passage).await? {
            Outcome::ConditionsFailed(failed) if failed.contains(&place) => {
                Err(StoreError::Overtaken)
            }
            outcome => Ok(outcome),
        }
    }
}

/// A number by which counters go up or down.
fn difference(by: i8) -> AttributeValue {
    AttributeValue::N(by.to_string())
}
