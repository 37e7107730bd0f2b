//! What HTTP itself asks of a server: HEAD, encodings of bodies, repeated parameters, and the
//! headers that every answer has.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::requests::errors::refused;
use crate::support::service::{Call, Service};

/// The body compressed.
pub fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

const JSON: &str = "application/scim+json";

fn encoded<'s>(service: &'s Service, method: &str, path: &str, coding: &str) -> Call<'s> {
    let call = service.call(method, path).header("content-type", JSON);
    call.header("content-encoding", coding)
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let service = Service::start().await;
    let user = format!("/Users/{}", service.create_user("lena", json!({})).await);
    let unknown = "/Users/00000000-0000-4000-8000-000000000000";
    let core = "urn:ietf:params:scim:schemas:core:2.0:User";
    let mut seen = Vec::new();
    for path in [
        user.as_str(),
        unknown,
        "/Users",
        "/Users?filter=userName+eq+lena",
        "/Users?filter=userName+is+lena",
        "/Users?sortBy=userName&cursor",
        "/",
        "/Groups",
        "/Groups/x",
        "/ServiceProviderConfig",
        "/ResourceTypes",
        "/ResourceTypes/User",
        "/ResourceTypes/Device",
        "/Schemas",
        "/Schemas?filter=id+pr",
        &format!("/Schemas/{core}"),
        "/Devices",
        "/Me",
    ] {
        for (header, value) in [
            ("accept", JSON),
            ("if-none-match", "W/\"1\""),
            ("authorization", "Basic x"),
        ] {
            let get = service.call("GET", path).header(header, value).send().await;
            let head = service.call("HEAD", path).header(header, value);
            let head = head.send().await;
            assert_eq!(head.status, get.status, "{path} {header}");
            assert_eq!(head.headers, get.headers, "{path} {header}");
            assert_eq!(head.body, Value::Null, "{path} {header}");
            seen.push(head.status);
        }
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [200, 304, 400, 401, 403, 404, 501]);
}

#[tokio::test]
async fn bodies_may_be_compressed() {
    let service = Service::start().await;
    let user = format!("/Users/{}", service.create_user("lena", json!({})).await);
    let patch = json!({"Operations": [{"op": "add", "path": "title", "value": "Lead"}]});
    let bulk = json!({"Operations": [{"method": "DELETE", "path": user}]});
    for (method, path, body, status) in [
        ("PATCH", user.as_str(), patch, 200),
        ("PUT", &user, json!({"userName": "lena"}), 200),
        ("POST", "/Users/.search", json!({"filter": "title pr"}), 200),
        ("POST", "/.search", json!({}), 200),
        ("POST", "/Bulk", bulk, 200),
        ("POST", "/Users", json!({"userName": "otto"}), 201),
    ] {
        let call = encoded(&service, method, path, "gzip");
        let answer = call.bytes(&gzip(body.to_string().as_bytes())).send().await;
        assert_eq!(answer.status, status, "{method} {path} {}", answer.body);
    }
    for (number, coding) in ["gzip", "GZIP", "x-gzip", " gzip "].iter().enumerate() {
        let body = json!({"userName": format!("packed{number}")}).to_string();
        let call = encoded(&service, "POST", "/Users", coding);
        let answer = call.bytes(&gzip(body.as_bytes())).send().await;
        assert_eq!(answer.status, 201, "{coding} {}", answer.body);
    }
    for (number, coding) in ["identity", ""].iter().enumerate() {
        let body = json!({"userName": format!("plain{number}")}).to_string();
        let call = encoded(&service, "POST", "/Users", coding);
        assert_eq!(call.body(&body).send().await.status, 201, "{coding}");
    }
}

#[tokio::test]
async fn compressed_bodies_are_bounded_as_any_others() {
    const LIMIT: usize = 1024 * 1024;
    let service = Service::start().await;
    let user = format!("/Users/{}", service.create_user("lena", json!({})).await);
    let body = r#"{"userName":"lena","Operations":[{"op":"add","path":"title","value":"x"}]}"#;
    let padded =
        |length: usize| gzip(format!("{}{body}", " ".repeat(length - body.len())).as_bytes());
    for (method, path, success) in [
        ("PUT", user.as_str(), 200),
        ("PATCH", &user, 200),
        ("POST", "/Users", 409),
    ] {
        let send = async |bytes: &[u8]| {
            let call = encoded(&service, method, path, "gzip").bytes(bytes);
            call.send().await
        };
        let answer = send(&padded(LIMIT)).await;
        assert_eq!(answer.status, success, "{method} {}", answer.body);
        refused(&send(&padded(LIMIT + 1)).await, 413, "");
        refused(&send(&padded(32 * LIMIT)).await, 413, "");
        // The compressed form has the same bound.
        refused(&send(&vec![0; LIMIT + 1]).await, 413, "");
        for broken in [&b""[..], b"{}", &gzip(b"{}")[..12]] {
            refused(&send(broken).await, 400, "invalidSyntax");
        }
        refused(&send(&gzip(b"{")).await, 400, "invalidSyntax");
        refused(&send(&gzip(b" ")).await, 400, "invalidSyntax");
    }
}

#[tokio::test]
async fn other_encodings_are_refused_with_what_is_accepted() {
    let service = Service::start().await;
    for coding in [
        "br",
        "deflate",
        "zstd",
        "gzip, gzip",
        "identity, gzip",
        "gzip;q=1",
        "é",
    ] {
        let call = encoded(&service, "POST", "/Users", coding);
        let answer = call.bytes(&gzip(b"{\"userName\":\"lena\"}")).send().await;
        refused(&answer, 415, "");
        assert_eq!(answer.header("accept-encoding"), "gzip", "{coding}");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains("with `gzip`"), "{detail}");
    }
    // A 415 for the media type must not have the header (RFC 9110 §12.5.3).
    let call = service.call("POST", "/Users").body("{}");
    let answer = call.header("content-type", "text/plain").send().await;
    refused(&answer, 415, "");
    assert_eq!(answer.header("accept-encoding"), "");
}

#[tokio::test]
async fn a_byte_order_mark_is_skipped() {
    let service = Service::start().await;
    let marked = |body: &Value| format!("\u{feff}{body}");
    let body = marked(&json!({"userName": "lena"}));
    let call = service.call("POST", "/Users").header("content-type", JSON);
    let created = call.body(&body).send().await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(created.body["userName"], "lena");
    let user = format!("/Users/{}", created.id());
    let patch = json!({"Operations": [{"op": "add", "path": "title", "value": "Lead"}]});
    let patched = service.call("PATCH", &user).header("content-type", JSON);
    let patched = patched.bytes(marked(&patch).as_bytes()).send().await;
    assert_eq!(patched.body["title"], "Lead", "{}", patched.body);
    let packed = encoded(&service, "PUT", &user, "gzip").bytes(&gzip(body.as_bytes()));
    assert_eq!(packed.send().await.status, 200);
    for no_body in ["\u{feff}", "\u{feff} ", "\u{feff}\u{feff}{}"] {
        let call = service.call("POST", "/Users").header("content-type", JSON);
        refused(&call.body(no_body).send().await, 400, "invalidSyntax");
    }
}

#[tokio::test]
async fn repeated_lists_of_attributes_add_up() {
    let service = Service::start().await;
    let full = json!({"title": "Lead", "nickName": "Le", "displayName": "Lena"});
    let user = format!("/Users/{}", service.create_user("lena", full).await);
    let members = async |query: &str, list: bool| {
        let path = if list { "/Users" } else { &user };
        let mut body = service.get(&format!("{path}?{query}")).await.body;
        if list {
            body = body["Resources"][0].take();
        }
        let names = body.as_object().unwrap().keys().cloned();
        let mut names: Vec<String> = names
            .filter(|name| ["userName", "title", "nickName", "displayName"].contains(&&**name))
            .collect();
        names.sort();
        names.join(" ")
    };
    for list in [false, true] {
        for (query, expected) in [
            ("attributes=userName&attributes=title", "title userName"),
            (
                "attributes=userName&ATTRIBUTES=nickName,title",
                "nickName title userName",
            ),
            ("attributes=&attributes=title", "title"),
            (
                "excludedAttributes=title&excludedAttributes=nickName",
                "displayName userName",
            ),
        ] {
            assert_eq!(members(query, list).await, expected, "{query}");
        }
    }
}

/// The support code of the tests looks at the headers of each answer of each test; here is one of
/// every kind.
#[tokio::test]
async fn no_answer_is_kept_or_guessed_at() {
    let mut service = Service::start().await;
    let user = format!("/Users/{}", service.create_user("lena", json!({})).await);
    let known = ("if-none-match", "W/\"1\"");
    let none = ("accept", JSON);
    let mut seen = Vec::new();
    for (method, path, (name, value), body) in [
        ("GET", "/scim/v2/Users", none, ""),
        ("HEAD", "/scim/v2/Users", none, ""),
        ("GET", "/scim/v2/Schemas", none, ""),
        ("GET", &format!("/scim/v2{user}"), known, ""),
        ("GET", "/scim/v2/Users", ("authorization", ""), ""),
        ("GET", "/scim/v2/Users/x", none, ""),
        ("GET", "/favicon.ico", none, ""),
        ("GET", "/scim/v2/Schemas?filter=id+pr", none, ""),
        ("PURGE", "/scim/v2/Users", none, ""),
        ("POST", "/scim/v2/Users", none, "{"),
        ("POST", "/scim/v2/Users", none, "{\"userName\":\"lena\"}"),
        ("POST", "/scim/v2/Users", none, "{\"userName\":\"otto\"}"),
        ("POST", "/scim/v2/Users", ("content-type", "a/b"), "{}"),
        ("GET", "/scim/v2/Me", none, ""),
        ("DELETE", &format!("/scim/v2{user}"), none, ""),
    ] {
        let call = service.raw_call(method, path).header(name, value);
        let answer = call.body(body).send().await;
        assert_eq!(
            answer.header("cache-control"),
            "no-store",
            "{method} {path}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        seen.push(answer.status);
    }
    service.app.config.requests_per_second = 1;
    while seen.last() != Some(&429) {
        let answer = service.get("/Users").await;
        assert_eq!(answer.header("cache-control"), "no-store");
        seen.push(answer.status);
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(
        seen,
        [
            200, 201, 204, 304, 400, 401, 403, 404, 405, 409, 415, 429, 501
        ]
    );
}
