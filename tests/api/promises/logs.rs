//! The log: one JSON line per request, with what an operator needs and nothing about people.

use std::time::Duration;

use serde_json::{Value, json};

use crate::operator::requests::log_of;
use crate::support::capture::logged_text;
use crate::support::engine;
use crate::support::service::{Answer, Call, Service, query};
use stand::wire::{Fate, Wire};
use tenant::TenantId;

/// Data that identifies people. It is in every request below, and must not be in any log.
const PERSONAL: [&str; 6] = [
    "lena.ortiz@crew.example",
    "Lena-Given",
    "+34-600-000-001",
    "object-id-77",
    "E-9876",
    "Secret-Title",
];

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn person() -> Value {
    let [
        email,
        given_name,
        phone,
        external_id,
        employee_number,
        title,
    ] = PERSONAL;
    json!({
        "userName": email,
        "externalId": external_id,
        "title": title,
        "name": {"givenName": given_name},
        "emails": [{"type": "work", "value": email}],
        "phoneNumbers": [{"type": "work", "value": phone}],
        ENTERPRISE: {"employeeNumber": employee_number},
    })
}

/// Sends the request, checks that it leaves one line without personal data, and returns the answer
/// and the line.
async fn line(service: &Service, call: Call<'_>) -> (Answer, Value) {
    line_besides(service, call, None).await
}

/// The same where another line may come before it, with this message.
async fn line_besides(service: &Service, call: Call<'_>, other: Option<&str>) -> (Answer, Value) {
    let (answer, text) = logged_text(call.send()).await;
    let mut lines: Vec<&str> = text.lines().collect();
    if let Some(other) = other {
        let before = lines.remove(0);
        assert!(before.contains(other), "{text}");
    }
    assert_eq!(lines.len(), 1, "{text}");
    let secret = service.key.rsplit('_').nth(1).unwrap();
    for word in PERSONAL
        .iter()
        .copied()
        .chain([secret, "Bearer", "htscim_"])
    {
        assert!(!text.contains(word), "{word} is in the log: {text}");
        let folded = word.to_lowercase();
        assert!(
            !text.to_lowercase().contains(&folded),
            "{word} is in the log: {text}"
        );
    }
    let line: Value = serde_json::from_str(lines[0]).unwrap();
    for name in [
        "timestamp",
        "level",
        "message",
        "request_id",
        "version",
        "method",
    ] {
        assert!(line[name].is_string(), "{name}: {line}");
    }
    for name in [
        "status",
        "ms",
        "dynamodb_calls",
        "read_units",
        "write_units",
    ] {
        assert!(line[name].is_number(), "{name}: {line}");
    }
    assert_eq!(line["message"], "request");
    assert_eq!(line["request_id"], "event");
    assert_eq!(line["status"], answer.status);
    assert_eq!(
        line.get("scim_type").unwrap_or(&Value::Null),
        answer.body.get("scimType").unwrap_or(&Value::Null)
    );
    // 501 is for unsupported features, and not a failure of the service.
    let level = if matches!(answer.status, 500 | 503) {
        "ERROR"
    } else {
        "INFO"
    };
    assert_eq!(line["level"], level);
    (answer, line)
}

/// The line of an authenticated request.
async fn own_line(
    service: &Service,
    call: Call<'_>,
    method: &str,
    route: &str,
    status: u16,
) -> Value {
    let answered = line(service, call).await;
    is_own(answered, method, route, status)
}

/// Checks that this is the line of an authenticated request.
fn is_own((answer, line): (Answer, Value), method: &str, route: &str, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(
        (&line["method"], &line["route"]),
        (&json!(method), &json!(route))
    );
    assert_eq!(line["tenant"], "acme");
    let key_id = line["key_id"].as_str().unwrap();
    assert!(key_id.len() == 12 && key_id.bytes().all(|digit| digit.is_ascii_hexdigit()));
    assert!(line["dynamodb_calls"].as_u64().unwrap() >= 1);
    line
}

fn by(filter: &str) -> String {
    format!("/Users?{}", query(&[("filter", filter)]))
}

#[tokio::test]
async fn a_request_that_succeeds_leaves_one_line() {
    let service = Service::start().await;
    let call = service.call("POST", "/Users").json(person());
    let created = own_line(&service, call, "POST", "/Users", 201).await;
    let members: Vec<&String> = created.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        [
            "cold_start",
            "dynamodb_calls",
            "key_id",
            "level",
            "message",
            "method",
            "ms",
            "read_units",
            "request_id",
            "route",
            "status",
            "tenant",
            "timestamp",
            "version",
            "write_units"
        ]
    );
    assert!(created["write_units"].as_f64().unwrap() > 0.0);
    let id = service.get("/Users").await.ids().remove(0);
    let user = format!("/Users/{id}");
    let item = "/Users/{id}";
    let operations = json!({"Operations": [{"op": "replace", "value": {"nickName": PERSONAL[1]}}]});
    for (method, path, body, route, status) in [
        ("GET", user.clone(), None, item, 200),
        (
            "GET",
            by(&format!("userName eq \"{}\"", PERSONAL[0])),
            None,
            "/Users",
            200,
        ),
        (
            "GET",
            by(&format!("title co \"{}\"", PERSONAL[5])),
            None,
            "/Users",
            200,
        ),
        ("PATCH", user.clone(), Some(operations), item, 200),
        ("PUT", user.clone(), Some(person()), item, 200),
        ("GET", "/Schemas".to_owned(), None, "/Schemas", 200),
        ("GET", "/Groups".to_owned(), None, "/Groups", 200),
        ("DELETE", user.clone(), None, item, 204),
    ] {
        let call = service.call(method, &path);
        let call = match body {
            Some(body) => call.json(body),
            None => call,
        };
        let line = own_line(&service, call, method, route, status).await;
        assert!(!line.to_string().contains(&id), "{line}");
    }
}

#[tokio::test]
async fn a_request_that_is_refused_leaves_one_line() {
    let service = Service::start().await;
    let id = service.create_user(PERSONAL[0], person()).await;
    let user = format!("/Users/{id}");
    let item = "/Users/{id}";
    let [email, given_name, ..] = PERSONAL;
    let operations = |operation: Value| json!({"Operations": [operation]});
    for (method, path, body, route, status) in [
        ("POST", "/Users", person(), "/Users", 409),
        (
            "POST",
            "/Users",
            json!({"userName": email, "active": given_name}),
            "/Users",
            400,
        ),
        ("POST", "/Users", json!(given_name), "/Users", 400),
        (
            "POST",
            "/Users",
            json!({"userName": given_name.repeat(100)}),
            "/Users",
            400,
        ),
        ("PUT", &user, json!({"name": given_name}), item, 400),
        (
            "PATCH",
            &user,
            operations(json!({"op": "replace", "path": given_name, "value": email})),
            item,
            400,
        ),
        (
            "PATCH",
            &user,
            operations(json!({"op": email, "path": "title", "value": email})),
            item,
            400,
        ),
        (
            "PATCH",
            &user,
            operations(
                json!({"op": "replace", "path": format!("emails[value sw \"x{email}\"].type"), "value": "x"}),
            ),
            item,
            400,
        ),
        (
            "GET",
            &by(&format!("userName is \"{email}\"")),
            json!(null),
            "/Users",
            400,
        ),
        (
            "GET",
            &by(&format!("active eq \"{email}\"")),
            json!(null),
            "/Users",
            400,
        ),
        ("GET", &format!("/Users/{email}"), json!(null), item, 404),
        (
            "GET",
            &format!("/Users?startIndex={given_name}"),
            json!(null),
            "/Users",
            400,
        ),
        (
            "GET",
            &format!("/Schemas?filter=id+eq+{given_name}"),
            json!(null),
            "/Schemas",
            403,
        ),
    ] {
        let call = service.call(method, path);
        let call = if body.is_null() {
            call
        } else {
            call.json(body)
        };
        own_line(&service, call, method, route, status).await;
    }
    let call = service
        .call("DELETE", &user)
        .header("if-match", PERSONAL[1]);
    own_line(&service, call, "DELETE", item, 412).await;
    let call = service.call("POST", "/Users").json(person());
    let call = call.header("content-type", PERSONAL[1]);
    own_line(&service, call, "POST", "/Users", 415).await;
    let call = service.call("POST", "/Users").json(json!({}));
    let call = call.body(&PERSONAL[0].repeat(50_000));
    own_line(&service, call, "POST", "/Users", 413).await;
}

/// What the directory's log of requests says of a person, the lines do not.
#[tokio::test]
async fn a_request_that_leaves_something_out_leaves_one_line() {
    let service = Service::start().await;
    let mut odd = person();
    odd["shoeSize"] = PERSONAL[5].into();
    let call = service.call("POST", "/Users").json(odd.clone());
    let line = own_line(&service, call, "POST", "/Users", 201).await;
    assert_eq!(line["ignored_names"], "[\"shoeSize\"]");
    let id = service.get("/Users").await.ids().remove(0);
    let user = format!("/Users/{id}");
    for _ in 0..2 {
        let call = service.call("PUT", &user).json(odd.clone());
        let line = own_line(&service, call, "PUT", "/Users/{id}", 200).await;
        assert_eq!(line["ignored"], 1, "{line}");
    }
    let post = json!({"method": "POST", "path": "/Users", "data": odd});
    let bulk = service
        .call("POST", "/Bulk")
        .json(json!({"Operations": [post]}));
    own_line(&service, bulk, "POST", "/Bulk", 200).await;
    let acme = TenantId::parse("acme").unwrap();
    let log = log_of(&service.app.store, &acme).await;
    // The three of the same moment at most are one: their requests have one id here.
    assert!((2..=4).contains(&log.len()), "{log:?}");
    let names = log.iter().map(|entry| entry.subject.user_name.as_deref());
    assert!(names.into_iter().all(|name| name == Some(PERSONAL[0])));
}

/// Without a route, or without a known sender, the line says as much as is known.
#[tokio::test]
async fn a_request_of_nobody_or_to_nowhere_leaves_one_line() {
    let service = Service::start().await;
    let wrong = service.key.replace("acme", "other");
    let users = || service.call("GET", "/Users");
    let nowhere = format!("/{}", PERSONAL[0]);
    for (call, status, route) in [
        (users().key(&wrong), 401, json!("/Users")),
        (users().key(PERSONAL[0]), 401, json!("/Users")),
        (
            users().without_header("authorization"),
            401,
            json!("/Users"),
        ),
        (service.raw_call("GET", &nowhere), 404, json!(null)),
    ] {
        let (answer, line) = line(&service, call).await;
        assert_eq!(answer.status, status);
        assert_eq!(line["route"], route);
        for name in ["tenant", "key_id", "cause"] {
            assert_eq!(line.get(name), None, "{line}");
        }
    }
    for (method, path, status) in [
        ("GET", format!("/{}", PERSONAL[0]), 404),
        ("DELETE", "/Users".to_owned(), 405),
        ("GET", "/Me".to_owned(), 501),
    ] {
        let (answer, line) = line(&service, service.call(method, &path)).await;
        assert_eq!(answer.status, status);
        assert_eq!(line["tenant"], "acme");
    }
}

/// The line contains the cause of a failure, and still nothing of what was sent.
#[tokio::test]
async fn a_request_that_fails_leaves_one_line() {
    let prefix = uuid::Uuid::new_v4().simple().to_string();
    let store = engine::empty_store(&prefix).await;
    store.create_tables().await.unwrap();
    let mut service = Service::over(store).await;
    service.app.config.request_deadline = Duration::from_secs(5);
    let id = service.create_user(PERSONAL[0], person()).await;
    for (fate, cause) in [
        (Fate::Throttled, "ProvisionedThroughputExceededException"),
        (Fate::Refused, "dispatch failure"),
    ] {
        let wire =
            Wire::start(
                crate::support::engine::endpoint(),
                move |operation, _| match operation {
                    "GetItem" => Fate::Passed,
                    _ => fate,
                },
            )
            .await;
        service.app.store = engine::troubled_store_through(&wire.endpoint, &prefix).await;
        let mut other = person();
        other["userName"] = "other".into();
        other["title"] = "Other".into();
        for (method, path, route) in [
            ("POST", "/Users".to_owned(), "/Users"),
            ("PUT", format!("/Users/{id}"), "/Users/{id}"),
        ] {
            let call = service.call(method, &path).json(other.clone());
            // It cannot be counted either, which is told as often.
            let untold = Some("a refused request could not be counted");
            let answered = line_besides(&service, call, untold).await;
            let line = is_own(answered, method, route, 503);
            let told = line["cause"].as_str().unwrap();
            assert!(told.contains(cause), "{told}");
        }
    }
}

/// Lambda's log is a single stream: nothing a client chooses may forge a second line.
#[tokio::test]
async fn no_input_breaks_the_line() {
    let service = Service::start().await;
    let path = "/Users/x\n{\"message\":\"request\"}";
    for method in ["GET", "PURGE"] {
        let (answer, line) = line(&service, service.call(method, path)).await;
        assert!([404, 405].contains(&answer.status));
        assert_eq!(line["method"], method);
    }
}
