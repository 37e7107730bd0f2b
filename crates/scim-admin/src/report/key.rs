//! API keys, as several commands show them.

use serde_json::{Value, json};
use store::secrets::KeyRecord;
use tenant::KeyId;

use super::Report;
use crate::terminal::{columns, exact, stamp};

/// What an operator is told with a new key.
pub const ONCE: &str = "copy the key now: it is not stored and cannot be shown again";

impl Report for KeyRecord {
    fn text(&self) -> String {
        table(std::slice::from_ref(self))
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id.as_str(),
            "label": self.label,
            "created": exact(self.created),
            "expires": self.expires.map(exact),
            "revoked": self.revoked.map(exact),
            "replacedBy": self.replaced_by.as_ref().map(KeyId::as_str),
        })
    }
}

/// One line for each key.
pub fn table(records: &[KeyRecord]) -> String {
    let rows = records.iter().map(|record| {
        [
            record.id.to_string(),
            stamp(record.created),
            expiry(record),
            record.revoked.map_or_else(|| "no".to_owned(), stamp),
            record.label.clone(),
        ]
    });
    columns(["KEY ID", "CREATED", "EXPIRES", "REVOKED", "LABEL"], rows)
}

/// When a key expires.
pub fn expiry(record: &KeyRecord) -> String {
    record.expires.map_or_else(|| "never".to_owned(), stamp)
}
