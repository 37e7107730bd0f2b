//! `breaker lift`.

use account::Account;
use account::status::Status;
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::failure::Failure;
use crate::report::Report;

/// The status of a tenant whose breakers were lifted. Whatever it says, they were.
#[derive(Debug)]
pub struct Lifted(Status);

/// Lifts the limits of a tenant's breakers.
pub async fn lift(account: &Account, length: Duration) -> Result<Lifted, Failure> {
    account.lift_breakers(length).await?;
    let since = OffsetDateTime::now_utc() - Duration::DAY;
    Ok(Lifted(Box::pin(account.status(since)).await?))
}

impl Report for Lifted {
    fn text(&self) -> String {
        self.0.text()
    }

    fn json(&self) -> Value {
        self.0.json()
    }
}
