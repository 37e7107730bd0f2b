//! `key revoke --as-in` and `--as-in-log`: what has ended elsewhere is ended here.

use account::as_in::{Difference, Ended, What};
use serde_json::{Value, json};
use store::Store;

use crate::args::AsInArgs;
use crate::failure::Failure;
use crate::report::Report;
use crate::terminal::{columns, exact};

/// Ends what has ended elsewhere.
pub async fn run(arguments: &AsInArgs, store: &Store) -> Result<Vec<Difference>, Failure> {
    // The scan of another table would find nothing.
    store.check_tables().await?;
    let ended = match (&arguments.as_in, &arguments.as_in_log) {
        (Some(table), _) => {
            let other = store.over_secrets(table);
            other.check_tables().await?;
            Ended::in_table(&other).await?
        }
        (None, Some(path)) => {
            let lines = std::fs::read_to_string(path).map_err(|error| Failure::File {
                path: path.clone(),
                error,
            })?;
            Ended::on_log(&lines).map_err(account::Failure::from)?
        }
        (None, None) => Ended::default(),
    };
    Ok(ended.end_here(store).await?)
}

/// What it is about, what was found, and what there is to do.
fn told(difference: &Difference) -> (String, &'static str, &'static str) {
    match &difference.what {
        What::Revoked(key) => (key.to_string(), "revoked", ""),
        What::Ends(key, _) => (key.to_string(), "ends earlier", ""),
        What::Disabled => (String::new(), "disabled", ""),
        What::TurnedOff => (String::new(), "API turned off", ""),
        What::Deleted => (
            String::new(),
            "was deleted",
            "delete it again: scim-admin tenant delete",
        ),
        What::Missing(key) => (
            key.to_string(),
            "unknown here",
            "its holder gets 401: scim-admin key create",
        ),
    }
}

impl Report for Vec<Difference> {
    fn text(&self) -> String {
        if self.is_empty() {
            return "nothing has ended there that is not ended here".to_owned();
        }
        let rows = self.iter().map(|difference| {
            let (key, what, to_do) = told(difference);
            [
                difference.tenant.to_string(),
                key,
                what.to_owned(),
                to_do.to_owned(),
            ]
        });
        columns(["TENANT", "KEY", "NOW", "TO DO"], rows)
    }

    fn json(&self) -> Value {
        let differences = self.iter();
        differences
            .map(|difference| {
                let (key, what, _) = told(difference);
                let ends = match &difference.what {
                    What::Ends(_, end) => Some(exact(*end)),
                    _ => None,
                };
                json!({
                    "tenant": difference.tenant.as_str(),
                    "key": (!key.is_empty()).then_some(key),
                    "now": what,
                    "ends": ends,
                })
            })
            .collect()
    }
}
