//! How long an answer waits for what is written about its request, and what becomes of the rest.

use std::time::Duration;

use lambda_http::http::StatusCode;
use store::StoreError;
use tokio::time::{Instant, timeout_at};

/// How long the answer may wait.
pub(crate) const PATIENCE: Duration = Duration::from_millis(250);

/// The outcome of a write, or an error when the time is over.
pub(super) async fn within(
    until: Instant,
    write: impl Future<Output = Result<(), StoreError>>,
) -> Result<(), StoreError> {
    match timeout_at(until, write).await {
        Ok(outcome) => outcome,
        Err(elapsed) => Err(StoreError::Unavailable {
            message: "DynamoDB did not answer in time".to_owned(),
            source: elapsed.into(),
        }),
    }
}

pub(super) fn give_up(request_id: &str, error: &StoreError) {
    tracing::warn!(
        request_id,
        cause = %error,
        "a refused request could not be counted"
    );
}

/// Whether a refusal is counted in memory when such refusals come fast.
pub(super) fn is_free(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS
    )
}
