//! `tenant attributes`.

use account::attributes::Attributes;
use serde_json::{Value, json};

use super::Report;
use crate::terminal::{columns, exact, stamp};

impl Report for Attributes {
    fn text(&self) -> String {
        let rows = self.used.iter().map(|(path, used)| {
            [
                used.users.to_string(),
                used.changed.map_or_else(|| "-".to_owned(), stamp),
                path.clone(),
            ]
        });
        let mut text = format!("{} users\n\n", self.users);
        text.push_str(&columns(["USERS", "CHANGED", "ATTRIBUTE"], rows));
        text.push_str("\n\n");
        if self.ignored.is_empty() {
            text.push_str("no request on record names what is not known here");
            return text;
        }
        let rows = self.ignored.iter().map(|(name, ignored)| {
            [
                ignored.requests.to_string(),
                stamp(ignored.last),
                name.clone(),
            ]
        });
        text.push_str(&columns(
            ["REQUESTS", "LAST", "IGNORED, AS NOT KNOWN HERE"],
            rows,
        ));
        text
    }

    fn json(&self) -> Value {
        let used = self.used.iter().map(|(path, used)| {
            json!({
                "path": path,
                "users": used.users,
                "changed": used.changed.map(exact),
            })
        });
        let ignored = self.ignored.iter().map(|(name, ignored)| {
            json!({
                "name": name,
                "requests": ignored.requests,
                "last": exact(ignored.last),
            })
        });
        json!({
            "users": self.users,
            "attributes": used.collect::<Value>(),
            "ignored": ignored.collect::<Value>(),
            "isCut": self.is_cut,
        })
    }

    fn note(&self) -> Option<String> {
        let cut = "there are more than are told apart here; `scim-admin requests --ndjson` has all";
        self.is_cut.then(|| cut.to_owned())
    }
}
