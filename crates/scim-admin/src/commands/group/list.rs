//! `group list`.

use scim::schema::GROUPS;
use scim::{Meta, Stored};
use serde_json::{Value, json};
use store::{Gate, Meter, Store};
use tenant::TenantId;
use time::OffsetDateTime;

use crate::commands::deleted::name;
use crate::failure::Failure;
use crate::report::Report;
use crate::terminal::{columns, stamp};

/// The groups of a tenant, in the order of their names.
#[derive(Debug)]
pub struct Groups(Vec<Stored>);

/// Lists the groups of a tenant.
pub async fn run(tenant: &TenantId, store: &Store) -> Result<Groups, Failure> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    store.find_tenant(tenant, &meter).await?;
    let directory = store.tenant(tenant, &meter, &gate);
    let mut groups = Vec::new();
    directory.all(&GROUPS, |group| groups.push(group)).await?;
    groups.sort_by_cached_key(|group| name(&GROUPS, group));
    Ok(Groups(groups))
}

/// When a group or its members were last changed.
pub fn changed(meta: &Meta) -> OffsetDateTime {
    let members = meta.membership.last_modified;
    members.map_or(meta.last_modified, |at| at.max(meta.last_modified))
}

impl Report for Groups {
    fn text(&self) -> String {
        let rows = self.0.iter().map(|group| {
            [
                group.id.to_string(),
                group.meta.membership.members.to_string(),
                stamp(changed(&group.meta)),
                name(&GROUPS, group),
            ]
        });
        columns(["GROUP", "MEMBERS", "CHANGED", "DISPLAYNAME"], rows)
    }

    fn json(&self) -> Value {
        self.0
            .iter()
            .map(|group| {
                json!({
                    "id": group.id.as_str(),
                    "displayName": name(&GROUPS, group),
                    "members": group.meta.membership.members,
                    "lastModified": stamp(changed(&group.meta)),
                })
            })
            .collect()
    }
}
