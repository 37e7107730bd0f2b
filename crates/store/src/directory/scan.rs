//! Lists that no lookup serves, or none serves as cheaply: every resource of a type is read.

use futures_util::stream::{self, StreamExt, TryStreamExt};
use scim::{ResourceType, Stored};

use super::TenantStore;
use super::range::{Range, Start};
use crate::StoreError;

/// Maximum number of resources that one request reads. With more, the request would hit its
/// deadline instead of telling the client what to do: one partition gives 3,000 read units a
/// second, and users of 1 KB take a quarter of a unit each.
pub(super) const MAX_READ: u64 = 50_000;

/// Below this number of resources, sequential queries are as fast as parallel ones.
const WORTH_SHARING: u64 = 500;

/// Shares that are read concurrently. Their results are held until it is their turn.
const CONCURRENCY: usize = 4;

/// A walk through the resources of a type in the order of their ids.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk<'w> {
    pub resource_type: &'w ResourceType,
    pub start: &'w Start,
    /// How many resources will be taken, if that is known.
    pub expected: Option<usize>,
    /// Whether others are passed by.
    pub is_filtered: bool,
}

impl TenantStore<'_> {
    /// Shows `visit` all resources of a type, in the order of their ids. For operators: a request
    /// reads no more than it can answer with.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn all(
        &self,
        resource_type: &ResourceType,
        mut visit: impl FnMut(Stored),
    ) -> Result<(), StoreError> {
        let range = Range::of(resource_type, &Start::First);
        self.walk(resource_type, range, None, |stored| {
            visit(stored);
            true
        })
        .await
    }

    /// Shows `visit` what an examination makes of the resources of a walk, until it returns false.
    /// `examine` begins an examination.
    ///
    /// If it is not known how many will be taken, everything is read, in sixteen shares that random
    /// ids make equal in size.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] when everything would have to be read and there are more resources
    /// than a request may read, failures of DynamoDB, and [`StoreError::Damaged`].
    pub(super) async fn scan<T, E: FnMut(Stored) -> Option<T>>(
        &self,
        walk: Walk<'_>,
        examine: impl Fn() -> E,
        visit: impl FnMut(T) -> bool,
    ) -> Result<(), StoreError> {
        let total = match walk.expected {
            Some(_) => 0,
            None => self.count(walk.resource_type).await?,
        };
        self.scan_counted(walk, total, examine, visit).await
    }

    /// The same if it is known how many resources there are.
    ///
    /// # Errors
    /// As [`scan`](Self::scan).
    pub(super) async fn scan_counted<T, E: FnMut(Stored) -> Option<T>>(
        &self,
        walk: Walk<'_>,
        total: u64,
        examine: impl Fn() -> E,
        mut visit: impl FnMut(T) -> bool,
    ) -> Result<(), StoreError> {
        let Walk {
            resource_type,
            start,
            expected,
            is_filtered,
        } = walk;
        if expected.is_none() && total > MAX_READ {
            return Err(StoreError::TooMany {
                total,
                accepted: MAX_READ,
            });
        }
        if expected.is_some() || total < WORTH_SHARING {
            // With a filter, the number of resources to read per match is unknown.
            let limit = expected.filter(|_| !is_filtered);
            let mut examine = examine();
            return self
                .walk(
                    resource_type,
                    Range::of(resource_type, start),
                    limit,
                    |stored| examine(stored).is_none_or(&mut visit),
                )
                .await;
        }
        let shares = Range::shares(resource_type, start);
        let mut found = stream::iter(shares)
            .map(|share| self.collect(resource_type, share, examine()))
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
        resource_type: &ResourceType,
        range: Range,
        mut examine: impl FnMut(Stored) -> Option<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        self.walk(resource_type, range, None, |stored| {
            found.extend(examine(stored));
            true
        })
        .await?;
        Ok(found)
    }
}
