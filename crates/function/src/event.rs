//! Events that `lambda_http` cannot convert to a request as they are.

use lambda_http::LambdaEvent;
use lambda_http::http::header::{HOST, HeaderValue};
use lambda_http::http::uri::Authority;
use lambda_http::request::LambdaRequest;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::Url;

/// Characters not allowed in the path or query of a URI, besides non-ASCII ones.
pub const UNFIT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The scheme that the client spoke to API Gateway, which sets it.
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// The longest path and query that are processed. A URI holds 64 KB, API Gateway accepts 10 KB, and
/// every parameter's limit is far shorter, so that a truncated one is refused for its length.
const MAX_PATH: usize = 4_000;
const MAX_QUERY: usize = 60_000;

/// Turns the path, query, host and scheme of an event into valid parts of a URI.
///
/// `lambda_http` panics on others, and the client would get API Gateway's error instead of a SCIM
/// answer. Entra sends the quotes of a filter unencoded, and API Gateway passes on the path
/// decoded.
pub fn repair_url(mut event: LambdaEvent<LambdaRequest>) -> LambdaEvent<LambdaRequest> {
    if let LambdaRequest::ApiGatewayV2(request) = &mut event.payload {
        let encode = |text: String, length| {
            utf8_percent_encode(&text, UNFIT)
                .to_string()
                .chars()
                .take(length)
                .collect::<String>()
        };
        request.raw_query_string = request
            .raw_query_string
            .take()
            .map(|query| encode(query, MAX_QUERY));
        request.raw_path = request
            .raw_path
            .take()
            .map(|path| path.replace('?', "%3F"))
            // `OPTIONS *` has a path without a slash, which would become part of the host.
            .map(|path| match path.starts_with('/') {
                true => encode(path, MAX_PATH),
                false => encode(format!("/{path}"), MAX_PATH),
            });
        let is_authority = |host: &HeaderValue| {
            Authority::try_from(host.as_bytes()).is_ok_and(|authority| {
                let is_url = Url::parse(&format!("https://{authority}/")).is_ok();
                is_url && (authority.as_str() == authority.host() || authority.port_u16().is_some())
            })
        };
        if !request.headers.get(HOST).is_none_or(is_authority) {
            request.headers.remove(HOST);
        }
        let is_scheme = |scheme: &HeaderValue| scheme == "https" || scheme == "http";
        if !request.headers.get(FORWARDED_PROTO).is_none_or(is_scheme) {
            request.headers.remove(FORWARDED_PROTO);
        }
    }
    event
}

#[cfg(test)]
mod tests {
    use lambda_http::{Context, Request};

    use super::*;

    fn repaired(path: &str, query: &str, host: &str) -> Request {
        event(path, query, host, "https")
    }

    fn event(path: &str, query: &str, host: &str, scheme: &str) -> Request {
        let event = serde_json::json!({
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {"host": host, "x-forwarded-proto": scheme},
            "requestContext": {"http": {"method": "GET"}, "domainName": "domain.example"},
            "isBase64Encoded": false,
        });
        let payload = serde_json::from_value(event).unwrap();
        Request::from(repair_url(LambdaEvent::new(payload, Context::default())).payload)
    }

    #[test]
    fn any_query_string_becomes_one_of_a_uri() {
        let query = |raw| {
            repaired("/scim/v2/Users", raw, "h.example")
                .uri()
                .query()
                .unwrap_or_default()
                .to_owned()
        };
        assert_eq!(
            query("filter=userName+eq+\"ö\""),
            "filter=userName+eq+%22%C3%B6%22"
        );
        assert_eq!(query("a= <b>\t#c"), "a=%20%3Cb%3E%09%23c");
        for fit in [
            "filter=a%20eq%20%22b%22&x",
            "emails[type+eq+%22work%22].value='",
            "",
        ] {
            assert_eq!(query(fit), fit);
        }
    }

    #[test]
    fn any_forwarded_scheme_can_be_answered() {
        for (scheme, becomes) in [
            ("http", "http"),
            ("https", "https"),
            ("a#b", "https"),
            ("", "https"),
        ] {
            let event = event("/scim/v2", "", "h.example", scheme);
            assert_eq!(event.uri().scheme_str(), Some(becomes), "{scheme}");
        }
    }

    #[test]
    fn any_path_and_host_can_be_answered() {
        let path = |raw| repaired(raw, "", "h.example").uri().path().to_owned();
        assert_eq!(
            path("/scim/v2/Users/a b\"é?%41"),
            "/scim/v2/Users/a%20b%22%C3%A9%3F%41"
        );
        assert_eq!(path(""), "/");
        assert_eq!(path("*"), "/*");
        let long = repaired(
            &format!("/{}", "é".repeat(70_000)),
            &"\"".repeat(70_000),
            "h.example",
        );
        assert_eq!(long.uri().query().map(str::len), Some(MAX_QUERY));
        for host in [
            "",
            "a b",
            "é",
            "x/y",
            "h.example:port",
            "h.example:99999",
            "u@h.example",
            "999999999999",
            "xn--a",
            "h.example%00",
        ] {
            assert_eq!(
                repaired("/", "", host).uri().host(),
                Some("domain.example"),
                "{host}"
            );
        }
    }
}
