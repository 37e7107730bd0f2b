//! How many resources there are, and where the n-th one is.
//!
//! Each resource is counted twice, in the transaction that adds or removes it: by the first two
//! digits of its id, in one of 256 counters that are all read for every total, and by the first
//! four, in one of up to 65,536, of which only one bucket's are read to find a position in it. So
//! any position is found with two queries of at most 256 small items, whatever the tenant's size,
//! and two writers meet on a counter once in 256 times.

use std::collections::BTreeMap;

use scim::list::Page;
use scim::{ResourceType, Stored};

use super::range::Range;
use super::{TenantStore, document, keys};
use crate::StoreError;
use crate::client::attributes::text;
use crate::client::tables::SORT_KEY;

/// Where a resource is.
#[derive(Debug, PartialEq, Eq)]
struct Position {
    /// The first digits of the ids to start at.
    digits: String,
    /// How many resources to skip from there.
    skip: usize,
}

/// Up to this many resources, reading past them is cheaper than another query of counters.
const SHORT_WAY: u64 = 8;

/// How many resources each bucket has, in the order of their digits.
type Buckets = Vec<(String, u64)>;

impl TenantStore<'_> {
    /// Shows `visit` all resources of a type in the order of their ids, starting with the page's
    /// first, until the page is full or `visit` returns false. Returns how many resources there
    /// are.
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
        let Some(Position { digits, skip }) = place.filter(|_| page.count > 0) else {
            return Ok(total);
        };
        let end = skip.saturating_add(page.count);
        let mut seen = 0;
        self.walk(
            resource_type,
            Range::from_digits(resource_type, &digits),
            Some(end),
            |stored| {
                seen += 1;
                seen <= skip || (visit(stored) && seen < end)
            },
        )
        .await?;
        Ok(total)
    }

    /// How many resources of a type there are.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn count(&self, resource_type: &ResourceType) -> Result<u64, StoreError> {
        Ok(total(&self.coarse_counts(resource_type).await?))
    }

    /// How many resources of a type there are, by the first digits of their ids.
    pub(super) async fn counts_by_digit(
        &self,
        resource_type: &ResourceType,
    ) -> Result<BTreeMap<char, u64>, StoreError> {
        let mut counts = BTreeMap::new();
        for (digits, count) in self.coarse_counts(resource_type).await? {
            let digit = digits.chars().next();
            *counts.entry(digit.unwrap_or_default()).or_default() += count;
        }
        Ok(counts)
    }

    /// How many resources of a type are active.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn count_active(&self, resource_type: &ResourceType) -> Result<u64, StoreError> {
        let mut active = 0;
        let prefix = keys::coarse_counters(resource_type);
        self.each(self.query_prefix(prefix), |item| {
            active += document::active(item)?;
            Ok(true)
        })
        .await?;
        Ok(active)
    }

    /// How many resources of a type there are, and where the one with the 0-based `index` is;
    /// `None` if the index is beyond the end.
    async fn locate(
        &self,
        resource_type: &ResourceType,
        index: u64,
    ) -> Result<(u64, Option<Position>), StoreError> {
        let coarse = self.coarse_counts(resource_type).await?;
        let total = total(&coarse);
        let Some((bucket, skip)) = find(&coarse, index) else {
            return Ok((total, None));
        };
        let (digits, skip) = if skip < SHORT_WAY {
            (bucket, skip)
        } else {
            let fine = self
                .counts(keys::fine_counters(resource_type, &bucket), &bucket)
                .await?;
            // Both kinds of counters change together. If they differ after all, before an
            // operator's repair, the bucket's start is right and the rest is read.
            find(&fine, skip).unwrap_or((bucket, skip))
        };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        Ok((total, Some(Position { digits, skip })))
    }

    async fn coarse_counts(&self, resource_type: &ResourceType) -> Result<Buckets, StoreError> {
        self.counts(keys::coarse_counters(resource_type), "").await
    }

    /// The counters whose sort keys start with `prefix`. The rest of their sort keys comes after
    /// `digits` in the ids.
    async fn counts(&self, prefix: String, digits: &str) -> Result<Buckets, StoreError> {
        let mut counts = Vec::with_capacity(keys::BUCKETS);
        self.each(self.query_prefix(&prefix), |item| {
            let rest = text(item, SORT_KEY)?
                .strip_prefix(&prefix)
                .unwrap_or_default();
            counts.push((format!("{digits}{rest}"), document::count(item)?));
            Ok(true)
        })
        .await?;
        Ok(counts)
    }
}

fn total(counts: &Buckets) -> u64 {
    counts.iter().map(|(_, count)| count).sum()
}

/// The counter that covers the resource with this index, and the index within it.
fn find(counts: &Buckets, index: u64) -> Option<(String, u64)> {
    let mut skip = index;
    for (digits, count) in counts {
        if skip < *count {
            return Some((digits.clone(), skip));
        }
        skip -= count;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_of_an_index_is_found() {
        let counts = vec![
            ("00".to_owned(), 2),
            ("7f".to_owned(), 0),
            ("a0".to_owned(), 3),
        ];
        let found = |index| find(&counts, index).map(|(digits, skip)| format!("{digits}+{skip}"));
        let all: Vec<_> = (0..6).map(found).map(Option::unwrap_or_default).collect();
        assert_eq!(all, ["00+0", "00+1", "a0+0", "a0+1", "a0+2", ""]);
        assert_eq!(total(&counts), 5);
    }
}
