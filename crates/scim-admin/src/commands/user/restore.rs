//! `user restore`.

use scim::schema::USERS;
use scim::{ResourceId, Stored};
use serde_json::{Value, json};
use store::directory::record::{Actor, ChangeKind, Origin};
use store::directory::tombstone::Tombstone;
use store::{Gate, Meter, Store, StoreError, TenantStore};
use tenant::TenantId;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::deleted::{deleted, user_name};
use crate::failure::Failure;
use crate::report::Report;
use crate::terminal::columns;

/// What became of each user.
#[derive(Debug)]
pub struct Restored(Vec<Restoration>);

/// The outcome of restoring one user.
#[derive(Debug)]
struct Restoration {
    id: ResourceId,
    outcome: Result<Stored, String>,
}

/// Restores these users, or all that were deleted since a time. The records of the restores are
/// kept for so many days.
pub async fn run(
    tenant: &TenantId,
    ids: &[ResourceId],
    deleted_since: Option<OffsetDateTime>,
    history_days: u32,
    store: &Store,
) -> Result<Restored, Failure> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    store.find_tenant(tenant, &meter).await?;
    let directory = store.tenant(tenant, &meter, &gate);
    let retention = Duration::days(history_days.into());
    let ids = match deleted_since {
        None => ids.to_vec(),
        Some(since) => deleted(&directory, since)
            .await?
            .into_iter()
            .map(|tombstone| tombstone.stored.id)
            .collect(),
    };
    let mut restorations = Vec::new();
    for id in ids {
        let outcome = restore(&directory, &id, retention).await;
        restorations.push(Restoration { id, outcome });
    }
    Ok(Restored(restorations))
}

/// Restores a user, or says why that cannot be. No failure is the others': their operator has to
/// know what became of each.
async fn restore(
    directory: &TenantStore<'_>,
    id: &ResourceId,
    retention: Duration,
) -> Result<Stored, String> {
    let tombstone = directory.tombstone(&USERS, id).await;
    let tombstone = tombstone
        .and_then(|found| found.ok_or(StoreError::NotFound))
        .map_err(|error| reason(&error))?;
    let now = OffsetDateTime::now_utc().truncate_to_millisecond();
    let origin = Origin {
        actor: Actor::Operator,
        operation: ChangeKind::Restore,
        request_id: Uuid::new_v4().to_string(),
        at: now,
        expires: now.saturating_add(retention),
    };
    match directory.restore(&USERS, &tombstone, &origin).await {
        Ok(stored) => Ok(stored),
        Err(StoreError::Taken { .. }) => Err(taken(directory, &tombstone).await),
        Err(error) => Err(reason(&error)),
    }
}

fn reason(error: &StoreError) -> String {
    match error {
        StoreError::NotFound => "there is no such deleted user (any more)".to_owned(),
        StoreError::AlreadyExists => "there is a user with this id; check the directory".to_owned(),
        StoreError::Conflict | StoreError::Throttled | StoreError::Unavailable { .. } => {
            format!("{error}; try again")
        }
        _ => error.to_string(),
    }
}

/// Whose the userName of a deleted user is.
async fn taken(directory: &TenantStore<'_>, tombstone: &Tombstone) -> String {
    let holder = match tombstone.stored.resource.text("userName") {
        // Who it is only helps; that there is somebody is known.
        Some(name) => directory.holder(&USERS, name).await.ok().flatten(),
        None => None,
    };
    let holder = holder.map_or("another user".to_owned(), |id| format!("user {id}"));
    format!("its userName is {holder}'s now; rename or delete that user first")
}

impl Report for Restored {
    fn text(&self) -> String {
        let rows = self.0.iter().map(|restoration| {
            let (state, text) = match &restoration.outcome {
                Ok(stored) => ("restored", user_name(stored)),
                Err(reason) => ("not restored", reason.clone()),
            };
            [restoration.id.to_string(), state.to_owned(), text]
        });
        columns(["USER", "STATE", "USERNAME OR REASON"], rows)
    }

    fn json(&self) -> Value {
        self.0
            .iter()
            .map(|restoration| {
                json!({
                    "id": restoration.id.as_str(),
                    "restored": restoration.outcome.is_ok(),
                    "userName": restoration.outcome.as_ref().ok().map(user_name),
                    "reason": restoration.outcome.as_ref().err(),
                })
            })
            .collect()
    }

    fn is_bad_news(&self) -> bool {
        let mut restorations = self.0.iter();
        restorations.any(|restoration| restoration.outcome.is_err())
    }
}
