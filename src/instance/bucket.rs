//! How often something may be done: a number of times at once, then once in a while.

use std::time::Duration;

use tokio::time::Instant;

/// How often something may be done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// How many times at once, after a long pause.
    pub burst: usize,
    /// After how long once more.
    pub every: Duration,
}

/// How many times something may be done now.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// How many times were left, and since when they grow. None before the first time.
    left: Option<(usize, Instant)>,
}

impl Bucket {
    /// Takes so many times, or as many as there are. Returns how many.
    pub fn take(&mut self, wanted: usize, pace: Pace, now: Instant) -> usize {
        let (left, since) = self.left.unwrap_or((pace.burst, now));
        let turns = now.duration_since(since).as_millis() / pace.every.as_millis().max(1);
        let turns = u32::try_from(turns).unwrap_or(u32::MAX);
        let more = usize::try_from(turns).unwrap_or(usize::MAX);
        let left = left.saturating_add(more).min(pace.burst);
        let taken = left.min(wanted);
        let since = since.checked_add(pace.every.saturating_mul(turns));
        self.left = Some((left - taken, since.unwrap_or(now)));
        taken
    }

    /// Gives back what was taken and not used.
    pub fn give_back(&mut self, unused: usize, pace: Pace) {
        if let Some((left, _)) = &mut self.left {
            *left = left.saturating_add(unused).min(pace.burst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        burst: 5,
        every: Duration::from_secs(10),
    };

    #[tokio::test]
    async fn a_burst_and_then_once_in_a_while() {
        let mut bucket = Bucket::default();
        let start = Instant::now();
        let mut take =
            |wanted, seconds| bucket.take(wanted, PACE, start + Duration::from_secs(seconds));
        assert_eq!([take(2, 0), take(4, 1), take(1, 9)], [2, 3, 0]);
        // Parts of a turn are not lost.
        assert_eq!(
            [take(1, 15), take(1, 19), take(1, 20), take(1, 29)],
            [1, 0, 1, 0]
        );
        // Unused turns add up to a burst and no further.
        assert_eq!([take(9, 1_000_000), take(1, 1_000_000)], [5, 0]);
        bucket.give_back(2, PACE);
        assert_eq!(
            bucket.take(9, PACE, start + Duration::from_secs(1_000_000)),
            2
        );
        bucket.give_back(9, PACE);
        assert_eq!(
            bucket.take(9, PACE, start + Duration::from_secs(1_000_000)),
            5
        );
    }
}
