//! API keys, client secrets and trusts, as several commands show them.

use serde_json::{Value, json};
use store::secrets::{KeyKind, KeyRecord};
use tenant::{KeyId, TenantId};

use super::Report;
use crate::terminal::{columns, exact, stamp};

/// What an operator is told with a new key.
pub const ONCE: &str = "copy the key now: it is not stored and cannot be shown again";

impl Report for KeyRecord {
    fn text(&self) -> String {
        table(std::slice::from_ref(self))
    }

    fn json(&self) -> Value {
        let mut value = json!({
            "id": self.id.as_str(),
            "kind": match self.kind {
                KeyKind::ApiKey => "apiKey",
                KeyKind::ClientSecret(_) => "clientSecret",
                KeyKind::Trust(..) => "trust",
            },
            "label": self.label,
            "created": exact(self.created),
            "expires": self.expires.map(exact),
            "revoked": self.revoked.map(exact),
            "replacedBy": self.replaced_by.as_ref().map(KeyId::as_str),
        });
        if let (Value::Object(members), Some(client)) = (&mut value, self.kind.client()) {
            members.insert("clientId".to_owned(), json!(client.as_str()));
        }
        value
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

/// What it is, in a table.
pub fn kind(record: &KeyRecord) -> String {
    match &record.kind {
        KeyKind::ApiKey => "API-KEY".to_owned(),
        KeyKind::ClientSecret(client) => format!("secret of {client}"),
        KeyKind::Trust(client, _) => format!("trust of {client}"),
    }
}

/// What it is, in a sentence.
pub fn named(record: &KeyRecord) -> String {
    match &record.kind {
        KeyKind::ApiKey => format!("key {}", record.id),
        KeyKind::ClientSecret(client) => format!("secret {} of client {client}", record.id),
        KeyKind::Trust(client, _) => format!("trust {} of client {client}", record.id),
    }
}

/// The command that replaces it, if it is replaced before its end.
pub fn rotation(tenant: &TenantId, record: &KeyRecord) -> Option<String> {
    match &record.kind {
        KeyKind::ApiKey => Some(format!("scim-admin key rotate {tenant} {}", record.id)),
        KeyKind::ClientSecret(client) => Some(format!(
            "scim-admin client rotate {tenant} {client} {}",
            record.id
        )),
        KeyKind::Trust(..) => None,
    }
}

/// The command that ends it.
pub fn revocation(tenant: &TenantId, record: &KeyRecord) -> String {
    match record.kind.client() {
        None => format!("scim-admin key revoke {tenant} {}", record.id),
        Some(client) => format!("scim-admin client revoke {tenant} {client} {}", record.id),
    }
}
