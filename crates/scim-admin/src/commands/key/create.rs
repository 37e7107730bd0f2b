//! `key create`.

use serde_json::Value;
use store::secrets::KeyRecord;
use store::{Meter, Store};
use tenant::{ApiKey, TenantId};
use time::Duration;

use crate::clock::now;
use crate::failure::Failure;
use crate::report::Report;
use crate::report::key::{ONCE, with_secret};

/// A key that was just made.
#[derive(Debug)]
pub struct Created {
    key: ApiKey,
    record: KeyRecord,
}

/// Creates a key, which never expires unless it is said when.
pub async fn run(
    tenant: &TenantId,
    label: &str,
    expires_in_days: Option<u16>,
    store: &Store,
) -> Result<Created, Failure> {
    let key = new_key(tenant)?;
    let now = now();
    let expires = expires_in_days.map(|days| now + Duration::days(i64::from(days)));
    let meter = Meter::default();
    let record = store.create_key(&key, label, now, expires, &meter).await?;
    Ok(Created { key, record })
}

/// A key with a secret of its own.
pub fn new_key(tenant: &TenantId) -> Result<ApiKey, Failure> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    Ok(ApiKey::from_secret(tenant, secret))
}

impl Report for Created {
    fn text(&self) -> String {
        format!("{}\n\n{}", self.record.text(), self.key.expose())
    }

    fn json(&self) -> Value {
        with_secret(&self.key, &self.record)
    }

    fn note(&self) -> Option<String> {
        Some(ONCE.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    fn created() -> Created {
        let key = ApiKey::from_secret(&TenantId::parse("acme").unwrap(), [7; 32]);
        let record = KeyRecord {
            id: key.digest().key_id(),
            label: "entra".to_owned(),
            created: OffsetDateTime::UNIX_EPOCH,
            expires: None,
            revoked: None,
            replaced_by: None,
        };
        Created { key, record }
    }

    #[test]
    fn a_new_key_is_shown_once_in_both_forms() {
        for shown in [created().text(), created().json().to_string()] {
            assert_eq!(shown.matches("htscim_acme_0707").count(), 1, "{shown}");
        }
        assert!(created().note().is_some());
    }

    #[test]
    fn json_is_for_programs() {
        let value = created().json();
        assert_eq!(value["created"], "1970-01-01T00:00:00.000Z");
        assert_eq!(value["expires"], Value::Null);
        assert_eq!(value["tenant"], "acme");
    }
}
