//! BatchWriteItem: many items put or removed without a condition, for what nobody else writes.

use std::time::Duration;

use aws_sdk_dynamodb::types::{DeleteRequest, PutRequest, WriteRequest};
use backon::{BackoffBuilder as _, ExponentialBuilder};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::attributes::Item;
use super::gate::Passage;
use super::{Meter, Store, StoreError};

/// Maximum number of writes of a call.
const BATCH: usize = 25;

/// How many calls are made at the same time.
const AT_ONCE: usize = 4;

/// How long writes are tried again that DynamoDB leaves out: it is throttling. The pauses add up to
/// about half a minute.
const THROTTLED: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(50))
    .with_max_delay(Duration::from_secs(5))
    .with_max_times(12)
    .with_jitter();

/// The removal of the item with this key.
pub(crate) fn delete(key: Item) -> Result<WriteRequest, StoreError> {
    let delete = DeleteRequest::builder().set_key(Some(key)).build()?;
    Ok(WriteRequest::builder().delete_request(delete).build())
}

/// An item that is written whatever is there.
pub(crate) fn put(item: Item) -> Result<WriteRequest, StoreError> {
    let put = PutRequest::builder().set_item(Some(item)).build()?;
    Ok(WriteRequest::builder().put_request(put).build())
}

impl Store {
    /// Makes all these writes to a table, in any order.
    ///
    /// # Errors
    /// [`StoreError::Throttled`] when some were left out to the end, and failures of DynamoDB. Any
    /// of the writes may have been made.
    pub(crate) async fn write_all(
        &self,
        table: &str,
        writes: Vec<WriteRequest>,
        meter: &Meter,
    ) -> Result<(), StoreError> {
        // Collected first: a future that borrows from a closure's argument is not known to be
        // `Send`.
        let batches: Vec<_> = writes
            .chunks(BATCH)
            .map(|batch| self.write_batch(table, batch.to_vec(), meter))
            .collect();
        let batches = stream::iter(batches).buffer_unordered(AT_ONCE);
        batches.try_collect().await
    }

    async fn write_batch(
        &self,
        table: &str,
        mut writes: Vec<WriteRequest>,
        meter: &Meter,
    ) -> Result<(), StoreError> {
        let mut pauses = THROTTLED.build();
        loop {
            let request = self.client.batch_write_item().request_items(table, writes);
            let output = self.call(request, meter, Passage::Free).await?;
            let left_out = output
                .unprocessed_items
                .and_then(|mut tables| tables.remove(table));
            match left_out {
                Some(rest) if !rest.is_empty() => writes = rest,
                _ => return Ok(()),
            }
            let pause = pauses.next().ok_or(StoreError::Throttled)?;
            tokio::time::sleep(pause).await;
        }
    }
}
