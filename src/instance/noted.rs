//! What is noted of a request before it is answered: refusals and failures in their counters, with
//! the counter of answers, and in the log of requests what became of whom.
//!
//! All of it is written at once, and given up after a quarter of a second, or when the request's
//! time is over. It never changes the answer.

use futures_util::future::join_all;
use lambda_http::http::Method;
use scim::ScimError;
use scim::withheld::withhold;
use store::usage::refusals::{Refusal, Refusals};
use store::usage::requests::Entry;
use store::{Gate, Meter};
use tenant::{KeyId, TenantId};
use tokio::time::Instant;

use super::Instance;
use super::patience::{PATIENCE, give_up, within};
use super::refusals::Count;
use crate::service::Told;

/// The longest stored detail, in characters.
const MAX_DETAIL: usize = 300;

/// How many entries of the log are written at a time.
const AT_ONCE: usize = 8;

/// What is to be noted of a request.
pub(crate) struct Noted {
    /// The tenant of its key or, if that was never issued, the tenant that it names.
    pub tenant: TenantId,
    /// Its key, if that was issued.
    pub key: Option<KeyId>,
    pub method: Method,
    /// The requested route, without ids.
    pub route: &'static str,
    pub request_id: String,
    /// Why it was refused or failed, or parts of it were, with a count for each kind.
    pub errors: Vec<(ScimError, u64)>,
    /// Whether only parts of it were.
    pub has_succeeded: bool,
    /// What belongs into the log.
    pub told: Vec<Told>,
    /// When it has to be answered.
    pub deadline: Instant,
}

impl Instance {
    /// Notes what became of a request.
    pub(crate) async fn note(&self, mut noted: Noted, meter: &Meter) {
        if let Some(key) = noted.key.take() {
            Box::pin(self.note_known(noted, key, meter)).await;
        } else if let Some((error, _)) = noted.errors.first()
            && error.status().is_client_error()
        {
            let count = self.count(&noted, error, 1, 0);
            self.note_stranger(count);
        }
    }

    /// What became of a request whose key was issued.
    async fn note_known(&self, mut noted: Noted, key: KeyId, meter: &Meter) {
        let tenant = noted.tenant.clone();
        let log = self.log(&tenant);
        let mut told = std::mem::take(&mut noted.told);
        if !log.is_kept() {
            told.clear();
        }
        let unlogged = told.split_off(log.admit(told.len()));
        let entries = self.entries(told, &noted, &key);
        let left_out_of = |error: &ScimError| {
            let errors = unlogged.iter().filter_map(|told| told.error.as_ref());
            errors.filter(|other| is_like(error, other)).count() as u64
        };
        let mut counts = Vec::new();
        for (error, count) in &noted.errors {
            let count = self.count(&noted, error, *count, left_out_of(error));
            counts.extend(self.refusals_to_write(count, error.status()));
        }
        let unlogged = unlogged.len() as u64;
        let answers = match noted.errors.first() {
            Some((error, _)) if !noted.has_succeeded => self.count_error(&tenant, error, unlogged),
            _ => {
                if unlogged > 0 {
                    self.count_unlogged(&tenant, unlogged);
                }
                None
            }
        };
        let until = noted.deadline.min(Instant::now() + PATIENCE);
        let gate = Gate::opened();
        let directory = self.store.tenant(&tenant, meter, &gate);
        let counting = counts.iter().map(|count| count.write(&self.store, meter));
        let counting = join_all(counting.map(|write| within(until, write)));
        let answering = async {
            let due = answers?;
            let outcome = within(until, due.write(&self.store, meter)).await;
            outcome
                .inspect_err(|_| self.tenants.take_back(due.clone()))
                .err()
        };
        let logging = async {
            let mut errors = Vec::new();
            for some in entries.chunks(AT_ONCE) {
                let writes = some.iter().map(|entry| directory.log_request(entry));
                let written = join_all(writes.map(|write| within(until, write))).await;
                errors.extend(written.into_iter().filter_map(Result::err));
            }
            errors
        };
        let (counted, answered, logged) = tokio::join!(counting, answering, logging);
        if !logged.is_empty() {
            log.leave_out(logged.len() as u64);
        }
        let errors = counted.into_iter().filter_map(Result::err);
        if let Some(error) = errors.chain(answered).chain(logged).next() {
            give_up(&noted.request_id, &error);
        }
    }

    /// The entries of the log.
    fn entries(&self, told: Vec<Told>, noted: &Noted, key: &KeyId) -> Vec<Entry> {
        let at = self.now();
        let Some(expires) = self.log(&noted.tenant).expires(at) else {
            return Vec::new();
        };
        let entry = |Told { about, error }: Told| Entry {
            request: about.logged(at, &noted.request_id, key.clone(), error.as_ref()),
            expires,
        };
        told.into_iter().map(entry).collect()
    }

    fn count(&self, noted: &Noted, error: &ScimError, count: u64, unlogged: u64) -> Count {
        let now = self.now();
        Count {
            tenant: noted.tenant.clone(),
            counted: Refusals {
                last: Refusal {
                    status: error.status().as_u16(),
                    reason: error.reason(),
                    route: format!("{} {}", method_name(&noted.method), noted.route),
                    // The log of requests has it with the values.
                    detail: withhold(&error.to_string())
                        .chars()
                        .take(MAX_DETAIL)
                        .collect(),
                    request_id: noted.request_id.clone(),
                    at: now,
                },
                count,
                unlogged,
                first: now,
                expires: now.saturating_add(self.config.history_retention),
            },
        }
    }
}

/// Whether both are counted by one counter.
fn is_like(error: &ScimError, other: &ScimError) -> bool {
    error.reason() == other.reason() && error.status() == other.status()
}

/// A method's name for a counter. Clients can invent methods, and each would create a counter.
pub(crate) fn method_name(method: &Method) -> &'static str {
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
