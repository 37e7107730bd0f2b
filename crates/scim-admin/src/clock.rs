//! The clock of the operator's records.

use time::OffsetDateTime;

/// The time to the second, which is as exact as an operator's records need to be.
pub fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now)
}
