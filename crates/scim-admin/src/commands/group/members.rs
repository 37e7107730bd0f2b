//! `group members`.

use std::collections::HashMap;

use scim::ResourceId;
use serde_json::{Value, json};
use store::directory::members::Member;
use store::{Gate, Meter, Store};
use tenant::TenantId;

use super::{find, members_of, user_names};
use crate::failure::Failure;
use crate::report::Report;
use crate::terminal::columns;

/// The members of a group, in the order of their ids.
#[derive(Debug)]
pub struct Members {
    members: Vec<Member>,
    names: HashMap<ResourceId, String>,
}

/// Lists the members of a group.
pub async fn run(tenant: &TenantId, group: &str, store: &Store) -> Result<Members, Failure> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    store.find_tenant(tenant, &meter).await?;
    let directory = store.tenant(tenant, &meter, &gate);
    let group = find(&directory, group).await?;
    let members = members_of(&directory, &group).await?;
    let ids: Vec<ResourceId> = members.iter().map(|member| member.id.clone()).collect();
    let names = user_names(&directory, &ids).await?;
    Ok(Members { members, names })
}

impl Report for Members {
    fn text(&self) -> String {
        let rows = self.members.iter().map(|member| {
            let name = self.names.get(&member.id);
            [
                member.id.to_string(),
                name.map_or("?", String::as_str).to_owned(),
                member.display.clone().unwrap_or_default(),
            ]
        });
        columns(["USER", "USERNAME", "DISPLAY"], rows)
    }

    fn json(&self) -> Value {
        self.members
            .iter()
            .map(|member| {
                json!({
                    "id": member.id.as_str(),
                    "userName": self.names.get(&member.id),
                    "display": member.display,
                })
            })
            .collect()
    }
}
