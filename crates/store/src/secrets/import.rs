//! An import into a tenant: what is being imported is in the tenant's item until all of it is
//! there. Until then the tenant cannot be enabled and gets no keys.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use backon::Retryable as _;
use tenant::TenantId;
use time::OffsetDateTime;
use uuid::Uuid;

use super::deletion::MIN_DISABLED;
use super::hold::Hold;
use super::item::TenantItem;
use super::{SecretsError, write};
use crate::client::attributes::{Item, flag, number_of, optional_time, string, text, timestamp};
use crate::client::gate::Passage;
use crate::client::transaction::{Outcome, RACES};
use crate::{Meter, Store, StoreError};

/// Since when.
const IMPORTING: &str = "importing";
/// Which run of the command it goes on in. The latest one has it.
pub(super) const RUN: &str = "import_run";
/// What is imported.
const SOURCE: &str = "import_source";
/// Whether what was there before is still being removed.
const REMOVES: &str = "import_removes";

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
}

impl Store {
    /// Whether something can be imported into a tenant now; with `removes`, once what is there is
    /// removed.
    ///
    /// # Errors
    /// [`SecretsError::NoTenant`], [`SecretsError::BeingDeleted`], [`SecretsError::HasClients`],
    /// [`SecretsError::DisabledLately`], and failures of DynamoDB.
    pub async fn may_be_imported(
        &self,
        tenant: &TenantId,
        removes: bool,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<Importable, SecretsError> {
        let read = self.tenant_item(tenant, meter).await?;
        read.not_being_deleted()?;
        let TenantItem {
            tenant, version, ..
        } = read;
        if tenant.enabled && (tenant.active_keys > 0 || removes) {
            return Err(SecretsError::HasClients(tenant.id));
        }
        match tenant.disabled {
            Some(at) if now - at < MIN_DISABLED => Err(SecretsError::DisabledLately {
                tenant: tenant.id,
                at,
            }),
            _ => Ok(Importable {
                tenant: tenant.id,
                version,
                begun: tenant.importing,
            }),
        }
    }

    /// Begins an import, or goes on with one: it is this run's alone from here on.
    ///
    /// # Errors
    /// [`StoreError::VersionMismatch`] when the tenant changed meanwhile, and failures of DynamoDB.
    pub async fn begin_import(
        &self,
        into: &Importable,
        source: &str,
        removes: bool,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<Hold, StoreError> {
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
        self.written(update, meter).await?;
        Ok(Hold::Importing(run))
    }

    /// Notes that what was there before an import is removed.
    ///
    /// # Errors
    /// [`StoreError::VersionMismatch`] when it is not this run's any more, and failures of
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
            .expression_attribute_values(":removes", AttributeValue::Bool(false));
        self.update_held(update, hold, meter).await
    }

    /// Notes that all that was to be imported is there.
    ///
    /// # Errors
    /// [`StoreError::VersionMismatch`] when it is not this run's any more, and failures of
    /// DynamoDB.
    pub async fn end_import(
        &self,
        tenant: &TenantId,
        hold: &Hold,
        meter: &Meter,
    ) -> Result<(), StoreError> {
        let update = self
            .update_tenant(tenant)
            .update_expression(format!("REMOVE {REMOVE} ADD version :one"));
        self.update_held(update, hold, meter).await
    }

    async fn update_held(
        &self,
        update: UpdateBuilder,
        hold: &Hold,
        meter: &Meter,
    ) -> Result<(), StoreError> {
        let (_, name, value) = hold.held();
        let update = update
            .condition_expression("#held = :held")
            .expression_attribute_names("#held", name)
            .expression_attribute_values(":held", value)
            .expression_attribute_values(":one", number_of(1));
        self.written(update, meter).await
    }

    /// Writes a change whose condition is that nobody else has changed the tenant.
    async fn written(&self, update: UpdateBuilder, meter: &Meter) -> Result<(), StoreError> {
        let update = write::update(update)?;
        let attempt = || self.transact([update.clone()], meter, Passage::Free);
        let outcome = attempt
            .retry(RACES)
            .when(|error| matches!(error, StoreError::Conflict | StoreError::Throttled))
            .await?;
        match outcome {
            Outcome::Written => Ok(()),
            Outcome::ConditionsFailed(_) => Err(StoreError::VersionMismatch),
        }
    }
}
