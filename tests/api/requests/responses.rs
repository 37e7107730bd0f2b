//! How large a response can be: whatever clients have stored, it is below Lambda's limit.

use std::collections::BTreeSet;

use hellotracks_scim::app::handle;
use lambda_http::http::Response;
use lambda_http::tower::ServiceExt;
use lambda_http::{Adapter, Body, Context, Error, LambdaEvent, Request, service_fn};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use scim::page::{MAX_RESPONSE, outgoing};
use serde_json::{Value, json};

use crate::support::service::{Service, query};

/// Characters that are escaped in the body, and whose escape is escaped once more in what Lambda
/// takes: of the 2 bytes of `\"` become 4, of the 6 of `\u0001` 7.
const ESCAPED: [&str; 2] = ["\"", "\u{1}"];

/// About the longest text of this character that a user can have.
fn longest(character: &str) -> String {
    const STORED: usize = 175 * 1024;
    character.repeat(STORED / (json!(character).to_string().len() - 2))
}

/// What the function hands to Lambda for an event, as `lambda_http` and `lambda_runtime` write it.
async fn response(service: &Service, method: &str, path: &str, body: Option<Value>) -> Vec<u8> {
    let mut event = stand::request::event(method, &format!("/scim/v2{path}"), &service.key);
    if let Some(body) = body {
        event["headers"]["content-type"] = "application/scim+json".into();
        event["body"] = body.to_string().into();
    }
    let answer = |request: Request| async { Ok::<_, Error>(handle(&service.app, request).await) };
    written(&event, answer).await
}

async fn written<F>(event: &Value, answer: impl Fn(Request) -> F) -> Vec<u8>
where
    F: Future<Output = Result<Response<Body>, Error>> + Send,
{
    let payload = serde_json::from_value(event.clone()).expect("an event");
    let response = Adapter::from(service_fn(answer))
        .oneshot(LambdaEvent::new(payload, Context::default()))
        .await
        .expect("an answer");
    serde_json::to_vec(&response).expect("JSON")
}

/// The body in a response.
fn body(response: &[u8]) -> Value {
    let response: Value = serde_json::from_slice(response).expect("JSON");
    let text = response["body"].as_str().expect("a body");
    serde_json::from_str(text).expect("a JSON body")
}

/// However the list is made, it ends before the response is too long, and the walk goes on there.
#[tokio::test]
async fn no_page_is_too_long_for_lambda() {
    // 24 users of 175 KB are 4.3 MB as they are stored, and 6.7 MB as they go out.
    const USERS: usize = 24;
    let service = Service::start().await;
    for (user, character) in ESCAPED.iter().cycle().take(USERS).enumerate() {
        let attributes = json!({"title": longest(character), "emails": [{"value": "all@x"}]});
        service.create_user(&format!("u{user}"), attributes).await;
    }
    for parameters in [
        &[][..],
        &[("filter", "title pr")],
        &[("filter", "emails eq \"all@x\"")],
        &[("sortBy", "userName")],
    ] {
        let mut ids = BTreeSet::new();
        let mut pages = 0;
        while ids.len() < USERS {
            let start = (ids.len() + 1).to_string();
            let page = [parameters, &[("startIndex", &start), ("count", "1000")]].concat();
            let path = format!("/Users?{}", query(&page));
            let response = response(&service, "GET", &path, None).await;
            assert!(response.len() <= MAX_RESPONSE, "{}", response.len());
            let list = body(&response);
            let resources = list["Resources"].as_array().unwrap();
            assert_eq!(list["itemsPerPage"], resources.len());
            assert_eq!(list["totalResults"], USERS);
            for user in resources {
                assert!(ids.insert(user["id"].as_str().unwrap().to_owned()));
            }
            pages += 1;
            // As long as it may be: another user would not have fitted.
            let is_long = response.len() + 400 * 1024 > MAX_RESPONSE;
            assert!(is_long || ids.len() == USERS, "{}", response.len());
        }
        assert_eq!(pages, 2, "{parameters:?}");
        walk_by_cursor(&service, parameters, USERS).await;
    }
}

async fn walk_by_cursor(service: &Service, parameters: &[(&str, &str)], users: usize) {
    let mut ids = BTreeSet::new();
    let mut cursor = String::new();
    loop {
        let page = [parameters, &[("cursor", &cursor), ("count", "1000")]].concat();
        let response = response(service, "GET", &format!("/Users?{}", query(&page)), None).await;
        assert!(response.len() <= MAX_RESPONSE, "{}", response.len());
        let list = body(&response);
        for user in list["Resources"].as_array().unwrap() {
            assert!(ids.insert(user["id"].as_str().unwrap().to_owned()));
        }
        match list["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(ids.len(), users, "{parameters:?}");
}

/// A single resource is bounded when it is stored: escaping doubles a document at most.
#[tokio::test]
async fn no_resource_is_too_long_for_lambda() {
    for character in ESCAPED {
        let service = Service::start().await;
        let user = json!({"userName": "lena", "title": longest(character)});
        let created = response(&service, "POST", "/Users", Some(user.clone())).await;
        let path = format!("/Users/{}", body(&created)["id"].as_str().unwrap());
        let patch = json!({"Operations": [{"op": "add", "path": "nickName", "value": "l"}]});
        for (method, sent) in [("PATCH", Some(patch)), ("PUT", Some(user)), ("GET", None)] {
            let response = response(&service, method, &path, sent).await;
            assert_eq!(body(&response)["title"], longest(character));
            for response in [&created, &response] {
                assert!(response.len() < MAX_RESPONSE / 10, "{}", response.len());
            }
        }
    }
}

/// What a client sends in a bulk request comes back in the answer, escaped: method, `bulkId`, the
/// id in `location`, and a part of what is refused.
#[tokio::test]
async fn no_bulk_answer_is_too_long_for_lambda() {
    const OPERATIONS: usize = 1000;
    const BODY: usize = 1024 * 1024;
    let mut service = Service::start().await;
    service.app.config.requests_per_second = 0;
    for character in ESCAPED {
        for (method, path, bulk_id) in [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)] {
            let share = BODY / OPERATIONS - 80;
            let length = json!(character).to_string().len() - 2;
            let parts = method + path + bulk_id;
            let long = |part| character.repeat(part * share / parts / length);
            let method = if method == 0 {
                "DELETE".to_owned()
            } else {
                long(1)
            };
            let operation = json!({
                "method": method,
                "path": format!("/Users/{}", long(path)),
                "bulkId": long(bulk_id),
            });
            let bulk = json!({"Operations": vec![operation; OPERATIONS]});
            let size = bulk.to_string().len();
            assert!((BODY * 8 / 10..=BODY).contains(&size), "{size}");
            let response = response(&service, "POST", "/Bulk", Some(bulk)).await;
            let results = body(&response)["Operations"].as_array().unwrap().len();
            assert_eq!(results, OPERATIONS);
            assert!(response.len() <= MAX_RESPONSE, "{}", response.len());
        }
    }
}

/// The base of every URL is in each location, and the client writes a part of it.
#[tokio::test]
async fn a_path_of_another_kind_than_api_gateway_s_is_unknown() {
    let service = Service::start().await;
    for (length, status) in [(128, 200), (300, 200), (513, 404), (8000, 404)] {
        let path = format!("/{}/scim/v2/Users", "x".repeat(length - 1));
        let answer = service.raw_call("GET", &path).send().await;
        assert_eq!(answer.status, status, "{length}");
    }
}

/// What is counted is what `lambda_http` makes of a body.
#[tokio::test(flavor = "multi_thread")]
async fn the_counted_length_is_that_of_the_response() {
    let event = stand::request::event("GET", "/scim/v2/Users", "");
    let handle = tokio::runtime::Handle::current();
    let length = |text: &str| {
        let answer = |_| async { Ok(Response::new(Body::Text(text.to_owned()))) };
        let written = tokio::task::block_in_place(|| handle.block_on(written(&event, answer)));
        written.len()
    };
    let envelope = length("");
    let texts = prop::collection::vec(any::<String>(), 0..8);
    TestRunner::default()
        .run(&texts, |texts| {
            let body = json!({ "Resources": texts }).to_string();
            prop_assert_eq!(length(&body), envelope + outgoing(&body));
            Ok(())
        })
        .unwrap();
}
