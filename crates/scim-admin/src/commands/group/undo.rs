//! `group members --undo-since`: the members of a group as they were at a time.
//!
//! The records since then are replayed backwards: who was added is removed, who was removed is put
//! back. What comes of it is one change, made or not at all, with its own record; so an undo can be
//! undone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration as Pause;

use scim::members::{MAX_NAMED, MemberChange};
use scim::schema::GROUPS;
use scim::{ResourceId, Stored};
use serde_json::{Value, json};
use store::directory::history::{Record, Span};
use store::directory::members::{Attributes, ChangeOfMembers};
use store::directory::record::{Actor, ChangeKind, Origin};
use store::{Gate, Meter, Store, StoreError, TenantStore};
use tenant::TenantId;
use time::{Duration, OffsetDateTime};
use tokio::time::Instant;
use uuid::Uuid;

use super::{find, members_of, user_names};
use crate::commands::deleted::name;
use crate::failure::Failure;
use crate::report::Report;
use crate::terminal::{columns, stamp};

/// How often a lost race is run again, and after which pause: clients go on changing the group.
const TRIES: usize = 20;
const PAUSE: Pause = Pause::from_millis(250);

/// How long the change may take to be carried out before the command ends; whoever changes the
/// group next carries out the rest.
const CARRY_OUT: Pause = Pause::from_secs(300);

/// What to undo.
#[derive(Debug)]
pub struct Asked {
    pub tenant: TenantId,
    /// A group's displayName or id.
    pub group: String,
    pub since: OffsetDateTime,
    pub is_dry_run: bool,
    /// How long the record of the undo is kept.
    pub history: Duration,
}

/// What an undo does, or would.
#[derive(Debug)]
pub struct Undone {
    group: Stored,
    since: OffsetDateTime,
    is_dry_run: bool,
    plan: Plan,
    names: HashMap<ResourceId, String>,
}

#[derive(Debug, Default)]
struct Plan {
    put_back: BTreeSet<ResourceId>,
    removed: BTreeSet<ResourceId>,
    /// Those who were members, and are no users any more.
    gone: BTreeSet<ResourceId>,
}

/// Makes the members of a group those of a time.
pub async fn run(asked: &Asked, store: &Store) -> Result<Undone, Failure> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    store.find_tenant(&asked.tenant, &meter).await?;
    let directory = store.tenant(&asked.tenant, &meter, &gate);
    let mut last = StoreError::Conflict;
    for _ in 0..TRIES {
        let group = find(&directory, &asked.group).await?;
        let (plan, names) = plan(&directory, &group, asked.since).await?;
        if !asked.is_dry_run {
            match make(&directory, &group, &plan, asked.history).await {
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
async fn plan(
    directory: &TenantStore<'_>,
    group: &Stored,
    since: OffsetDateTime,
) -> Result<(Plan, HashMap<ResourceId, String>), Failure> {
    let mut undoing: BTreeMap<ResourceId, bool> = BTreeMap::new();
    let span = Span {
        from: since,
        to: OffsetDateTime::now_utc() + Duration::DAY,
    };
    directory
        .history(span, |record| {
            if let Record::Members(record) = record
                && record.group == group.id
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
    let members = members_of(directory, group).await?;
    let members: BTreeSet<ResourceId> = members.into_iter().map(|member| member.id).collect();
    undoing.retain(|id, was_member| *was_member != members.contains(id));
    let ids: Vec<ResourceId> = undoing.keys().cloned().collect();
    let names = user_names(directory, &ids).await?;
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

/// Makes the change, and carries it out.
async fn make(
    directory: &TenantStore<'_>,
    group: &Stored,
    plan: &Plan,
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
    let now = OffsetDateTime::now_utc().truncate_to_millisecond();
    let origin = Origin {
        actor: Actor::Operator,
        operation: ChangeKind::Undo,
        request_id: Uuid::new_v4().to_string(),
        at: now,
        expires: now.saturating_add(history),
        entry: None,
    };
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

impl Undone {
    /// What becomes of whom.
    fn rows(&self) -> impl Iterator<Item = (&'static str, &ResourceId)> {
        let all = [
            ("put back", &self.plan.put_back),
            ("removed", &self.plan.removed),
            ("gone", &self.plan.gone),
        ];
        all.into_iter()
            .flat_map(|(what, ids)| ids.iter().map(move |id| (what, id)))
    }
}

impl Report for Undone {
    fn text(&self) -> String {
        let Plan {
            put_back,
            removed,
            gone,
        } = &self.plan;
        let would = if self.is_dry_run { "would be " } else { "" };
        let mut text = format!(
            "group {} {}, as of {}: {} {would}put back, {} {would}removed",
            self.group.id,
            crate::terminal::printable(&name(&GROUPS, &self.group)),
            stamp(self.since),
            put_back.len(),
            removed.len()
        );
        if !gone.is_empty() {
            text.push_str(&format!(
                ", {} left out who are no users any more",
                gone.len()
            ));
        }
        if put_back.is_empty() && removed.is_empty() && gone.is_empty() {
            return text;
        }
        let rows = self.rows().map(|(what, id)| {
            let name = self.names.get(id).cloned();
            [
                id.to_string(),
                what.to_owned(),
                name.unwrap_or_else(|| "?".to_owned()),
            ]
        });
        text.push_str("\n\n");
        text.push_str(&columns(["USER", "WHAT", "USERNAME"], rows));
        text
    }

    fn json(&self) -> Value {
        let ids = |ids: &BTreeSet<ResourceId>| -> Value {
            ids.iter()
                .map(|id| json!({"id": id.as_str(), "userName": self.names.get(id)}))
                .collect()
        };
        json!({
            "group": self.group.id.as_str(),
            "displayName": name(&GROUPS, &self.group),
            "since": stamp(self.since),
            "dryRun": self.is_dry_run,
            "putBack": ids(&self.plan.put_back),
            "removed": ids(&self.plan.removed),
            "gone": ids(&self.plan.gone),
        })
    }
}
