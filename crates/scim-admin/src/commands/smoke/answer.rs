//! What an answer has to be, and what to do if it is not.

use scim::error::ERROR_SCHEMA;
use serde_json::Value;

/// The schema of lists (RFC 7644, section 3.4.2).
const LIST_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// How much of an answer that is not SCIM is shown, in characters.
const SHOWN: usize = 120;

/// An answer. The key of the request is nowhere in it.
pub struct Answer {
    pub status: u16,
    /// The header `Content-Type`; empty if there is none.
    pub kind: String,
    pub location: Option<String>,
    /// API Gateway's id of the request.
    pub request_id: Option<String>,
    pub body: String,
}

impl Answer {
    /// The body of a SCIM answer with this status.
    pub fn scim(&self, status: u16) -> Result<Value, String> {
        let kind = self.kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/scim+json") {
            return Err(self.foreign(kind));
        }
        let body: Value = serde_json::from_str(&self.body).map_err(|_| {
            format!(
                "the body is no JSON, although the answer has status {} and says it is: {}",
                self.status,
                self.start()
            )
        })?;
        match self.status == status {
            true => Ok(body),
            false => Err(self.unexpected(status, &body)),
        }
    }

    /// An answer without a body, with this status.
    pub fn empty(&self, status: u16) -> Result<(), String> {
        match (self.status == status, self.body.is_empty()) {
            (true, true) => Ok(()),
            (true, false) => Err(format!(
                "an answer with status {status} must have no body, and has {}",
                self.start()
            )),
            (false, _) => self.scim(status).map(|_| ()),
        }
    }

    /// A SCIM error with this status (RFC 7644, section 3.12).
    pub fn error(&self, status: u16) -> Result<(), String> {
        let body = self.scim(status)?;
        let is_error = has_schema(&body, ERROR_SCHEMA)
            && text(&body, "status") == Some(status.to_string().as_str())
            && text(&body, "detail").is_some();
        match is_error {
            true => Ok(()),
            false => Err(format!(
                "the body is no SCIM error with `status` {status} and `detail`: {}; Entra shows its admins nothing of it",
                self.start()
            )),
        }
    }

    /// The resources of a list of this many.
    pub fn list(&self, number: usize) -> Result<Vec<Value>, String> {
        let mut body = self.scim(200)?;
        let resources = match body.get_mut("Resources").map(Value::take) {
            Some(Value::Array(resources)) => resources,
            _ => Vec::new(),
        };
        let is_list = has_schema(&body, LIST_SCHEMA)
            && body
                .get("totalResults")
                .is_some_and(|total| *total == number)
            && resources.len() == number;
        match is_list {
            true => Ok(resources),
            false => Err(format!(
                "the body is no SCIM list of {number} users: {}",
                self.start()
            )),
        }
    }

    /// What to do about an answer that is not of the service.
    fn foreign(&self, kind: &str) -> String {
        let Self { status, .. } = self;
        let begins = self.start();
        let message: Option<Value> = serde_json::from_str(&self.body).ok();
        let is_gateway = message.is_some_and(|body| text(&body, "message").is_some());
        if is_gateway && *status >= 500 {
            return format!(
                "API Gateway has answered in the function's place, with status {status} and {begins}: the function has crashed, took too long or cannot be called; look at its log and at Errors in Lambda"
            );
        }
        if is_gateway {
            return format!(
                "API Gateway has refused the request, with status {status} and {begins}: look whether --url leads to the stack's API, and whether its default stage is deployed"
            );
        }
        let kind = match kind {
            "" => "no type".to_owned(),
            kind => format!("the type `{kind}`"),
        };
        format!(
            "the answer has status {status} and {kind}, and must be application/scim+json: something else than the service has answered, such as another site under --url, a proxy or a firewall that wants a User-Agent; to Entra this is a failure. It begins {begins}"
        )
    }

    /// What to do about another status.
    fn unexpected(&self, status: u16, body: &Value) -> String {
        let found = self.status;
        let detail = text(body, "detail").unwrap_or("it does not say why");
        match found {
            500.. => {
                let id = match &self.request_id {
                    Some(id) => format!("the line with `request_id` {id}"),
                    None => "the lines of level ERROR".to_owned(),
                };
                format!(
                    "the service has failed with status {found}: {detail}; read `cause` in its log, in {id}"
                )
            }
            401 => format!(
                "the key that was created a moment ago is refused: {detail}. The function has another table of secrets than this command, whose --secrets-table is of another stack or region, or the tenant is disabled or has turned its API off"
            ),
            200..300 if status == 401 => "a key that nobody was given is accepted: what answers there is not this service, and lets everybody in".to_owned(),
            _ => format!("the answer has status {found} and must have {status}: {detail}"),
        }
    }

    /// How the body begins, on one line.
    pub fn start(&self) -> String {
        let words: Vec<&str> = self.body.split_whitespace().collect();
        let line = words.join(" ");
        match line.chars().nth(SHOWN) {
            Some(_) => format!("`{}…`", line.chars().take(SHOWN).collect::<String>()),
            None => format!("`{line}`"),
        }
    }
}

/// The text of a member of a body, if it has one.
pub fn text<'v>(body: &'v Value, name: &str) -> Option<&'v str> {
    body.get(name)?.as_str()
}

/// Whether a body names this schema.
pub fn has_schema(body: &Value, schema: &str) -> bool {
    let schemas = body.get("schemas").and_then(Value::as_array);
    schemas.is_some_and(|schemas| schemas.iter().any(|named| named == schema))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, kind: &str, body: &str) -> Answer {
        Answer {
            status,
            kind: kind.to_owned(),
            location: None,
            request_id: Some("JKJaXmPLvHcESHA=".to_owned()),
            body: body.to_owned(),
        }
    }

    const SCIM: &str = "application/scim+json; charset=utf-8";

    #[test]
    fn what_is_not_scim_is_told_from_what_answers_there() {
        for (status, kind, body, told) in [
            (
                200,
                "text/html",
                "<html>\n <p>",
                "status 200 and the type `text/html`",
            ),
            (200, "text/html", "<html>\n <p>", "It begins `<html> <p>`"),
            (403, "", "", "no type"),
            (302, "text/plain", "x", "another site under --url"),
            (
                500,
                "application/json",
                r#"{"message":"Internal Server Error"}"#,
                "look at its log",
            ),
            (
                404,
                "application/json",
                r#"{"message":"Not Found"}"#,
                "the stack's API",
            ),
            (200, SCIM, "<html>", "no JSON"),
        ] {
            let said = answer(status, kind, body).scim(200).unwrap_err();
            assert!(said.contains(told), "{said}");
        }
        let long = answer(200, "text/html", &"é".repeat(500));
        assert_eq!(long.start().chars().count(), SHOWN + 3);
    }

    #[test]
    fn another_status_comes_with_what_the_service_says() {
        let said = |status, expected: u16| {
            let body = json!({"detail": "the reason"}).to_string();
            answer(status, SCIM, &body).scim(expected).unwrap_err()
        };
        assert!(said(503, 200).contains("`request_id` JKJaXmPLvHcESHA="));
        assert!(said(401, 200).contains("--secrets-table"));
        assert!(said(200, 401).contains("lets everybody in"));
        assert!(said(409, 200).contains("status 409 and must have 200: the reason"));
        assert!(said(409, 200).contains("the reason"));
    }

    #[test]
    fn bodies_are_scim_s() {
        let error = json!({"schemas": [ERROR_SCHEMA], "status": "404", "detail": "x"});
        assert_eq!(answer(404, SCIM, &error.to_string()).error(404), Ok(()));
        for (name, wrong) in [
            ("schemas", json!([])),
            ("status", json!(404)),
            ("detail", json!(null)),
        ] {
            let mut error = error.clone();
            error[name] = wrong;
            let said = answer(404, SCIM, &error.to_string())
                .error(404)
                .unwrap_err();
            assert!(said.contains("no SCIM error"), "{said}");
        }
        let list = json!({"schemas": [LIST_SCHEMA], "totalResults": 1, "Resources": [{"id": "1"}]});
        let read = answer(200, SCIM, &list.to_string()).list(1).unwrap();
        assert_eq!(read, [json!({"id": "1"})]);
        for (name, wrong) in [
            ("schemas", json!([ERROR_SCHEMA])),
            ("totalResults", json!(2)),
            ("Resources", json!([])),
        ] {
            let mut list = list.clone();
            list[name] = wrong;
            let said = answer(200, SCIM, &list.to_string()).list(1).unwrap_err();
            assert!(said.contains("no SCIM list"), "{said}");
        }
        assert_eq!(answer(204, "", "").empty(204), Ok(()));
        assert!(answer(204, "", "x").empty(204).is_err());
        assert!(answer(200, SCIM, "{}").empty(204).is_err());
    }
}
