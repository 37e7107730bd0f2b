//! Reading a request.

use lambda_http::http::header::{CONTENT_TYPE, HOST};
use lambda_http::{Request, RequestExt};

use scim::ScimError;
use scim::bulk::MAX_PAYLOAD_SIZE;
use scim::list::Query;
use scim::text::quote;

use super::route::{BASE_PATH, Target};
use crate::service::Body;

/// The path as the client sent it. `lambda_http` prepends the stage to the path of the URI, and
/// keeps the original separately.
pub(super) fn path(request: &Request) -> &str {
    match request.raw_http_path() {
        "" => request.uri().path(),
        raw => raw,
    }
}

/// The text of a header, if present. A value that is not text becomes one that equals no other: an
/// unreadable condition must not be treated as absent.
pub(super) fn header(request: &Request, name: &str) -> Option<String> {
    let value = request.headers().get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// The service's base URL without a trailing slash: from the configuration, otherwise from the
/// request, as the tenant sees it.
pub(super) fn base_url(request: &Request, public_url: Option<&str>, target: &Target) -> String {
    if let Some(public_url) = public_url {
        return format!("{public_url}{BASE_PATH}");
    }
    let headers = request.headers();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(HOST.as_str())
        .or_else(|| request.uri().host())
        .unwrap_or("localhost");
    // API Gateway only accepts HTTPS and always says so; without the header this is a local run.
    let scheme = match text("x-forwarded-proto") {
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
        _ => "http",
    };
    format!("{scheme}://{host}{}{BASE_PATH}", target.prefix)
}

/// The body of a request that requires one.
///
/// # Errors
/// 413 when it is too large, 415 when it is declared as something other than JSON.
pub(super) fn body(request: &Request) -> Result<Body<'_>, ScimError> {
    if let Some(content_type) = request.headers().get(CONTENT_TYPE) {
        let media_type = content_type
            .to_str()
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        let is_json = ["application/scim+json", "application/json", ""];
        if !is_json
            .iter()
            .any(|accepted| media_type.eq_ignore_ascii_case(accepted))
        {
            return Err(ScimError::UnsupportedMediaType(format!(
                "the body is {}; send `application/scim+json`",
                quote(media_type)
            )));
        }
    }
    let body: &[u8] = request.body();
    if body.len() > MAX_PAYLOAD_SIZE {
        return Err(ScimError::PayloadTooLarge(format!(
            "the body is {} bytes long, and {MAX_PAYLOAD_SIZE} are accepted; send less at once",
            body.len()
        )));
    }
    Ok(Body::Text(body))
}

/// The parameters of the query string, which is form-encoded: `+` is a space, `%2B` a plus. Unknown
/// ones, such as `aadOptscim062020`, are ignored.
pub(super) fn parameters(request: &Request) -> Query {
    let mut parameters = Query::default();
    let text = request.uri().query().unwrap_or_default();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        if let Some(parameter) = parameters.parameter(&name) {
            *parameter = Some(value.into_owned());
        }
    }
    parameters
}
