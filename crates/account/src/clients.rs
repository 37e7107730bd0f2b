//! OAuth 2.0 clients: created, their secrets replaced, issuers trusted, revoked, and listed with
//! what is known of their use.

use store::secrets::{KeyKind, KeyRecord, Rotation, SecretsError, Successor, Trust};
use tenant::{ClientId, ClientSecret, KeyId, TenantId};
use time::{Duration, OffsetDateTime};

use crate::entrance::random;
use crate::keys::KnownKey;
use crate::{Account, Failure, now};

/// The shortest and the longest life of a client secret: Entra's gallery wants one to three years.
pub const SECRET_DAYS: std::ops::RangeInclusive<u32> = 365..=1_095;

/// The life of a client secret unless another one is asked for.
pub const DEFAULT_SECRET_DAYS: u32 = 730;

/// A client with its secrets and trusts, those that have ended too, the oldest first.
#[derive(Debug)]
pub struct KnownClient {
    /// Its id.
    pub id: ClientId,
    /// What it is called.
    pub label: String,
    /// Its secrets and trusts.
    pub credentials: Vec<KnownKey>,
}

/// A secret that was just made. It is not stored and cannot be shown again.
#[derive(Debug)]
pub struct NewSecret {
    /// Whose it is.
    pub client: ClientId,
    /// The secret.
    pub secret: ClientSecret,
    /// What is stored of it.
    pub record: KeyRecord,
    /// What is stored of the one whose place it takes, if it takes one's.
    pub old: Option<KeyRecord>,
}

impl KnownClient {
    /// Whether it can get a token, or could if its tenant were enabled.
    pub fn is_active(&self, now: OffsetDateTime) -> bool {
        let mut all = self.credentials.iter();
        all.any(|credential| credential.record.is_active(now))
    }
}

impl Account {
    /// Creates a client with a secret.
    ///
    /// # Errors
    /// When the tenant has too many keys, and failures of DynamoDB.
    pub async fn create_client(&self, label: &str, life: Duration) -> Result<NewSecret, Failure> {
        let [a, b, c, d, e, f, ..] = random()?;
        let client = ClientId::from_random(&self.tenant.id, [a, b, c, d, e, f]);
        self.create_secret(client, label, life).await
    }

    async fn create_secret(
        &self,
        client: ClientId,
        label: &str,
        life: Duration,
    ) -> Result<NewSecret, Failure> {
        let secret = new_secret(&self.tenant.id)?;
        let now = now();
        let expires = Some(now + life);
        let record = self
            .store
            .create_secret(&client, &secret, label, now, expires, &self.meter)
            .await?;
        Ok(NewSecret {
            client,
            secret,
            record,
            old: None,
        })
    }

    /// Creates a secret in the place of another one of a client; if none is named, of the only one.
    /// Where none is left to be replaced, the client gets a secret all the same.
    ///
    /// # Errors
    /// When there is no such client, or it is not clear which secret is to be replaced, or it has
    /// ended, and failures of DynamoDB.
    pub async fn rotate_secret(
        &self,
        client: &ClientId,
        old: Option<KeyId>,
        overlap: Duration,
        life: Duration,
    ) -> Result<NewSecret, Failure> {
        let label = self.own_client(client).await?;
        let secret = new_secret(&self.tenant.id)?;
        let now = now();
        let successor = Successor {
            old,
            overlap,
            label: None,
            expires: Some(now + life),
        };
        let rotated = self
            .store
            .rotate_secret(client, &secret, &successor, now, &self.meter)
            .await;
        match rotated {
            Ok(Rotation { new, old }) => Ok(NewSecret {
                client: client.clone(),
                secret,
                record: new,
                old: Some(old),
            }),
            Err(SecretsError::ChooseKey { active, .. }) if active.is_empty() => {
                self.create_secret(client.clone(), &label, life).await
            }
            Err(error) => Err(of_client(client, error)),
        }
    }

    /// Has a client trust an issuer, instead of what it trusted the same issuer with before.
    ///
    /// # Errors
    /// When there is no such client or the tenant has too many keys, and failures of DynamoDB.
    pub async fn trust(
        &self,
        client: &ClientId,
        trust: &oauth::Trust,
    ) -> Result<KeyRecord, Failure> {
        self.own_client(client).await?;
        let trust = &Trust {
            issuer: trust.issuer.as_str().to_owned(),
            subject: trust.subject.clone(),
            audiences: trust.audiences.clone(),
        };
        // To the millisecond: tokens of the trust before it are told from those of this one by it.
        let now = OffsetDateTime::now_utc();
        let trusted = self.store.create_trust(client, trust, now, &self.meter);
        Ok(trusted.await?)
    }

    /// Revokes a secret or a trust of a client, or all of them, for ever.
    ///
    /// # Errors
    /// When there is no such client or it has no such secret or trust, and failures of DynamoDB.
    pub async fn revoke_client(
        &self,
        client: &ClientId,
        id: Option<&KeyId>,
    ) -> Result<Vec<KeyRecord>, Failure> {
        self.own_client(client).await?;
        let revoked = self.store.revoke_client(client, id, now(), &self.meter);
        revoked.await.map_err(|error| of_client(client, error))
    }

    /// The clients of the tenant, the oldest first.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn clients(&self) -> Result<Vec<KnownClient>, Failure> {
        let mut clients: Vec<KnownClient> = Vec::new();
        for known in self.credentials().await? {
            let Some(id) = known.record.kind.client().cloned() else {
                continue;
            };
            match clients.iter_mut().find(|client| client.id == id) {
                Some(client) => {
                    client.label.clone_from(&known.record.label);
                    client.credentials.push(known);
                }
                None => clients.push(KnownClient {
                    id,
                    label: known.record.label.clone(),
                    credentials: vec![known],
                }),
            }
        }
        Ok(clients)
    }

    /// What a client of this tenant is called.
    async fn own_client(&self, client: &ClientId) -> Result<String, Failure> {
        if *client.tenant() != self.tenant.id {
            let (tenant, client) = (self.tenant.id.clone(), client.clone());
            return Err(SecretsError::NoClient { tenant, client }.into());
        }
        Ok(self.store.client_label(client, &self.meter).await?)
    }
}

/// Whether a record is that of a client secret.
pub fn is_secret(record: &KeyRecord) -> bool {
    matches!(record.kind, KeyKind::ClientSecret(_))
}

fn new_secret(tenant: &TenantId) -> Result<ClientSecret, Failure> {
    Ok(ClientSecret::from_secret(tenant, random()?))
}

/// Why a secret or a trust could not be changed, in words for clients instead of for keys.
fn of_client(client: &ClientId, error: SecretsError) -> Failure {
    let client = client.clone();
    match error {
        SecretsError::NoKey { key, .. } => Failure::NoCredential { client, id: key },
        SecretsError::ChooseKey { active, .. } => Failure::ChooseSecret { client, active },
        SecretsError::KeyEnded { key, how, .. } => Failure::SecretEnded {
            client,
            id: key,
            how,
        },
        error => error.into(),
    }
}
