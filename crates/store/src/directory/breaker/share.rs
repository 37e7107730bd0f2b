//! One of the sixteen shares of a breaker's places: how many users have lost access lately, step by
//! step.

use time::OffsetDateTime;

use crate::StoreError;
use crate::client::attributes::{Item, damaged, number, number_of, string, text};

pub(super) const WINDOW: &str = "window";
pub(super) const STEP: &str = "step";
pub(super) const CURRENT: &str = "current";
pub(super) const PAST: &str = "past";
pub(super) const USED: &str = "used";

/// Steps per window.
pub(super) const STEPS: u64 = 24;

/// How many shares there are: one for each last digit of an id. Transactions that meet on one item
/// conflict, and of those that take access at the same time one in sixteen meets another.
pub(super) const SHARES: u64 = 16;

/// How many users of this share lost access in which step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Share {
    /// The number of the window that it counts in.
    pub window: u64,
    /// The number of the current step, counted from 1970.
    pub step: u64,
    /// How many in this step.
    pub current: u64,
    /// How many in each earlier step of the window, by step number.
    pub past: Vec<(u64, u64)>,
}

impl Share {
    /// A share in which nobody has lost access.
    pub(super) fn empty(window: u64, step: u64) -> Self {
        Self {
            window,
            step,
            current: 0,
            past: Vec::new(),
        }
    }

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
        let is_in_window = |(number, count): &(u64, u64)| *count > 0 && is_counted(*number, step);
        Self {
            window: self.window,
            step,
            current: 0,
            past: all.filter(is_in_window).collect(),
        }
    }

    /// The same with one more user, who loses access now.
    pub(super) fn with_one_more(mut self) -> Self {
        self.current = self.current.saturating_add(1);
        self
    }

    /// The first step in which somebody lost access.
    pub(super) fn oldest(&self) -> Option<u64> {
        let past = self.past.first().map(|(step, _)| *step);
        past.or((self.current > 0).then_some(self.step))
    }

    /// The share as it is stored; past steps as `467085:3,467086:12`.
    pub(super) fn attributes(&self) -> Item {
        let past = self.past.iter();
        let past: Vec<String> = past
            .map(|(step, count)| format!("{step}:{count}"))
            .collect();
        Item::from([
            (WINDOW.to_owned(), number_of(self.window)),
            (STEP.to_owned(), number_of(self.step)),
            (CURRENT.to_owned(), number_of(self.current)),
            (PAST.to_owned(), string(past.join(","))),
            (USED.to_owned(), number_of(self.used())),
        ])
    }

    pub(super) fn read(item: &Item) -> Result<Self, StoreError> {
        let past_damaged = || damaged(item, PAST);
        let share = Self {
            window: number(item, WINDOW)?,
            step: number(item, STEP)?,
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
        };
        if share.used() != number(item, USED)? {
            return Err(damaged(item, USED));
        }
        Ok(share)
    }
}

/// Whether what happened in a step still counts in another.
pub(super) fn is_counted(step: u64, now: u64) -> bool {
    step.saturating_add(STEPS) >= now
}

/// The number of the step that contains a time.
pub(super) fn step_of(time: OffsetDateTime, step_seconds: u64) -> u64 {
    time.unix_timestamp().max(0).unsigned_abs() / step_seconds.max(1)
}

/// How many of all places a share has. The shares' quotas add up to the places, and none has fewer
/// when there are more places.
pub(super) fn quota(places: u64, share: u64) -> u64 {
    places / SHARES + u64::from(share < places % SHARES)
}

/// The fewest places with which a share has a quota of `used`.
pub(super) fn places_for(used: u64, share: u64) -> u64 {
    match used.checked_sub(1) {
        Some(before) => before
            .saturating_mul(SHARES)
            .saturating_add(share)
            .saturating_add(1),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(step: u64, current: u64, past: &[(u64, u64)]) -> Share {
        Share {
            window: 3,
            step,
            current,
            past: past.to_vec(),
        }
    }

    #[test]
    fn a_window_moves_on_step_by_step() {
        let now = share(100, 5, &[(76, 1), (90, 2)]);
        assert_eq!((now.used(), now.oldest()), (8, Some(76)));
        assert_eq!(now.at(100), now);
        // An instance whose clock is behind changes nothing.
        assert_eq!(now.at(99), now);
        assert_eq!(now.at(101), share(101, 0, &[(90, 2), (100, 5)]));
        assert_eq!(now.at(115), share(115, 0, &[(100, 5)]));
        assert_eq!(now.at(124), share(124, 0, &[(100, 5)]));
        assert_eq!(now.at(125), share(125, 0, &[]));
        assert_eq!(now.at(125).oldest(), None);
        assert_eq!(now.at(125).with_one_more(), share(125, 1, &[]));
    }

    #[test]
    fn shares_round_trip() {
        for share in [
            share(100, 5, &[(76, 1), (90, 2)]),
            share(100, 1, &[]),
            Share::empty(0, 7),
        ] {
            assert_eq!(Share::read(&share.attributes()).unwrap(), share);
        }
        let mut damaged = share(100, 5, &[(90, 2)]).attributes();
        damaged.insert(USED.to_owned(), number_of(6));
        assert!(Share::read(&damaged).is_err());
    }

    #[test]
    fn quotas_add_up_to_the_places_and_never_shrink_as_these_grow() {
        for places in 0..500 {
            let quotas = (0..SHARES).map(|share| quota(places, share));
            assert_eq!(quotas.clone().sum::<u64>(), places);
            for (share, quota) in (0..).zip(quotas) {
                assert!(quota <= super::quota(places + 1, share));
                assert!(places_for(quota, share) <= places, "{places} {share}");
                assert!(places_for(quota + 1, share) > places, "{places} {share}");
            }
        }
    }
}
