//! Reading a request.

use lambda_http::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST};
use lambda_http::{Request, RequestExt};

use scim::ScimError;
use scim::list::Query;
use scim::members::MAX_BODY;
use scim::text::quote;

use super::route::{BASE_PATH, Target};
use crate::service::Body;

/// The path as the client sent it. `lambda_http` prepends the stage to the path of the URI, and
/// keeps the original separately.
pub(crate) fn path(request: &Request) -> &str {
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
    format!(
        "{}{BASE_PATH}",
        public_base(request, public_url, &target.prefix)
    )
}

/// The URL in front of the paths of the service, without a trailing slash. `prefix` is what API
/// Gateway put before them.
pub(crate) fn public_base(request: &Request, public_url: Option<&str>, prefix: &str) -> String {
    if let Some(public_url) = public_url {
        return public_url.to_owned();
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
    format!("{scheme}://{host}{prefix}")
}

/// The body of a request that requires one, of at most so many bytes. It is decoded when it is
/// parsed, once the key is accepted.
///
/// # Errors
/// 413 when it is too large, 415 when it is declared as something other than JSON, or encoded in
/// another way than with gzip.
pub(super) fn body(request: &Request, most: usize) -> Result<Body<'_>, ScimError> {
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
    if body.len() > most {
        return Err(ScimError::PayloadTooLarge(format!(
            "the body is {} bytes long, and {most} are accepted; send less at once",
            body.len()
        )));
    }
    Ok(match encoding(request)? {
        Encoding::Identity => Body::Text(body),
        Encoding::Gzip => Body::Gzip(body, most),
    })
}

/// How a body is encoded (RFC 9110 §8.4).
enum Encoding {
    Identity,
    Gzip,
}

/// What the request says about its body's encoding. Several encodings are not undone: each could
/// make a thousand bytes of one.
fn encoding(request: &Request) -> Result<Encoding, ScimError> {
    let lines = request.headers().get_all(CONTENT_ENCODING);
    let codings: Vec<_> = lines
        .iter()
        .map(|line| String::from_utf8_lossy(line.as_bytes()))
        .collect();
    let codings = codings.join(",");
    match codings.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Encoding::Identity),
        // RFC 9110 §8.4.1.3: `x-gzip` is the same.
        "gzip" | "x-gzip" => Ok(Encoding::Gzip),
        _ => Err(ScimError::UnsupportedEncoding(format!(
            "the body's `Content-Encoding` is {}; send the body as it is, or encoded once with `gzip`",
            quote(codings.trim())
        ))),
    }
}

/// The length of the body once it is decoded, as far as can be told without doing so: gzip ends
/// with it (RFC 1952 §2.3.1), and decoding fails if that is not true.
pub(super) fn decoded_length(request: &Request) -> usize {
    let body: &[u8] = request.body();
    let told = match encoding(request) {
        Ok(Encoding::Gzip) => body.last_chunk().map(|bytes| u32::from_le_bytes(*bytes)),
        Ok(Encoding::Identity) | Err(_) => None,
    };
    let told = told.and_then(|length| usize::try_from(length).ok());
    body.len().max(told.unwrap_or(0).min(MAX_BODY))
}

/// The parameters of the query string, which is form-encoded: `+` is a space, `%2B` a plus. Unknown
/// ones, such as `aadOptscim062020`, are ignored. Lists of names may be split over several
/// parameters; of any other parameter the last one counts.
pub(super) fn parameters(request: &Request) -> Query {
    let mut parameters = Query::default();
    let text = request.uri().query().unwrap_or_default();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        parameters.add(&name, value.into_owned());
    }
    parameters
}
