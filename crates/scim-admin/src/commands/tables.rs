//! `tables create`.

use serde_json::{Value, json};
use store::Store;
use store::client::tables::CreatedTable;

use crate::failure::Failure;
use crate::report::Report;
use crate::terminal::columns;

/// Creates the tables that do not exist yet.
pub async fn create(store: &Store, sessions: &str) -> Result<Vec<CreatedTable>, Failure> {
    let mut tables = store.create_tables().await?;
    tables.push(store.create_sessions_table(sessions).await?);
    Ok(tables)
}

impl Report for Vec<CreatedTable> {
    fn text(&self) -> String {
        let rows = self.iter().map(|table| {
            [
                table.name.clone(),
                if table.created { "created" } else { "exists" }.to_owned(),
            ]
        });
        columns(["TABLE", "STATE"], rows)
    }

    fn json(&self) -> Value {
        let tables = self.iter();
        tables
            .map(|table| json!({ "table": table.name, "created": table.created }))
            .collect()
    }
}
