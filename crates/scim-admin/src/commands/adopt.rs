//! `tables adopt`.

use serde_json::{Value, json};
use store::Store;
use store::client::adopt::{AdoptedTable, Setting};

use crate::failure::Failure;
use crate::report::Report;
use crate::terminal::columns;

/// Gives both tables the settings that they need.
pub async fn run(store: &Store) -> Result<Vec<AdoptedTable>, Failure> {
    Ok(store.adopt_tables().await?)
}

impl Report for Vec<AdoptedTable> {
    fn text(&self) -> String {
        let rows = self.iter().flat_map(|table| {
            table.settings.iter().map(|setting| {
                [
                    table.name.clone(),
                    setting.name.to_owned(),
                    setting.was.clone(),
                    setting.is.clone(),
                    advice(setting).to_owned(),
                ]
            })
        });
        columns(["TABLE", "SETTING", "WAS", "IS", ""], rows)
    }

    fn json(&self) -> Value {
        let tables = self.iter();
        tables
            .map(|table| {
                let settings: Vec<Value> = table
                    .settings
                    .iter()
                    .map(|setting| {
                        json!({
                            "name": setting.name,
                            "was": setting.was,
                            "is": setting.is,
                            "isRight": setting.is_right,
                        })
                    })
                    .collect();
                json!({ "table": table.name, "kind": table.kind, "settings": settings })
            })
            .collect()
    }

    fn note(&self) -> Option<String> {
        let secrets = self.iter().find(|table| table.kind == "secrets")?;
        Some(format!(
            "note: if `{}` was restored, it has keys that were revoked and tenants that were disabled since, and they are accepted: `scim-admin key revoke --as-in TABLE` ends them as the table that it replaces has them, `--as-in-log FILE` as `scim-admin audit --ndjson` had them; if the directory was restored, `scim-admin user erase TENANT --again` repeats the erasures",
            secrets.name
        ))
    }
}

/// What there is to do about a setting that is not changed here.
fn advice(setting: &Setting) -> &'static str {
    match (setting.is_right, setting.name) {
        (true, _) => "",
        (false, "encryption") => "the service asks for KMS: see that this is meant",
        (false, "time to live") => "this table needs none: turn it off",
        (false, _) => "the service expects PAY_PER_REQUEST",
    }
}
