//! The real handler, called with API Gateway events.

use std::time::Duration;

use flate2::read::GzDecoder;
use hellotracks_scim::app::handle;
use hellotracks_scim::config::Config;
use hellotracks_scim::http::repair_url;
use hellotracks_scim::instance::Instance;
use lambda_http::http::HeaderMap;
use lambda_http::{Body, Context, LambdaEvent, Request, Response};
use oauth::Authorities;
use scim::page::MAX_RESPONSE;
use serde_json::{Value, json};
use store::directory::breaker::BreakerPolicy;
use store::{Store, Tables};
use tenant::TenantId;

use crate::support::engine;

/// The service's base URL in the events.
pub const BASE: &str = "https://scim.hellotracks.example/scim/v2";

/// The service on its own tables, with one tenant.
pub struct Service {
    pub app: Instance,
    /// The tenant's API-KEY.
    pub key: String,
}

/// An answer as the client gets it.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// The body; null if there is none.
    pub body: Value,
}

/// A request before it is sent. Its headers are Entra's: no `User-Agent`.
pub struct Call<'a> {
    service: &'a Service,
    event: Value,
}

impl Service {
    /// A service with the tenant `acme`.
    pub async fn start() -> Self {
        Self::over(engine::store().await).await
    }

    /// The same on a given store, whose tables exist.
    pub async fn over(store: Store) -> Self {
        let mut service = Self::with_key(store, String::new());
        service.key = service.add_tenant("acme").await;
        service
    }

    /// A service on a store that has a tenant with this API-KEY.
    pub fn with_key(store: Store, key: String) -> Self {
        let config = Config {
            // The store knows its tables; these names only matter to the function's `main`.
            tables: Tables {
                secrets: String::new(),
                directory: String::new(),
            },
            public_url: None,
            public_discovery: false,
            tombstone_retention: time::Duration::days(30),
            history_retention: time::Duration::days(90),
            request_log: Some(time::Duration::days(14)),
            breaker: BreakerPolicy {
                share_percent: 20,
                window: time::Duration::hours(24),
            },
            request_deadline: Duration::from_secs(20),
            requests_per_second: 500,
            entra_authorities: Authorities::parse("https://login.microsoftonline.com").unwrap(),
            access_token_life: time::Duration::hours(2),
        };
        Self {
            app: Instance::new(store, config),
            key,
        }
    }

    /// Adds a tenant and returns its API-KEY.
    pub async fn add_tenant(&self, id: &str) -> String {
        let key = stand::tenant::new_key(&TenantId::parse(id).unwrap()).unwrap();
        stand::tenant::create(&self.app.store, id, &key, "test")
            .await
            .unwrap();
        key.expose().to_owned()
    }

    /// A request with the tenant's key. `path` is below the base path and may have a query.
    pub fn call(&self, method: &str, path: &str) -> Call<'_> {
        self.raw_call(method, &format!("/scim/v2{path}"))
    }

    /// A request with the tenant's key on any path.
    pub fn raw_call(&self, method: &str, path: &str) -> Call<'_> {
        let event = stand::request::event(method, path, &self.key);
        Call {
            service: self,
            event,
        }
    }

    /// Answers an event unchanged.
    pub async fn answer(&self, event: &Value) -> Answer {
        let payload = serde_json::from_value(event.clone()).expect("an event");
        let event = repair_url(LambdaEvent::new(payload, Context::default()));
        let request: Request = event.payload.into();
        let is_head = request.method() == "HEAD";
        // Boxed: the future is large, and tests hold many of them at once.
        let answer = Answer::new(Box::pin(handle(&self.app, request)).await);
        // What every answer of every test has.
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(!is_head || answer.body.is_null(), "{}", answer.body);
        answer
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path).send().await
    }

    /// A list of users with this filter.
    pub async fn find(&self, filter: &str) -> Answer {
        self.get(&format!("/Users?{}", query(&[("filter", filter)])))
            .await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path).json(body).send().await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call("PUT", path).json(body).send().await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path).send().await
    }

    /// A PATCH with these operations.
    pub async fn patch(&self, path: &str, operations: Value) -> Answer {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": operations,
        });
        self.call("PATCH", path).json(body).send().await
    }

    /// Creates a user with these attributes besides the userName and returns its id.
    pub async fn create_user(&self, user_name: &str, attributes: Value) -> String {
        let mut body = attributes;
        body["userName"] = user_name.into();
        let created = self.post("/Users", body).await;
        assert_eq!(created.status, 201, "{}", created.body);
        created.id()
    }
}

/// A query string as Entra encodes it: `+` for space.
pub fn query(parameters: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish()
}

impl Call<'_> {
    /// Adds or replaces a header; its name is in lower case.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.event["headers"][name] = value.into();
        self
    }

    pub fn without_header(mut self, name: &str) -> Self {
        self.event["headers"].as_object_mut().unwrap().remove(name);
        self
    }

    /// Sets the id that API Gateway gives to each request.
    pub fn request_id(mut self, id: &str) -> Self {
        self.event["requestContext"]["requestId"] = id.into();
        self
    }

    /// Uses another key than the tenant's.
    pub fn key(self, key: &str) -> Self {
        self.header("authorization", &format!("Bearer {key}"))
    }

    /// A body as Entra sends it.
    pub fn json(self, body: Value) -> Self {
        self.header("content-type", "application/scim+json; charset=utf-8")
            .body(&body.to_string())
    }

    /// A body of any kind.
    pub fn body(mut self, body: &str) -> Self {
        self.event["body"] = body.into();
        self
    }

    /// A body of arbitrary bytes, the way API Gateway passes on non-text.
    pub fn bytes(mut self, body: &[u8]) -> Self {
        self.event["body"] = base64(body).into();
        self.event["isBase64Encoded"] = true.into();
        self
    }

    pub async fn send(self) -> Answer {
        self.service.answer(&self.event).await
    }
}

impl Answer {
    fn new(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        let coding = head.headers.get("content-encoding");
        let is_compressed = coding.is_some_and(|coding| coding == "gzip");
        let body = match body {
            Body::Empty => Value::Null,
            Body::Text(text) if !is_compressed => serde_json::from_str(&text).expect("a JSON body"),
            // What is no text goes out as base64, which counts for the limit.
            Body::Binary(bytes) if is_compressed => {
                assert!(bytes.len().div_ceil(3) * 4 <= MAX_RESPONSE);
                serde_json::from_reader(GzDecoder::new(&bytes[..])).expect("compressed JSON")
            }
            other => panic!("the body is {other:?}, {coding:?}"),
        };
        Self {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        }
    }

    /// The text of a header; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The ids of a list's resources.
    pub fn ids(&self) -> Vec<String> {
        assert_eq!(self.status, 200, "{}", self.body);
        let resources = self.body["Resources"].as_array().expect("resources");
        resources
            .iter()
            .map(|resource| resource["id"].as_str().expect("an id").to_owned())
            .collect()
    }

    /// The resource's id.
    pub fn id(&self) -> String {
        self.body["id"].as_str().expect("an id").to_owned()
    }

    /// Checks that this is a SCIM error with this status and `scimType` (empty for none), and
    /// returns its detail.
    pub fn error(&self, status: u16, scim_type: &str) -> &str {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.header("content-type"), "application/scim+json");
        assert_eq!(
            self.body["schemas"],
            json!(["urn:ietf:params:scim:api:messages:2.0:Error"])
        );
        assert_eq!(self.body["status"], status.to_string());
        assert_eq!(
            self.body["scimType"].as_str().unwrap_or_default(),
            scim_type,
            "{}",
            self.body
        );
        self.body["detail"].as_str().expect("a detail")
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 4];
        group[1..=chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes(group);
        for position in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * position)) as usize & 63];
            text.push(if position > chunk.len() {
                '='
            } else {
                digit.into()
            });
        }
    }
    text
}
