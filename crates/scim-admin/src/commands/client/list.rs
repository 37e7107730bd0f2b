//! `client list`.

use account::Account;
use account::clients::KnownClient;
use account::keys::KnownKey;
use serde_json::{Value, json};
use store::secrets::{KeyKind, Trust};

use crate::failure::Failure;
use crate::report::Report;
use crate::report::key::expiry;
use crate::report::known_key::{self, last_used, state};
use crate::terminal::{columns, stamp};

/// All clients of a tenant, the oldest first.
#[derive(Debug)]
pub struct Listed {
    clients: Vec<KnownClient>,
    now: time::OffsetDateTime,
}

/// Lists the clients of a tenant.
pub async fn run(account: &Account) -> Result<Listed, Failure> {
    Ok(Listed {
        clients: account.clients().await?,
        now: account::now(),
    })
}

impl Report for Listed {
    fn text(&self) -> String {
        let credentials = self
            .clients
            .iter()
            .flat_map(|client| client.credentials.iter().map(move |known| (client, known)));
        let rows = credentials.map(|(client, known)| {
            let (what, believes) = match &known.record.kind {
                KeyKind::Trust(_, trust) => ("trust", believes(trust)),
                KeyKind::ClientSecret(_) | KeyKind::ApiKey => ("secret", String::new()),
            };
            [
                client.id.to_string(),
                what.to_owned(),
                known.record.id.to_string(),
                state(known),
                stamp(known.record.created),
                expiry(&known.record),
                last_used(known),
                client.label.clone(),
                believes,
            ]
        });
        let header = [
            "CLIENT",
            "KIND",
            "ID",
            "STATE",
            "CREATED",
            "EXPIRES",
            "LAST USED",
            "LABEL",
            "TRUSTS",
        ];
        columns(header, rows)
    }

    fn json(&self) -> Value {
        let clients = self.clients.iter();
        clients
            .map(|client| {
                let of_kind = |is_trust: bool| -> Value {
                    let all = client.credentials.iter();
                    all.filter(|known| matches!(known.record.kind, KeyKind::Trust(..)) == is_trust)
                        .map(credential)
                        .collect()
                };
                json!({
                    "clientId": client.id.as_str(),
                    "label": client.label,
                    "active": client.is_active(self.now),
                    "secrets": of_kind(false),
                    "trusts": of_kind(true),
                })
            })
            .collect()
    }
}

/// What a trust says, in a line.
fn believes(trust: &Trust) -> String {
    format!(
        "{} about {} for {}",
        trust.issuer,
        trust.subject,
        trust.audiences.join(", ")
    )
}

fn credential(known: &KnownKey) -> Value {
    let mut value = known_key::json(known);
    if let (Value::Object(members), KeyKind::Trust(_, trust)) = (&mut value, &known.record.kind) {
        members.insert("issuer".to_owned(), json!(trust.issuer));
        members.insert("subject".to_owned(), json!(trust.subject));
        members.insert("audiences".to_owned(), json!(trust.audiences));
    }
    value
}

#[cfg(test)]
mod tests {
    use store::secrets::{KeyRecord, KeyWarning};
    use tenant::{ClientId, ClientSecret, TenantId};
    use time::{Duration, OffsetDateTime};

    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::days(400));

    fn listed() -> Listed {
        let tenant = TenantId::parse("acme").unwrap();
        let id = ClientId::from_random(&tenant, [0xab; 6]);
        let secret = ClientSecret::from_secret(&tenant, [7; 32]);
        let trust = Trust {
            issuer: "https://issuer.example/1/v2.0".to_owned(),
            subject: "subject".to_owned(),
            audiences: vec!["api://a".to_owned(), "b".to_owned()],
        };
        let trust_id = id.trust_digest(&trust.issuer).key_id();
        let known = |key_id, kind, expires, warnings: &[KeyWarning]| KnownKey {
            tenant: tenant.clone(),
            record: KeyRecord {
                id: key_id,
                kind,
                label: "entra".to_owned(),
                created: OffsetDateTime::UNIX_EPOCH,
                expires,
                revoked: None,
                replaced_by: None,
            },
            is_expired: false,
            last_used: None,
            warnings: warnings.to_vec(),
        };
        let near = [KeyWarning::NearExpiry(12)];
        let ends = Some(NOW + Duration::days(12));
        let kind = KeyKind::ClientSecret(id.clone());
        let credentials = vec![
            known(secret.id(), kind, ends, &near),
            known(trust_id, KeyKind::Trust(id.clone(), trust), None, &[]),
        ];
        let client = KnownClient {
            id,
            label: "entra".to_owned(),
            credentials,
        };
        Listed {
            clients: vec![client],
            now: NOW,
        }
    }

    #[test]
    fn each_secret_and_each_trust_has_a_line() {
        let text = listed().text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[0].contains("LAST USED") && lines[0].contains("TRUSTS"));
        for (line, told) in [
            (1, "acme.abababababab  secret"),
            (1, "  expires in 12 days  "),
            (2, "acme.abababababab  trust"),
            (2, "  active  "),
            (
                2,
                "https://issuer.example/1/v2.0 about subject for api://a, b",
            ),
        ] {
            assert!(lines[line].contains(told), "{text}");
        }
    }

    #[test]
    fn programs_get_secrets_and_trusts_apart() {
        let value = listed().json();
        assert_eq!(value[0]["clientId"], "acme.abababababab");
        assert_eq!(value[0]["label"], "entra");
        assert_eq!(value[0]["active"], true);
        let secrets = &value[0]["secrets"];
        assert_eq!(secrets.as_array().map(Vec::len), Some(1));
        assert_eq!(secrets[0]["warnings"], json!(["expires in 12 days"]));
        assert_eq!(secrets[0]["lastUsed"], Value::Null);
        let trusts = &value[0]["trusts"];
        assert_eq!(trusts.as_array().map(Vec::len), Some(1));
        assert_eq!(trusts[0]["issuer"], "https://issuer.example/1/v2.0");
        assert_eq!(trusts[0]["audiences"], json!(["api://a", "b"]));
        assert!(!listed().is_bad_news());
    }
}
