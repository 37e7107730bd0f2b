//! Records refused requests, so that an operator sees that a tenant's client fails, since when, and
//! why.
//!
//! A record is one write, made before the answer is sent and abandoned after a quarter of a second:
//! a refusal need not be fast, and the function sleeps once it has answered. It never changes the
//! answer.
//!
//! Only the holder of a valid key can cause such a write with every request. Refusals for the key
//! or its rate are counted in memory when they come fast, and written once a second: what is free
//! to refuse must not cost a write. For a key that was never issued the record is written next to
//! the answer, possibly during the next request. Such keys, and mistyped ones, have their own
//! allowance of writes: a stranger can name any tenant, and must not use up the writes of tenants
//! whose keys have expired.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lambda_http::http::StatusCode;
use store::usage::refusals::Refusals as Counted;
use store::{Gate, Meter, Store, StoreError};
use tenant::TenantId;
use tokio::time::Instant;

use super::Instance;
use super::bucket::{Bucket, Pace};
use super::patience::{PATIENCE, give_up, is_free, within};

/// How many refusals for the key or the rate are written one by one before the limit of one a
/// second applies.
const BURST: usize = 20;

const WRITES: Pace = Pace {
    burst: BURST,
    every: Duration::from_secs(1),
};

/// Maximum number of kinds of refusal waiting to be written. Beyond that, the one waiting longest
/// is dropped.
const MAX_KINDS: usize = 100;

/// Refusals that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    of_issued_keys: Waiting,
    of_strangers: Waiting,
}

#[derive(Debug, Default)]
struct Waiting(Mutex<Unwritten>);

#[derive(Debug, Default)]
struct Unwritten {
    /// Ordered by waiting time, longest first.
    counts: VecDeque<Count>,
    /// How many writes are available now.
    writes: Bucket,
}

/// A record to write: a tenant's refusals of one kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Count {
    pub tenant: TenantId,
    pub counted: Counted,
}

impl Waiting {
    /// Adds refusals. Returns the records to write now.
    fn add(&self, count: Count, now: Instant) -> Vec<Count> {
        let mut unwritten = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = unwritten.counts.iter_mut().find(|other| {
            other.tenant == count.tenant && other.counted.last.is_like(&count.counted.last)
        });
        match same {
            Some(same) => same.counted.add(count.counted),
            None => {
                if unwritten.counts.len() == MAX_KINDS {
                    unwritten.counts.pop_front();
                }
                unwritten.counts.push_back(count);
            }
        }
        let wanted = unwritten.counts.len();
        let writes = unwritten.writes.take(wanted, WRITES, now);
        unwritten.counts.drain(..writes).collect()
    }
}

impl Instance {
    /// Counts a refusal or failure of a request whose key was issued. Returns the counts to write
    /// now.
    pub(super) fn refusals_to_write(&self, count: Count, status: StatusCode) -> Vec<Count> {
        if !is_free(status) {
            return vec![count];
        }
        self.refusals.of_issued_keys.add(count, Instant::now())
    }

    /// Counts a refusal for a key that was never issued.
    pub(super) fn note_stranger(&self, count: Count) {
        // The response time must not reveal whether the tenant exists.
        for count in self.refusals.of_strangers.add(count, Instant::now()) {
            let store = self.store.clone();
            tokio::spawn(async move {
                let meter = Meter::default();
                let counted = match store.has_tenant(&count.tenant, &meter).await {
                    Ok(true) => {
                        within(Instant::now() + PATIENCE, count.write(&store, &meter)).await
                    }
                    Ok(false) => Ok(()),
                    Err(error) => Err(error),
                };
                if let Err(error) = counted {
                    give_up(&count.counted.last.request_id, &error);
                }
            });
        }
    }
}

impl Count {
    pub async fn write(&self, store: &Store, meter: &Meter) -> Result<(), StoreError> {
        let gate = Gate::opened();
        let directory = store.tenant(&self.tenant, meter, &gate);
        directory.count_refusals(&self.counted).await
    }
}

#[cfg(test)]
mod tests {
    use store::usage::refusals::Refusal;
    use time::OffsetDateTime;

    use super::*;

    fn count(tenant: &str) -> Count {
        let at = OffsetDateTime::UNIX_EPOCH;
        Count {
            tenant: TenantId::parse(tenant).unwrap(),
            counted: Counted {
                last: Refusal {
                    status: 401,
                    reason: "unknownKey",
                    route: "GET /Users".to_owned(),
                    detail: String::new(),
                    request_id: String::new(),
                    at,
                },
                count: 1,
                unlogged: 0,
                first: at,
                expires: at,
            },
        }
    }

    fn written(counts: &[Count]) -> Vec<u64> {
        counts.iter().map(|count| count.counted.count).collect()
    }

    #[tokio::test]
    async fn a_flood_is_written_down_once_a_second_and_nothing_is_left_out() {
        let waiting = Waiting::default();
        let start = Instant::now();
        let add = |milliseconds| {
            let now = start + Duration::from_millis(milliseconds);
            written(&waiting.add(count("acme"), now))
        };
        for _ in 0..BURST {
            assert_eq!(add(0), [1]);
        }
        for _ in 0..5 {
            assert_eq!(add(900), [0; 0]);
        }
        assert_eq!(add(1000), [6]);
        assert_eq!(add(1999), [0; 0]);
        assert_eq!(add(2000), [2]);
        // The allowance recovers when unused, up to the burst and no further.
        let all = (0..2 * BURST).flat_map(|_| add(1_000_000));
        assert_eq!(all.count(), BURST);
    }

    /// Each kind gets its turn, however many there are and in any order.
    #[tokio::test]
    async fn a_flood_of_one_tenant_does_not_hide_another() {
        let waiting = Waiting::default();
        let start = Instant::now();
        for _ in 0..50 {
            waiting.add(count("loud"), start);
        }
        assert_eq!(written(&waiting.add(count("quiet"), start)), [0; 0]);
        let mut seen = Vec::new();
        for second in 1..=4 {
            seen.extend(waiting.add(count("loud"), start + Duration::from_secs(second)));
        }
        let quiet = TenantId::parse("quiet").unwrap();
        assert!(seen.iter().any(|count| count.tenant == quiet), "{seen:?}");
    }

    /// However many tenants a stranger has named, the next one is still counted.
    #[tokio::test]
    async fn strangers_cannot_fill_the_memory() {
        let waiting = Waiting::default();
        let start = Instant::now();
        for number in 0..10 * MAX_KINDS {
            waiting.add(count(&format!("t{number}")), start);
        }
        assert_eq!(waiting.0.lock().unwrap().counts.len(), MAX_KINDS);
        let later = start + Duration::from_secs(3600);
        let mut written = 0;
        for second in 0..MAX_KINDS as u64 {
            let counts = waiting.add(count("acme"), later + Duration::from_secs(second));
            let acme = TenantId::parse("acme").unwrap();
            written += counts.iter().filter(|count| count.tenant == acme).count();
        }
        assert!(written > 0);
    }
}
