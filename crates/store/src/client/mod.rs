//! Access to DynamoDB: connecting (`connect`), calling (`call`, the one place that sends), and
//! interpreting its answers.

mod active;
pub mod adopt;
pub(crate) mod attributes;
pub(crate) mod batch;
pub(crate) mod bulk;
pub(crate) mod call;
mod connect;
mod connections;
mod definition;
mod error;
pub mod format;
pub(crate) mod gate;
mod index;
mod meter;
mod stream;
pub mod tables;
pub(crate) mod transaction;
pub(crate) mod update;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use time::OffsetDateTime;

use crate::secrets::Operator;

pub use connect::Timeouts;
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
    pub(crate) client: Client,
    pub(crate) tables: Tables,
    /// Whose changes they are.
    pub(crate) operator: Option<Arc<Operator>>,
    /// When the tenant was created that is meant; nothing if whoever has the id now is.
    pub(crate) meant: Option<OffsetDateTime>,
}

impl Store {
    /// The same connection, for changes to the tenant that was created then, and to no other with
    /// its id.
    #[must_use]
    pub fn meaning(&self, created: OffsetDateTime) -> Self {
        Self {
            meant: Some(created),
            ..self.clone()
        }
    }

    /// The same connection, over another secrets table.
    #[must_use]
    pub fn over_secrets(&self, table: &str) -> Self {
        let mut store = self.clone();
        table.clone_into(&mut store.tables.secrets);
        store
    }

    /// The same connection, over another directory table.
    #[must_use]
    pub fn over_directory(&self, table: &str) -> Self {
        let mut store = self.clone();
        table.clone_into(&mut store.tables.directory);
        store
    }

    /// A store over the two named tables. Makes no call.
    pub fn new(client: Client, tables: Tables) -> Self {
        Self {
            client,
            tables,
            operator: None,
            meant: None,
        }
    }
}
