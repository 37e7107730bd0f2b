//! `migrate`.

use account::migrate::Migration;
use serde_json::{Value, json};
use store::migrate::{Format, Tally};

use super::Report;
use crate::terminal::columns;

/// The items of one kind and format, in one of the tables.
struct Row {
    table: &'static str,
    kind: Option<&'static str>,
    format: Format,
    tally: Tally,
}

fn rows(migration: &Migration) -> impl Iterator<Item = Row> {
    let tables = [
        ("secrets", &migration.secrets),
        ("directory", &migration.directory),
    ];
    tables.into_iter().flat_map(|(table, migrated)| {
        migrated.0.iter().map(move |((kind, format), tally)| Row {
            table,
            kind: *kind,
            format: *format,
            tally: *tally,
        })
    })
}

fn changed(migration: &Migration) -> u64 {
    rows(migration).map(|row| row.tally.changed).sum()
}

/// How many items only a newer release knows.
fn newer(migration: &Migration) -> u64 {
    let newer = rows(migration).filter(|row| row.kind.is_none() || row.format.is_newer());
    newer.map(|row| row.tally.items).sum()
}

impl Report for Migration {
    fn text(&self) -> String {
        let what = match self.is_dry_run {
            true => "would be changed",
            false => "changed",
        };
        let rows = rows(self).map(|row| {
            [
                row.table.to_owned(),
                row.kind.unwrap_or("of a newer release").to_owned(),
                row.format.to_string(),
                row.tally.items.to_string(),
                row.tally.changed.to_string(),
            ]
        });
        format!(
            "{} tenants, {} items {what}\n\n{}",
            self.tenants,
            changed(self),
            columns(["TABLE", "KIND", "FORMAT", "ITEMS", "CHANGED"], rows)
        )
    }

    fn json(&self) -> Value {
        let items = rows(self).map(|row| {
            json!({
                "table": row.table,
                "kind": row.kind,
                "format": match row.format {
                    Format::Numbered(number) => number.into(),
                    Format::Unnumbered | Format::Unreadable => Value::Null,
                },
                "unreadable": row.format == Format::Unreadable,
                "items": row.tally.items,
                "changed": row.tally.changed,
            })
        });
        json!({
            "tenants": self.tenants,
            "dryRun": self.is_dry_run,
            "changed": changed(self),
            "newer": newer(self),
            "items": items.collect::<Value>(),
        })
    }

    fn note(&self) -> Option<String> {
        let newer = newer(self);
        (newer > 0).then(|| {
            format!("{newer} items are a newer release's and were left alone: run its `migrate`")
        })
    }
}
