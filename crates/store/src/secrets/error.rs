//! Why a change to tenants or keys was not made.

use time::OffsetDateTime;

use super::MAX_ACTIVE_KEYS;
use crate::StoreError;
use scim::resource::rfc3339;
use tenant::{ClientId, KeyId, TenantId};

/// Why a change to tenants or keys was not made.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// There is no such tenant.
    #[error("tenant `{0}` does not exist; check the id or create the tenant first")]
    NoTenant(TenantId),
    /// Another tenant has the id by now.
    #[error(
        "tenant `{0}` was deleted and created again meanwhile, so nothing was done; run the command again if the new one is meant"
    )]
    Replaced(TenantId),
    /// The tenant already exists.
    #[error("tenant `{0}` exists already; choose another id")]
    TenantExists(TenantId),
    /// The tenant was deleted.
    #[error(
        "tenant `{tenant}` was deleted {}; choose another id, or have `scim-admin tenant create --again` use this one again",
        rfc3339(*.at)
    )]
    TenantDeleted {
        /// The tenant.
        tenant: TenantId,
        /// When.
        at: OffsetDateTime,
    },
    /// All that the tenant owns is being deleted.
    #[error(
        "tenant `{0}` is being deleted; `scim-admin tenant delete` goes on where it was ended, and nothing else is possible"
    )]
    BeingDeleted(TenantId),
    /// A part of an import is there.
    #[error(
        "an import of tenant `{0}` was not completed, so only a part of its directory is there; run `scim-admin tenant import` again first"
    )]
    ImportUnderWay(TenantId),
    /// Clients may write.
    #[error(
        "tenant `{0}` is enabled, and an import would meet what its clients write; disable it first"
    )]
    HasClients(TenantId),
    /// The tenant is enabled.
    #[error("tenant `{0}` is enabled, so its clients may write; disable it first")]
    StillEnabled(TenantId),
    /// Requests that began before the tenant was disabled may still be under way.
    #[error(
        "tenant `{tenant}` was disabled {}, and requests from before may still be under way; run the command again in a minute",
        rfc3339(*.at)
    )]
    DisabledLately {
        /// The tenant.
        tenant: TenantId,
        /// When it was disabled.
        at: OffsetDateTime,
    },
    /// The tenant has the maximum number of keys.
    #[error("tenant `{0}` has {MAX_ACTIVE_KEYS} keys, the most it may have; revoke one first")]
    TooManyKeys(TenantId),
    /// The tenant has no such key.
    #[error("tenant `{tenant}` has no key `{key}`; list its keys to find the id")]
    NoKey {
        /// The tenant.
        tenant: TenantId,
        /// The id that no key has.
        key: KeyId,
    },
    /// The tenant has no such client.
    #[error("tenant `{tenant}` has no client `{client}`; list its clients to find the id")]
    NoClient {
        /// The tenant.
        tenant: TenantId,
        /// The id that no client of it has.
        client: ClientId,
    },
    /// Two keys share an id. With 48-bit ids and few keys per tenant this is not expected, but if
    /// it happens, the wrong key must not be revoked.
    #[error(
        "tenant `{tenant}` has more than one key `{key}`, so none was changed; disable the tenant if the key has leaked"
    )]
    AmbiguousKey {
        /// The tenant.
        tenant: TenantId,
        /// The id that several keys have.
        key: KeyId,
    },
    /// The tenant does not have exactly one active key, so the one to rotate must be named.
    #[error("{}", choose(tenant, active))]
    ChooseKey {
        /// The tenant.
        tenant: TenantId,
        /// Its active keys.
        active: Vec<KeyId>,
    },
    /// The key is no longer accepted, so it cannot be replaced without a gap.
    #[error("key `{key}` of tenant `{tenant}` {how}, so it cannot be rotated; create a new key")]
    KeyEnded {
        /// The tenant.
        tenant: TenantId,
        /// The key.
        key: KeyId,
        /// Why it is no longer accepted.
        how: &'static str,
    },
    /// The new key of a rotation would not outlive the old one.
    #[error(
        "the new key would expire {}, and the old one is accepted until {}; let the new key expire later, or the old one be accepted for a shorter time",
        rfc3339(*.new),
        rfc3339(*.old)
    )]
    NewKeyEndsFirst {
        /// When the new key would expire.
        new: OffsetDateTime,
        /// When the old one ends.
        old: OffsetDateTime,
    },
    /// DynamoDB failed or refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn choose(tenant: &TenantId, active: &[KeyId]) -> String {
    if active.is_empty() {
        return format!("tenant `{tenant}` has no active key to rotate; create a new key");
    }
    let ids: Vec<&str> = active.iter().map(KeyId::as_str).collect();
    format!(
        "tenant `{tenant}` has {} active keys; name the one to rotate: {}",
        ids.len(),
        ids.join(", ")
    )
}
