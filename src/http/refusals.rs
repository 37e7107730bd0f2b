//! Takes note of refused requests, so that an operator sees that a tenant's client fails, since when
//! and with what.
//!
//! The note is one write, made before the answer goes out and given up after a quarter of a second: a
//! refusal need not be fast, and the function sleeps once it has answered. It never changes the answer.
//!
//! Only the holder of a key that was issued can cause such a write for each request. Requests with a
//! key that names a tenant and is not known are counted in memory, and written at most once a second:
//! a stranger can name any tenant.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lambda_http::Request;
use lambda_http::http::Method;
use time::OffsetDateTime;
use tokio::time::{Instant, timeout};

use super::App;
use super::auth::presented_key;
use super::log::Trace;
use crate::scim::ScimError;
use crate::storage::refusals::Refusal;
use crate::storage::{Gate, StoreError};
use crate::tenant::TenantId;

/// How long the answer may wait for the note.
const PATIENCE: Duration = Duration::from_millis(250);

/// How often requests of strangers are written down.
const INTERVAL: Duration = Duration::from_secs(1);

/// How many tenants strangers are remembered to have named.
const MAX_NAMES: usize = 100;

/// The longest detail that is kept, in characters.
const MAX_DETAIL: usize = 300;

/// Refusals of requests with unknown keys that are not written down yet.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<Unwritten>);

#[derive(Debug, Default)]
struct Unwritten {
    counts: HashMap<TenantId, u64>,
    written: Option<Instant>,
}

impl Refusals {
    /// Counts one refusal of a request that names `tenant`. Returns how many are to be written down
    /// now, if it is time.
    fn add(&self, tenant: &TenantId, now: Instant) -> Option<u64> {
        let mut unwritten = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if unwritten.counts.len() < MAX_NAMES || unwritten.counts.contains_key(tenant) {
            *unwritten.counts.entry(tenant.clone()).or_default() += 1;
        }
        if unwritten
            .written
            .is_some_and(|written| now.duration_since(written) < INTERVAL)
        {
            return None;
        }
        unwritten.written = Some(now);
        unwritten.counts.remove(tenant)
    }
}

/// Takes note of a refused request of a tenant.
pub(super) async fn note(app: &App, request: &Request, trace: &Trace, error: &ScimError) {
    if !error.status().is_client_error() {
        return;
    }
    let (tenant, count) = match trace.tenant() {
        Some(tenant) => (tenant.clone(), 1),
        None => {
            let presented = presented_key(request);
            let Some(tenant) = presented.tenant() else {
                return;
            };
            match app.refusals.add(tenant, Instant::now()) {
                Some(count) => (tenant.clone(), count),
                None => return,
            }
        }
    };
    let is_known = trace.tenant().is_some();
    let write = async {
        if !is_known && !app.store.has_tenant(&tenant, trace.meter()).await? {
            return Ok(());
        }
        let refusal = Refusal {
            status: error.status().as_u16(),
            reason: error.reason(),
            route: format!("{} {}", method(request), trace.route()),
            detail: error.to_string().chars().take(MAX_DETAIL).collect(),
            request_id: trace.request_id().to_owned(),
        };
        let now = OffsetDateTime::now_utc().truncate_to_millisecond();
        let expires = now.saturating_add(app.config.history_retention);
        app.store
            .tenant(&tenant, trace.meter(), &Gate::opened())
            .count_refusals(&refusal, count, now, expires)
            .await
    };
    let failed = match timeout(PATIENCE, write).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error,
        Err(elapsed) => StoreError::Unavailable {
            message: "DynamoDB did not answer in time".to_owned(),
            source: elapsed.into(),
        },
    };
    tracing::warn!(
        request_id = trace.request_id(),
        cause = %failed,
        "a refused request could not be counted"
    );
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

    fn tenant(id: &str) -> TenantId {
        TenantId::parse(id).unwrap()
    }

    #[tokio::test]
    async fn strangers_are_written_down_once_a_second() {
        let refusals = Refusals::default();
        let start = Instant::now();
        let acme = tenant("acme");
        assert_eq!(refusals.add(&acme, start), Some(1));
        for _ in 0..5 {
            assert_eq!(refusals.add(&acme, start + INTERVAL / 2), None);
        }
        assert_eq!(refusals.add(&acme, start + INTERVAL), Some(6));
    }

    #[tokio::test]
    async fn strangers_cannot_fill_the_memory() {
        let refusals = Refusals::default();
        let start = Instant::now();
        for number in 0..10 * MAX_NAMES {
            refusals.add(&tenant(&format!("t{number}")), start);
        }
        let unwritten = refusals.0.lock().unwrap();
        assert_eq!(unwritten.counts.len(), MAX_NAMES);
    }
}
