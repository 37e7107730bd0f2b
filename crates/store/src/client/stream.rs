//! The stream of a table.

use aws_sdk_dynamodb::types::{StreamSpecification, StreamViewType, TableDescription};

use super::active::{TablesError, wait_until_active};
use super::{Store, StoreError};

/// A stream that shows this of an item that is written.
pub(super) fn stream(view: &str) -> Result<StreamSpecification, StoreError> {
    let specification = StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::from(view));
    Ok(specification.build()?)
}

/// Turns the stream of a table on, if it is off. What the stream of a table shows cannot be
/// changed, and another stream would be a new one: one that is on stays.
pub(super) async fn enable_stream(
    store: &Store,
    table: &TableDescription,
    name: &str,
    view: &str,
) -> Result<(), TablesError> {
    let current = table.stream_specification();
    if current.is_some_and(StreamSpecification::stream_enabled) {
        return Ok(());
    }
    let request = store
        .client
        .update_table()
        .table_name(name)
        .stream_specification(stream(view)?);
    store.administer(request).await?;
    // The stream is there once the table is active again.
    wait_until_active(store, name).await.map(drop)
}
