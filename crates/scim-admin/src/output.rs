//! Results and failures as people and programs read them.

use std::borrow::Cow;
use std::error::Error;

use serde_json::{Value, json};
use store::StoreError;
use store::audit::Audit;
use store::client::tables::{CreatedTable, TablesError};
use store::directory::tombstone::Tombstone;
use store::secrets::{KeyRecord, Rotation, SecretsError, Tenant};
use tenant::{ApiKey, KeyId};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::commands::Failure;
use crate::keys::{self, KnownKey};
use crate::status::Status;
use crate::users::{self, Restoration};

/// The result of a command.
#[derive(Debug)]
pub enum Report {
    Tables(Vec<CreatedTable>),
    Tenant(Tenant),
    Tenants(Vec<Tenant>),
    NewKey {
        key: ApiKey,
        record: KeyRecord,
    },
    Rotation {
        key: ApiKey,
        rotation: Rotation,
    },
    Key(KeyRecord),
    Keys(Vec<KnownKey>),
    Warnings(Vec<KnownKey>),
    Audit {
        audit: Audit,
        repaired: u64,
    },
    Status(Box<Status>),
    Deleted(Vec<Tombstone>),
    Restored(Vec<Restoration>),
    /// All is printed already.
    Printed,
}

impl Report {
    pub fn json(&self) -> String {
        if matches!(self, Self::Printed) {
            return String::new();
        }
        let value = match self {
            Self::Tables(tables) => tables.iter().map(table_json).collect(),
            Self::Tenant(tenant) => tenant_json(tenant),
            Self::Tenants(tenants) => tenants.iter().map(tenant_json).collect(),
            Self::NewKey { key, record } => new_key_json(key, record),
            Self::Rotation { key, rotation } => {
                let mut value = new_key_json(key, &rotation.new);
                if let Value::Object(members) = &mut value {
                    members.insert("replaces".to_owned(), key_json(&rotation.old));
                }
                value
            }
            Self::Status(status) => status.json(),
            Self::Deleted(tombstones) => users::deleted_json(tombstones),
            Self::Restored(restorations) => users::restored_json(restorations),
            Self::Printed => Value::Null,
            Self::Key(record) => key_json(record),
            Self::Keys(keys) | Self::Warnings(keys) => keys.iter().map(KnownKey::json).collect(),
            Self::Audit { audit, repaired } => json!({
                "resources": audit.resources,
                "repaired": repaired,
                "defects": audit.defects.iter().map(ToString::to_string).collect::<Vec<_>>(),
            }),
        };
        format!("{value:#}")
    }

    pub fn text(&self) -> String {
        match self {
            Self::Tables(tables) => columns(["TABLE", "STATE"], tables.iter().map(table_row)),
            Self::Tenant(tenant) => tenants_text(std::slice::from_ref(tenant)),
            Self::Tenants(tenants) => tenants_text(tenants),
            Self::NewKey { key, record } => {
                format!(
                    "{}\n\n{}",
                    keys_text(std::slice::from_ref(record)),
                    key.expose()
                )
            }
            Self::Rotation { key, rotation } => {
                let both = [rotation.old.clone(), rotation.new.clone()];
                format!("{}\n\n{}", keys_text(&both), key.expose())
            }
            Self::Key(record) => keys_text(std::slice::from_ref(record)),
            Self::Keys(keys) => keys::listed(keys),
            Self::Warnings(keys) => keys::warned_of(keys),
            Self::Audit { audit, repaired } => audit_text(audit, *repaired),
            Self::Status(status) => status.text(),
            Self::Deleted(tombstones) => users::deleted_text(tombstones),
            Self::Restored(restorations) => users::restored_text(restorations),
            Self::Printed => String::new(),
        }
    }

    /// Whether the command did what it was to do, and found that something is wrong.
    pub fn is_bad_news(&self) -> bool {
        match self {
            Self::Audit { audit, .. } => !audit.defects.is_empty(),
            Self::Warnings(keys) => !keys.is_empty(),
            Self::Status(status) => status.is_bad_news(),
            Self::Restored(restorations) => restorations
                .iter()
                .any(|restoration| restoration.outcome.is_err()),
            _ => false,
        }
    }

    /// What the operator has to know in addition; it is no part of the result.
    pub fn note(&self) -> Option<String> {
        const ONCE: &str = "copy the key now: it is not stored and cannot be shown again";
        match self {
            Self::NewKey { .. } => Some(ONCE.to_owned()),
            Self::Rotation { rotation, .. } => Some(format!(
                "{ONCE}\nthe old key {} is accepted until {}",
                rotation.old.id,
                expiry(&rotation.old)
            )),
            Self::Audit { audit, repaired: 0 } if !audit.defects.is_empty() => Some(
                "changes made during the check can look like defects: check again, then add --repair"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

/// A failure with its causes, and what to do when that can be said.
pub fn explain(failure: &Failure) -> String {
    let mut text = format!("error: {}", printable(&failure.to_string()));
    let mut cause = failure.source();
    while let Some(error) = cause {
        let said = error.to_string();
        let said = printable(&said);
        // The SDK repeats itself from layer to layer.
        if !text.contains(&*said) {
            text.push_str("\n  caused by: ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    if let Some(hint) = hint(failure) {
        text.push_str("\nhint: ");
        text.push_str(hint);
    }
    text
}

fn hint(failure: &Failure) -> Option<&'static str> {
    let (Failure::Secrets(SecretsError::Store(error))
    | Failure::Tables(TablesError::Store(error))
    | Failure::Store(error)) = failure
    else {
        return None;
    };
    match error {
        StoreError::Refused { message, .. } if message.starts_with("ResourceNotFoundException") => {
            Some("run `scim-admin tables create` first, or check --secrets-table and the region")
        }
        StoreError::Unavailable { .. } => {
            Some("check the AWS credentials, the region and the network, then try again")
        }
        _ => None,
    }
}

fn table_json(table: &CreatedTable) -> Value {
    json!({ "table": table.name, "created": table.created })
}

fn tenant_json(tenant: &Tenant) -> Value {
    json!({
        "id": tenant.id.as_str(),
        "name": tenant.name,
        "enabled": tenant.enabled,
        "created": stamp(tenant.created),
        "activeKeys": tenant.active_keys,
    })
}

pub fn key_json(record: &KeyRecord) -> Value {
    json!({
        "id": record.id.as_str(),
        "label": record.label,
        "created": stamp(record.created),
        "expires": record.expires.map(stamp),
        "revoked": record.revoked.map(stamp),
        "replacedBy": record.replaced_by.as_ref().map(KeyId::as_str),
    })
}

fn new_key_json(key: &ApiKey, record: &KeyRecord) -> Value {
    let mut value = key_json(record);
    if let Value::Object(members) = &mut value {
        members.insert("tenant".to_owned(), json!(key.tenant().as_str()));
        members.insert("key".to_owned(), json!(key.expose()));
    }
    value
}

fn table_row(table: &CreatedTable) -> [String; 2] {
    [
        table.name.clone(),
        if table.created { "created" } else { "exists" }.to_owned(),
    ]
}

fn tenants_text(tenants: &[Tenant]) -> String {
    let rows = tenants.iter().map(|tenant| {
        [
            tenant.id.to_string(),
            if tenant.enabled {
                "enabled"
            } else {
                "disabled"
            }
            .to_owned(),
            tenant.active_keys.to_string(),
            stamp(tenant.created),
            tenant.name.clone(),
        ]
    });
    columns(["TENANT", "STATE", "KEYS", "CREATED", "NAME"], rows)
}

fn keys_text(records: &[KeyRecord]) -> String {
    let rows = records.iter().map(|record| {
        [
            record.id.to_string(),
            stamp(record.created),
            expiry(record),
            record.revoked.map_or_else(|| "no".to_owned(), stamp),
            record.label.clone(),
        ]
    });
    columns(["KEY ID", "CREATED", "EXPIRES", "REVOKED", "LABEL"], rows)
}

fn audit_text(audit: &Audit, repaired: u64) -> String {
    let mut text = format!(
        "{} resources, {} defects, {repaired} repaired",
        audit.resources,
        audit.defects.len()
    );
    for defect in &audit.defects {
        text.push('\n');
        text.push_str(&printable(&defect.to_string()));
    }
    text
}

pub fn expiry(record: &KeyRecord) -> String {
    record.expires.map_or_else(|| "never".to_owned(), stamp)
}

pub fn stamp(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_else(|_| time.to_string())
}

/// A text as it may go to a terminal. What clients send can be meant to move the cursor, to set the
/// window's title, to add lines or to turn their order around: such characters are shown by number.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return text.into();
    }
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unprintable(character) {
            printable.extend(character.escape_unicode());
        } else {
            printable.push(character);
        }
    }
    printable.into()
}

/// Whether a terminal does something else with a character than show it: controls, separators of
/// lines and paragraphs, and marks, embeddings, overrides and isolates of the direction of writing.
fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

/// Lines up the cells of each column, which may hold any text. The last column is as wide as it
/// likes.
pub fn columns<const N: usize>(
    header: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    let lines: Vec<[String; N]> = std::iter::once(header.map(str::to_owned))
        .chain(rows)
        .map(|line| line.map(|cell| printable(&cell).into_owned()))
        .collect();
    let mut widths = [0; N];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let lines: Vec<String> = lines
        .iter()
        .map(|line| {
            let cells: Vec<String> = line
                .iter()
                .zip(widths)
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use tenant::TenantId;

    use super::*;

    fn new_key() -> Report {
        let key = ApiKey::from_secret(&TenantId::parse("acme").unwrap(), [7; 32]);
        let record = KeyRecord {
            id: key.digest().key_id(),
            label: "entra".to_owned(),
            created: OffsetDateTime::UNIX_EPOCH,
            expires: None,
            revoked: None,
            replaced_by: None,
        };
        Report::NewKey { key, record }
    }

    #[test]
    fn columns_line_up() {
        let rows = [
            ["a".to_owned(), "b".to_owned()],
            ["ccc".to_owned(), "é".to_owned()],
        ];
        assert_eq!(
            columns(["X", "YY"], rows.into_iter()),
            "X    YY\na    b\nccc  é"
        );
    }

    #[test]
    fn nothing_but_text_reaches_the_terminal() {
        for (text, shown) in [
            ("Zoë 🙂 \\u{1b}", "Zoë 🙂 \\u{1b}"),
            ("\u{1b}[2J\u{7}", "\\u{1b}[2J\\u{7}"),
            ("a\nb\r\tc", "a\\u{a}b\\u{d}\\u{9}c"),
            ("\u{7f}\u{9b}31m", "\\u{7f}\\u{9b}31m"),
            ("\u{202e}x\u{2066}\u{2028}", "\\u{202e}x\\u{2066}\\u{2028}"),
        ] {
            assert_eq!(printable(text), shown);
        }
        let rows = [["\u{1b}".to_owned(), "b".to_owned()]];
        assert_eq!(
            columns(["X", "Y"], rows.into_iter()),
            "X       Y\n\\u{1b}  b"
        );
    }

    #[test]
    fn a_new_key_is_shown_once_in_both_forms() {
        for shown in [new_key().text(), new_key().json()] {
            assert_eq!(shown.matches("htscim_acme_0707").count(), 1, "{shown}");
        }
        assert!(new_key().note().is_some());
    }

    #[test]
    fn a_rotation_says_until_when_the_old_key_works() {
        let Report::NewKey { key, record } = new_key() else {
            panic!("not a new key")
        };
        let old = KeyRecord {
            id: ApiKey::from_secret(key.tenant(), [8; 32]).id(),
            expires: Some(OffsetDateTime::UNIX_EPOCH),
            ..record.clone()
        };
        let old_id = old.id.clone();
        let rotation = Rotation { new: record, old };
        let report = Report::Rotation { key, rotation };
        for shown in [report.text(), report.json()] {
            assert_eq!(shown.matches("htscim_acme_0707").count(), 1, "{shown}");
        }
        let note = report.note().unwrap();
        let end = format!("the old key {old_id} is accepted until 1970-01-01T00:00:00Z");
        assert!(note.contains(&end), "{note}");
        let value: Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(value["replaces"]["id"], old_id.as_str());
        assert_eq!(value["replaces"]["expires"], "1970-01-01T00:00:00Z");
    }

    #[test]
    fn json_is_for_programs() {
        let value: Value = serde_json::from_str(&new_key().json()).unwrap();
        assert_eq!(value["created"], "1970-01-01T00:00:00Z");
        assert_eq!(value["expires"], Value::Null);
        assert_eq!(value["tenant"], "acme");
    }

    #[test]
    fn a_missing_table_comes_with_a_hint() {
        let error = StoreError::Refused {
            message: "ResourceNotFoundException: cannot do operations".to_owned(),
            source: "inner".into(),
        };
        let text = explain(&Failure::Secrets(error.into()));
        assert!(text.contains("caused by: inner"), "{text}");
        assert!(text.contains("scim-admin tables create"), "{text}");
    }
}
