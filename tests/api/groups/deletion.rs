//! Deleted users and groups: gone from the other side with the next read, and how they come back.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::requests::errors::refused;
use crate::support::admin::Admin;
use crate::support::directory::text;
use crate::support::groups::{
    adding, change, count, crew, found, group, groups_of, members_of, name_of, path, read, users,
    values, version_of,
};
use crate::support::members::edges;
use crate::support::service::Service;

async fn delete_user(service: &Service, user: &str) {
    let deleted = service.delete(&format!("/Users/{user}")).await;
    assert_eq!(deleted.status, 204, "{}", deleted.body);
}

async fn delete_group(service: &Service, group: &str) {
    let deleted = service.delete(&path(group)).await;
    assert_eq!((deleted.status, deleted.body), (204, Value::Null));
}

async fn restored(admin: &Admin, kind: &str, id: &str) {
    let (code, said) = admin.run(&format!("{kind} restore acme {id}")).await;
    assert_eq!(code, 0, "{said}");
}

#[tokio::test]
async fn a_deleted_user_is_in_no_group() {
    let (service, directory, users) = crew(3).await;
    let north = group(&service, "North", &users).await;
    let south = group(&service, "South", &users[..1]).await;
    let gone = &users[0];
    let name = name_of(&service, gone).await;
    let versions = [
        version_of(&service, &north).await,
        version_of(&service, &south).await,
    ];
    delete_user(&service, gone).await;
    for (group, before, expected) in [
        (&north, versions[0], &users[1..]),
        (&south, versions[1], &[]),
    ] {
        assert_eq!(members_of(&service, group).await, expected);
        assert_eq!(count(&service, group).await, expected.len() as u64);
        assert_eq!(version_of(&service, group).await, before + 1);
    }
    let filter = format!("members eq \"{gone}\"");
    assert_eq!(found(&service, "/Groups", &filter).await, [""; 0]);
    assert_eq!(
        found(&service, "/Groups", "not (members pr)").await,
        [south.as_str()]
    );
    // The record of the deletion tells which groups it left, and nothing else is left of it.
    let items = directory.items("acme").await;
    let of_user = |key: &&String| key.starts_with("E#") && key.contains(&format!("#U#{gone}#"));
    let record = items.keys().rfind(of_user).unwrap();
    let mut left: Vec<String> = serde_json::from_str(text(&items[record], "left")).unwrap();
    left.sort();
    let mut expected = vec![north.clone(), south.clone()];
    expected.sort();
    assert_eq!(left, expected);
    // Whoever has the name next is somebody else.
    let next = service.create_user(&name, json!({})).await;
    assert_eq!(groups_of(&service, &next).await, [""; 0]);
    directory.check("acme").await;
}

#[tokio::test]
async fn a_restored_user_is_in_the_groups_that_it_left() {
    let (service, directory, admin) = Admin::with_service().await;
    let users = users(&service, "user", 3).await;
    let lena = &users[0];
    let display =
        json!([{"op": "add", "path": "members", "value": [{"value": lena, "display": "Lena"}]}]);
    let mut groups = Vec::new();
    for name in ["stays", "goes", "comes", "is left before"] {
        let id = group(&service, name, &users[1..]).await;
        change(&service, &id, display.clone()).await;
        groups.push(id);
    }
    let [stays, goes, comes, before] = &groups[..] else {
        panic!("four groups")
    };
    change(
        &service,
        before,
        json!([{"op": "remove", "path": "members", "value": [{"value": lena}]}]),
    )
    .await;
    delete_group(&service, comes).await;
    delete_user(&service, lena).await;
    delete_group(&service, goes).await;
    restored(&admin, "group", comes).await;
    assert_eq!(members_of(&service, comes).await, users[1..]);
    restored(&admin, "user", lena).await;
    let mut expected = vec![stays.clone(), comes.clone()];
    expected.sort();
    assert_eq!(groups_of(&service, lena).await, expected);
    assert_eq!(members_of(&service, stays).await, users);
    assert_eq!(members_of(&service, comes).await, users);
    assert_eq!(members_of(&service, before).await, users[1..]);
    let found = read(&service, &path(stays)).await;
    assert_eq!(found.body["members"][0]["display"], "Lena", "as it was");
    // A group that was deleted meanwhile has the user again when it comes back itself.
    restored(&admin, "group", goes).await;
    assert_eq!(members_of(&service, goes).await, users);
    directory.check("acme").await;
    // The next deletion and restore are no different from the first.
    delete_user(&service, lena).await;
    assert_eq!(members_of(&service, stays).await, users[1..]);
    restored(&admin, "user", lena).await;
    assert_eq!(groups_of(&service, lena).await.len(), 3);
    directory.check("acme").await;
}

/// More groups than fit into one transaction.
#[tokio::test]
async fn a_user_in_many_groups_is_deleted_and_restored() {
    const GROUPS: usize = 120;
    let (service, directory, admin) = Admin::with_service().await;
    let users = users(&service, "user", 2).await;
    let mut groups = Vec::new();
    for chunk in (0..GROUPS).collect::<Vec<_>>().chunks(20) {
        let created = chunk.iter().map(|number| {
            let (service, users) = (&service, &users);
            async move { group(service, &format!("Crew {number}"), users).await }
        });
        groups.extend(join_all(created).await);
    }
    groups.sort();
    assert_eq!(groups_of(&service, &users[0]).await, groups);
    assert_eq!(
        values(&service.get("/Users").await.body["Resources"][0], "groups"),
        groups
    );
    delete_user(&service, &users[0]).await;
    let list = service.get("/Groups?count=1000").await;
    for group in list.body["Resources"].as_array().unwrap() {
        assert_eq!(values(group, "members"), users[1..]);
    }
    assert_eq!(list.ids(), groups);
    let census = directory.check("acme").await;
    assert!(census.members.values().all(|members| members.len() == 1));
    restored(&admin, "user", &users[0]).await;
    assert_eq!(groups_of(&service, &users[0]).await, groups);
    let census = directory.check("acme").await;
    assert!(census.members.values().all(|members| members.len() == 2));
}

/// Entra deletes a group that is unassigned. Its edges stay for the operator, and nobody sees them.
#[tokio::test]
async fn a_deleted_group_is_gone_at_once_and_comes_back_whole() {
    let (service, directory, admin) = Admin::with_service().await;
    let users = users(&service, "user", 4).await;
    let north = group(&service, "North", &users).await;
    let before = read(&service, &path(&north)).await;
    let stored = edges(&directory.items("acme").await);
    delete_group(&service, &north).await;
    assert_eq!(
        edges(&directory.items("acme").await),
        stored,
        "not one edge is touched"
    );
    for user in &users {
        assert_eq!(groups_of(&service, user).await, [""; 0]);
    }
    for (endpoint, filter) in [
        ("/Groups", format!("members eq \"{}\"", users[0])),
        ("/Groups", "members pr".to_owned()),
        ("/Users", format!("groups eq \"{north}\"")),
        ("/Users", "groups.display eq \"North\"".to_owned()),
    ] {
        assert_eq!(
            found(&service, endpoint, &filter).await,
            [""; 0],
            "{filter}"
        );
    }
    // Assigned again, it is another group.
    let again = group(&service, "North", &users[..1]).await;
    assert_eq!(groups_of(&service, &users[0]).await, [again.as_str()]);
    delete_user(&service, &users[3]).await;
    let (code, said) = admin.run(&format!("group restore acme {north}")).await;
    assert_eq!(code, 1, "the name is taken: {said}");
    delete_group(&service, &again).await;
    restored(&admin, "group", &north).await;
    let after = read(&service, &path(&north)).await;
    assert_eq!(values(&after.body, "members"), users[..3]);
    for name in ["displayName", "id", "schemas"] {
        assert_eq!(after.body[name], before.body[name]);
    }
    assert!(crate::support::groups::version(&after) > crate::support::groups::version(&before));
    for user in &users[..3] {
        assert_eq!(groups_of(&service, user).await, [north.as_str()]);
    }
    change(
        &service,
        &north,
        json!([{"op": "remove", "path": "members"}]),
    )
    .await;
    directory.check("acme").await;
}

/// A wrong scope deletes groups, and what is created after it has other ids.
#[tokio::test]
async fn many_deletions_of_groups_are_stopped() {
    let (service, directory) = crate::support::directory::DirectoryTable::with_service().await;
    let mut groups = Vec::new();
    for number in 0..12 {
        groups.push(group(&service, &format!("Crew {number}"), &[]).await);
    }
    for group in &groups[..10] {
        delete_group(&service, group).await;
    }
    let before = directory.resources("acme").await;
    for group in &groups[10..] {
        let answer = service.delete(&path(group)).await;
        refused(&answer, 409, "");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.starts_with("10 groups have been"), "{detail}");
        assert!(detail.contains("scim-admin breaker lift"), "{detail}");
    }
    assert_eq!(directory.resources("acme").await, before);
    // Everything else goes on, deletions of users too.
    let user = service.create_user("lena", json!({})).await;
    change(&service, &groups[10], adding(&user)).await;
    change(
        &service,
        &groups[10],
        json!([{"op": "remove", "path": "members"}]),
    )
    .await;
    delete_user(&service, &user).await;
    group(&service, "Crew 12", &[]).await;
    directory.check("acme").await;
}

/// In a tenant of many groups it is a share of them.
#[tokio::test]
async fn a_fifth_of_the_groups_may_be_deleted() {
    let (service, directory) = crate::support::directory::DirectoryTable::with_service().await;
    let mut groups = Vec::new();
    for number in 0..70 {
        groups.push(group(&service, &format!("Crew {number}"), &[]).await);
    }
    let service = &service;
    let answers = join_all(
        groups[..30]
            .iter()
            .map(|group| async move { service.delete(&path(group)).await.status }),
    )
    .await;
    let done = answers.iter().filter(|status| **status == 204).count();
    assert_eq!(done, 14, "{answers:?}");
    assert_eq!(answers.iter().filter(|status| **status == 409).count(), 16);
    directory.check("acme").await;
}
