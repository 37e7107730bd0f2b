//! Large changes of groups that are decided and not carried out yet: because there was no time for
//! it within the request that decided them, or because that ended early.
//!
//! Whoever reads a group sees such a change as if it were carried out, but it is told to the
//! product step by step, as it is. So somebody has to do it: a Lambda function of its own, every
//! minute.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration as Slice;

use store::pending::Found;
use store::secrets::SecretsError;
use store::{Meter, Store, StoreError};
use tenant::TenantId;
use time::{Duration, OffsetDateTime};
use tokio::time::Instant;

use crate::{Account, Failure};

/// How long a change is left to the request that decided it, which has eight seconds.
pub const FOR_ITS_REQUEST: Duration = Duration::seconds(15);

/// After which time it is not as it should be that a change is not carried out.
pub const OVERDUE: Duration = Duration::minutes(15);

/// How long a change is carried out until it is another one's turn: so the largest does not hold
/// up all others.
const SLICE: Slice = Slice::from_secs(5);

/// What became of the pending changes of all tenants.
#[derive(Debug, Default)]
pub struct CarriedOut {
    /// How many were carried out.
    pub changes: u64,
    /// Those that are left for another time: it was up, or a newer release has to do it.
    pub left: Vec<Found>,
    /// How many belong to a part of a tenant, which is being deleted or imported; or to none.
    pub partial: u64,
    /// How many entries of the index are no pending changes that this release knows.
    pub unreadable: usize,
    /// Those that failed.
    pub failed: Vec<Failed>,
}

/// A pending change that could not be carried out.
#[derive(Debug)]
pub struct Failed {
    /// Which.
    pub change: Found,
    /// Why.
    pub failure: Failure,
}

/// What became of one in its turn.
enum Outcome {
    Done,
    /// It goes on in the next turn.
    Again,
    Later,
    Partial,
}

/// Carries out the changes of all tenants, in turns, until a time; but those that were decided a
/// moment ago, by whatever clock. What fails holds up no other.
///
/// # Errors
/// When it cannot be read what is pending.
pub async fn carry_out_all(
    store: &Store,
    now: OffsetDateTime,
    until: Instant,
) -> Result<CarriedOut, Failure> {
    let (found, unreadable) = store.pending_of_all(&Meter::default()).await?;
    let mut outcome = CarriedOut {
        unreadable,
        ..CarriedOut::default()
    };
    let is_old = |change: &Found| (now - change.at).abs() > FOR_ITS_REQUEST;
    let mut waiting: VecDeque<Found> = found.into_iter().filter(is_old).collect();
    let mut accounts = BTreeMap::new();
    while let Some(change) = waiting.pop_front() {
        if Instant::now() >= until {
            outcome.left.push(change);
            continue;
        }
        let slice = until.min(Instant::now() + SLICE);
        let turn = carry_out(store, &mut accounts, &change, slice);
        match Box::pin(turn).await.or_else(expected) {
            Ok(Outcome::Done) => outcome.changes += 1,
            Ok(Outcome::Again) => waiting.push_back(change),
            Ok(Outcome::Later) => outcome.left.push(change),
            Ok(Outcome::Partial) => outcome.partial += 1,
            Err(failure) => outcome.failed.push(Failed { change, failure }),
        }
    }
    Ok(outcome)
}

async fn carry_out(
    store: &Store,
    accounts: &mut BTreeMap<TenantId, Account>,
    change: &Found,
    until: Instant,
) -> Result<Outcome, Failure> {
    let tenant = &change.tenant;
    if !accounts.contains_key(tenant) {
        let account = Account::open(store, tenant).await?;
        accounts.insert(tenant.clone(), account);
    }
    let Some(account) = accounts.get(tenant) else {
        return Ok(Outcome::Later);
    };
    account.is_whole()?;
    match account.directory().carry_out(&change.group, until).await? {
        true => Ok(Outcome::Done),
        false => Ok(Outcome::Again),
    }
}

/// What is no failure. Nobody is to write into a part of a tenant. One that is not there was
/// deleted, or is in another secrets table.
fn expected(failure: Failure) -> Result<Outcome, Failure> {
    match failure {
        Failure::Secrets(
            SecretsError::NoTenant(..)
            | SecretsError::BeingDeleted(..)
            | SecretsError::ImportUnderWay(..),
        )
        | Failure::Store(StoreError::Overtaken) => Ok(Outcome::Partial),
        Failure::Store(StoreError::NewerFormat { .. }) => Ok(Outcome::Later),
        // Others carry it out too, or DynamoDB throttles: if there is time, another turn.
        Failure::Store(StoreError::Conflict | StoreError::Throttled) => Ok(Outcome::Again),
        failure => Err(failure),
    }
}
