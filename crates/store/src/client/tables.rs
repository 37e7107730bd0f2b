//! How the tables are created without CloudFormation, and whether they are what they should be.

use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::create_table::{CreateTableError, CreateTableOutput};
use aws_sdk_dynamodb::operation::describe_table::{DescribeTableError, DescribeTableOutput};
use aws_sdk_dynamodb::operation::update_continuous_backups::{
    UpdateContinuousBackupsError, UpdateContinuousBackupsOutput,
};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    PointInTimeRecoverySpecification, ScalarAttributeType, SseSpecification, SseType,
    TableDescription, TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
};
use backon::{ConstantBuilder, Retryable};

pub use super::definition::{
    DIRECTORY, EXPIRES_AT, IndexDefinition, PARTITION_KEY, SECRETS, SECRETS_PARTITION_KEY,
    SECRETS_SORT_KEY, SESSIONS, SESSIONS_PARTITION_KEY, SESSIONS_SORT_KEY, SORT_KEY,
    TableDefinition,
};
use super::index::add_index;
use super::stream::{enable_stream, stream};
use super::{Store, StoreError};

/// A table after [`Store::create_tables`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedTable {
    /// The table's name.
    pub name: String,
    /// Whether it was created by this call; otherwise it existed.
    pub created: bool,
}

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
const POLL: ConstantBuilder = ConstantBuilder::new()
    .with_delay(Duration::from_millis(500))
    .with_max_times(120);

impl Store {
    /// Creates missing tables and waits until both can be used. Existing tables keep their data;
    /// stream, index, time to live and recovery are added where they are missing.
    ///
    /// # Errors
    /// When DynamoDB refuses, when a table of that name has a different primary key, or when a
    /// table is not active within a minute. Calling again is always safe.
    pub async fn create_tables(&self) -> Result<Vec<CreatedTable>, TablesError> {
        self.create_all(&self.defined_tables()).await
    }

    /// The same for the sessions table, which has this name.
    ///
    /// # Errors
    /// As [`Self::create_tables`].
    pub async fn create_sessions_table(&self, name: &str) -> Result<CreatedTable, TablesError> {
        let created = self.create_all(&[(name, &SESSIONS)]).await?;
        let missing = || TablesError::Missing(name.to_owned());
        created.into_iter().next().ok_or_else(missing)
    }

    async fn create_all(
        &self,
        defined: &[(&str, &TableDefinition)],
    ) -> Result<Vec<CreatedTable>, TablesError> {
        let mut tables = Vec::new();
        for &(name, definition) in defined {
            let created = create(self, name, definition).await?;
            tables.push(CreatedTable {
                name: name.to_owned(),
                created,
            });
        }
        // All are created first and then waited for, so that they come up at the same time.
        for &(name, definition) in defined {
            let table = wait_until_active(self, name).await?;
            if !has_key_of(&table, definition) {
                return Err(other_kind(name, definition));
            }
            if let Some(view) = definition.stream {
                enable_stream(self, &table, name, view).await?;
            }
            if let Some(index) = &definition.index {
                add_index(self, &table, name, index).await?;
            }
            if let Some(attribute) = definition.time_to_live {
                enable_time_to_live(self, name, attribute).await?;
            }
            if definition.point_in_time_recovery {
                enable_recovery(self, name).await?;
            }
        }
        Ok(tables)
    }

    /// Reads an item that does not exist from each table, both at the same time: that opens two
    /// connections, and finds a table of another kind.
    ///
    /// # Errors
    /// [`TablesError::OtherKind`], and failures of DynamoDB.
    pub async fn check_tables(&self) -> Result<(), TablesError> {
        let [secrets, directory] = self.defined_tables();
        let checks = futures_util::future::join(check(self, secrets), check(self, directory));
        // If both are wrong, the secrets table is told.
        let (secrets, directory) = checks.await;
        secrets.and(directory)
    }

    /// The same, and whether the table of this name is a sessions table.
    ///
    /// # Errors
    /// As [`Self::check_tables`].
    pub async fn check_tables_with(&self, sessions: &str) -> Result<(), TablesError> {
        let sessions = check(self, (sessions, &SESSIONS));
        let (both, sessions) = futures_util::future::join(self.check_tables(), sessions).await;
        both.and(sessions)
    }

    /// What tells the directory table from any other, also one of the same name later.
    ///
    /// # Errors
    /// [`TablesError::Missing`], and failures of DynamoDB.
    pub async fn directory_identity(&self) -> Result<String, TablesError> {
        let name = &self.tables.directory;
        let request = self.client.describe_table().table_name(name);
        let missing = || TablesError::Missing(name.clone());
        let table = self.administer(request).await?.ok_or_else(missing)?;
        let id = table.table_id.or(table.table_arn);
        id.ok_or_else(missing)
    }

    /// The names of the tables, with what they have to be.
    pub(super) fn defined_tables(&self) -> [(&str, &'static TableDefinition); 2] {
        [
            (&self.tables.secrets, &SECRETS),
            (&self.tables.directory, &DIRECTORY),
        ]
    }
}

/// DynamoDB refuses the read if the key's attributes are not the table's.
async fn check(
    store: &Store,
    (name, definition): (&str, &TableDefinition),
) -> Result<(), TablesError> {
    let mut request = store.client.get_item().table_name(name);
    for (attribute, _) in definition.key_schema {
        request = request.key(attribute, AttributeValue::S("NOBODY".to_owned()));
    }
    match store.administer(request).await {
        Ok(_) => Ok(()),
        Err(StoreError::Refused { message, .. }) if message.starts_with("ValidationException") => {
            Err(other_kind(name, definition))
        }
        Err(StoreError::Refused { message, .. })
            if message.starts_with("ResourceNotFoundException") =>
        {
            Err(TablesError::Missing(name.to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) fn other_kind(name: &str, definition: &TableDefinition) -> TablesError {
    TablesError::OtherKind {
        name: name.to_owned(),
        kind: definition.kind,
    }
}

/// Returns whether the table is new.
async fn create(
    store: &Store,
    name: &str,
    definition: &TableDefinition,
) -> Result<bool, StoreError> {
    let mut request = store
        .client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::from(definition.billing_mode))
        .deletion_protection_enabled(definition.deletion_protection)
        .sse_specification(
            SseSpecification::builder()
                .enabled(true)
                .sse_type(SseType::from(definition.encryption))
                .build(),
        );
    for (attribute, key_type) in definition.key_schema {
        let element = KeySchemaElement::builder()
            .attribute_name(attribute)
            .key_type(KeyType::from(key_type))
            .build()?;
        request = request.key_schema(element);
    }
    for (attribute, attribute_type) in definition.attribute_definitions {
        let element = AttributeDefinition::builder()
            .attribute_name(attribute)
            .attribute_type(ScalarAttributeType::from(attribute_type))
            .build()?;
        request = request.attribute_definitions(element);
    }
    if let Some(view) = definition.stream {
        request = request.stream_specification(stream(view)?);
    }
    if let Some(index) = &definition.index {
        request = request
            .attribute_definitions(index.attribute()?)
            .global_secondary_indexes(index.new_index()?);
    }
    store.administer(request).await
}

/// Whether CreateTable created the table; if not, one of this name exists.
pub(super) fn created(
    result: Result<CreateTableOutput, SdkError<CreateTableError>>,
) -> Result<bool, StoreError> {
    match result {
        Ok(_) => Ok(true),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(CreateTableError::is_resource_in_use_exception) =>
        {
            Ok(false)
        }
        Err(error) => Err(StoreError::from_sdk(error)),
    }
}

/// What DescribeTable says, if the table exists. It is eventually consistent: it may not know a new
/// table yet.
pub(super) fn described(
    result: Result<DescribeTableOutput, SdkError<DescribeTableError>>,
) -> Result<Option<TableDescription>, StoreError> {
    match result {
        Ok(output) => Ok(output.table),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(DescribeTableError::is_resource_not_found_exception) =>
        {
            Ok(None)
        }
        Err(error) => Err(StoreError::from_sdk(error)),
    }
}

/// Whether a table has continuous backups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backups {
    Enabled,
    /// AWS first enables backups of a new table itself, and refuses requests until then.
    NotYet,
    /// Development emulators have no backups, and need none.
    Unsupported,
}

/// The result of UpdateContinuousBackups.
pub(super) fn backed_up(
    result: Result<UpdateContinuousBackupsOutput, SdkError<UpdateContinuousBackupsError>>,
) -> Result<Backups, StoreError> {
    match result {
        Ok(_) => Ok(Backups::Enabled),
        Err(error) => match error.code() {
            Some("ContinuousBackupsUnavailableException") => Ok(Backups::NotYet),
            Some("UnknownOperationException") => Ok(Backups::Unsupported),
            _ => Err(StoreError::from_sdk(error)),
        },
    }
}

pub(super) async fn wait_until_active(
    store: &Store,
    name: &str,
) -> Result<TableDescription, TablesError> {
    wait_until_active_for(store, name, POLL).await
}

pub(super) async fn wait_until_active_for(
    store: &Store,
    name: &str,
    poll: ConstantBuilder,
) -> Result<TableDescription, TablesError> {
    let look = || async {
        let request = store.client.describe_table().table_name(name);
        store
            .administer(request)
            .await?
            .filter(|table| table.table_status == Some(TableStatus::Active))
            .ok_or_else(|| TablesError::NotActive(name.to_owned()))
    };
    look.retry(poll)
        .when(|error| matches!(error, TablesError::NotActive(_)))
        .await
}

pub(super) fn has_key_of(table: &TableDescription, definition: &TableDefinition) -> bool {
    let key = table
        .key_schema()
        .iter()
        .map(|key| (key.attribute_name(), key.key_type().as_str()));
    key.eq(definition.key_schema)
}

/// The attribute that a table's time to live reads, if it is on.
pub(super) async fn time_to_live(store: &Store, name: &str) -> Result<Option<String>, StoreError> {
    let request = store.client.describe_time_to_live().table_name(name);
    let current = store.administer(request).await?.time_to_live_description;
    let is_on = |status: Option<&TimeToLiveStatus>| {
        matches!(
            status,
            Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
        )
    };
    let current = current.filter(|current| is_on(current.time_to_live_status()));
    Ok(current.and_then(|current| current.attribute_name))
}

pub(super) async fn enable_time_to_live(
    store: &Store,
    name: &str,
    attribute: &str,
) -> Result<(), StoreError> {
    // AWS refuses to enable what is already enabled, so check first.
    if time_to_live(store, name).await?.as_deref() == Some(attribute) {
        return Ok(());
    }
    let specification = TimeToLiveSpecification::builder()
        .enabled(true)
        .attribute_name(attribute)
        .build()?;
    let request = store
        .client
        .update_time_to_live()
        .table_name(name)
        .time_to_live_specification(specification);
    store.administer(request).await.map(drop)
}

pub(super) async fn enable_recovery(store: &Store, name: &str) -> Result<(), TablesError> {
    let specification = PointInTimeRecoverySpecification::builder()
        .point_in_time_recovery_enabled(true)
        .build()
        .map_err(StoreError::from)?;
    let enable = || async {
        let request = store
            .client
            .update_continuous_backups()
            .table_name(name)
            .point_in_time_recovery_specification(specification.clone());
        match store.administer(request).await? {
            Backups::Enabled | Backups::Unsupported => Ok(()),
            Backups::NotYet => Err(TablesError::NotActive(name.to_owned())),
        }
    };
    enable
        .retry(POLL)
        .when(|error| matches!(error, TablesError::NotActive(_)))
        .await
}
