//! The deletion of a tenant: `deleting` in its item, until all that it owns is gone; then a stone
//! in the item's place, which keeps when and by whom it was deleted, and how much that was.
//!
//! The entries of the operator's log stay.

use aws_sdk_dynamodb::types::{Delete, TransactWriteItem};
use tenant::TenantId;
use time::{Duration, OffsetDateTime};

use super::item::{self, DELETING, STONE_SORT_KEY, TENANT_SORT_KEY, TenantItem};
use super::stone::{COUNTS, CREATED, DISABLED, KEYS, Stone, counts_of, json};
use super::{Act, Begun, Hold, SecretsError, import, write};
use crate::client::attributes::{number, number_of, optional_text, string, text, time, timestamp};
use crate::client::bulk;
use crate::client::gate::Passage;
use crate::client::tables::{SECRETS_PARTITION_KEY, SECRETS_SORT_KEY};
use crate::client::transaction::Outcome;
use crate::partition::Counts;
use crate::{Meter, Store, StoreError};

/// How long a tenant must have been disabled: a request that began before ends within eight
/// seconds, and clocks differ.
pub const MIN_DISABLED: Duration = Duration::minutes(1);

/// A deletion that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleting {
    /// Whose.
    pub tenant: TenantId,
    /// When it was begun.
    pub at: OffsetDateTime,
    /// What the tenant owned then, once it is counted.
    pub counts: Option<Counts>,
}

impl Deleting {
    /// What the deletion hangs on.
    pub fn hold(&self) -> Hold {
        Hold::Deleting(self.at)
    }
}

impl Store {
    /// Nobody has been able to write to the tenant for a while.
    ///
    /// # Errors
    /// [`SecretsError::DisabledLately`], and failures of DynamoDB.
    pub(super) async fn has_been_disabled(
        &self,
        read: &TenantItem,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<(), SecretsError> {
        let lately = |at: OffsetDateTime| SecretsError::DisabledLately {
            tenant: read.tenant.id.clone(),
            at,
        };
        match read.tenant.disabled {
            // It was created so, by an import: no request was ever let in.
            Some(at) if at == read.tenant.created => Ok(()),
            Some(at) if now - at < MIN_DISABLED => Err(lately(at)),
            Some(_) => Ok(()),
            // A version of before the attribute existed may have disabled it a moment ago.
            None => {
                let update = self
                    .update_tenant(&read.tenant.id)
                    .update_expression("SET disabled = :now ADD version :one")
                    .condition_expression("version = :read")
                    .expression_attribute_values(":read", number_of(read.version))
                    .expression_attribute_values(":one", number_of(1))
                    .expression_attribute_values(":now", timestamp(now));
                let writes = [write::update(update)?];
                match self.transact(writes, meter, Passage::Free).await? {
                    Outcome::Written => Err(lately(now)),
                    Outcome::ConditionsFailed(_) => Err(StoreError::VersionMismatch.into()),
                }
            }
        }
    }

    /// Begins the deletion of a tenant, or finds the one that was begun. From here on the tenant
    /// cannot be enabled and gets no keys. It is on the operator's log exactly if it is begun.
    ///
    /// # Errors
    /// [`SecretsError::NoTenant`], [`SecretsError::StillEnabled`],
    /// [`SecretsError::DisabledLately`], and failures of DynamoDB.
    pub async fn begin_deletion(
        &self,
        tenant: &TenantId,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<(Deleting, Begun), SecretsError> {
        write::retrying_races(|| async {
            let read = self.tenant_item(tenant, meter).await?;
            if read.tenant.deleting.is_some() {
                let deleting = self.deleting(tenant, meter).await?;
                let hold = deleting.hold();
                let begin = self.begin_act(tenant, Act::DeleteTenant, None, Some(&hold), meter);
                return Ok((deleting, begin.await?));
            }
            if read.tenant.enabled {
                return Err(SecretsError::StillEnabled(tenant.clone()));
            }
            self.has_been_disabled(&read, now, meter).await?;
            let update = self
                .update_tenant(tenant)
                // An import that is under way ends here.
                .update_expression(format!(
                    "SET #deleting = :now REMOVE {} ADD version :one",
                    import::REMOVE
                ))
                .condition_expression("version = :read")
                .expression_attribute_names("#deleting", DELETING)
                .expression_attribute_values(":read", number_of(read.version))
                .expression_attribute_values(":one", number_of(1))
                .expression_attribute_values(":now", timestamp(now));
            let (entry, begun) = self.begun_entry(tenant, Act::DeleteTenant, None)?;
            let writes = [write::update(update)?, entry];
            match self.transact(writes, meter, Passage::Free).await? {
                Outcome::ConditionsFailed(_) => Err(StoreError::VersionMismatch.into()),
                Outcome::Written => Ok((self.deleting(tenant, meter).await?, begun)),
            }
        })
        .await
    }

    async fn deleting(&self, tenant: &TenantId, meter: &Meter) -> Result<Deleting, SecretsError> {
        let sort_key = string(TENANT_SORT_KEY);
        let item = self
            .read_secret(item::partition(tenant), sort_key, meter)
            .await?;
        let item = item.ok_or_else(|| SecretsError::NoTenant(tenant.clone()))?;
        let counts = optional_text(&item, COUNTS)?;
        Ok(Deleting {
            tenant: tenant.clone(),
            at: time(&item, DELETING)?,
            counts: counts.map(|_| counts_of(&item)).transpose()?,
        })
    }

    /// Notes what a tenant owned when its deletion began, unless another run has: then some of it
    /// may be gone already.
    ///
    /// # Errors
    /// [`SecretsError::NoTenant`] when this deletion is not under way any more, and failures of
    /// DynamoDB.
    pub async fn note_counts(
        &self,
        deleting: &Deleting,
        counts: &Counts,
        meter: &Meter,
    ) -> Result<(), SecretsError> {
        let (tenant, hold) = (&deleting.tenant, deleting.hold());
        write::retrying_races(|| async {
            let keys = self.query_keys(tenant, item::KEY_PREFIX, meter).await?;
            let update = self
                .update_tenant(tenant)
                .update_expression("SET #counts = :counts, #keys = :keys ADD version :one")
                .expression_attribute_names("#counts", COUNTS)
                .expression_attribute_names("#keys", KEYS)
                .expression_attribute_values(":counts", string(json(counts)))
                .expression_attribute_values(":keys", number_of(keys.len() as u64))
                .expression_attribute_values(":one", number_of(1));
            let update = hold.update(update, " AND attribute_not_exists(#counts)");
            let writes = [write::update(update)?];
            match self.transact(writes, meter, Passage::Free).await? {
                Outcome::Written => Ok(()),
                Outcome::ConditionsFailed(_) => {
                    let found = self.deleting(tenant, meter).await;
                    match found {
                        Ok(found) if found.at == deleting.at && found.counts.is_some() => Ok(()),
                        _ => Err(SecretsError::NoTenant(tenant.clone())),
                    }
                }
            }
        })
        .await
    }

    /// Removes the keys of a tenant that is being deleted, and whatever else it has in its
    /// partition of the secrets table but its item. The operator's log is in a partition of its
    /// own.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] when the deletion was completed by another run;
    /// [`StoreError::Throttled`], [`StoreError::Conflict`], and failures of DynamoDB.
    pub async fn remove_secrets(
        &self,
        tenant: &TenantId,
        hold: &Hold,
        meter: &Meter,
    ) -> Result<(), StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.tables.secrets)
            .consistent_read(true)
            .key_condition_expression("secrets_pk = :tenant")
            .projection_expression("secrets_pk, secrets_sk")
            .expression_attribute_values(":tenant", item::partition(tenant));
        let mut deletes = Vec::new();
        self.each(request, meter, Passage::Free, |item| {
            let sort_key = text(item, SECRETS_SORT_KEY)?;
            if ![TENANT_SORT_KEY, STONE_SORT_KEY].contains(&sort_key) {
                deletes.push(bulk::delete(&self.tables.secrets, item.clone())?);
            }
            Ok(true)
        })
        .await?;
        let check = self.hold_check(tenant, hold)?;
        self.write_while(&check, &deletes, meter).await
    }

    /// Puts a stone in the place of a tenant that is being deleted, of which nothing is left, and
    /// says so on the operator's log.
    ///
    /// # Errors
    /// [`SecretsError::NoTenant`] when this deletion is not under way any more, and failures of
    /// DynamoDB.
    pub async fn end_deletion(
        &self,
        deleting: &Deleting,
        begun: &Begun,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<Stone, SecretsError> {
        let (tenant, hold) = (&deleting.tenant, deleting.hold());
        write::retrying_races(|| async {
            let sort_key = string(TENANT_SORT_KEY);
            let read = self
                .read_secret(item::partition(tenant), sort_key, meter)
                .await?;
            let read = read.filter(|read| hold.is_held_by(read));
            let read = read.ok_or_else(|| SecretsError::NoTenant(tenant.clone()))?;
            let operator = self.operator();
            let stone = Stone {
                tenant: tenant.clone(),
                created: time(&read, CREATED)?,
                disabled: time(&read, DISABLED)?,
                began: time(&read, DELETING)?,
                completed: now,
                caller: operator.caller.clone(),
                reason: operator.reason.clone(),
                release: operator.release.clone(),
                keys: number(&read, KEYS)?,
                counts: counts_of(&read)?,
            };
            let delete = Delete::builder()
                .table_name(&self.tables.secrets)
                .key(SECRETS_PARTITION_KEY, item::partition(tenant))
                .key(SECRETS_SORT_KEY, string(TENANT_SORT_KEY))
                .condition_expression("#deleting = :since")
                .expression_attribute_names("#deleting", DELETING)
                .expression_attribute_values(":since", timestamp(deleting.at))
                .build()
                .map_err(StoreError::from)?;
            let delete = TransactWriteItem::builder().delete(delete).build();
            let outcome = format!("{} items and {} keys", stone.counts.total(), stone.keys);
            let completed = self.completed_entry(begun, &outcome)?;
            // One that is there is of a tenant that somebody brought back by hand.
            let put = bulk::put(&self.tables.secrets, stone.item())?;
            let writes = [delete, put, completed];
            match self.transact(writes, meter, Passage::Free).await? {
                Outcome::Written => Ok(stone),
                Outcome::ConditionsFailed(_) => Err(SecretsError::NoTenant(tenant.clone())),
            }
        })
        .await
    }
}
