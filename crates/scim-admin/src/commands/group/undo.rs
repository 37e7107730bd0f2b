//! `group members --undo-since`.

use std::collections::BTreeSet;

use account::Account;
use account::deleted::name;
use account::undo::{Asked, Plan, Undone};
use scim::ResourceId;
use scim::schema::GROUPS;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::report::Report;
use crate::terminal::{columns, exact, printable, stamp};

/// Makes the members of a group those of a time.
pub async fn run(asked: &Asked, account: &Account) -> Result<Undone, Failure> {
    Ok(account.undo_members(asked).await?)
}

/// What becomes of whom.
fn rows(plan: &Plan) -> impl Iterator<Item = (&'static str, &ResourceId)> {
    let all = [
        ("put back", &plan.put_back),
        ("removed", &plan.removed),
        ("gone", &plan.gone),
    ];
    all.into_iter()
        .flat_map(|(what, ids)| ids.iter().map(move |id| (what, id)))
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
            printable(&name(&GROUPS, &self.group)),
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
        let rows = rows(&self.plan).map(|(what, id)| {
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
            "since": exact(self.since),
            "dryRun": self.is_dry_run,
            "putBack": ids(&self.plan.put_back),
            "removed": ids(&self.plan.removed),
            "gone": ids(&self.plan.gone),
        })
    }
}
