//! A tenant's log of requests, as far as this instance may write it: sixty entries at once and one
//! a second, so that a client that is refused a thousand times costs as many writes no more than
//! it costs refusals.

use tenant::TenantId;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::Instance;

/// A tenant's log of requests.
#[derive(Debug, Clone, Copy)]
pub struct RequestLog<'i> {
    instance: &'i Instance,
    tenant: &'i TenantId,
}

impl Instance {
    /// The log of requests of a tenant.
    pub(crate) fn log<'i>(&'i self, tenant: &'i TenantId) -> RequestLog<'i> {
        RequestLog {
            instance: self,
            tenant,
        }
    }
}

impl RequestLog<'_> {
    /// Whether there is one.
    pub(crate) fn is_kept(&self) -> bool {
        self.instance.config.request_log.is_some()
    }

    /// When an entry of this time may be removed.
    pub(crate) fn expires(&self, at: OffsetDateTime) -> Option<OffsetDateTime> {
        Some(at.saturating_add(self.instance.config.request_log?))
    }

    /// Takes places for entries, as many as are wanted and left. Returns how many.
    pub(crate) fn admit(&self, wanted: usize) -> usize {
        if !self.is_kept() || wanted == 0 {
            return 0;
        }
        let tenants = &self.instance.tenants;
        tenants.admit(self.tenant, wanted, Instant::now())
    }

    /// Gives back places that were not used.
    pub(crate) fn give_back(&self, unused: usize) {
        self.instance.tenants.give_back(self.tenant, unused);
    }

    /// Counts requests that should be in the log and are not.
    pub(crate) fn leave_out(&self, requests: u64) {
        self.instance.count_unlogged(self.tenant, requests);
    }
}
