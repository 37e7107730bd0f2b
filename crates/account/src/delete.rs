//! The deletion of a tenant, with all that it owns.

use store::secrets::{Act, SecretsError, Stone};
use store::{Gate, Meter, Store, StoreError, TenantStore};
use tenant::TenantId;
use time::OffsetDateTime;

use crate::Failure;

/// How far a deletion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// What the tenant owns is being counted.
    Counting,
    /// So many items of the directory are removed by this run.
    Removed(u64),
}

/// A deletion that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// What is kept of the tenant.
    pub stone: Stone,
    /// Whether it was complete before.
    pub was_complete: bool,
}

/// Deletes a tenant that has been disabled for a minute at least. If it was begun before, this goes
/// on; if it was complete, nothing happens.
///
/// # Errors
/// [`SecretsError::NoTenant`], [`SecretsError::StillEnabled`], [`SecretsError::DisabledLately`],
/// and failures of DynamoDB. Called again, it does the rest.
pub async fn delete(
    store: &Store,
    tenant: &TenantId,
    now: OffsetDateTime,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Deletion, Failure> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    let directory = store.tenant(tenant, &meter, &gate);
    if let Err(error @ SecretsError::NoTenant(_)) = store.find_tenant(tenant, &meter).await {
        let stone = store.stone(tenant, &meter).await?;
        let Some(stone) = stone else {
            return Err(error.into());
        };
        // What was counted of requests until then, by functions that had the counts in memory.
        remove_rest(&directory, &stone).await?;
        return Ok(Deletion {
            stone,
            was_complete: true,
        });
    }
    // What cannot be deleted is not on the log.
    store.may_be_deleted(tenant, now, &meter).await?;
    let begun = store
        .begin_act(tenant, Act::DeleteTenant, None, &meter)
        .await?;
    let stone = match Box::pin(remove(store, tenant, now, &mut progress)).await {
        Ok(stone) => stone,
        // Another run was faster.
        Err(
            Failure::Secrets(SecretsError::NoTenant(_))
            | Failure::Store(StoreError::VersionMismatch),
        ) => {
            let stone = store.stone(tenant, &meter).await?;
            let stone = stone.ok_or_else(|| Failure::Overtaken(tenant.clone()))?;
            let outcome = "completed by another run";
            store.complete_act(&begun, outcome, &meter).await?;
            return Ok(Deletion {
                stone,
                was_complete: true,
            });
        }
        Err(failure) => return Err(failure),
    };
    let outcome = format!("{} items and {} keys", stone.counts.total(), stone.keys);
    store.complete_act(&begun, &outcome, &meter).await?;
    Ok(Deletion {
        stone,
        was_complete: false,
    })
}

/// Removes what the tenant owns, its keys, and the tenant.
async fn remove(
    store: &Store,
    tenant: &TenantId,
    now: OffsetDateTime,
    progress: &mut (impl FnMut(Progress) + Send),
) -> Result<Stone, Failure> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    let directory = store.tenant(tenant, &meter, &gate);
    let deleting = store.begin_deletion(tenant, now, &meter).await?;
    if deleting.counts.is_none() {
        progress(Progress::Counting);
        let counts = directory.count_items().await?;
        store.note_counts(&deleting, &counts, &meter).await?;
    }
    let hold = deleting.hold();
    directory
        .remove_items(&hold, |removed| progress(Progress::Removed(removed)))
        .await?;
    store.remove_secrets(tenant, &hold, &meter).await?;
    // With the keys gone, no request of theirs is counted for the tenant any more.
    directory.remove_items(&hold, |_| {}).await?;
    let stone = store
        .end_deletion(&deleting, OffsetDateTime::now_utc(), &meter)
        .await?;
    remove_rest(&directory, &stone).await?;
    Ok(stone)
}

/// Removes what was counted of requests until the deletion was complete. With another tenant of
/// that id, there is nothing to remove any more.
async fn remove_rest(directory: &TenantStore<'_>, stone: &Stone) -> Result<(), StoreError> {
    match directory.remove_items(&stone.hold(), |_| {}).await {
        Ok(_) | Err(StoreError::VersionMismatch) => Ok(()),
        Err(error) => Err(error),
    }
}
