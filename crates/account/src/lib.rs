//! The use cases of an account: what an operator does to a tenant, and what a tenant's admin may
//! do to their own. Each rule is here once; `scim-admin` and other surfaces ask, and show what
//! comes of it.
//!
//! [`Account::open`] finds the tenant. What changes something is on the operator's log, under the
//! name that the store acts as ([`Store::acting_as`]).

pub mod as_in;
pub mod attributes;
pub mod breaker;
pub mod check;
pub mod clients;
pub mod delete;
pub mod deleted;
pub mod entrance;
pub mod erase;
pub mod events;
pub mod export;
mod failure;
pub mod groups;
pub mod health;
pub mod history;
pub mod import;
pub mod keys;
pub mod lately;
pub mod log;
pub mod migrate;
pub mod pending;
pub mod reactivate;
pub mod requests;
pub mod restore;
pub mod status;
pub mod tenants;
pub mod undo;
pub mod users;
pub mod verdict;

use std::sync::Arc;

use store::directory::record::{Actor, ChangeKind, Origin};
use store::secrets::{Act, Begun, Hold, SecretsError, Tenant};
use store::{Gate, Meter, Store, StoreError, TenantStore};
use tenant::TenantId;
use time::{Duration, OffsetDateTime};

pub use failure::Failure;

/// A tenant with what it owns.
#[derive(Debug)]
pub struct Account {
    store: Store,
    tenant: Tenant,
    meter: Arc<Meter>,
    gate: Gate,
}

impl Account {
    /// The account of a tenant.
    ///
    /// # Errors
    /// When there is no such tenant, and failures of DynamoDB.
    pub async fn open(store: &Store, tenant: &TenantId) -> Result<Self, Failure> {
        Self::open_metered(store, tenant, Arc::default()).await
    }

    /// The same, with its cost on somebody's meter.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_metered(
        store: &Store,
        tenant: &TenantId,
        meter: Arc<Meter>,
    ) -> Result<Self, Failure> {
        let tenant = store.find_tenant(tenant, &meter).await?;
        Ok(Self {
            store: store.meaning(tenant.created),
            tenant,
            meter,
            gate: Gate::opened(),
        })
    }

    /// The tenant, as it was when the account was opened.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Everything that the tenant owns. Its changes hang on the tenant being there and whole.
    pub fn directory(&self) -> TenantStore<'_> {
        let directory = self.store.tenant(&self.tenant.id, &self.meter, &self.gate);
        directory.holding(Hold::Whole(self.tenant.created))
    }

    /// Refuses what would be done to a part of a directory.
    fn is_whole(&self) -> Result<(), SecretsError> {
        let tenant = &self.tenant;
        match (tenant.deleting, &tenant.importing) {
            (Some(_), _) => Err(SecretsError::BeingDeleted(tenant.id.clone())),
            (None, Some(_)) => Err(SecretsError::ImportUnderWay(tenant.id.clone())),
            (None, None) => Ok(()),
        }
    }

    /// Puts an act of several steps on the operator's log, before the first of them.
    async fn begin(&self, act: Act, target: Option<&str>) -> Result<Begun, Failure> {
        self.is_whole()?;
        let (tenant, hold) = (&self.tenant.id, Hold::Whole(self.tenant.created));
        let begin = self
            .store
            .begin_act(tenant, act, target, Some(&hold), &self.meter);
        self.unless_overtaken(begin.await).await
    }

    /// Why something could not be done that hangs on the tenant being whole.
    async fn unless_overtaken<T>(&self, outcome: Result<T, StoreError>) -> Result<T, Failure> {
        match outcome {
            Err(StoreError::Overtaken) => {
                Self::open(&self.store, &self.tenant.id).await?.is_whole()?;
                Err(Failure::Overtaken(self.tenant.id.clone()))
            }
            other => Ok(other?),
        }
    }

    /// Says on the operator's log what came of an act.
    async fn complete(&self, begun: &Begun, outcome: &str) -> Result<(), StoreError> {
        self.store.complete_act(begun, outcome, &self.meter).await
    }
}

/// An operator's change now, whose record is kept for this long. `request_id` is the id of its
/// entry in the operator's log.
fn origin(operation: ChangeKind, request_id: &str, history: Duration) -> Origin {
    let now = OffsetDateTime::now_utc().truncate_to_millisecond();
    Origin {
        actor: Actor::Operator,
        operation,
        request_id: request_id.to_owned(),
        at: now,
        expires: now.saturating_add(history),
        entry: None,
    }
}

/// The time to the second, which is as exact as an operator's records need to be.
pub fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now)
}
