//! When a tenant loses many users at once, the rest is kept until someone has looked.

use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::support::admin::Admin;
use crate::support::directory::{DirectoryTable, number, text};
use crate::support::service::{Answer, Service};

/// The number of users that may lose access in a tenant of this size.
const LIMIT: usize = 50;

/// Creates this number of users, a few at a time.
async fn users(service: &Service, count: usize) -> Vec<String> {
    let create = |user| async move {
        let id = service.create_user(&format!("user{user}"), json!({})).await;
        format!("/Users/{id}")
    };
    let users = stream::iter(0..count).map(create).buffered(16);
    users.collect().await
}

async fn set_active(service: &Service, path: &str, active: bool) -> Answer {
    let operation = json!([{"op": "replace", "path": "active", "value": active}]);
    service.patch(path, operation).await
}

fn refused(answer: &Answer) {
    let detail = answer.error(409, "");
    assert!(detail.starts_with("50 users have been"), "{detail}");
    assert!(detail.contains("scim-admin breaker lift"), "{detail}");
}

#[tokio::test]
async fn it_opens_for_every_way_to_take_access_and_for_nothing_else() {
    let (service, directory) = DirectoryTable::with_service().await;
    let users = users(&service, LIMIT + 4).await;
    for (index, path) in users[..LIMIT].iter().enumerate() {
        let status = match index % 3 {
            0 => set_active(&service, path, false).await.status,
            1 => service.delete(path).await.status + 200 - 204,
            _ => {
                let put = json!({"userName": format!("gone{index}"), "active": false});
                service.put(path, put).await.status
            }
        };
        assert_eq!(status, 200, "{index}");
    }
    let left = &users[LIMIT..];
    let before = directory.resources("acme").await;
    refused(&set_active(&service, &left[0], false).await);
    refused(&service.delete(&left[1]).await);
    refused(
        &service
            .put(&left[2], json!({"userName": "x", "active": false}))
            .await,
    );
    let removal = json!([{"op": "remove", "path": "active"}]);
    refused(&service.patch(&left[3], removal).await);
    let bulk = json!({"Operations": [{"method": "DELETE", "path": left[0]}]});
    let answer = service.post("/Bulk", bulk).await;
    assert_eq!(answer.body["Operations"][0]["status"], "409");
    assert_eq!(directory.resources("acme").await, before);

    // Still possible: creations, other updates, activations, and deletions of users without access.
    let new = service.create_user("new", json!({"active": false})).await;
    let title = json!([{"op": "replace", "path": "title", "value": "Lead"}]);
    assert_eq!(service.patch(&left[0], title).await.status, 200);
    assert_eq!(set_active(&service, &users[0], true).await.status, 200);
    assert_eq!(set_active(&service, &users[3], false).await.status, 200);
    assert_eq!(service.delete(&format!("/Users/{new}")).await.status, 204);
    directory.check("acme").await;
    // Another tenant has its own breaker.
    let key = service.add_tenant("other").await;
    let call = service.call("POST", "/Users").key(&key);
    let path = format!(
        "/Users/{}",
        call.json(json!({"userName": "o"})).send().await.id()
    );
    let deleted = service.call("DELETE", &path).key(&key).send().await;
    assert_eq!(deleted.status, 204);
}

/// However many requests run concurrently, no more succeed than allowed.
#[tokio::test]
async fn no_more_than_the_limit_get_through_at_a_time() {
    let (service, directory) = DirectoryTable::with_service().await;
    let users = users(&service, LIMIT + 30).await;
    let service = &service;
    let answers = join_all(users.iter().enumerate().map(|(index, path)| async move {
        match index % 2 {
            0 => set_active(service, path, false).await.status,
            _ => service.delete(path).await.status,
        }
    }))
    .await;
    let done = answers.iter().filter(|status| [200, 204].contains(*status));
    assert_eq!(done.count(), LIMIT, "{answers:?}");
    let is_expected = |status: &u16| [200, 204, 409].contains(status);
    assert!(answers.iter().all(is_expected), "{answers:?}");
    directory.check("acme").await;
}

/// A request that ends up removing no access gives its place back.
#[tokio::test]
async fn what_fails_takes_no_place() {
    let (service, directory) = DirectoryTable::with_service().await;
    let users = users(&service, 3).await;
    for _ in 0..LIMIT {
        let call = service
            .call("DELETE", &users[0])
            .header("if-match", "W/\"9\"");
        call.send().await.error(412, "");
        let operations = json!([
            {"op": "replace", "path": "active", "value": false},
            {"op": "replace", "path": "userName", "value": "user1"},
        ]);
        let answer = service.patch(&users[0], operations).await;
        answer.error(409, "uniqueness");
    }
    let breaker = directory.items("acme").await.remove("B#U").unwrap();
    assert_eq!(number(&breaker, "used"), 0);
    assert_eq!(service.delete(&users[0]).await.status, 204);
}

#[tokio::test]
async fn a_share_of_a_large_tenant_may_go() {
    let (mut service, _) = DirectoryTable::with_service().await;
    service.app.config.breaker.share_percent = 75;
    let users = users(&service, 80).await;
    let service = &service;
    let answers = join_all(users.iter().map(|path| service.delete(path))).await;
    let done = answers.iter().filter(|answer| answer.status == 204);
    assert_eq!(done.count(), 60);
}

/// The window moves on: users who lost access a day ago no longer count, later ones do.
#[tokio::test]
async fn it_closes_when_its_window_has_moved_on() {
    let (service, directory) = DirectoryTable::with_service().await;
    let users = users(&service, LIMIT + 5).await;
    let (left, others) = users.split_at(5);
    for answer in join_all(others.iter().map(|path| service.delete(path))).await {
        assert_eq!(answer.status, 204, "{}", answer.body);
    }
    refused(&service.delete(&left[0]).await);
    // 47 of them a day ago, one in the last step that still counts.
    let breaker = directory.items("acme").await.remove("B#U").unwrap();
    let step = number(&breaker, "step");
    for (name, count) in [("step", step - 24), ("current", 1), ("used", 48)] {
        directory.plant_count("acme", "B#U", name, count).await;
    }
    let past = format!("{}:47", step - 25);
    directory.plant_text("acme", "B#U", "past", &past).await;
    for path in left {
        assert_eq!(service.delete(path).await.status, 204);
    }
    let breaker = directory.items("acme").await.remove("B#U").unwrap();
    assert_eq!(
        (number(&breaker, "used"), number(&breaker, "current")),
        (6, 5)
    );
    assert_eq!(text(&breaker, "past"), format!("{}:1", step - 24));
}

/// A tenant that has grown since the first deletion may lose a share of its current size.
#[tokio::test]
async fn a_growing_tenant_is_not_refused_too_early() {
    let (service, _) = DirectoryTable::with_service().await;
    let first = service.create_user("first", json!({})).await;
    assert_eq!(service.delete(&format!("/Users/{first}")).await.status, 204);
    let imported = users(&service, 400).await;
    let mut deleted = 0;
    for path in &imported {
        let answer = service.delete(path).await;
        if answer.status != 204 {
            assert!(answer.error(409, "").contains("% of the active users"));
            break;
        }
        deleted += 1;
    }
    // At least a fifth of those remaining at the time; at most a fifth of all.
    assert!((66..=80).contains(&deleted), "{deleted}");
}

#[tokio::test]
async fn an_operator_lifts_it_and_puts_it_back() {
    let (service, _, admin) = Admin::with_service().await;
    let users = users(&service, 3 * LIMIT + 1).await;
    let delete = |range: std::ops::Range<usize>| {
        join_all(users[range].iter().map(|path| service.delete(path)))
    };
    for answer in delete(0..LIMIT).await {
        assert_eq!(answer.status, 204, "{}", answer.body);
    }
    refused(&service.delete(&users[LIMIT]).await);
    let (code, status) = admin.json("tenant status acme").await;
    assert_eq!((code, &status["breaker"]["open"]), (1, &Value::Bool(true)));

    let (_, status) = admin.json("breaker lift acme --for 1h").await;
    assert_eq!(status["breaker"]["open"], false);
    assert!(status["breaker"]["liftedUntil"].is_string());
    for answer in delete(LIMIT..2 * LIMIT).await {
        assert_eq!(answer.status, 204, "{}", answer.body);
    }
    // In force again: a new window, with all of its places.
    let (code, _) = admin.run("breaker lift acme --for 0s").await;
    assert_eq!(code, 0);
    for answer in delete(2 * LIMIT..3 * LIMIT).await {
        assert_eq!(answer.status, 204, "{}", answer.body);
    }
    refused(&service.delete(&users[3 * LIMIT]).await);
}

/// The operator is told by a log line at a level that alarms can watch.
#[tokio::test]
async fn a_refusal_is_a_warning_in_the_log() {
    let service = Service::start().await;
    let users = users(&service, LIMIT + 1).await;
    let (last, others) = users.split_last().unwrap();
    join_all(others.iter().map(|path| service.delete(path))).await;
    let (answer, lines) = crate::support::capture::logged(service.delete(last)).await;
    refused(&answer);
    assert_eq!(lines[0]["level"], "WARN");
    assert_eq!(lines[0]["reason"], "tooManyDeactivations");
    let bulk = json!({"Operations": [{"method": "DELETE", "path": last}]});
    let (_, lines) = crate::support::capture::logged(service.post("/Bulk", bulk)).await;
    assert_eq!(lines[0]["level"], "WARN");
    assert_eq!(lines[0]["reason"], "tooManyDeactivations");
}
