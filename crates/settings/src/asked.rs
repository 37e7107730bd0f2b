//! What a browser asks.

use std::collections::HashMap;

use function::invocation::{lambda_request_id, trace_id};
use http::{HeaderMap, Method, header};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt as _};
use tenant::SessionToken;
use uuid::Uuid;

use crate::App;
use crate::route::Route;
use crate::texts::Language;

/// The cookie with the session.
pub const SESSION: &str = "__Host-session";

/// The cookie with the language that was chosen.
pub const LANGUAGE: &str = "__Host-language";

/// The cookie with the page of the product from which the session was opened.
pub const WAY_BACK: &str = "__Host-back";

/// A browser that none of the known families is.
pub const OTHER_PROGRAM: &str = "another program";

/// The longest way back, in bytes.
const MAX_WAY_BACK: usize = 500;

/// The longest form that is read, in bytes.
const MAX_FORM: usize = 16_384;

/// A request, read once.
#[derive(Debug)]
pub struct Asked {
    /// Its id, as in the access log.
    pub request_id: String,
    /// Lambda's own id for it.
    pub lambda_request_id: Option<String>,
    /// The root of its trace.
    pub trace_id: Option<String>,
    /// Whether it is the instance's first.
    pub cold_start: Option<bool>,
    pub method: Method,
    pub route: Route,
    /// Where the page can be seen again, with the parameters that it reads; the first page if there
    /// is nothing to see under the path.
    pub here: String,
    pub query: HashMap<String, String>,
    /// What a form has; empty unless it is one.
    pub form: HashMap<String, String>,
    /// The body of a program.
    pub body: Vec<u8>,
    /// The session that the cookie names.
    pub session: Option<SessionToken>,
    /// Where the product's own settings are, as far as the browser keeps it.
    pub way_back: Option<String>,
    pub language: Language,
    /// What comes before `/settings` and `/scim/v2`.
    pub base: String,
    /// Whether the browser says, or does not deny, that the request comes from this page.
    pub origin: Origin,
    /// The family of the browser.
    pub browser: &'static str,
    /// Who AWS says that it is, where API Gateway has asked.
    pub identity: Option<String>,
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The browser says: from this page.
    Same,
    /// The browser says: from elsewhere.
    Other,
    /// It says nothing.
    Unsaid,
}

impl Asked {
    pub fn read(app: &App, request: &Request) -> Self {
        let headers = request.headers();
        let cookies = cookies(headers);
        let host = text(headers, header::HOST.as_str()).unwrap_or("localhost");
        let base = app.public_url.clone().unwrap_or_else(|| {
            // API Gateway only accepts HTTPS and always says so; without the header this is a local
            // run.
            let scheme = match text(headers, "x-forwarded-proto") {
                Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
                _ => "http",
            };
            format!("{scheme}://{host}")
        });
        let route = Route::of(request.uri().path());
        let query = pairs(request.uri().query().unwrap_or_default().as_bytes());
        let bytes: &[u8] = match request.body() {
            Body::Text(text) => text.as_bytes(),
            Body::Binary(bytes) => bytes,
            _ => &[],
        };
        let body = bytes.get(..bytes.len().min(MAX_FORM)).unwrap_or_default();
        let is_form = text(headers, header::CONTENT_TYPE.as_str())
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let form = match is_form && bytes.len() <= MAX_FORM {
            true => pairs(body),
            false => HashMap::new(),
        };
        let (mut request_id, mut identity) = (None, None);
        if let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() {
            request_id.clone_from(&context.request_id);
            let iam = context.authorizer.as_ref();
            let iam = iam.and_then(|authorizer| authorizer.iam.as_ref());
            identity = iam.and_then(|iam| iam.user_arn.clone());
        }
        let here = route.here(|name| query.get(name).map(String::as_str));
        let chosen = cookies.get(LANGUAGE).map(String::as_str);
        Self {
            request_id: request_id.unwrap_or_else(|| Uuid::new_v4().to_string()),
            lambda_request_id: lambda_request_id(request).map(str::to_owned),
            trace_id: trace_id(request).map(str::to_owned),
            cold_start: app.first.take(),
            method: request.method().clone(),
            query,
            form,
            body: body.to_vec(),
            session: cookies
                .get(SESSION)
                .and_then(|token| SessionToken::parse(token)),
            way_back: cookies.get(WAY_BACK).and_then(|kept| way_back(kept)),
            here,
            language: Language::of(chosen, text(headers, header::ACCEPT_LANGUAGE.as_str())),
            // As the browser knows it: what is in front of the service may have changed `Host`.
            origin: origin(
                headers,
                base.split_once("://").map_or(host, |(_, host)| host),
            ),
            browser: browser(text(headers, header::USER_AGENT.as_str()).unwrap_or_default()),
            route,
            base,
            identity,
        }
    }

    /// What a form has under a name, without white space around it.
    pub fn field(&self, name: &str) -> &str {
        self.form.get(name).map_or("", |value| value.trim())
    }

    /// What the query has under a name.
    pub fn parameter(&self, name: &str) -> &str {
        self.query.get(name).map_or("", |value| value.trim())
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn pairs(bytes: &[u8]) -> HashMap<String, String> {
    let pairs = form_urlencoded::parse(bytes);
    pairs
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

fn cookies(headers: &HeaderMap) -> HashMap<String, String> {
    let all = headers.get_all(header::COOKIE).into_iter();
    // Other applications of the host may have cookies that are no ASCII.
    let pairs = all.flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
    pairs
        .filter_map(|pair| {
            let pair = std::str::from_utf8(pair).ok()?;
            let (name, value) = pair.trim().split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        })
        .collect()
}

/// A way back as it is kept in a cookie.
pub fn kept_way_back(url: &str) -> String {
    form_urlencoded::byte_serialize(url.as_bytes()).collect()
}

/// The way back that a cookie has; none that a link could not have.
fn way_back(kept: &str) -> Option<String> {
    let pair = format!("url={kept}");
    let (_, url) = form_urlencoded::parse(pair.as_bytes()).next()?;
    is_way_back(&url).then(|| url.into_owned())
}

/// Whether a link may lead back there.
pub fn is_way_back(url: &str) -> bool {
    url.starts_with("https://")
        && url.len() <= MAX_WAY_BACK
        && !url.contains(char::is_whitespace)
        && !url.contains(char::is_control)
}

/// What the browser says of where a request comes from. `Sec-Fetch-Site` is decisive; with
/// `Referrer-Policy: no-referrer` browsers send `Origin: null` for the page's own forms, which says
/// nothing.
fn origin(headers: &HeaderMap, host: &str) -> Origin {
    match text(headers, "sec-fetch-site") {
        Some("same-origin") => return Origin::Same,
        Some(_) => return Origin::Other,
        None => {}
    }
    match text(headers, header::ORIGIN.as_str()) {
        None | Some("null") => Origin::Unsaid,
        Some(origin) => {
            let of = origin.split_once("://").map_or("", |(_, of)| of);
            match of.eq_ignore_ascii_case(host) {
                true => Origin::Same,
                false => Origin::Other,
            }
        }
    }
}

/// The family of a browser: enough to recognise one's own.
fn browser(agent: &str) -> &'static str {
    [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]
    .iter()
    .find(|(mark, _)| agent.contains(mark))
    .map_or(OTHER_PROGRAM, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap()))
            .collect::<Vec<(http::HeaderName, http::HeaderValue)>>()
            .into_iter()
            .collect()
    }

    #[test]
    fn where_a_request_comes_from() {
        for (pairs, expected) in [
            (&[("sec-fetch-site", "same-origin")][..], Origin::Same),
            (&[("sec-fetch-site", "cross-site")], Origin::Other),
            (&[("sec-fetch-site", "same-site")], Origin::Other),
            (&[("sec-fetch-site", "none")], Origin::Other),
            (
                &[("sec-fetch-site", "same-origin"), ("origin", "null")],
                Origin::Same,
            ),
            (&[("origin", "https://scim.example")], Origin::Same),
            (&[("origin", "https://evil.example")], Origin::Other),
            (&[("origin", "null")], Origin::Unsaid),
            (&[], Origin::Unsaid),
        ] {
            assert_eq!(
                origin(&headers(pairs), "scim.example"),
                expected,
                "{pairs:?}"
            );
        }
    }

    #[test]
    fn cookies_come_in_one_header_or_several() {
        let read = cookies(&headers(&[("cookie", "a=1; b=2"), ("cookie", "c=3; d")]));
        assert_eq!(read.get("b").map(String::as_str), Some("2"));
        assert_eq!(read.len(), 3);
    }

    #[test]
    fn cookies_of_others_do_not_hide_the_session() {
        let mut headers = HeaderMap::new();
        let value = b"other=caf\xe9; __Host-session=x; more=\xc3\xa9";
        let value = http::HeaderValue::from_bytes(value).unwrap();
        headers.insert(header::COOKIE, value);
        let read = cookies(&headers);
        assert_eq!(read.get(SESSION).map(String::as_str), Some("x"));
        assert_eq!(read.get("other"), None);
    }

    #[test]
    fn a_way_back_is_one_of_the_product() {
        let url = "https://product.example/a?b=c;d&e=%20";
        assert_eq!(way_back(&kept_way_back(url)).as_deref(), Some(url));
        let long = format!("https://product.example/{}", "a".repeat(500));
        for url in [
            "",
            "javascript:alert(1)",
            "http://x.example",
            "//x",
            "https://x\ny",
            &long,
        ] {
            assert_eq!(way_back(&kept_way_back(url)), None, "{url}");
        }
    }
}
