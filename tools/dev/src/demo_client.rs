//! An OAuth 2.0 client of the first demo tenant, with a secret and a trust in the local issuer.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use account::Account;
use anyhow::{Context, Result};
use oauth::{Authorities, Trust};
use stand::issuer::{AUDIENCE, ENTRA_TENANT, Issuer, SUBJECT};
use store::secrets::{Credential, KeyKind};
use store::{Meter, Store};
use tenant::{ClientId, ClientSecret, TenantId};
use time::{Duration, OffsetDateTime};

use crate::env_file::write_private;

/// A client that gets tokens by its secret, and by assertions of the local issuer.
pub struct DemoClient {
    pub id: ClientId,
    pub secret: ClientSecret,
}

impl DemoClient {
    /// The client of earlier runs, or a new one. `file` keeps id and secret for the next run: the
    /// database has no more of the secret than its digest.
    pub async fn set_up(
        file: &Path,
        store: &Store,
        tenant: &TenantId,
        issuer: &Issuer,
    ) -> Result<Self> {
        let account = Account::open(store, tenant).await?;
        let client = match Self::read(file, store).await? {
            Some(kept) => kept,
            None => {
                let life = Duration::days(account::clients::DEFAULT_SECRET_DAYS.into());
                let new = account.create_client("make dev", life).await?;
                Self {
                    id: new.client,
                    secret: new.secret,
                }
            }
        };
        let lines = format!("{}\n{}\n", client.id, client.secret.expose());
        write_private(file, lines.as_bytes())
            .with_context(|| format!("cannot write {}", file.display()))?;
        client.trust(&account, issuer).await?;
        Ok(client)
    }

    /// Id and secret, if the secret is accepted: it is not if the data was removed, or a developer
    /// has revoked it to try that out.
    async fn read(file: &Path, store: &Store) -> Result<Option<Self>> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", file.display()));
            }
        };
        let mut lines = text.lines();
        let id = lines.next().and_then(|line| ClientId::parse(line).ok());
        let secret = lines.next();
        let secret = secret.and_then(|line| ClientSecret::parse(line.as_bytes()).ok());
        let (Some(id), Some(secret)) = (id, secret) else {
            return Ok(None);
        };
        let (now, meter) = (OffsetDateTime::now_utc(), Meter::default());
        let found = store.client_secret(&id, &secret, now, &meter).await?;
        let is_accepted =
            found.is_some_and(|found| matches!(found.credential, Credential::Accepted { .. }));
        Ok(is_accepted.then_some(Self { id, secret }))
    }

    /// Has the client trust the issuer and no other, which an earlier run may have had elsewhere.
    async fn trust(&self, account: &Account, issuer: &Issuer) -> Result<()> {
        let wanted = Trust::from_pasted(
            &Authorities::parse(&issuer.authority())?,
            &issuer.issuer(ENTRA_TENANT),
            Some(&issuer.keys_url(ENTRA_TENANT)),
            SUBJECT,
            AUDIENCE,
            None,
        )?;
        let now = OffsetDateTime::now_utc();
        let clients = account.clients().await?;
        let own = clients.iter().filter(|client| client.id == self.id);
        for known in own.flat_map(|client| &client.credentials) {
            if let KeyKind::Trust(_, trust) = &known.record.kind
                && known.record.is_active(now)
                && trust.issuer != wanted.issuer.as_str()
            {
                let old = Some(&known.record.id);
                account.revoke_client(&self.id, old).await?;
            }
        }
        account.trust(&self.id, &wanted).await?;
        Ok(())
    }
}
