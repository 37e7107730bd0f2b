//! `tenant export`.

use account::Account;
use account::export::{Exported, ExportedFile};
use serde_json::{Value, json};
use store::Store;

use crate::args::ExportArgs;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::report::Report;
use crate::report::record::json_line;
use crate::terminal::columns;

/// Writes all that a tenant owns to files.
pub async fn run(arguments: &ExportArgs, store: &Store) -> Result<Exported, Failure> {
    let account = Account::open(store, &arguments.tenant).await?;
    let mut progress = Progress::new();
    let tenant = arguments.tenant.clone();
    let exported = account.export(
        &arguments.to,
        arguments.force,
        move |record| json_line(&tenant, record),
        |file, count| progress.say(|| format!("{file}: {count}")),
    );
    Ok(Box::pin(exported).await?)
}

impl Report for Exported {
    fn text(&self) -> String {
        let rows = self.files.iter().map(|file| {
            [
                file.name.clone(),
                file.count.to_string(),
                file.bytes.to_string(),
                file.sha256.clone(),
            ]
        });
        columns(["FILE", "COUNT", "BYTES", "SHA-256"], rows)
    }

    fn json(&self) -> Value {
        let files: Value = self.files.iter().map(ExportedFile::json).collect();
        json!({
            "folder": self.folder.display().to_string(),
            "wasEnabled": self.was_enabled,
            "files": files,
        })
    }

    fn note(&self) -> Option<String> {
        let of_moments = match self.was_enabled {
            true => {
                " The tenant is enabled, so what was written meanwhile may be in some of the files only: disable it before an export that is to be imported."
            }
            false => "",
        };
        Some(format!(
            "note: {} holds personal data, readable by you alone; `{}` in it says that the export is complete.{of_moments}",
            self.folder.display(),
            account::export::MANIFEST
        ))
    }
}
