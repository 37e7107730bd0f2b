//! What long work on a tenant hangs on.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, TransactWriteItem};
use tenant::TenantId;
use time::OffsetDateTime;

use super::item::{self, COMPLETED, CREATED, DELETING, STONE_SORT_KEY, TENANT_SORT_KEY};
use crate::client::attributes::{Item, string, timestamp};
use crate::client::tables::{SECRETS_PARTITION_KEY, SECRETS_SORT_KEY};
use crate::{Store, StoreError};

/// The attribute of a tenant that says since when it is being imported.
pub(super) const IMPORTING: &str = "importing";
/// The attribute that says which run of the command does so: the latest.
pub(super) const RUN: &str = "import_run";

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
    /// The tenant that was created then is there, and it is all there: it is not being deleted or
    /// imported.
    Whole(OffsetDateTime),
}

impl Hold {
    /// The sort key of the item that says so.
    fn sort_key(&self) -> &'static str {
        match self {
            Self::Deleted(_) => STONE_SORT_KEY,
            Self::Deleting(_) | Self::Importing(_) | Self::Whole(_) => TENANT_SORT_KEY,
        }
    }

    /// The condition on that item, with its names and values.
    fn condition(
        &self,
    ) -> (
        &'static str,
        Vec<(&'static str, &'static str)>,
        AttributeValue,
    ) {
        const IS: &str = "#held = :held";
        match self {
            Self::Deleting(since) => (IS, vec![("#held", DELETING)], timestamp(*since)),
            Self::Deleted(at) => (IS, vec![("#held", COMPLETED)], timestamp(*at)),
            Self::Importing(run) => (IS, vec![("#held", RUN)], string(run)),
            Self::Whole(created) => (
                "#held = :held AND attribute_not_exists(#deleting) \
                 AND attribute_not_exists(#importing)",
                vec![
                    ("#held", CREATED),
                    ("#deleting", DELETING),
                    ("#importing", IMPORTING),
                ],
                timestamp(*created),
            ),
        }
    }

    /// Whether an item says so; for what says it by one attribute.
    pub(super) fn is_held_by(&self, item: &Item) -> bool {
        let (_, names, value) = self.condition();
        let held = names.first().and_then(|(_, name)| item.get(*name));
        held == Some(&value)
    }

    /// Gives a change of the tenant's item this condition, and `more` if there is any.
    pub(super) fn update(&self, update: UpdateBuilder, more: &str) -> UpdateBuilder {
        let (condition, names, value) = self.condition();
        let mut update = update.condition_expression(format!("{condition}{more}"));
        for (alias, name) in names {
            update = update.expression_attribute_names(alias, name);
        }
        update.expression_attribute_values(":held", value)
    }
}

impl Store {
    /// The part of a transaction that checks it.
    pub(crate) fn hold_check(
        &self,
        tenant: &TenantId,
        hold: &Hold,
    ) -> Result<TransactWriteItem, StoreError> {
        let (condition, names, value) = hold.condition();
        let mut check = ConditionCheck::builder()
            .table_name(&self.tables.secrets)
            .key(SECRETS_PARTITION_KEY, item::partition(tenant))
            .key(SECRETS_SORT_KEY, string(hold.sort_key()))
            .condition_expression(condition)
            .expression_attribute_values(":held", value);
        for (alias, name) in names {
            check = check.expression_attribute_names(alias, name);
        }
        let check = check.build()?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }
}
