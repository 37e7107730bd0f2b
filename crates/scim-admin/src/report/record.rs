//! Records of a tenant's history, as text and as JSON.

use std::collections::HashMap;

use scim::ResourceId;
use serde_json::{Value, json};
use store::directory::history::{GroupsRecord, Record};
use store::directory::members::MemberRecord;
use store::directory::record::{Actor, ChangeKind, ChangeRecord, GroupsMoved};
use tenant::TenantId;
use time::OffsetDateTime;

use crate::terminal::{self, exact, printable, stamp};

/// How many of those who became members, and of those who are none any more, a text names.
pub const NAMED: usize = 20;

/// One line of JSON.
pub fn json_line(tenant: &TenantId, record: &Record) -> String {
    terminal::json(&record_json(tenant, record).to_string()).into_owned()
}

/// What programs read of a record.
pub fn record_json(tenant: &TenantId, record: &Record) -> Value {
    match record {
        Record::Change(record) => change_json(tenant, record),
        Record::Members(record) => members_json(tenant, record),
        Record::Groups(record) => {
            let mut value = origin_json(
                tenant,
                record.at,
                &record.actor,
                &record.operation,
                &record.request_id,
            );
            add(&mut value, "resourceType", "User".into());
            add(&mut value, "id", record.user.as_str().into());
            add_groups(&mut value, &record.groups);
            value
        }
        Record::Unknown { at, key } => json!({
            "time": exact(*at),
            "tenant": tenant.as_str(),
            "unknown": key,
        }),
    }
}

fn origin_json(
    tenant: &TenantId,
    at: OffsetDateTime,
    by: &Actor,
    operation: &ChangeKind,
    request_id: &str,
) -> Value {
    json!({
        "time": exact(at),
        "tenant": tenant.as_str(),
        "actor": actor(by),
        "operation": operation.as_str(),
        "requestId": request_id,
    })
}

fn add(value: &mut Value, name: &str, of: Value) {
    if let Value::Object(members) = value {
        members.insert(name.to_owned(), of);
    }
}

fn change_json(tenant: &TenantId, record: &ChangeRecord) -> Value {
    let mut value = origin_json(
        tenant,
        record.at,
        &record.actor,
        &record.operation,
        &record.request_id,
    );
    add(&mut value, "resourceType", record.resource_type.into());
    add(&mut value, "id", record.id.as_str().into());
    add(&mut value, "version", record.version.into());
    add(&mut value, "changes", record.changes.clone().into());
    add_groups(&mut value, &record.groups);
    value
}

/// The groups that a user left or came back to, where there are any.
fn add_groups(value: &mut Value, groups: &GroupsMoved) {
    for (name, groups) in [
        ("groupsLeft", &groups.left),
        ("groupsReturned", &groups.returned),
    ] {
        if !groups.is_empty() {
            add(value, name, ids(groups.iter()));
        }
    }
}

fn members_json(tenant: &TenantId, record: &MemberRecord) -> Value {
    let mut value = origin_json(
        tenant,
        record.at,
        &record.actor,
        &record.operation,
        &record.request_id,
    );
    add(&mut value, "resourceType", "Group".into());
    add(&mut value, "id", record.group.as_str().into());
    let members = json!({
        "added": ids(record.added()),
        "removed": ids(record.removed()),
        "leftOut": record.left_out,
        "leftOutNamed": record.left_out_named,
    });
    add(&mut value, "members", members);
    value
}

fn ids<'i>(ids: impl Iterator<Item = &'i ResourceId>) -> Value {
    ids.map(ResourceId::as_str).collect()
}

/// A line of text for each record, and others below it that say more. `names` are the userNames of
/// users that exist.
pub fn text_line(record: &Record, names: &HashMap<ResourceId, String>) -> String {
    match record {
        Record::Change(record) => change_text(record),
        Record::Members(record) => members_text(record, names),
        Record::Groups(record) => groups_text(record),
        Record::Unknown { at, key } => format!(
            "{}  a record of a kind that this version does not know: {}",
            stamp(*at),
            printable(key)
        ),
    }
}

fn change_text(record: &ChangeRecord) -> String {
    let side = |change: &Value, side: &str| match change.get(side) {
        Some(value) => value.to_string(),
        None => "-".to_owned(),
    };
    let changes = record.changes.iter().map(|(attribute, change)| {
        let (before, after) = (side(change, "before"), side(change, "after"));
        let change = format!("{attribute}: {before} -> {after}");
        printable(&change).into_owned()
    });
    let lines: Vec<String> = changes.chain(moved(&record.groups)).collect();
    format!(
        "{}  {:7}  {} {} version {}, {}, request {}\n    {}",
        stamp(record.at),
        printable(record.operation.as_str()),
        record.resource_type,
        record.id,
        record.version,
        printable(&actor(&record.actor)),
        printable(&record.request_id),
        lines.join("\n    ")
    )
}

fn members_text(record: &MemberRecord, names: &HashMap<ResourceId, String>) -> String {
    let (added, removed) = (record.added().count(), record.removed().count());
    let mut text = format!(
        "{}  {:7}  Group {} members +{added} -{removed}, {}, request {}",
        stamp(record.at),
        printable(record.operation.as_str()),
        record.group,
        printable(&actor(&record.actor)),
        printable(&record.request_id)
    );
    let mut line = |sign: char, all: Vec<String>, count: u64| {
        let shown = all.len() as u64;
        if count > 0 {
            let more = match count.saturating_sub(shown) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let all = all.join(", ");
            text.push_str(&format!("\n    {sign} {}{more}", printable(&all)));
        }
    };
    let name = |id: &ResourceId| names.get(id).map_or(id.as_str(), String::as_str).to_owned();
    let all = record.added().take(NAMED).map(name).collect();
    line('+', all, added as u64);
    let all = record.removed().take(NAMED).map(name).collect();
    line('-', all, removed as u64);
    let mut all = record.left_out_named.clone();
    if let Some(first) = all.first_mut() {
        first.insert_str(0, "left out, as they are no users: ");
    }
    line('?', all, record.left_out);
    text
}

fn groups_text(record: &GroupsRecord) -> String {
    let lines: Vec<String> = moved(&record.groups).collect();
    format!(
        "{}  {:7}  User {}, {}, request {}\n    {}",
        stamp(record.at),
        printable(record.operation.as_str()),
        record.user,
        printable(&actor(&record.actor)),
        printable(&record.request_id),
        lines.join("\n    ")
    )
}

/// How many groups a user left, and came back to.
fn moved(groups: &GroupsMoved) -> impl Iterator<Item = String> {
    let moved = [("left", &groups.left), ("came back to", &groups.returned)];
    moved
        .into_iter()
        .filter(|(_, groups)| !groups.is_empty())
        .map(|(what, groups)| format!("{what} {} groups", groups.len()))
}

fn actor(actor: &Actor) -> String {
    match actor {
        Actor::Key(key) => format!("key {key}"),
        Actor::Operator => "operator".to_owned(),
        Actor::Other(other) => other.clone(),
    }
}
