//! Items of a tenant, written back as they were read: from an export, or from another table.
//!
//! Writing the same again changes nothing, so an import that was ended early is run once more.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};

use super::item::{NotImported, checked};
use super::{Counts, json};
use crate::client::attributes::{Item, text};
use crate::client::bulk;
use crate::client::format::{self, FORMAT};
use crate::client::tables::{PARTITION_KEY, SORT_KEY};
use crate::directory::keys;
use crate::secrets::Hold;
use crate::{StoreError, TenantStore};

/// How many bytes of lines are held until they are written. An item has no more of them than its
/// line, and 400 KB at most: with one more, they fit into a transaction.
const HELD: usize = 3_000_000;

/// Items on their way into a tenant's partition.
#[derive(Debug)]
pub struct Written<'w, 'a> {
    directory: &'w TenantStore<'a>,
    check: TransactWriteItem,
    waiting: Vec<TransactWriteItem>,
    size: usize,
    counts: Counts,
}

impl<'a> TenantStore<'a> {
    /// Begins to write items, as long as `hold` is not lost.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when the SDK cannot build the check.
    pub fn writing(&self, hold: &Hold) -> Result<Written<'_, 'a>, StoreError> {
        Ok(Written {
            directory: self,
            check: self.store().hold_check(self.tenant(), hold)?,
            waiting: Vec::new(),
            size: 0,
            counts: Counts::default(),
        })
    }

    /// The sort key of a line that is an item of this tenant and can be written.
    ///
    /// # Errors
    /// Why it is none.
    pub fn check_line(&self, line: &str) -> Result<String, NotImported> {
        let mut item = self.item_of(line)?;
        match item.remove(SORT_KEY) {
            Some(AttributeValue::S(sort_key)) => Ok(sort_key),
            _ => Err(NotImported::NoItem),
        }
    }

    /// Whether everything that the tenant has can be copied to a table of this release. `progress`
    /// is told how many items are read. Returns how many there are.
    ///
    /// # Errors
    /// [`StoreError::NewerFormat`], and failures of DynamoDB.
    pub async fn check_items(
        &self,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<u64, StoreError> {
        let (mut count, mut start) = (0, None);
        loop {
            let query = self
                .query()
                .key_condition_expression("pk = :pk")
                .projection_expression("pk, sk, #f")
                .expression_attribute_names("#f", FORMAT);
            let (items, next) = self.one_page(query.set_exclusive_start_key(start)).await?;
            for item in &items {
                format::check(item)?;
            }
            count += items.len() as u64;
            progress(count);
            if next.is_none() {
                return Ok(count);
            }
            start = next;
        }
    }

    fn item_of(&self, line: &str) -> Result<Item, NotImported> {
        let item = checked(json::item(line)?)?;
        match item.get(PARTITION_KEY) == self.key(String::new()).get(PARTITION_KEY) {
            true => Ok(item),
            false => Err(NotImported::OtherTenant),
        }
    }

    /// Copies everything that the tenant has in another table, but for what lets clients in, to
    /// this one, as long as `hold` is not lost. `progress` is told how many items are copied.
    ///
    /// # Errors
    /// As [`Written::add_line`].
    pub async fn copy_from(
        &self,
        other: &TenantStore<'_>,
        hold: &Hold,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<Counts, StoreError> {
        let (mut written, mut start) = (self.writing(hold)?, None);
        loop {
            let query = other.query().key_condition_expression("pk = :pk");
            let (items, next) = other.one_page(query.set_exclusive_start_key(start)).await?;
            for item in items {
                format::check(&item)?;
                if !keys::access::is_access(text(&item, SORT_KEY)?) {
                    written.add(item, 0).await?;
                }
            }
            // The items of a page have a megabyte together, so they fit into transactions.
            written.flush().await?;
            progress(written.counts.total());
            if next.is_none() {
                return written.end().await;
            }
            start = next;
        }
    }
}

impl Written<'_, '_> {
    /// Writes the item of a line, at once or soon. Returns how many were added.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is none that can be written; [`StoreError::Overtaken`]
    /// when the hold is lost; [`StoreError::Throttled`], [`StoreError::Conflict`], and failures of
    /// DynamoDB.
    pub async fn add_line(&mut self, line: &str) -> Result<u64, StoreError> {
        let item = self.directory.item_of(line);
        let item = item.map_err(|error| StoreError::Damaged(error.to_string()))?;
        self.add(item, line.len()).await?;
        Ok(self.counts.total())
    }

    async fn add(&mut self, item: Item, size: usize) -> Result<(), StoreError> {
        self.counts.add(text(&item, SORT_KEY)?);
        let put = bulk::put(self.directory.table(), item)?;
        self.waiting.push(put);
        self.size += size;
        if self.waiting.len() >= bulk::BATCH || self.size >= HELD {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        self.size = 0;
        let puts = std::mem::take(&mut self.waiting);
        let (store, meter) = (self.directory.store(), self.directory.meter());
        store.write_while(&self.check, &puts, meter).await
    }

    /// Writes the rest. Returns how many items were written of each kind.
    ///
    /// # Errors
    /// As [`Self::add_line`].
    pub async fn end(mut self) -> Result<Counts, StoreError> {
        self.flush().await?;
        Ok(self.counts)
    }
}
