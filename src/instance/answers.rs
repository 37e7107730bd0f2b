//! Counts answers, so that an operator sees whether a tenant is served.
//!
//! What succeeds is counted in memory and written beside a later request, which does not wait for
//! it: the five first answers one by one, and then together, once in ten seconds. If Lambda ends
//! the instance, what it has answered since its last write is not counted. What is refused or fails
//! is written with its own counter, before it is answered.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use lambda_http::http::StatusCode;
use store::usage::answers::Answers;
use store::{Gate, Meter, Store, StoreError};
use tenant::TenantId;
use tokio::time::{Instant, timeout};

use super::Instance;
use super::tenants::{Due, When};
use crate::log::chain;

/// How long a write beside a request may take.
const PATIENCE: Duration = Duration::from_secs(2);

impl Instance {
    /// Counts an answer that succeeded. It is written beside a later request.
    pub(crate) fn count_success(&self, tenant: &TenantId) {
        let answers = Answers {
            succeeded: 1,
            ..self.no_answers()
        };
        self.add_answers(tenant, answers, When::Later);
    }

    /// Counts requests that should be in the log and are not. It is written beside a later request.
    pub(super) fn count_unlogged(&self, tenant: &TenantId, unlogged: u64) {
        let answers = Answers {
            unlogged,
            ..self.no_answers()
        };
        self.add_answers(tenant, answers, When::Later);
    }

    /// Counts an answer that did not succeed. Returns what is to be written with it.
    pub(super) fn count_error(
        &self,
        tenant: &TenantId,
        is_failure: bool,
        unlogged: u64,
        when: When,
    ) -> Option<Due> {
        let answers = Answers {
            refused: u64::from(!is_failure),
            failed: u64::from(is_failure),
            unlogged,
            ..self.no_answers()
        };
        self.add_answers(tenant, answers, when)
    }

    /// Writes answers that were not written yet, beside a request whose key was accepted. It does
    /// not wait for them.
    pub(super) fn write_answers(&self) {
        for due in self.tenants.due(Instant::now()) {
            let (store, tenants) = (self.store.clone(), self.tenants.clone());
            let has_reported = self.has_reported.clone();
            tokio::spawn(async move {
                let meter = Meter::default();
                let error = match timeout(PATIENCE, due.write(&store, &meter)).await {
                    Ok(Ok(())) => return,
                    Ok(Err(error)) => error,
                    Err(elapsed) => StoreError::Unavailable {
                        message: "DynamoDB did not answer in time".to_owned(),
                        source: elapsed.into(),
                    },
                };
                // A missing permission would otherwise log a line with every request.
                if !has_reported.swap(true, Relaxed) {
                    tracing::warn!(
                        tenant = %due.tenant,
                        cause = chain(&error),
                        "answers could not be counted; they are counted later"
                    );
                }
                tenants.take_back(due);
            });
        }
    }

    fn add_answers(&self, tenant: &TenantId, answers: Answers, when: When) -> Option<Due> {
        let tenant = tenant.clone();
        let due = Due { tenant, answers };
        self.tenants.add(due, when, Instant::now())
    }

    fn no_answers(&self) -> Answers {
        let now = self.now();
        Answers::none(now, now.saturating_add(self.config.history_retention))
    }
}

impl Due {
    /// Writes the answers.
    pub async fn write(&self, store: &Store, meter: &Meter) -> Result<(), StoreError> {
        let gate = Gate::opened();
        let directory = store.tenant(&self.tenant, meter, &gate);
        directory.count_answers(&self.answers).await
    }
}

/// When an answer with this status is written.
pub(super) fn when(status: StatusCode) -> When {
    match status {
        // What is free to refuse must not cost a write.
        StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS => When::IfRare,
        _ => When::Now,
    }
}
