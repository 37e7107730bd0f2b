//! Writing the answers (RFC 6749, sections 5.1 and 5.2; RFC 8414, section 3.2).

use lambda_http::http::StatusCode;
use lambda_http::http::header::{ALLOW, CONTENT_TYPE, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use lambda_http::{Body, Response};
use oauth::{ErrorCode, RETRY_AFTER as KEYS_AGAIN};
use scim::ScimError;
use serde_json::{Value, json};
use tenant::AccessToken;
use time::Duration;

use super::refused::Refused;
use super::route::Endpoint;
use crate::http::respond::{RETRY_SECONDS, set};
use crate::service::Failure;

/// The one scope there is: all of the tenant's directory.
const SCOPE: &str = "scim";

/// 200 with a token. There is no refresh token (RFC 6749, section 4.4.3).
pub(super) fn token(token: &AccessToken, life: Duration) -> Response<Body> {
    respond(
        StatusCode::OK,
        &json!({
            "access_token": token.expose(),
            "token_type": "Bearer",
            "expires_in": life.whole_seconds(),
            "scope": SCOPE,
        }),
    )
}

/// 200 with the metadata: the same for everybody, so it costs no call.
pub(super) fn metadata(base: &str) -> Response<Body> {
    respond(
        StatusCode::OK,
        &json!({
            "issuer": base,
            "token_endpoint": format!("{base}{}", Endpoint::Token.name()),
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "scopes_supported": [SCOPE],
            "token_endpoint_auth_methods_supported":
                ["client_secret_basic", "client_secret_post", "private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
        }),
    )
}

/// The answer to a refused request.
pub(crate) fn refused(refused: &Refused) -> Response<Body> {
    match refused {
        Refused::ByRule(refusal) => {
            let status = StatusCode::from_u16(refusal.code.status());
            let mut response = error(
                status.unwrap_or(StatusCode::BAD_REQUEST),
                refusal.code.as_str(),
                &refusal.description,
            );
            match refusal.code {
                // RFC 6749 wants it where the client used the header; a client that did not may
                // still learn from it what it can use.
                ErrorCode::InvalidClient => {
                    set(&mut response, WWW_AUTHENTICATE, "Basic realm=\"oauth2\"")
                }
                ErrorCode::TemporarilyUnavailable => {
                    let seconds = KEYS_AGAIN.whole_seconds().to_string();
                    set(&mut response, RETRY_AFTER, &seconds);
                }
                ErrorCode::InvalidRequest | ErrorCode::UnsupportedGrantType => {}
            }
            response
        }
        Refused::Method(allow) => {
            let description = format!("this endpoint takes {allow}");
            let mut response = error(
                StatusCode::METHOD_NOT_ALLOWED,
                ErrorCode::InvalidRequest.as_str(),
                &description,
            );
            set(&mut response, ALLOW, allow);
            response
        }
        Refused::TooFast(too_fast) => {
            let mut response = error(
                StatusCode::TOO_MANY_REQUESTS,
                ErrorCode::TemporarilyUnavailable.as_str(),
                "this client asks for tokens too fast; use a token until it expires",
            );
            if let ScimError::TooManyRequests { retry_after, .. } = too_fast {
                set(&mut response, RETRY_AFTER, &retry_after.to_string());
            }
            response
        }
    }
}

/// The answer to a request that failed: RFC 6749 has no codes for it, and these are its words for
/// the same at other endpoints (section 4.1.2.1).
pub(crate) fn failed(failure: &Failure, request_id: &str) -> Response<Body> {
    let status = failure.error.status();
    let is_passing = status == StatusCode::SERVICE_UNAVAILABLE;
    let (code, text) = match is_passing {
        true => (
            ErrorCode::TemporarilyUnavailable.as_str(),
            "the directory did not answer in time; send the request again",
        ),
        false => ("server_error", "the service failed"),
    };
    let mut response = error(status, code, &format!("{text} (request {request_id})"));
    if is_passing {
        set(&mut response, RETRY_AFTER, RETRY_SECONDS);
    }
    response
}

fn error(status: StatusCode, code: &str, description: &str) -> Response<Body> {
    respond(
        status,
        &json!({ "error": code, "error_description": description }),
    )
}

fn respond(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::Text(body.to_string()));
    *response.status_mut() = status;
    set(&mut response, CONTENT_TYPE, "application/json");
    // RFC 6749, section 5.1, beside the `Cache-Control` that every answer has.
    set(&mut response, PRAGMA, "no-cache");
    response
}
