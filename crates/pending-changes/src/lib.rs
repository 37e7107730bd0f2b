//! Large changes of groups are decided by one transaction and carried out in steps, by the request
//! that decides them. What it does not come to, this function does, which is called every minute:
//! the product is told of a change as it is carried out.

pub mod config;

use std::time::Duration;

use account::Failure;
use account::pending::{CarriedOut, OVERDUE, carry_out_all};
use lambda_http::lambda_runtime::{self, LambdaEvent};
use lambda_http::{Error, service_fn};
use serde_json::Value;
use store::pending::Found;
use store::{Store, StoreError, Timeouts};
use time::OffsetDateTime;
use tokio::time::Instant;

use config::Config;

/// How long a run takes at most: template.yaml gives the function a minute.
const AT_MOST: Duration = Duration::from_secs(45);

/// Why a run has not done what it could have.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Some changes could not be carried out, or have waited too long.
    #[error("{0} pending changes could not be carried out; the lines above say why")]
    Failed(usize),
    /// It cannot be read what is pending.
    #[error("what is pending cannot be read: {0}")]
    Unknown(Failure),
}

/// Runs the function until Lambda ends it.
///
/// # Errors
/// When an environment variable is missing, and when Lambda's runtime interface fails.
pub async fn run() -> Result<(), Error> {
    let filter = std::env::var("RUST_LOG").ok();
    function::log::install(std::io::stdout, filter.as_deref());
    let config = Config::read(|name| std::env::var(name).ok())?;
    let sdk_config = aws_config::load_from_env().await;
    let store = &Store::connect(&sdk_config, config.tables, Timeouts::default());
    let handler = service_fn(move |_: LambdaEvent<Value>| async move {
        Box::pin(handle(store)).await.map_err(Error::from)
    });
    lambda_runtime::run(handler).await
}

/// Carries out what is pending, and says so in the log. What the function is called with does not
/// matter.
///
/// # Errors
/// [`RunError`], when something was left that should not be: an alarm watches it.
pub async fn handle(store: &Store) -> Result<(), RunError> {
    let now = OffsetDateTime::now_utc();
    let outcome = Box::pin(carry_out_all(store, now, Instant::now() + AT_MOST)).await;
    let CarriedOut {
        changes,
        left,
        partial,
        unreadable,
        failed,
    } = outcome.map_err(|failure| {
        tracing::error!(cause = %said(&failure), "pending changes cannot be read");
        RunError::Unknown(failure)
    })?;
    for failed in &failed {
        tracing::error!(
            tenant = %failed.change.tenant,
            group = %failed.change.group,
            cause = %said(&failed.failure),
            "a pending change cannot be carried out"
        );
    }
    let is_overdue = |change: &&Found| now - change.at > OVERDUE;
    let overdue: Vec<&Found> = left.iter().filter(is_overdue).collect();
    for change in &overdue {
        tracing::error!(
            tenant = %change.tenant,
            group = %change.group,
            "a pending change waits for more time or for a newer release"
        );
    }
    if unreadable > 0 {
        tracing::error!(unreadable, "entries of the index are no pending changes");
    }
    let left = left.len();
    if changes > 0 || left > 0 || partial > 0 {
        tracing::info!(changes, left, partial, "pending changes carried out");
    }
    match failed.len() + overdue.len() + unreadable {
        0 => Ok(()),
        number => Err(RunError::Failed(number)),
    }
}

/// Why something failed, with what DynamoDB said.
fn said(failure: &Failure) -> String {
    match failure.store_error() {
        Some(StoreError::Refused { message, .. } | StoreError::Unavailable { message, .. }) => {
            message.clone()
        }
        _ => failure.to_string(),
    }
}
