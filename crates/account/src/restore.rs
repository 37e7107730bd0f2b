//! Deleted users and groups come back.

use scim::schema::GROUPS;
use scim::text::fold;
use scim::{ResourceId, ResourceType, Stored};
use store::directory::record::{ChangeKind, Origin};
use store::directory::tombstone::{Restored, Tombstone};
use store::secrets::{Act, Begun};
use store::{StoreError, TenantStore};
use time::{Duration, OffsetDateTime};

use crate::{Account, Failure, origin};

/// Which resources.
#[derive(Debug)]
pub enum Which {
    /// Those with these ids.
    Ids(Vec<ResourceId>),
    /// All that were deleted since this time.
    DeletedSince(OffsetDateTime),
    /// The one with this id or name.
    Named(String),
}

/// What became of a resource.
#[derive(Debug)]
pub enum Outcome {
    /// It is back, with what belongs to it.
    Restored(Stored, Back),
    /// It is there: restored before, as by a run that was ended, or never deleted.
    Present(Stored, Back),
    /// It is not back: why.
    Refused(String),
}

/// What came back with a resource: the groups of a user, the members of a group.
#[derive(Debug, Default)]
pub struct Back {
    /// How many.
    pub count: u64,
    /// And in how many groups that are deleted themselves.
    pub deleted: u64,
    /// Why that is not all.
    pub failure: Option<String>,
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

/// A restoration that is on the operator's log, to be made resource by resource.
#[derive(Debug)]
pub struct Restoration<'a> {
    account: &'a Account,
    resource_type: &'static ResourceType,
    begun: Begun,
    /// How long the records of the restores are kept.
    history: Duration,
    restored: u64,
    refused: u64,
}

impl Account {
    /// The ids of the deleted resources that are meant.
    ///
    /// # Errors
    /// [`Failure::NoDeletedGroup`], [`Failure::SeveralDeletedGroups`], and failures of DynamoDB.
    pub async fn to_restore(
        &self,
        resource_type: &ResourceType,
        which: &Which,
    ) -> Result<Vec<ResourceId>, Failure> {
        let since = match which {
            Which::Ids(ids) => return Ok(ids.clone()),
            Which::DeletedSince(since) => *since,
            Which::Named(named) => match ResourceId::parse(named) {
                Some(id) => return Ok(vec![id]),
                None => OffsetDateTime::UNIX_EPOCH,
            },
        };
        let found = self.deleted(resource_type, since).await?;
        let Which::Named(named) = which else {
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

    /// Begins to restore resources of a type.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn begin_restoration(
        &self,
        resource_type: &'static ResourceType,
        history: Duration,
    ) -> Result<Restoration<'_>, Failure> {
        Ok(Restoration {
            account: self,
            resource_type,
            begun: self.begin(Act::Restore, None).await?,
            history,
            restored: 0,
            refused: 0,
        })
    }
}

impl Restoration<'_> {
    /// Restores a resource, or says why that cannot be. No failure is the others': their operator
    /// has to know what became of each.
    pub async fn restore(&mut self, id: &ResourceId) -> Outcome {
        let outcome = Box::pin(self.restore_one(id)).await;
        match &outcome {
            Outcome::Restored(..) => self.restored += 1,
            Outcome::Present(..) => {}
            Outcome::Refused(_) => self.refused += 1,
        }
        outcome
    }

    /// Says on the operator's log what came of it.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn complete(self) -> Result<(), Failure> {
        let outcome = format!("{} restored, {} not", self.restored, self.refused);
        Ok(self.account.complete(&self.begun, &outcome).await?)
    }

    async fn restore_one(&self, id: &ResourceId) -> Outcome {
        let directory = self.account.directory();
        let resource_type = self.resource_type;
        let origin = origin(ChangeKind::Restore, &self.begun.id, self.history);
        let tombstone = match directory.tombstone(resource_type, id).await {
            Ok(Some(tombstone)) => tombstone,
            Ok(None) => return not_deleted(resource_type, &directory, id, &origin).await,
            Err(error) => return Outcome::Refused(reason(resource_type, &error)),
        };
        match directory.restore(resource_type, &tombstone, &origin).await {
            Ok(restored) => back(resource_type, &directory, restored).await,
            Err(StoreError::Taken { .. }) => {
                Outcome::Refused(taken(resource_type, &directory, &tombstone).await)
            }
            // Somebody else has restored it meanwhile.
            Err(StoreError::NotFound) => not_deleted(resource_type, &directory, id, &origin).await,
            Err(error) => Outcome::Refused(reason(resource_type, &error)),
        }
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
    resource_type: &ResourceType,
    directory: &TenantStore<'_>,
    id: &ResourceId,
    origin: &Origin,
) -> Outcome {
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
