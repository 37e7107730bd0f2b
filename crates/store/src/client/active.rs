//! Tables that can be used, once they are active.

use std::time::Duration;

use aws_sdk_dynamodb::types::{TableDescription, TableStatus};
use backon::{ConstantBuilder, Retryable};

use super::{Store, StoreError};

/// Why a table cannot be used, or could not be created.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    /// The table of this name has a different primary key.
    #[error(
        "the table `{name}` is not a {kind} table of this service, for its primary key is another; see whether `SCIM_SECRETS_TABLE` and `SCIM_DIRECTORY_TABLE` are exchanged, or choose another name"
    )]
    OtherKind {
        /// The table's name.
        name: String,
        /// What it was to be.
        kind: &'static str,
    },
    /// There is no table of this name.
    #[error(
        "there is no table `{0}`; see whether the name and the region are right, or create it with `scim-admin tables create`"
    )]
    Missing(String),
    /// The table is still being created.
    #[error("table `{0}` is not active yet; run the command again in a minute")]
    NotActive(String),
    /// DynamoDB failed or refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How often to check whether a table is active: for up to a minute.
pub(super) const POLL: ConstantBuilder = ConstantBuilder::new()
    .with_delay(Duration::from_millis(500))
    .with_max_times(120);

pub(super) async fn wait_until_active(
    store: &Store,
    name: &str,
) -> Result<TableDescription, TablesError> {
    let look = || async {
        let request = store.client.describe_table().table_name(name);
        store
            .administer(request)
            .await?
            .filter(|table| table.table_status == Some(TableStatus::Active))
            .ok_or_else(|| TablesError::NotActive(name.to_owned()))
    };
    look.retry(POLL)
        .when(|error| matches!(error, TablesError::NotActive(_)))
        .await
}
