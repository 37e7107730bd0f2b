//! What long work on a tenant hangs on.

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, TransactWriteItem};
use tenant::TenantId;
use time::OffsetDateTime;

use super::import::RUN;
use super::item::{self, COMPLETED, DELETING, STONE_SORT_KEY, TENANT_SORT_KEY};
use crate::client::attributes::{string, timestamp};
use crate::client::tables::{SECRETS_PARTITION_KEY, SECRETS_SORT_KEY};
use crate::{Store, StoreError};

/// What an operator's long work on a tenant hangs on. Each of its writes checks it, so that a run
/// that was suspended cannot go on once another one has ended the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hold {
    /// The deletion that was begun then is not complete.
    Deleting(OffsetDateTime),
    /// The tenant was deleted then, and there is no other with its id.
    Deleted(OffsetDateTime),
    /// The import goes on in this run.
    Importing(String),
}

impl Hold {
    /// The sort key of the item, and which of its attributes has which value.
    pub(super) fn held(&self) -> (&'static str, &'static str, AttributeValue) {
        match self {
            Self::Deleting(since) => (TENANT_SORT_KEY, DELETING, timestamp(*since)),
            Self::Deleted(at) => (STONE_SORT_KEY, COMPLETED, timestamp(*at)),
            Self::Importing(run) => (TENANT_SORT_KEY, RUN, string(run)),
        }
    }
}

impl Store {
    /// The part of a transaction that checks it.
    pub(crate) fn hold_check(
        &self,
        tenant: &TenantId,
        hold: &Hold,
    ) -> Result<TransactWriteItem, StoreError> {
        let (sort_key, name, value) = hold.held();
        let check = ConditionCheck::builder()
            .table_name(&self.tables.secrets)
            .key(SECRETS_PARTITION_KEY, item::partition(tenant))
            .key(SECRETS_SORT_KEY, string(sort_key))
            .condition_expression("#held = :held")
            .expression_attribute_names("#held", name)
            .expression_attribute_values(":held", value)
            .build()?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }
}
