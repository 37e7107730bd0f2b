//! OAuth 2.0 clients of a tenant: their secrets and their trusts.
//!
//! Both are key items that name their client, so what holds of the keys of a tenant holds of them:
//! how many there may be, that disabling the tenant reaches them, rotation, expiry, warnings,
//! revocation. A client is there as long as an item names it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use tenant::{AccessToken, ClientId, ClientSecret, KeyDigest, KeyId, TenantId};
use time::{Duration, OffsetDateTime};

use super::credential::judge;
use super::item::{self, KEY_PREFIX, KeyItem};
use super::keys::{NewKey, find_key};
use super::rotate::{Rotation, Successor};
use super::{Credential, KeyKind, KeyRecord, SecretsError};
use crate::access::IssuedToken;
use crate::client::attributes::{Item, damaged, string, text};
use crate::client::batch;
use crate::client::gate::Passage;
use crate::client::tables::{SECRETS_PARTITION_KEY, SECRETS_SORT_KEY};
use crate::{Gate, Meter, Store, StoreError};

/// Whom a client believes: assertions of this issuer about this subject, for one of these audiences
/// (RFC 7523, section 3). A client has one trust in an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// The claim `iss`.
    pub issuer: String,
    /// The claim `sub`.
    pub subject: String,
    /// The texts that the claim `aud` may be.
    pub audiences: Vec<String>,
}

/// A secret or a trust of a client, looked up to issue a token by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCredential {
    /// Whether it is accepted.
    pub credential: Credential,
    /// What names it.
    pub digest: KeyDigest,
    /// When it was created.
    pub created: OffsetDateTime,
    /// What is trusted, unless it is a secret.
    pub trust: Option<Trust>,
}

/// The longest life of an access token: what Entra's gallery accepts.
pub const MAX_TOKEN_LIFE: Duration = Duration::hours(6);

/// How far the clocks of two instances may be apart.
const SKEW: Duration = Duration::minutes(5);

const ISSUER: &str = "issuer";
const SUBJECT: &str = "subject";
const AUDIENCES: &str = "audiences";

impl Trust {
    pub(super) fn write(&self, item: &mut Item) {
        item.extend([
            (ISSUER.to_owned(), string(&self.issuer)),
            (SUBJECT.to_owned(), string(&self.subject)),
            (
                AUDIENCES.to_owned(),
                AttributeValue::Ss(self.audiences.clone()),
            ),
        ]);
    }

    /// `None` where the item is that of a secret.
    pub(super) fn read(item: &Item) -> Result<Option<Self>, StoreError> {
        if ![ISSUER, SUBJECT, AUDIENCES]
            .iter()
            .any(|name| item.contains_key(*name))
        {
            return Ok(None);
        }
        let Some(AttributeValue::Ss(audiences)) = item.get(AUDIENCES) else {
            return Err(damaged(item, AUDIENCES));
        };
        let mut audiences = audiences.clone();
        audiences.sort();
        Ok(Some(Self {
            issuer: text(item, ISSUER)?.to_owned(),
            subject: text(item, SUBJECT)?.to_owned(),
            audiences,
        }))
    }
}

impl Store {
    /// Looks up a presented client secret, as [`Store::credential`] looks up an API key; `None` if
    /// the client has never had it.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn client_secret(
        &self,
        client: &ClientId,
        secret: &ClientSecret,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<Option<ClientCredential>, StoreError> {
        let found = self.client_key(client, secret.digest(), now, meter).await?;
        Ok(found.filter(|found| found.trust.is_none()))
    }

    /// Looks up what a client trusts an issuer with; `None` if it never has.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn client_trust(
        &self,
        client: &ClientId,
        issuer: &str,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<Option<ClientCredential>, StoreError> {
        let digest = client.trust_digest(issuer);
        let found = self.client_key(client, digest, now, meter).await?;
        Ok(found.filter(|found| found.trust.is_some()))
    }

    async fn client_key(
        &self,
        client: &ClientId,
        digest: KeyDigest,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<Option<ClientCredential>, StoreError> {
        let partition = item::partition(client.tenant());
        let sort_key = item::key_sort_key(&digest.to_hex());
        let item = self.read_secret(partition, sort_key, meter).await?;
        let key = item.as_ref().map(KeyItem::read).transpose()?;
        let key = key.filter(|key| key.record.kind.client() == Some(client));
        Ok(key.map(|key| ClientCredential {
            credential: judge(&key, Some(now)),
            digest,
            created: key.record.created,
            trust: match key.record.kind {
                KeyKind::Trust(_, trust) => Some(trust),
                KeyKind::ApiKey | KeyKind::ClientSecret(_) => None,
            },
        }))
    }

    /// Checks a presented access token: one read of the token in the directory and of its
    /// credential in the secrets table, both strongly consistent. Revoking the credential and
    /// disabling the tenant take effect with the next request. A secret that has expired gives no
    /// tokens any more, and those that it gave live out their time.
    ///
    /// # Errors
    /// As [`Store::credential`].
    pub async fn token_credential(
        &self,
        presented: &AccessToken,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<Credential, StoreError> {
        let (client, digest) = (presented.client(), presented.credential());
        let key = Item::from([
            (
                SECRETS_PARTITION_KEY.to_owned(),
                item::partition(client.tenant()),
            ),
            (
                SECRETS_SORT_KEY.to_owned(),
                item::key_sort_key(&digest.to_hex()),
            ),
        ]);
        // It reads one item, under the digest of what was presented: the check itself.
        let gate = Gate::opened();
        let token = self
            .tenant(client.tenant(), meter, &gate)
            .token_key(presented);
        let wanted = HashMap::from([
            (self.tables.secrets.clone(), batch::keys(vec![key], None)?),
            (
                self.tables.directory.clone(),
                batch::keys(vec![token], None)?,
            ),
        ]);
        let (mut key, mut token) = (None, None);
        self.get_items(wanted, meter, Passage::Free, |table, item| {
            if table == self.tables.secrets {
                key = Some(KeyItem::read(item)?);
            } else {
                token = Some(IssuedToken::read(item)?);
            }
            Ok(())
        })
        .await?;
        let (Some(key), Some(token)) = (key, token) else {
            return Ok(Credential::Unknown);
        };
        let is_of_both = key.record.kind.client() == Some(client)
            && token.client == *client
            && token.credential == digest;
        if !is_of_both {
            return Ok(Credential::Unknown);
        }
        Ok(match judge(&key, None) {
            // A trust that was made anew does not speak for the tokens of the one before it.
            Credential::Accepted { .. } if token.since != key.record.created => Credential::Revoked,
            Credential::Accepted { .. } if token.expires <= now => Credential::Expired,
            // The service gives none that lives so long: somebody else has written the item.
            Credential::Accepted { .. } if token.expires > now + MAX_TOKEN_LIFE + SKEW => {
                Credential::Unknown
            }
            judged => judged,
        })
    }

    /// Stores a new secret of a client.
    ///
    /// # Errors
    /// As [`Store::create_key`].
    pub async fn create_secret(
        &self,
        client: &ClientId,
        secret: &ClientSecret,
        label: &str,
        now: OffsetDateTime,
        expires: Option<OffsetDateTime>,
        meter: &Meter,
    ) -> Result<KeyRecord, SecretsError> {
        let new = NewKey::of_secret(client, secret);
        self.create_new(&new, label, now, expires, meter).await
    }

    /// Stores a new secret of a client, and lets an old one end after the overlap, as
    /// [`Store::rotate_key`] does with keys.
    ///
    /// # Errors
    /// As [`Store::rotate_key`].
    pub async fn rotate_secret(
        &self,
        client: &ClientId,
        secret: &ClientSecret,
        successor: &Successor,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<Rotation, SecretsError> {
        let new = NewKey::of_secret(client, secret);
        self.rotate(&new, successor, now, meter).await
    }

    /// Has a client that is there trust an issuer. A trust in the same issuer that it has, or had,
    /// is replaced, and its tokens are refused from then on; if it is the same, it stays.
    ///
    /// # Errors
    /// [`SecretsError::NoClient`], and those of [`Store::create_key`].
    pub async fn create_trust(
        &self,
        client: &ClientId,
        trust: &Trust,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<KeyRecord, SecretsError> {
        let keys = self.keys_of(client, meter).await?;
        let kind = KeyKind::Trust(client.clone(), trust.clone());
        let same = keys.iter().map(|key| &key.record);
        let mut same = same.filter(|record| record.kind == kind && record.revoked.is_none());
        if let Some(record) = same.next() {
            return Ok(record.clone());
        }
        let label = label_of(&keys, client)?;
        let new = NewKey {
            tenant: client.tenant(),
            digest: client.trust_digest(&trust.issuer),
            kind,
        };
        self.create_new(&new, &label, now, None, meter).await
    }

    /// What a client is called: as its newest secret or trust.
    ///
    /// # Errors
    /// [`SecretsError::NoClient`], and failures of DynamoDB.
    pub async fn client_label(
        &self,
        client: &ClientId,
        meter: &Meter,
    ) -> Result<String, SecretsError> {
        label_of(&self.keys_of(client, meter).await?, client)
    }

    /// The secrets and trusts of a client.
    async fn keys_of(&self, client: &ClientId, meter: &Meter) -> Result<Vec<KeyItem>, StoreError> {
        let mut keys = self.query_keys(client.tenant(), KEY_PREFIX, meter).await?;
        keys.retain(|key| key.record.kind.client() == Some(client));
        Ok(keys)
    }

    /// Revokes a secret or a trust of a client, or, if none is named, all of them: the next request
    /// with a token that it gave is refused. Returns those that are revoked now.
    ///
    /// # Errors
    /// [`SecretsError::NoClient`], [`SecretsError::NoKey`], [`SecretsError::AmbiguousKey`], and
    /// failures of DynamoDB. If several are revoked, some may be by then.
    pub async fn revoke_client(
        &self,
        client: &ClientId,
        id: Option<&KeyId>,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<Vec<KeyRecord>, SecretsError> {
        let tenant: &TenantId = client.tenant();
        let keys = self.keys_of(client, meter).await?;
        label_of(&keys, client)?;
        let meant: Vec<KeyId> = match id {
            Some(id) => vec![find_key(&keys, tenant, id)?.record.id.clone()],
            None => keys
                .iter()
                .filter(|key| key.record.revoked.is_none())
                .map(|key| key.record.id.clone())
                .collect(),
        };
        let mut revoked = Vec::with_capacity(meant.len());
        for id in meant {
            revoked.push(self.revoke_key(tenant, &id, now, meter).await?);
        }
        Ok(revoked)
    }
}

/// What a client with these secrets and trusts is called.
fn label_of(keys: &[KeyItem], client: &ClientId) -> Result<String, SecretsError> {
    let latest = keys.iter().max_by_key(|key| key.record.created);
    let label = latest.map(|key| key.record.label.clone());
    label.ok_or_else(|| SecretsError::NoClient {
        tenant: client.tenant().clone(),
        client: client.clone(),
    })
}

impl<'k> NewKey<'k> {
    fn of_secret(client: &'k ClientId, secret: &ClientSecret) -> Self {
        Self {
            tenant: client.tenant(),
            digest: secret.digest(),
            kind: KeyKind::ClientSecret(client.clone()),
        }
    }
}
