//! `key rotate`.

use serde_json::Value;
use store::secrets::{Rotation, Successor};
use store::{Meter, Store};
use tenant::{ApiKey, KeyId, TenantId};
use time::Duration;

use super::create::new_key;
use crate::clock::now;
use crate::failure::Failure;
use crate::report::Report;
use crate::report::key::{ONCE, expiry, table, with_secret};

/// A new key, and the one that it replaces.
#[derive(Debug)]
pub struct Rotated {
    key: ApiKey,
    rotation: Rotation,
}

/// What to replace, and how.
#[derive(Debug)]
pub struct Arguments {
    pub tenant: TenantId,
    pub key_id: Option<KeyId>,
    pub overlap_days: u16,
    pub label: Option<String>,
    pub expires_in_days: Option<u16>,
}

/// Replaces a key.
pub async fn run(arguments: Arguments, store: &Store) -> Result<Rotated, Failure> {
    let key = new_key(&arguments.tenant)?;
    let (now, meter) = (now(), Meter::default());
    let expires = arguments.expires_in_days;
    let successor = Successor {
        old: arguments.key_id,
        overlap: Duration::days(i64::from(arguments.overlap_days)),
        label: arguments.label,
        expires: expires.map(|days| now + Duration::days(i64::from(days))),
    };
    let rotation = store.rotate_key(&key, &successor, now, &meter).await?;
    Ok(Rotated { key, rotation })
}

impl Report for Rotated {
    fn text(&self) -> String {
        let both = [self.rotation.old.clone(), self.rotation.new.clone()];
        format!("{}\n\n{}", table(&both), self.key.expose())
    }

    fn json(&self) -> Value {
        let mut value = with_secret(&self.key, &self.rotation.new);
        if let Value::Object(members) = &mut value {
            members.insert("replaces".to_owned(), self.rotation.old.json());
        }
        value
    }

    fn note(&self) -> Option<String> {
        let old = &self.rotation.old;
        Some(format!(
            "{ONCE}\nthe old key {} is accepted until {}",
            old.id,
            expiry(old)
        ))
    }
}

#[cfg(test)]
mod tests {
    use store::secrets::KeyRecord;
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn a_rotation_says_until_when_the_old_key_works() {
        let tenant = TenantId::parse("acme").unwrap();
        let key = ApiKey::from_secret(&tenant, [7; 32]);
        let record = |key: &ApiKey, expires| KeyRecord {
            id: key.id(),
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
        let report = Rotated { key, rotation };
        for shown in [report.text(), report.json().to_string()] {
            assert_eq!(shown.matches("htscim_acme_0707").count(), 1, "{shown}");
        }
        let note = report.note().unwrap();
        let end = format!("the old key {old_id} is accepted until 1970-01-01T00:00:00.000Z");
        assert!(note.contains(&end), "{note}");
        let value = report.json();
        assert_eq!(value["replaces"]["id"], old_id.as_str());
        assert_eq!(value["replaces"]["expires"], "1970-01-01T00:00:00.000Z");
    }
}
