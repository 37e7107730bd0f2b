//! Concurrent requests: one winner where there can be only one, and nothing lost.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::directory::DirectoryTable;
use crate::support::service::{Answer, Service};

const WRITERS: usize = 16;

/// `name` in one of many mixtures of cases.
fn in_some_case(name: &str, variant: usize) -> String {
    name.char_indices()
        .map(|(index, letter)| {
            if variant >> (index % 4) & 1 == 1 {
                letter.to_ascii_uppercase()
            } else {
                letter
            }
        })
        .collect()
}

/// Checks that one answer has the status `success` and all others are 409 `uniqueness`, and returns
/// that one.
fn the_winner(answers: Vec<Answer>, success: u16) -> Answer {
    let (mut winners, losers): (Vec<_>, Vec<_>) = answers
        .into_iter()
        .partition(|answer| answer.status == success);
    for loser in &losers {
        loser.error(409, "uniqueness");
    }
    assert_eq!(winners.len(), 1, "{} lost", losers.len());
    winners.remove(0)
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    statuses
}

/// Creates `count` users and returns their ids.
async fn users(service: &Service, name: &str, count: usize) -> Vec<String> {
    let creations = (0..count).map(|user| async move {
        service
            .create_user(&format!("{name}{user}"), json!({}))
            .await
    });
    join_all(creations).await
}

/// Follows the pages of `/Users` and returns the ids in order.
async fn walk(service: &Service, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    loop {
        let start = ids.len() + 1;
        let page = service
            .get(&format!("/Users?startIndex={start}&count={count}"))
            .await;
        ids.extend(page.ids());
        if page.ids().len() < count {
            return ids;
        }
    }
}

#[tokio::test]
async fn sixteen_writers_create_one_user() {
    let (service, directory) = DirectoryTable::with_service().await;
    for round in 0..12 {
        let name = format!("lena.{round}@crew.example");
        let posts = (0..WRITERS)
            .map(|writer| service.post("/Users", json!({"userName": in_some_case(&name, writer)})));
        let created = the_winner(join_all(posts).await, 201);
        let found = service.find(&format!("userName eq \"{name}\"")).await;
        assert_eq!(found.ids(), [created.id()]);
    }
    assert_eq!(service.get("/Users").await.body["totalResults"], 12);
    assert_eq!(directory.check("acme").await.users.len(), 12);
}

#[tokio::test]
async fn sixteen_users_rename_themselves_to_one_name() {
    let (service, directory) = DirectoryTable::with_service().await;
    let ids = users(&service, "user", WRITERS).await;
    for round in 0..6 {
        let name = format!("wanted{round}");
        let renames = ids.iter().enumerate().map(|(user, id)| {
            let path = format!("/Users/{id}");
            let name = in_some_case(&name, user);
            let service = &service;
            async move {
                if (user + round) % 2 == 0 {
                    let body = json!({"userName": name});
                    service.put(&path, body).await
                } else {
                    let operation = json!({"op": "replace", "path": "userName", "value": name});
                    service.patch(&path, json!([operation])).await
                }
            }
        });
        let renamed = the_winner(join_all(renames).await, 200);
        let found = service.find(&format!("userName eq \"{name}\"")).await;
        assert_eq!(found.ids(), [renamed.id()]);
    }
    assert_eq!(directory.check("acme").await.users.len(), WRITERS);
}

/// A name is given up and taken at the same time: it never has two holders, and is never blocked
/// without a holder.
#[tokio::test]
async fn a_name_is_given_up_while_others_want_it() {
    let (service, directory) = DirectoryTable::with_service().await;
    for round in 0..8 {
        let name = format!("desk{round}");
        let id = service.create_user(&name, json!({})).await;
        let away = json!([{"op": "replace", "path": "userName", "value": format!("away{round}")}]);
        let path = format!("/Users/{id}");
        let rename = service.patch(&path, away);
        let posts = join_all((0..4).map(|_| service.post("/Users", json!({"userName": name}))));
        let (renamed, posted) = tokio::join!(rename, posts);
        assert_eq!(renamed.status, 200, "{}", renamed.body);
        let created = posted.iter().filter(|answer| answer.status == 201).count();
        for refused in posted.iter().filter(|answer| answer.status != 201) {
            refused.error(409, "uniqueness");
        }
        let found = service.find(&format!("userName eq \"{name}\"")).await;
        assert_eq!(found.ids().len(), created);
        assert!(created <= 1);
        directory.check("acme").await;
    }
}

#[tokio::test]
async fn eight_changes_of_eight_attributes_all_survive() {
    let (service, directory) = DirectoryTable::with_service().await;
    let changes = [
        ("displayName", "/displayName"),
        ("title", "/title"),
        ("externalId", "/externalId"),
        ("nickName", "/nickName"),
        ("name.givenName", "/name/givenName"),
        ("emails[type eq \"work\"].value", "/emails/0/value"),
        (
            "phoneNumbers[type eq \"mobile\"].value",
            "/phoneNumbers/0/value",
        ),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
            "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/employeeNumber",
        ),
    ];
    for round in 0..6 {
        let id = service
            .create_user(&format!("user{round}"), json!({}))
            .await;
        let path = format!("/Users/{id}");
        let patches = changes.map(|(attribute, _)| {
            let operation = json!({"op": "Replace", "path": attribute, "value": attribute});
            service.patch(&path, json!([operation]))
        });
        for answer in join_all(patches).await {
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
        let user = service.get(&path).await;
        for (attribute, pointer) in changes {
            assert_eq!(
                user.body.pointer(pointer),
                Some(&Value::from(attribute)),
                "{}",
                user.body
            );
        }
        assert_eq!(user.header("etag"), "W/\"9\"");
        directory.check("acme").await;
    }
}

#[tokio::test]
async fn of_eight_changes_of_one_version_one_is_made() {
    let service = Service::start().await;
    let id = service.create_user("lena", json!({})).await;
    let path = format!("/Users/{id}");
    let patches = (0..8).map(|writer| {
        let body = json!({"Operations": [{"op": "replace", "path": "title", "value": format!("title {writer}")}]});
        service
            .call("PATCH", &path)
            .header("if-match", "W/\"1\"")
            .json(body)
            .send()
    });
    let answers = join_all(patches).await;
    assert_eq!(statuses(&answers), [200, 412, 412, 412, 412, 412, 412, 412]);
    let winner = answers.iter().find(|answer| answer.status == 200).unwrap();
    assert_eq!(service.get(&path).await.body, winner.body);
}

#[tokio::test]
async fn a_user_is_deleted_while_it_is_changed() {
    let (service, directory) = DirectoryTable::with_service().await;
    for round in 0..10 {
        let name = format!("user{round}");
        let id = service.create_user(&name, json!({})).await;
        let path = format!("/Users/{id}");
        let rename = json!([{"op": "replace", "path": "userName", "value": format!("{name}b")}]);
        let retitle = json!([{"op": "replace", "path": "title", "value": "Lead"}]);
        let (renamed, retitled, deleted) = tokio::join!(
            service.patch(&path, rename),
            service.patch(&path, retitle),
            service.delete(&path)
        );
        assert_eq!(deleted.status, 204, "{}", deleted.body);
        for changed in [renamed, retitled] {
            if changed.status != 200 {
                changed.error(404, "");
            }
        }
        service.get(&path).await.error(404, "");
    }
    let census = directory.check("acme").await;
    assert_eq!((census.users.len(), census.tombstones.len()), (0, 10));
}

#[tokio::test]
async fn of_two_deletions_one_finds_the_user() {
    let (service, directory) = DirectoryTable::with_service().await;
    for round in 0..10 {
        let id = service
            .create_user(&format!("user{round}"), json!({}))
            .await;
        let path = format!("/Users/{id}");
        let answers = join_all([service.delete(&path), service.delete(&path)]).await;
        assert_eq!(statuses(&answers), [204, 404]);
    }
    assert_eq!(directory.check("acme").await.tombstones.len(), 10);
}

#[tokio::test]
async fn a_storm_leaves_the_counters_exact() {
    let (mut service, directory) = DirectoryTable::with_service().await;
    // More concurrent deletions than the breaker allows; it has its own tests.
    service.app.config.breaker.share_percent = 100;
    let old = users(&service, "old", 30).await;
    let service = &service;
    let posts = join_all((0..40).map(|user| async move {
        service
            .post("/Users", json!({"userName": format!("new{}", user / 2)}))
            .await
    }));
    let deletions = join_all(
        old.iter()
            .chain(&old)
            .map(|id| async move { service.delete(&format!("/Users/{id}")).await }),
    );
    let (posts, deletions) = tokio::join!(posts, deletions);
    let with = |answers: &[Answer], status| {
        answers
            .iter()
            .filter(|answer| answer.status == status)
            .count()
    };
    assert_eq!((with(&posts, 201), with(&posts, 409)), (20, 20));
    assert_eq!((with(&deletions, 204), with(&deletions, 404)), (30, 30));

    let census = directory.check("acme").await;
    assert_eq!((census.users.len(), census.tombstones.len()), (20, 30));
    let ids = walk(service, 7).await;
    assert_eq!(ids.len(), 20, "a page repeats a user");
    assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), census.users);
    assert_eq!(service.get("/Users?count=0").await.body["totalResults"], 20);
}

/// Okta assigns a user again by POST. Of several such requests, the first reactivates the user.
#[tokio::test]
async fn a_deactivated_user_is_revived_once() {
    let (service, directory) = DirectoryTable::with_service().await;
    for round in 0..6 {
        let body = json!({"userName": format!("user{round}"), "externalId": format!("x-{round}")});
        let id = service.post("/Users", body.clone()).await.id();
        let path = format!("/Users/{id}");
        let deactivation = json!([{"op": "replace", "path": "active", "value": false}]);
        assert_eq!(service.patch(&path, deactivation).await.status, 200);
        let posts = (0..8).map(|_| service.post("/Users", body.clone()));
        let revived = the_winner(join_all(posts).await, 201);
        assert_eq!(revived.id(), id);
        assert_eq!(revived.body["active"], true);
        assert_eq!(service.get(&path).await.body, revived.body);
    }
    assert_eq!(directory.check("acme").await.users.len(), 6);
}

/// The same while the user is deleted: whichever request is first, in the end either one user has
/// the name or none.
#[tokio::test]
async fn a_deactivated_user_is_revived_while_it_is_deleted() {
    let (service, directory) = DirectoryTable::with_service().await;
    for round in 0..8 {
        let name = format!("user{round}");
        let body = json!({"userName": name, "externalId": "x", "active": false});
        let id = service.post("/Users", body.clone()).await.id();
        let mut again = body;
        again["active"] = true.into();
        let path = format!("/Users/{id}");
        let (revived, deleted) = tokio::join!(service.post("/Users", again), service.delete(&path));
        assert_eq!(
            (revived.status, deleted.status),
            (201, 204),
            "{}",
            revived.body
        );
        let left: Vec<String> = service.find(&format!("userName eq {name}")).await.ids();
        let expected = if revived.id() == id {
            vec![]
        } else {
            vec![revived.id()]
        };
        assert_eq!(left, expected);
        directory.check("acme").await;
    }
}
