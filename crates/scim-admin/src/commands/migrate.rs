//! `migrate`: brings the items of one tenant or of all to the format of this release.

use serde_json::{Value, json};
use store::migrate::{Format, Migrated, Tally};
use store::secrets::SecretsError;
use store::{Gate, Meter, Store, StoreError};
use tenant::TenantId;

use crate::args::MigrateArgs;
use crate::failure::Failure;
use crate::report::Report;
use crate::terminal::columns;

/// What became of the items of some tenants.
#[derive(Debug)]
pub struct Migration {
    tenants: usize,
    is_dry_run: bool,
    secrets: Migrated,
    directory: Migrated,
}

/// Walks both tables, tenant by tenant. After a failure it can be run again: what is changed stays
/// changed.
pub async fn run(arguments: &MigrateArgs, store: &Store) -> Result<Migration, Failure> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    // The scan of another table would find no tenants.
    store.check_tables().await?;
    let tenants = match &arguments.tenant {
        Some(tenant) => vec![existing(tenant, store, &meter).await?],
        None => store.tenant_ids(&meter).await?,
    };
    let mut migration = Migration {
        tenants: tenants.len(),
        is_dry_run: arguments.dry_run,
        secrets: Migrated::default(),
        directory: Migrated::default(),
    };
    for tenant in &tenants {
        let secrets = store.migrate_secrets(tenant, arguments.dry_run, &meter);
        migration.secrets.add(secrets.await?);
        let directory = store.tenant(tenant, &meter, &gate);
        let directory = directory.migrate(arguments.dry_run);
        migration.directory.add(directory.await?);
    }
    Ok(migration)
}

/// The tenant, if there is one of the id, whoever wrote its item.
async fn existing(tenant: &TenantId, store: &Store, meter: &Meter) -> Result<TenantId, Failure> {
    match store.has_tenant(tenant, meter).await {
        Ok(true) | Err(StoreError::NewerFormat { .. }) => Ok(tenant.clone()),
        Ok(false) => Err(SecretsError::NoTenant(tenant.clone()).into()),
        Err(error) => Err(error.into()),
    }
}

/// The items of one kind and format, in one of the tables.
struct Row {
    table: &'static str,
    kind: Option<&'static str>,
    format: Format,
    tally: Tally,
}

impl Migration {
    fn rows(&self) -> impl Iterator<Item = Row> {
        let tables = [("secrets", &self.secrets), ("directory", &self.directory)];
        tables.into_iter().flat_map(|(table, migrated)| {
            migrated.0.iter().map(move |((kind, format), tally)| Row {
                table,
                kind: *kind,
                format: *format,
                tally: *tally,
            })
        })
    }

    fn changed(&self) -> u64 {
        self.rows().map(|row| row.tally.changed).sum()
    }

    /// How many items only a newer release knows.
    fn newer(&self) -> u64 {
        let newer = self
            .rows()
            .filter(|row| row.kind.is_none() || row.format.is_newer());
        newer.map(|row| row.tally.items).sum()
    }
}

impl Report for Migration {
    fn text(&self) -> String {
        let changed = match self.is_dry_run {
            true => "would be changed",
            false => "changed",
        };
        let rows = self.rows().map(|row| {
            [
                row.table.to_owned(),
                row.kind.unwrap_or("of a newer release").to_owned(),
                row.format.to_string(),
                row.tally.items.to_string(),
                row.tally.changed.to_string(),
            ]
        });
        format!(
            "{} tenants, {} items {changed}\n\n{}",
            self.tenants,
            self.changed(),
            columns(["TABLE", "KIND", "FORMAT", "ITEMS", "CHANGED"], rows)
        )
    }

    fn json(&self) -> Value {
        let items = self.rows().map(|row| {
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
            "changed": self.changed(),
            "newer": self.newer(),
            "items": items.collect::<Value>(),
        })
    }

    fn note(&self) -> Option<String> {
        let newer = self.newer();
        (newer > 0).then(|| {
            format!("{newer} items are a newer release's and were left alone: run its `migrate`")
        })
    }
}
