//! How many users have lost access recently, step by step.

use time::OffsetDateTime;

use crate::StoreError;
use crate::client::attributes::{Item, damaged, number, text};

pub(super) const STEP: &str = "step";
pub(super) const STEP_SECONDS: &str = "step_seconds";
pub(super) const CURRENT: &str = "current";
pub(super) const PAST: &str = "past";
pub(super) const USED: &str = "used";
pub(super) const LIMIT: &str = "limit";

/// Steps per window.
const STEPS: u64 = 24;

/// This many users may lose access within a window, however small the tenant is.
pub const NEVER_BELOW: u64 = 50;

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

    /// How many of this number of users may lose access.
    pub(super) fn limit(&self, users: u64) -> u64 {
        let share = users.saturating_mul(self.share_percent.into()) / 100;
        share.max(NEVER_BELOW)
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

/// How many users lost access in which step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Steps {
    /// The number of the current step, counted from 1970.
    pub step: u64,
    pub step_seconds: u64,
    /// How many in this step.
    pub current: u64,
    /// How many in each earlier step of the window, by step number.
    pub past: Vec<(u64, u64)>,
    pub limit: u64,
}

impl Steps {
    pub(super) fn used(&self) -> u64 {
        let past: u64 = self.past.iter().map(|(_, count)| count).sum();
        self.current.saturating_add(past)
    }

    /// The counts as of this step, without those that have left the window.
    pub(super) fn at(&self, step: u64) -> Self {
        if step <= self.step {
            return self.clone();
        }
        let all = self.past.iter().copied().chain([(self.step, self.current)]);
        let is_in_window = |(number, count): &(u64, u64)| *count > 0 && number + STEPS >= step;
        Self {
            step,
            current: 0,
            past: all.filter(is_in_window).collect(),
            ..*self
        }
    }

    pub(super) fn window(&self) -> Window {
        let oldest = self.past.first().map_or(self.step, |(step, _)| *step);
        let begins = |step: u64| {
            i64::try_from(step.saturating_mul(self.step_seconds))
                .ok()
                .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
                .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        };
        Window {
            limit: self.limit,
            used: self.used(),
            since: begins(oldest),
            frees: begins(oldest + STEPS + 1),
        }
    }

    /// Past steps as they are stored: `467085:3,467086:12`.
    pub(super) fn past_text(&self) -> String {
        let past = self.past.iter();
        let past: Vec<String> = past
            .map(|(step, count)| format!("{step}:{count}"))
            .collect();
        past.join(",")
    }

    pub(super) fn read(item: &Item) -> Result<Self, StoreError> {
        let past_damaged = || damaged(item, PAST);
        let counts = Self {
            step: number(item, STEP)?,
            step_seconds: number(item, STEP_SECONDS)?,
            current: number(item, CURRENT)?,
            past: text(item, PAST)?
                .split(',')
                .filter(|part| !part.is_empty())
                .map(|part| {
                    let (step, count) = part.split_once(':').ok_or_else(past_damaged)?;
                    let step = step.parse().map_err(|_| past_damaged())?;
                    Ok((step, count.parse().map_err(|_| past_damaged())?))
                })
                .collect::<Result<_, StoreError>>()?,
            limit: number(item, LIMIT)?,
        };
        if counts.step_seconds == 0 || counts.used() != number(item, USED)? {
            return Err(damaged(item, USED));
        }
        Ok(counts)
    }
}

/// The number of the step that contains a time.
pub(super) fn step_of(time: OffsetDateTime, step_seconds: u64) -> u64 {
    time.unix_timestamp().max(0).unsigned_abs() / step_seconds.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 60 * 60;

    fn counts(step: u64, current: u64, past: &[(u64, u64)]) -> Steps {
        Steps {
            step,
            step_seconds: HOUR,
            current,
            past: past.to_vec(),
            limit: 50,
        }
    }

    #[test]
    fn a_window_moves_on_step_by_step() {
        let now = counts(100, 5, &[(76, 1), (90, 2)]);
        assert_eq!(now.used(), 8);
        assert_eq!(now.at(100), now);
        // An instance whose clock is behind changes nothing.
        assert_eq!(now.at(99), now);
        assert_eq!(now.at(101), counts(101, 0, &[(90, 2), (100, 5)]));
        assert_eq!(now.at(115), counts(115, 0, &[(100, 5)]));
        assert_eq!(now.at(124), counts(124, 0, &[(100, 5)]));
        assert_eq!(now.at(125), counts(125, 0, &[]));
    }

    #[test]
    fn a_window_says_since_when_and_until_when() {
        let window = counts(100, 5, &[(90, 45)]).window();
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
        assert_eq!(policy.step_seconds(), HOUR);
        let limits = [0, 50, 250, 255, 1000].map(|users| policy.limit(users));
        assert_eq!(limits, [50, 50, 50, 51, 200]);
    }
}
