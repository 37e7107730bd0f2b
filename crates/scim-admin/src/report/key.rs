//! API keys, as several commands show them.

use serde_json::{Value, json};
use store::secrets::KeyRecord;
use tenant::{ApiKey, KeyId};

use super::Report;
use crate::terminal::{columns, stamp};

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
            "created": stamp(self.created),
            "expires": self.expires.map(stamp),
            "revoked": self.revoked.map(stamp),
            "replacedBy": self.replaced_by.as_ref().map(KeyId::as_str),
        })
    }
}

/// The JSON of a key that was just made, the secret included.
pub fn with_secret(key: &ApiKey, record: &KeyRecord) -> Value {
    let mut value = record.json();
    if let Value::Object(members) = &mut value {
        members.insert("tenant".to_owned(), json!(key.tenant().as_str()));
        members.insert("key".to_owned(), json!(key.expose()));
    }
    value
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
