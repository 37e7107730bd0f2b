//! What clients, their rivals and the operator ask for.

use serde_json::{Value, json};

use super::operator::Command;
use super::tokens::Asked;

/// A request of a client, or of the operator.
#[derive(Clone)]
pub enum Request {
    /// SCIM.
    Client {
        method: &'static str,
        path: String,
        body: Option<Value>,
        /// With a key that the tenant does not have.
        is_stranger: bool,
    },
    /// OAuth 2.0.
    Token(Asked),
    /// The command line.
    Operator(Command),
}

/// Somebody else's request that comes in between.
#[derive(Clone)]
pub struct Rival {
    pub name: &'static str,
    pub request: Request,
    /// Whether it changes something each time; `#` in the body is replaced by a number then.
    pub is_persistent: bool,
}

const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

impl Request {
    pub fn new(method: &'static str, path: impl Into<String>, body: Option<Value>) -> Self {
        Self::Client {
            method,
            path: path.into(),
            body,
            is_stranger: false,
        }
    }

    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path, None)
    }

    pub fn post(path: &str, body: Value) -> Self {
        Self::new("POST", path, Some(body))
    }

    pub fn delete(id: &str) -> Self {
        Self::new("DELETE", user(id), None)
    }

    pub fn patch(id: &str, values: Value) -> Self {
        Self::new("PATCH", user(id), Some(patch_body(values)))
    }
}

pub fn patch_body(values: Value) -> Value {
    json!({"schemas": [PATCH_OP], "Operations": [{"op": "replace", "value": values}]})
}

pub fn user(id: &str) -> String {
    format!("/Users/{id}")
}

impl Rival {
    pub fn once(name: &'static str, request: Request) -> Self {
        Self {
            name,
            request,
            is_persistent: false,
        }
    }

    /// Changes the user.
    pub fn changes(id: &str) -> Self {
        Self {
            name: "changes the user",
            request: Request::patch(id, json!({"nickName": "rival #"})),
            is_persistent: true,
        }
    }

    pub fn deletes(id: &str) -> Self {
        Self::once("deletes the user", Request::delete(id))
    }

    pub fn takes(name: &str) -> Self {
        Self::once(
            "takes the name",
            Request::post("/Users", json!({"userName": name})),
        )
    }
}
