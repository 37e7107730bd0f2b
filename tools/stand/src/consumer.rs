//! A consumer of member events, which keeps by them what there is, as docs/EVENTS.md tells the
//! product to.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What a consumer has been told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Consumer {
    /// By tenant and id, with the version: the user, unless it is gone.
    users: BTreeMap<(String, String), (u64, Option<Value>)>,
    /// The same of groups, whose members are apart.
    groups: BTreeMap<(String, String), (u64, Option<Value>)>,
    /// By tenant, group and user, with the version: whether the user is a member.
    memberships: BTreeMap<(String, String, String), (u64, bool)>,
    /// How many events told of a record that could not be read.
    pub unreadable: u64,
}

/// What a consumer knows of a tenant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    /// By id, the users that there are.
    pub users: BTreeMap<String, Value>,
    /// By id, the groups that there are, each with its members.
    pub groups: BTreeMap<String, (Value, BTreeSet<String>)>,
}

impl Consumer {
    /// Takes in an event: what is newer counts.
    pub fn apply(&mut self, event: &Value) {
        let kind = event["type"].as_str().expect("a type");
        let kind = kind.strip_prefix("com.hellotracks.").expect("a known type");
        let data = &event["data"];
        let text = |name: &str| data[name].as_str().expect(name).to_owned();
        if kind == "member.unreadable" {
            self.unreadable += 1;
            return;
        }
        let (tenant, version) = (text("tenant"), data["version"].as_u64().expect("a version"));
        if let "group.member_added" | "group.member_removed" = kind {
            for user in data["members"].as_array().expect("members") {
                let user = user.as_str().expect("an id").to_owned();
                let of = (tenant.clone(), text("groupId"), user);
                let is_member = kind == "group.member_added";
                keep(&mut self.memberships, of, version, is_member);
            }
            return;
        }
        let (all, id, state) = match kind.split_once('.') {
            Some(("member", _)) => (&mut self.users, text("userId"), "user"),
            _ => (&mut self.groups, text("groupId"), "group"),
        };
        let state = (!kind.ends_with(".deleted")).then(|| data[state].clone());
        keep(all, (tenant, id), version, state);
    }

    /// What there is: who is gone is in no group, and a group that is gone has no members.
    pub fn view(&self, tenant: &str) -> View {
        let there = |all: &BTreeMap<(String, String), (u64, Option<Value>)>| {
            all.iter()
                .filter(|((of, _), _)| of == tenant)
                .filter_map(|((_, id), (_, state))| Some((id.clone(), state.clone()?)))
                .collect::<BTreeMap<String, Value>>()
        };
        let users = there(&self.users);
        let mut groups: BTreeMap<String, (Value, BTreeSet<String>)> = there(&self.groups)
            .into_iter()
            .map(|(id, group)| (id, (group, BTreeSet::new())))
            .collect();
        for ((of, group, user), (_, is_member)) in &self.memberships {
            if of == tenant
                && *is_member
                && users.contains_key(user)
                && let Some((_, members)) = groups.get_mut(group)
            {
                members.insert(user.clone());
            }
        }
        View { users, groups }
    }
}

fn keep<K: Ord, T>(all: &mut BTreeMap<K, (u64, T)>, key: K, version: u64, state: T) {
    let is_newer = all.get(&key).is_none_or(|(known, _)| version > *known);
    if is_newer {
        all.insert(key, (version, state));
    }
}
