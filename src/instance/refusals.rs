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

use futures_util::future::join_all;
use lambda_http::http::{Method, StatusCode};
use scim::ScimError;
use store::usage::refusals::{Refusal, Refusals as Counted};
use store::{Gate, Meter, Store, StoreError};
use tenant::TenantId;
use tokio::time::{Instant, timeout};

use super::Instance;

/// How long the answer may wait for the record.
const PATIENCE: Duration = Duration::from_millis(250);

/// How many refusals for the key or the rate are written one by one before the limit of one a
/// second applies.
const BURST: usize = 20;

/// Maximum number of kinds of refusal waiting to be written. Beyond that, the one waiting longest
/// is dropped.
const MAX_KINDS: usize = 100;

/// The longest stored detail, in characters.
const MAX_DETAIL: usize = 300;

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
    /// How many writes are available now, and when the latest was added.
    writes: Option<(usize, Instant)>,
}

/// A record to write: a tenant's refusals of one kind.
#[derive(Debug, Clone, PartialEq)]
struct Count {
    tenant: TenantId,
    counted: Counted,
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
        let (left, since) = unwritten.writes.unwrap_or((BURST, now));
        let seconds = now.duration_since(since).as_secs();
        let left = left.saturating_add(usize::try_from(seconds).unwrap_or(BURST));
        let left = left.min(BURST);
        let writes = left.min(unwritten.counts.len());
        let since = since + Duration::from_secs(seconds);
        unwritten.writes = Some((left - writes, since));
        unwritten.counts.drain(..writes).collect()
    }
}

/// A refused request, or parts of one that were refused for the same reason.
pub(crate) struct Refused {
    /// The tenant of its key or, if that was never issued, the tenant that it names.
    pub tenant: Option<TenantId>,
    /// Whether its key was issued.
    pub is_issued: bool,
    pub method: Method,
    /// The requested route, without ids.
    pub route: &'static str,
    pub request_id: String,
    pub error: ScimError,
    pub count: u64,
}

impl Instance {
    /// Records a refusal for a client's error; failures of the service are in the log.
    pub(crate) async fn note_refusal(&self, refused: Refused, meter: &Meter) {
        let error = &refused.error;
        let status = error.status();
        let (true, Some(tenant)) = (status.is_client_error(), refused.tenant) else {
            return;
        };
        let now = self.now();
        let count = Count {
            tenant,
            counted: Counted {
                last: Refusal {
                    status: status.as_u16(),
                    reason: error.reason(),
                    route: format!("{} {}", name(&refused.method), refused.route),
                    detail: error.to_string().chars().take(MAX_DETAIL).collect(),
                    request_id: refused.request_id,
                    at: now,
                },
                count: refused.count,
                first: now,
                expires: now.saturating_add(self.config.history_retention),
            },
        };
        let is_free = matches!(
            status,
            StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS
        );
        match (refused.is_issued, is_free) {
            (true, false) => count.write(&self.store, meter).await,
            (true, true) => {
                let counts = self.refusals.of_issued_keys.add(count, Instant::now());
                let writes = counts.iter().map(|count| count.write(&self.store, meter));
                join_all(writes).await;
            }
            // The response time must not reveal whether the tenant exists.
            (false, _) => {
                for count in self.refusals.of_strangers.add(count, Instant::now()) {
                    let store = self.store.clone();
                    tokio::spawn(async move { count.write_if_known(&store).await });
                }
            }
        }
    }
}

impl Count {
    async fn write_if_known(&self, store: &Store) {
        let meter = Meter::default();
        match store.has_tenant(&self.tenant, &meter).await {
            Ok(true) => self.write(store, &meter).await,
            Ok(false) => {}
            Err(error) => self.give_up(&error),
        }
    }

    async fn write(&self, store: &Store, meter: &Meter) {
        let gate = Gate::opened();
        let directory = store.tenant(&self.tenant, meter, &gate);
        match timeout(PATIENCE, directory.count_refusals(&self.counted)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.give_up(&error),
            Err(elapsed) => self.give_up(&StoreError::Unavailable {
                message: "DynamoDB did not answer in time".to_owned(),
                source: elapsed.into(),
            }),
        }
    }

    fn give_up(&self, error: &StoreError) {
        tracing::warn!(
            request_id = self.counted.last.request_id,
            cause = %error,
            "a refused request could not be counted"
        );
    }
}

/// A method's name for a counter. Clients can invent methods, and each would create a counter.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
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
