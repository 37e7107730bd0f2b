//! Rotation: a new key, with the old one still accepted for a while.

use tenant::{ApiKey, KeyId, TenantId};
use time::{Duration, OffsetDateTime};

use super::item::{KEY_PREFIX, KeyItem};
use super::keys::{NewKey, find_key, replaced_by};
use super::write::{self, Ending};
use super::{KeyRecord, SecretsError};
use crate::{Meter, Store};

/// What a new key takes over from an old one.
#[derive(Debug, Clone, Default)]
pub struct Successor {
    /// The key to replace; if omitted, the tenant's only active key.
    pub old: Option<KeyId>,
    /// How long the old key is still accepted, unless it expires earlier.
    pub overlap: Duration,
    /// The new key's label; if omitted, the old one's.
    pub label: Option<String>,
    /// When the new key expires. Not taken over from the old key.
    pub expires: Option<OffsetDateTime>,
}

/// A completed rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The new key.
    pub new: KeyRecord,
    /// The old key, with its new end.
    pub old: KeyRecord,
}

impl Store {
    /// Stores a new key of the tenant that the key names, and lets the old one end after the
    /// overlap, in one transaction.
    ///
    /// # Errors
    /// [`SecretsError::NoTenant`], [`SecretsError::NoKey`], [`SecretsError::AmbiguousKey`],
    /// [`SecretsError::ChooseKey`], [`SecretsError::KeyEnded`], [`SecretsError::NewKeyEndsFirst`],
    /// [`SecretsError::BeingDeleted`], [`SecretsError::ImportUnderWay`],
    /// [`SecretsError::TooManyKeys`], and failures of DynamoDB.
    pub async fn rotate_key(
        &self,
        key: &ApiKey,
        successor: &Successor,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<Rotation, SecretsError> {
        self.rotate(&NewKey::of_key(key), successor, now, meter)
            .await
    }

    pub(super) async fn rotate(
        &self,
        new: &NewKey<'_>,
        successor: &Successor,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<Rotation, SecretsError> {
        let seen = self.meant_tenant();
        write::retrying_races(|| async {
            let tenant = new.tenant;
            let mut read = self.tenant_item(tenant, meter).await?;
            read.is_same(&seen)?;
            let mut keys = self.query_keys(tenant, KEY_PREFIX, meter).await?;
            keys.retain(|key| key.record.kind.is_like(&new.kind));
            let old = match &successor.old {
                Some(id) => find_key(&keys, tenant, id)?,
                None => only_active_key(&keys, tenant, now)?,
            };
            if !old.record.is_active(now) {
                return Err(SecretsError::KeyEnded {
                    tenant: tenant.clone(),
                    key: old.record.id.clone(),
                    how: match old.record.revoked {
                        Some(_) => "was revoked",
                        None => "has expired",
                    },
                });
            }
            let end = now + successor.overlap;
            let end = old.record.expires.map_or(end, |expires| expires.min(end));
            if let Some(expires) = successor.expires.filter(|expires| *expires <= end) {
                return Err(SecretsError::NewKeyEndsFirst {
                    new: expires,
                    old: end,
                });
            }
            self.make_room(&mut read, now, meter).await?;
            let label = successor.label.as_ref().unwrap_or(&old.record.label);
            let record = new.record(label, now, successor.expires);
            let ending = Ending {
                old,
                end,
                followed: replaced_by(&keys, &old.record.id, now),
            };
            self.write_key(&read, &new.digest, &record, Some(&ending), meter)
                .await?;
            let old = KeyRecord {
                expires: Some(end),
                replaced_by: Some(record.id.clone()),
                ..old.record.clone()
            };
            Ok(Rotation { new: record, old })
        })
        .await
    }
}

fn only_active_key<'k>(
    keys: &'k [KeyItem],
    tenant: &TenantId,
    now: OffsetDateTime,
) -> Result<&'k KeyItem, SecretsError> {
    let active: Vec<_> = keys
        .iter()
        .filter(|key| key.record.is_active(now))
        .collect();
    match active.as_slice() {
        [only] => Ok(only),
        several => Err(SecretsError::ChooseKey {
            tenant: tenant.clone(),
            active: several.iter().map(|key| key.record.id.clone()).collect(),
        }),
    }
}
