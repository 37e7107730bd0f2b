//! What one instance of the function keeps for its lifetime: its connection, its configuration, and
//! what it remembers between requests.
//!
//! Writes from here run next to the requests, which neither wait for them nor fail because of them.

mod answers;
mod bucket;
pub mod key_use;
pub(crate) mod noted;
mod patience;
pub mod principal;
pub mod rate;
mod refusals;
pub mod request_log;
mod tenants;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use federation::Fetcher;
use function::invocation::FirstRequest;
use store::Store;
use time::OffsetDateTime;

use crate::config::Config;
use key_use::KeyUses;
use patience::PATIENCE;
use refusals::Refusals;
use tenants::Tenants;

/// An instance of the function.
#[derive(Debug)]
pub struct Instance {
    /// The connection to DynamoDB.
    pub store: Store,
    /// The configuration.
    pub config: Config,
    /// The clock. Tests about dates and rates replace it.
    pub clock: fn() -> OffsetDateTime,
    /// What fetches the web keys of issuers.
    pub(crate) fetcher: Fetcher,
    /// Whether there was a request already.
    pub(crate) first: FirstRequest,
    key_uses: KeyUses,
    refusals: Refusals,
    tenants: Arc<Tenants>,
    /// Whether the operator was told that answers cannot be counted.
    has_reported: Arc<AtomicBool>,
}

impl Instance {
    /// An instance that has not answered a request yet.
    pub fn new(store: Store, config: Config) -> Self {
        Self {
            store,
            config,
            clock: OffsetDateTime::now_utc,
            fetcher: Fetcher::new(),
            first: FirstRequest::default(),
            key_uses: KeyUses::default(),
            refusals: Refusals::default(),
            tenants: Arc::default(),
            has_reported: Arc::default(),
        }
    }

    /// The current time, in the resolution that resources show.
    pub(crate) fn now(&self) -> OffsetDateTime {
        (self.clock)().truncate_to_millisecond()
    }

    /// How long a request may take before it is given up. What is left of its time is for noting
    /// what became of it.
    pub(crate) fn time_to_work(&self) -> Duration {
        let deadline = self.config.request_deadline;
        deadline.saturating_sub(PATIENCE.min(deadline / 32))
    }
}
