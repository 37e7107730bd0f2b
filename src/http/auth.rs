//! From the `Authorization` header to the tenant.

use std::time::Duration;

use lambda_http::Request;
use lambda_http::http::header::AUTHORIZATION;
use time::OffsetDateTime;
use tokio::time::timeout;

use super::App;
use super::log::Trace;
use crate::service::Failure;
use scim::ScimError;
use store::Meter;
use store::secrets::Credential;
use tenant::{ApiKey, ApiKeyError, TenantId};

/// The request's API-KEY, if what it carries can be one. That is decided from its form, which is
/// public, before anything is read.
///
/// # Errors
/// 401 with what the tenant's admin must do.
pub(super) fn presented_key(request: &Request) -> Result<ApiKey, ScimError> {
    let token = bearer_token(request);
    ApiKey::parse(token).map_err(|error| {
        let (reason, refusal) = match error {
            _ if token.is_empty() => (
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
        ScimError::Unauthorized(refusal.to_owned(), reason)
    })
}

/// The tenant that the request's API-KEY names, though the key be mistyped or was never issued.
pub(super) fn named_tenant(request: &Request) -> Option<TenantId> {
    ApiKey::named_tenant(bearer_token(request))
}

/// Whether the request carries credentials of any kind.
pub(super) fn has_credentials(request: &Request) -> bool {
    request.headers().contains_key(AUTHORIZATION)
}

/// How long the start of the function may wait for DynamoDB: the first request can wait instead.
const WARM_UP: Duration = Duration::from_secs(1);

/// Makes the connections of the first request, which checks the key and reads at the same time.
///
/// Lambda lends a function a whole processor while it starts, and what its memory size is worth
/// afterwards: TLS handshakes take a fraction of the time here. What goes wrong will go wrong again
/// for the first request, and that has somebody to tell.
pub async fn warm_up(app: &App) {
    let meter = Meter::default();
    let read = || app.store.connect_secrets(&meter);
    let _ = timeout(WARM_UP, async { tokio::join!(read(), read()) }).await;
}

/// Checks the API-KEY of a request that has nothing else to be done beside it.
///
/// # Errors
/// 401 with what the tenant's admin must do; 429 when the key is used too fast; 503 when it cannot
/// be checked.
pub(super) async fn authenticate(
    app: &App,
    request: &Request,
    now: OffsetDateTime,
    trace: &Trace,
) -> Result<(), Failure> {
    check(app, &presented_key(request)?, now, trace).await
}

/// Counts what is worth this number of requests against the rate of a key that was accepted.
///
/// # Errors
/// 429 when the rate is used up.
pub(super) fn charge(
    app: &App,
    key: &ApiKey,
    requests: usize,
    now: OffsetDateTime,
) -> Result<(), ScimError> {
    let per_second = app.config.requests_per_second;
    app.key_uses
        .charge(&app.store, key, requests, per_second, now)
}

/// Checks an API-KEY and takes note of its use.
///
/// Every key costs one read of the secrets table, and is refused with the same status: neither
/// tells a guesser how near the guess was.
///
/// # Errors
/// 401 with what the tenant's admin must do; 429 when the key is used too fast; 503 when it cannot
/// be checked.
pub(super) async fn check(
    app: &App,
    key: &ApiKey,
    now: OffsetDateTime,
    trace: &Trace,
) -> Result<(), Failure> {
    let credential = app.store.credential(key, now, trace.meter()).await?;
    // Whose key it is, valid or not, is known for certain once its item was found.
    if credential != Credential::Unknown {
        trace.set_tenant(key.tenant(), key.id());
    }
    let (reason, refusal) = match credential {
        Credential::Accepted { expires } => {
            app.key_uses.accepted(&app.store, key, expires, now);
            return Ok(charge(app, key, 1, now)?);
        }
        Credential::Unknown => (
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
            "the API is disabled for this account; enable it under Settings > API & Integrations",
        ),
    };
    Err(ScimError::Unauthorized(refusal.to_owned(), reason).into())
}

/// What follows `Bearer` in the header; empty if there is nothing.
///
/// Entra writes the word itself, and admins paste it once more, with spaces or a line break: the
/// word may be doubled and in any case, and white space is dropped.
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
