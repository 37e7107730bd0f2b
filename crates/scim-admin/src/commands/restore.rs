//! `user restore` and `group restore`: what becomes of each is printed as soon as it is known.

use std::io::Write;

use scim::schema::GROUPS;
use scim::text::fold;
use scim::{ResourceId, ResourceType, Stored};
use serde_json::json;
use store::directory::record::{Actor, ChangeKind, Origin};
use store::directory::tombstone::{Restored, Tombstone};
use store::{Gate, Meter, Store, StoreError, TenantStore};
use tenant::TenantId;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::deleted::{deleted, name};
use crate::failure::Failure;
use crate::terminal::{self, printable};

/// What to restore.
#[derive(Debug)]
pub struct Asked {
    pub resource_type: &'static ResourceType,
    pub tenant: TenantId,
    pub which: Which,
    /// How long the records of the restores are kept.
    pub history: Duration,
}

/// Which resources.
#[derive(Debug)]
pub enum Which {
    Ids(Vec<ResourceId>),
    /// All that were deleted since this time.
    DeletedSince(OffsetDateTime),
    /// The one with this id or name.
    Named(String),
}

/// What became of a resource.
#[derive(Debug)]
enum Outcome {
    /// It is back, with what belongs to it.
    Restored(Stored, Back),
    /// It is there: restored before, as by a run that was ended, or never deleted.
    Present(Stored, Back),
    Refused(String),
}

/// What came back with a resource: the groups of a user, the members of a group.
#[derive(Debug, Default)]
struct Back {
    count: u64,
    /// And in how many groups that are deleted themselves.
    deleted: u64,
    /// Why that is not all.
    failure: Option<String>,
}

impl Back {
    /// A user in these groups. That it is in them is certain; which are deleted only helps.
    async fn in_groups(directory: &TenantStore<'_>, groups: &[ResourceId]) -> Self {
        let all = groups.len() as u64;
        let count = directory.count_groups(groups).await.unwrap_or(all);
        Self {
            count,
            deleted: all.saturating_sub(count),
            failure: None,
        }
    }
}

/// Restores resources, and returns whether all of them are there, with all that belongs to them.
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
    let ids = ids(asked, &directory).await?;
    let mut printer = Printer {
        resource_type: asked.resource_type,
        out,
        json,
        total: ids.len(),
        done: 0,
    };
    printer.begin()?;
    let mut all_there = true;
    for id in ids {
        let outcome = Box::pin(restore(asked, &directory, &id)).await;
        all_there &= match &outcome {
            Outcome::Restored(_, back) | Outcome::Present(_, back) => back.failure.is_none(),
            Outcome::Refused(_) => false,
        };
        printer.print(&id, &outcome)?;
    }
    printer.end()?;
    Ok(all_there)
}

/// The ids of what is asked for.
async fn ids(asked: &Asked, directory: &TenantStore<'_>) -> Result<Vec<ResourceId>, Failure> {
    let resource_type = asked.resource_type;
    let since = match &asked.which {
        Which::Ids(ids) => return Ok(ids.clone()),
        Which::DeletedSince(since) => *since,
        Which::Named(named) => match ResourceId::parse(named) {
            Some(id) => return Ok(vec![id]),
            None => OffsetDateTime::UNIX_EPOCH,
        },
    };
    let found = deleted(resource_type, directory, since).await?;
    let Which::Named(named) = &asked.which else {
        return Ok(found.into_iter().map(|found| found.stored.id).collect());
    };
    let is_named = |found: &Tombstone| {
        let name = found.stored.resource.text(resource_type.unique);
        name.is_some_and(|name| fold(name) == fold(named))
    };
    let found: Vec<ResourceId> = found
        .into_iter()
        .filter(is_named)
        .map(|found| found.stored.id)
        .collect();
    match found.len() {
        0 => Err(Failure::NoDeletedGroup(named.clone())),
        1 => Ok(found),
        _ => Err(Failure::SeveralDeletedGroups(named.clone())),
    }
}

/// Restores a resource, or says why that cannot be. No failure is the others': their operator has
/// to know what became of each.
async fn restore(asked: &Asked, directory: &TenantStore<'_>, id: &ResourceId) -> Outcome {
    let resource_type = asked.resource_type;
    let now = OffsetDateTime::now_utc().truncate_to_millisecond();
    let origin = Origin {
        actor: Actor::Operator,
        operation: ChangeKind::Restore,
        request_id: Uuid::new_v4().to_string(),
        at: now,
        expires: now.saturating_add(asked.history),
        entry: None,
    };
    let tombstone = match directory.tombstone(resource_type, id).await {
        Ok(Some(tombstone)) => tombstone,
        Ok(None) => return not_deleted(asked, directory, id, &origin).await,
        Err(error) => return Outcome::Refused(reason(resource_type, &error)),
    };
    match directory.restore(resource_type, &tombstone, &origin).await {
        Ok(restored) => back(resource_type, directory, restored).await,
        Err(StoreError::Taken { .. }) => {
            Outcome::Refused(taken(resource_type, directory, &tombstone).await)
        }
        // Somebody else has restored it meanwhile.
        Err(StoreError::NotFound) => not_deleted(asked, directory, id, &origin).await,
        Err(error) => Outcome::Refused(reason(resource_type, &error)),
    }
}

/// What came back with a resource.
async fn back(
    resource_type: &ResourceType,
    directory: &TenantStore<'_>,
    restored: Restored,
) -> Outcome {
    let mut back = Back {
        failure: restored.failure.map(|error| reason(resource_type, &error)),
        ..Back::in_groups(directory, &restored.groups).await
    };
    if *resource_type == GROUPS {
        // That the members are there is certain; how many they are only helps.
        let group = directory.get(resource_type, &restored.stored.id).await;
        let group = group.ok().flatten();
        back.count = group.map_or(0, |group| group.meta.membership.members);
    }
    Outcome::Restored(restored.stored, back)
}

/// What there is to say of a resource without a tombstone. A user comes back to the groups that an
/// earlier run, or a deletion that was interrupted, has left.
async fn not_deleted(
    asked: &Asked,
    directory: &TenantStore<'_>,
    id: &ResourceId,
    origin: &Origin,
) -> Outcome {
    let resource_type = asked.resource_type;
    let stored = match directory.get(resource_type, id).await {
        Ok(Some(stored)) => stored,
        Ok(None) => return Outcome::Refused(reason(resource_type, &StoreError::NotFound)),
        Err(error) => return Outcome::Refused(reason(resource_type, &error)),
    };
    if !resource_type.can_be_member() {
        return Outcome::Present(stored, Back::default());
    }
    match directory.return_to_groups(id, origin).await {
        Ok(groups) => {
            let back = Back::in_groups(directory, &groups).await;
            Outcome::Present(stored, back)
        }
        Err(error) => {
            let failure = Some(reason(resource_type, &error));
            let back = Back {
                failure,
                ..Back::default()
            };
            Outcome::Present(stored, back)
        }
    }
}

fn reason(resource_type: &ResourceType, error: &StoreError) -> String {
    let kind = resource_type.name.to_lowercase();
    match error {
        StoreError::NotFound => format!("there is no such deleted {kind} (any more)"),
        StoreError::AlreadyExists => {
            format!("there is a {kind} with this id; check the directory")
        }
        StoreError::Conflict | StoreError::Throttled | StoreError::Unavailable { .. } => {
            format!("{error}; try again")
        }
        _ => error.to_string(),
    }
}

/// Whose the unique value of a deleted resource is.
async fn taken(
    resource_type: &ResourceType,
    directory: &TenantStore<'_>,
    tombstone: &Tombstone,
) -> String {
    let [kind, unique] = [resource_type.name, resource_type.unique];
    let kind = kind.to_lowercase();
    let holder = match tombstone.stored.resource.text(unique) {
        // Who it is only helps; that there is somebody is known.
        Some(name) => directory.holder(resource_type, name).await.ok().flatten(),
        None => None,
    };
    let holder = holder.map_or(format!("another {kind}"), |id| format!("{kind} {id}"));
    format!("its {unique} is {holder}'s now; rename or delete that {kind} first")
}

/// Prints a line for each resource: of a table, or of a JSON array.
struct Printer<'a> {
    resource_type: &'static ResourceType,
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
            let names = [self.resource_type.name, self.resource_type.unique];
            let [kind, unique] = names.map(str::to_uppercase);
            writeln!(
                self.out,
                "{:width$}  {kind:36}  {:13}  {unique} OR REASON",
                "NO", "STATE"
            )?;
        }
        Ok(self.out.flush()?)
    }

    fn print(&mut self, id: &ResourceId, outcome: &Outcome) -> Result<(), Failure> {
        self.done += 1;
        let (state, resource, back, reason) = match outcome {
            Outcome::Restored(stored, back) => ("restored", Some(stored), Some(back), None),
            Outcome::Present(stored, back) => ("there already", Some(stored), Some(back), None),
            Outcome::Refused(reason) => ("not restored", None, None, Some(reason)),
        };
        let reason = reason.or(back.and_then(|back| back.failure.as_ref()));
        let resource = resource.map(|stored| name(self.resource_type, stored));
        let count = back.map_or(0, |back| back.count);
        let deleted = back.map_or(0, |back| back.deleted);
        let has_members = *self.resource_type == GROUPS;
        if self.json {
            let counted = if has_members { "members" } else { "groups" };
            let mut value = json!({
                "id": id.as_str(),
                "restored": matches!(outcome, Outcome::Restored(..)),
                "state": state,
                self.resource_type.unique: resource,
                counted: count,
                "reason": reason,
            });
            if let (1.., Some(members)) = (deleted, value.as_object_mut()) {
                members.insert("deletedGroups".to_owned(), deleted.into());
            }
            // The lines of an array that was ended early are still told apart.
            let comma = if self.done < self.total { "," } else { "" };
            writeln!(self.out, "{}{comma}", terminal::json(&value.to_string()))?;
        } else {
            let mut said: Vec<String> = resource.into_iter().collect();
            if count > 0 {
                said.push(match has_members {
                    true => format!("{count} members"),
                    false => format!("back in {count} groups"),
                });
            }
            if deleted > 0 {
                said.push(format!("and in {deleted} that are deleted themselves"));
            }
            let is_part = back.is_some_and(|back| back.failure.is_some());
            said.extend(reason.map(|reason| match is_part {
                true => format!("not in all of its groups: {reason}"),
                false => reason.clone(),
            }));
            let (number, id) = (self.progress(self.done), id.to_string());
            let width = self.progress(self.total).len();
            let said = said.join(", ");
            let said = printable(&said);
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
