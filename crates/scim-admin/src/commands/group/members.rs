//! `group members`.

use std::collections::HashMap;

use account::Account;
use scim::ResourceId;
use serde_json::{Value, json};
use store::directory::members::Member;

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
pub async fn run(account: &Account, group: &str) -> Result<Members, Failure> {
    let group = account.find_group(group).await?;
    let members = account.members_of(&group).await?;
    let ids: Vec<ResourceId> = members.iter().map(|member| member.id.clone()).collect();
    let names = account.user_names(&ids).await?;
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
