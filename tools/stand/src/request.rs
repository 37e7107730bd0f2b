//! Requests as clients send them, and the events that API Gateway makes of them.

use serde_json::{Value, json};

/// A request as a client sends it.
pub struct Request<'a> {
    pub method: &'a str,
    /// Relative to the base path, with the query.
    pub path: &'a str,
    pub key: &'a str,
    pub body: Option<Value>,
    /// The header `If-Match`.
    pub if_match: Option<&'a str>,
}

impl Request<'_> {
    /// The API Gateway event for it, with the headers that Entra sends.
    pub fn event(&self) -> String {
        let mut event = event(self.method, &format!("/scim/v2{}", self.path), self.key);
        event["headers"]["accept"] = "application/scim+json".into();
        event["headers"]["content-type"] = "application/scim+json; charset=utf-8".into();
        event["headers"]["x-amzn-trace-id"] = "Root=1-6b04d1c0-00000000000000000000002b".into();
        event["headers"]["x-forwarded-for"] = SOURCE.into();
        event["headers"]["x-forwarded-port"] = "443".into();
        if let Some(body) = &self.body {
            event["body"] = body.to_string().into();
        }
        if let Some(version) = self.if_match {
            event["headers"]["if-match"] = version.into();
        }
        event.to_string()
    }
}

/// The source address of requests.
const SOURCE: &str = "192.0.2.17";

/// The API Gateway event for a request with this key, on any path including the query, and with
/// only the headers that every request has.
pub fn event(method: &str, path: &str, key: &str) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {
            "authorization": format!("Bearer {key}"),
            "host": "scim.hellotracks.example",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "scim000000",
            "domainName": "scim.hellotracks.example",
            "domainPrefix": "scim",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": SOURCE,
            },
            "requestId": "event",
            "routeKey": "$default",
            "stage": "$default",
            "time": "24/Nov/2026:06:00:00 +0000",
            "timeEpoch": 1_795_500_000_000_u64,
        },
        "isBase64Encoded": false,
    })
}
