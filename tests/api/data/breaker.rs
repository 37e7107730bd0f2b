//! When a tenant loses many users at once, the rest is kept until someone has looked.

use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::support::admin::Admin;
use crate::support::clock::{date, set_date};
use crate::support::directory::{DirectoryTable, Items, number};
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
    assert_eq!(places(&directory.items("acme").await), 0);
    assert_eq!(service.delete(&users[0]).await.status, 204);
    assert_eq!(places(&directory.items("acme").await), 1);
}

/// A place belongs to a user: whoever loses access, gets it back and loses it again has one.
#[tokio::test]
async fn a_user_has_one_place_however_often_it_loses_access() {
    let (service, directory, admin) = Admin::with_service().await;
    let users = users(&service, LIMIT + 2).await;
    for _ in 0..LIMIT {
        assert_eq!(set_active(&service, &users[0], false).await.status, 200);
        assert_eq!(set_active(&service, &users[0], true).await.status, 200);
    }
    assert_eq!(places(&directory.items("acme").await), 1);
    // Also if it is deleted, restored, changed and deleted again.
    let id = users[0].strip_prefix("/Users/").unwrap();
    for _ in 0..2 {
        assert_eq!(service.delete(&users[0]).await.status, 204);
        assert_eq!(admin.run(&format!("user restore acme {id}")).await.0, 0);
        let title = json!([{"op": "replace", "path": "title", "value": "Lead"}]);
        assert_eq!(service.patch(&users[0], title).await.status, 200);
    }
    assert_eq!(places(&directory.items("acme").await), 1);
    for path in &users[1..LIMIT] {
        assert_eq!(set_active(&service, path, false).await.status, 200);
    }
    // All places are taken. Who has one may go.
    refused(&set_active(&service, &users[LIMIT], false).await);
    assert_eq!(service.delete(&users[0]).await.status, 204);
    refused(&service.delete(&users[LIMIT + 1]).await);
    // After the limit was lifted and put back nobody has a place.
    assert_eq!(set_active(&service, &users[1], true).await.status, 200);
    assert_eq!(
        admin
            .run("breaker lift acme --for 0s --reason drill")
            .await
            .0,
        0
    );
    assert_eq!(set_active(&service, &users[1], false).await.status, 200);
    assert_eq!(places(&directory.items("acme").await), 1);
    directory.check("acme").await;
}

/// How many places are taken: in the shares of the window that has begun last.
pub fn places(items: &Items) -> i64 {
    let window = items
        .get("B#U")
        .filter(|breaker| breaker.contains_key("window"))
        .map_or(0, |breaker| number(breaker, "window"));
    let shares = items.iter().filter(|(key, _)| key.starts_with("B#U#"));
    shares
        .filter(|(_, share)| number(share, "window") == window)
        .map(|(_, share)| number(share, "used"))
        .sum()
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
    let (mut service, directory) = DirectoryTable::with_service().await;
    service.app.clock = date;
    let start = time::OffsetDateTime::from_unix_timestamp(1_795_510_800).unwrap();
    set_date(start);
    let users = users(&service, 2 * LIMIT + 2).await;
    let hour = |hours| start + time::Duration::hours(hours);
    let (early, rest) = users.split_at(LIMIT - 5);
    let (late, rest) = rest.split_at(5);
    for (at, paths) in [(0, early), (3, late)] {
        set_date(hour(at));
        for answer in join_all(paths.iter().map(|path| service.delete(path))).await {
            assert_eq!(answer.status, 204, "{}", answer.body);
        }
    }
    refused(&service.delete(&rest[0]).await);
    // A clock that is behind does not take the window back.
    set_date(hour(-48));
    refused(&service.delete(&rest[0]).await);
    // The step in which the first were deleted counts for a whole window after its end.
    set_date(hour(25) - time::Duration::SECOND);
    refused(&service.delete(&rest[0]).await);
    set_date(hour(25));
    let answers = join_all(rest.iter().map(|path| service.delete(path))).await;
    let done = answers.iter().filter(|answer| answer.status == 204);
    assert_eq!(done.count(), LIMIT - 5);
    assert_eq!(places(&directory.items("acme").await), LIMIT as i64);
    directory.check("acme").await;
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

    let (_, status) = admin
        .json("breaker lift acme --for 1h --reason drill")
        .await;
    assert_eq!(status["breaker"]["open"], false);
    assert!(status["breaker"]["liftedUntil"].is_string());
    for answer in delete(LIMIT..2 * LIMIT).await {
        assert_eq!(answer.status, 204, "{}", answer.body);
    }
    // In force again: a new window, with all of its places.
    let (code, _) = admin.run("breaker lift acme --for 0s --reason drill").await;
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
