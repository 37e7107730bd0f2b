//! Client secrets that were just made: shown once, or written to a file.

use std::path::PathBuf;

use account::clients::NewSecret;
use serde_json::{Value, json};

use super::Report;
use super::key::expiry;
use crate::terminal::{exact, stamp};

/// What is shown of a new secret.
#[derive(Debug)]
pub struct Shown {
    pub new: NewSecret,
    /// Where its client gets tokens, if that is known.
    pub token_url: Option<String>,
    /// Where the secret was written instead of being shown.
    pub file: Option<PathBuf>,
}

/// A new client.
#[derive(Debug)]
pub struct Created(pub Shown);

/// A new secret of a client, in the place of another one, if there was one.
#[derive(Debug)]
pub struct Rotated(pub Shown);

impl Shown {
    fn text(&self) -> String {
        let new = &self.new;
        let expires = new.record.expires.map_or_else(|| "never".to_owned(), stamp);
        let secret = new.secret.expose();
        let rows = [
            ("client id", Some(new.client.as_str())),
            ("client secret", self.file.is_none().then_some(secret)),
            ("token URL", self.token_url.as_deref()),
            ("secret id", Some(new.record.id.as_str())),
            ("expires", Some(expires.as_str())),
        ];
        let lines = rows
            .iter()
            .filter_map(|(name, value)| Some(format!("{name:<15}{}", (*value)?)));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn json(&self) -> Value {
        let new = &self.new;
        let mut value = json!({
            "clientId": new.client.as_str(),
            "secretId": new.record.id.as_str(),
            "expires": new.record.expires.map(exact),
        });
        if let Value::Object(members) = &mut value {
            match &self.file {
                Some(file) => members.insert("file".to_owned(), json!(file)),
                None => members.insert("clientSecret".to_owned(), json!(new.secret.expose())),
            };
            if let Some(url) = &self.token_url {
                members.insert("tokenUrl".to_owned(), json!(url));
            }
        }
        value
    }

    fn kept(&self) -> String {
        match &self.file {
            Some(file) => format!(
                "the secret is in {}, which only you can read: hand it over, then delete the file; it cannot be shown again",
                file.display()
            ),
            None => "copy the secret now: it is not stored and cannot be shown again".to_owned(),
        }
    }
}

impl Report for Created {
    fn text(&self) -> String {
        self.0.text()
    }

    fn json(&self) -> Value {
        self.0.json()
    }

    fn note(&self) -> Option<String> {
        let client = &self.0.new.client;
        let url = match &self.0.token_url {
            Some(_) => "the token URL",
            None => "the service's URL with /oauth2/token behind it",
        };
        Some(format!(
            "{}\nenter client id, secret and {url} in the identity provider; for assertions of Entra instead of a secret, go on with `scim-admin client trust {} {client}`",
            self.0.kept(),
            client.tenant(),
        ))
    }
}

impl Report for Rotated {
    fn text(&self) -> String {
        self.0.text()
    }

    fn json(&self) -> Value {
        let mut value = self.0.json();
        if let Value::Object(members) = &mut value {
            let old = self.0.new.old.as_ref();
            members.insert("replaces".to_owned(), json!(old.map(Report::json)));
        }
        value
    }

    fn note(&self) -> Option<String> {
        let new = &self.0.new;
        let kept = self.0.kept();
        let Some(old) = &new.old else {
            return Some(format!("{kept}\nthere was no active secret to replace"));
        };
        Some(format!(
            "{kept}\nthe old secret {} gives tokens until {}; to end it earlier, enter the new one, wait for the lifetime of a token (2 hours unless it is set otherwise), then run `scim-admin client revoke {} {} {0}`",
            old.id,
            expiry(old),
            new.client.tenant(),
            new.client,
        ))
    }
}

#[cfg(test)]
mod tests {
    use store::secrets::{KeyKind, KeyRecord};
    use tenant::{ClientId, ClientSecret, TenantId};
    use time::OffsetDateTime;

    use super::*;

    fn shown(file: Option<&str>, token_url: Option<&str>) -> Shown {
        let tenant = TenantId::parse("acme").unwrap();
        let client = ClientId::from_random(&tenant, [0xab; 6]);
        let secret = ClientSecret::from_secret(&tenant, [7; 32]);
        let record = KeyRecord {
            id: secret.id(),
            kind: KeyKind::ClientSecret(client.clone()),
            label: "entra".to_owned(),
            created: OffsetDateTime::UNIX_EPOCH,
            expires: Some(OffsetDateTime::UNIX_EPOCH),
            revoked: None,
            replaced_by: None,
        };
        Shown {
            new: NewSecret {
                client,
                secret,
                record,
                old: None,
            },
            token_url: token_url.map(str::to_owned),
            file: file.map(PathBuf::from),
        }
    }

    #[test]
    fn a_new_secret_is_shown_once_in_both_forms() {
        let report = Created(shown(None, Some("https://scim.example/oauth2/token")));
        for shown in [report.text(), report.json().to_string()] {
            assert_eq!(shown.matches("htscs_acme_0707").count(), 1, "{shown}");
        }
        let note = report.note().unwrap();
        assert!(!note.contains("htscs_acme_0707"), "{note}");
        assert!(
            note.contains("client trust acme acme.abababababab"),
            "{note}"
        );
        let value = report.json();
        let mut names: Vec<&str> = value.as_object().unwrap().keys().map(|k| &**k).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "clientId",
                "clientSecret",
                "expires",
                "secretId",
                "tokenUrl"
            ]
        );
        assert_eq!(value["expires"], "1970-01-01T00:00:00.000Z");
        assert_eq!(value["tokenUrl"], "https://scim.example/oauth2/token");
    }

    #[test]
    fn a_secret_in_a_file_is_not_shown() {
        let report = Created(shown(Some("/tmp/secret"), None));
        let note = report.note().unwrap();
        for shown in [report.text(), report.json().to_string(), note.clone()] {
            assert!(!shown.contains("htscs_acme_0707"), "{shown}");
            assert!(!shown.contains("tokenUrl"), "{shown}");
        }
        assert_eq!(report.json()["file"], "/tmp/secret");
        assert!(note.contains("/tmp/secret") && note.contains("/oauth2/token"));
    }

    #[test]
    fn a_rotation_says_until_when_the_old_secret_works() {
        let mut rotated = shown(None, None);
        let old = ClientSecret::from_secret(rotated.new.client.tenant(), [8; 32]).id();
        rotated.new.old = Some(KeyRecord {
            id: old.clone(),
            ..rotated.new.record.clone()
        });
        let report = Rotated(rotated);
        assert_eq!(report.json()["replaces"]["id"], old.as_str());
        let note = report.note().unwrap();
        let end = format!("the old secret {old} gives tokens until 1970-01-01T00:00:00Z");
        assert!(note.contains(&end), "{note}");
        let revoke = format!("`scim-admin client revoke acme acme.abababababab {old}`");
        assert!(note.contains(&revoke), "{note}");
        let report = Rotated(shown(None, None));
        assert_eq!(report.json()["replaces"], Value::Null);
        assert!(report.note().unwrap().contains("no active secret"));
    }
}
