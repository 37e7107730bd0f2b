//! Answers, and the headers that every one of them has.

use askama::Template;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use lambda_http::{Body, Response};
use serde_json::Value;

use crate::asked::{Asked, LANGUAGE, SESSION, WAY_BACK, kept_way_back};
use crate::assets::Asset;
use crate::failed::Failed;
use crate::texts::Language;

/// Nothing but this page's own files, and nothing inline.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
    connect-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; \
    base-uri 'none'; require-trusted-types-for 'script'";

const HEADERS: &[(&str, &str)] = &[
    ("content-security-policy", POLICY),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("strict-transport-security", "max-age=31536000"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "accelerometer=(), camera=(), geolocation=(), microphone=(), payment=(), usb=(), \
         clipboard-write=(self)",
    ),
    ("x-robots-tag", "noindex, nofollow"),
];

/// How long a browser keeps a language, in seconds.
const KEPT: u32 = 31_536_000;

/// Gives an answer what every one has.
pub fn complete(response: &mut Response<Body>, asked: &Asked) {
    for (name, value) in HEADERS {
        let (name, value) = (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
        response.headers_mut().insert(name, value);
    }
    // What is shown is of people, and a key is shown once.
    let kept = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(kept);
    if asked.method == Method::HEAD {
        *response.body_mut() = Body::Empty;
    }
}

/// A page.
///
/// # Errors
/// [`Failed::Template`].
pub fn page(status: StatusCode, template: &impl Template) -> Result<Response<Body>, Failed> {
    let html = template.render().map_err(Failed::Template)?;
    Ok(answer(status, "text/html; charset=utf-8", html))
}

/// JSON, for programs.
pub fn json(status: StatusCode, value: &Value) -> Response<Body> {
    answer(status, "application/json", value.to_string())
}

/// A static file.
pub fn asset(asset: &Asset) -> Response<Body> {
    let mut response = answer(StatusCode::OK, asset.kind, asset.content.to_owned());
    set(
        &mut response,
        header::CACHE_CONTROL,
        "public, max-age=31536000, immutable",
    );
    response
}

/// The way to another page, after something was done.
pub fn see(path: &str) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::SEE_OTHER;
    set(&mut response, header::LOCATION, path);
    response
}

/// Has the browser keep a session.
pub fn keep_session(response: &mut Response<Body>, token: &str) {
    let cookie = format!("{SESSION}={token}; Path=/; Secure; HttpOnly; SameSite=Strict");
    set(response, header::SET_COOKIE, &cookie);
}

/// Has the browser keep where to get another link, for when the session has ended; or forget where
/// that was for another session.
pub fn keep_way_back(response: &mut Response<Body>, asked: &Asked, url: Option<&str>) {
    match url {
        Some(url) => {
            let kept = kept_way_back(url);
            let cookie = format!("{WAY_BACK}={kept}; Path=/; Secure; HttpOnly; SameSite=Strict");
            add(response, header::SET_COOKIE, &cookie);
        }
        None if asked.way_back.is_some() => forget_cookie(response, WAY_BACK),
        None => {}
    }
}

fn forget_cookie(response: &mut Response<Body>, name: &str) {
    let cookie = format!("{name}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
    add(response, header::SET_COOKIE, &cookie);
}

/// Has the browser forget everything of this page but the language.
pub fn forget(response: &mut Response<Body>) {
    forget_cookie(response, SESSION);
    forget_cookie(response, WAY_BACK);
    set(
        response,
        HeaderName::from_static("clear-site-data"),
        "\"cache\", \"storage\"",
    );
}

/// Has the browser keep a language.
pub fn keep_language(response: &mut Response<Body>, language: Language) {
    let code = language.code();
    let cookie =
        format!("{LANGUAGE}={code}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={KEPT}");
    set(response, header::SET_COOKIE, &cookie);
}

/// Says which methods there are.
pub fn allow(response: &mut Response<Body>, methods: &'static str) {
    set(response, header::ALLOW, methods);
}

fn answer(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::Text(text));
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, kind);
    response
}

fn add(response: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().append(name, value);
    }
}

fn set(response: &mut Response<Body>, name: HeaderName, value: &str) {
    // Ours have nothing in them that a header may not have.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
