//! The life of a user: created, read, changed, deactivated, deleted.

use serde_json::json;

use crate::support::service::{BASE, Service};

#[tokio::test]
async fn a_user_is_created_read_changed_and_deleted() {
    let service = Service::start().await;
    let created = service
        .post("/Users", json!({"userName": "Lena@crew.example", "externalId": "x-1", "title": "Lead", "active": "True"}))
        .await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(created.header("content-type"), "application/scim+json");
    let id = created.id();
    let location = format!("{BASE}/Users/{id}");
    assert_eq!(created.header("location"), location);
    assert_eq!(created.header("etag"), "W/\"1\"");
    assert_eq!(created.body["meta"]["location"], location);
    assert_eq!(created.body["userName"], "Lena@crew.example");
    assert_eq!(created.body["active"], true);

    let found = service.get(&format!("/Users/{id}")).await;
    assert_eq!((found.status, &found.body), (200, &created.body));

    let patched = service
        .patch(
            &format!("/Users/{id}"),
            json!([{"op": "Replace", "path": "active", "value": "False"}]),
        )
        .await;
    assert_eq!(patched.status, 200, "{}", patched.body);
    assert_eq!(patched.body["active"], false);
    assert_eq!(patched.header("etag"), "W/\"2\"");

    let list = service
        .get("/Users?filter=userName+eq+%22lena%40CREW.example%22")
        .await;
    assert_eq!(list.body["totalResults"], 1, "{}", list.body);
    assert_eq!(list.body["Resources"][0], patched.body);

    service
        .post("/Users", json!({"userName": "lena@crew.example"}))
        .await
        .error(409, "uniqueness");

    let deleted = service.delete(&format!("/Users/{id}")).await;
    assert_eq!((deleted.status, deleted.body), (204, json!(null)));
    service.get(&format!("/Users/{id}")).await.error(404, "");
    service.delete(&format!("/Users/{id}")).await.error(404, "");
    assert_eq!(service.get("/Users").await.body["totalResults"], 0);
    service.create_user("lena@crew.example", json!({})).await;
}
