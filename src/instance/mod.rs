//! What one instance of the function keeps for its lifetime: its connection, its configuration, and
//! what it remembers between requests.
//!
//! Writes from here run next to the requests, which neither wait for them nor fail because of them.

pub mod key_use;
pub mod rate;
pub mod refusals;

use store::Store;
use time::OffsetDateTime;

use crate::config::Config;
use key_use::KeyUses;
use refusals::Refusals;

/// An instance of the function.
#[derive(Debug)]
pub struct Instance {
    /// The connection to DynamoDB.
    pub store: Store,
    /// The configuration.
    pub config: Config,
    /// The clock. Tests about dates and rates replace it.
    pub clock: fn() -> OffsetDateTime,
    key_uses: KeyUses,
    refusals: Refusals,
}

impl Instance {
    /// An instance that has not answered a request yet.
    pub fn new(store: Store, config: Config) -> Self {
        Self {
            store,
            config,
            clock: OffsetDateTime::now_utc,
            key_uses: KeyUses::default(),
            refusals: Refusals::default(),
        }
    }

    /// The current time, in the resolution that resources show.
    pub(crate) fn now(&self) -> OffsetDateTime {
        (self.clock)().truncate_to_millisecond()
    }
}
