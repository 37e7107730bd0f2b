//! An import into a tenant: what is being imported is in the tenant's item until all of it is
//! there. Until then the tenant cannot be enabled and gets no keys. It begins with a tenant that is
//! disabled, or that it creates itself; enabling it is up to the operator.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use tenant::TenantId;
use time::OffsetDateTime;
use uuid::Uuid;

use super::hold::{Hold, IMPORTING, RUN};
use super::{Act, Begun, SecretsError, Tenant, item, write};
use crate::client::attributes::{Item, flag, number_of, optional_time, string, text, timestamp};
use crate::client::gate::Passage;
use crate::client::transaction::settled;
use crate::{Meter, Store, StoreError};

/// What is imported.
const SOURCE: &str = "import_source";
/// Whether what was there before is still being removed.
const REMOVES: &str = "import_removes";

/// When the last import was complete, and what it was of.
const IMPORTED: &str = "imported";
const IMPORTED_SOURCE: &str = "imported_source";

/// Takes all of it out of a tenant's item.
pub(super) const REMOVE: &str = "importing, import_run, import_source, import_removes";

/// An import that was begun and is not complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Since when.
    pub since: OffsetDateTime,
    /// Tells what is imported from anything else.
    pub source: String,
    /// Whether what was there before is still being removed.
    pub removes: bool,
}

/// An import that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Since when.
    pub at: OffsetDateTime,
    /// Tells what was imported from anything else.
    pub source: String,
}

impl Imported {
    /// Reads it from a tenant's item.
    pub(super) fn read(item: &Item) -> Result<Option<Self>, StoreError> {
        let Some(at) = optional_time(item, IMPORTED)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            at,
            source: text(item, IMPORTED_SOURCE)?.to_owned(),
        }))
    }
}

impl Import {
    /// Reads it from a tenant's item.
    pub(super) fn read(item: &Item) -> Result<Option<Self>, StoreError> {
        let Some(since) = optional_time(item, IMPORTING)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            since,
            source: text(item, SOURCE)?.to_owned(),
            removes: flag(item, REMOVES)?,
        }))
    }
}

/// A tenant into which something can be imported, as long as nothing changes it.
#[derive(Debug)]
pub struct Importable {
    tenant: TenantId,
    version: u64,
    /// The import that was begun before, and is not complete.
    pub begun: Option<Import>,
    /// The last one that is complete.
    pub imported: Option<Imported>,
}

impl Store {
    /// Whether something can be imported into a tenant now.
    ///
    /// # Errors
    /// [`SecretsError::NoTenant`], [`SecretsError::BeingDeleted`], [`SecretsError::HasClients`],
    /// [`SecretsError::DisabledLately`], and failures of DynamoDB.
    pub async fn may_be_imported(
        &self,
        tenant: &TenantId,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<Importable, SecretsError> {
        let read = self.tenant_item(tenant, meter).await?;
        read.not_being_deleted()?;
        // Nobody has written to one whose import was begun.
        if read.tenant.importing.is_none() {
            if read.tenant.enabled {
                return Err(SecretsError::HasClients(tenant.clone()));
            }
            self.has_been_disabled(&read, now, meter).await?;
        }
        Ok(Importable {
            version: read.version,
            begun: read.tenant.importing,
            imported: read.tenant.imported,
            tenant: read.tenant.id,
        })
    }

    /// Begins an import, or goes on with one: it is this run's alone from here on. It is on the
    /// operator's log.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] when the tenant changed meanwhile, and failures of DynamoDB.
    pub async fn begin_import(
        &self,
        into: &Importable,
        source: &str,
        removes: bool,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<(Hold, Begun), StoreError> {
        let run = Uuid::new_v4().to_string();
        let update = self
            .update_tenant(&into.tenant)
            .update_expression(
                "SET #importing = :now, #run = :run, #source = :source, #removes = :removes \
                 ADD version :one",
            )
            .condition_expression("version = :read")
            .expression_attribute_names("#importing", IMPORTING)
            .expression_attribute_names("#run", RUN)
            .expression_attribute_names("#source", SOURCE)
            .expression_attribute_names("#removes", REMOVES)
            .expression_attribute_values(":now", timestamp(now))
            .expression_attribute_values(":run", string(&run))
            .expression_attribute_values(":source", string(source))
            .expression_attribute_values(":removes", AttributeValue::Bool(removes))
            .expression_attribute_values(":one", number_of(1))
            .expression_attribute_values(":read", number_of(into.version));
        let (entry, begun) = self.begun_entry(&into.tenant, Act::Import, None)?;
        self.written(vec![write::update(update)?, entry], meter)
            .await?;
        Ok((Hold::Importing(run), begun))
    }

    /// Creates a tenant, disabled, and begins an import into it. Both are on the operator's log.
    ///
    /// # Errors
    /// [`SecretsError::TenantDeleted`]; [`StoreError::Overtaken`] when there is one now, and
    /// failures of DynamoDB.
    pub async fn create_importing(
        &self,
        tenant: &TenantId,
        name: &str,
        (source, removes): (&str, bool),
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<(Hold, Begun), SecretsError> {
        if let Some(stone) = self.stone(tenant, meter).await? {
            return Err(SecretsError::TenantDeleted {
                tenant: tenant.clone(),
                at: stone.completed,
            });
        }
        let run = Uuid::new_v4().to_string();
        let new = Tenant {
            enabled: false,
            disabled: Some(now),
            ..Tenant::new(tenant, name, now)
        };
        let mut item = item::new_tenant(&new);
        item.extend([
            (IMPORTING.to_owned(), timestamp(now)),
            (RUN.to_owned(), string(&run)),
            (SOURCE.to_owned(), string(source)),
            (REMOVES.to_owned(), AttributeValue::Bool(removes)),
        ]);
        let (entry, begun) = self.begun_entry(tenant, Act::Import, None)?;
        let writes = vec![
            self.put(item)?,
            self.stone_part(tenant, None)?,
            self.entry(tenant, Act::CreateTenant, None)?,
            entry,
        ];
        self.written(writes, meter).await?;
        Ok((Hold::Importing(run), begun))
    }

    /// Notes that what was there before an import is removed.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] when it is not this run's any more, and failures of
    /// DynamoDB.
    pub async fn note_removed(
        &self,
        tenant: &TenantId,
        hold: &Hold,
        meter: &Meter,
    ) -> Result<(), StoreError> {
        let update = self
            .update_tenant(tenant)
            .update_expression("SET #removes = :removes ADD version :one")
            .expression_attribute_names("#removes", REMOVES)
            .expression_attribute_values(":removes", AttributeValue::Bool(false))
            .expression_attribute_values(":one", number_of(1));
        let update = write::update(hold.update(update, ""))?;
        self.written(vec![update], meter).await
    }

    /// Notes that all that was to be imported is there, also on the operator's log.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] when it is not this run's any more, and failures of
    /// DynamoDB.
    pub async fn end_import(
        &self,
        tenant: &TenantId,
        hold: &Hold,
        (begun, outcome): (&Begun, &str),
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<(), StoreError> {
        let update = self
            .update_tenant(tenant)
            .update_expression(format!(
                "SET #imported = :now, #imported_source = #source REMOVE {REMOVE} ADD version :one"
            ))
            .expression_attribute_names("#imported", IMPORTED)
            .expression_attribute_names("#imported_source", IMPORTED_SOURCE)
            .expression_attribute_names("#source", SOURCE)
            .expression_attribute_values(":now", timestamp(now))
            .expression_attribute_values(":one", number_of(1));
        let update = write::update(hold.update(update, ""))?;
        let completed = self.completed_entry(begun, outcome)?;
        self.written(vec![update, completed], meter).await
    }

    /// Writes what has the condition that nobody else has changed the tenant.
    async fn written(
        &self,
        writes: Vec<TransactWriteItem>,
        meter: &Meter,
    ) -> Result<(), StoreError> {
        let attempt = || self.transact(writes.clone(), meter, Passage::Free);
        settled(attempt).await?.or(StoreError::Overtaken)
    }
}
