//! Counts answers, so that an operator sees whether a tenant is served.
//!
//! What succeeds is counted in memory and written beside a later request, which does not wait for
//! it: the five first answers one by one, and then together, once in ten seconds. If Lambda ends
//! the instance, what it has answered since its last write is not counted. What is refused or fails
//! is written with its own counter, before it is answered, unless it is free to refuse such
//! requests. Those wait like what succeeds.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use scim::ScimError;
use store::usage::answers::Answers;
use store::{Gate, Meter, Store, StoreError};
use tenant::TenantId;
use tokio::time::Instant;

use super::Instance;
use super::patience::{is_free, within};
use super::tenants::Due;
use crate::log::chain;

/// How long a write beside a request may take.
const AT_MOST: Duration = Duration::from_secs(2);

impl Instance {
    /// Counts an answer that succeeded. It is written beside a later request.
    pub(crate) fn count_success(&self, tenant: &TenantId) {
        let answers = Answers {
            succeeded: 1,
            ..self.no_answers()
        };
        self.add_answers(tenant, answers);
    }

    /// Counts requests that should be in the log and are not. It is written beside a later request.
    pub(super) fn count_unlogged(&self, tenant: &TenantId, unlogged: u64) {
        let answers = Answers {
            unlogged,
            ..self.no_answers()
        };
        self.add_answers(tenant, answers);
    }

    /// Counts an answer that did not succeed. Returns what is to be written with it: nothing if it
    /// is free to refuse such requests, which must not cost a write.
    pub(super) fn count_error(
        &self,
        tenant: &TenantId,
        error: &ScimError,
        unlogged: u64,
    ) -> Option<Due> {
        let is_failure = error.is_failure();
        let answers = Answers {
            refused: u64::from(!is_failure),
            failed: u64::from(is_failure),
            unlogged,
            ..self.no_answers()
        };
        if is_free(error.status()) {
            self.add_answers(tenant, answers);
            return None;
        }
        let tenant = tenant.clone();
        self.tenants
            .add_now(Due { tenant, answers }, Instant::now())
    }

    /// Writes answers that were not written yet, beside a request whose key was accepted. It does
    /// not wait for them.
    pub(super) fn write_answers(&self) {
        for due in self.tenants.due(Instant::now()) {
            let (store, tenants) = (self.store.clone(), self.tenants.clone());
            let has_reported = self.has_reported.clone();
            tokio::spawn(async move {
                let meter = Meter::default();
                let until = Instant::now() + AT_MOST;
                let Err(error) = within(until, due.write(&store, &meter)).await else {
                    return;
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

    fn add_answers(&self, tenant: &TenantId, answers: Answers) {
        let tenant = tenant.clone();
        self.tenants.add(Due { tenant, answers }, Instant::now());
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
