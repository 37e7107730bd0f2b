//! Damages requests.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::text::{encoded, filter, strange};

/// Requests of real clients.
pub struct Corpus(Vec<Value>);

/// Longer bodies than this are cut: an event with one would not reach the function. API Gateway takes 10 MB.
const MAX_BODY: usize = 3_000_000;

impl Corpus {
    /// Reads all events of a folder.
    pub fn read(folder: &Path) -> Result<Self> {
        let mut files: Vec<_> = std::fs::read_dir(folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<std::io::Result<_>>()?;
        files.sort();
        let mut events = Vec::new();
        for file in files {
            let text = std::fs::read_to_string(&file)?;
            let event = serde_json::from_str(&text);
            events.push(event.with_context(|| file.display().to_string())?);
        }
        ensure!(events.len() > 100, "events/ is not complete");
        Ok(Self(events))
    }

    /// One of the requests, for the target if it has one, and with the key, damaged.
    pub fn malformed(&self, rng: &mut Rng, key: &str, target: &str) -> Value {
        let mut event = rng.choice(&self.0).cloned().unwrap_or_default();
        event["headers"]["authorization"] = format!("Bearer {key}").into();
        let path = event["rawPath"].as_str().unwrap_or_default();
        if let Some((users, _)) = path.rsplit_once("Users/00000000") {
            event["rawPath"] = format!("{users}Users/{target}").into();
        }
        for _ in 0..rng.u8(1..=4) {
            match rng.u8(..16) {
                0 => path_of(rng, &mut event, target),
                1 => method(rng, &mut event),
                2 | 3 => query(rng, &mut event),
                4 => header(rng, &mut event),
                5 => text_of(rng, &mut event),
                6 => whole_body(rng, &mut event, target),
                _ => json_of(rng, &mut event),
            }
        }
        event
    }
}

fn path_of(rng: &mut Rng, event: &mut Value, target: &str) {
    let strange = strange(rng);
    let part: String = encoded(rng, &strange).chars().take(3000).collect();
    let bases = [
        "/scim/v2",
        "/scim/v2/",
        "/SCIM/v2",
        "",
        "/x/scim/v2",
        "/scim/v1",
        "/scim/v2/scim/v2",
    ];
    let base = bases[rng.usize(..bases.len())];
    let endpoints = [
        "Users",
        "users",
        "Groups",
        "Bulk",
        "Me",
        "Schemas",
        "ResourceTypes",
        ".search",
        "Users/.search",
        "ServiceProviderConfig",
        "",
    ];
    let endpoint = endpoints[rng.usize(..endpoints.len())];
    event["rawPath"] = match rng.u8(..5) {
        0 => format!("{base}/{endpoint}/{part}"),
        1 => format!("{base}/{endpoint}/{target}/{part}"),
        2 => format!("{base}/{part}/{endpoint}"),
        3 => part,
        _ => format!("{base}/{endpoint}"),
    }
    .into();
}

fn method(rng: &mut Rng, event: &mut Value) {
    let methods = [
        "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "get", "X",
    ];
    event["requestContext"]["http"]["method"] = methods[rng.usize(..methods.len())].into();
}

fn query(rng: &mut Rng, event: &mut Value) {
    let names = [
        "filter",
        "sortBy",
        "sortOrder",
        "startIndex",
        "count",
        "cursor",
        "attributes",
        "excludedAttributes",
        "FILTER",
        "x",
        "",
        "aadOptscim062020",
    ];
    let numbers = [
        "-1",
        "0",
        "1",
        "2",
        "201",
        "99999999999999999999",
        "1.5",
        "-99999999999",
        " 1",
        "x",
        "١",
    ];
    let mut parts = Vec::new();
    for _ in 0..rng.usize(1..5) {
        let name = names[rng.usize(..names.len())];
        let value = match name {
            "filter" | "FILTER" => filter(rng),
            "startIndex" | "count" if rng.u8(..4) > 0 => {
                numbers[rng.usize(..numbers.len())].to_owned()
            }
            "sortBy" | "attributes" | "excludedAttributes" if rng.bool() => filter(rng),
            _ => strange(rng),
        };
        let value: String = encoded(rng, &value).chars().take(7000).collect();
        parts.push(format!("{name}={value}"));
    }
    event["rawQueryString"] = parts.join("&").into();
}

fn header(rng: &mut Rng, event: &mut Value) {
    let names = [
        "content-type",
        "accept",
        "if-match",
        "if-none-match",
        "host",
        "x-forwarded-proto",
        "content-length",
        "content-encoding",
        "authorization",
        "user-agent",
        "transfer-encoding",
    ];
    let values = [
        "application/json",
        "application/scim+json; charset=utf-16",
        "text/plain",
        "*/*",
        "W/\"1\"",
        "*",
        "\"",
        "",
        "multipart/form-data; boundary=x",
        "gzip",
        "-1",
        "evil.example:99999",
        "[::1",
        "a b",
        "http",
        "chunked",
        "Bearer",
        "Basic x",
    ];
    let name = names[rng.usize(..names.len())];
    let value = match rng.u8(..3) {
        // What no header can have does not come through API Gateway.
        0 => strange(rng)
            .chars()
            .filter(|c| !c.is_control())
            .take(2000)
            .collect(),
        _ => values[rng.usize(..values.len())].to_owned(),
    };
    // Most requests are to come further than the door.
    if name != "authorization" || rng.u8(..10) == 0 {
        event["headers"][name] = value.into();
    }
}

/// Another body altogether.
fn whole_body(rng: &mut Rng, event: &mut Value, target: &str) {
    let body = match rng.u8(..7) {
        0 => strange(rng),
        1 => {
            let depth = rng.usize(1..6000);
            format!(
                "{}1{}",
                "{\"a\":".repeat(depth),
                "}".repeat(rng.usize(..=depth))
            )
        }
        2 => format!(
            "{}{}",
            "[".repeat(rng.usize(1..9000)),
            "]".repeat(rng.usize(..9000))
        ),
        3 => operations(rng, "Operations", target).to_string(),
        4 => {
            event["rawPath"] = "/scim/v2/Bulk".into();
            event["requestContext"]["http"]["method"] = "POST".into();
            bulk(rng, target).to_string()
        }
        5 => {
            event["rawPath"] = "/scim/v2/Users/.search".into();
            event["requestContext"]["http"]["method"] = "POST".into();
            json!({"filter": filter(rng), "count": value(rng, 0), "startIndex": value(rng, 0), "sortBy": strange(rng)})
                .to_string()
        }
        _ => (0..rng.usize(..3000))
            .map(|_| char::from(rng.u8(..)))
            .collect(),
    };
    text_body(event, body);
}

fn operations(rng: &mut Rng, member: &str, target: &str) -> Value {
    let count = if rng.u8(..8) == 0 {
        rng.usize(..700)
    } else {
        rng.usize(..6)
    };
    let ops = [
        "add", "replace", "remove", "Add", "Replace", "REMOVE", "move", "",
    ];
    let operations: Vec<Value> = (0..count)
        .map(|_| {
            let mut operation = json!({"op": ops[rng.usize(..ops.len())], "value": value(rng, 0)});
            if rng.bool() {
                operation["path"] = match rng.u8(..3) {
                    0 => filter(rng).into(),
                    1 => json!(format!("emails[{}].value", filter(rng))),
                    _ => value(rng, 2),
                };
            }
            if rng.u8(..20) == 0 {
                operation["value"] = json!({"value": target});
            }
            operation
        })
        .collect();
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], member: operations})
}

fn bulk(rng: &mut Rng, target: &str) -> Value {
    let count = if rng.u8(..20) == 0 {
        rng.usize(..1500)
    } else {
        rng.usize(..8)
    };
    let methods = ["POST", "PUT", "PATCH", "DELETE", "GET", "post", ""];
    let operations: Vec<Value> = (0..count)
        .map(|number| {
            json!({
                "method": methods[rng.usize(..methods.len())],
                "path": match rng.u8(..5) {
                    0 => json!("/Users"),
                    1 => json!(format!("/Users/{target}")),
                    2 => json!(format!("/Users/bulkId:{}", rng.u8(..9))),
                    3 => strange(rng).into(),
                    _ => value(rng, 2),
                },
                "bulkId": if rng.bool() { json!(number.to_string()) } else { value(rng, 2) },
                "version": value(rng, 2),
                "data": if rng.bool() { operations(rng, "Operations", target) } else { value(rng, 0) },
            })
        })
        .collect();
    json!({"Operations": operations, "failOnErrors": value(rng, 2)})
}

/// Damages the JSON of the body somewhere.
fn json_of(rng: &mut Rng, event: &mut Value) {
    let Some(Ok(mut body)) = event["body"].as_str().map(serde_json::from_str::<Value>) else {
        return whole_body(rng, event, "");
    };
    damage(rng, &mut body, 0);
    text_body(event, body.to_string());
}

/// Walks down a random way and damages what is there.
fn damage(rng: &mut Rng, node: &mut Value, depth: usize) {
    let goes_on = rng.u8(..4) > 0;
    match node {
        Value::Object(members) if goes_on && !members.is_empty() => {
            let name = members
                .keys()
                .nth(rng.usize(..members.len()))
                .cloned()
                .unwrap_or_default();
            match rng.u8(..8) {
                0 => _ = members.remove(&name),
                1 => {
                    let value = members.remove(&name).unwrap_or_default();
                    members.insert(renamed(rng, &name), value);
                }
                2 => _ = members.insert(strange(rng), value(rng, depth)),
                _ => {
                    if let Some(member) = members.get_mut(&name) {
                        damage(rng, member, depth + 1);
                    }
                }
            }
        }
        Value::Array(elements) if goes_on && !elements.is_empty() => {
            let index = rng.usize(..elements.len());
            match rng.u8(..6) {
                0 => _ = elements.remove(index),
                1 => {
                    let copies = if rng.u8(..6) == 0 { 600 } else { 3 };
                    let element = elements[index].clone();
                    elements.extend(std::iter::repeat_n(element, copies));
                }
                2 => elements.push(value(rng, depth)),
                _ => damage(rng, &mut elements[index], depth + 1),
            }
        }
        _ => *node = value(rng, depth),
    }
}

fn renamed(rng: &mut Rng, name: &str) -> String {
    match rng.u8(..5) {
        0 => name.to_uppercase(),
        1 => format!("{name}.value"),
        2 => format!("urn:ietf:params:scim:schemas:core:2.0:User:{name}"),
        3 => format!(" {name}"),
        _ => strange(rng),
    }
}

/// A value of any type.
fn value(rng: &mut Rng, depth: usize) -> Value {
    match rng.u8(..if depth > 3 { 8 } else { 12 }) {
        0 => Value::Null,
        1 => rng.bool().into(),
        2 => json!(["True", "false", "TRUE", "yes", "0"][rng.usize(..5)]),
        3 => json!([0, -1, 1, i64::MAX, i64::MIN][rng.usize(..5)]),
        4 => json!([0.1, -0.0, 1e308, f64::MIN_POSITIVE][rng.usize(..4)]),
        5..8 => strange(rng).into(),
        8 => (0..rng.usize(..4)).map(|_| value(rng, depth + 1)).collect(),
        9 => Value::Array(vec![value(rng, depth + 1)]),
        _ => {
            let names = [
                "value", "type", "primary", "display", "$ref", "id", "userName", "emails",
                "schemas", "meta",
            ];
            let mut members = Map::new();
            for _ in 0..rng.usize(..4) {
                let name = names[rng.usize(..names.len())].to_owned();
                members.insert(name, value(rng, depth + 1));
            }
            members.into()
        }
    }
}

/// Damages the text of the body, and may turn it into bytes that are no text.
fn text_of(rng: &mut Rng, event: &mut Value) {
    let mut bytes = event["body"]
        .as_str()
        .unwrap_or_default()
        .as_bytes()
        .to_vec();
    bytes.truncate(MAX_BODY);
    let place = rng.usize(..=bytes.len());
    match rng.u8(..8) {
        0 => bytes.truncate(place),
        1 => bytes.splice(place..place, *b"\"\\ud800\"").for_each(drop),
        2 => bytes
            .splice(place..place, *b",\"userName\":\"twice\",")
            .for_each(drop),
        3 => bytes.splice(..0, *b"\xef\xbb\xbf").for_each(drop),
        4 => bytes.splice(place..place, [rng.u8(..); 3]).for_each(drop),
        5 => bytes.splice(place..place, *b"1e999999").for_each(drop),
        6 => bytes.extend_from_slice(&bytes.clone()),
        _ => {
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << rng.u8(..8);
            }
        }
    }
    // API Gateway passes on as Base64 what is not text, and now and then what is.
    match String::from_utf8(bytes) {
        Ok(text) if rng.u8(..8) > 0 => {
            text_body(event, text);
        }
        Ok(text) => base64_body(event, text.as_bytes()),
        Err(error) => base64_body(event, error.as_bytes()),
    }
}

fn text_body(event: &mut Value, text: String) {
    event["body"] = text.into();
    event["isBase64Encoded"] = false.into();
}

fn base64_body(event: &mut Value, bytes: &[u8]) {
    event["body"] = BASE64_STANDARD.encode(bytes).into();
    event["isBase64Encoded"] = true.into();
}
