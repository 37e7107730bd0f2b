//! `user`: deleted users, and bringing them back.

use scim::schema::USERS;
use scim::{ResourceId, Stored};
use serde_json::{Value, json};
use store::directory::record::{Actor, ChangeKind, Origin};
use store::directory::tombstone::Tombstone;
use store::{Gate, Meter, Store, StoreError, TenantStore};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::args::UserCommand;
use crate::commands::Failure;
use crate::output::{Report, columns, stamp};

/// The outcome of restoring one user.
#[derive(Debug)]
pub struct Restoration {
    pub id: ResourceId,
    pub outcome: Result<Stored, String>,
}

pub async fn run(command: UserCommand, store: &Store) -> Result<Report, Failure> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    let (UserCommand::Deleted { tenant } | UserCommand::Restore { tenant, .. }) = &command;
    store.find_tenant(tenant, &meter).await?;
    let directory = store.tenant(tenant, &meter, &gate);
    match &command {
        UserCommand::Deleted { .. } => {
            let since = OffsetDateTime::UNIX_EPOCH;
            Ok(Report::Deleted(deleted(&directory, since).await?))
        }
        UserCommand::Restore {
            ids,
            deleted_since,
            history_days,
            ..
        } => {
            let retention = Duration::days((*history_days).into());
            let mut restorations = Vec::new();
            let ids: Vec<ResourceId> = match deleted_since {
                None => ids.clone(),
                Some(since) => deleted(&directory, *since)
                    .await?
                    .into_iter()
                    .map(|tombstone| tombstone.stored.id)
                    .collect(),
            };
            for id in ids {
                let outcome = restore(&directory, &id, retention).await;
                restorations.push(Restoration { id, outcome });
            }
            Ok(Report::Restored(restorations))
        }
    }
}

/// The users that were deleted since a time, the first deleted first.
async fn deleted(
    directory: &TenantStore<'_>,
    since: OffsetDateTime,
) -> Result<Vec<Tombstone>, Failure> {
    let mut tombstones = Vec::new();
    directory
        .tombstones(&USERS, |tombstone| {
            if tombstone.deleted >= since {
                tombstones.push(tombstone);
            }
        })
        .await?;
    tombstones.sort_by_key(|tombstone| tombstone.deleted);
    Ok(tombstones)
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

pub fn deleted_text(tombstones: &[Tombstone]) -> String {
    let rows = tombstones.iter().map(|tombstone| {
        [
            tombstone.stored.id.to_string(),
            stamp(tombstone.deleted),
            stamp(tombstone.expires),
            user_name(&tombstone.stored),
        ]
    });
    columns(["USER", "DELETED", "KEPT UNTIL", "USERNAME"], rows)
}

pub fn deleted_json(tombstones: &[Tombstone]) -> Value {
    tombstones
        .iter()
        .map(|tombstone| {
            json!({
                "id": tombstone.stored.id.as_str(),
                "userName": user_name(&tombstone.stored),
                "deleted": stamp(tombstone.deleted),
                "expires": stamp(tombstone.expires),
            })
        })
        .collect()
}

pub fn restored_text(restorations: &[Restoration]) -> String {
    let rows = restorations.iter().map(|restoration| {
        let (state, text) = match &restoration.outcome {
            Ok(stored) => ("restored", user_name(stored)),
            Err(reason) => ("not restored", reason.clone()),
        };
        [restoration.id.to_string(), state.to_owned(), text]
    });
    columns(["USER", "STATE", "USERNAME OR REASON"], rows)
}

pub fn restored_json(restorations: &[Restoration]) -> Value {
    restorations
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

fn user_name(stored: &Stored) -> String {
    stored.resource.text("userName").unwrap_or("?").to_owned()
}
