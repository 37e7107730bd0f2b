//! All that a tenant owns in the directory, whatever it is: counted, read out, written
//! and removed.
//!
//! For operators: the function never calls this. Nobody else may write to the tenant meanwhile.

mod item;
pub(crate) mod json;
mod write;

use std::collections::BTreeMap;

use crate::client::attributes::{Item, text};
use crate::client::bulk;
use crate::client::tables::SORT_KEY;
use crate::directory::keys;
use crate::secrets::Hold;
use crate::{StoreError, TenantStore};

pub use item::NotImported;
pub use write::Written;

/// How many items there are of each kind, by the name of the kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<&'static str, u64>);

/// The kinds, by what their sort keys start with. What a later version has is among the others.
const KINDS: [(&str, &str); 12] = [
    ("U#", "users"),
    ("D#U#", "deletedUsers"),
    ("G#", "groups"),
    ("D#G#", "deletedGroups"),
    ("I#", "memberships"),
    ("E#", "changeRecords"),
    ("P#", "requests"),
    ("R#", "refusals"),
    ("H#", "answers"),
    ("K#", "keyUses"),
    ("A#", "accessTokens"),
    ("", "others"),
];

/// What is said of requests and keys, which a tenant without a directory may have.
const ASIDE: [&str; 4] = ["R#", "K#", "P#", "H#"];

impl Counts {
    /// The name of each kind, in the order of names, and how many items there are.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(kind, count)| (*kind, *count))
    }

    /// How many items there are of all kinds.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// The counts with these names; names of other versions are left out.
    pub(crate) fn of<'n>(counts: impl Iterator<Item = (&'n str, u64)>) -> Self {
        let known = counts.filter_map(|(name, count)| {
            let (_, kind) = KINDS.iter().find(|(_, kind)| *kind == name)?;
            Some((*kind, count))
        });
        Self(known.collect())
    }

    pub(crate) fn add(&mut self, sort_key: &str) {
        // The shards of a group lie beside it; a membership is two items, of which one is counted.
        let is_beside = sort_key.starts_with("G#") && sort_key.matches('#').count() > 1;
        let found = KINDS
            .iter()
            .find(|(start, _)| sort_key.starts_with(start) && !(is_beside && *start == "G#"));
        *self
            .0
            .entry(found.map_or("others", |(_, kind)| kind))
            .or_default() += 1;
    }
}

impl TenantStore<'_> {
    /// Shows `visit` a page of the keys of the tenant's items. Returns where the next one starts.
    async fn keys_from(
        &self,
        start: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let query = self
            .query()
            .key_condition_expression("pk = :pk")
            .projection_expression("pk, sk")
            .set_exclusive_start_key(start);
        self.one_page(query).await
    }

    /// Shows `visit` every item of the tenant, as a line of DynamoDB's own JSON, in the order of
    /// sort keys, without those that let clients in.
    ///
    /// # Errors
    /// Failures of DynamoDB, and those of `visit`.
    pub async fn lines<E: From<StoreError>>(
        &self,
        mut visit: impl FnMut(&str) -> Result<(), E> + Send,
    ) -> Result<(), E> {
        let mut start = None;
        loop {
            let query = self.query().key_condition_expression("pk = :pk");
            let (items, next) = self.one_page(query.set_exclusive_start_key(start)).await?;
            for item in &items {
                if !keys::access::is_access(text(item, SORT_KEY)?) {
                    visit(&json::line(item))?;
                }
            }
            if next.is_none() {
                return Ok(());
            }
            start = next;
        }
    }

    /// Whether the tenant has anything, besides what is said of its requests and keys.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn has_items(&self) -> Result<bool, StoreError> {
        let mut start = None;
        loop {
            let (keys, next) = self.keys_from(start).await?;
            for key in &keys {
                let sort_key = text(key, SORT_KEY)?;
                let is_aside = ASIDE.iter().any(|start| sort_key.starts_with(start));
                if !is_aside && !keys::access::is_access(sort_key) {
                    return Ok(true);
                }
            }
            if next.is_none() {
                return Ok(false);
            }
            start = next;
        }
    }

    /// How many items the tenant has of each kind. This reads all of them.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn count_items(&self) -> Result<Counts, StoreError> {
        let (mut counts, mut start) = (Counts::default(), None);
        loop {
            let (keys, next) = self.keys_from(start).await?;
            for key in &keys {
                counts.add(text(key, SORT_KEY)?);
            }
            if next.is_none() {
                return Ok(counts);
            }
            start = next;
        }
    }

    /// Removes everything that the tenant owns. `progress` is told how many items are removed.
    /// Returns how many those are.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] when `hold` is lost; [`StoreError::Throttled`],
    /// [`StoreError::Conflict`], and failures of DynamoDB. Called again, it does the rest.
    pub async fn remove_items(
        &self,
        hold: &Hold,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<u64, StoreError> {
        let check = self.store().hold_check(self.tenant(), hold)?;
        let (mut removed, mut start) = (0, None);
        loop {
            // The items of a page have a megabyte together, so they fit into transactions.
            let (keys, next) = self.keys_from(start).await?;
            for batch in keys.chunks(bulk::BATCH) {
                let keys = batch.iter().cloned();
                let deletes = keys.map(|key| bulk::delete(self.table(), key));
                let deletes = deletes.collect::<Result<Vec<_>, _>>()?;
                let write = self.store().write_while(&check, &deletes, self.meter());
                write.await?;
                removed += batch.len() as u64;
                progress(removed);
            }
            if next.is_none() {
                return Ok(removed);
            }
            start = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_counted_once() {
        let mut counts = Counts::default();
        for sort_key in [
            "U#1",
            "G#1",
            "G#1#a",
            "D#U#1",
            "D#G#1",
            "M#1#2",
            "I#2#1",
            "E#t#U#1#1",
            "C#U#00",
            "Z#?",
        ] {
            counts.add(sort_key);
        }
        let counted: Vec<_> = counts.iter().collect();
        assert_eq!(
            counted,
            [
                ("changeRecords", 1),
                ("deletedGroups", 1),
                ("deletedUsers", 1),
                ("groups", 1),
                ("memberships", 1),
                ("others", 4),
                ("users", 1),
            ]
        );
        assert_eq!(counts.total(), 10);
        assert_eq!(Counts::of(counts.iter().chain([("later", 1)])), counts);
    }
}
