//! The sessions table: links to the settings page, and the sessions that they open.
//!
//! | item | `sessions_pk` | `sessions_sk` |
//! |---|---|---|
//! | link | `T#<tenant id>` | `LINK#<scope>` |
//! | session | `T#<tenant id>` | `SESSION#<digest>` |
//! | form that was sent | `T#<tenant id>` | `FORM#<id of the session>#<id of the form>` |
//!
//! A tenant has one link of each scope: a new one takes the place of the one before. Of a link and
//! a session only the SHA-256 is stored. Everything ends by time to live, within days. What is done
//! with links is on the operator's log, in the transaction of the change.

mod form;
mod link;
mod session;

use aws_sdk_dynamodb::types::AttributeValue;
use tenant::TenantId;

use crate::client::attributes::{Item, string};
use crate::client::format;
use crate::client::gate::Passage;
use crate::client::tables::{SESSIONS_PARTITION_KEY, SESSIONS_SORT_KEY, TablesError};
use crate::{Meter, Store, StoreError};

pub use link::{Link, NewLink, Redeemed, Scope, Used};
pub use session::{IDLE, LONGEST, Session};

/// The sessions table.
#[derive(Debug, Clone)]
pub struct Sessions {
    store: Store,
    table: String,
}

impl Store {
    /// The sessions table of this name. Its changes are those of the store's operator.
    pub fn sessions(&self, table: &str) -> Sessions {
        Sessions {
            store: self.clone(),
            table: table.to_owned(),
        }
    }
}

impl Sessions {
    /// Whether this and the other two tables are what they should be.
    ///
    /// # Errors
    /// As [`Store::check_tables`].
    pub async fn check_tables(&self) -> Result<(), TablesError> {
        self.store.check_tables_with(&self.table).await
    }

    /// Its name.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The other two tables.
    pub fn store(&self) -> &Store {
        &self.store
    }

    fn key(tenant: &TenantId, sort_key: impl Into<String>) -> Item {
        Item::from([
            (SESSIONS_PARTITION_KEY.to_owned(), partition(tenant)),
            (SESSIONS_SORT_KEY.to_owned(), string(sort_key)),
        ])
    }

    fn new_item(tenant: &TenantId, sort_key: impl Into<String>) -> Item {
        let mut item = Self::key(tenant, sort_key);
        item.extend([format::attribute()]);
        item
    }

    async fn read(
        &self,
        tenant: &TenantId,
        sort_key: &str,
        meter: &Meter,
    ) -> Result<Option<Item>, StoreError> {
        let request = self
            .store
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(Self::key(tenant, sort_key)))
            .consistent_read(true);
        let item = self.store.call(request, meter, Passage::Free).await?.item;
        item.as_ref().map(format::check).transpose()?;
        Ok(item)
    }

    /// Shows `visit` the tenant's items whose sort key starts so.
    async fn each(
        &self,
        tenant: &TenantId,
        prefix: &str,
        meter: &Meter,
        mut visit: impl FnMut(&Item) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let request = self
            .store
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("sessions_pk = :tenant AND begins_with(sessions_sk, :prefix)")
            .expression_attribute_values(":tenant", partition(tenant))
            .expression_attribute_values(":prefix", string(prefix));
        self.store
            .each(request, meter, Passage::Free, |item| {
                format::check(item)?;
                visit(item)?;
                Ok(true)
            })
            .await
    }
}

fn partition(tenant: &TenantId) -> AttributeValue {
    string(format!("T#{tenant}"))
}
