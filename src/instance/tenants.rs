//! What one instance of the function remembers of the tenants that it serves: how their requests
//! were answered, as far as that is not written yet, and how many more requests may be logged.
//!
//! Tenants are remembered by keys that were issued, so a stranger fills no memory.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use store::usage::answers::Answers;
use tenant::TenantId;
use tokio::time::Instant;

use super::bucket::{Bucket, Pace};

/// Maximum number of remembered tenants; beyond that the least recently served one is forgotten,
/// once its answers are written.
const MAX_TENANTS: usize = 1_000;

/// How many requests of a tenant are logged.
const LOGGED: Pace = Pace {
    burst: 60,
    every: Duration::from_secs(1),
};

/// How often the answers to a tenant are written, if nothing else is.
const WRITES: Pace = Pace {
    burst: 5,
    every: Duration::from_secs(10),
};

/// How many tenants' answers are written beside a request at most.
const MAX_AT_ONCE: usize = 4;

/// The memory of one instance of the function.
#[derive(Debug, Default)]
pub(super) struct Tenants(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    known: HashMap<TenantId, Known>,
    /// Answers of hours that are over, and of tenants that were forgotten.
    overdue: VecDeque<Due>,
}

#[derive(Debug)]
struct Known {
    seen: Instant,
    logged: Bucket,
    writes: Bucket,
    /// Of one hour.
    unwritten: Option<Answers>,
}

/// Answers to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Due {
    pub tenant: TenantId,
    pub answers: Answers,
}

impl Tenants {
    /// Adds answers of one hour, to be written beside a later request.
    pub fn add(&self, due: Due, now: Instant) {
        let mut memory = self.lock();
        memory.known(&due.tenant, now);
        memory.put(due);
    }

    /// Adds answers that are written now, and returns them with those that wait. They count as one
    /// write.
    pub fn add_now(&self, due: Due, now: Instant) -> Option<Due> {
        let mut memory = self.lock();
        memory.known(&due.tenant, now).writes.take(1, WRITES, now);
        let tenant = due.tenant.clone();
        memory.put(due);
        memory.take(&tenant)
    }

    /// Takes back answers that could not be written.
    pub fn take_back(&self, due: Due) {
        self.lock().put(due);
    }

    /// The answers that may be written beside a request, whosever it is.
    pub fn due(&self, now: Instant) -> Vec<Due> {
        let mut memory = self.lock();
        let overdue = memory.overdue.len().min(MAX_AT_ONCE);
        let mut due: Vec<Due> = memory.overdue.drain(..overdue).collect();
        for (tenant, known) in &mut memory.known {
            if due.len() < MAX_AT_ONCE
                && known.unwritten.is_some()
                && known.writes.take(1, WRITES, now) > 0
                && let Some(answers) = known.unwritten.take()
            {
                let tenant = tenant.clone();
                due.push(Due { tenant, answers });
            }
        }
        due
    }

    /// Takes as many of the entries that may be logged for a tenant as are wanted and left.
    pub fn admit(&self, tenant: &TenantId, wanted: usize, now: Instant) -> usize {
        let mut memory = self.lock();
        let known = memory.known(tenant, now);
        known.logged.take(wanted, LOGGED, now)
    }

    /// Gives back what was taken and not used.
    pub fn give_back(&self, tenant: &TenantId, unused: usize) {
        if let Some(known) = self.lock().known.get_mut(tenant) {
            known.logged.give_back(unused, LOGGED);
        }
    }

    /// A panic cannot leave more than a count half changed, so a poisoned lock is safe to use.
    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    /// What is known of a tenant, for which another one may be forgotten.
    fn known(&mut self, tenant: &TenantId, now: Instant) -> &mut Known {
        if self.known.len() >= MAX_TENANTS && !self.known.contains_key(tenant) {
            let oldest = self.known.iter().min_by_key(|(_, known)| known.seen);
            let oldest = oldest.map(|(tenant, _)| tenant.clone());
            if let Some(due) = oldest.as_ref().and_then(|oldest| self.take(oldest)) {
                self.postpone(due);
            }
            oldest.map(|oldest| self.known.remove(&oldest));
        }
        let known = self.known.entry(tenant.clone()).or_insert_with(|| Known {
            seen: now,
            logged: Bucket::default(),
            writes: Bucket::default(),
            unwritten: None,
        });
        known.seen = now;
        known
    }

    /// Adds answers to those of their tenant and hour. What is of another hour is written apart.
    fn put(&mut self, Due { tenant, answers }: Due) {
        let Some(known) = self.known.get_mut(&tenant) else {
            return self.postpone(Due { tenant, answers });
        };
        let other = match &mut known.unwritten {
            Some(unwritten) if unwritten.is_of_same_hour(&answers) => {
                unwritten.add(&answers);
                None
            }
            Some(unwritten) if unwritten.last > answers.last => Some(answers),
            unwritten => unwritten.replace(answers),
        };
        if let Some(answers) = other {
            self.postpone(Due { tenant, answers });
        }
    }

    fn take(&mut self, tenant: &TenantId) -> Option<Due> {
        let answers = self.known.get_mut(tenant)?.unwritten.take()?;
        let tenant = tenant.clone();
        Some(Due { tenant, answers })
    }

    fn postpone(&mut self, due: Due) {
        if self.overdue.len() == MAX_TENANTS {
            self.overdue.pop_front();
        }
        self.overdue.push_back(due);
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    const START: OffsetDateTime =
        OffsetDateTime::UNIX_EPOCH.saturating_add(time::Duration::days(20_000));

    fn tenant(number: usize) -> TenantId {
        TenantId::parse(&format!("t{number}")).unwrap()
    }

    /// A success of this tenant, so many minutes after the start.
    fn success(number: usize, minute: i64) -> Due {
        let at = START + time::Duration::minutes(minute);
        let answers = Answers {
            succeeded: 1,
            ..Answers::none(at, at)
        };
        let tenant = tenant(number);
        Due { tenant, answers }
    }

    fn written(due: &[Due]) -> Vec<u64> {
        due.iter().map(|due| due.answers.succeeded).collect()
    }

    #[tokio::test]
    async fn a_burst_of_answers_is_written_once_in_ten_seconds_and_none_is_lost() {
        let tenants = Tenants::default();
        let start = Instant::now();
        let mut sum = 0;
        for second in 0..100 {
            let now = start + Duration::from_secs(second);
            let due = tenants.due(now);
            sum += written(&due).iter().sum::<u64>();
            if (20..30).contains(&second) {
                assert!(due.len() <= 1, "{second}");
            }
            for _ in 0..3 {
                tenants.add(success(1, 0), now);
            }
        }
        // Those since the last write are left.
        let rest = tenants.due(start + Duration::from_secs(200));
        assert_eq!(written(&rest), [300 - sum]);
        assert!(sum >= 270, "{sum}");
        assert_eq!(tenants.due(start + Duration::from_secs(300)), []);
    }

    #[tokio::test]
    async fn hours_are_counted_apart() {
        let tenants = Tenants::default();
        let now = Instant::now();
        for minute in [10, 20, 70, 75, 130] {
            tenants.add(success(1, minute), now);
        }
        assert_eq!(written(&tenants.due(now)), [2, 2, 1]);
        // What comes back late does not move.
        tenants.add(success(1, 130), now);
        tenants.take_back(success(1, 10));
        tenants.take_back(success(1, 131));
        let mut due = tenants.due(now);
        due.sort_by_key(|due| due.answers.last);
        assert_eq!(written(&due), [1, 2]);
    }

    #[tokio::test]
    async fn the_memory_is_bounded_and_what_is_forgotten_is_written() {
        let tenants = Tenants::default();
        let start = Instant::now();
        let count = MAX_TENANTS + 50;
        for number in 0..count {
            let now = start + Duration::from_millis(number as u64);
            tenants.add(success(number, 0), now);
        }
        assert_eq!(tenants.lock().known.len(), MAX_TENANTS);
        let mut all = 0;
        for _ in 0..count {
            let due = tenants.due(start);
            assert!(due.len() <= MAX_AT_ONCE);
            all += due.len();
        }
        assert_eq!(all, count);
    }

    #[tokio::test]
    async fn a_tenant_s_log_takes_sixty_at_once_and_one_a_second() {
        let tenants = Tenants::default();
        let start = Instant::now();
        let later = start + Duration::from_secs(3);
        assert_eq!(tenants.admit(&tenant(1), 50, start), 50);
        assert_eq!(tenants.admit(&tenant(1), 50, start), 10);
        assert_eq!(tenants.admit(&tenant(2), 1, start), 1);
        assert_eq!(tenants.admit(&tenant(1), 50, later), 3);
        tenants.give_back(&tenant(1), 1);
        assert_eq!(tenants.admit(&tenant(1), 50, later), 1);
    }
}
