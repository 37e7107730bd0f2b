//! OAuth 2.0: the token endpoint, at which a client proves who it is and gets an access token
//! (RFC 6749, section 4.4), and the document that says where it is (RFC 8414).
//!
//! `route` knows the paths, `grant` gives tokens, `web_keys` finds the key of an assertion,
//! `refused` says why there is none, `respond` writes the answers. What a request means, and
//! whether an assertion is true, is decided by the crate `oauth`.

mod grant;
mod refused;
mod respond;
mod route;
mod web_keys;

use lambda_http::http::header::{AUTHORIZATION, CONTENT_TYPE};
use lambda_http::http::{HeaderName, Method};
use lambda_http::{Body, Request, Response};
use oauth::TokenRequest;
use tenant::TenantId;

use crate::http::request::public_base;
use crate::instance::Instance;
use crate::log::Trace;
use crate::service::Failure;

use refused::NoToken;
pub(crate) use refused::Refused;
pub(crate) use respond::{failed, refused};
pub(crate) use route::{Endpoint, Target};

/// Answers a request of one of these endpoints; the outer error is a failure of the service, the
/// inner one a refusal.
///
/// # Errors
/// Failures of DynamoDB that no refusal stands for.
pub(crate) async fn answer(
    instance: &Instance,
    request: &Request,
    target: &Target,
    trace: &Trace,
) -> Result<Result<Response<Body>, Refused>, Failure> {
    trace.set_route(target.endpoint.name());
    let outcome = match (target.endpoint, request.method()) {
        (Endpoint::Metadata, &Method::GET | &Method::HEAD) => {
            let public_url = instance.config.public_url.as_deref();
            let base = public_base(request, public_url, &target.prefix);
            Ok(respond::metadata(&base))
        }
        (Endpoint::Metadata, _) => Err(NoToken::Refused(Refused::Method("GET, HEAD"))),
        (Endpoint::Token, &Method::POST) => {
            let token = token(instance, request, trace).await;
            token.map(|(token, life)| respond::token(&token, life))
        }
        (Endpoint::Token, _) => Err(NoToken::Refused(Refused::Method("POST"))),
    };
    match outcome {
        Ok(response) => Ok(Ok(response)),
        Err(NoToken::Refused(refused)) => Ok(Err(refused)),
        Err(NoToken::Failed(failure)) => Err(*failure),
    }
}

async fn token(
    instance: &Instance,
    request: &Request,
    trace: &Trace,
) -> Result<(tenant::AccessToken, time::Duration), NoToken> {
    let values = |name: HeaderName| {
        let all = request.headers().get_all(name);
        let all: Vec<&[u8]> = all.iter().map(|value| value.as_bytes()).collect();
        all
    };
    let content_type = values(CONTENT_TYPE).first().copied();
    let asked = TokenRequest::read(&values(AUTHORIZATION), content_type, request.body())?;
    grant::grant(instance, asked, trace).await
}

/// The tenant whose client a refused request names.
pub(crate) fn named_tenant(refused: &Refused) -> Option<&TenantId> {
    match refused {
        Refused::ByRule(refusal) => refusal.client.as_ref().map(tenant::ClientId::tenant),
        Refused::Method(_) | Refused::TooFast(_) => None,
    }
}
