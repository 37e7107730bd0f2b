//! `key identify`.

use account::keys::Identified;
use serde_json::{Value, json};

use super::Report;
use super::key::{expiry, kind, named, revocation, rotation};
use super::known_key::{json as key_json, last_used, state};
use crate::terminal::{columns, printable};

impl Report for Identified {
    fn text(&self) -> String {
        match self {
            Self::Issued { key, is_live } => {
                let row = [
                    key.tenant.to_string(),
                    key.record.id.to_string(),
                    kind(&key.record),
                    if *is_live { "ALIVE" } else { "dead" }.to_owned(),
                    state(key),
                    expiry(&key.record),
                    last_used(key),
                    key.record.label.clone(),
                ];
                let header = [
                    "TENANT",
                    "KEY ID",
                    "KIND",
                    "ACCEPTED",
                    "STATE",
                    "EXPIRES",
                    "LAST USED",
                    "LABEL",
                ];
                columns(header, std::iter::once(row))
            }
            Self::NeverIssued(tenant) => format!(
                "never issued: it has the form of a key or client secret of tenant {}, and is none",
                printable(tenant.as_str())
            ),
            Self::NoKey(Some(tenant)) => format!(
                "no key: incomplete or mistyped; it names tenant {}",
                printable(tenant.as_str())
            ),
            Self::NoKey(None) => "no key of this service".to_owned(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Issued { key, is_live } => json!({
                "issued": true,
                "live": is_live,
                "tenant": key.tenant.as_str(),
                "key": key_json(key),
            }),
            Self::NeverIssued(tenant) => json!({
                "issued": false,
                "live": false,
                "tenant": tenant.as_str(),
            }),
            Self::NoKey(tenant) => json!({
                "issued": false,
                "live": false,
                "tenant": tenant.as_ref().map(|tenant| tenant.as_str()),
            }),
        }
    }

    fn note(&self) -> Option<String> {
        let Self::Issued { key, is_live: true } = self else {
            return None;
        };
        Some(format!(
            "{} is accepted: end it with `{}`{}",
            named(&key.record),
            revocation(&key.tenant, &key.record),
            rotation(&key.tenant, &key.record).map_or_else(String::new, |command| format!(
                ", or replace it first with `{command} --overlap-days 0`"
            ))
        ))
    }

    /// Whether somebody can do something with the key.
    fn is_bad_news(&self) -> bool {
        matches!(self, Self::Issued { is_live: true, .. })
    }
}
