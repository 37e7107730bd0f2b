//! Each change is told once, as what it is; what changes nothing is not told.

use std::time::Duration;

use account::pending::carry_out_all;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::operator::printed;
use crate::support::groups::{GROUP, adding, group, named, patch, removing, replacing};
use crate::support::service::Service;
use crate::support::told::{Told, comparable, folded, kind, publisher, shown};

/// Everything that clients and operators do, one after another.
#[tokio::test]
async fn every_operation_is_told_once() {
    let mut told = Told::start().await;
    let mut all = Vec::new();
    let mut expect = async |told: &mut Told, kinds: &[&str], what: &str| {
        let events = told.events().await;
        let found: Vec<String> = events.iter().map(kind).collect();
        assert_eq!(found, kinds, "{what}");
        all.extend(events);
    };
    let lena = told
        .service
        .create_user("lena", json!({"externalId": "1"}))
        .await;
    expect(&mut told, &["member.created"], "POST").await;
    let omar = told
        .service
        .create_user("omar", json!({"active": false}))
        .await;
    expect(&mut told, &["member.created"], "POST of an inactive user").await;
    let path = format!("/Users/{lena}");
    let set = |name: &str, value: Value| json!([{"op": "replace", "path": name, "value": value}]);
    let answer = told.service.patch(&path, set("title", "Boss".into())).await;
    assert_eq!(answer.status, 200);
    expect(&mut told, &["member.updated"], "PATCH").await;
    told.service.patch(&path, set("title", "Boss".into())).await;
    expect(&mut told, &[], "PATCH that changes nothing").await;
    let both = json!([
        {"op": "replace", "path": "active", "value": "False"},
        {"op": "replace", "path": "title", "value": "Was boss"},
    ]);
    told.service.patch(&path, both).await;
    expect(
        &mut told,
        &["member.deactivated"],
        "PATCH of active and more",
    )
    .await;
    let body = json!({"userName": "lena", "active": true, "externalId": "1"});
    assert_eq!(told.service.put(&path, body.clone()).await.status, 200);
    expect(&mut told, &["member.activated"], "PUT").await;
    assert_eq!(told.service.put(&path, body).await.status, 200);
    expect(&mut told, &[], "PUT that changes nothing").await;
    told.service
        .patch(&path, set("userName", Value::Null))
        .await
        .error(400, "invalidValue");
    expect(&mut told, &[], "a refused PATCH").await;

    // Entra creates again who is soft-deleted there: the user comes back under its id.
    told.service.patch(&path, set("active", false.into())).await;
    expect(&mut told, &["member.deactivated"], "PATCH").await;
    let again = json!({"userName": "lena", "externalId": "1"});
    assert_eq!(told.service.post("/Users", again).await.id(), lena);
    expect(
        &mut told,
        &["member.activated"],
        "POST of a deactivated user",
    )
    .await;

    let body = json!({"schemas": [GROUP], "displayName": "North", "members": named(std::slice::from_ref(&lena))});
    let group = told.service.post("/Groups", body).await.id();
    let kinds = ["group.created", "group.member_added"];
    expect(&mut told, &kinds, "POST of a group with a member").await;
    let of_group = format!("/Groups/{group}");
    told.service.patch(&of_group, adding(&omar)).await;
    expect(&mut told, &["group.member_added"], "PATCH that adds").await;
    told.service.patch(&of_group, adding(&omar)).await;
    expect(&mut told, &[], "PATCH that adds a member").await;
    told.service.patch(&of_group, removing(&lena)).await;
    expect(&mut told, &["group.member_removed"], "PATCH that removes").await;
    told.service
        .patch(&of_group, replacing(std::slice::from_ref(&lena)))
        .await;
    let kinds = ["group.member_added", "group.member_removed"];
    expect(&mut told, &kinds, "PATCH that replaces").await;
    told.service
        .patch(&of_group, set("displayName", "South".into()))
        .await;
    expect(&mut told, &["group.updated"], "PATCH of a name").await;

    assert_eq!(told.service.delete(&path).await.status, 204);
    expect(&mut told, &["member.deleted"], "DELETE of a member").await;
    let admin = |command: String| command;
    let run = async |told: &Told, command: String| {
        let (code, said) = told.admin.run(&command).await;
        assert_eq!(code, 0, "{command}: {said}");
    };
    run(&told, admin(format!("user restore acme {lena}"))).await;
    expect(&mut told, &["member.restored"], "user restore").await;
    run(&told, format!("user reactivate acme {omar}")).await;
    expect(&mut told, &["member.activated"], "user reactivate").await;
    assert_eq!(told.service.delete(&of_group).await.status, 204);
    expect(&mut told, &["group.deleted"], "DELETE of a group").await;
    run(&told, format!("group restore acme {group}")).await;
    expect(&mut told, &["group.restored"], "group restore").await;
    run(&told, format!("group members acme {group} --undo-since 1h")).await;
    let undone = told.events().await;
    assert!(!undone.is_empty());

    let bulk = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [
            {"method": "POST", "path": "/Users", "bulkId": "a", "data": {"userName": "kim"}},
            {"method": "POST", "path": "/Groups", "bulkId": "b",
             "data": {"displayName": "West", "members": [{"value": "bulkId:a"}]}},
        ],
    });
    assert_eq!(told.service.post("/Bulk", bulk).await.status, 200);
    let kinds = ["member.created", "group.created", "group.member_added"];
    expect(&mut told, &kinds, "Bulk").await;
    run(&told, format!("user erase acme {omar} --reason drill")).await;
    expect(&mut told, &["member.deleted"], "user erase").await;
    all.extend(undone);
    assert_eq!(comparable(folded(&all)), shown(&told.service).await);
}

/// A large change is told in steps, and its decision is not.
#[tokio::test]
async fn a_large_change_is_told_as_it_is_carried_out() {
    let mut told = Told::start().await;
    let users = told.directory.plant_users("acme", 150).await;
    let planted = told.events().await;
    let members = named(&users);
    let body = json!({"schemas": [GROUP], "displayName": "North", "members": members});
    let group = told.service.post("/Groups", body).await.id();
    let events = told.events().await;
    let kinds: Vec<String> = events.iter().map(kind).collect();
    assert_eq!(kinds[0], "group.created");
    assert_eq!(kinds[1..], ["group.member_added"; 4]);
    let versions: Vec<_> = events[1..]
        .iter()
        .map(|event| &event["data"]["version"])
        .collect();
    assert!(versions.iter().all(|version| *version == versions[0]));
    let path = format!("/Groups/{group}");
    told.service.patch(&path, replacing(&users[..10])).await;
    let removed = told.events().await;
    assert_eq!(
        removed.iter().map(kind).collect::<Vec<_>>(),
        ["group.member_removed"; 3]
    );
    let all = planted.iter().chain(&events).chain(&removed);
    let view = comparable(folded(all));
    assert_eq!(view.groups, shown(&told.service).await.groups);
}

/// What the request does not come to is told when it is carried out; a snapshot in between has what
/// is carried out by then.
#[tokio::test]
async fn what_is_carried_out_later_is_told_later() {
    let mut told = Told::start().await;
    let users = told.directory.plant_users("acme", 150).await;
    let group = group(&told.service, "North", &[]).await;
    let mut all = told.events().await;
    let change = async |service: &Service| patch(service, &group, replacing(&users)).await;
    // It is decided, and one step is carried out.
    assert!(told.killed_after(2, change).await.is_none());
    all.extend(told.events().await);
    let stored = shown(&told.service).await;
    assert_eq!(stored.groups[&group].1.len(), 150);
    let is_told = comparable(folded(&all)).groups[&group].1.len();
    assert_eq!(is_told, 48);
    let snapshot = printed(&told, "--snapshot").await;
    assert_eq!(comparable(folded(&snapshot)).groups[&group].1.len(), 48);
    let store = told.admin.store();
    let until = Instant::now() + Duration::from_secs(30);
    let now = OffsetDateTime::now_utc() + time::Duration::minutes(1);
    let outcome = Box::pin(carry_out_all(&store, now, until)).await.unwrap();
    assert_eq!((outcome.changes, outcome.failed.len()), (1, 0));
    let rest = told.events().await;
    assert_eq!(comparable(folded(snapshot.iter().chain(&rest))), stored);
    all.extend(rest);
    assert_eq!(comparable(folded(&all)), stored);
}

/// What is told today is told tomorrow, byte for byte but for the stream's own id.
#[tokio::test]
async fn records_and_their_stream_tell_the_same() {
    let mut told = Told::start().await;
    let lena = told
        .service
        .create_user("lena", json!({"title": "x".repeat(17_000)}))
        .await;
    let path = format!("/Users/{lena}");
    let title = json!([{"op": "replace", "path": "title", "value": "y".repeat(17_000)}]);
    told.service.patch(&path, title).await;
    let body = json!({"displayName": "North", "members": named(std::slice::from_ref(&lena))});
    told.service.post("/Groups", body).await;
    told.service.delete(&path).await;
    let streamed: Vec<String> = told
        .events()
        .await
        .into_iter()
        .map(|mut event| {
            assert!(event.as_object_mut().unwrap().remove("eventID").is_some());
            event.to_string()
        })
        .collect();
    let url = format!("--public-url {}", publisher().base.replace("/scim/v2", ""));
    let (code, printed, said) = told.admin.output(&format!("events acme {url}")).await;
    assert_eq!(code, 0, "{said}");
    let mut printed: Vec<String> = printed
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap().to_string())
        .collect();
    // The two of one moment come in the order of their keys.
    let mut sorted = streamed.clone();
    sorted.sort();
    printed.sort();
    assert_eq!(printed, sorted);
    assert!(
        streamed[1].contains("\"truncated\":true"),
        "{}",
        streamed[1]
    );
}
