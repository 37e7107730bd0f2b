//! Change records, as far as events tell of them. `store::directory::record` and
//! `store::directory::members::record` write them.

use scim::schema::{ALL, GROUPS};
use scim::{ResourceId, ResourceType};
use serde_json::{Map, Value};
use tenant::TenantId;
use time::OffsetDateTime;

use crate::image::{Image, number, time};
use crate::kind::Kind;
use crate::state::State;

/// The latest format of items that this release reads.
pub(crate) const READ: u64 = 1;

const DELETE: &str = "delete";
const ERASE: &str = "erase";
const CREATE: &str = "create";
const RESTORE: &str = "restore";

/// A change record.
pub(crate) enum Record {
    /// Of a version of a user or a group.
    Resource(Resource),
    /// Of memberships in a group.
    Members(Members),
    /// Of something that needs no event.
    Nothing,
}

/// A record that this release cannot read.
pub(crate) struct Unreadable {
    pub tenant: Option<TenantId>,
    pub sort_key: Option<String>,
}

/// Where a change comes from.
pub(crate) struct Origin {
    pub tenant: TenantId,
    pub at: OffsetDateTime,
    pub actor: String,
    pub operation: String,
    pub request_id: String,
}

/// The record of a version of a user or a group.
pub(crate) struct Resource {
    pub origin: Origin,
    pub resource_type: &'static ResourceType,
    pub id: ResourceId,
    pub version: u64,
    pub previous: Option<OffsetDateTime>,
    /// When the resource was created.
    pub created: OffsetDateTime,
    /// Each changed attribute with its value before and after.
    pub changes: Map<String, Value>,
    pub state: State,
}

/// The record of a change of a group's members, or of a step of a large one.
pub(crate) struct Members {
    pub origin: Origin,
    pub group: ResourceId,
    pub change: ResourceId,
    /// Which step it is.
    pub step: Option<u64>,
    pub added: Vec<ResourceId>,
    pub removed: Vec<ResourceId>,
}

impl Record {
    /// The record of an item. What is no change record at all needs no event either.
    ///
    /// # Errors
    /// When it is a change record, and not one that this release can read.
    pub fn read(item: &Image<'_>) -> Result<Self, Unreadable> {
        let sort_key = item.text("sk");
        if !sort_key.is_some_and(|key| key.starts_with("E#")) {
            return Ok(Self::Nothing);
        }
        let tenant = item.text("pk").and_then(|key| key.strip_prefix("T#"));
        let tenant = tenant.and_then(|id| TenantId::parse(id).ok());
        let parts: Vec<&str> = sort_key.unwrap_or_default().split('#').collect();
        let is_known = !item.0.contains_key("f") || item.number("f").is_some_and(|f| f <= READ);
        let read = tenant.clone().filter(|_| is_known);
        let read = read.and_then(|tenant| Self::of(item, tenant, &parts));
        read.ok_or_else(|| Unreadable {
            tenant,
            sort_key: sort_key.map(str::to_owned),
        })
    }

    fn of(item: &Image<'_>, tenant: TenantId, key: &[&str]) -> Option<Self> {
        let origin = |at| {
            let text = |name| item.text(name).map(str::to_owned);
            Some(Origin {
                tenant,
                at: time(at)?,
                actor: text("actor")?,
                operation: text("operation")?,
                request_id: text("request_id")?,
            })
        };
        match *key {
            ["E", at, "M", group, change, ref step @ ..] => {
                let step = match *step {
                    [] => None,
                    [step] if step.starts_with('~') => Some(number(step.strip_prefix('~')?)?),
                    // A part of what was decided: what is made of it, the steps tell.
                    [_] => return Some(Self::Nothing),
                    _ => return None,
                };
                let members = Members {
                    origin: origin(at)?,
                    group: ResourceId::parse(group)?,
                    change: ResourceId::parse(change)?,
                    step,
                    added: item.ids("added")?,
                    removed: item.ids("removed")?,
                };
                Some(Self::Members(members))
            }
            ["E", _, "I", ..] => Some(Self::Nothing),
            ["E", at, letter, id, version] => {
                let is_its = |known: &&&ResourceType| letter == known.letter.to_string();
                let resource_type = ALL.iter().find(is_its)?;
                let origin = origin(at)?;
                let changes = item.object("changes")?;
                let is_new = [CREATE, RESTORE].contains(&origin.operation.as_str());
                let is_gone = [DELETE, ERASE].contains(&origin.operation.as_str());
                let state = match (is_new, is_gone) {
                    (true, _) => State::of_new(resource_type, &changes),
                    (_, true) => State::of_gone(&changes),
                    _ => State::of_changed(item),
                };
                let record = Resource {
                    resource_type,
                    id: ResourceId::parse(id)?,
                    version: number(version).filter(|version| *version > 0)?,
                    previous: item.time("previous"),
                    created: item.time("created").unwrap_or(origin.at),
                    changes,
                    state,
                    origin,
                };
                Some(Self::Resource(record))
            }
            _ => None,
        }
    }
}

impl Resource {
    /// Whether the resource has come to be, or has come back.
    pub fn is_new(&self) -> bool {
        [CREATE, RESTORE].contains(&self.origin.operation.as_str())
    }

    /// What happened.
    pub fn kind(&self) -> Kind {
        let is_group = self.resource_type.name == GROUPS.name;
        let (created, updated, deleted, restored) = match is_group {
            true => (
                Kind::GroupCreated,
                Kind::GroupUpdated,
                Kind::GroupDeleted,
                Kind::GroupRestored,
            ),
            false => (
                Kind::MemberCreated,
                Kind::MemberUpdated,
                Kind::MemberDeleted,
                Kind::MemberRestored,
            ),
        };
        match self.origin.operation.as_str() {
            CREATE => created,
            RESTORE => restored,
            DELETE | ERASE => deleted,
            _ => match self.access() {
                (false, true) => Kind::MemberActivated,
                (true, false) => Kind::MemberDeactivated,
                _ => updated,
            },
        }
    }

    /// Whether there was access before, and whether there is afterwards, if that has changed: only
    /// an explicit `true` gives it.
    fn access(&self) -> (bool, bool) {
        let change = self.resource_type.access;
        let change = change.and_then(|name| self.changes.get(name));
        let side = |side| change.and_then(|change| change.get(side)?.as_bool());
        ["before", "after"]
            .map(|name| side(name) == Some(true))
            .into()
    }
}
