//! `key list` and `key warnings`: keys with what is known of their use.

use serde_json::{Value, json};
use store::secrets::{KeyRecord, KeyWarning};
use store::{Gate, Meter, Store};
use tenant::TenantId;
use time::OffsetDateTime;

use crate::commands::Failure;
use crate::output::{columns, expiry, key_json, stamp};

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
    fn state(&self) -> String {
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

    fn last_used(&self) -> String {
        self.last_used.map_or_else(|| "never".to_owned(), stamp)
    }

    pub fn json(&self) -> Value {
        let mut value = key_json(&self.record);
        if let Value::Object(members) = &mut value {
            members.insert("tenant".to_owned(), json!(self.tenant.as_str()));
            members.insert("lastUsed".to_owned(), json!(self.last_used.map(stamp)));
            members.insert("warnings".to_owned(), json!(self.warnings()));
        }
        value
    }
}

/// All keys of a tenant, the oldest first.
pub async fn list(
    tenant: &TenantId,
    now: OffsetDateTime,
    store: &Store,
) -> Result<Vec<KnownKey>, Failure> {
    let records = store.list_keys(tenant, &Meter::default()).await?;
    let keys = records.into_iter().map(|record| (tenant.clone(), record));
    known(keys, now, store).await
}

/// The keys of all enabled tenants that there is a warning of.
pub async fn warnings(now: OffsetDateTime, store: &Store) -> Result<Vec<KnownKey>, Failure> {
    // A tenant that is disabled has no use for its keys, and nothing ends for it.
    let keys = store.list_all_keys(&Meter::default()).await?.into_iter();
    let keys = keys.filter(|key| key.tenant_enabled && key.record.is_active(now));
    let keys = keys.map(|key| (key.tenant, key.record));
    let mut keys = known(keys, now, store).await?;
    keys.retain(|key| !key.warnings.is_empty());
    Ok(keys)
}

/// The keys, in their order by tenant, with what is known of their use.
async fn known(
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
        let records: Vec<_> = keys.iter().map(|(_, record)| record.clone()).collect();
        for record in &records {
            let last_used = uses.get(&record.id).copied();
            known.push(KnownKey {
                tenant: tenant.clone(),
                is_expired: record.expires.is_some_and(|expires| expires <= now),
                warnings: record.warnings(&records, last_used, now),
                last_used,
                record: record.clone(),
            });
        }
    }
    Ok(known)
}

/// One line for each key of a tenant.
pub fn listed(keys: &[KnownKey]) -> String {
    let rows = keys.iter().map(|key| {
        [
            key.record.id.to_string(),
            key.state(),
            stamp(key.record.created),
            expiry(&key.record),
            key.last_used(),
            key.record.label.clone(),
        ]
    });
    let header = [
        "KEY ID",
        "STATE",
        "CREATED",
        "EXPIRES",
        "LAST USED",
        "LABEL",
    ];
    columns(header, rows)
}

/// One line for each key that there is a warning of.
pub fn warned_of(keys: &[KnownKey]) -> String {
    let rows = keys.iter().map(|key| {
        [
            key.tenant.to_string(),
            key.record.id.to_string(),
            key.state(),
            key.last_used(),
            key.record.label.clone(),
        ]
    });
    columns(["TENANT", "KEY ID", "WARNING", "LAST USED", "LABEL"], rows)
}

#[cfg(test)]
mod tests {
    use tenant::ApiKey;

    use super::*;
    use crate::output::Report;

    #[test]
    fn a_listing_says_what_to_do_about_a_key() {
        let key = ApiKey::from_secret(&TenantId::parse("acme").unwrap(), [7; 32]);
        let record = KeyRecord {
            id: key.id(),
            label: "entra".to_owned(),
            created: OffsetDateTime::UNIX_EPOCH,
            expires: None,
            revoked: None,
            replaced_by: None,
        };
        let known = |record: KeyRecord, is_expired, warnings: &[KeyWarning]| KnownKey {
            tenant: key.tenant().clone(),
            is_expired,
            last_used: (!is_expired).then_some(OffsetDateTime::UNIX_EPOCH),
            warnings: warnings.to_vec(),
            record,
        };
        let revoked = KeyRecord {
            revoked: Some(OffsetDateTime::UNIX_EPOCH),
            ..record.clone()
        };
        let warnings = [KeyWarning::NearExpiry(12), KeyWarning::Unused(30)];
        let keys = || {
            vec![
                known(record.clone(), false, &[]),
                known(record.clone(), false, &warnings),
                known(record.clone(), true, &[]),
                known(revoked.clone(), true, &[]),
            ]
        };
        let text = Report::Keys(keys()).text();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("STATE") && lines[0].contains("LAST USED"));
        for (line, state) in lines[1..].iter().zip([
            "  active  ",
            "  expires in 12 days, unused for 30 days  ",
            "  expired  ",
            "  revoked 1970-01-01T00:00:00Z  ",
        ]) {
            assert!(line.contains(state), "{line}");
        }
        assert!(lines[3].contains("never"), "{text}");
        let value: Value = serde_json::from_str(&Report::Keys(keys()).json()).unwrap();
        assert_eq!(value[0]["warnings"], json!([]));
        assert_eq!(value[0]["lastUsed"], "1970-01-01T00:00:00Z");
        let told = json!(["expires in 12 days", "unused for 30 days"]);
        assert_eq!(value[1]["warnings"], told);
        assert_eq!(value[2]["lastUsed"], Value::Null);

        assert!(!Report::Keys(keys()).is_bad_news());
        assert!(!Report::Warnings(vec![]).is_bad_news());
        let report = Report::Warnings(keys().drain(1..2).collect());
        assert!(report.is_bad_news());
        assert!(report.text().contains("acme"), "{}", report.text());
    }
}
