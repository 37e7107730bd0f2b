//! Keys with what is known of their use.

use serde_json::{Value, json};
use store::secrets::{KeyRecord, KeyWarning};
use store::{Gate, Meter, Store};
use tenant::TenantId;
use time::OffsetDateTime;

use crate::failure::Failure;
use crate::report::Report;
use crate::report::key::expiry;
use crate::terminal::stamp;

/// A key with what is known of its use.
#[derive(Debug)]
pub struct KnownKey {
    pub tenant: TenantId,
    pub record: KeyRecord,
    pub is_expired: bool,
    pub last_used: Option<OffsetDateTime>,
    pub warnings: Vec<KeyWarning>,
}

impl KnownKey {
    fn warnings(&self) -> Vec<String> {
        self.warnings.iter().map(ToString::to_string).collect()
    }

    /// What has become of the key, or what there is to be done about it.
    pub fn state(&self) -> String {
        if let Some(revoked) = self.record.revoked {
            format!("revoked {}", stamp(revoked))
        } else if self.is_expired {
            "expired".to_owned()
        } else {
            let mut state = self.warnings();
            if let Some(successor) = &self.record.replaced_by {
                let replaced = format!("replaced by {successor}, ends {}", expiry(&self.record));
                state.insert(0, replaced);
            }
            if state.is_empty() {
                state.push("active".to_owned());
            }
            state.join(", ")
        }
    }

    /// When it was used last.
    pub fn last_used(&self) -> String {
        self.last_used.map_or_else(|| "never".to_owned(), stamp)
    }

    /// What programs read of it.
    pub fn json(&self) -> Value {
        let mut value = self.record.json();
        if let Value::Object(members) = &mut value {
            members.insert("tenant".to_owned(), json!(self.tenant.as_str()));
            members.insert("lastUsed".to_owned(), json!(self.last_used.map(stamp)));
            members.insert("warnings".to_owned(), json!(self.warnings()));
        }
        value
    }
}

/// The keys, in their order by tenant, with what is known of their use.
pub async fn known(
    keys: impl Iterator<Item = (TenantId, KeyRecord)>,
    now: OffsetDateTime,
    store: &Store,
) -> Result<Vec<KnownKey>, Failure> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    let keys: Vec<_> = keys.collect();
    let mut known = Vec::new();
    for keys in keys.chunk_by(|(one, _), (other, _)| one == other) {
        let Some((tenant, _)) = keys.first() else {
            continue;
        };
        let uses = store.tenant(tenant, &meter, &gate).last_uses().await?;
        for (_, record) in keys {
            let last_used = uses.get(&record.id).copied();
            known.push(KnownKey {
                tenant: tenant.clone(),
                is_expired: record.expires.is_some_and(|expires| expires <= now),
                warnings: record.warnings(last_used, now),
                last_used,
                record: record.clone(),
            });
        }
    }
    Ok(known)
}
