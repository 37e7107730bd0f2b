//! Sends a request, and says what came of it.

use serde_json::{Value, json};
use tenant::ApiKey;

use super::operator;
use super::refusal::Refusal;
use super::request::Request;
use super::tenants::{Fixture, Tenant};
use super::tokens;
use crate::support::service::{Answer, Service};

/// What came of a request.
pub struct Reply {
    pub status: u16,
    pub body: Value,
}

impl From<Answer> for Reply {
    /// Who may send a request again is told so.
    fn from(answer: Answer) -> Self {
        if answer.status == 503 {
            let detail = match answer.body["error_description"].as_str() {
                Some(description) => description,
                None => answer.error(503, ""),
            };
            assert!(detail.contains("send"), "{detail}");
            let seconds: u32 = answer.header("retry-after").parse().unwrap();
            assert!((1..=60).contains(&seconds));
        }
        Self {
            status: answer.status,
            body: answer.body,
        }
    }
}

impl From<Result<Value, Refusal>> for Reply {
    fn from(result: Result<Value, Refusal>) -> Self {
        let (status, body) = match result {
            Ok(body) => (200, body),
            Err(Refusal::Passing(error)) => (503, error.into()),
            Err(Refusal::Final(error)) => (400, error.into()),
        };
        Self { status, body }
    }
}

impl Reply {
    /// Whether the request was carried through; if not, it can be sent again.
    pub fn is_done(&self, status: u16) -> bool {
        if self.status == 503 {
            return false;
        }
        // A group that cannot be read after it was changed is not shown.
        let is_right = self.status == status || [self.status, status] == [204, 200];
        assert!(is_right, "{} {}", self.status, self.body);
        let operations = self.body.get("Operations").and_then(Value::as_array);
        let statuses = operations.into_iter().flatten().map(|operation| {
            let status = operation["status"].as_str();
            status.unwrap_or_default()
        });
        let mut is_done = true;
        for status in statuses {
            match status {
                "200" | "201" | "204" => {}
                "503" => is_done = false,
                // The operation that was to free the name was not done.
                "409" if !is_done => {}
                _ => panic!("{}", self.body),
            }
        }
        is_done
    }
}

/// Sends a request of a client, or runs a command of the operator.
pub async fn send(
    fixture: &Fixture,
    service: &Service,
    tenant: &Tenant,
    request: &Request,
) -> Reply {
    match request {
        Request::Operator(command) => {
            let run = operator::run(fixture, &service.app.store, tenant, *command);
            Box::pin(run).await.into()
        }
        Request::Token(asked) => tokens::send(fixture, service, tenant, asked).await,
        Request::Client {
            method,
            path,
            body,
            is_stranger,
        } => {
            let id = uuid::Uuid::new_v4().to_string();
            let mut call = service.call(method, path).request_id(&id);
            if let Some(body) = body {
                call = call.json(body.clone());
            }
            if *is_stranger {
                call = call.key(ApiKey::from_secret(&tenant.id, [9; 32]).expose());
            }
            call.send().await.into()
        }
    }
}

/// Cursors tell the time, and each token is another one.
pub fn without_cursors(mut body: Value) -> Value {
    for name in ["nextCursor", "previousCursor", "access_token"] {
        if let Some(cursor) = body.as_object_mut().and_then(|body| body.get_mut(name)) {
            *cursor = json!("a cursor");
        }
    }
    body
}
