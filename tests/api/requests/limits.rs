//! How large a request may be, and how odd.

use scim::filter::Filter;
use scim::schema::USERS;
use scim::work::{Budget, MAX_WORK};
use serde_json::{Value, json};
use stand::wire::{Fate, Wire};

use crate::requests::errors::refused;
use crate::support::clock::passing_when_idle;
use crate::support::directory::DirectoryTable;
use crate::support::engine;
use crate::support::service::{Service, query};

#[tokio::test]
async fn filters_are_bounded() {
    let service = Service::start().await;
    let of_length = |length: usize| {
        let frame = "title eq \"\"".len();
        format!("title eq \"{}\"", "x".repeat(length - frame))
    };
    let of_depth = |depth: usize| format!("{}title pr{}", "(".repeat(depth), ")".repeat(depth));
    let not_of_depth =
        |depth: usize| format!("{}title pr{}", "not (".repeat(depth), ")".repeat(depth));
    for filter in [of_length(8192), of_depth(64), not_of_depth(64)] {
        assert_eq!(service.find(&filter).await.status, 200);
    }
    for filter in [
        of_length(8193),
        of_depth(65),
        not_of_depth(65),
        "(".repeat(8000),
        "not (".repeat(1600),
        "emails[".repeat(1100),
        of_length(60_000),
    ] {
        refused(&service.find(&filter).await, 400, "invalidFilter");
    }
    let path = format!("/Users/{}", service.create_user("lena", json!({})).await);
    for filter in [of_length(8193), of_depth(65)] {
        let operation =
            json!([{"op": "replace", "path": format!("emails[{filter}].value"), "value": "x"}]);
        refused(&service.patch(&path, operation).await, 400, "invalidPath");
    }
}

#[tokio::test]
async fn bodies_are_bounded_and_are_json() {
    const LIMIT: usize = 1024 * 1024;
    let service = Service::start().await;
    let id = service.create_user("lena", json!({})).await;
    let user = format!("/Users/{id}");
    let padded = |body: &str, length: usize| format!("{}{body}", " ".repeat(length - body.len()));
    let body = r#"{"userName":"otto","Operations":[{"op":"add","path":"title","value":"x"}]}"#;
    for (method, path, success) in [
        ("POST", "/Users", 201),
        ("PUT", &user, 409),
        ("PATCH", &user, 200),
    ] {
        let call = service.call(method, path).json(json!({}));
        let answer = call.body(&padded(body, LIMIT)).send().await;
        assert_eq!(answer.status, success, "{}", answer.body);
        for length in [LIMIT + 1, 4 * LIMIT] {
            let call = service.call(method, path).json(json!({}));
            refused(&call.body(&padded(body, length)).send().await, 413, "");
        }
        for content_type in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/xml; charset=utf-8",
            "json",
        ] {
            let call = service.call(method, path).json(json!({}));
            let call = call.header("content-type", content_type);
            refused(&call.body(body).send().await, 415, "");
        }
    }
    for (name, content_type) in [
        "application/json",
        "application/scim+json",
        "Application/JSON; charset=UTF-8",
        "application/scim+json;charset=utf-8",
    ]
    .iter()
    .enumerate()
    {
        let call = service
            .call("POST", "/Users")
            .body(&format!("{{\"userName\":\"user{name}\"}}"));
        let answer = call.header("content-type", content_type).send().await;
        assert_eq!(answer.status, 201, "{content_type}");
    }
    let call = service
        .call("POST", "/Users")
        .bytes(b"{\"userName\":\"by bytes\"}");
    assert_eq!(call.send().await.status, 201);
}

/// Anything a client writes into the query, raw or encoded, is answered.
#[tokio::test]
async fn odd_query_strings_are_answered() {
    let service = Service::start().await;
    let id = service.create_user("lena", json!({})).await;
    for text in [
        "filter=userName eq \"lena\"",
        "filter=userName+eq+\"lena\"",
        "filter=userName%20eq%20%22lena%22&aadOptscim062020",
        "aadOptscim062020&filter=userName+eq+lena",
        "?aadOptscim062020=&filter=userName+eq+lena",
        "&&=&filter=userName+eq+lena&",
        "filter=userName+eq+lena&x=<>^`{}|\\é\u{7f}",
        "FILTER=userName+eq+lena",
    ] {
        let answer = service.get(&format!("/Users?{text}")).await;
        assert_eq!(answer.ids(), [id.as_str()], "{text}");
    }
    let parameters = query(&[("filter", "shoeSize eq 1")]);
    refused(
        &service.get(&format!("/Groups?{parameters}")).await,
        400,
        "invalidFilter",
    );
}

/// A user with the maximum number of searchable values: replacing all of them, giving and removing
/// access, and deleting the user each take one transaction of at most 100 actions.
#[tokio::test]
async fn the_largest_change_is_one_transaction() {
    /// DynamoDB's limit for a transaction.
    const MAX_ACTIONS: usize = 100;
    let prefix = uuid::Uuid::new_v4().simple().to_string();
    let store = engine::empty_store(&prefix).await;
    store.create_tables().await.unwrap();
    let wire = Wire::start(engine::endpoint(), |_, _| Fate::Passed).await;
    let store = engine::store_through(&wire.endpoint, &prefix).await;
    let service = Service::over(store).await;
    // The userName has a guard and a lookup; externalId and employeeNumber have lookups.
    let user = |set: &str, emails: usize, active: bool| {
        let email = |number: usize| json!({"value": format!("{set}{number}@crew.example")});
        json!({
            "userName": set, "externalId": format!("x-{set}"), "active": active,
            "emails": (0..emails).map(email).collect::<Vec<_>>(),
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
                {"employeeNumber": format!("n-{set}")},
        })
    };
    let created = service.post("/Users", user("a", 41, true)).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let path = format!("/Users/{}", created.id());
    assert_eq!(service.put(&path, user("b", 41, false)).await.status, 200);
    assert_eq!(service.put(&path, user("c", 41, true)).await.status, 200);
    refused(
        &service.put(&path, user("d", 42, true)).await,
        400,
        "invalidValue",
    );
    assert_eq!(service.delete(&path).await.status, 204);
    let largest = wire.actions().into_iter().max().unwrap();
    // The user, 45 keys removed and 45 added, a counter, a place in the breaker, the record.
    assert_eq!(largest, 94);
    assert!(largest <= MAX_ACTIONS);
}

/// A user with many roles, operations that compare each of them with many values, and a filter that
/// does.
fn dear(operations: usize) -> (Value, Value, String) {
    let numbers = |count: usize| (0..count).map(|number| number.to_string());
    let roles: Vec<_> = numbers(400)
        .map(|number| json!({"value": format!("role-{number}")}))
        .collect();
    let conditions = |count, name: &str| {
        let conditions = numbers(count).map(|number| format!("{name} eq {number}"));
        conditions.collect::<Vec<_>>().join(" or ")
    };
    let operation = |number| {
        let path = format!("roles[not ({})].display", conditions(60, "value"));
        json!({"op": "replace", "path": path, "value": format!("x{number}")})
    };
    let operations = (0..operations).map(operation).collect();
    (
        json!({"roles": roles}),
        operations,
        conditions(480, "roles"),
    )
}

#[tokio::test]
async fn what_a_request_computes_is_bounded() {
    let (mut service, _, prefix) = DirectoryTable::with_prefix().await;
    // What is asked of the engine is under way, and lets no time pass.
    let wire = Wire::planned(engine::endpoint(), |_| Fate::Passed, None).await;
    service.app.store = engine::store_through(&wire.endpoint, &prefix).await;
    let (attributes, operations, filter) = dear(300);
    let path = format!(
        "/Users/{}",
        service.create_user("lena", attributes.clone()).await
    );
    let before = service.get(&path).await.body;
    let answer = service.patch(&path, operations).await;
    refused(&answer, 400, "tooMany");
    assert!(
        answer.body["detail"]
            .as_str()
            .unwrap()
            .contains("split it into requests")
    );
    assert_eq!(service.get(&path).await.body, before);
    // The operations of a bulk request share what one request may compute.
    let (_, third, _) = dear(70);
    assert_eq!(service.patch(&path, third.clone()).await.status, 200);
    let patch = json!({"method": "PATCH", "path": path, "data": {"Operations": third}});
    let title = json!({"method": "POST", "path": "/Users", "data": {"userName": "otto"}});
    let body = json!({"Operations": [patch, patch, patch, title]});
    // The deadline is not what ends them here.
    let answer = passing_when_idle(Box::pin(service.post("/Bulk", body))).await;
    let statuses: Vec<_> = answer.body["Operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|operation| operation["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["200", "200", "400", "201"], "{}", answer.body);
    let detail = &answer.body["Operations"][2]["response"];
    assert_eq!(detail["scimType"], "tooMany");
    // So do the resources that a list is filtered from.
    let budget = Budget::default();
    let lena = service.get(&path).await.body;
    let bound = Filter::compile(&filter, &USERS).unwrap();
    let matches = bound.matches_within(lena.as_object().unwrap(), &budget);
    assert_eq!(matches, Ok(false));
    let affordable = MAX_WORK / budget.spent();
    assert!((5..40).contains(&affordable), "{affordable}");
    let any = format!("userName pr or {filter}");
    let all = format!("userName ne \"x\" and not ({filter})");
    for number in 1..affordable {
        let name = format!("user-{number}");
        service.create_user(&name, attributes.clone()).await;
    }
    let found = passing_when_idle(Box::pin(service.find(&all))).await;
    // Otto, who has no roles, costs next to nothing.
    assert_eq!(found.body["totalResults"], affordable + 1);
    let found = service.find(&any).await;
    assert_eq!(found.body["totalResults"], affordable + 1);
    // A sorted list holds the resources of its page against the filter again. If that is too much,
    // the list is refused and not shorter.
    let sorted = query(&[("sortBy", "userName"), ("filter", &all)]);
    let sorted = format!("/Users?{sorted}");
    let answer = passing_when_idle(Box::pin(service.get(&sorted))).await;
    refused(&answer, 400, "tooMany");
    service.create_user("one-more", attributes.clone()).await;
    let answer = passing_when_idle(Box::pin(service.find(&filter))).await;
    refused(&answer, 400, "tooMany");
    assert_eq!(
        service.find("roles eq role-7").await.body["totalResults"],
        affordable + 1
    );
    // A list of names is looked through for each attribute that is shown.
    let names = json!({"attributes": "id,".repeat(6000)});
    refused(
        &service.post("/Users/.search", names).await,
        400,
        "invalidValue",
    );
}
