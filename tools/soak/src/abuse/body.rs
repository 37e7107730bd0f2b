//! Damages the bodies of requests.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::text::{filter, strange};

/// Longer bodies are cut: an event with one would not reach the function. API Gateway accepts 10
/// MB.
const MAX_BODY: usize = 5_000_000;

/// Replaces the body by a different one.
pub fn replace(rng: &mut Rng, event: &mut Value, target: &str) {
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

/// Damages the body's JSON at a random place.
pub fn json(rng: &mut Rng, event: &mut Value) {
    let Some(Ok(mut body)) = event["body"].as_str().map(serde_json::from_str::<Value>) else {
        return replace(rng, event, "");
    };
    damage(rng, &mut body, 0);
    text_body(event, body.to_string());
}

/// Walks down a random path and damages what is there.
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

/// Damages the body's text, and may turn it into bytes that are not text.
pub fn text(rng: &mut Rng, event: &mut Value) {
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
    // API Gateway passes on non-text as Base64, and occasionally text too.
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
