//! Whom a request acts for.

use tenant::{AccessToken, ApiKey, ClientId, KeyDigest, KeyId, TenantId};

/// Whom a request acts for: an API key and an access token are two ways to the same. The tenant is
/// only claimed until the credential is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The tenant.
    pub tenant: TenantId,
    /// The API key, or the secret or trust by which the token was issued: what has a rate, a last
    /// use, and an end.
    pub credential: KeyDigest,
    /// What seals cursors. That of a client stays the same when its token is renewed.
    pub seal: KeyDigest,
    /// What a refusal calls the credential.
    pub noun: &'static str,
}

impl Principal {
    /// Who comes with this API key.
    pub fn of_key(key: &ApiKey) -> Self {
        Self {
            tenant: key.tenant().clone(),
            credential: key.digest(),
            seal: key.digest(),
            noun: "API-KEY",
        }
    }

    /// Who comes with this access token.
    pub fn of_token(token: &AccessToken) -> Self {
        Self::of_client(token.client(), token.credential())
    }

    /// A client that proves who it is by this secret or trust.
    pub fn of_client(client: &ClientId, credential: KeyDigest) -> Self {
        Self {
            tenant: client.tenant().clone(),
            credential,
            seal: client.seal(),
            noun: "OAuth client",
        }
    }

    /// The credential in logs, change records and commands.
    pub fn id(&self) -> KeyId {
        self.credential.key_id()
    }
}
