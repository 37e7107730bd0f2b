//! A table that was restored to a point in time is a new one, without the settings of the old:
//! each is turned on again, and told with what it was.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::describe_continuous_backups::{
    DescribeContinuousBackupsError, DescribeContinuousBackupsOutput,
};
use aws_sdk_dynamodb::operation::update_table::{UpdateTableError, UpdateTableOutput};
use aws_sdk_dynamodb::types::{PointInTimeRecoveryStatus, SseStatus, TableDescription};

use super::active::wait_until_active;
use super::index::{add_index, has_index};
use super::stream::enable_stream;
use super::tables::{TableDefinition, TablesError};
use super::{Store, StoreError, tables};

/// A setting of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// What is set.
    pub name: &'static str,
    /// What it was.
    pub was: String,
    /// What it is.
    pub is: String,
    /// Whether it is as it has to be.
    pub is_right: bool,
}

/// A table and its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdoptedTable {
    /// The table's name.
    pub name: String,
    /// What it is for, in a word.
    pub kind: &'static str,
    /// Its settings.
    pub settings: Vec<Setting>,
}

const ON: &str = "on";
const OFF: &str = "off";
const UNKNOWN: &str = "unknown to this DynamoDB";

impl Store {
    /// Gives both tables the settings that `create_tables` gives to new ones. Nothing in them
    /// changes.
    ///
    /// # Errors
    /// [`TablesError::OtherKind`] before anything is set, [`TablesError::Missing`],
    /// [`TablesError::NotActive`], and failures of DynamoDB.
    pub async fn adopt_tables(&self) -> Result<Vec<AdoptedTable>, TablesError> {
        let defined = self.defined_tables();
        let mut found = Vec::new();
        for (name, definition) in defined {
            let request = self.client.describe_table().table_name(name);
            if self.administer(request).await?.is_none() {
                return Err(TablesError::Missing(name.to_owned()));
            }
            let table = wait_until_active(self, name).await?;
            if !tables::has_key_of(&table, definition) {
                return Err(tables::other_kind(name, definition));
            }
            found.push((name, definition, table));
        }
        let mut adopted = Vec::new();
        for (name, definition, table) in found {
            let mut settings = vec![
                self.adopt_time_to_live(name, definition).await?,
                self.adopt_recovery(name).await?,
                self.adopt_protection(name, &table).await?,
                self.adopt_stream(name, definition).await?,
            ];
            settings.extend(self.adopt_index(name, definition).await?);
            settings.extend([encryption(&table), billing(&table, definition)]);
            adopted.push(AdoptedTable {
                name: name.to_owned(),
                kind: definition.kind,
                settings,
            });
        }
        Ok(adopted)
    }

    async fn adopt_time_to_live(
        &self,
        name: &str,
        definition: &TableDefinition,
    ) -> Result<Setting, StoreError> {
        let was = tables::time_to_live(self, name).await?;
        let told = |attribute: &Option<String>| match attribute {
            Some(attribute) => format!("`{attribute}`"),
            None => OFF.to_owned(),
        };
        let wanted = definition.time_to_live.map(str::to_owned);
        let mut is = was.clone();
        if let Some(attribute) = &wanted
            && was != wanted
        {
            tables::enable_time_to_live(self, name, attribute).await?;
            is = wanted.clone();
        }
        Ok(Setting {
            name: "time to live",
            was: told(&was),
            is: told(&is),
            is_right: is == wanted,
        })
    }

    async fn adopt_recovery(&self, name: &str) -> Result<Setting, TablesError> {
        let request = self.client.describe_continuous_backups().table_name(name);
        let was = self.administer(request).await?;
        if was == Some(false) {
            tables::enable_recovery(self, name).await?;
        }
        Ok(Setting {
            name: "point-in-time recovery",
            was: was.map_or(UNKNOWN, on_or_off).to_owned(),
            is: was.map_or(UNKNOWN, |_| ON).to_owned(),
            is_right: true,
        })
    }

    async fn adopt_protection(
        &self,
        name: &str,
        table: &TableDescription,
    ) -> Result<Setting, StoreError> {
        let was = table.deletion_protection_enabled.unwrap_or_default();
        let mut is = ON;
        if !was {
            let request = self
                .client
                .update_table()
                .table_name(name)
                .deletion_protection_enabled(true);
            if !self.administer(request).await? {
                is = UNKNOWN;
            }
        }
        Ok(Setting {
            name: "deletion protection",
            was: on_or_off(was).to_owned(),
            is: is.to_owned(),
            is_right: true,
        })
    }

    /// A stream that shows something else stays: its readers hang on it.
    async fn adopt_stream(
        &self,
        name: &str,
        definition: &TableDefinition,
    ) -> Result<Setting, TablesError> {
        // The setting before may have put the table to work.
        let table = wait_until_active(self, name).await?;
        let was = told_stream(&table);
        let mut is = was.clone();
        if let Some(view) = definition.stream
            && was == OFF
        {
            enable_stream(self, &table, name, view).await?;
            is = told_stream(&wait_until_active(self, name).await?);
        }
        Ok(Setting {
            name: "stream",
            is_right: is == definition.stream.unwrap_or(OFF),
            was,
            is,
        })
    }

    async fn adopt_index(
        &self,
        name: &str,
        definition: &TableDefinition,
    ) -> Result<Option<Setting>, TablesError> {
        let Some(index) = &definition.index else {
            return Ok(None);
        };
        let table = wait_until_active(self, name).await?;
        let was = has_index(&table, index);
        add_index(self, &table, name, index).await?;
        Ok(Some(Setting {
            name: "index",
            was: told_index(was, index.name),
            is: told_index(true, index.name),
            is_right: true,
        }))
    }
}

fn told_index(is_there: bool, name: &str) -> String {
    match is_there {
        true => format!("`{name}`"),
        false => OFF.to_owned(),
    }
}

fn told_stream(table: &TableDescription) -> String {
    let specification = table.stream_specification();
    let view = specification.and_then(|on| on.stream_view_type.as_ref());
    view.map_or(OFF, |view| view.as_str()).to_owned()
}

fn on_or_off(is_on: bool) -> &'static str {
    if is_on { ON } else { OFF }
}

/// Every table is encrypted; with a key of AWS's own unless it says otherwise. A restore may have
/// chosen another key than the old table had, which only the operator can judge.
fn encryption(table: &TableDescription) -> Setting {
    let described = table.sse_description.as_ref();
    let is_on = described
        .is_some_and(|sse| matches!(sse.status, Some(SseStatus::Enabled | SseStatus::Updating)));
    let key = described.and_then(|sse| sse.kms_master_key_arn.as_deref());
    let told = match (is_on, key) {
        (true, Some(key)) => format!("KMS key {key}"),
        (true, None) => "KMS".to_owned(),
        (false, _) => "a key that AWS owns".to_owned(),
    };
    Setting {
        name: "encryption",
        was: told.clone(),
        is: told,
        is_right: is_on,
    }
}

fn billing(table: &TableDescription, definition: &TableDefinition) -> Setting {
    let summary = table.billing_mode_summary.as_ref();
    let mode = summary.and_then(|summary| summary.billing_mode.as_ref());
    // DynamoDB says nothing of a table that never had another mode.
    let told = mode.map_or("PROVISIONED", |mode| mode.as_str());
    Setting {
        name: "billing mode",
        was: told.to_owned(),
        is: told.to_owned(),
        is_right: told == definition.billing_mode,
    }
}

/// Whether a table can be restored to a point in time; `None` if DynamoDB has no such thing, as
/// development emulators have not.
pub(super) fn recovery(
    result: Result<DescribeContinuousBackupsOutput, SdkError<DescribeContinuousBackupsError>>,
) -> Result<Option<bool>, StoreError> {
    match result {
        Ok(output) => {
            let backups = output.continuous_backups_description;
            let recovery = backups.and_then(|backups| backups.point_in_time_recovery_description);
            let status = recovery.and_then(|recovery| recovery.point_in_time_recovery_status);
            Ok(Some(status == Some(PointInTimeRecoveryStatus::Enabled)))
        }
        Err(error) if error.code() == Some("UnknownOperationException") => Ok(None),
        Err(error) => Err(StoreError::from_sdk(error)),
    }
}

/// Whether a table was updated; not if DynamoDB has no such call.
pub(super) fn updated(
    result: Result<UpdateTableOutput, SdkError<UpdateTableError>>,
) -> Result<bool, StoreError> {
    match result {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("UnknownOperationException") => Ok(false),
        Err(error) => Err(StoreError::from_sdk(error)),
    }
}
