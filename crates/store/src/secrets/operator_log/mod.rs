//! The operator's log: who changed what of a tenant, with which command, when and why.
//!
//! | item | `secrets_pk` | `secrets_sk` |
//! |---|---|---|
//! | entry | `LOG#<tenant id>` | `O#<time>#<id of the entry>` |
//!
//! They have a partition of their own, so that somebody can be allowed to write entries without
//! being allowed to write tenants and keys, and so that they outlive their tenant.
//!
//! Each change to a tenant or its keys writes an entry in its own transaction. What takes many
//! transactions, or changes the directory, writes an entry before the first of them and completes
//! it after the last: an entry without an outcome is that of a command that was ended early.
//!
//! Entries hold no key and nothing about a tenant's users but their ids.

mod read;

use std::sync::Arc;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use scim::resource::rfc3339;
use serde_json::Value;
use tenant::{KeyId, TenantId};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::client::attributes::{Item, damaged, string, text, timestamp};
use crate::client::bulk;
use crate::client::format::{self, Upsert as _};
use crate::client::gate::Passage;
use crate::client::tables::{SECRETS_PARTITION_KEY, SECRETS_SORT_KEY};
use crate::client::transaction::settled;
use crate::{Meter, Store, StoreError};

use super::Hold;

pub use read::OperatorEntry;

/// The start of the partition keys of all entries.
const PARTITION_PREFIX: &str = "LOG#";

/// The start of the sort keys of all entries.
pub(super) const PREFIX: &str = "O#";

const ACT: &str = "act";
const TARGET: &str = "target";
const CALLER: &str = "caller";
const COMMAND: &str = "command";
const ARGUMENTS: &str = "arguments";
const REASON: &str = "reason";
const RELEASE: &str = "release";
const OUTCOME: &str = "outcome";
const COMPLETED: &str = "completed";
/// When the key ends that the act gave an end.
const ENDS: &str = "ends";
/// The id of the key that takes its place.
const SUCCESSOR: &str = "successor";
/// Whether an act has several steps, and so an outcome at its end.
const STEPS: &str = "steps";

/// Who changes tenants, keys and directories, and how. Nothing in it is a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// The identity that AWS knows the caller by (an ARN), or the name of the local user.
    pub caller: String,
    /// The command or the page.
    pub command: String,
    /// Its arguments, without secrets and personal data.
    pub arguments: Vec<String>,
    /// Why, as the operator said.
    pub reason: Option<String>,
    /// The version of the program.
    pub release: String,
}

impl Operator {
    /// A program that nobody in particular runs, such as a test.
    fn program() -> Self {
        Self {
            caller: "a program".to_owned(),
            command: String::new(),
            arguments: Vec::new(),
            reason: None,
            release: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// A tenant was created.
    CreateTenant,
    /// A tenant was enabled.
    EnableTenant,
    /// A tenant was disabled.
    DisableTenant,
    /// All that a tenant owned was deleted.
    DeleteTenant,
    /// The tenant's admin turned the API on.
    TurnApiOn,
    /// The tenant's admin turned the API off.
    TurnApiOff,
    /// A link to the settings page was issued.
    CreateLink,
    /// A link opened a session.
    OpenLink,
    /// Links and the sessions that they opened were ended.
    RevokeLinks,
    /// A session was ended by its owner.
    EndSession,
    /// A key was created.
    CreateKey,
    /// A key was created in the place of another one.
    RotateKey,
    /// A key was revoked.
    RevokeKey,
    /// The end of a key was brought forward.
    EndKey,
    /// The limits on lost access were lifted.
    LiftBreaker,
    /// Deleted resources were brought back.
    Restore,
    /// Deactivated users were activated.
    Reactivate,
    /// Changes of a group's members were taken back.
    UndoMembers,
    /// What a check found was mended.
    Repair,
    /// What is known of a person was removed.
    Erase,
    /// A tenant's data was read out.
    Export,
    /// A tenant's data was written.
    Import,
    /// Events of changes were sent to the product again.
    Replay,
    /// Items were brought to the present format.
    Migrate,
}

impl Act {
    /// The name in entries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateTenant => "createTenant",
            Self::EnableTenant => "enableTenant",
            Self::DisableTenant => "disableTenant",
            Self::DeleteTenant => "deleteTenant",
            Self::TurnApiOn => "turnApiOn",
            Self::TurnApiOff => "turnApiOff",
            Self::CreateLink => "createLink",
            Self::OpenLink => "openLink",
            Self::RevokeLinks => "revokeLinks",
            Self::EndSession => "endSession",
            Self::CreateKey => "createKey",
            Self::RotateKey => "rotateKey",
            Self::RevokeKey => "revokeKey",
            Self::EndKey => "endKey",
            Self::LiftBreaker => "liftBreaker",
            Self::Restore => "restore",
            Self::Reactivate => "reactivate",
            Self::UndoMembers => "undoMembers",
            Self::Repair => "repair",
            Self::Erase => "erase",
            Self::Export => "export",
            Self::Import => "import",
            Self::Replay => "replay",
            Self::Migrate => "migrate",
        }
    }
}

/// An entry that was begun, to be completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Its id, which change records of the act have as the id of their request.
    pub id: String,
    tenant: TenantId,
    sort_key: String,
}

impl Store {
    /// The same store, whose changes are those of this operator.
    #[must_use]
    pub fn acting_as(&self, operator: Operator) -> Self {
        Self {
            operator: Some(Arc::new(operator)),
            ..self.clone()
        }
    }

    /// Whose changes they are.
    pub(crate) fn operator(&self) -> Arc<Operator> {
        match &self.operator {
            Some(operator) => operator.clone(),
            None => Arc::new(Operator::program()),
        }
    }

    /// The part of a transaction that writes an entry.
    pub(crate) fn entry(
        &self,
        tenant: &TenantId,
        act: Act,
        target: Option<&str>,
    ) -> Result<TransactWriteItem, StoreError> {
        bulk::put(&self.tables.secrets, self.entry_item(tenant, act, target))
    }

    /// The part of a transaction that writes the entry of an act that gives a key its end: from the
    /// log alone, another table's keys can be ended as these were.
    pub(super) fn ending_entry(
        &self,
        tenant: &TenantId,
        key: &KeyId,
        end: OffsetDateTime,
        successor: Option<&KeyId>,
    ) -> Result<TransactWriteItem, StoreError> {
        let act = match successor {
            Some(_) => Act::RotateKey,
            None => Act::EndKey,
        };
        let mut item = self.entry_item(tenant, act, Some(key.as_str()));
        item.insert(ENDS.to_owned(), timestamp(end));
        if let Some(successor) = successor {
            item.insert(SUCCESSOR.to_owned(), string(successor.as_str()));
        }
        bulk::put(&self.tables.secrets, item)
    }

    /// The part of a transaction that writes the entry of an act of several steps, in which the
    /// transaction is the first.
    pub(super) fn begun_entry(
        &self,
        tenant: &TenantId,
        act: Act,
        target: Option<&str>,
    ) -> Result<(TransactWriteItem, Begun), StoreError> {
        let mut item = self.entry_item(tenant, act, target);
        item.insert(STEPS.to_owned(), AttributeValue::Bool(true));
        let sort_key = text(&item, SECRETS_SORT_KEY)?.to_owned();
        let put = bulk::put(&self.tables.secrets, item)?;
        let begun = Begun {
            id: id_of(&sort_key).to_owned(),
            tenant: tenant.clone(),
            sort_key,
        };
        Ok((put, begun))
    }

    /// Writes the entry of an act of several steps, before the first of them, as long as `hold` is
    /// not lost.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] when it is, and failures of DynamoDB: then nothing may be
    /// done.
    pub async fn begin_act(
        &self,
        tenant: &TenantId,
        act: Act,
        target: Option<&str>,
        hold: Option<&Hold>,
        meter: &Meter,
    ) -> Result<Begun, StoreError> {
        let (put, begun) = self.begun_entry(tenant, act, target)?;
        let mut writes = vec![put];
        if let Some(hold) = hold {
            writes.push(self.hold_check(tenant, hold)?);
        }
        let put_entry = || self.transact(writes.clone(), meter, Passage::Free);
        settled(put_entry).await?.or(StoreError::Overtaken)?;
        Ok(begun)
    }

    /// The part of a transaction that says what came of an act of several steps, of which the
    /// transaction is the last.
    pub(super) fn completed_entry(
        &self,
        begun: &Begun,
        outcome: &str,
    ) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.tables.secrets)
            .key(SECRETS_PARTITION_KEY, partition(&begun.tenant))
            .key(SECRETS_SORT_KEY, string(&begun.sort_key))
            .upsert_expression("SET #outcome = :outcome, #completed = :completed")
            .expression_attribute_names("#outcome", OUTCOME)
            .expression_attribute_names("#completed", COMPLETED)
            .expression_attribute_values(":outcome", string(outcome))
            .expression_attribute_values(":completed", timestamp(OffsetDateTime::now_utc()));
        Ok(TransactWriteItem::builder().update(update.build()?).build())
    }

    /// Says what came of an act of several steps.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn complete_act(
        &self,
        begun: &Begun,
        outcome: &str,
        meter: &Meter,
    ) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.tables.secrets)
            .key(SECRETS_PARTITION_KEY, partition(&begun.tenant))
            .key(SECRETS_SORT_KEY, string(&begun.sort_key))
            .upsert_expression("SET #outcome = :outcome, #completed = :completed")
            .expression_attribute_names("#outcome", OUTCOME)
            .expression_attribute_names("#completed", COMPLETED)
            .expression_attribute_values(":outcome", string(outcome))
            .expression_attribute_values(":completed", timestamp(OffsetDateTime::now_utc()));
        let complete = || self.call(update.clone(), meter, Passage::Free);
        settled(complete).await.map(drop)
    }

    fn entry_item(&self, tenant: &TenantId, act: Act, target: Option<&str>) -> Item {
        let operator = self.operator();
        // Its id tells apart what was done in the same millisecond.
        let sort_key = format!(
            "{PREFIX}{}#{}",
            rfc3339(OffsetDateTime::now_utc()),
            Uuid::new_v4()
        );
        let arguments = Value::from(operator.arguments.clone()).to_string();
        let mut item = Item::from([
            (SECRETS_PARTITION_KEY.to_owned(), partition(tenant)),
            (SECRETS_SORT_KEY.to_owned(), string(sort_key)),
            (ACT.to_owned(), string(act.as_str())),
            (CALLER.to_owned(), string(&operator.caller)),
            (COMMAND.to_owned(), string(&operator.command)),
            (ARGUMENTS.to_owned(), string(arguments)),
            (RELEASE.to_owned(), string(&operator.release)),
            format::attribute(),
        ]);
        for (name, text) in [(REASON, operator.reason.as_deref()), (TARGET, target)] {
            if let Some(text) = text {
                item.insert(name.to_owned(), string(text));
            }
        }
        item
    }
}

/// The partition key of a tenant's entries.
pub(crate) fn log_of(tenant: &TenantId) -> String {
    format!("{PARTITION_PREFIX}{tenant}")
}

fn partition(tenant: &TenantId) -> AttributeValue {
    string(log_of(tenant))
}

/// The tenant that an entry belongs to.
fn owner(item: &Item) -> Result<TenantId, StoreError> {
    let id = text(item, SECRETS_PARTITION_KEY)?.strip_prefix(PARTITION_PREFIX);
    let id = id.and_then(|id| TenantId::parse(id).ok());
    id.ok_or_else(|| damaged(item, SECRETS_PARTITION_KEY))
}

fn id_of(sort_key: &str) -> &str {
    sort_key.rsplit_once('#').map_or(sort_key, |(_, id)| id)
}
