//! What has ended in another secrets table, or by the operator's log, is ended here: a table that
//! was restored to a point in time has keys that were revoked since, and tenants that were
//! disabled or whose admins turned the API off.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use store::secrets::{Act, KeyRecord};
use store::{Meter, Store};
use tenant::{KeyId, TenantId};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::{Failure, now};

/// What has ended elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ended {
    revoked: BTreeSet<(TenantId, KeyId)>,
    /// Keys whose end was brought forward, and when that is.
    ending: BTreeMap<(TenantId, KeyId), OffsetDateTime>,
    disabled: BTreeSet<TenantId>,
    /// Whose own admin has the API turned off.
    turned_off: BTreeSet<TenantId>,
    deleted: BTreeSet<TenantId>,
    /// Keys that are accepted there.
    issued: BTreeSet<(TenantId, KeyId)>,
}

/// What was found different, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Whose.
    pub tenant: TenantId,
    /// What it is about.
    pub what: What,
}

/// What was found different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The key was revoked.
    Revoked(KeyId),
    /// The end of the key was brought forward to this time.
    Ends(KeyId, OffsetDateTime),
    /// The tenant was disabled.
    Disabled,
    /// The tenant's own admin turned the API off.
    TurnedOff,
    /// The tenant was deleted there, and is here: that is left to the operator.
    Deleted,
    /// The key is accepted there and unknown here: its holder needs another one.
    Missing(KeyId),
}

/// A line that is no entry of the operator's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {0} is no entry of the operator's log, as `scim-admin audit --ndjson` prints it")]
pub struct NoEntry(pub usize);

impl Ended {
    /// What has ended in another secrets table.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn in_table(other: &Store) -> Result<Self, Failure> {
        let meter = Meter::default();
        let mut ended = Self::default();
        for tenant in other.list_tenants(&meter).await? {
            if !tenant.enabled {
                ended.disabled.insert(tenant.id.clone());
            }
            if tenant.api_off.is_some() {
                ended.turned_off.insert(tenant.id);
            }
        }
        let stones = other.list_deleted_tenants(&meter).await?;
        ended
            .deleted
            .extend(stones.into_iter().map(|stone| stone.tenant));
        for key in other.list_all_keys(&meter).await? {
            let KeyRecord {
                id,
                revoked,
                expires,
                ..
            } = key.record;
            let named = (key.tenant, id);
            if revoked.is_some() {
                ended.revoked.insert(named);
            } else if let Some(end) = expires {
                ended.ending.insert(named.clone(), end);
                ended.issued.insert(named);
            } else {
                ended.issued.insert(named);
            }
        }
        Ok(ended)
    }

    /// What has ended by the operator's log, the oldest entry first.
    ///
    /// # Errors
    /// [`NoEntry`].
    pub fn on_log(lines: &str) -> Result<Self, NoEntry> {
        let mut ended = Self::default();
        for (place, line) in lines.lines().enumerate() {
            if !line.trim().is_empty() {
                ended.add(line).ok_or(NoEntry(place + 1))?;
            }
        }
        Ok(ended)
    }

    fn add(&mut self, line: &str) -> Option<()> {
        let entry: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        let tenant = TenantId::parse(text("tenant")?).ok()?;
        let act = text("act")?;
        let key = text("target").and_then(|target| KeyId::parse(target).ok());
        if act == Act::DisableTenant.as_str() {
            self.disabled.insert(tenant);
        } else if act == Act::EnableTenant.as_str() {
            self.disabled.remove(&tenant);
        } else if act == Act::TurnApiOff.as_str() {
            self.turned_off.insert(tenant);
        } else if act == Act::TurnApiOn.as_str() {
            self.turned_off.remove(&tenant);
        } else if act == Act::DeleteTenant.as_str() {
            self.deleted.insert(tenant);
        } else if act == Act::CreateTenant.as_str() {
            // Another one has the id: the keys of the one before went with it.
            self.deleted.remove(&tenant);
            self.disabled.remove(&tenant);
            self.turned_off.remove(&tenant);
            self.issued.retain(|(of, _)| *of != tenant);
            self.revoked.retain(|(of, _)| *of != tenant);
            self.ending.retain(|(of, _), _| *of != tenant);
        } else if act == Act::RevokeKey.as_str() {
            self.issued.remove(&(tenant.clone(), key.clone()?));
            self.revoked.insert((tenant, key?));
        } else if act == Act::CreateKey.as_str() {
            self.issued.insert((tenant, key?));
        } else if act == Act::RotateKey.as_str() || act == Act::EndKey.as_str() {
            let end = OffsetDateTime::parse(text("ends")?, &Rfc3339).ok()?;
            if let Some(successor) = text("successor") {
                let successor = KeyId::parse(successor).ok()?;
                self.issued.insert((tenant.clone(), successor));
            }
            self.ending.insert((tenant, key?), end);
        }
        Some(())
    }

    /// Ends here what is not ended, and says what is different besides. Each step is on the
    /// operator's log.
    ///
    /// # Errors
    /// Failures of DynamoDB. Called again, it does the rest.
    pub async fn end_here(&self, store: &Store) -> Result<Vec<Difference>, Failure> {
        let meter = Meter::default();
        let mut differences = Vec::new();
        let mut found = |tenant: &TenantId, what: What| {
            differences.push(Difference {
                tenant: tenant.clone(),
                what,
            });
        };
        let mut keys = BTreeMap::new();
        for key in store.list_all_keys(&meter).await? {
            keys.insert((key.tenant, key.record.id.clone()), key.record);
        }
        for tenant in store.list_tenants(&meter).await? {
            if self.deleted.contains(&tenant.id) {
                found(&tenant.id, What::Deleted);
            }
            let is_off = self.disabled.contains(&tenant.id) || self.deleted.contains(&tenant.id);
            if is_off && tenant.enabled {
                store.set_enabled(&tenant.id, false, &meter).await?;
                found(&tenant.id, What::Disabled);
            }
            if self.turned_off.contains(&tenant.id) && tenant.api_off.is_none() {
                store.set_api(&tenant.id, false, &meter).await?;
                found(&tenant.id, What::TurnedOff);
            }
        }
        for named in &self.revoked {
            let (tenant, key) = named;
            if keys.get(named).is_some_and(|here| here.revoked.is_none()) {
                store.revoke_key(tenant, key, now(), &meter).await?;
                found(tenant, What::Revoked(key.clone()));
            }
        }
        for (named, end) in &self.ending {
            let (tenant, key) = named;
            let is_later = |here: &KeyRecord| {
                here.revoked.is_none() && here.expires.is_none_or(|expires| expires > *end)
            };
            if keys.get(named).is_some_and(is_later) && !self.revoked.contains(named) {
                store.end_key(tenant, key, *end, &meter).await?;
                found(tenant, What::Ends(key.clone(), *end));
            }
        }
        let now = OffsetDateTime::now_utc();
        for named in &self.issued {
            let (tenant, key) = named;
            let has_ended = self.ending.get(named).is_some_and(|end| *end <= now);
            let is_gone = self.deleted.contains(tenant);
            if !keys.contains_key(named) && !has_ended && !is_gone {
                found(tenant, What::Missing(key.clone()));
            }
        }
        Ok(differences)
    }
}

impl From<NoEntry> for Failure {
    fn from(error: NoEntry) -> Self {
        Self::NoEntry(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_read_in_order() {
        let line = |act: &str, target: &str, rest: &str| {
            format!(
                "{{\"time\":\"2026-11-24T06:00:00.000Z\",\"tenant\":\"acme\",\"act\":\"{act}\",\"target\":\"{target}\"{rest}}}\n"
            )
        };
        let log = [
            line("createKey", "0123456789ab", ""),
            line("disableTenant", "", ""),
            line("enableTenant", "", ""),
            line(
                "rotateKey",
                "0123456789ab",
                ",\"ends\":\"2026-12-01T06:00:00.000Z\",\"successor\":\"00000000000a\"",
            ),
            line("turnApiOff", "", ""),
            line("turnApiOn", "", ""),
            line("turnApiOff", "", ""),
            line("revokeKey", "ba9876543210", ""),
            line("laterAct", "", ""),
        ];
        let ended = Ended::on_log(&log.concat()).unwrap();
        assert!(ended.disabled.is_empty());
        assert_eq!(ended.turned_off.len(), 1);
        assert_eq!(ended.issued.len(), 2, "{:?}", ended.issued);
        let ends: Vec<_> = ended.ending.values().collect();
        assert_eq!(ends[0].unix_timestamp(), 1_795_500_000 + 7 * 86_400);
        assert_eq!(ended.revoked.len(), 1);
        let endless = line("rotateKey", "0123456789ab", "");
        for broken in ["{}", "[]", "x", &line("revokeKey", "no key", ""), &endless] {
            assert_eq!(
                Ended::on_log(&format!("\n{broken}")),
                Err(NoEntry(2)),
                "{broken}"
            );
        }
    }
}
