//! The Lambda function: what a pipe calls for a batch of stream records, and what it makes of them.
//!
//! It has no client and no permission beyond its log. What it returns, the pipe sends on.

use function::panic::reported;
use lambda_http::lambda_runtime::{self, LambdaEvent};
use lambda_http::{Error, service_fn};
use serde_json::Value;

use crate::config::Config;
use crate::{Event, Kind, Publisher};

/// Runs the function until Lambda ends it.
///
/// # Errors
/// When the environment is wrong, and when Lambda's runtime interface fails.
pub async fn run() -> Result<(), Error> {
    let filter = std::env::var("RUST_LOG").ok();
    function::log::install(std::io::stdout, filter.as_deref());
    let publisher = &Config::read(|name| std::env::var(name).ok())?.publisher;
    let handler = service_fn(move |batch: LambdaEvent<Value>| async move {
        let events = reported(async { handle(publisher, &batch.payload) });
        Ok::<_, Error>(events.await?)
    });
    lambda_runtime::run(handler).await
}

/// The events of a batch of stream records, in their order. It never fails: whatever is no list of
/// records has no events.
pub fn handle(publisher: &Publisher, batch: &Value) -> Vec<Event> {
    let records = batch.as_array().map(Vec::as_slice).unwrap_or_default();
    let events: Vec<Event> = records
        .iter()
        .flat_map(|record| publisher.events(record))
        .collect();
    let unreadable = |event: &&Event| event.kind == Kind::MemberUnreadable;
    for event in events.iter().filter(unreadable) {
        tracing::error!(event_id = event.id, "unreadable change record");
    }
    tracing::info!(records = records.len(), events = events.len(), "batch");
    events
}
