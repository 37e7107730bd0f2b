//! Keys that were just made: shown once, or written to a file.

use std::path::PathBuf;

use account::keys::NewKey;
use serde_json::{Value, json};
use store::secrets::{KeyRecord, Rotation};
use tenant::ApiKey;

use super::Report;
use super::key::{ONCE, expiry, table};

/// A new key.
#[derive(Debug)]
pub struct Created {
    pub new: NewKey,
    /// Where it was written instead of being shown.
    pub file: Option<PathBuf>,
}

/// A new key, and the one that it replaces.
#[derive(Debug)]
pub struct Rotated {
    pub key: ApiKey,
    pub rotation: Rotation,
    /// Where it was written instead of being shown.
    pub file: Option<PathBuf>,
}

impl Report for Created {
    fn text(&self) -> String {
        with_key(self.new.record.text(), &self.new.key, self.file.as_ref())
    }

    fn json(&self) -> Value {
        key_json(&self.new.key, &self.new.record, self.file.as_ref())
    }

    fn note(&self) -> Option<String> {
        Some(kept(self.file.as_ref()))
    }
}

impl Report for Rotated {
    fn text(&self) -> String {
        let both = [self.rotation.old.clone(), self.rotation.new.clone()];
        with_key(table(&both), &self.key, self.file.as_ref())
    }

    fn json(&self) -> Value {
        let mut value = key_json(&self.key, &self.rotation.new, self.file.as_ref());
        if let Value::Object(members) = &mut value {
            members.insert("replaces".to_owned(), self.rotation.old.json());
        }
        value
    }

    fn note(&self) -> Option<String> {
        let old = &self.rotation.old;
        Some(format!(
            "{}\nthe old key {} is accepted until {}",
            kept(self.file.as_ref()),
            old.id,
            expiry(old)
        ))
    }
}

fn with_key(table: String, key: &ApiKey, file: Option<&PathBuf>) -> String {
    match file {
        Some(_) => table,
        None => format!("{table}\n\n{}", key.expose()),
    }
}

/// The JSON of a new key, the secret included unless it is in a file.
fn key_json(key: &ApiKey, record: &KeyRecord, file: Option<&PathBuf>) -> Value {
    let mut value = record.json();
    if let Value::Object(members) = &mut value {
        members.insert("tenant".to_owned(), json!(key.tenant().as_str()));
        match file {
            Some(file) => members.insert("file".to_owned(), json!(file)),
            None => members.insert("key".to_owned(), json!(key.expose())),
        };
    }
    value
}

fn kept(file: Option<&PathBuf>) -> String {
    match file {
        Some(file) => format!(
            "the key is in {}, which only you can read: hand it over, then delete the file; it cannot be shown again",
            file.display()
        ),
        None => ONCE.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use store::secrets::KeyKind;
    use tenant::TenantId;
    use time::OffsetDateTime;

    use super::*;

    fn created(file: Option<&str>) -> Created {
        let key = ApiKey::from_secret(&TenantId::parse("acme").unwrap(), [7; 32]);
        let record = KeyRecord {
            id: key.digest().key_id(),
            kind: KeyKind::ApiKey,
            label: "entra".to_owned(),
            created: OffsetDateTime::UNIX_EPOCH,
            expires: None,
            revoked: None,
            replaced_by: None,
        };
        Created {
            new: NewKey { key, record },
            file: file.map(PathBuf::from),
        }
    }

    #[test]
    fn a_new_key_is_shown_once_in_both_forms() {
        let report = created(None);
        for shown in [report.text(), report.json().to_string()] {
            assert_eq!(shown.matches("htscim_acme_0707").count(), 1, "{shown}");
        }
        assert!(report.note().is_some());
    }

    #[test]
    fn a_key_in_a_file_is_not_shown() {
        let report = created(Some("/tmp/key"));
        let note = report.note().unwrap();
        for shown in [report.text(), report.json().to_string(), note.clone()] {
            assert!(!shown.contains("htscim_acme_0707"), "{shown}");
        }
        assert_eq!(report.json()["file"], "/tmp/key");
        assert!(note.contains("/tmp/key"), "{note}");
    }

    #[test]
    fn json_is_for_programs() {
        let value = created(None).json();
        assert_eq!(value["created"], "1970-01-01T00:00:00.000Z");
        assert_eq!(value["expires"], Value::Null);
        assert_eq!(value["tenant"], "acme");
    }
    #[test]
    fn a_rotation_says_until_when_the_old_key_works() {
        let tenant = TenantId::parse("acme").unwrap();
        let key = ApiKey::from_secret(&tenant, [7; 32]);
        let record = |key: &ApiKey, expires| KeyRecord {
            id: key.id(),
            kind: KeyKind::ApiKey,
            label: "entra".to_owned(),
            created: OffsetDateTime::UNIX_EPOCH,
            expires,
            revoked: None,
            replaced_by: None,
        };
        let new = record(&key, None);
        let old = ApiKey::from_secret(&tenant, [8; 32]);
        let old = record(&old, Some(OffsetDateTime::UNIX_EPOCH));
        let old_id = old.id.clone();
        let rotation = Rotation { new, old };
        let report = Rotated {
            key,
            rotation,
            file: None,
        };
        for shown in [report.text(), report.json().to_string()] {
            assert_eq!(shown.matches("htscim_acme_0707").count(), 1, "{shown}");
        }
        let note = report.note().unwrap();
        let end = format!("the old key {old_id} is accepted until 1970-01-01T00:00:00Z");
        assert!(note.contains(&end), "{note}");
        let value = report.json();
        assert_eq!(value["replaces"]["id"], old_id.as_str());
        assert_eq!(value["replaces"]["expires"], "1970-01-01T00:00:00.000Z");
    }
}
