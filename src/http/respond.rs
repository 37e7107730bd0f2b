//! Writing a response.

use lambda_http::http::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LOCATION,
    RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Response};
use scim::ScimError;
use scim::discovery;
use scim::list::{ListResponse, Query};
use scim::schema::PROVIDED;
use scim::text::quote;
use serde::Serialize;
use serde_json::Value;

use super::route::Document;
use crate::service::{Answer, BulkResponse, Failure, Got};

/// Without a charset: one client compares the whole value.
const SCIM_JSON: &str = "application/scim+json";

/// Seconds after which clients are asked to retry. Whatever makes the directory unavailable passes
/// within a second or takes minutes; Entra retries in its next cycle anyway.
pub(crate) const RETRY_SECONDS: &str = "2";

/// What every answer has in common, whatever it answers.
///
/// An answer may show people, so no cache on its way keeps it; and no browser takes it for anything
/// but what it says it is. The answer to HEAD is that of GET without its body (RFC 9110 §9.3.2).
/// Its `Content-Length` is left to API Gateway, which knows of the body that it sends alone.
pub(crate) fn complete(response: &mut Response<Body>, method: &Method) {
    set(response, CACHE_CONTROL, "no-store");
    set(response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    if *method == Method::HEAD {
        *response.body_mut() = Body::Empty;
    }
}

/// The answer to a refused or failed request. It includes the request's id if the operator's log is
/// needed.
pub(crate) fn error(failure: &Failure, request_id: &str) -> Response<Body> {
    let error = &failure.error;
    let mut body = error.to_body();
    if let (true, Some(members)) = (error.is_failure(), body.as_object_mut()) {
        members.insert(
            "detail".to_owned(),
            format!("{error} (request {request_id})").into(),
        );
    }
    let mut response = json(error.status(), &body);
    match error {
        ScimError::Unauthorized { reason, .. } => {
            set(&mut response, WWW_AUTHENTICATE, challenge(reason));
        }
        ScimError::MethodNotAllowed { allow, .. } => set(&mut response, ALLOW, allow),
        ScimError::TooManyRequests { retry_after, .. } => {
            set(&mut response, RETRY_AFTER, &retry_after.to_string());
        }
        // RFC 9110 §12.5.3: this tells an encoding from a media type that is not supported.
        ScimError::UnsupportedEncoding(_) => set(&mut response, ACCEPT_ENCODING, "gzip"),
        ScimError::Unavailable(_) => set(&mut response, RETRY_AFTER, RETRY_SECONDS),
        _ => {}
    }
    if let Some(existing) = &failure.existing {
        set(&mut response, LOCATION, &existing.location);
    }
    response
}

/// RFC 6750 §3.1: a client that has a token learns from `invalid_token` to get another one.
fn challenge(reason: &str) -> &'static str {
    match reason {
        "mistypedToken" | "unknownToken" | "expiredToken" | "revokedClient" => {
            "Bearer error=\"invalid_token\""
        }
        _ => "Bearer",
    }
}

/// 200 with a ListResponse.
pub(super) fn list(list: ListResponse) -> Response<Body> {
    json(StatusCode::OK, &list.into_message())
}

/// 200 with the result of each operation.
pub(super) fn bulk(bulk: BulkResponse) -> Response<Body> {
    json(StatusCode::OK, &bulk.into_body())
}

/// 201 with the new resource and its location.
pub(super) fn created(created: Answer) -> Response<Body> {
    resource(StatusCode::CREATED, created)
}

/// 200 with the changed resource, or 204 if it is not shown: RFC 7644 §3.5.2 allows 204, and more
/// clients want the body.
pub(super) fn changed(changed: Answer) -> Response<Body> {
    resource(StatusCode::OK, changed)
}

/// 200 with the resource, or 304 if the client has the current version.
pub(super) fn found(found: Got) -> Response<Body> {
    match found {
        Got::Resource(answer) => resource(StatusCode::OK, *answer),
        Got::Known { etag } => {
            let mut response = empty(StatusCode::NOT_MODIFIED);
            set(&mut response, ETAG, &etag);
            response
        }
    }
}

/// 204.
pub(super) fn deleted() -> Response<Body> {
    empty(StatusCode::NO_CONTENT)
}

/// A discovery document.
///
/// # Errors
/// 403 for a filter, 404 when there is no such schema or resource type.
pub(super) fn discovery(
    document: &Document,
    query: &Query,
    base: &str,
) -> Result<Response<Body>, Failure> {
    refuse_filter(document, query)?;
    let missing = |what: &str, name: &str| {
        Failure::from(ScimError::NotFound(format!(
            "there is no {what} {}",
            quote(name)
        )))
    };
    let body = match document {
        Document::ServiceProviderConfig => discovery::service_provider_config(base),
        Document::ResourceTypes => {
            let all: Vec<_> = PROVIDED
                .iter()
                .map(|found| discovery::resource_type(found, base))
                .collect();
            return Ok(list(ListResponse::of_all(all)));
        }
        Document::ResourceType(name) => PROVIDED
            .iter()
            .find(|found| found.name.eq_ignore_ascii_case(name))
            .map(|found| Value::Object(discovery::resource_type(found, base)))
            .ok_or_else(|| missing("resource type", name))?,
        Document::Schemas => {
            let all: Vec<_> = discovery::schemas()
                .map(|found| discovery::schema(found, base))
                .collect();
            return Ok(list(ListResponse::of_all(all)));
        }
        Document::Schema(urn) => discovery::schemas()
            .find(|found| found.id.eq_ignore_ascii_case(urn))
            .map(|found| Value::Object(discovery::schema(found, base)))
            .ok_or_else(|| missing("schema", urn))?,
    };
    Ok(json(StatusCode::OK, &body))
}

/// RFC 7644 §4: a filter on `/Schemas` or `/ResourceTypes` is refused, so that no client mistakes
/// the whole list for the result; on `/ServiceProviderConfig` it is ignored.
fn refuse_filter(document: &Document, query: &Query) -> Result<(), ScimError> {
    match document {
        Document::ServiceProviderConfig => Ok(()),
        _ if query.filter.is_none() => Ok(()),
        _ => Err(ScimError::Forbidden(
            "discovery cannot be filtered; leave `filter` out".to_owned(),
        )),
    }
}

fn resource(status: StatusCode, answer: Answer) -> Response<Body> {
    let mut response = match &answer.body {
        Some(body) => json(status, body),
        None => empty(StatusCode::NO_CONTENT),
    };
    if let Some(etag) = &answer.etag {
        set(&mut response, ETAG, etag);
    }
    set(&mut response, LOCATION, &answer.location);
    response
}

fn json(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    // All bodies are maps with text keys, so serialization cannot fail.
    let text = serde_json::to_string(body).unwrap_or_default();
    let mut response = Response::new(Body::Text(text));
    *response.status_mut() = status;
    set(&mut response, CONTENT_TYPE, SCIM_JSON);
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response
}

/// Sets a header. An invalid value is left out: it can only come from a client's own `Host`.
pub(crate) fn set(response: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
