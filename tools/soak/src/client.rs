//! A tenant's client: sends requests through the pool, repeats unanswered ones, and reports what is
//! wrong with an answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::time::sleep;

use stand::function::Answer;
use stand::pool::Pool;
use stand::request::Request;

/// Before a request is sent again.
const PAUSE: Duration = Duration::from_millis(20);

/// Sends a tenant's requests.
#[derive(Clone)]
pub struct Client {
    pub pool: Arc<Pool>,
    pub tally: Arc<Tally>,
    pub tenant: String,
    pub key: String,
}

/// The counts of all clients.
#[derive(Default)]
pub struct Tally {
    /// Whether instances are killed, so that a request may get no answer.
    pub may_be_killed: AtomicBool,
    pub kinds: Mutex<BTreeMap<&'static str, Kind>>,
    pub statuses: Mutex<BTreeMap<u64, u64>>,
    pub fates: Mutex<BTreeMap<&'static str, u64>>,
}

/// The requests of one kind.
#[derive(Default)]
pub struct Kind {
    /// Microseconds from the event to the answer.
    pub wall: Vec<u32>,
    pub calls: u64,
}

/// A call that a client makes.
#[derive(Clone)]
pub struct Call {
    /// The name under which it is counted.
    pub kind: &'static str,
    pub method: &'static str,
    pub path: String,
    pub body: Option<Value>,
    pub if_match: Option<String>,
}

/// An answer, and how it was obtained.
pub struct Sent {
    pub call: Call,
    pub answer: Answer,
    /// How often the request got no answer before; it may have been carried out then.
    pub unanswered: u64,
    /// Before the first attempt, and before the last.
    pub first: OffsetDateTime,
    pub last: OffsetDateTime,
    /// When it was answered.
    pub answered: OffsetDateTime,
    tenant: String,
}

impl Call {
    pub fn get(kind: &'static str, path: String) -> Self {
        Self {
            kind,
            method: "GET",
            path,
            body: None,
            if_match: None,
        }
    }

    /// A match query with the operator `eq`, encoded the way Entra does it.
    pub fn matching(kind: &'static str, attribute: &str, value: &str) -> Self {
        let value = value.replace('@', "%40");
        Self::get(kind, format!("/Users?filter={attribute}+eq+%22{value}%22"))
    }

    pub fn with_body(kind: &'static str, method: &'static str, path: String, body: Value) -> Self {
        Self {
            method,
            body: Some(body),
            ..Self::get(kind, path)
        }
    }
}

impl Client {
    /// Sends a request until it is answered.
    pub async fn send(&self, call: Call) -> Result<Sent> {
        let request = Request {
            method: call.method,
            path: &call.path,
            key: &self.key,
            body: call.body.clone(),
            if_match: call.if_match.as_deref(),
        };
        let first = now();
        let mut unanswered = 0;
        loop {
            let last = now();
            let answer = self.pool.call(request.event()).await?;
            if answer.status == 503 && answer.body == json!({"message": "Service Unavailable"}) {
                ensure!(
                    self.tally.may_be_killed.load(Relaxed),
                    "an instance was killed, and nobody did"
                );
                unanswered += 1;
                // Requests that the killed instance sent to DynamoDB may still be on their way.
                sleep(PAUSE).await;
                continue;
            }
            self.tally.add(call.kind, &answer);
            return Ok(Sent {
                answer,
                unanswered,
                first,
                last,
                answered: now(),
                tenant: self.tenant.clone(),
                call,
            });
        }
    }
}

impl Tally {
    fn add(&self, kind: &'static str, answer: &Answer) {
        let micros = u32::try_from(answer.wall.as_micros()).unwrap_or(u32::MAX);
        if let Ok(mut kinds) = self.kinds.lock() {
            let kind = kinds.entry(kind).or_default();
            kind.wall.push(micros);
            kind.calls += answer.line["dynamodb_calls"].as_u64().unwrap_or_default();
        }
        if let Ok(mut statuses) = self.statuses.lock() {
            *statuses.entry(answer.status).or_default() += 1;
        }
    }

    /// How many requests were answered.
    pub fn requests(&self) -> u64 {
        let statuses = self.statuses.lock();
        statuses.map_or(0, |statuses| statuses.values().sum())
    }

    /// How many unanswered requests had a fate that ends with these words.
    pub fn fates(&self, end: &str) -> u64 {
        self.fates.lock().map_or(0, |fates| {
            let fates = fates.iter().filter(|(fate, _)| fate.ends_with(end));
            fates.map(|(_, count)| count).sum()
        })
    }

    /// Counts the fate of an unanswered request.
    pub fn fate(&self, fate: &'static str) {
        if let Ok(mut fates) = self.fates.lock() {
            *fates.entry(fate).or_default() += 1;
        }
    }
}

impl Sent {
    /// The error for an answer that differs from the expected one.
    pub fn deviates(&self, expected: impl std::fmt::Display) -> anyhow::Error {
        let Call {
            method, path, body, ..
        } = &self.call;
        let body = body.as_ref().map_or_else(String::new, Value::to_string);
        anyhow!(
            "tenant {}: {method} {path} {body}\n  If-Match: {:?}, sent {} times from {} to {}\n  expected: {expected}\n  got: {} {} {}",
            self.tenant,
            self.call.if_match,
            self.unanswered + 1,
            self.first,
            self.answered,
            self.answer.status,
            self.answer.headers,
            self.answer.body,
        )
    }

    /// The answer must have this status, and the body if one is given.
    pub fn must_be(&self, status: u64, body: Option<&Value>) -> Result<()> {
        let is_right = self.answer.status == status
            && self.answer.line["status"] == status
            && body.is_none_or(|body| *body == self.answer.body);
        if is_right {
            return Ok(());
        }
        let body = body.map_or_else(String::new, Value::to_string);
        Err(self.deviates(format!("{status} {body}")))
    }

    /// The answer must be a SCIM error with this status and `scimType`.
    pub fn must_be_error(&self, status: u64, scim_type: Option<&str>) -> Result<()> {
        self.must_be(status, None)?;
        let body = &self.answer.body;
        let is_right = body["schemas"] == json!(["urn:ietf:params:scim:api:messages:2.0:Error"])
            && body["status"].as_str() == Some(status.to_string().as_str())
            && body["scimType"].as_str() == scim_type
            && body["detail"].as_str().is_some_and(|text| !text.is_empty());
        if is_right {
            return Ok(());
        }
        Err(self.deviates(format!("a SCIM error {status} {scim_type:?}")))
    }
}

fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
