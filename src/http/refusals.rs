//! Takes note of refused requests, so that an operator sees that a tenant's client fails, since when
//! and with what.
//!
//! The note is one write, made before the answer goes out and given up after a quarter of a second: a
//! refusal need not be fast, and the function sleeps once it has answered. It never changes the answer.
//!
//! Only the holder of a valid key can cause such a write by each request. What is refused for its key,
//! or for its rate, is counted in memory when it comes fast, and written once a second: a stranger can
//! name any tenant, and what costs the service nothing to refuse must not cost it a write. For a key
//! that was never issued the note is made beside the answer, and may be made with the next request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lambda_http::Request;
use lambda_http::http::{Method, StatusCode};
use time::OffsetDateTime;
use tokio::time::{Instant, timeout};

use super::App;
use super::auth::presented_key;
use super::log::Trace;
use crate::scim::ScimError;
use crate::storage::refusals::Refusal;
use crate::storage::{Gate, Meter, Store, StoreError};
use crate::tenant::{ApiKey, TenantId};

/// How long the answer may wait for the note.
const PATIENCE: Duration = Duration::from_millis(250);

/// So many refusals for their key or rate are written down one by one, before it is one a second.
const BURST: u32 = 20;

/// How many kinds of refusal are remembered at a time.
const MAX_KINDS: usize = 100;

/// The longest detail that is kept, in characters.
const MAX_DETAIL: usize = 300;

/// Refusals that are not written down yet.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<Unwritten>);

#[derive(Debug, Default)]
struct Unwritten {
    counts: HashMap<Kind, u64>,
    /// How many may be written at once, and when there was last one more.
    writes: Option<(u32, Instant)>,
}

/// Whose request, its status, and its route.
type Kind = (TenantId, u16, String);

impl Refusals {
    /// Counts one refusal. Returns how many of its kind are to be written down now, if it is time.
    fn add(&self, kind: Kind, now: Instant) -> Option<u64> {
        let mut unwritten = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if unwritten.counts.len() < MAX_KINDS || unwritten.counts.contains_key(&kind) {
            *unwritten.counts.entry(kind.clone()).or_default() += 1;
        }
        let (left, since) = unwritten.writes.unwrap_or((BURST, now));
        let seconds = now.duration_since(since).as_secs();
        let left = left.saturating_add(u32::try_from(seconds).unwrap_or(BURST));
        let since = since + Duration::from_secs(seconds);
        let left = left.min(BURST);
        unwritten.writes = Some((left.saturating_sub(1), since));
        if left == 0 {
            return None;
        }
        unwritten.counts.remove(&kind)
    }
}

/// Takes note of a refused request of a tenant.
pub(super) async fn note(app: &App, request: &Request, trace: &Trace, error: &ScimError) {
    let status = error.status();
    if !status.is_client_error() {
        return;
    }
    let presented = presented_key(request).ok();
    let is_known = trace.tenant().is_some();
    let named = presented.as_ref().map(ApiKey::tenant);
    let Some(tenant) = trace.tenant().or(named) else {
        return;
    };
    let route = format!("{} {}", method(request), trace.route());
    let is_free = matches!(
        status,
        StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS
    );
    let mut count = 1;
    if is_free {
        let kind = (tenant.clone(), status.as_u16(), route.clone());
        match app.refusals.add(kind, Instant::now()) {
            Some(all) => count = all,
            None => return,
        }
    }
    let now = OffsetDateTime::now_utc().truncate_to_millisecond();
    let count = Count {
        tenant: tenant.clone(),
        refusal: Refusal {
            status: status.as_u16(),
            reason: error.reason(),
            route,
            detail: error.to_string().chars().take(MAX_DETAIL).collect(),
            request_id: trace.request_id().to_owned(),
        },
        count,
        now,
        expires: now.saturating_add(app.config.history_retention),
    };
    if is_known {
        count.write(&app.store, trace.meter()).await;
    } else {
        // Whether there is such a tenant must not show in how long the answer takes.
        let store = app.store.clone();
        tokio::spawn(async move {
            let meter = Meter::default();
            match store.has_tenant(&count.tenant, &meter).await {
                Ok(true) => count.write(&store, &meter).await,
                Ok(false) => {}
                Err(error) => count.give_up(&error),
            }
        });
    }
}

/// What is to be written down.
struct Count {
    tenant: TenantId,
    refusal: Refusal,
    count: u64,
    now: OffsetDateTime,
    expires: OffsetDateTime,
}

impl Count {
    async fn write(&self, store: &Store, meter: &Meter) {
        let gate = Gate::opened();
        let directory = store.tenant(&self.tenant, meter, &gate);
        let write = directory.count_refusals(&self.refusal, self.count, self.now, self.expires);
        match timeout(PATIENCE, write).await {
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
            request_id = self.refusal.request_id,
            cause = %error,
            "a refused request could not be counted"
        );
    }
}

/// A method as a counter names it: there are not to be as many counters as a client can think of
/// methods.
fn method(request: &Request) -> &'static str {
    match *request.method() {
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
    use super::*;

    fn kind(tenant: &str) -> Kind {
        let tenant = TenantId::parse(tenant).unwrap();
        (tenant, 401, "GET /Users".to_owned())
    }

    #[tokio::test]
    async fn a_flood_is_written_down_once_a_second_and_nothing_is_left_out() {
        let refusals = Refusals::default();
        let start = Instant::now();
        let add = |milliseconds| {
            let now = start + Duration::from_millis(milliseconds);
            refusals.add(kind("acme"), now)
        };
        for _ in 0..BURST {
            assert_eq!(add(0), Some(1));
        }
        for _ in 0..5 {
            assert_eq!(add(900), None);
        }
        assert_eq!(add(1000), Some(6));
        assert_eq!(add(1999), None);
        assert_eq!(add(2000), Some(2));
        // What was not used for a while may come at once again, and no more than that.
        let written = (0..2 * BURST).filter_map(|_| add(1_000_000)).count();
        assert_eq!(written, BURST as usize);
    }

    #[tokio::test]
    async fn strangers_cannot_fill_the_memory() {
        let refusals = Refusals::default();
        let start = Instant::now();
        for number in 0..10 * MAX_KINDS {
            refusals.add(kind(&format!("t{number}")), start);
        }
        let unwritten = refusals.0.lock().unwrap();
        assert_eq!(unwritten.counts.len(), MAX_KINDS);
    }
}
