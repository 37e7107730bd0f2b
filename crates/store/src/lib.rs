//! Everything that touches DynamoDB. The only folder that names `aws_sdk_dynamodb`.
//!
//! Two tables: **secrets** ([`secrets`]: tenants and the digests of their API keys) and
//! **directory** (everything a tenant owns). The only way to directory data is
//! [`Store::tenant`], and no method behind it takes a tenant.

pub mod audit;
pub mod breaker;
mod connect;
mod counters;
pub mod directory;
pub mod error;
mod gate;
pub mod history;
mod item;
pub mod key_use;
mod keys;
pub mod meter;
mod plan;
pub mod range;
pub mod refusals;
mod scan;
pub mod secrets;
pub mod tables;
pub mod tombstone;
mod transaction;
mod update;
mod write;

use aws_sdk_dynamodb::Client;

pub use connect::Timeouts;
pub use directory::TenantStore;
pub use error::StoreError;
pub use gate::Gate;
pub use meter::{Cost, Meter};

/// The names of the two DynamoDB tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// Tenants and the digests of their API keys.
    pub secrets: String,
    /// Everything the tenants own.
    pub directory: String,
}

/// A connection to both tables. Cheap to clone: clones share one connection pool.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    tables: Tables,
}

impl Store {
    /// A store over the two named tables. Makes no call.
    pub fn new(client: Client, tables: Tables) -> Self {
        Self { client, tables }
    }
}
