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

fn locations(answer: &Answer) -> Vec<&Value> {
    let operations = answer.body["Operations"].as_array().unwrap();
    operations
        .iter()
        .map(|operation| &operation["location"])
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
    let taken = json!({"externalId": "another"});
    let taken = service.create_user("taken", taken).await;
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
    // Who has the name is told; but it is somebody else, whom no reference means.
    let location = format!("{BASE}/Users/{taken}");
    assert_eq!(answer.body["Operations"][0]["location"], location);
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

/// An operation fails or succeeds before the one after it counts the failures, also if they run at
/// the same time: those after it do not count.
#[tokio::test]
async fn failures_are_counted_in_the_order_of_the_request() {
    let service = Service::start().await;
    for most in 1..8 {
        let operations = (0..20).map(|number| {
            // Found at once, while the creations before are still under way.
            let failing = json!({"method": "GET", "path": "/Users"});
            let name = format!("user{most}.{number}");
            if number % 3 == 2 {
                failing
            } else {
                create(&name, json!({}))
            }
        });
        let operations: Vec<_> = operations.collect();
        let body = json!({"failOnErrors": most, "Operations": operations});
        let answer = bulk(&service, body).await;
        let expected = ["201", "201", "400"].into_iter().cycle();
        // Nothing runs after the failure that is one too many.
        let expected: Vec<_> = expected.take((3 * most).min(20)).collect();
        assert_eq!(statuses(&answer), expected, "{most}");
    }
}

/// Nobody knows whether it was carried out, so the client sends it again.
#[tokio::test]
async fn a_request_whose_answer_was_lost_is_sent_again() {
    let service = Service::start().await;
    let title =
        |title: &str| json!({"Operations": [{"op": "add", "path": "title", "value": title}]});
    let request = json!({"Operations": [
        create("worker", json!({"externalId": "w", ENTERPRISE: {"manager": {"value": "bulkId:boss"}}})),
        create("boss", json!({})),
        {"method": "PATCH", "path": "/Users/bulkId:worker", "data": title("Digger")},
        {"method": "PUT", "path": "/Users/bulkId:boss", "data": {"userName": "Boss", "title": "Lead"}},
        create("assistant", json!({ENTERPRISE: {"manager": {"value": "bulkId:boss"}}})),
    ]});
    let first = bulk(&service, request.clone()).await;
    assert_eq!(
        statuses(&first),
        ["201", "201", "200", "200", "201"],
        "{}",
        first.body
    );
    let listed = service.get("/Users").await;
    let again = bulk(&service, request).await;
    assert_eq!(
        statuses(&again),
        ["409", "409", "200", "200", "409"],
        "{}",
        again.body
    );
    assert!(
        locations(&first)
            .iter()
            .all(|location| location.is_string())
    );
    assert_eq!(locations(&first), locations(&again));
    // Nothing has changed.
    assert_eq!(service.get("/Users").await.body, listed.body);
}

/// What came of the request so far is completed, however much that was.
#[tokio::test]
async fn a_request_that_was_carried_out_in_part_is_completed() {
    let service = Service::start().await;
    let manager = json!({"manager": {"value": "bulkId:boss"}});
    let boss = service.create_user("boss", json!({})).await;
    // Deactivated: it would be brought back if it had the externalId of a user who was.
    service
        .create_user("worker", json!({"externalId": "w", "active": false}))
        .await;
    let answer = bulk(
        &service,
        json!({"Operations": [
            create("boss", json!({})),
            create("worker", json!({"externalId": "w", ENTERPRISE: manager})),
            create("new", json!({ENTERPRISE: manager})),
        ]}),
    )
    .await;
    assert_eq!(statuses(&answer), ["409", "201", "201"], "{}", answer.body);
    for result in [1, 2] {
        let location = answer.body["Operations"][result]["location"].as_str();
        let user = service.get(location.unwrap().strip_prefix(BASE).unwrap());
        assert_eq!(user.await.body[ENTERPRISE]["manager"]["value"], boss);
    }
}

/// A user in Entra's recycle bin keeps the name, and is no longer called so.
#[tokio::test]
async fn whoever_only_has_the_name_reserved_is_not_meant() {
    let service = Service::start().await;
    let id = service.create_user("lena", json!({})).await;
    let recycled =
        json!([{"op": "replace", "path": "userName", "value": format!("{}lena", "0".repeat(32))}]);
    let path = format!("/Users/{id}");
    assert_eq!(service.patch(&path, recycled).await.status, 200);
    let answer = bulk(
        &service,
        json!({"Operations": [
            create("lena", json!({})),
            {"method": "DELETE", "path": "/Users/bulkId:lena"},
        ]}),
    )
    .await;
    assert_eq!(statuses(&answer), ["409", "400"], "{}", answer.body);
    assert_eq!(
        answer.body["Operations"][0]["location"],
        format!("{BASE}{path}")
    );
}

#[tokio::test]
async fn what_clients_write_otherwise_is_understood() {
    let service = Service::start().await;
    let id = service.create_user("lena", json!({})).await;
    let path = format!("/Users/{id}");
    let answer = bulk(
        &service,
        json!({"failOnErrors": null, "Operations": [
            {"method": "POST", "path": "/Users", "bulkId": 7, "version": null, "data": {"userName": "otto"}},
            // The operations alone, as the figure of RFC 7644 §3.7 is read by some.
            {"method": "PATCH", "path": path, "bulkId": null, "data": [{"op": "add", "path": "title", "value": "Lead"}]},
            {"method": "PATCH", "path": "/Users/bulkId:7", "data": [{"op": "add", "path": "title", "value": "Digger"}]},
            {"method": "POST", "path": "/Users", "bulkId": "7", "data": {"userName": "kim"}},
            {"method": "POST", "path": "/Users", "bulkId": true, "data": {"userName": "max"}},
            // Not without the condition.
            {"method": "DELETE", "path": path, "version": 9},
        ]}),
    )
    .await;
    assert_eq!(
        statuses(&answer),
        ["201", "200", "200", "400", "400", "400"],
        "{}",
        answer.body
    );
    let operations = &answer.body["Operations"];
    assert_eq!(operations[0]["bulkId"], 7);
    assert_eq!(operations[1].get("bulkId"), None);
    assert_eq!(operations[3]["bulkId"], "7");
    for (result, text) in [(4, "`bulkId` must be a string"), (5, "`version` must be")] {
        let detail = operations[result]["response"]["detail"].as_str().unwrap();
        assert!(detail.contains(text), "{detail}");
    }
    assert_eq!(service.get(&path).await.body["title"], "Lead");
    assert_eq!(service.get("/Users").await.body["totalResults"], 2);
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
