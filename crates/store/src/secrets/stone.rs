//! What stays of a deleted tenant.

use aws_sdk_dynamodb::types::{ConditionCheck, Delete, TransactWriteItem};
use serde_json::{Map, Value};
use tenant::TenantId;
use time::OffsetDateTime;

use super::item::{self, COMPLETED, DELETING, STONE_SORT_KEY};
use super::{Hold, SecretsError};
use crate::client::attributes::{
    Item, damaged, number, number_of, optional_text, string, text, time, timestamp,
};
use crate::client::format;
use crate::client::tables::{SECRETS_PARTITION_KEY, SECRETS_SORT_KEY};
use crate::partition::Counts;
use crate::{Meter, Store, StoreError};

/// The counts of what is deleted, as JSON.
pub(super) const COUNTS: &str = "counts";
pub(super) const KEYS: &str = "keys";
pub(super) const CREATED: &str = "created";
pub(super) const DISABLED: &str = "disabled";
const CALLER: &str = "caller";
const REASON: &str = "reason";
const RELEASE: &str = "release";

/// What is kept of a deleted tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stone {
    /// The id, which is not given again by accident.
    pub tenant: TenantId,
    /// When the tenant was created.
    pub created: OffsetDateTime,
    /// Since when it was disabled.
    pub disabled: OffsetDateTime,
    /// When the deletion began.
    pub began: OffsetDateTime,
    /// When it was complete.
    pub completed: OffsetDateTime,
    /// Who completed it.
    pub caller: String,
    /// Why.
    pub reason: Option<String>,
    /// The version of the program.
    pub release: String,
    /// How many keys the tenant had, revoked ones included.
    pub keys: u64,
    /// What it owned in the directory when the deletion began.
    pub counts: Counts,
}

impl Store {
    /// What is kept of a tenant, if it was deleted.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn stone(
        &self,
        tenant: &TenantId,
        meter: &Meter,
    ) -> Result<Option<Stone>, StoreError> {
        let sort_key = string(STONE_SORT_KEY);
        let item = self
            .read_secret(item::partition(tenant), sort_key, meter)
            .await?;
        item.as_ref().map(Stone::read).transpose()
    }

    /// All deleted tenants by id. This reads the whole secrets table.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn list_deleted_tenants(&self, meter: &Meter) -> Result<Vec<Stone>, SecretsError> {
        let mut stones = Vec::new();
        self.scan_secrets(STONE_SORT_KEY, meter, |item| {
            stones.push(Stone::read(item)?);
            Ok(())
        })
        .await?;
        stones.sort_by(|one, other| one.tenant.cmp(&other.tenant));
        Ok(stones)
    }

    /// The part of a transaction that checks that a tenant was not deleted, or gives the id of the
    /// one with this stone again.
    pub(super) fn stone_part(
        &self,
        tenant: &TenantId,
        again: Option<&Stone>,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = [
            (SECRETS_PARTITION_KEY.to_owned(), item::partition(tenant)),
            (SECRETS_SORT_KEY.to_owned(), string(STONE_SORT_KEY)),
        ];
        if let Some(stone) = again {
            let delete = Delete::builder()
                .table_name(&self.tables.secrets)
                .set_key(Some(key.into()))
                .condition_expression("#completed = :completed")
                .expression_attribute_names("#completed", COMPLETED)
                .expression_attribute_values(":completed", timestamp(stone.completed))
                .build()?;
            return Ok(TransactWriteItem::builder().delete(delete).build());
        }
        let check = ConditionCheck::builder()
            .table_name(&self.tables.secrets)
            .set_key(Some(key.into()))
            .condition_expression("attribute_not_exists(secrets_pk)")
            .build()?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }
}

impl Stone {
    /// What hangs on the tenant being gone.
    pub fn hold(&self) -> Hold {
        Hold::Deleted(self.completed)
    }

    pub(super) fn item(&self) -> Item {
        let mut item = Item::from([
            (
                SECRETS_PARTITION_KEY.to_owned(),
                item::partition(&self.tenant),
            ),
            (SECRETS_SORT_KEY.to_owned(), string(STONE_SORT_KEY)),
            format::attribute(),
            (CREATED.to_owned(), timestamp(self.created)),
            (DISABLED.to_owned(), timestamp(self.disabled)),
            (DELETING.to_owned(), timestamp(self.began)),
            (COMPLETED.to_owned(), timestamp(self.completed)),
            (CALLER.to_owned(), string(&self.caller)),
            (RELEASE.to_owned(), string(&self.release)),
            (KEYS.to_owned(), number_of(self.keys)),
            (COUNTS.to_owned(), string(json(&self.counts))),
        ]);
        if let Some(reason) = &self.reason {
            item.insert(REASON.to_owned(), string(reason));
        }
        item
    }

    fn read(item: &Item) -> Result<Self, StoreError> {
        Ok(Self {
            tenant: item::owner(item)?,
            created: time(item, CREATED)?,
            disabled: time(item, DISABLED)?,
            began: time(item, DELETING)?,
            completed: time(item, COMPLETED)?,
            caller: text(item, CALLER)?.to_owned(),
            reason: optional_text(item, REASON)?.map(str::to_owned),
            release: text(item, RELEASE)?.to_owned(),
            keys: number(item, KEYS)?,
            counts: counts_of(item)?,
        })
    }
}

pub(super) fn json(counts: &Counts) -> String {
    let counts = counts
        .iter()
        .map(|(kind, count)| (kind.to_owned(), Value::from(count)));
    Value::Object(counts.collect()).to_string()
}

pub(super) fn counts_of(item: &Item) -> Result<Counts, StoreError> {
    let counts: Map<String, Value> =
        serde_json::from_str(text(item, COUNTS)?).map_err(|_| damaged(item, COUNTS))?;
    let counts = counts.iter();
    let known = counts.filter_map(|(kind, count)| Some((kind.as_str(), count.as_u64()?)));
    Ok(Counts::of(known))
}
