//! Stored items are brought to the format of this release.

use store::migrate::Migrated;
use store::secrets::{Act, SecretsError};
use store::{Gate, Meter, Store, StoreError};
use tenant::TenantId;

use crate::Failure;

/// What became of the items of some tenants.
#[derive(Debug)]
pub struct Migration {
    /// How many tenants.
    pub tenants: usize,
    /// Whether it is only said what would be changed.
    pub is_dry_run: bool,
    /// What the secrets table has.
    pub secrets: Migrated,
    /// What the directory table has.
    pub directory: Migrated,
}

/// Walks both tables, tenant by tenant. After a failure it can be run again: what is changed stays
/// changed.
///
/// # Errors
/// When there is no such tenant, and failures of DynamoDB.
pub async fn migrate(
    store: &Store,
    tenant: Option<&TenantId>,
    is_dry_run: bool,
) -> Result<Migration, Failure> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    let tenants = match tenant {
        Some(tenant) => vec![existing(tenant, store, &meter).await?],
        None => store.tenant_ids(&meter).await?,
    };
    let mut migration = Migration {
        tenants: tenants.len(),
        is_dry_run,
        secrets: Migrated::default(),
        directory: Migrated::default(),
    };
    for tenant in &tenants {
        let begun = match is_dry_run {
            true => None,
            false => {
                let begin = store.begin_act(tenant, Act::Migrate, None, None, &meter);
                Some(begin.await?)
            }
        };
        // Boxed: each is a future of many calls.
        let secrets = Box::pin(store.migrate_secrets(tenant, is_dry_run, &meter));
        migration.secrets.add(secrets.await?);
        let directory = store.tenant(tenant, &meter, &gate);
        let directory = Box::pin(directory.migrate(is_dry_run)).await?;
        migration.directory.add(directory);
        if let Some(begun) = begun {
            store.complete_act(&begun, "migrated", &meter).await?;
        }
    }
    Ok(migration)
}

/// The tenant, if there is or was one of the id, whoever wrote its item.
async fn existing(tenant: &TenantId, store: &Store, meter: &Meter) -> Result<TenantId, Failure> {
    let is_there = match store.has_tenant(tenant, meter).await {
        Ok(false) => store
            .stone(tenant, meter)
            .await
            .map(|stone| stone.is_some()),
        other => other,
    };
    match is_there {
        Ok(true) | Err(StoreError::NewerFormat { .. }) => Ok(tenant.clone()),
        Ok(false) => Err(SecretsError::NoTenant(tenant.clone()).into()),
        Err(error) => Err(error.into()),
    }
}
