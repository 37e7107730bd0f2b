//! What every answer must fulfil, whatever was asked.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use stand::function::Answer;

use super::token;

const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";

/// The keywords of RFC 7644 §3.12 and RFC 9865.
const SCIM_TYPES: &[&str] = &[
    "invalidFilter",
    "tooMany",
    "uniqueness",
    "mutability",
    "invalidSyntax",
    "invalidPath",
    "noTarget",
    "invalidValue",
    "invalidVers",
    "sensitive",
    "invalidCursor",
    "expiredCursor",
    "invalidCount",
];

/// Words that would reveal the service's internals.
const INSIDE: &[&str] = &[
    "::", "serde", "unwrap", "panicked", "Some(", "None", "Err(", "aws_sdk", "dynamodb", "src/",
    ".rs",
];

/// The longest text shown to an admin, in characters.
const MAX_DETAIL: usize = 1000;

/// Reports what is wrong with the answer to a request of this method.
pub fn judge(method: &str, answer: &Answer, secrets: &[&str]) -> Result<()> {
    let status = answer.status;
    ensure!(
        (200..500).contains(&status) || status == 501,
        "{status} {} {}",
        answer.body,
        answer.line
    );
    ensure!(
        answer.line["status"] == status,
        "the log has {}",
        answer.line
    );
    for secret in secrets {
        let secret = secret.rsplit('_').nth(1).context("no secret")?;
        ensure!(
            !answer.line.to_string().contains(secret),
            "the log has a secret"
        );
        ensure!(
            !answer.headers.to_string().contains(secret),
            "the headers have a secret"
        );
    }
    if [token::TOKEN, token::METADATA]
        .map(Value::from)
        .contains(&answer.line["route"])
    {
        return token::judge(method, answer);
    }
    if [204, 304].contains(&status) {
        return Ok(());
    }
    let content_type = &answer.headers["content-type"];
    ensure!(content_type == "application/scim+json", "{content_type}");
    if method == "HEAD" {
        ensure!(answer.body.is_null(), "the body is {}", answer.body);
        return Ok(());
    }
    ensure!(answer.body.is_object(), "the body is {}", answer.body);
    match status {
        200 | 201 => message(&answer.body),
        _ => error(status, &answer.body),
    }
}

/// The Error message with the RFC's members and no others.
fn error(status: u64, body: &Value) -> Result<()> {
    let members = body.as_object().context("no object")?;
    let known = ["schemas", "status", "detail", "scimType"];
    let is_known = |name: &String| known.contains(&name.as_str());
    ensure!(members.keys().all(is_known), "{body}");
    ensure!(body["schemas"] == serde_json::json!([ERROR]), "{body}");
    ensure!(
        body["status"].as_str() == Some(&status.to_string()),
        "{body}"
    );
    if let Some(scim_type) = members.get("scimType") {
        let scim_type = scim_type.as_str().unwrap_or_default();
        ensure!(SCIM_TYPES.contains(&scim_type), "{body}");
    }
    let detail = body["detail"].as_str().unwrap_or_default();
    ensure!(
        !detail.is_empty() && detail.chars().count() <= MAX_DETAIL,
        "{body}"
    );
    // Text sent by the client appears in backticks.
    let own: String = detail.split('`').step_by(2).collect();
    for inside in INSIDE {
        ensure!(!own.contains(inside), "`{inside}` in {body}");
    }
    Ok(())
}

/// Any other message: it has `schemas`, and the required members of its kind.
fn message(body: &Value) -> Result<()> {
    let schemas: Vec<&str> = body["schemas"]
        .as_array()
        .context("no schemas")?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let count = |name: &str| {
        body[name]
            .as_u64()
            .with_context(|| format!("{name} in {body}"))
    };
    match schemas.first() {
        Some(&LIST) => {
            let resources = body["Resources"].as_array().context("no resources")?;
            ensure!(count("itemsPerPage")? == resources.len() as u64, "{body}");
            ensure!(count("totalResults")? >= resources.len() as u64, "{body}");
            resources.iter().try_for_each(resource)
        }
        Some(&BULK) => {
            for operation in body["Operations"].as_array().context("no operations")? {
                let status = operation["status"].as_str().unwrap_or_default();
                let status: u64 = status.parse().with_context(|| body.to_string())?;
                ensure!(status < 500 || status == 501, "{operation}");
                if status >= 400 {
                    error(status, &operation["response"])?;
                }
            }
            Ok(())
        }
        Some(_) => resource(body),
        None => Err(anyhow::anyhow!("no schema in {body}")),
    }
}

/// A resource, possibly projected: the attributes that are present must have the right type.
fn resource(body: &Value) -> Result<()> {
    let is_text =
        |value: &Value| value.is_null() || value.as_str().is_some_and(|text| !text.is_empty());
    ensure!(
        body["schemas"]
            .as_array()
            .is_some_and(|all| !all.is_empty()),
        "{body}"
    );
    for name in ["id", "userName", "externalId", "displayName"] {
        ensure!(is_text(&body[name]), "{name} in {body}");
    }
    ensure!(
        body["active"].is_null() || body["active"].is_boolean(),
        "{body}"
    );
    ensure!(
        body["emails"].is_null() || body["emails"].is_array(),
        "{body}"
    );
    Ok(())
}
