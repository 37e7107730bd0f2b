//! Lists that no lookup serves: every resource of a type is read.

use futures_util::stream::{self, StreamExt, TryStreamExt};
use scim::{ResourceType, Stored};

use super::range::{Range, Start};
use super::{TenantStore, document, keys};
use crate::StoreError;

/// Maximum number of resources that one request reads. With more, the request would hit its
/// deadline instead of telling the client what to do: one partition gives 3,000 read units a
/// second, and users of 1 KB take a quarter of a unit each.
pub(super) const MAX_READ: u64 = 50_000;

/// Below this number of resources, sequential queries are as fast as parallel ones.
const WORTH_SHARING: u64 = 500;

/// Shares that are read concurrently. Their results are held until it is their turn.
const CONCURRENCY: usize = 4;

impl TenantStore<'_> {
    /// Shows `visit` what `examine` makes of all resources from `start` on, in the order of their
    /// ids, until it returns false.
    ///
    /// `expected` is how many `visit` will take. Without it everything is read, in sixteen shares
    /// that random ids make equal in size.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] when everything would have to be read and there are more resources
    /// than a request may read, failures of DynamoDB, and [`StoreError::Damaged`].
    pub(super) async fn scan<T>(
        &self,
        resource_type: &ResourceType,
        start: &Start,
        expected: Option<usize>,
        is_filtered: bool,
        examine: impl Fn(Stored) -> Option<T>,
        mut visit: impl FnMut(T) -> bool,
    ) -> Result<(), StoreError> {
        let is_all = expected.is_none() && *start == Start::First;
        let total = if is_all {
            self.count(resource_type).await?
        } else {
            0
        };
        if total > MAX_READ {
            return Err(StoreError::TooMany {
                total,
                accepted: MAX_READ,
            });
        }
        if total < WORTH_SHARING {
            // With a filter, the number of resources to read per match is unknown.
            let limit = expected.filter(|_| !is_filtered);
            return self
                .walk(Range::of(resource_type, start), limit, |item| {
                    Ok(examine(document::read(item)?).is_none_or(&mut visit))
                })
                .await;
        }
        let shares = keys::DIGITS
            .chars()
            .map(|digit| Range::share(resource_type, digit));
        let mut found = stream::iter(shares)
            .map(|share| self.collect(share, &examine))
            .buffered(CONCURRENCY);
        while let Some(found) = found.try_next().await? {
            for found in found {
                if !visit(found) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn collect<T>(
        &self,
        range: Range,
        examine: &impl Fn(Stored) -> Option<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        self.walk(range, None, |item| {
            found.extend(examine(document::read(item)?));
            Ok(true)
        })
        .await?;
        Ok(found)
    }
}
