//! Access tokens: only the digest is stored.

use tenant::{AccessToken, ClientId, KeyDigest};
use time::OffsetDateTime;

use crate::client::attributes::{Item, damaged, epoch_seconds, string, text, time, timestamp};
use crate::client::tables::EXPIRES_AT;
use crate::client::transaction::settled;
use crate::directory::keys;
use crate::{StoreError, TenantStore};

const CLIENT: &str = "client";
/// The digest of the secret, or of the trust, by which it was issued.
const CREDENTIAL: &str = "credential";
/// When that was created: a trust that is made anew has the same digest.
const SINCE: &str = "since";
const ISSUED: &str = "issued";
const EXPIRES: &str = "expires";

/// A token as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IssuedToken {
    pub client: ClientId,
    pub credential: KeyDigest,
    pub since: OffsetDateTime,
    /// DynamoDB removes it some time after.
    pub expires: OffsetDateTime,
}

impl IssuedToken {
    pub(crate) fn read(item: &Item) -> Result<Self, StoreError> {
        let named = ClientId::parse(text(item, CLIENT)?);
        Ok(Self {
            client: named.map_err(|_| damaged(item, CLIENT))?,
            credential: KeyDigest::from_hex(text(item, CREDENTIAL)?)
                .ok_or_else(|| damaged(item, CREDENTIAL))?,
            since: time(item, SINCE)?,
            expires: time(item, EXPIRES)?,
        })
    }
}

impl TenantStore<'_> {
    /// Stores a token that is given to its client, by a credential that was created at `since`.
    ///
    /// # Errors
    /// Failures of DynamoDB: then nobody may be given it.
    pub async fn issue_token(
        &self,
        token: &AccessToken,
        since: OffsetDateTime,
        issued: OffsetDateTime,
        expires: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut item = self.new_item(keys::access::token(&token.digest()));
        item.extend([
            (CLIENT.to_owned(), string(token.client().as_str())),
            (CREDENTIAL.to_owned(), string(token.credential().to_hex())),
            (SINCE.to_owned(), timestamp(since)),
            (ISSUED.to_owned(), timestamp(issued)),
            (EXPIRES.to_owned(), timestamp(expires)),
            (EXPIRES_AT.to_owned(), epoch_seconds(expires)),
        ]);
        let store = self.store();
        let put = store
            .client
            .put_item()
            .table_name(self.table())
            .set_item(Some(item));
        let attempt = || store.call(put.clone(), self.meter(), self.accepted_only());
        settled(attempt).await?;
        Ok(())
    }

    /// Where a token is stored.
    pub(crate) fn token_key(&self, token: &AccessToken) -> Item {
        self.key(keys::access::token(&token.digest()))
    }
}
