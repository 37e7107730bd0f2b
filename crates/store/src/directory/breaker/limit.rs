//! How many users may lose access within a window.

use scim::ResourceType;
use time::OffsetDateTime;

use super::share::{STEP, STEPS};
use crate::StoreError;
use crate::client::attributes::{Item, damaged, number};

pub(super) const STEP_SECONDS: &str = "step_seconds";
pub(super) const LIMIT: &str = "limit";

/// How many users may lose access within which time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Percentage of the active users, including those who lost access within the window; 100 turns
    /// the breaker off.
    pub share_percent: u8,
    /// The length of a window.
    pub window: time::Duration,
}

impl BreakerPolicy {
    /// The length of a step, in seconds.
    pub(super) fn step_seconds(&self) -> u64 {
        (self.window.whole_seconds().unsigned_abs() / STEPS).max(1)
    }

    /// How many of this number of resources may lose access: their share, and never fewer than
    /// their type says, however small the tenant is.
    pub(super) fn limit(&self, resource_type: &ResourceType, active: u64) -> u64 {
        let share = active.saturating_mul(self.share_percent.into()) / 100;
        share.max(resource_type.breaker_floor)
    }
}

/// The window that ends now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How many places there are.
    pub limit: u64,
    /// How many are taken.
    pub used: u64,
    /// The earliest time at which the counted users can have lost access.
    pub since: OffsetDateTime,
    /// When the first taken places become free again.
    pub frees: OffsetDateTime,
}

/// The places of a window, as they were computed when a step began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit {
    /// The number of the step, counted from 1970.
    pub step: u64,
    pub step_seconds: u64,
    pub places: u64,
}

impl Limit {
    /// The window in which so many users have lost access, the first in the step `oldest`.
    pub(super) fn window(&self, used: u64, oldest: u64) -> Window {
        let begins = |step: u64| {
            i64::try_from(step.saturating_mul(self.step_seconds))
                .ok()
                .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
                .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        };
        Window {
            limit: self.places,
            used,
            since: begins(oldest),
            frees: begins(oldest.saturating_add(STEPS + 1)),
        }
    }

    pub(super) fn read(item: &Item) -> Result<Self, StoreError> {
        let limit = Self {
            step: number(item, STEP)?,
            step_seconds: number(item, STEP_SECONDS)?,
            places: number(item, LIMIT)?,
        };
        match limit.step_seconds {
            0 => Err(damaged(item, STEP_SECONDS)),
            _ => Ok(limit),
        }
    }
}

#[cfg(test)]
mod tests {
    use scim::schema::{GROUPS, USERS};

    use super::*;

    #[test]
    fn a_window_says_since_when_and_until_when() {
        let limit = Limit {
            step: 100,
            step_seconds: 60 * 60,
            places: 50,
        };
        let window = limit.window(50, 90);
        let hour = |number: i64| OffsetDateTime::UNIX_EPOCH + time::Duration::hours(number);
        assert_eq!((window.used, window.limit), (50, 50));
        assert_eq!((window.since, window.frees), (hour(90), hour(115)));
    }

    #[test]
    fn the_limit_is_a_share_and_never_below_fifty() {
        let policy = BreakerPolicy {
            share_percent: 20,
            window: time::Duration::hours(24),
        };
        assert_eq!(policy.step_seconds(), 60 * 60);
        let limits = [0, 50, 250, 255, 1000].map(|users| policy.limit(&USERS, users));
        assert_eq!(limits, [50, 50, 50, 51, 200]);
        let limits = [0, 50, 55, 1000].map(|groups| policy.limit(&GROUPS, groups));
        assert_eq!(limits, [10, 10, 11, 200]);
    }
}
