//! The members of a group as they were at a time.
//!
//! The records since then are replayed backwards: who was added is removed, who was removed is put
//! back. What comes of it is one change, made or not at all, with its own record; so an undo can be
//! undone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration as Pause;

use scim::members::{MAX_NAMED, MemberChange};
use scim::{ResourceId, Stored};
use store::directory::history::{Record, Span};
use store::directory::members::{Attributes, ChangeOfMembers};
use store::directory::record::ChangeKind;
use store::secrets::Act;
use store::{StoreError, TenantStore};
use time::{Duration, OffsetDateTime};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{Account, Failure, origin};

/// How often a lost race is run again, and after which pause: clients go on changing the group.
const TRIES: usize = 20;
const PAUSE: Pause = Pause::from_millis(250);

/// How long the change may take to be carried out before the command ends; whoever changes the
/// group next carries out the rest.
const CARRY_OUT: Pause = Pause::from_secs(300);

/// What to undo.
#[derive(Debug)]
pub struct Asked {
    /// A group's displayName or id.
    pub group: String,
    /// The time whose members the group is to have.
    pub since: OffsetDateTime,
    /// Whether to say only what would be done.
    pub is_dry_run: bool,
    /// How long the record of the undo is kept.
    pub history: Duration,
}

/// What an undo does, or would.
#[derive(Debug)]
pub struct Undone {
    /// The group as it was before.
    pub group: Stored,
    /// The time whose members it has.
    pub since: OffsetDateTime,
    /// Whether it is only said what would be done.
    pub is_dry_run: bool,
    /// What becomes of whom.
    pub plan: Plan,
    /// The userNames of those who are users.
    pub names: HashMap<ResourceId, String>,
}

/// What becomes of whom.
#[derive(Debug, Default)]
pub struct Plan {
    /// Those who are members again.
    pub put_back: BTreeSet<ResourceId>,
    /// Those who are members no more.
    pub removed: BTreeSet<ResourceId>,
    /// Those who were members, and are no users any more.
    pub gone: BTreeSet<ResourceId>,
}

impl Account {
    /// Makes the members of a group those of a time.
    ///
    /// # Errors
    /// [`Failure::NoGroup`], [`Failure::TooMuchToUndo`], and failures of DynamoDB.
    pub async fn undo_members(&self, asked: &Asked) -> Result<Undone, Failure> {
        if asked.is_dry_run {
            return self.undo(asked, None).await;
        }
        let group = self.find_group(&asked.group).await?;
        let target = Some(group.id.as_str());
        let begun = self.begin(Act::UndoMembers, target).await?;
        let undone = self.undo(asked, Some(&begun.id)).await;
        let outcome = match &undone {
            Ok(undone) => format!(
                "{} put back, {} removed",
                undone.plan.put_back.len(),
                undone.plan.removed.len()
            ),
            Err(error) => format!("failed: {error}"),
        };
        self.complete(&begun, &outcome).await?;
        undone
    }

    /// Makes the change under the id of a request, or plans it.
    async fn undo(&self, asked: &Asked, request_id: Option<&str>) -> Result<Undone, Failure> {
        let directory = self.directory();
        let mut last = StoreError::Conflict;
        for _ in 0..TRIES {
            let group = self.find_group(&asked.group).await?;
            let (plan, names) = self.plan_undo(&group, asked.since).await?;
            if let Some(request_id) = request_id {
                match make(&directory, &group, &plan, request_id, asked.history).await {
                    Ok(()) => {}
                    // Clients have changed the members meanwhile, which is undone too.
                    Err(
                        error @ (StoreError::Conflict
                        | StoreError::Throttled
                        | StoreError::VersionMismatch),
                    ) => {
                        last = error;
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            return Ok(Undone {
                group,
                since: asked.since,
                is_dry_run: asked.is_dry_run,
                plan,
                names,
            });
        }
        Err(last.into())
    }

    /// What it takes to make the members of a group those of a time.
    async fn plan_undo(
        &self,
        group: &Stored,
        since: OffsetDateTime,
    ) -> Result<(Plan, HashMap<ResourceId, String>), Failure> {
        let directory = self.directory();
        let mut undoing: BTreeMap<ResourceId, bool> = BTreeMap::new();
        let span = Span {
            from: since,
            to: OffsetDateTime::now_utc() + Duration::DAY,
        };
        directory
            .history(span, |record| {
                // Whoever was restored came back to all groups, and has a record only of some.
                if let Record::Members(record) = record
                    && record.group == group.id
                    && record.operation != ChangeKind::Restore
                {
                    // What was first done to somebody decides what there was before.
                    for (ids, was_member) in [
                        (record.added().collect::<Vec<_>>(), false),
                        (record.removed().collect(), true),
                    ] {
                        for id in ids {
                            undoing.entry(id.clone()).or_insert(was_member);
                        }
                    }
                }
                true
            })
            .await?;
        let members = self.members_of(group).await?;
        let members: BTreeSet<ResourceId> = members.into_iter().map(|member| member.id).collect();
        undoing.retain(|id, was_member| *was_member != members.contains(id));
        let ids: Vec<ResourceId> = undoing.keys().cloned().collect();
        let names = self.user_names(&ids).await?;
        let mut plan = Plan::default();
        for (id, was_member) in undoing {
            let side = match was_member {
                true if names.contains_key(&id) => &mut plan.put_back,
                true => &mut plan.gone,
                false => &mut plan.removed,
            };
            side.insert(id);
        }
        let size = plan.put_back.len() + plan.removed.len();
        if size > MAX_NAMED {
            return Err(Failure::TooMuchToUndo {
                size,
                accepted: MAX_NAMED,
            });
        }
        Ok((plan, names))
    }
}

/// Makes the change, and carries it out.
async fn make(
    directory: &TenantStore<'_>,
    group: &Stored,
    plan: &Plan,
    request_id: &str,
    history: Duration,
) -> Result<(), StoreError> {
    let until = Instant::now() + CARRY_OUT;
    if !directory.carry_out(&group.id, until).await? {
        return Err(StoreError::Conflict);
    }
    let put_back = plan.put_back.iter().map(|id| (id.clone(), None));
    let removed = plan.removed.iter().cloned();
    let change = MemberChange::adding(put_back).then(MemberChange::removing(removed));
    if change.is_nothing() {
        return Ok(());
    }
    let origin = origin(ChangeKind::Undo, request_id, history);
    let id = ResourceId::parse(&Uuid::new_v4().to_string()).ok_or(StoreError::NotFound)?;
    let change = ChangeOfMembers {
        group,
        attributes: Attributes::Unchanged,
        members: &change,
        id: &id,
        origin: &origin,
        is_conditional: false,
    };
    let changed = directory.change_members(change).await?;
    if changed.is_pending {
        // It is made: readers see all of it.
        let _ = directory.carry_out(&group.id, until).await;
    }
    Ok(())
}
