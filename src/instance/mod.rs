//! What one instance of the function has for as long as it lives: its connection, its
//! configuration, and what it remembers from request to request.
//!
//! What is written from here is written beside the requests, which neither wait for it nor fail
//! with it.

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
    /// The environment.
    pub config: Config,
    /// The clock. A test has its own where it is about dates and rates.
    pub clock: fn() -> OffsetDateTime,
    key_uses: KeyUses,
    refusals: Refusals,
}

impl Instance {
    /// An instance that has answered nothing yet.
    pub fn new(store: Store, config: Config) -> Self {
        Self {
            store,
            config,
            clock: OffsetDateTime::now_utc,
            key_uses: KeyUses::default(),
            refusals: Refusals::default(),
        }
    }

    /// The time, as exact as resources show it.
    pub(crate) fn now(&self) -> OffsetDateTime {
        (self.clock)().truncate_to_millisecond()
    }
}
