//! Many items read by their keys in one call, also of several tables.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::KeysAndAttributes;
use backon::{BackoffBuilder, ExponentialBuilder};

use super::attributes::Item;
use super::format;
use super::gate::Passage;
use super::{Meter, Store, StoreError};

/// How long to back off when DynamoDB throttles a batch: up to three seconds in total.
const THROTTLED_BATCH: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(50))
    .with_max_times(5)
    .with_jitter();

impl Store {
    /// Shows `visit` the items with these keys that are there, each with the name of its table. The
    /// keys are by table, and a hundred at most together.
    ///
    /// # Errors
    /// Failures of DynamoDB, and those of `visit`.
    pub(crate) async fn get_items(
        &self,
        mut wanted: HashMap<String, KeysAndAttributes>,
        meter: &Meter,
        passage: Passage<'_>,
        mut visit: impl FnMut(&str, &Item) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut pauses = THROTTLED_BATCH.build();
        loop {
            let request = self.client.batch_get_item().set_request_items(Some(wanted));
            let output = self.call(request, meter, passage).await?;
            let mut is_none_found = true;
            for (table, items) in output.responses.iter().flatten() {
                for item in items {
                    is_none_found = false;
                    format::check(item)?;
                    visit(table, item)?;
                }
            }
            wanted = output.unprocessed_keys.unwrap_or_default();
            wanted.retain(|_, keys| !keys.keys.is_empty());
            if wanted.is_empty() {
                return Ok(());
            }
            // DynamoDB leaves out keys when an answer reaches 16 MB, in which case the rest can
            // follow at once, and when it is throttling, in which case nothing was found.
            if is_none_found {
                let Some(pause) = pauses.next() else {
                    let message = "BatchGetItem leaves all keys unprocessed";
                    return Err(StoreError::Unavailable {
                        message: message.to_owned(),
                        source: message.into(),
                    });
                };
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// Strongly consistent reads of the items with these keys: with those attributes that are asked
/// for, if not all are.
pub(crate) fn keys(
    keys: Vec<Item>,
    attributes: Option<&str>,
) -> Result<KeysAndAttributes, StoreError> {
    Ok(KeysAndAttributes::builder()
        .set_keys(Some(keys))
        .set_projection_expression(attributes.map(str::to_owned))
        .consistent_read(true)
        .build()?)
}
