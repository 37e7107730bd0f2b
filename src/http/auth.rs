//! From the `Authorization` header to the tenant.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use lambda_http::Request;
use lambda_http::http::header::AUTHORIZATION;
use scim::ScimError;
use store::Cost;
use store::client::tables::TablesError;
use store::secrets::Credential;
use tenant::{AccessToken, ApiKey, ApiKeyError, ClientSecret, TenantId};
use time::OffsetDateTime;
use tokio::time::timeout;

use super::request::decoded_length;
use crate::instance::Instance;
use crate::instance::principal::Principal;
use crate::instance::rate::{worth_of, worth_of_body};
use crate::log::Trace;
use crate::service::Failure;

/// The credentials in a request's `Authorization` header, parsed once.
pub(crate) struct Presented {
    /// The credential, or why there is none. This depends only on its form, which is public, and is
    /// decided before anything is read.
    credential: Result<(Bearer, Principal), ScimError>,
    /// The tenant named by the credential, even if that is mistyped or was never issued.
    named_tenant: Option<TenantId>,
    /// Whether the header is missing.
    is_absent: bool,
    /// The length of the request's body.
    body: usize,
    /// As how many requests this one was charged; none until the key is accepted.
    charged: AtomicUsize,
}

/// What lets a request in (RFC 6750, section 2.1).
enum Bearer {
    Key(ApiKey),
    Token(AccessToken),
}

impl Presented {
    /// Reads the header.
    pub(crate) fn read(request: &Request) -> Self {
        let token = bearer_token(request);
        Self {
            credential: read_bearer(token),
            named_tenant: ApiKey::named_tenant(token).or_else(|| AccessToken::named_tenant(token)),
            is_absent: !request.headers().contains_key(AUTHORIZATION),
            body: decoded_length(request),
            charged: AtomicUsize::new(0),
        }
    }

    /// The tenant named by the credential, even if that is mistyped or was never issued.
    pub(crate) fn named_tenant(&self) -> Option<&TenantId> {
        self.named_tenant.as_ref()
    }

    /// Whether the request has no credentials of any kind.
    pub(crate) fn is_absent(&self) -> bool {
        self.is_absent
    }

    /// Whom the request claims to act for.
    ///
    /// # Errors
    /// 401 with what the tenant's admin must do, if there is no credential.
    pub(crate) fn principal(&self) -> Result<&Principal, ScimError> {
        let (_, principal) = self.credential.as_ref().map_err(Clone::clone)?;
        Ok(principal)
    }

    /// Checks the credential, and records its use.
    ///
    /// Every key costs one read of the secrets table, every token one of both tables, and every
    /// refusal has the same status: neither tells an attacker how close a guess was.
    ///
    /// # Errors
    /// 401 with what the tenant's admin must do; 429 when the credential is used too fast; 503 when
    /// it cannot be checked.
    pub(crate) async fn check(
        &self,
        instance: &Instance,
        now: OffsetDateTime,
        trace: &Trace,
    ) -> Result<(), Failure> {
        let (bearer, principal) = self.credential.as_ref().map_err(Clone::clone)?;
        let (store, meter) = (&instance.store, trace.meter());
        let credential = match bearer {
            Bearer::Key(key) => store.credential(key, now, meter).await?,
            Bearer::Token(token) => store.token_credential(token, now, meter).await?,
        };
        // Once its item is found, the owner is certain, whether the credential is valid or not.
        if credential != Credential::Unknown {
            trace.set_tenant(&principal.tenant, principal.id());
        }
        match (credential, bearer) {
            (Credential::Accepted { expires }, bearer) => {
                // That a client secret ends is said where tokens are asked for with it.
                let expires = expires.filter(|_| matches!(bearer, Bearer::Key(_)));
                instance.key_accepted(principal, expires, now);
                Ok(self.charge(instance, worth_of_body(self.body), now)?)
            }
            (refused, Bearer::Key(_)) => Err(refused_key(&refused).into()),
            (refused, Bearer::Token(_)) => Err(refused_token(&refused).into()),
        }
    }

    /// Has the request count as this number of requests with its accepted credential, if it does
    /// not count as more already.
    ///
    /// # Errors
    /// 429 when the rate is used up.
    pub(crate) fn charge(
        &self,
        instance: &Instance,
        requests: usize,
        now: OffsetDateTime,
    ) -> Result<(), ScimError> {
        let principal = self.principal()?;
        let more = requests.saturating_sub(self.charged.load(Relaxed));
        if more == 0 {
            return Ok(());
        }
        instance.charge(principal, more, now)?;
        self.charged.fetch_add(more, Relaxed);
        Ok(())
    }

    /// Has the request count as what it has cost, memberships apart: so many of them it has
    /// changed. One whose credential was not accepted, or used too fast, counts as nothing.
    pub(crate) async fn settle(&self, instance: &Instance, cost: &Cost, memberships: u64) {
        let charged = self.charged.load(Relaxed);
        let more = worth_of(cost, memberships).saturating_sub(charged);
        if let (Ok(principal), true, true) = (self.principal(), charged > 0, more > 0) {
            instance.owe(principal, more).await;
        }
    }
}

/// What lets a request in, by its form alone.
fn read_bearer(token: &[u8]) -> Result<(Bearer, Principal), ScimError> {
    if AccessToken::is_like(token) {
        let token = AccessToken::parse(token).map_err(|_| {
            unauthorized(
                "mistypedToken",
                "the access token is incomplete or was changed on its way; the client has to send it as the token endpoint gave it",
            )
        })?;
        let principal = Principal::of_token(&token);
        return Ok((Bearer::Token(token), principal));
    }
    let key = ApiKey::parse(token).map_err(|error| match error {
        ApiKeyError::Foreign if ClientSecret::is_like(token) => unauthorized(
            "secretAsKey",
            "this is a client secret, which goes with a client id to the token endpoint; in Entra's provisioning settings choose OAuth 2.0 client credentials, or enter an API-KEY as Secret Token",
        ),
        error => not_a_key(error, token.is_empty()),
    })?;
    let principal = Principal::of_key(&key);
    Ok((Bearer::Key(key), principal))
}

/// The refusal of something that is not a key.
fn not_a_key(error: ApiKeyError, is_empty: bool) -> ScimError {
    let (reason, text) = match error {
        _ if is_empty => (
            "noKey",
            "the request has no API-KEY; enter it as Secret Token in Entra's provisioning settings",
        ),
        ApiKeyError::Foreign => (
            "foreignKey",
            "this is not an API-KEY, which starts with `htscim_`; copy it from Settings > API & Integrations and enter it as Secret Token in Entra's provisioning settings",
        ),
        ApiKeyError::Mistyped => (
            "mistypedKey",
            "the API-KEY is incomplete or has a typing mistake; copy it again from Settings > API & Integrations and enter it as Secret Token in Entra's provisioning settings",
        ),
    };
    unauthorized(reason, text)
}

fn unauthorized(reason: &'static str, text: &str) -> ScimError {
    ScimError::Unauthorized {
        detail: text.to_owned(),
        reason,
    }
}

/// The refusal of a key that is not accepted.
fn refused_key(credential: &Credential) -> ScimError {
    let (reason, text) = match credential {
        Credential::Accepted { .. } | Credential::Unknown => (
            "unknownKey",
            "the API-KEY is not valid; copy it again from Settings > API & Integrations and enter it as Secret Token in Entra's provisioning settings",
        ),
        Credential::Revoked => (
            "revokedKey",
            "the API-KEY was revoked; copy the present one from Settings > API & Integrations and enter it as Secret Token in Entra's provisioning settings",
        ),
        Credential::Expired => (
            "expiredKey",
            "the API-KEY has expired; create a new one under Settings > API & Integrations and enter it as Secret Token in Entra's provisioning settings",
        ),
        Credential::TenantDisabled | Credential::ApiOff => closed(credential),
    };
    unauthorized(reason, text)
}

/// The refusal of an access token that is not accepted.
fn refused_token(credential: &Credential) -> ScimError {
    let (reason, text) = match credential {
        Credential::Accepted { .. } | Credential::Unknown => (
            "unknownToken",
            "the access token is not valid; the client has to get one from the token endpoint of this service",
        ),
        Credential::Revoked => (
            "revokedClient",
            "the client secret or the trust by which this access token was issued was revoked; enter the present client secret in Entra's provisioning settings, or have the trust set up again",
        ),
        Credential::Expired => (
            "expiredToken",
            "the access token has expired; the client has to get another one from the token endpoint",
        ),
        Credential::TenantDisabled | Credential::ApiOff => closed(credential),
    };
    unauthorized(reason, text)
}

/// Why no credential of a tenant is accepted.
pub(crate) fn closed(credential: &Credential) -> (&'static str, &'static str) {
    match credential {
        Credential::ApiOff => (
            "apiOff",
            "the API is turned off for this account; turn it on under Settings > API & Integrations",
        ),
        _ => (
            "tenantDisabled",
            "the API is disabled for this account; ask Hellotracks to enable it",
        ),
    }
}

/// How long the start of the function may wait for DynamoDB: the first request can wait instead.
const WARM_UP: Duration = Duration::from_secs(1);

/// Opens the connections for the first request, which checks the key and reads at the same time,
/// and finds tables whose names are exchanged.
///
/// Lambda gives a function a full processor while it starts, and a share according to its memory
/// size afterwards: TLS handshakes take a fraction of the time here. Other failures are ignored:
/// they will recur with the first request, which can report them.
///
/// # Errors
/// When a table is one of another kind.
pub(crate) async fn warm_up(instance: &Instance) -> Result<(), TablesError> {
    match timeout(WARM_UP, instance.store.check_tables()).await {
        Ok(Err(error @ TablesError::OtherKind { .. })) => Err(error),
        _ => Ok(()),
    }
}

/// What follows `Bearer` in the header; empty if there is nothing.
///
/// Entra adds the word itself, and admins paste it again, with spaces or a line break: it may be
/// doubled and in any case, and white space is removed.
fn bearer_token(request: &Request) -> &[u8] {
    let Some(header) = request.headers().get(AUTHORIZATION) else {
        return b"";
    };
    let mut rest = header.as_bytes().trim_ascii();
    let mut is_bearer = false;
    while let Some((word, after)) = rest.split_at_checked(SCHEME.len())
        && word.eq_ignore_ascii_case(SCHEME)
        && after.first().is_none_or(u8::is_ascii_whitespace)
    {
        is_bearer = true;
        rest = after.trim_ascii_start();
    }
    if is_bearer { rest } else { b"" }
}

const SCHEME: &[u8] = b"bearer";

#[cfg(test)]
mod tests {
    use lambda_http::Body;

    use super::*;

    fn token(header: &str) -> String {
        let request = lambda_http::http::Request::builder()
            .header("authorization", header)
            .body(Body::Empty)
            .unwrap();
        String::from_utf8(bearer_token(&request).to_vec()).unwrap()
    }

    #[test]
    fn the_scheme_is_read_as_admins_paste_it() {
        for header in [
            "Bearer k",
            "bearer k",
            "BEARER  k ",
            "Bearer Bearer k",
            "Bearer bearer\tk",
            " Bearer k",
        ] {
            assert_eq!(token(header), "k", "{header}");
        }
        for header in ["", "Bearer", "Bearer ", "Basic k", "k", "Bearerk"] {
            assert_eq!(token(header), "", "{header}");
        }
        assert_eq!(bearer_token(&Request::new(Body::Empty)), b"");
    }
}
