//! The deletion of a tenant, with all that it owns.

use store::secrets::{Begun, Deleting, SecretsError, Stone};
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
    let begun = store.begin_deletion(tenant, now, &meter).await;
    let (deleting, begun) = match begun {
        Ok(begun) => begun,
        Err(error @ SecretsError::NoTenant(_)) => {
            let stone = store.stone(tenant, &meter).await?;
            let Some(stone) = stone else {
                return Err(error.into());
            };
            remove_rest(&directory, &stone).await?;
            return Ok(Deletion {
                stone,
                was_complete: true,
            });
        }
        Err(error) => return Err(error.into()),
    };
    match Box::pin(remove(store, &directory, &deleting, &begun, &mut progress)).await {
        Ok(stone) => Ok(Deletion {
            stone,
            was_complete: false,
        }),
        Err(
            Failure::Secrets(SecretsError::NoTenant(_)) | Failure::Store(StoreError::Overtaken),
        ) => {
            let outcome = "another run was faster";
            store.complete_act(&begun, outcome, &meter).await?;
            let stone = store.stone(tenant, &meter).await?;
            Ok(Deletion {
                stone: stone.ok_or_else(|| Failure::Overtaken(tenant.clone()))?,
                was_complete: true,
            })
        }
        Err(failure) => Err(failure),
    }
}

/// Removes what the tenant owns, its keys, and the tenant.
async fn remove(
    store: &Store,
    directory: &TenantStore<'_>,
    deleting: &Deleting,
    begun: &Begun,
    progress: &mut (impl FnMut(Progress) + Send),
) -> Result<Stone, Failure> {
    let (tenant, meter) = (&deleting.tenant, Meter::default());
    if deleting.counts.is_none() {
        progress(Progress::Counting);
        let counts = directory.count_items().await?;
        store.note_counts(deleting, &counts, &meter).await?;
    }
    let hold = deleting.hold();
    directory
        .remove_items(&hold, |removed| progress(Progress::Removed(removed)))
        .await?;
    store.remove_secrets(tenant, &hold, &meter).await?;
    // With the keys gone, no request of theirs is counted for the tenant any more.
    directory.remove_items(&hold, |_| {}).await?;
    let stone = store
        .end_deletion(deleting, begun, OffsetDateTime::now_utc(), &meter)
        .await?;
    remove_rest(directory, &stone).await?;
    Ok(stone)
}

/// Removes what was counted of requests until the deletion was complete. With another tenant of
/// that id, there is nothing to remove any more.
pub(crate) async fn remove_rest(
    directory: &TenantStore<'_>,
    stone: &Stone,
) -> Result<(), StoreError> {
    match directory.remove_items(&stone.hold(), |_| {}).await {
        Ok(_) | Err(StoreError::Overtaken) => Ok(()),
        Err(error) => Err(error),
    }
}
