//! Takes note of refused requests, so that an operator sees that a tenant's client fails, since
//! when and with what.
//!
//! The note is one write, made before the answer goes out and given up after a quarter of a second:
//! a refusal need not be fast, and the function sleeps once it has answered. It never changes the
//! answer.
//!
//! Only the holder of a valid key can cause such a write by each request. What is refused for its
//! key, or for its rate, is counted in memory when it comes fast, and written once a second: what
//! costs the service nothing to refuse must not cost it a write. For a key that was never issued
//! the note is made beside the answer, and may be made with the next request. Such keys, and
//! mistyped ones, have writes of their own: a stranger can name any tenant, and must not take those
//! of tenants whose keys have expired.

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

/// How long the answer may wait for the note.
const PATIENCE: Duration = Duration::from_millis(250);

/// How many refusals for their key or rate are written one by one, before it is one a second.
const BURST: usize = 20;

/// How many kinds of refusal wait at a time. When there are more, the one that has waited longest
/// is given up.
const MAX_KINDS: usize = 100;

/// The longest detail that is kept, in characters.
const MAX_DETAIL: usize = 300;

/// Refusals that are not written down yet.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    of_issued_keys: Waiting,
    of_strangers: Waiting,
}

#[derive(Debug, Default)]
struct Waiting(Mutex<Unwritten>);

#[derive(Debug, Default)]
struct Unwritten {
    /// The kind that has waited longest comes first.
    counts: VecDeque<Count>,
    /// How many may be written at once, and when there was last one more.
    writes: Option<(usize, Instant)>,
}

/// What is to be written down: a tenant's refusals of one kind.
#[derive(Debug, Clone, PartialEq)]
struct Count {
    tenant: TenantId,
    counted: Counted,
}

impl Waiting {
    /// Adds refusals. Returns what is to be written down now.
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
    /// Whose it is: the tenant of its key or, if that was never issued, the tenant that it names.
    pub tenant: Option<TenantId>,
    /// Whether its key was issued.
    pub is_issued: bool,
    pub method: Method,
    /// What it asked for, without ids.
    pub route: &'static str,
    pub request_id: String,
    pub error: ScimError,
    pub count: u64,
}

impl Instance {
    /// Takes note of a refusal that is the client's; failures of the service are in the log.
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
            // Whether there is such a tenant must not show in how long the answer takes.
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

/// A method as a counter names it. A client can invent methods, and each would make a counter.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
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
        // What was not used for a while may come at once again, and no more than that.
        let all = (0..2 * BURST).flat_map(|_| add(1_000_000));
        assert_eq!(all.count(), BURST);
    }

    /// Each kind has its turn, however many there are and whoever comes first.
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

    /// However many tenants a stranger has named: the next one is counted all the same.
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
