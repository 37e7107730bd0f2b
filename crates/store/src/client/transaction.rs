//! TransactWriteItems and its failures.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsError, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::types::TransactWriteItem;
use backon::{ExponentialBuilder, Retryable as _};

use super::gate::Passage;
use super::{Meter, Store, StoreError};

/// Maximum number of actions of a transaction.
pub(crate) const MAX_ACTIONS: usize = 100;

/// How often an operator's lost race is retried. The delays add up to five to ten seconds, and
/// their random part keeps the racers from colliding again.
pub(crate) const RACES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(10))
    .with_max_delay(Duration::from_millis(500))
    .with_max_times(15)
    .with_jitter();

/// The result of a transaction.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All of it was written.
    Written,
    /// Nothing was written: the conditions on the items at these positions failed.
    ConditionsFailed(Vec<usize>),
}

impl Outcome {
    /// That all was written, or this error.
    pub(crate) fn or(self, error: StoreError) -> Result<(), StoreError> {
        match self {
            Self::Written => Ok(()),
            Self::ConditionsFailed(_) => Err(error),
        }
    }
}

/// Tries again what meets another transaction or is throttled.
///
/// # Errors
/// Those of the last attempt.
pub(crate) async fn settled<T, F>(attempt: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    attempt
        .retry(RACES)
        .when(|error| matches!(error, StoreError::Conflict | StoreError::Throttled))
        .await
}

impl Store {
    /// Writes all items or none.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another transaction touched one of the items at the same time,
    /// [`StoreError::Throttled`], and failures of DynamoDB.
    pub(crate) async fn transact(
        &self,
        writes: impl Into<Vec<TransactWriteItem>>,
        meter: &Meter,
        passage: Passage<'_>,
    ) -> Result<Outcome, StoreError> {
        let request = self
            .client
            .transact_write_items()
            .set_transact_items(Some(writes.into()));
        self.call(request, meter, passage).await
    }
}

/// Interprets the SDK's result. A cancelled transaction gives a reason for each of its items,
/// `None` for those that were fine.
pub(super) fn answer(
    result: Result<TransactWriteItemsOutput, SdkError<TransactWriteItemsError>>,
) -> Result<Outcome, StoreError> {
    let Err(error) = result else {
        return Ok(Outcome::Written);
    };
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
        error.as_service_error()
    else {
        return Err(StoreError::from_sdk(error));
    };
    let codes: Vec<_> = cancelled
        .cancellation_reasons()
        .iter()
        .map(|reason| reason.code().unwrap_or_default())
        .collect();
    // With a conflict the other conditions are unreliable: a guard that seems taken may be the one
    // that the conflicting request has just given to this very resource.
    if codes.contains(&"TransactionConflict") {
        return Err(StoreError::Conflict);
    }
    let failed = codes
        .iter()
        .enumerate()
        .filter(|(_, code)| **code == "ConditionalCheckFailed");
    let failed: Vec<usize> = failed.map(|(position, _)| position).collect();
    if !failed.is_empty() {
        return Ok(Outcome::ConditionsFailed(failed));
    }
    if codes.contains(&"ThrottlingError") || codes.contains(&"ProvisionedThroughputExceeded") {
        return Err(StoreError::Throttled);
    }
    Err(StoreError::from_sdk(error))
}
