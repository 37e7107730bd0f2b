//! Large changes of groups that are decided and not carried out yet: because there was no time for
//! it within the request that decided them, or because that ended early.
//!
//! Whoever reads a group sees such a change as if it were carried out, but it is told to the
//! product step by step, as it is. So somebody has to do it: a Lambda function of its own, every
//! minute.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration as Slice;

use scim::ResourceId;
use store::secrets::SecretsError;
use store::{Meter, Store, StoreError};
use tenant::TenantId;
use time::{Duration, OffsetDateTime};
use tokio::time::Instant;

use crate::{Account, Failure};

/// How long a change is left to the request that decided it, which has eight seconds.
pub const FOR_ITS_REQUEST: Duration = Duration::seconds(15);

/// How long a change is carried out until it is another one's turn: so the largest does not hold
/// up all others.
const SLICE: Slice = Slice::from_secs(5);

/// What became of the pending changes of all tenants.
#[derive(Debug, Default)]
pub struct CarriedOut {
    /// How many were carried out.
    pub changes: u64,
    /// How many are left for another time: it was up; or only a part of their tenant is there; or a
    /// newer release has to do it.
    pub left: u64,
    /// Those that failed.
    pub failed: Vec<Failed>,
}

/// A pending change that could not be carried out.
#[derive(Debug)]
pub struct Failed {
    /// Whose it is.
    pub tenant: TenantId,
    /// The group.
    pub group: ResourceId,
    /// Why.
    pub failure: Failure,
}

/// Carries out the changes of all tenants that were decided before a time, in turns, until another.
/// What fails holds up no other.
///
/// # Errors
/// When it cannot be read what is pending.
pub async fn carry_out_all(
    store: &Store,
    before: OffsetDateTime,
    until: Instant,
) -> Result<CarriedOut, Failure> {
    let mut waiting = VecDeque::new();
    let meter = Meter::default();
    let found = |tenant, group| waiting.push_back((tenant, group));
    store.pending_of_all(before, &meter, found).await?;
    let mut outcome = CarriedOut::default();
    let mut accounts = BTreeMap::new();
    while let Some((tenant, group)) = waiting.pop_front() {
        if Instant::now() >= until {
            outcome.left += 1;
            continue;
        }
        let slice = until.min(Instant::now() + SLICE);
        match Box::pin(carry_out(store, &mut accounts, &tenant, &group, slice)).await {
            Ok(true) => outcome.changes += 1,
            Ok(false) => waiting.push_back((tenant, group)),
            Err(failure) if is_for_others(&failure) => outcome.left += 1,
            Err(failure) => outcome.failed.push(Failed {
                tenant,
                group,
                failure,
            }),
        }
    }
    Ok(outcome)
}

/// Returns whether nothing of it is left.
async fn carry_out(
    store: &Store,
    accounts: &mut BTreeMap<TenantId, Account>,
    tenant: &TenantId,
    group: &ResourceId,
    until: Instant,
) -> Result<bool, Failure> {
    if !accounts.contains_key(tenant) {
        let account = Account::open(store, tenant).await?;
        accounts.insert(tenant.clone(), account);
    }
    let Some(account) = accounts.get(tenant) else {
        return Ok(false);
    };
    account.is_whole()?;
    Ok(account.directory().carry_out(group, until).await?)
}

/// Whether it is not for now, or not for this release. A tenant that is being deleted or imported
/// is a part of one; one that is gone was deleted, or is in another secrets table.
fn is_for_others(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Secrets(
            SecretsError::NoTenant(..)
                | SecretsError::BeingDeleted(..)
                | SecretsError::ImportUnderWay(..)
        ) | Failure::Store(StoreError::Overtaken | StoreError::NewerFormat { .. })
    )
}
