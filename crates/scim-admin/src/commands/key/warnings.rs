//! `key warnings`.

use account::keys::{KnownKey, warned};
use serde_json::Value;
use store::Store;

use crate::failure::Failure;
use crate::report::Report;
use crate::report::known_key::{json, last_used, state};
use crate::terminal::columns;

/// The keys of all enabled tenants that there is a warning of.
#[derive(Debug)]
pub struct Warned(Vec<KnownKey>);

/// Looks through the keys of all tenants.
pub async fn run(store: &Store) -> Result<Warned, Failure> {
    Ok(Warned(warned(store).await?))
}

impl Report for Warned {
    fn text(&self) -> String {
        let rows = self.0.iter().map(|key| {
            [
                key.tenant.to_string(),
                key.record.id.to_string(),
                state(key),
                last_used(key),
                key.record.label.clone(),
            ]
        });
        columns(["TENANT", "KEY ID", "WARNING", "LAST USED", "LABEL"], rows)
    }

    fn json(&self) -> Value {
        self.0.iter().map(json).collect()
    }

    fn is_bad_news(&self) -> bool {
        !self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use store::secrets::{KeyKind, KeyRecord, KeyWarning};
    use tenant::{ApiKey, TenantId};
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn warnings_are_bad_news() {
        assert!(!Warned(vec![]).is_bad_news());
        let tenant = TenantId::parse("acme").unwrap();
        let key = KnownKey {
            record: KeyRecord {
                id: ApiKey::from_secret(&tenant, [7; 32]).id(),
                kind: KeyKind::ApiKey,
                label: "entra".to_owned(),
                created: OffsetDateTime::UNIX_EPOCH,
                expires: None,
                revoked: None,
                replaced_by: None,
            },
            tenant,
            is_expired: false,
            last_used: None,
            warnings: vec![KeyWarning::NearExpiry(12)],
        };
        let report = Warned(vec![key]);
        assert!(report.is_bad_news());
        assert!(report.text().contains("acme"), "{}", report.text());
    }
}
