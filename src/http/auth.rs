//! From the `Authorization` header to the tenant.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use lambda_http::Request;
use lambda_http::http::header::AUTHORIZATION;
use scim::ScimError;
use store::Cost;
use store::client::tables::TablesError;
use store::secrets::Credential;
use tenant::{ApiKey, ApiKeyError, KeyId, TenantId};
use time::OffsetDateTime;
use tokio::time::timeout;

use super::request::decoded_length;
use crate::instance::Instance;
use crate::instance::rate::{worth_of, worth_of_body};
use crate::log::Trace;
use crate::service::Failure;

/// The credentials in a request's `Authorization` header, parsed once.
pub(crate) struct Presented {
    /// The key, or why there is none. This depends only on the form of a key, which is public, and
    /// is decided before anything is read.
    key: Result<ApiKey, ScimError>,
    /// The tenant named by the key, even if the key is mistyped or was never issued.
    named_tenant: Option<TenantId>,
    /// Whether the header is missing.
    is_absent: bool,
    /// The length of the request's body.
    body: usize,
    /// As how many requests this one was charged; none until the key is accepted.
    charged: AtomicUsize,
}

/// Whom a request acts for. The tenant is only claimed until the credential is checked.
pub(crate) struct Principal<'p> {
    pub tenant: &'p TenantId,
    /// Identifies the credential in change records.
    pub credential: KeyId,
    /// The secret that seals cursors: known only to the credential's owner and the service.
    pub seal: [u8; 32],
}

impl Presented {
    /// Reads the header.
    pub(crate) fn read(request: &Request) -> Self {
        let token = bearer_token(request);
        Self {
            key: ApiKey::parse(token).map_err(|error| not_a_key(error, token.is_empty())),
            named_tenant: ApiKey::named_tenant(token),
            is_absent: !request.headers().contains_key(AUTHORIZATION),
            body: decoded_length(request),
            charged: AtomicUsize::new(0),
        }
    }

    /// The tenant named by the key, even if the key is mistyped or was never issued.
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
    /// 401 with what the tenant's admin must do, if this is not a key.
    pub(crate) fn principal(&self) -> Result<Principal<'_>, ScimError> {
        let key = self.key.as_ref().map_err(Clone::clone)?;
        Ok(Principal {
            tenant: key.tenant(),
            credential: key.id(),
            seal: *key.digest().as_bytes(),
        })
    }

    /// Checks the credential, and records its use.
    ///
    /// Every key costs one read of the secrets table, and every refusal has the same status:
    /// neither tells an attacker how close a guess was.
    ///
    /// # Errors
    /// 401 with what the tenant's admin must do; 429 when the key is used too fast; 503 when it
    /// cannot be checked.
    pub(crate) async fn check(
        &self,
        instance: &Instance,
        now: OffsetDateTime,
        trace: &Trace,
    ) -> Result<(), Failure> {
        let key = self.key.as_ref().map_err(Clone::clone)?;
        let credential = instance.store.credential(key, now, trace.meter()).await?;
        // Once its item is found, the key's owner is certain, whether the key is valid or not.
        if credential != Credential::Unknown {
            trace.set_tenant(key.tenant(), key.id());
        }
        match credential {
            Credential::Accepted { expires } => {
                instance.key_accepted(key, expires, now);
                Ok(self.charge(instance, worth_of_body(self.body), now)?)
            }
            refused => Err(refusal(&refused).into()),
        }
    }

    /// Has the request count as this number of requests with its accepted key, if it does not count
    /// as more already.
    ///
    /// # Errors
    /// 429 when the rate is used up.
    pub(crate) fn charge(
        &self,
        instance: &Instance,
        requests: usize,
        now: OffsetDateTime,
    ) -> Result<(), ScimError> {
        let key = self.key.as_ref().map_err(Clone::clone)?;
        let more = requests.saturating_sub(self.charged.load(Relaxed));
        if more == 0 {
            return Ok(());
        }
        instance.charge(key, more, now)?;
        self.charged.fetch_add(more, Relaxed);
        Ok(())
    }

    /// Has the request count as what it has cost, memberships apart: so many of them it has
    /// changed. One whose key was not accepted, or used too fast, counts as nothing.
    pub(crate) async fn settle(&self, instance: &Instance, cost: &Cost, memberships: u64) {
        let charged = self.charged.load(Relaxed);
        let more = worth_of(cost, memberships).saturating_sub(charged);
        if let (Ok(key), true, true) = (&self.key, charged > 0, more > 0) {
            instance.owe(key, more).await;
        }
    }
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
    ScimError::Unauthorized {
        detail: text.to_owned(),
        reason,
    }
}

/// The refusal of a key that is not accepted.
fn refusal(credential: &Credential) -> ScimError {
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
        Credential::TenantDisabled => (
            "tenantDisabled",
            "the API is disabled for this account; ask Hellotracks to enable it",
        ),
        Credential::ApiOff => (
            "apiOff",
            "the API is turned off for this account; turn it on under Settings > API & Integrations",
        ),
    };
    ScimError::Unauthorized {
        detail: text.to_owned(),
        reason,
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
