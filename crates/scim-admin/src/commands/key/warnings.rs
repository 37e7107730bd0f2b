//! `key warnings`.

use account::keys::{KnownKey, warned};
use serde_json::Value;
use store::Store;

use crate::failure::Failure;
use crate::report::Report;
use crate::report::key::{kind, named};
use crate::report::known_key::{advice, json, last_used, state};
use crate::terminal::columns;

/// The keys, client secrets and trusts of all enabled tenants that there is a warning of.
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
                kind(&key.record),
                state(key),
                last_used(key),
                key.record.label.clone(),
            ]
        });
        let header = ["TENANT", "KEY ID", "KIND", "WARNING", "LAST USED", "LABEL"];
        columns(header, rows)
    }

    fn json(&self) -> Value {
        self.0.iter().map(json).collect()
    }

    fn note(&self) -> Option<String> {
        let lines = self.0.iter().filter_map(|key| {
            let advice = advice(key)?;
            Some(format!("{}: {advice}", named(&key.record)))
        });
        let lines: Vec<String> = lines.collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    fn is_bad_news(&self) -> bool {
        !self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use store::secrets::{KeyKind, KeyRecord, KeyWarning};
    use tenant::{ApiKey, ClientId, TenantId};
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn warnings_are_bad_news() {
        assert!(!Warned(vec![]).is_bad_news());
        let report = warned(KeyKind::ApiKey);
        assert!(report.is_bad_news());
        assert!(report.text().contains("acme"), "{}", report.text());
        assert_eq!(report.json()[0]["kind"], "apiKey");
        assert!(report.json()[0].get("clientId").is_none());
        let note = report.note().unwrap();
        assert!(note.contains("`scim-admin key rotate acme "), "{note}");
    }

    #[test]
    fn a_client_secret_is_replaced_by_a_command_of_its_own() {
        let client = ClientId::parse("acme.0123456789ab").unwrap();
        let report = warned(KeyKind::ClientSecret(client));
        let text = report.text();
        assert!(text.contains("secret of acme.0123456789ab"), "{text}");
        assert_eq!(report.json()[0]["clientId"], "acme.0123456789ab");
        assert_eq!(report.json()[0]["kind"], "clientSecret");
        let note = report.note().unwrap();
        let command = "`scim-admin client rotate acme acme.0123456789ab ";
        assert!(note.contains(command), "{note}");
    }

    fn warned(kind: KeyKind) -> Warned {
        let tenant = TenantId::parse("acme").unwrap();
        Warned(vec![KnownKey {
            record: KeyRecord {
                id: ApiKey::from_secret(&tenant, [7; 32]).id(),
                kind,
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
        }])
    }
}
