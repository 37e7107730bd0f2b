//! `key list`.

use account::Account;
use account::keys::KnownKey;
use serde_json::Value;

use crate::failure::Failure;
use crate::report::Report;
use crate::report::key::expiry;
use crate::report::known_key::{json, last_used, state};
use crate::terminal::{columns, stamp};

/// All keys of a tenant, the oldest first.
#[derive(Debug)]
pub struct Listed(Vec<KnownKey>);

/// Lists the keys of a tenant.
pub async fn run(account: &Account) -> Result<Listed, Failure> {
    Ok(Listed(account.keys().await?))
}

impl Report for Listed {
    fn text(&self) -> String {
        let rows = self.0.iter().map(|key| {
            [
                key.record.id.to_string(),
                state(key),
                stamp(key.record.created),
                expiry(&key.record),
                last_used(key),
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

    fn json(&self) -> Value {
        self.0.iter().map(json).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use store::secrets::{KeyKind, KeyRecord, KeyWarning};
    use tenant::{ApiKey, TenantId};
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn a_listing_says_what_to_do_about_a_key() {
        let key = ApiKey::from_secret(&TenantId::parse("acme").unwrap(), [7; 32]);
        let record = KeyRecord {
            id: key.id(),
            kind: KeyKind::ApiKey,
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
        let text = Listed(keys()).text();
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
        let value: Value = Listed(keys()).json();
        assert_eq!(value[0]["warnings"], json!([]));
        assert_eq!(value[0]["lastUsed"], "1970-01-01T00:00:00.000Z");
        let told = json!(["expires in 12 days", "unused for 30 days"]);
        assert_eq!(value[1]["warnings"], told);
        assert_eq!(value[2]["lastUsed"], Value::Null);
        assert!(!Listed(keys()).is_bad_news());
    }
}
