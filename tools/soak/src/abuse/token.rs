//! Damaged requests for tokens, and what every answer to them must fulfil.

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use fastrand::Rng;
use serde_json::Value;
use stand::function::Answer;

use super::text::{encoded, strange};

/// Where tokens are asked for, as the log names it.
pub const TOKEN: &str = "/oauth2/token";

/// Where the document about that is.
pub const METADATA: &str = "/.well-known/oauth-authorization-server";

/// The words of RFC 6749 §5.2 that the endpoint uses.
const ERRORS: &[&str] = &[
    "invalid_request",
    "invalid_client",
    "unsupported_grant_type",
];

/// A client of the attacked tenant.
pub struct Client {
    pub id: String,
    pub secret: String,
}

/// A request for a token, damaged.
pub fn malformed(rng: &mut Rng, mut event: Value, client: &Client) -> Value {
    let mut fields: Vec<(String, String)> = match rng.u8(..3) {
        0 => fields(client, &[("client_secret", &client.secret)]),
        1 => vec![("grant_type".to_owned(), "client_credentials".to_owned())],
        _ => {
            let assertion = assertion(rng);
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            let proof = [
                ("client_assertion_type", kind),
                ("client_assertion", assertion.as_str()),
            ];
            fields(client, &proof)
        }
    };
    let headers = event["headers"].as_object_mut();
    if let Some(headers) = headers {
        headers.remove("authorization");
        if rng.u8(..3) == 0 {
            let pair = match rng.u8(..3) {
                0 => format!("{}:{}", client.id, client.secret),
                1 => strange(rng),
                _ => format!("{}:{}", client.id, strange(rng)),
            };
            let header = format!("Basic {}", STANDARD.encode(pair));
            headers.insert("authorization".to_owned(), header.into());
        }
    }
    for _ in 0..rng.u8(..4) {
        let at = rng.usize(..fields.len().max(1));
        match rng.u8(..6) {
            0 => drop(fields.get(at).cloned().map(|field| fields.push(field))),
            1 if at < fields.len() => drop(fields.remove(at)),
            2 => fields.push((strange(rng), strange(rng))),
            3 => fields.push(("scope".to_owned(), strange(rng))),
            _ => {
                if let Some((_, value)) = fields.get_mut(at) {
                    *value = strange(rng);
                }
            }
        }
    }
    let mut body: Vec<u8> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(rng, value)))
        .collect::<Vec<_>>()
        .join("&")
        .into_bytes();
    if rng.u8(..4) == 0 {
        for _ in 0..rng.u8(1..8) {
            let at = rng.usize(..body.len().max(1));
            if let Some(byte) = body.get_mut(at) {
                *byte = rng.u8(..);
            }
        }
    }
    event["body"] = STANDARD.encode(body).into();
    event["isBase64Encoded"] = true.into();
    event
}

fn fields(client: &Client, proof: &[(&str, &str)]) -> Vec<(String, String)> {
    let grant = [
        ("grant_type", "client_credentials"),
        ("client_id", &client.id),
    ];
    let all = grant.iter().chain(proof);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Something like an assertion: its issuer is one that could be trusted, and it is not.
fn assertion(rng: &mut Rng) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let issuer = "https://login.microsoftonline.com/0f5e2b0c-3c5b-4d0e-9d37-6f1c8a2b7e10/v2.0";
    let odd = Value::from(strange(rng));
    let header = match rng.u8(..3) {
        0 => format!(r#"{{"typ":"JWT","alg":"RS256","kid":{odd}}}"#),
        1 => strange(rng),
        _ => r#"{"alg":"RS256","kid":"1"}"#.to_owned(),
    };
    let claims = match rng.u8(..3) {
        0 => strange(rng),
        1 => format!(r#"{{"iss":{odd},"sub":{odd},"aud":[{odd}],"exp":1e99}}"#),
        _ => format!(
            r#"{{"iss":"{issuer}","sub":"s","aud":{odd},"tid":"t","exp":1795503900,"nbf":0}}"#
        ),
    };
    let signature = strange(rng);
    format!("{}.{}.{}", part(&header), part(&claims), part(&signature))
}

/// Reports what is wrong with the answer of such an endpoint, whose status and log are right.
pub fn judge(method: &str, answer: &Answer) -> Result<()> {
    let (status, body) = (answer.status, &answer.body);
    let content_type = &answer.headers["content-type"];
    ensure!(content_type == "application/json", "{content_type}");
    if method == "HEAD" {
        ensure!(body.is_null(), "the body is {body}");
        return Ok(());
    }
    let members = body.as_object().context("no object")?;
    if status == 200 {
        let has = |name| members.contains_key(name);
        ensure!(has("access_token") != has("token_endpoint"), "{body}");
        return Ok(());
    }
    ensure!(members.len() == 2, "{body}");
    let error = body["error"].as_str().unwrap_or_default();
    ensure!(ERRORS.contains(&error), "{body}");
    ensure!((error == "invalid_client") == (status == 401), "{body}");
    let description = body["error_description"].as_str().unwrap_or_default();
    let is_sendable = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    ensure!(
        !description.is_empty() && description.bytes().all(is_sendable),
        "{body}"
    );
    Ok(())
}
