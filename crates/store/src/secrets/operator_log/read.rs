//! Entries of the operator's log, as they are read.

use scim::resource::rfc3339;
use tenant::TenantId;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{
    ACT, ARGUMENTS, CALLER, COMMAND, COMPLETED, ENDS, OUTCOME, PREFIX, REASON, RELEASE, STEPS,
    SUCCESSOR, TARGET, id_of, owner, partition,
};
use crate::client::attributes::{Item, damaged, optional, optional_text, string, text, time};
use crate::client::format;
use crate::client::gate::Passage;
use crate::client::tables::SECRETS_SORT_KEY;
use crate::{Meter, Store, StoreError};

/// An entry as it was read. What this version does not know is there as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorEntry {
    /// Its id, which change records of the act have as the id of their request.
    pub id: String,
    /// When the act began.
    pub at: OffsetDateTime,
    /// Whose tenant it was done to.
    pub tenant: TenantId,
    /// What was done ([`Act::as_str`]).
    pub act: String,
    /// The id of the key or of the user that it was done to.
    pub target: Option<String>,
    /// Who did it.
    pub caller: String,
    /// The command or the page.
    pub command: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Why.
    pub reason: Option<String>,
    /// The version of the program.
    pub release: String,
    /// What came of it and when, for an act of several steps.
    pub outcome: Option<(OffsetDateTime, String)>,
    /// Whether it is an act of several steps, which has an outcome at its end.
    pub has_steps: bool,
    /// When the key ends that the act gave an end.
    pub ends: Option<OffsetDateTime>,
    /// The id of the key that takes its place.
    pub successor: Option<String>,
}

impl Store {
    /// Shows `visit` the entries of a tenant since a time, the oldest first.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn operator_log(
        &self,
        tenant: &TenantId,
        since: OffsetDateTime,
        meter: &Meter,
        mut visit: impl FnMut(OperatorEntry),
    ) -> Result<(), StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.tables.secrets)
            .consistent_read(true)
            .key_condition_expression("secrets_pk = :tenant AND secrets_sk BETWEEN :from AND :to")
            .expression_attribute_values(":tenant", partition(tenant))
            .expression_attribute_values(":from", string(format!("{PREFIX}{}", rfc3339(since))))
            .expression_attribute_values(":to", string(format!("{PREFIX}~")));
        self.each(request, meter, Passage::Free, |item| {
            format::check(item)?;
            visit(read(item)?);
            Ok(true)
        })
        .await
    }

    /// The latest entries of a tenant, so many at most, the latest first.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn latest_of_operator_log(
        &self,
        tenant: &TenantId,
        most: u16,
        meter: &Meter,
    ) -> Result<Vec<OperatorEntry>, StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.tables.secrets)
            .consistent_read(true)
            .key_condition_expression("secrets_pk = :tenant AND begins_with(secrets_sk, :prefix)")
            .expression_attribute_values(":tenant", partition(tenant))
            .expression_attribute_values(":prefix", string(PREFIX))
            .scan_index_forward(false)
            .limit(most.into());
        let mut entries = Vec::new();
        self.each(request, meter, Passage::Free, |item| {
            format::check(item)?;
            entries.push(read(item)?);
            Ok(entries.len() < usize::from(most))
        })
        .await?;
        Ok(entries)
    }

    /// The entries of all tenants since a time, the oldest first. This reads the whole secrets
    /// table.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn operator_log_of_all(
        &self,
        since: OffsetDateTime,
        meter: &Meter,
    ) -> Result<Vec<OperatorEntry>, StoreError> {
        let mut entries = Vec::new();
        self.scan_secrets(PREFIX, meter, |item| {
            let entry = read(item)?;
            if entry.at >= since {
                entries.push(entry);
            }
            Ok(())
        })
        .await?;
        entries.sort_by(|one, other| (one.at, &one.tenant).cmp(&(other.at, &other.tenant)));
        Ok(entries)
    }
}

fn read(item: &Item) -> Result<OperatorEntry, StoreError> {
    let at = text(item, SECRETS_SORT_KEY)?
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.split('#').next())
        .and_then(|at| OffsetDateTime::parse(at, &Rfc3339).ok());
    let arguments =
        serde_json::from_str(text(item, ARGUMENTS)?).map_err(|_| damaged(item, ARGUMENTS))?;
    let owned = |name| Ok::<_, StoreError>(text(item, name)?.to_owned());
    let maybe = |name| Ok::<_, StoreError>(optional_text(item, name)?.map(str::to_owned));
    let outcome = match optional(item, COMPLETED, time)? {
        Some(at) => Some((at, owned(OUTCOME)?)),
        None => None,
    };
    Ok(OperatorEntry {
        id: id_of(text(item, SECRETS_SORT_KEY)?).to_owned(),
        at: at.ok_or_else(|| damaged(item, SECRETS_SORT_KEY))?,
        tenant: owner(item)?,
        act: owned(ACT)?,
        target: maybe(TARGET)?,
        caller: owned(CALLER)?,
        command: owned(COMMAND)?,
        arguments,
        reason: maybe(REASON)?,
        release: owned(RELEASE)?,
        outcome,
        has_steps: item.contains_key(STEPS),
        ends: optional(item, ENDS, time)?,
        successor: maybe(SUCCESSOR)?,
    })
}
