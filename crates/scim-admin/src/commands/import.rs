//! `tenant import`.

use account::import::{Imported, Progress as Of, Source, import};
use serde_json::{Map, Value, json};
use store::Store;

use crate::args::ImportArgs;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::report::Report;
use crate::terminal::{columns, exact, stamp};

/// Takes what a tenant owns from an export, or from another table.
pub async fn run(arguments: &ImportArgs, store: &Store) -> Result<Imported, Failure> {
    // What is written to another table than is meant is not found again.
    store.check_tables().await?;
    let source = match (&arguments.from, &arguments.from_table) {
        (Some(folder), _) => Source::Folder(folder.clone()),
        (None, table) => Source::Table(table.clone().unwrap_or_default()),
    };
    let mut progress = Progress::new();
    let told = |far| {
        progress.say(|| match far {
            Of::Checked(lines) => format!("checked: {lines} lines"),
            Of::Removed(items) => format!("removed: {items} items"),
            Of::Written(items) => format!("written: {items} items"),
        });
    };
    let imported = import(store, &arguments.tenant, &source, arguments.replace, told);
    Ok(Box::pin(imported).await?)
}

impl Report for Imported {
    fn text(&self) -> String {
        let counts = self.counts.iter();
        let rows = counts.map(|(kind, count)| [kind.to_owned(), count.to_string()]);
        let mut text = match self.was_complete {
            Some(at) => format!(
                "the same was imported {}, and nothing was written now; --replace imports it again",
                stamp(at)
            ),
            None => columns(["IMPORTED", ""], rows),
        };
        if self.was_begun {
            text.push_str("\n\nwent on with an import that was ended early");
        }
        let defects = self.audit.defects.len();
        text.push_str(&match defects {
            0 => format!("\nno defects in {} resources", self.audit.resources),
            _ => format!("\n{defects} defects in {} resources", self.audit.resources),
        });
        for defect in self.audit.defects.iter().chain(&self.audit.in_use) {
            text.push_str(&format!("\n  {defect}"));
        }
        text
    }

    fn json(&self) -> Value {
        let counts: Map<String, Value> = self
            .counts
            .iter()
            .map(|(kind, count)| (kind.to_owned(), count.into()))
            .collect();
        let defects = self.audit.defects.iter().map(ToString::to_string);
        json!({
            "tenant": self.tenant.as_str(),
            "created": self.is_new,
            "wasBegun": self.was_begun,
            "wasComplete": self.was_complete.map(exact),
            "items": counts,
            "resources": self.audit.resources,
            "defects": defects.collect::<Vec<_>>(),
        })
    }

    fn note(&self) -> Option<String> {
        let keys = match self.is_new {
            true => {
                "the tenant was created, disabled and without keys, which are not imported: `scim-admin key create` makes one, `scim-admin tenant enable` lets it in. "
            }
            false => "",
        };
        Some(format!(
            "note: {keys}Whoever was erased since is back: `scim-admin user erase {} --again` erases them again",
            self.tenant
        ))
    }

    fn is_bad_news(&self) -> bool {
        !self.audit.defects.is_empty()
    }
}
