//! Items of a tenant, written back as they were read: from an export, or from another table.
//!
//! An item of its own says what is being imported until all of it is there. Writing the same again
//! changes nothing, so an import that was ended early is run once more.

use super::json;
use super::{Counts, NoItem};
use crate::client::attributes::{Item, string, text};
use crate::client::batch;
use crate::client::format;
use crate::client::tables::{PARTITION_KEY, SORT_KEY};
use crate::directory::keys;
use crate::{StoreError, TenantStore};

/// What is being imported, in the item of an import.
const SOURCE: &str = "source";

/// How many items are written together.
const AT_ONCE: usize = 200;

/// How many bytes of lines are held until they are written.
const HELD: usize = 4_000_000;

/// What is said of requests and keys, which may be there before an import.
const ASIDE: [&str; 4] = ["R#", "K#", "P#", "H#"];

/// What a tenant has before an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Importing {
    /// Nothing that an import could mix with.
    Nothing,
    /// A part of this source, whose import was ended early.
    Some(String),
    /// A directory.
    Directory,
}

/// Items on their way into a tenant's partition.
#[derive(Debug)]
pub struct Written<'w, 'a> {
    directory: &'w TenantStore<'a>,
    waiting: Vec<Item>,
    size: usize,
    counts: Counts,
}

impl<'a> TenantStore<'a> {
    /// What an import would meet.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn importing(&self) -> Result<Importing, StoreError> {
        let begun = keys::IMPORT.to_owned();
        if let Some(item) = self.get_item(begun, self.accepted_only()).await? {
            return Ok(Importing::Some(text(&item, SOURCE)?.to_owned()));
        }
        let mut start = None;
        loop {
            let (keys, next) = self.keys_from(start).await?;
            for key in &keys {
                let sort_key = text(key, SORT_KEY)?;
                if !ASIDE.iter().any(|start| sort_key.starts_with(start)) {
                    return Ok(Importing::Directory);
                }
            }
            if next.is_none() {
                return Ok(Importing::Nothing);
            }
            start = next;
        }
    }

    /// Notes what is about to be imported.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn begin_import(&self, source: &str) -> Result<(), StoreError> {
        let mut item = self.new_item(keys::IMPORT.to_owned());
        item.insert(SOURCE.to_owned(), string(source));
        self.settled(self.put(item)?).await
    }

    /// Notes that all of it is there.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn end_import(&self) -> Result<(), StoreError> {
        self.settled(self.delete_item(keys::IMPORT.to_owned())?)
            .await
    }

    /// Begins to write items.
    pub fn writing(&self) -> Written<'_, 'a> {
        Written {
            directory: self,
            waiting: Vec::new(),
            size: 0,
            counts: Counts::default(),
        }
    }

    /// Whether a line is an item of this tenant.
    ///
    /// # Errors
    /// [`NoItem`].
    pub fn check_line(&self, line: &str) -> Result<(), NoItem> {
        self.item_of(line).map(drop)
    }

    fn item_of(&self, line: &str) -> Result<Item, NoItem> {
        let item = json::item(line)?;
        let own = self.key(String::new());
        let is_own = item.get(PARTITION_KEY) == own.get(PARTITION_KEY);
        let has_key = text(&item, SORT_KEY).is_ok_and(|sort_key| !sort_key.is_empty());
        let is_readable = format::check(&item).is_ok();
        if is_own && has_key && is_readable {
            Ok(item)
        } else {
            Err(NoItem)
        }
    }

    /// Copies everything that the tenant has in another table to this one. `progress` is told how
    /// many items are copied.
    ///
    /// # Errors
    /// [`StoreError::Throttled`], and failures of DynamoDB.
    pub async fn copy_from(
        &self,
        other: &TenantStore<'_>,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<Counts, StoreError> {
        let (mut written, mut start) = (self.writing(), None);
        loop {
            let query = other.query().key_condition_expression("pk = :pk");
            let (items, next) = other.one_page(query.set_exclusive_start_key(start)).await?;
            for item in items {
                written.add(item, 0).await?;
            }
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
    /// [`StoreError::Damaged`] when it is none of this tenant, [`StoreError::Throttled`], and
    /// failures of DynamoDB.
    pub async fn add_line(&mut self, line: &str) -> Result<u64, StoreError> {
        let item = self.directory.item_of(line);
        let item = item.map_err(|error| StoreError::Damaged(error.to_string()))?;
        self.add(item, line.len()).await?;
        Ok(self.counts.total())
    }

    async fn add(&mut self, item: Item, size: usize) -> Result<(), StoreError> {
        let sort_key = text(&item, SORT_KEY)?;
        // What was exported in the middle of an import.
        if sort_key == keys::IMPORT {
            return Ok(());
        }
        self.counts.add(sort_key);
        self.waiting.push(item);
        self.size += size;
        if self.waiting.len() >= AT_ONCE || self.size >= HELD {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        self.size = 0;
        let (store, meter) = (self.directory.store(), self.directory.meter());
        let items = std::mem::take(&mut self.waiting).into_iter();
        let puts = items.map(batch::put).collect::<Result<Vec<_>, _>>()?;
        store.write_all(self.directory.table(), puts, meter).await
    }

    /// Writes the rest. Returns how many items were written of each kind.
    ///
    /// # Errors
    /// [`StoreError::Throttled`], and failures of DynamoDB.
    pub async fn end(mut self) -> Result<Counts, StoreError> {
        self.flush().await?;
        Ok(self.counts)
    }
}
