//! `key`: the API keys of a tenant.

pub mod create;
mod known;
pub mod list;
pub mod rotate;
pub mod warnings;

use store::secrets::KeyRecord;
use store::{Meter, Store};
use tenant::{KeyId, TenantId};

use crate::clock::now;
use crate::failure::Failure;

/// `key revoke`.
pub async fn revoke(tenant: &TenantId, key: &KeyId, store: &Store) -> Result<KeyRecord, Failure> {
    let meter = Meter::default();
    Ok(store.revoke_key(tenant, key, now(), &meter).await?)
}
