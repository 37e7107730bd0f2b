//! Bulk requests (RFC 7644 §3.7).

use serde_json::{Value, json};

use crate::support::service::{Answer, BASE, Service};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

async fn bulk(service: &Service, body: Value) -> Answer {
    let answer = service.post("/Bulk", body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(
        answer.body["schemas"],
        json!(["urn:ietf:params:scim:api:messages:2.0:BulkResponse"])
    );
    answer
}

fn statuses(answer: &Answer) -> Vec<&str> {
    let operations = answer.body["Operations"].as_array().unwrap();
    operations
        .iter()
        .map(|operation| operation["status"].as_str().unwrap())
        .collect()
}

fn create(bulk_id: &str, attributes: Value) -> Value {
    let mut data = attributes;
    data["userName"] = bulk_id.into();
    json!({"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": data})
}

#[tokio::test]
async fn every_method_in_one_request() {
    let service = Service::start().await;
    let old = service.create_user("old", json!({})).await;
    let gone = service.create_user("gone", json!({})).await;
    let answer = bulk(
        &service,
        json!({"Operations": [
            create("new", json!({})),
            {"method": "PUT", "path": format!("/Users/{old}"), "data": {"userName": "old", "title": "x"}},
            {"method": "PATCH", "path": format!("/Users/{old}"), "data": {"Operations": [{"op": "add", "path": "nickName", "value": "n"}]}},
            {"method": "DELETE", "path": format!("/Users/{gone}")}
        ]}),
    )
    .await;
    assert_eq!(
        statuses(&answer),
        ["201", "200", "200", "204"],
        "{}",
        answer.body
    );
    let operations = &answer.body["Operations"];
    let location = operations[0]["location"].as_str().unwrap();
    assert_eq!(operations[0]["bulkId"], "new");
    assert_eq!(operations[0]["version"], "W/\"1\"");
    assert_eq!(operations[1]["location"], format!("{BASE}/Users/{old}"));
    let created = service.get(location.strip_prefix(BASE).unwrap()).await;
    assert_eq!(created.body["userName"], "new");
    // Operations on one resource keep their order: the PATCH came after the PUT.
    let changed = service.get(&format!("/Users/{old}")).await;
    assert_eq!(
        (&changed.body["title"], &changed.body["nickName"]),
        (&json!("x"), &json!("n"))
    );
    assert_eq!(operations[2]["version"], changed.header("etag"));
    service.get(&format!("/Users/{gone}")).await.error(404, "");
}

#[tokio::test]
async fn references_are_resolved_forward_and_backward() {
    let service = Service::start().await;
    let answer = bulk(
        &service,
        json!({"Operations": [
            create("worker", json!({ENTERPRISE: {"manager": {"value": "bulkId:boss"}}})),
            create("boss", json!({})),
            {"method": "PATCH", "path": "/Users/bulkId:worker", "data": {"Operations": [{"op": "add", "path": "title", "value": "t"}]}}
        ]}),
    )
    .await;
    assert_eq!(statuses(&answer), ["201", "201", "200"], "{}", answer.body);
    let id = |index: usize| {
        answer.body["Operations"][index]["location"]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap()
            .to_owned()
    };
    let worker = service.get(&format!("/Users/{}", id(0))).await;
    assert_eq!(worker.body[ENTERPRISE]["manager"]["value"], id(1));
    assert_eq!(worker.body["title"], "t");
}

#[tokio::test]
async fn an_operation_fails_alone_and_says_why() {
    let service = Service::start().await;
    service.create_user("taken", json!({})).await;
    let answer = bulk(
        &service,
        json!({"Operations": [
            create("taken", json!({})),
            create("a", json!({ENTERPRISE: {"manager": {"value": "bulkId:b"}}})),
            create("b", json!({ENTERPRISE: {"manager": {"value": "bulkId:a"}}})),
            create("c", json!({ENTERPRISE: {"manager": {"value": "bulkId:taken"}}})),
            {"method": "DELETE", "path": "/Users/2819c223-7f76-453a-919d-413861904646"},
            {"method": "GET", "path": "/Users"},
            create("fine", json!({}))
        ]}),
    )
    .await;
    assert_eq!(
        statuses(&answer),
        ["409", "409", "409", "400", "404", "400", "201"],
        "{}",
        answer.body
    );
    let failed = &answer.body["Operations"][0]["response"];
    assert_eq!(
        (&failed["scimType"], &failed["status"]),
        (&json!("uniqueness"), &json!("409"))
    );
    assert_eq!(service.get("/Users").await.body["totalResults"], 2);
}

#[tokio::test]
async fn after_the_allowed_failures_nothing_more_is_done() {
    let service = Service::start().await;
    let failing = json!({"method": "DELETE", "path": "/Users/none"});
    let answer = bulk(
        &service,
        json!({"failOnErrors": 2, "Operations": [failing, create("one", json!({})), failing, create("two", json!({}))]}),
    )
    .await;
    assert_eq!(statuses(&answer), ["404", "201", "404"]);
    assert_eq!(service.get("/Users").await.body["totalResults"], 1);
}

#[tokio::test]
async fn a_stale_version_is_refused() {
    let service = Service::start().await;
    let id = service.create_user("lena", json!({})).await;
    let rename = |version: &str| {
        json!({"Operations": [{"method": "PATCH", "path": format!("/Users/{id}"), "version": version,
        "data": {"Operations": [{"op": "add", "path": "title", "value": version}]}}]})
    };
    assert_eq!(statuses(&bulk(&service, rename("W/\"7\"")).await), ["412"]);
    assert_eq!(statuses(&bulk(&service, rename("W/\"1\"")).await), ["200"]);
}

#[tokio::test]
async fn limits_are_those_that_are_published() {
    let service = Service::start().await;
    let published = service.get("/ServiceProviderConfig").await;
    let limits = &published.body["bulk"];
    assert_eq!(limits["supported"], true);
    let operations = limits["maxOperations"].as_u64().unwrap() as usize;
    let many = vec![json!({"method": "DELETE", "path": "/Users/x"}); operations + 1];
    service
        .post("/Bulk", json!({"Operations": many}))
        .await
        .error(413, "tooMany");
    let size = limits["maxPayloadSize"].as_u64().unwrap() as usize;
    service
        .post("/Bulk", json!({"Operations": [], "x": "x".repeat(size)}))
        .await
        .error(413, "");
    service
        .post("/Bulk", json!({}))
        .await
        .error(400, "invalidSyntax");
}

#[tokio::test]
async fn a_hundred_creations_leave_a_hundred_users() {
    let service = Service::start().await;
    let operations: Vec<_> = (0..100)
        .map(|user| create(&format!("user{user}"), json!({})))
        .collect();
    let answer = bulk(&service, json!({"Operations": operations})).await;
    assert!(statuses(&answer).iter().all(|status| *status == "201"));
    let bulk_ids: Vec<_> = answer.body["Operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|operation| operation["bulkId"].clone())
        .collect();
    let expected: Vec<_> = (0..100).map(|user| json!(format!("user{user}"))).collect();
    assert_eq!(bulk_ids, expected);
    assert_eq!(service.get("/Users").await.body["totalResults"], 100);
}

#[tokio::test]
async fn of_several_creations_of_one_name_the_first_wins() {
    let service = Service::start().await;
    for round in 0..5 {
        let name = |user: usize| {
            if user.is_multiple_of(2) {
                "lena"
            } else {
                "LENA"
            }
        };
        let operations: Vec<_> = (0..8)
            .map(|user| {
                let data = json!({"userName": format!("{}{round}", name(user)), "title": user.to_string()});
                json!({"method": "POST", "path": "/Users", "bulkId": user.to_string(), "data": data})
            })
            .collect();
        let answer = bulk(&service, json!({"Operations": operations})).await;
        let mut expected = vec!["409"; 8];
        expected[0] = "201";
        assert_eq!(statuses(&answer), expected);
    }
}
