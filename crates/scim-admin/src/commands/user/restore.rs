//! `user restore`: what becomes of each user is printed as soon as it is known.

use std::io::Write;

use scim::schema::USERS;
use scim::{ResourceId, Stored};
use serde_json::json;
use store::directory::record::{Actor, ChangeKind, Origin};
use store::directory::tombstone::Tombstone;
use store::{Gate, Meter, Store, StoreError, TenantStore};
use tenant::TenantId;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::deleted::{deleted, user_name};
use crate::failure::Failure;
use crate::terminal::{self, printable};

/// Whom to restore.
#[derive(Debug)]
pub struct Asked {
    pub tenant: TenantId,
    /// These users,
    pub ids: Vec<ResourceId>,
    /// or all that were deleted since this time.
    pub deleted_since: Option<OffsetDateTime>,
    /// How long the records of the restores are kept.
    pub history: Duration,
}

/// What became of a user.
#[derive(Debug)]
enum Outcome {
    Restored(Stored),
    /// The user is there: restored before, as by a run that was ended, or never deleted.
    Present(Stored),
    Refused(String),
}

/// Restores users, and returns whether all of them are there.
///
/// Each is printed before the next one is restored, so that a run that is ended has told what it
/// did; run again, it does the rest. What cannot be printed ends it too.
pub async fn run(
    asked: &Asked,
    json: bool,
    store: &Store,
    out: &mut (dyn Write + Send),
) -> Result<bool, Failure> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    store.find_tenant(&asked.tenant, &meter).await?;
    let directory = store.tenant(&asked.tenant, &meter, &gate);
    let ids = match asked.deleted_since {
        None => asked.ids.clone(),
        Some(since) => deleted(&directory, since)
            .await?
            .into_iter()
            .map(|tombstone| tombstone.stored.id)
            .collect(),
    };
    let mut printer = Printer {
        out,
        json,
        total: ids.len(),
        done: 0,
    };
    printer.begin()?;
    let mut all_there = true;
    for id in ids {
        let outcome = restore(&directory, &id, asked.history).await;
        all_there &= !matches!(outcome, Outcome::Refused(_));
        printer.print(&id, &outcome)?;
    }
    printer.end()?;
    Ok(all_there)
}

/// Restores a user, or says why that cannot be. No failure is the others': their operator has to
/// know what became of each.
async fn restore(directory: &TenantStore<'_>, id: &ResourceId, retention: Duration) -> Outcome {
    let tombstone = match directory.tombstone(&USERS, id).await {
        Ok(Some(tombstone)) => tombstone,
        Ok(None) => return not_deleted(directory, id).await,
        Err(error) => return Outcome::Refused(reason(&error)),
    };
    let now = OffsetDateTime::now_utc().truncate_to_millisecond();
    let origin = Origin {
        actor: Actor::Operator,
        operation: ChangeKind::Restore,
        request_id: Uuid::new_v4().to_string(),
        at: now,
        expires: now.saturating_add(retention),
    };
    match directory.restore(&USERS, &tombstone, &origin).await {
        Ok(stored) => Outcome::Restored(stored),
        Err(StoreError::Taken { .. }) => Outcome::Refused(taken(directory, &tombstone).await),
        // Somebody else has restored the user meanwhile.
        Err(StoreError::NotFound) => not_deleted(directory, id).await,
        Err(error) => Outcome::Refused(reason(&error)),
    }
}

/// What there is to say of a user without a tombstone.
async fn not_deleted(directory: &TenantStore<'_>, id: &ResourceId) -> Outcome {
    match directory.get(&USERS, id).await {
        Ok(Some(stored)) => Outcome::Present(stored),
        Ok(None) => Outcome::Refused(reason(&StoreError::NotFound)),
        Err(error) => Outcome::Refused(reason(&error)),
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

/// Prints a line for each user: of a table, or of a JSON array.
struct Printer<'a> {
    out: &'a mut (dyn Write + Send),
    json: bool,
    total: usize,
    done: usize,
}

impl Printer<'_> {
    fn begin(&mut self) -> Result<(), Failure> {
        if self.json {
            writeln!(self.out, "[")?;
        } else {
            let width = self.progress(self.total).len();
            let [user, state] = ["USER", "STATE"];
            writeln!(
                self.out,
                "{:width$}  {user:36}  {state:13}  USERNAME OR REASON",
                "NO"
            )?;
        }
        Ok(self.out.flush()?)
    }

    fn print(&mut self, id: &ResourceId, outcome: &Outcome) -> Result<(), Failure> {
        self.done += 1;
        let (state, user, reason) = match outcome {
            Outcome::Restored(stored) => ("restored", Some(user_name(stored)), None),
            Outcome::Present(stored) => ("there already", Some(user_name(stored)), None),
            Outcome::Refused(reason) => ("not restored", None, Some(reason)),
        };
        if self.json {
            let value = json!({
                "id": id.as_str(),
                "restored": matches!(outcome, Outcome::Restored(_)),
                "state": state,
                "userName": user,
                "reason": reason,
            });
            // The lines of an array that was ended early are still told apart.
            let comma = if self.done < self.total { "," } else { "" };
            writeln!(self.out, "{}{comma}", terminal::json(&value.to_string()))?;
        } else {
            let said = user.as_ref().or(reason).map_or("", String::as_str);
            let (number, id) = (self.progress(self.done), id.to_string());
            let width = self.progress(self.total).len();
            let said = printable(said);
            writeln!(self.out, "{number:width$}  {id:36}  {state:13}  {said}")?;
        }
        Ok(self.out.flush()?)
    }

    fn progress(&self, done: usize) -> String {
        format!("{done}/{}", self.total)
    }

    fn end(&mut self) -> Result<(), Failure> {
        if self.json {
            writeln!(self.out, "]")?;
        }
        Ok(self.out.flush()?)
    }
}
