//! API Gateway in front of both functions: HTTP requests become events, and answers HTTP again.

use std::sync::Mutex;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hellotracks_scim::http::repair_url;
use hellotracks_scim::instance::Instance;
use http::{HeaderMap, header};
use lambda_http::{Context, LambdaEvent};
use serde_json::{Value, json};
use uuid::Uuid;

/// Both functions, and what they have answered.
pub struct Gateway {
    pub scim: Instance,
    pub settings: settings::App,
    answered: Mutex<Vec<Answered>>,
}

/// An answer that was sent.
#[derive(Debug, Clone)]
pub struct Answered {
    pub method: String,
    pub path: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

/// The largest request that API Gateway lets through.
const LARGEST: usize = 10 << 20;

impl Gateway {
    pub fn new(scim: Instance, settings: settings::App) -> Self {
        Self {
            scim,
            settings,
            answered: Mutex::default(),
        }
    }

    /// Answers a request by the function that the template gives it to.
    pub async fn answer(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, LARGEST).await.expect("a whole request");
        let (method, path) = (parts.method.to_string(), parts.uri.path().to_owned());
        let query = parts.uri.query().unwrap_or_default();
        let event = event(&method, &path, query, &parts.headers, &body);
        let payload = serde_json::from_value(event).expect("an event");
        let event = repair_url(LambdaEvent::new(payload, Context::default()));
        let request: lambda_http::Request = event.payload.into();
        let is_settings = path == "/settings" || path.starts_with("/settings/");
        let answer = match is_settings {
            true => Box::pin(settings::handle(&self.settings, request)).await,
            false => Box::pin(hellotracks_scim::app::handle(&self.scim, request)).await,
        };
        let (parts, body) = answer.into_parts();
        let body: Vec<u8> = body.to_vec();
        self.answered.lock().unwrap().push(Answered {
            method,
            path,
            status: parts.status.as_u16(),
            headers: parts.headers.clone(),
            body: String::from_utf8_lossy(&body).into_owned(),
        });
        Response::from_parts(parts, Body::from(body))
    }

    /// All answers so far, the earliest first.
    pub fn answered(&self) -> Vec<Answered> {
        self.answered.lock().unwrap().clone()
    }
}

/// The event of a request: API Gateway puts the cookies beside the headers, joins headers of the
/// same name, and encodes what is no text for it.
fn event(method: &str, path: &str, query: &str, headers: &HeaderMap, body: &Bytes) -> Value {
    let cookies = headers.get_all(header::COOKIE).iter();
    let cookies = cookies.flat_map(|cookies| cookies.to_str().unwrap_or_default().split("; "));
    let cookies: Vec<&str> = cookies.collect();
    let mut joined = json!({"x-forwarded-proto": "http"});
    for name in headers.keys().filter(|name| *name != header::COOKIE) {
        let values = headers.get_all(name).iter();
        let values: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
        joined[name.as_str()] = values.join(",").into();
    }
    let host = joined["host"].clone();
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "cookies": cookies,
        "headers": joined,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "scim000000",
            "domainName": host,
            "domainPrefix": "scim",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.17",
            },
            "requestId": Uuid::new_v4().to_string(),
            "routeKey": "$default",
            "stage": "$default",
            "time": "24/Nov/2026:06:00:00 +0000",
            "timeEpoch": 1_795_500_000_000_u64,
        },
        "body": STANDARD.encode(body),
        "isBase64Encoded": true,
    })
}
