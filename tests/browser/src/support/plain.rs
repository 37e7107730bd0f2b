//! Requests without a browser: what a mail scanner, an attacker or Entra sends.

use axum::body::Body;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// A request before it is sent.
pub struct Plain {
    request: http::request::Builder,
    body: String,
}

/// The answer to it.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Plain {
    pub fn new(method: &str, url: &str) -> Self {
        let request = Request::builder().method(method).uri(url);
        Self {
            request,
            body: String::new(),
        }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// The cookie of a session.
    pub fn session(self, token: &str) -> Self {
        self.header("cookie", &format!("__Host-session={token}"))
    }

    pub fn key(self, key: &str) -> Self {
        self.header("authorization", &format!("Bearer {key}"))
    }

    /// What a browser says of a form of the page itself.
    pub fn same_origin(self) -> Self {
        self.header("sec-fetch-site", "same-origin")
    }

    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let mut with = self.header("content-type", "application/x-www-form-urlencoded");
        with.body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        with
    }

    pub fn json(self, body: &Value) -> Self {
        let mut with = self.header("content-type", "application/scim+json");
        with.body = body.to_string();
        with
    }

    pub async fn send(self) -> Answer {
        let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
        let request = self.request.body(Body::from(self.body)).unwrap();
        let answer = client.request(request).await.expect("an answer");
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.expect("a whole answer").to_bytes();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The first line of a header.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}
