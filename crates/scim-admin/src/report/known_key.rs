//! Keys, client secrets and trusts with what is known of their use.

use account::keys::KnownKey;
use serde_json::{Value, json};
use store::secrets::KeyWarning;

use super::Report;
use super::key::{expiry, rotation};
use crate::terminal::{exact, stamp};

fn warnings(key: &KnownKey) -> Vec<String> {
    key.warnings.iter().map(ToString::to_string).collect()
}

/// What has become of the key, or what there is to be done about it.
pub fn state(key: &KnownKey) -> String {
    if let Some(revoked) = key.record.revoked {
        format!("revoked {}", stamp(revoked))
    } else if key.is_expired {
        "expired".to_owned()
    } else {
        let mut state = warnings(key);
        if let Some(successor) = &key.record.replaced_by {
            let replaced = format!("replaced by {successor}, ends {}", expiry(&key.record));
            state.insert(0, replaced);
        }
        if state.is_empty() {
            state.push("active".to_owned());
        }
        state.join(", ")
    }
}

/// What to do before it ends.
pub fn advice(key: &KnownKey) -> Option<String> {
    let mut warnings = key.warnings.iter();
    let is_near = warnings.any(|warning| matches!(warning, KeyWarning::NearExpiry(_)));
    let command = rotation(&key.tenant, &key.record)?;
    is_near.then(|| format!("replace it with `{command}`"))
}

/// When it was used last.
pub fn last_used(key: &KnownKey) -> String {
    key.last_used.map_or_else(|| "never".to_owned(), stamp)
}

/// What programs read of it.
pub fn json(key: &KnownKey) -> Value {
    let mut value = key.record.json();
    if let Value::Object(members) = &mut value {
        members.insert("tenant".to_owned(), json!(key.tenant.as_str()));
        members.insert("lastUsed".to_owned(), json!(key.last_used.map(exact)));
        members.insert("warnings".to_owned(), json!(warnings(key)));
    }
    value
}
