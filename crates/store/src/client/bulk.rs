//! Many items put or removed in transactions, each of which first checks that the writer still may.
//!
//! Without the check, a run that was suspended could wake up after another one has ended the work,
//! and go on. BatchWriteItem has no conditions.

use std::time::Duration;

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use backon::{ExponentialBuilder, Retryable as _};

use super::attributes::Item;
use super::gate::Passage;
use super::transaction::{MAX_ACTIONS, Outcome};
use super::{Meter, Store, StoreError};

/// Maximum number of writes of a transaction, beside its check.
pub(crate) const BATCH: usize = MAX_ACTIONS - 1;

/// How long a transaction is tried again that DynamoDB throttles, or that meets another one. The
/// pauses add up to about half a minute.
const REFUSED: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(50))
    .with_max_delay(Duration::from_secs(5))
    .with_max_times(12)
    .with_jitter();

impl Store {
    /// Makes all these writes in their order, [`BATCH`] at a time, as long as `check` holds. Those
    /// of a transaction may have 4 MB together.
    ///
    /// Transactions with the same check exclude each other, so there is one at a time.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] when `check` does not hold any more;
    /// [`StoreError::Throttled`], [`StoreError::Conflict`], and failures of DynamoDB. What was
    /// written before stays.
    pub(crate) async fn write_while(
        &self,
        check: &TransactWriteItem,
        writes: &[TransactWriteItem],
        meter: &Meter,
    ) -> Result<(), StoreError> {
        for batch in writes.chunks(BATCH) {
            let attempt = || {
                let all: Vec<_> = std::iter::once(check).chain(batch).cloned().collect();
                self.transact(all, meter, Passage::Free)
            };
            let outcome = attempt
                .retry(REFUSED)
                .when(|error| matches!(error, StoreError::Conflict | StoreError::Throttled))
                .await?;
            if outcome != Outcome::Written {
                return Err(StoreError::Overtaken);
            }
        }
        Ok(())
    }
}

/// The removal of the item with this key.
pub(crate) fn delete(table: &str, key: Item) -> Result<TransactWriteItem, StoreError> {
    let delete = Delete::builder().table_name(table).set_key(Some(key));
    Ok(TransactWriteItem::builder().delete(delete.build()?).build())
}

/// An item that is written whatever is there.
pub(crate) fn put(table: &str, item: Item) -> Result<TransactWriteItem, StoreError> {
    let put = Put::builder().table_name(table).set_item(Some(item));
    Ok(TransactWriteItem::builder().put(put.build()?).build())
}
