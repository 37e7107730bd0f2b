//! `group list`.

use account::Account;
use account::deleted::name;
use account::groups::changed;
use scim::Stored;
use scim::schema::GROUPS;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::report::Report;
use crate::terminal::{columns, exact, stamp};

/// The groups of a tenant, in the order of their names.
#[derive(Debug)]
pub struct Groups(Vec<Stored>);

/// Lists the groups of a tenant.
pub async fn run(account: &Account) -> Result<Groups, Failure> {
    Ok(Groups(account.groups().await?))
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
                    "lastModified": exact(changed(&group.meta)),
                })
            })
            .collect()
    }
}
