//! Deactivated and deleted users: what stays, what goes, and for how long.

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::support::directory::{DirectoryTable, number, text};
use crate::support::service::{Answer, Service};

const DEACTIVATE: [(&str, Value); 1] = [("active", Value::Bool(false))];

/// A PATCH that replaces these attributes, one operation each.
async fn replace(service: &Service, path: &str, values: &[(&str, Value)]) -> Answer {
    let operations = values
        .iter()
        .map(|(path, value)| json!({"op": "Replace", "path": path, "value": value}));
    let answer = service.patch(path, operations.collect()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer
}

#[tokio::test]
async fn a_deactivated_user_stays_and_keeps_its_name() {
    let (service, directory) = DirectoryTable::with_service().await;
    let id = service
        .create_user(
            "lena",
            json!({"externalId": "x-1", "emails": [{"value": "l@x"}]}),
        )
        .await;
    let path = format!("/Users/{id}");
    let deactivated = replace(&service, &path, &DEACTIVATE).await;
    assert_eq!(deactivated.body["active"], false);
    assert_eq!(service.get(&path).await.body, deactivated.body);
    for filter in [
        "userName eq \"lena\"",
        "externalId eq \"x-1\"",
        "emails.value eq \"l@x\"",
        "active eq \"False\"",
        &format!("id eq \"{id}\""),
    ] {
        let found = service.find(filter).await;
        assert_eq!(
            found.body["Resources"],
            json!([deactivated.body]),
            "{filter}"
        );
    }
    assert_eq!(service.get("/Users").await.ids(), [id.as_str()]);
    let taken = service.post("/Users", json!({"userName": "Lena"})).await;
    taken.error(409, "uniqueness");

    let census = directory.check("acme").await;
    assert_eq!((census.users.len(), census.tombstones.len()), (1, 0));
    let restored = replace(&service, &path, &[("active", "True".into())]).await;
    assert_eq!(restored.body["active"], true);
    assert_eq!(restored.body["externalId"], "x-1");
}

#[tokio::test]
async fn a_deleted_user_leaves_a_tombstone_and_nothing_else() {
    let (service, directory) = DirectoryTable::with_service().await;
    service.create_user("otto", json!({})).await;
    let others = directory.resources("acme").await;
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let lena = service
        .create_user(
            "lena",
            json!({
                "externalId": "x-1",
                "emails": [{"type": "work", "value": "l@x"}, {"type": "home", "value": "l@home"}],
                enterprise: {"employeeNumber": "7"},
            }),
        )
        .await;
    let path = format!("/Users/{lena}");
    let user = format!("U#{lena}");
    let stored = directory.items("acme").await.remove(&user).unwrap();

    let before = OffsetDateTime::now_utc().unix_timestamp();
    let deleted = service.delete(&path).await;
    assert_eq!((deleted.status, deleted.body), (204, Value::Null));
    let after = OffsetDateTime::now_utc().unix_timestamp();

    for method in ["GET", "PUT", "PATCH", "DELETE"] {
        let call = service
            .call(method, &path)
            .json(json!({"userName": "lena"}));
        call.send().await.error(404, "");
    }
    directory.check("acme").await;
    let mut items = directory.resources("acme").await;
    let tombstone = items.remove(&format!("D#U#{lena}")).unwrap();
    items
        .retain(|sort_key, item| !(sort_key.starts_with(['C', 'F']) && number(item, "count") == 0));
    assert_eq!(items, others, "lookups, guard and count are gone");

    // The tombstone is the user unchanged, and DynamoDB removes it after the retention.
    let same = |name: &&String| !["sk", "recorded_until"].contains(&name.as_str());
    for (name, value) in stored.iter().filter(|(name, _)| same(name)) {
        assert_eq!(tombstone.get(name), Some(value), "{name}");
    }
    let retention = service.app.config.tombstone_retention.whole_seconds();
    let expires = number(&tombstone, "expires_at") - retention;
    assert!(
        (before..=after).contains(&expires),
        "{before} {expires} {after}"
    );
    assert!(text(&tombstone, "deleted").ends_with('Z'));
}

#[tokio::test]
async fn retention_is_configuration() {
    let (mut service, directory) = DirectoryTable::with_service().await;
    service.app.config.tombstone_retention = time::Duration::days(3);
    let id = service.create_user("lena", json!({})).await;
    assert_eq!(service.delete(&format!("/Users/{id}")).await.status, 204);
    let items = directory.items("acme").await;
    let expires = number(&items[&format!("D#U#{id}")], "expires_at");
    let in_days = (expires - OffsetDateTime::now_utc().unix_timestamp()) as f64 / 86_400.0;
    assert!((2.99..3.01).contains(&in_days), "{in_days}");
}

#[tokio::test]
async fn a_deleted_user_s_name_is_free_and_the_next_user_is_another() {
    let (service, directory) = DirectoryTable::with_service().await;
    let body = json!({"userName": "lena", "externalId": "x-1", "title": "Lead"});
    let mut ids = vec![service.post("/Users", body.clone()).await.id()];
    for _ in 0..3 {
        let path = format!("/Users/{}", ids[ids.len() - 1]);
        assert_eq!(service.delete(&path).await.status, 204);
        let created = service
            .post("/Users", json!({"userName": "LENA", "externalId": "x-1"}))
            .await;
        assert_eq!(created.status, 201, "{}", created.body);
        assert_eq!(created.body.get("title"), None, "nothing of the old user");
        assert_eq!(created.header("etag"), "W/\"1\"");
        assert!(!ids.contains(&created.id()));
        ids.push(created.id());
    }
    let census = directory.check("acme").await;
    assert_eq!((census.users.len(), census.tombstones.len()), (1, 3));
}

/// Entra moves a user to its recycle bin: it renames the user to its object id plus the old name,
/// deactivates it, and after 30 days deletes it or renames it back.
#[tokio::test]
async fn a_name_is_kept_for_a_user_in_the_recycle_bin() {
    const BIN: &str = "5d1c9b1e6a0f4a5d9a433f4c0f6f3f11";
    let (service, directory) = DirectoryTable::with_service().await;
    let otto = format!("/Users/{}", service.create_user("otto", json!({})).await);
    for is_restored in [true, false] {
        let lena = service.create_user("Lena@crew.example", json!({})).await;
        let path = format!("/Users/{lena}");
        let recycled = format!("{BIN}lena@CREW.example");
        let values = [
            ("userName", Value::from(recycled.as_str())),
            ("active", "False".into()),
        ];
        let answer = replace(&service, &path, &values).await;
        assert_eq!(answer.body["userName"], recycled);
        directory.check("acme").await;

        // The old name finds nobody, and nobody can take it or the new one.
        let found = service.find("userName eq \"lena@crew.example\"").await;
        assert_eq!(found.ids(), [""; 0]);
        let found = service.find(&format!("userName eq \"{recycled}\"")).await;
        assert_eq!(found.ids(), [lena.as_str()]);
        for name in ["LENA@crew.example", &recycled.to_uppercase()] {
            let body = json!({"userName": name});
            service
                .post("/Users", body.clone())
                .await
                .error(409, "uniqueness");
            service.put(&otto, body).await.error(409, "uniqueness");
            let rename = json!([{"op": "replace", "path": "userName", "value": name}]);
            service.patch(&otto, rename).await.error(409, "uniqueness");
        }
        // Other changes meanwhile do not end the reservation.
        replace(&service, &path, &[("title", "Lead".into())]).await;
        let body = json!({"userName": "lena@crew.example"});
        service.post("/Users", body).await.error(409, "uniqueness");

        if is_restored {
            let values = [
                ("userName", Value::from("Lena@crew.example")),
                ("active", "True".into()),
            ];
            let restored = replace(&service, &path, &values).await;
            assert_eq!(restored.body["userName"], "Lena@crew.example");
            directory.check("acme").await;
            // The recycled name is free again, and the old one belongs only to its owner.
            let stranger = service.create_user(&recycled, json!({})).await;
            assert_eq!(
                service.delete(&format!("/Users/{stranger}")).await.status,
                204
            );
            replace(&service, &path, &[("userName", "lena.vega".into())]).await;
            let next = service.create_user("lena@crew.example", json!({})).await;
            assert_eq!(service.delete(&format!("/Users/{next}")).await.status, 204);
        }
        assert_eq!(service.delete(&path).await.status, 204);
        let census = directory.check("acme").await;
        assert_eq!(census.users.len(), 1, "otto alone");
    }
    // Deleted from the recycle bin, the user gives up the name.
    service.create_user("lena@crew.example", json!({})).await;
}
