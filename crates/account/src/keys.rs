//! API keys: created, replaced, revoked, and listed with what is known of their use.

use store::secrets::{
    Credential, KeyKind, KeyRecord, KeyWarning, Rotation, SecretsError, Successor, Tenant,
};
use store::{Gate, Meter, Store};
use tenant::{ApiKey, ClientSecret, KeyId, TenantId};
use time::OffsetDateTime;

use crate::entrance::random;
use crate::{Account, Failure, now};

/// A key with what is known of its use.
#[derive(Debug)]
pub struct KnownKey {
    /// Whose key it is.
    pub tenant: TenantId,
    /// The key.
    pub record: KeyRecord,
    /// Whether its time is over.
    pub is_expired: bool,
    /// When it was last used, to within five minutes.
    pub last_used: Option<OffsetDateTime>,
    /// What there is to be done about it.
    pub warnings: Vec<KeyWarning>,
}

/// A key that was just made. It is not stored and cannot be shown again.
#[derive(Debug)]
pub struct NewKey {
    /// The key.
    pub key: ApiKey,
    /// What is stored of it.
    pub record: KeyRecord,
}

impl Account {
    /// Creates a key.
    ///
    /// # Errors
    /// When the tenant has too many keys, and failures of DynamoDB.
    pub async fn create_key(
        &self,
        label: &str,
        expires: Option<OffsetDateTime>,
    ) -> Result<NewKey, Failure> {
        let key = new_key(&self.tenant.id)?;
        let record = self
            .store
            .create_key(&key, label, now(), expires, &self.meter)
            .await?;
        Ok(NewKey { key, record })
    }

    /// Creates a key in the place of another one.
    ///
    /// # Errors
    /// When it is not clear which is to be replaced or it has ended, and failures of DynamoDB.
    pub async fn rotate_key(&self, successor: &Successor) -> Result<(ApiKey, Rotation), Failure> {
        let key = new_key(&self.tenant.id)?;
        let rotation = self
            .store
            .rotate_key(&key, successor, now(), &self.meter)
            .await?;
        Ok((key, rotation))
    }

    /// Revokes a key for ever.
    ///
    /// # Errors
    /// When there is no such key, and failures of DynamoDB.
    pub async fn revoke_key(&self, key: &KeyId) -> Result<KeyRecord, Failure> {
        let tenant = &self.tenant.id;
        Ok(self
            .store
            .revoke_key(tenant, key, now(), &self.meter)
            .await?)
    }

    /// Turns the API on or off: with all keys at once, as the tenant's own admin asks.
    ///
    /// # Errors
    /// When only a part of the tenant is there, and failures of DynamoDB.
    pub async fn set_api(&self, is_on: bool) -> Result<Tenant, Failure> {
        let tenant = &self.tenant.id;
        Ok(self.store.set_api(tenant, is_on, &self.meter).await?)
    }

    /// The API keys of the tenant, the oldest first.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn keys(&self) -> Result<Vec<KnownKey>, Failure> {
        let mut keys = self.credentials().await?;
        keys.retain(|key| key.record.kind == KeyKind::ApiKey);
        Ok(keys)
    }

    /// What is stored of all that the tenant's clients are let in with, without its use: for names.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn credential_records(&self) -> Result<Vec<KeyRecord>, Failure> {
        let records = self.store.list_keys(&self.tenant.id, &self.meter);
        Ok(records.await?)
    }

    /// All that the tenant's clients are let in with, the oldest first: API keys, and secrets and
    /// trusts of OAuth 2.0 clients.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn credentials(&self) -> Result<Vec<KnownKey>, Failure> {
        let tenant = &self.tenant.id;
        let records = self.store.list_keys(tenant, &self.meter).await?;
        let keys = records.into_iter().map(|record| (tenant.clone(), record));
        known(keys, now(), &self.store).await
    }
}

/// Whose key or client secret somebody has found, and whether it is alive.
#[derive(Debug)]
pub enum Identified {
    /// It was issued.
    Issued {
        /// What is known of it and of its use.
        key: Box<KnownKey>,
        /// Whether a request with it is accepted now.
        is_live: bool,
    },
    /// It has the form of a key or secret of this tenant and was never issued, or the tenant is
    /// gone.
    NeverIssued(TenantId),
    /// It is neither, or a part of one. The tenant that it names, if it names one.
    NoKey(Option<TenantId>),
}

/// Says whose API key or client secret this is.
///
/// # Errors
/// Failures of DynamoDB.
pub async fn identify(presented: &[u8], store: &Store) -> Result<Identified, Failure> {
    if ClientSecret::is_like(presented) {
        return identify_secret(presented, store).await;
    }
    let Ok(key) = ApiKey::parse(presented) else {
        return Ok(Identified::NoKey(ApiKey::named_tenant(presented)));
    };
    let (now, meter) = (now(), Meter::default());
    let is_live = match store.credential(&key, now, &meter).await? {
        Credential::Unknown => return Ok(Identified::NeverIssued(key.tenant().clone())),
        credential => matches!(credential, Credential::Accepted { .. }),
    };
    let records = store.list_keys(key.tenant(), &meter).await?.into_iter();
    let own = records.filter(|record| record.id == key.id());
    let own = own.map(|record| (key.tenant().clone(), record));
    Ok(match known(own, now, store).await?.pop() {
        Some(known) => Identified::Issued {
            key: Box::new(known),
            is_live,
        },
        None => Identified::NeverIssued(key.tenant().clone()),
    })
}

/// A client secret does not name its client: every secret of the tenant with its id is compared.
async fn identify_secret(presented: &[u8], store: &Store) -> Result<Identified, Failure> {
    let Ok(secret) = ClientSecret::parse(presented) else {
        return Ok(Identified::NoKey(ClientSecret::named_tenant(presented)));
    };
    let (now, meter, tenant) = (now(), Meter::default(), secret.tenant());
    let records = match store.list_keys(tenant, &meter).await {
        Err(SecretsError::NoTenant(tenant)) => return Ok(Identified::NeverIssued(tenant)),
        listed => listed?,
    };
    let id = secret.id();
    for record in records.into_iter().filter(|record| record.id == id) {
        let Some(client) = record.kind.client() else {
            continue;
        };
        let found = store.client_secret(client, &secret, now, &meter).await?;
        let Some(found) = found else {
            continue;
        };
        let is_live = matches!(found.credential, Credential::Accepted { .. });
        let own = std::iter::once((tenant.clone(), record));
        if let Some(known) = known(own, now, store).await?.pop() {
            return Ok(Identified::Issued {
                key: Box::new(known),
                is_live,
            });
        }
    }
    Ok(Identified::NeverIssued(tenant.clone()))
}

/// The keys and client secrets of all enabled tenants that there is a warning of. A tenant that is
/// disabled has no use for its keys, and nothing ends for it.
///
/// # Errors
/// Failures of DynamoDB.
pub async fn warned(store: &Store) -> Result<Vec<KnownKey>, Failure> {
    let now = now();
    let keys = store.list_all_keys(&Meter::default()).await?.into_iter();
    let keys = keys.filter(|key| key.tenant_enabled && key.record.is_active(now));
    let keys = keys.map(|key| (key.tenant, key.record));
    let mut keys = known(keys, now, store).await?;
    keys.retain(|key| !key.warnings.is_empty());
    Ok(keys)
}

/// A key with a secret of its own. Until it is stored it is accepted nowhere.
///
/// # Errors
/// When the system has no random numbers.
pub fn new_key(tenant: &TenantId) -> Result<ApiKey, Failure> {
    Ok(ApiKey::from_secret(tenant, random()?))
}

/// The keys, in their order by tenant, with what is known of their use.
async fn known(
    keys: impl Iterator<Item = (TenantId, KeyRecord)>,
    now: OffsetDateTime,
    store: &Store,
) -> Result<Vec<KnownKey>, Failure> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    let keys: Vec<_> = keys.collect();
    let mut known = Vec::new();
    for keys in keys.chunk_by(|(one, _), (other, _)| one == other) {
        let Some((tenant, _)) = keys.first() else {
            continue;
        };
        let uses = store.tenant(tenant, &meter, &gate).last_uses().await?;
        for (_, record) in keys {
            // A trust that was made anew has the id of the one before it.
            let is_trust = matches!(record.kind, KeyKind::Trust(..));
            let made = record.created.truncate_to_second();
            let last_used = uses.get(&record.id).copied();
            let last_used = last_used.filter(|used| !is_trust || *used >= made);
            known.push(KnownKey {
                tenant: tenant.clone(),
                is_expired: record.expires.is_some_and(|expires| expires <= now),
                warnings: record.warnings(last_used, now),
                last_used,
                record: record.clone(),
            });
        }
    }
    Ok(known)
}
