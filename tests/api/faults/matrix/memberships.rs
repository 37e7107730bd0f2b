//! Who is in which group, as the items say: the edges, and what is decided and not carried out.

use std::collections::{BTreeMap, BTreeSet};

use super::request::Request;
use super::tenants::{Fixture, Found, Tenant, Users};
use crate::support::directory::{Items, bytes, text};
use crate::support::groups::{path, values};
use crate::support::members::ids;

/// The members of each group that is there.
pub type Members = BTreeMap<String, BTreeSet<String>>;

/// The members of all groups of a tenant with these items.
pub fn members(items: &Items) -> Members {
    let mut members = Members::new();
    for sort_key in items.keys() {
        match sort_key.split('#').collect::<Vec<_>>()[..] {
            ["G", group] => _ = members.entry(group.to_owned()).or_default(),
            ["M", group, user] if user != "~" => {
                let entry = members.entry(group.to_owned()).or_default();
                entry.insert(user.to_owned());
            }
            _ => {}
        }
    }
    for (sort_key, pending) in items {
        let group = sort_key.strip_prefix("J#");
        let Some(group) = group.filter(|group| !group.starts_with('!')) else {
            continue;
        };
        let gone = pending
            .get("gone")
            .map(|gone| gone.as_ss().unwrap().clone());
        let gone = gone.unwrap_or_default();
        let of_group = members.entry(group.to_owned()).or_default();
        let record = format!("{}#", text(pending, "record"));
        for (_, record) in items.iter().filter(|(key, _)| key.starts_with(&record)) {
            for user in ids(bytes(record, "removed")) {
                of_group.remove(&user);
            }
            let added = ids(bytes(record, "added"));
            of_group.extend(added.into_iter().filter(|user| !gone.contains(user)));
        }
    }
    members.retain(|group, _| items.contains_key(&format!("G#{group}")));
    members
}

impl Found {
    /// The members of a group, in order; nobody's if there is none.
    pub fn members_of(&self, group: &str) -> Vec<&str> {
        let members = self.members.get(group).into_iter().flatten();
        members.map(String::as_str).collect()
    }

    /// The group with this name, if there is exactly one.
    pub fn group_named(&self, name: &str) -> Option<&str> {
        let mut named = self.items.iter().filter_map(|(key, item)| {
            let group = key.strip_prefix("G#").filter(|id| !id.contains('#'))?;
            let document = text(item, "document");
            let document: serde_json::Value = serde_json::from_str(document).unwrap();
            (document["displayName"] == name).then_some(group)
        });
        let group = named.next();
        assert_eq!(named.next(), None, "two groups are called {name}");
        group
    }
}

impl Fixture {
    /// Both sides of every membership are answered as the items have them.
    pub async fn assert_both_sides(&self, tenant: &Tenant, found: &Found) {
        let calm = self.calm(tenant);
        let Users { crew, spare, .. } = &self.users;
        let is_shown = |group: &String| group == crew || group == spare;
        for (group, members) in found.members.iter().filter(|(group, _)| is_shown(group)) {
            let answer = calm.get(&path(group)).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            let members: Vec<_> = members.iter().cloned().collect();
            assert_eq!(values(&answer.body, "members"), members, "{group}");
        }
        for user in [&self.users.lena]
            .into_iter()
            .chain(self.users.crowd.first())
        {
            let answer = calm.get(&format!("/Users/{user}")).await;
            if answer.status != 404 {
                let groups = found.members.iter();
                let groups = groups.filter(|(_, members)| members.contains(user));
                let groups: Vec<_> = groups.map(|(group, _)| group.clone()).collect();
                assert_eq!(values(&answer.body, "groups"), groups, "{user}");
            }
        }
    }
}

/// A request that changes a group.
pub fn patch_group(group: &str, operations: serde_json::Value) -> Request {
    let body = serde_json::json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations,
    });
    Request::new("PATCH", path(group), Some(body))
}
