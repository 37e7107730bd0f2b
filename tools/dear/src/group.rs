//! Requests for groups that cost as much as they can.

use fastrand::Rng;
use serde_json::{Value, json};

/// The largest body of a request for a group, in bytes.
pub const MAX_GROUP_BODY: usize = 4 * 1024 * 1024;

/// The most members that a request may name.
const MAX_MEMBERS: usize = 20_000;

/// What a dear request for a group does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupKind {
    /// PATCH: adds as many members as may be, and one more now and then.
    Add,
    /// PATCH: the same members are replaced, added and removed, over and over.
    Mixture,
    /// PATCH: thousands of operations that remove members by filters.
    RemoveByFilters,
    /// PATCH: filters of members as deep and as long as may be.
    DeepFilters,
    /// PUT: as many members as may be.
    Replace,
    /// A list of groups by many members.
    ByMembers,
    /// A list of users by many groups.
    ByGroups,
    /// A page of all groups with their members.
    Page,
}

impl GroupKind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Add,
        Self::Mixture,
        Self::RemoveByFilters,
        Self::DeepFilters,
        Self::Replace,
        Self::ByMembers,
        Self::ByGroups,
        Self::Page,
    ];
}

/// What a dear request for a group asks for.
#[derive(Debug, Clone)]
pub enum GroupRequest {
    /// A PATCH of the group.
    Patch(Value),
    /// A PUT of the group.
    Put(Value),
    /// A search for groups with this filter.
    Groups(String),
    /// A search for users with this filter.
    Users(String),
    /// A page of groups.
    Page,
}

/// A request of this kind that names some of these users, and others who do not exist.
pub fn group_request(kind: GroupKind, users: &[String], rng: &mut Rng) -> GroupRequest {
    let count = match rng.u8(..3) {
        0 => MAX_MEMBERS,
        1 => MAX_MEMBERS + rng.usize(..2),
        _ => rng.usize(..MAX_MEMBERS),
    };
    match kind {
        GroupKind::Add => patch([json!({
            "op": "add", "path": "members", "value": members(users, count, rng),
        })]),
        GroupKind::Replace => GroupRequest::Put(json!({
            "displayName": "dear", "members": members(users, count, rng),
        })),
        GroupKind::Mixture => {
            let ids: Vec<String> = (0..100).map(|_| id(users, rng)).collect();
            let value: Value = ids.iter().map(|id| json!({"value": id})).collect();
            patch((0..rng.usize(..200)).map(|number| {
                let op = ["replace", "add", "remove"][number % 3];
                json!({"op": op, "path": "members", "value": value})
            }))
        }
        GroupKind::RemoveByFilters => {
            let selections: Vec<String> = (0..5_000)
                .map(|_| format!("members[value eq \"{}\"]", id(users, rng)))
                .collect();
            patch(
                selections
                    .iter()
                    .map(|path| json!({"op": "remove", "path": path})),
            )
        }
        GroupKind::DeepFilters => {
            let depth = rng.usize(..60);
            let paths: Vec<String> = (0..rng.usize(1..300))
                .map(|_| {
                    let mut filter = format!("value eq \"{}\"", id(users, rng));
                    for _ in 0..depth {
                        filter = match rng.u8(..3) {
                            0 => format!("not ({filter})"),
                            1 => format!("(value ne \"{}\" and ({filter}))", id(users, rng)),
                            _ => format!("(type eq \"User\" or ({filter}))"),
                        };
                    }
                    format!("members[{filter}]")
                })
                .collect();
            patch(
                paths
                    .iter()
                    .map(|path| json!({"op": "remove", "path": path})),
            )
        }
        GroupKind::ByMembers => GroupRequest::Groups(any_of("members.value", users, rng)),
        GroupKind::ByGroups => GroupRequest::Users(any_of("groups.value", users, rng)),
        GroupKind::Page => GroupRequest::Page,
    }
}

/// Some of the users, and others who do not exist.
fn members(users: &[String], count: usize, rng: &mut Rng) -> Value {
    let one = |_| json!({"value": id(users, rng)});
    (0..count).map(one).collect()
}

fn id(users: &[String], rng: &mut Rng) -> String {
    match rng.choice(users) {
        Some(user) if rng.u8(..20) == 0 => user.clone(),
        _ => {
            let [high, low] = [rng.u64(..), rng.u64(..)];
            let text = format!("{high:016x}{low:016x}");
            let parts = [(0, 8), (8, 12), (13, 16), (17, 20), (20, 32)];
            let part = |(from, to)| text.get(from..to).unwrap_or_default().to_owned();
            let [a, b, c, d, e] = parts.map(part);
            format!("{a}-{b}-4{c}-8{d}-{e}")
        }
    }
}

/// A filter that names sixteen, which is the most, or one more.
fn any_of(attribute: &str, users: &[String], rng: &mut Rng) -> String {
    let count = rng.usize(15..=17);
    let terms: Vec<String> = (0..count)
        .map(|_| format!("{attribute} eq \"{}\"", id(users, rng)))
        .collect();
    match rng.bool() {
        true => terms.join(" or "),
        false => format!("not ({})", terms.join(" or ")),
    }
}

/// As many operations as fit.
fn patch(operations: impl IntoIterator<Item = Value>) -> GroupRequest {
    let mut size = 100;
    let operations: Vec<Value> = operations
        .into_iter()
        .take_while(|operation| {
            size += operation.to_string().len() + 1;
            size < MAX_GROUP_BODY
        })
        .collect();
    GroupRequest::Patch(json!({"Operations": operations}))
}
