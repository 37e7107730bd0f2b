//! Refusals: every one is a SCIM error with the right status, for any path, method or body.

use serde_json::{Value, json};

use crate::support::service::{Answer, Service};

const UNKNOWN: &str = "/Users/00000000-0000-4000-8000-000000000000";

/// Checks that the body has the members of RFC 7644 §3.12 and no others, and that the detail is a
/// single line for an administrator.
pub fn refused(answer: &Answer, status: u16, scim_type: &str) {
    let detail = answer.error(status, scim_type);
    assert!(!detail.is_empty() && !detail.ends_with('.'), "{detail}");
    assert!(!detail.contains('\n'), "{detail}");
    let mut members = vec!["detail", "schemas", "status"];
    if !scim_type.is_empty() {
        members.insert(2, "scimType");
    }
    let found: Vec<&String> = answer.body.as_object().unwrap().keys().collect();
    assert_eq!(found, members);
}

#[tokio::test]
async fn paths_that_lead_nowhere() {
    let service = Service::start().await;
    for path in [
        "",
        "/",
        "/favicon.ico",
        "/scim",
        "/scim/v1/Users",
        "/a/b/c/d/scim/v2/Users",
        "/scim/v2/Devices",
        "/scim/v2/Users/a/b",
        "/scim/v2/Users/a%2Fb",
        "/scim/v2/Users/%FF%00",
        "/scim/v2/Users/a b\u{e9}<>\"{}|^`",
        "/scim/v2/Users/..%2f..%2fetc",
        "/scim/v2/ResourceTypes/Device",
        "/scim/v2/Schemas/urn:example:none",
        "/scim/v2/Groups/1",
        &format!("/scim/v2{UNKNOWN}"),
        &format!("/scim/v2/{}", "x".repeat(5000)),
    ] {
        refused(&service.raw_call("GET", path).send().await, 404, "");
    }
    // Routes below the base path are only revealed to authenticated clients.
    for path in ["/scim/v2/Devices", "/scim/v2/Users/1/2", "/scim/v2/Me"] {
        let call = service
            .raw_call("GET", path)
            .without_header("authorization");
        refused(&call.send().await, 401, "");
    }
}

#[tokio::test]
async fn methods_that_a_path_does_not_take() {
    let service = Service::start().await;
    let user = format!("/Users/{}", service.create_user("lena", json!({})).await);
    let all = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PURGE",
    ];
    for (path, allowed) in [
        ("/Users", "GET, HEAD, POST"),
        (user.as_str(), "GET, HEAD, PUT, PATCH, DELETE"),
        (UNKNOWN, "GET, HEAD, PUT, PATCH, DELETE"),
        ("/ServiceProviderConfig", "GET, HEAD"),
        ("/ResourceTypes", "GET, HEAD"),
        ("/ResourceTypes/User", "GET, HEAD"),
        ("/Schemas", "GET, HEAD"),
        (
            "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
            "GET, HEAD",
        ),
        ("/Users/.search", "POST"),
        ("/.search", "POST"),
        ("/Bulk", "POST"),
        ("", "GET, HEAD"),
    ] {
        for method in all {
            if allowed.split(", ").any(|taken| taken == method) {
                continue;
            }
            let answer = service.call(method, path).json(json!({})).send().await;
            match method {
                "HEAD" => assert_eq!(answer.status, 405, "{path}"),
                _ => refused(&answer, 405, ""),
            }
            assert_eq!(answer.header("allow"), allowed, "{method} {path}");
        }
    }
    for (method, path) in [("GET", "/Me"), ("PATCH", "/Me"), ("DELETE", "/me/")] {
        let answer = service.call(method, path).json(json!({})).send().await;
        refused(&answer, 501, "");
    }
}

#[tokio::test]
async fn discovery_takes_no_filter() {
    let service = Service::start().await;
    for path in ["/Schemas", "/ResourceTypes", "/ResourceTypes/User"] {
        let answer = service.get(&format!("{path}?filter=id+pr")).await;
        refused(&answer, 403, "");
    }
    let config = service.get("/ServiceProviderConfig?filter=id+pr").await;
    assert_eq!(config.status, 200);
}

#[tokio::test]
async fn bodies_that_are_no_message() {
    let service = Service::start().await;
    let user = format!("/Users/{}", service.create_user("lena", json!({})).await);
    let deep = format!("{{\"userName\":{}1{}}}", "[".repeat(500), "]".repeat(500));
    for (method, path) in [("POST", "/Users"), ("PUT", &user), ("PATCH", &user)] {
        for body in [
            "", " \n", "{", "[]", "null", "\"x\"", "1", "{}x", "{'a':1}", &deep,
        ] {
            let call = service.call(method, path).json(json!({})).body(body);
            refused(&call.send().await, 400, "invalidSyntax");
        }
        let call = service.call(method, path).bytes(b"{\"userName\":\"\xff\"}");
        refused(&call.send().await, 400, "invalidSyntax");
        refused(
            &service.call(method, path).send().await,
            400,
            "invalidSyntax",
        );
    }
    for body in [
        json!({}),
        json!({"Operations": null}),
        json!({"Operations": {}}),
        json!({"Operations": ["replace"]}),
        json!({"Operations": [{"path": "title", "value": "x"}]}),
        json!({"Operations": [{"op": "move", "path": "title", "value": "x"}]}),
        json!({"Operations": [{"op": 1, "path": "title", "value": "x"}]}),
    ] {
        let answer = service.call("PATCH", &user).json(body).send().await;
        refused(&answer, 400, "invalidSyntax");
    }
}

#[tokio::test]
async fn operations_that_cannot_be_applied() {
    let service = Service::start().await;
    let path = format!(
        "/Users/{}",
        service.create_user("lena", json!({"title": "Lead"})).await
    );
    let before = service.get(&path).await.body;
    let good = json!({"op": "replace", "path": "title", "value": "Digger"});
    for (operation, scim_type) in [
        (
            json!({"op": "replace", "path": "shoe size", "value": 1}),
            "invalidPath",
        ),
        (
            json!({"op": "replace", "path": "emails[", "value": 1}),
            "invalidPath",
        ),
        (
            json!({"op": "replace", "path": "emails[type eq]", "value": 1}),
            "invalidPath",
        ),
        (
            json!({"op": "replace", "path": "emails[primary gt true].value", "value": 1}),
            "invalidPath",
        ),
        (
            json!({"op": "replace", "path": 7, "value": 1}),
            "invalidPath",
        ),
        (
            json!({"op": "replace", "path": "active", "value": "maybe"}),
            "invalidValue",
        ),
        (
            json!({"op": "replace", "path": "userName", "value": ""}),
            "invalidValue",
        ),
        (
            json!({"op": "replace", "path": "userName", "value": null}),
            "invalidValue",
        ),
        (
            json!({"op": "replace", "path": "userName", "value": ["a", "b"]}),
            "invalidValue",
        ),
        (json!({"op": "replace", "path": "title"}), "invalidValue"),
        (json!({"op": "replace", "value": "x"}), "invalidValue"),
        (json!({"op": "remove"}), "noTarget"),
        (
            json!({"op": "replace", "path": "emails[value sw \"x\"].type", "value": "work"}),
            "noTarget",
        ),
        (
            json!({"op": "replace", "path": "id", "value": "x"}),
            "mutability",
        ),
        (
            json!({"op": "add", "path": "groups", "value": [{"value": "g"}]}),
            "mutability",
        ),
        (
            json!({"op": "remove", "path": "meta.created"}),
            "mutability",
        ),
        (json!({"op": "remove", "path": "userName"}), "mutability"),
    ] {
        for operations in [json!([good, operation]), json!([operation, good])] {
            let answer = service.patch(&path, operations).await;
            refused(&answer, 400, scim_type);
        }
    }
    assert_eq!(service.get(&path).await.body, before, "all or nothing");
}

#[tokio::test]
async fn resources_that_cannot_be() {
    let service = Service::start().await;
    service.create_user("lena", json!({})).await;
    let otto = format!("/Users/{}", service.create_user("otto", json!({})).await);
    let addresses: Vec<Value> = (0..60)
        .map(|n| json!({"value": format!("{n}@x")}))
        .collect();
    for (body, status, scim_type) in [
        (json!({}), 400, "invalidValue"),
        (json!({"userName": null}), 400, "invalidValue"),
        (json!({"userName": ""}), 400, "invalidValue"),
        (json!({"userName": {"a": 1}}), 400, "invalidValue"),
        (
            json!({"userName": "x", "name": "Lena"}),
            400,
            "invalidValue",
        ),
        (
            json!({"userName": "x", "active": "yes"}),
            400,
            "invalidValue",
        ),
        (json!({"userName": "é".repeat(500)}), 400, "invalidValue"),
        (
            json!({"userName": "x", "title": "x".repeat(400_000)}),
            400,
            "invalidValue",
        ),
        (
            json!({"userName": "x", "emails": addresses}),
            400,
            "invalidValue",
        ),
        (json!({"userName": "LENA"}), 409, "uniqueness"),
    ] {
        refused(
            &service.post("/Users", body.clone()).await,
            status,
            scim_type,
        );
        refused(&service.put(&otto, body).await, status, scim_type);
    }
    let rename = json!([{"op": "replace", "path": "userName", "value": "Lena"}]);
    refused(&service.patch(&otto, rename).await, 409, "uniqueness");
    assert_eq!(service.get("/Users").await.body["totalResults"], 2);
}

/// An unknown id is reported before anything about the body.
#[tokio::test]
async fn an_unknown_user_comes_before_its_body() {
    let service = Service::start().await;
    for path in [
        UNKNOWN,
        "/Users/x",
        "/Users/00000000-0000-4000-8000-00000000000G",
    ] {
        for body in [
            "",
            "{",
            "[]",
            "{\"Operations\":[]}",
            "{\"active\":\"maybe\"}",
        ] {
            for method in ["PUT", "PATCH"] {
                let call = service.call(method, path).json(json!({})).body(body);
                refused(&call.send().await, 404, "");
            }
        }
        refused(&service.delete(path).await, 404, "");
        refused(&service.get(path).await, 404, "");
    }
    for header in ["if-match", "if-none-match"] {
        let call = service.call("DELETE", UNKNOWN).header(header, "*");
        refused(&call.send().await, 404, "");
    }
}

#[tokio::test]
async fn filters_that_cannot_be_answered() {
    let service = Service::start().await;
    for filter in [
        "userName",
        "userName eq",
        "userName is \"x\"",
        "userName eq \"x",
        "userName eq \"x\" and",
        "(userName pr",
        "userName pr)",
        "emails[type eq \"work\"",
        "emails[type eq \"work\"].value",
        "shoeSize eq 1",
        "name.first pr",
        "active gt true",
        "active eq maybe",
        "name eq \"x\"",
        "meta.created gt \"yesterday\"",
        "userName[type eq \"x\"]",
        "urn:ietf:params:scim:schemas:core:2.0:User pr",
        "eq eq eq eq",
        "\"userName\" eq \"x\"",
        "\u{0}",
    ] {
        refused(&service.find(filter).await, 400, "invalidFilter");
    }
}

#[tokio::test]
async fn versions_guard_against_lost_updates() {
    let service = Service::start().await;
    let path = format!("/Users/{}", service.create_user("lena", json!({})).await);
    let body = json!({
        "userName": "lena",
        "Operations": [{"op": "replace", "path": "title", "value": "Lead"}]
    });
    let send = async |method: &str, header: &str, value: &str| {
        let call = service.call(method, &path).header(header, value);
        let call = if method == "GET" {
            call
        } else {
            call.json(body.clone())
        };
        call.send().await
    };
    for stale in [
        "W/\"2\"",
        "\"0\"",
        "W/\"x\"",
        "W/\"2\", W/\"3\"",
        "1",
        "\"\"",
        "W/\"é\"",
    ] {
        for method in ["PATCH", "PUT", "DELETE"] {
            refused(&send(method, "if-match", stale).await, 412, "");
        }
    }
    let patched = send("PATCH", "if-match", "W/\"7\", W/\"1\"").await;
    assert_eq!((patched.status, patched.header("etag")), (200, "W/\"2\""));
    let put = send("PUT", "if-match", "*").await;
    assert_eq!((put.status, put.header("etag")), (200, "W/\"3\""));

    for known in ["W/\"3\"", "\"3\"", "*", "W/\"1\", W/\"3\""] {
        let unchanged = send("GET", "if-none-match", known).await;
        assert_eq!((unchanged.status, unchanged.body.is_null()), (304, true));
        assert_eq!(unchanged.header("etag"), "W/\"3\"");
    }
    assert_eq!(send("GET", "if-none-match", "W/\"2\"").await.status, 200);
    assert_eq!(send("DELETE", "if-match", "W/\"3\"").await.status, 204);
}
