//! The erasure of a person, and its repetition after a restore.

use scim::ResourceId;
use scim::schema::USERS;
use scim::text::fold;
use store::directory::record::{Actor, ChangeKind, Origin};
use store::erasure::{Erased, Known};
use store::secrets::{Act, SecretsError};
use store::{Gate, Meter, Store, StoreError, TenantStore};
use tenant::TenantId;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// Whom to erase.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Whose user it is.
    pub tenant: TenantId,
    /// The id, the userName, or that of a deleted user.
    pub user: String,
    /// How long the record of the erasure is kept.
    pub history: Duration,
    /// Whether only to say what would be done.
    pub is_dry_run: bool,
}

/// What an erasure did, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Whose user it was.
    pub tenant: TenantId,
    /// The id that the user had.
    pub user: ResourceId,
    /// When it began.
    pub at: OffsetDateTime,
    /// Whether nothing was done.
    pub is_dry_run: bool,
    /// What was removed, or would be.
    pub erased: Erased,
}

/// Why a person was not erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// No user is called so.
    #[error(
        "no user of the tenant has the userName `{0}`, and no deleted one had it; one of whom only records are left is named by the id"
    )]
    NoUser(String),
    /// Several deleted users were called so.
    #[error("several deleted users had the userName `{name}`; name one by its id: {ids}")]
    Several {
        /// What they were called.
        name: String,
        /// Their ids.
        ids: String,
    },
    /// Nothing is known of the id.
    #[error(
        "nothing is on record of user {0}: the id is another tenant's or wrong, or its records have ended"
    )]
    NothingOnRecord(ResourceId),
    /// The tenant is not there, or the operator's log cannot be read.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// DynamoDB failed or refused. What was erased stays so; the same call does the rest.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Erases a person. `progress` is told how many items were looked at.
///
/// # Errors
/// See [`EraseError`]. After a failure of DynamoDB the same call does the rest.
pub async fn erase(
    store: &Store,
    asked: &Asked,
    progress: impl FnMut(u64) + Send,
) -> Result<Erasure, EraseError> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    store.find_tenant(&asked.tenant, &meter).await?;
    let directory = store.tenant(&asked.tenant, &meter, &gate);
    let user = find(&directory, &asked.user).await?;
    let origin = origin(asked.history);
    if asked.is_dry_run {
        let erased = Box::pin(directory.erase(&user, &origin, true, progress)).await?;
        let erased = erased.ok_or_else(|| EraseError::NothingOnRecord(user.clone()))?;
        return Ok(Erasure {
            tenant: asked.tenant.clone(),
            user,
            at: origin.at,
            is_dry_run: true,
            erased,
        });
    }
    let target = Some(user.as_str());
    let begun = store
        .begin_act(&asked.tenant, Act::Erase, target, &meter)
        .await?;
    let erased = Box::pin(directory.erase(&user, &origin, false, progress)).await?;
    let outcome = erased.as_ref().map_or("nothing was on record", outcome);
    store.complete_act(&begun, outcome, &meter).await?;
    match erased {
        Some(erased) => Ok(Erasure {
            tenant: asked.tenant.clone(),
            user,
            at: origin.at,
            is_dry_run: false,
            erased,
        }),
        None => Err(EraseError::NothingOnRecord(user)),
    }
}

/// Repeats the erasures that the operator's log has, on a directory table that was restored to a
/// time before them, or keeps what they removed for another reason. What is erased stays so.
///
/// `progress` is told of each that was repeated; those of whom nothing is known are passed over.
///
/// # Errors
/// See [`EraseError`].
pub async fn erase_again(
    store: &Store,
    tenant: &TenantId,
    since: OffsetDateTime,
    history: Duration,
    mut progress: impl FnMut(&Erasure) + Send,
) -> Result<Vec<Erasure>, EraseError> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    store.find_tenant(tenant, &meter).await?;
    let mut users = Vec::new();
    store
        .operator_log(tenant, since, &meter, |entry| {
            let target = entry.target.as_deref().and_then(ResourceId::parse);
            users.extend(
                target.filter(|user| entry.act == Act::Erase.as_str() && !users.contains(user)),
            );
        })
        .await?;
    let directory = store.tenant(tenant, &meter, &gate);
    let mut repeated = Vec::new();
    for user in users {
        let origin = origin(history);
        let left = Box::pin(directory.erase(&user, &origin, true, |_| {})).await?;
        let is_done =
            |left: Erased| left.known == Known::Erased && left.items() == 0 && !left.is_unfinished;
        if left.is_none_or(is_done) {
            continue;
        }
        let target = Some(user.as_str());
        let begun = store.begin_act(tenant, Act::Erase, target, &meter).await?;
        let erased = Box::pin(directory.erase(&user, &origin, false, |_| {})).await?;
        let Some(erased) = erased else { continue };
        store.complete_act(&begun, outcome(&erased), &meter).await?;
        let erasure = Erasure {
            tenant: tenant.clone(),
            user,
            at: origin.at,
            is_dry_run: false,
            erased,
        };
        progress(&erasure);
        repeated.push(erasure);
    }
    Ok(repeated)
}

fn outcome(erased: &Erased) -> &'static str {
    match erased.known {
        Known::Present => "the user was there, and is erased",
        Known::Deleted => "the user was deleted, and is erased",
        Known::Recorded => "records were left of the user, and are erased",
        Known::Erased => "the user was erased before; what was left is erased",
    }
}

fn origin(history: Duration) -> Origin {
    let now = OffsetDateTime::now_utc().truncate_to_millisecond();
    Origin {
        actor: Actor::Operator,
        operation: ChangeKind::Erase,
        request_id: Uuid::new_v4().to_string(),
        at: now,
        expires: now.saturating_add(history),
    }
}

/// The user with this id or userName, or the deleted one that had this userName.
async fn find(directory: &TenantStore<'_>, user: &str) -> Result<ResourceId, EraseError> {
    if let Some(id) = ResourceId::parse(user) {
        return Ok(id);
    }
    if let Some(holder) = directory.holder(&USERS, user).await? {
        return Ok(holder);
    }
    let mut deleted = Vec::new();
    let folded = fold(user);
    directory
        .tombstones(&USERS, |tombstone| {
            let stored = tombstone.stored;
            let names = [
                stored.resource.text(USERS.unique),
                stored.reserved.as_deref(),
            ];
            if names.into_iter().flatten().any(|name| fold(name) == folded) {
                deleted.push(stored.id);
            }
        })
        .await?;
    match deleted.as_slice() {
        [] => Err(EraseError::NoUser(user.to_owned())),
        [one] => Ok(one.clone()),
        several => Err(EraseError::Several {
            name: user.to_owned(),
            ids: several
                .iter()
                .map(ResourceId::as_str)
                .collect::<Vec<_>>()
                .join(", "),
        }),
    }
}
