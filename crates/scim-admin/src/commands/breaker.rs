//! `breaker lift`.

use account::Account;
use account::status::Status;
use time::{Duration, OffsetDateTime};

use crate::failure::Failure;

/// Lifts the limits of a tenant's breakers, and shows the tenant's status after that.
pub async fn lift(account: &Account, length: Duration) -> Result<Status, Failure> {
    account.lift_breakers(length).await?;
    let since = OffsetDateTime::now_utc() - Duration::DAY;
    Ok(account.status(since).await?)
}
