//! The operator's commands for groups: list, show, members, undo, deleted, restore, and what
//! history and status say of them.

use serde_json::{Value, json};

use crate::support::admin::{Admin, members};
use crate::support::groups::{
    adding, change, group, groups_of, members_of, path, removing, replacing, users,
};

/// The `id` of each element, sorted.
fn ids(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap();
    let mut ids: Vec<String> = list
        .iter()
        .map(|element| element["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn groups_are_listed_and_shown_with_their_members() {
    let (service, _, admin) = Admin::with_service().await;
    let users = users(&service, "user", 3).await;
    let north = group(&service, "North", &users).await;
    let south = group(&service, "South", &[]).await;
    let called = json!([{"op": "add", "path": "members", "value": [{"value": users[0], "display": "Lena"}]}]);
    change(&service, &south, called).await;
    let (code, list) = admin.json("group list acme").await;
    assert_eq!(code, 0);
    let list = list.as_array().unwrap();
    assert_eq!(members(list, "displayName"), ["North", "South"]);
    assert_eq!(members(list, "members"), [3, 1]);
    let (_, text) = admin.run("group list acme").await;
    assert_eq!(text.lines().count(), 3, "{text}");

    for name in ["north", north.as_str()] {
        let (code, shown) = admin.json(&format!("group show acme {name}")).await;
        assert_eq!((code, &shown["id"]), (0, &json!(north)));
        assert_eq!(
            (&shown["members"], &shown["pending"]),
            (&json!(3), &json!(false))
        );
        let tag = service.get(&path(&north)).await.header("etag").to_owned();
        assert_eq!(shown["version"], tag);
    }
    let (code, text) = admin.run("group show acme South").await;
    assert_eq!(code, 0);
    assert!(text.contains("members      1"), "{text}");
    let (_, of_north) = admin.json("group members acme North").await;
    assert_eq!(ids(&of_north), users);
    let (_, of_south) = admin.json("group members acme South").await;
    let user = service.get(&format!("/Users/{}", users[0])).await;
    let expected = json!([{
        "id": users[0],
        "userName": user.body["userName"],
        "display": "Lena",
    }]);
    assert_eq!(of_south, expected);
    for command in ["show", "members"] {
        let (code, text) = admin.run(&format!("group {command} acme West")).await;
        assert_eq!(code, 1);
        assert!(text.contains("group deleted"), "{text}");
    }
}

#[tokio::test]
async fn a_deleted_group_is_restored_by_its_name_with_its_members() {
    let (service, directory, admin) = Admin::with_service().await;
    let users = users(&service, "user", 3).await;
    let north = group(&service, "North", &users).await;
    assert_eq!(service.delete(&path(&north)).await.status, 204);
    let (_, deleted) = admin.json("group deleted acme").await;
    assert_eq!(deleted[0]["id"], north);
    assert_eq!(deleted[0]["displayName"], "North");
    let (code, text) = admin.run("group restore acme South").await;
    assert_eq!(code, 1);
    assert!(text.contains("no deleted group"), "{text}");

    let other = group(&service, "North", &[]).await;
    let (code, text) = admin.run("group restore acme north").await;
    assert_eq!(code, 1);
    assert!(text.contains(&format!("group {other}'s now")), "{text}");
    assert_eq!(service.delete(&path(&other)).await.status, 204);
    let (code, text) = admin.run("group restore acme north").await;
    assert_eq!(code, 1);
    assert!(text.contains("by its id"), "{text}");

    let (code, restored) = admin.json(&format!("group restore acme {north}")).await;
    assert_eq!(code, 0);
    assert_eq!(restored[0]["state"], "restored");
    assert_eq!(restored[0]["members"], 3);
    assert_eq!(members_of(&service, &north).await, users);
    let (code, again) = admin.json(&format!("group restore acme {north}")).await;
    assert_eq!((code, &again[0]["state"]), (0, &json!("there already")));
    let census = directory.check("acme").await;
    assert_eq!(census.groups.len(), 1);
    let (code, said) = admin.run("directory check acme").await;
    assert_eq!(code, 0, "{said}");
}

/// An identity provider has emptied a group: one command brings it back to what it was.
#[tokio::test]
async fn what_was_done_to_members_is_undone() {
    let (service, directory, admin) = Admin::with_service().await;
    let users = users(&service, "user", 6).await;
    let north = group(&service, "North", &users[..4]).await;
    let start = (time::OffsetDateTime::now_utc() + time::Duration::milliseconds(2))
        .truncate_to_millisecond();
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    let since = scim::resource::rfc3339(start);
    change(&service, &north, replacing(&users[4..])).await;
    change(&service, &north, adding(&users[0])).await;
    change(&service, &north, removing(&users[0])).await;
    let gone = &users[3];
    assert_eq!(service.delete(&format!("/Users/{gone}")).await.status, 204);

    let undo = format!("group members acme North --undo-since {since}");
    let before = directory.items("acme").await;
    let (code, plan) = admin.json(&format!("{undo} --dry-run")).await;
    assert_eq!(code, 0, "{plan}");
    assert_eq!(ids(&plan["putBack"]), users[..3]);
    assert_eq!(ids(&plan["removed"]), users[4..]);
    assert_eq!(ids(&plan["gone"]), std::slice::from_ref(gone));
    let (_, text) = admin.run(&format!("{undo} --dry-run")).await;
    assert!(text.contains("3 would be put back"), "{text}");
    assert!(text.contains("1 left out"), "{text}");
    assert_eq!(directory.items("acme").await, before);

    let (code, text) = admin.run(&undo).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("3 put back, 2 removed"), "{text}");
    assert_eq!(members_of(&service, &north).await, users[..3]);
    let records = admin.history("").await;
    let last = records.last().unwrap();
    assert_eq!(
        (&last["operation"], &last["actor"]),
        (&json!("undo"), &json!("operator"))
    );
    assert_eq!(last["members"]["added"].as_array().unwrap().len(), 3);
    // There is nothing more to undo.
    let (_, again) = admin.json(&undo).await;
    assert_eq!(
        (&again["putBack"], &again["removed"]),
        (&json!([]), &json!([]))
    );
    directory.check("acme").await;
}

/// More than one transaction can change, in both directions.
#[tokio::test]
async fn a_large_change_is_undone() {
    let (service, directory, admin) = Admin::with_service().await;
    let users = directory.plant_users("acme", 150).await;
    let north = group(&service, "North", &[]).await;
    directory.plant_members("acme", &north, &users[..50]).await;
    change(&service, &north, replacing(&users[40..])).await;
    assert_eq!(members_of(&service, &north).await, users[40..]);
    let (code, undone) = admin.json("group members acme North --undo-since 1h").await;
    assert_eq!(code, 0, "{undone}");
    assert_eq!(members_of(&service, &north).await, users[..50]);
    directory.check("acme").await;
    // Each is one record of the history, however many items it has.
    let of_group = admin.history("--group North").await;
    let changed: Vec<_> = of_group
        .iter()
        .filter(|record| record["members"].is_object())
        .map(|record| {
            let count = |name: &str| record["members"][name].as_array().unwrap().len();
            (count("added"), count("removed"))
        })
        .collect();
    assert_eq!(changed, [(100, 40), (40, 100)]);
}

#[tokio::test]
async fn history_tells_who_became_a_member() {
    let (service, _, admin) = Admin::with_service().await;
    let lena = service.create_user("lena", json!({})).await;
    let max = service.create_user("max", json!({})).await;
    let north = group(&service, "North", std::slice::from_ref(&lena)).await;
    let other = group(&service, "South", std::slice::from_ref(&max)).await;
    let operations = json!([
        {"op": "add", "path": "members", "value": [{"value": max}, {"value": "nobody"}]},
        {"op": "remove", "path": "members", "value": [{"value": lena}]},
    ]);
    change(&service, &north, operations).await;
    assert_eq!(service.delete(&format!("/Users/{max}")).await.status, 204);

    let (_, text) = admin.run("history acme").await;
    for told in [
        "members +1 -0",
        "members +1 -1",
        "+ lena",
        "- lena",
        "left 2 groups",
    ] {
        assert!(text.contains(told), "{told} {text}");
    }
    assert!(
        text.contains(&format!("+ {max}")),
        "who is gone has no name: {text}"
    );
    assert!(text.contains("no users: nobody"), "{text}");
    let records = admin.history("").await;
    let changed = records
        .iter()
        .find(|record| record["members"]["removed"] == json!([lena]));
    let changed = changed.unwrap();
    assert_eq!(changed["id"], north);
    assert_eq!(changed["members"]["added"], json!([max]));
    assert_eq!(changed["members"]["leftOut"], 1);
    let left = records.last().unwrap()["groupsLeft"].as_array().unwrap();
    assert_eq!(left.len(), 2);

    let of_group = admin.history("--group South").await;
    assert_eq!(
        members(&of_group, "operation"),
        ["create", "create", "delete"]
    );
    assert_eq!(service.delete(&path(&other)).await.status, 204);
    let of_group = admin.history(&format!("--group {other}")).await;
    assert_eq!(of_group.len(), 4);
    let (code, text) = admin.run("history acme --group South").await;
    assert_eq!(code, 1);
    assert!(text.contains("group deleted"), "{text}");
    let mut lines = admin.follow(&format!("history acme --follow --ndjson --group {north}"));
    for _ in 0..3 {
        let record: Value = serde_json::from_str(&lines.next().await).unwrap();
        assert!(record["id"] == north || record["id"] == max, "{record}");
    }
}

/// What a later version may write is shown, and hides nothing.
#[tokio::test]
async fn records_of_an_unknown_kind_are_shown() {
    let (service, directory, admin) = Admin::with_service().await;
    let lena = service.create_user("lena", json!({})).await;
    let at = scim::resource::rfc3339(time::OffsetDateTime::now_utc());
    let key = format!("E#{at}#Z#{lena}#1");
    directory.plant("acme", &key, &[("what", "ever")]).await;
    directory
        .plant_count("acme", &key, "expires_at", 4_000_000_000)
        .await;
    let (code, text) = admin.run("history acme").await;
    assert_eq!(code, 0);
    assert!(text.contains("does not know: E#"), "{text}");
    assert_eq!(admin.history("").await.len(), 2);
    let (code, said) = admin.run("tenant status acme").await;
    assert_eq!(code, 0, "{said}");
    let (code, said) = admin.run("directory check acme").await;
    assert_eq!(code, 0, "{said}");
}

#[tokio::test]
async fn status_tells_of_groups() {
    let (service, _, admin) = Admin::with_service().await;
    let users = users(&service, "user", 2).await;
    let north = group(&service, "North", &users[..1]).await;
    let operations = json!([{"op": "add", "path": "members",
        "value": [{"value": users[1]}, {"value": "nobody"}, {"value": "neither"}]}]);
    change(&service, &north, operations.clone()).await;
    let (code, status) = admin.json("tenant status acme").await;
    assert_eq!(code, 0, "{status}");
    assert_eq!(
        (&status["groups"], &status["leftOut"]),
        (&json!(1), &json!(2))
    );
    // Sent again, it changes nothing, and leaves the same out.
    let etag = service.get(&path(&north)).await.header("etag").to_owned();
    change(&service, &north, operations).await;
    assert_eq!(service.get(&path(&north)).await.header("etag"), etag);
    let (_, status) = admin.json("tenant status acme").await;
    assert_eq!(status["leftOut"], 4);
    assert_eq!(status["pendingChanges"], json!([]));
    assert_eq!(status["breakerOfGroups"]["open"], false);
    let (_, text) = admin.run("tenant status acme").await;
    assert!(text.contains("groups       1"), "{text}");
    assert!(text.contains("left out     4"), "{text}");
}

/// A wrong scope deletes groups, too: ten, and then no more until the operator says so.
#[tokio::test]
async fn the_breaker_of_groups_is_lifted() {
    let (service, _, admin) = Admin::with_service().await;
    let mut groups = Vec::new();
    for number in 0..12 {
        groups.push(group(&service, &format!("Crew {number}"), &[]).await);
    }
    for id in &groups[..10] {
        assert_eq!(service.delete(&path(id)).await.status, 204);
    }
    let answer = service.delete(&path(&groups[10])).await;
    assert_eq!(answer.status, 409, "{}", answer.body);
    let (code, status) = admin.json("tenant status acme").await;
    assert_eq!(
        (code, &status["breakerOfGroups"]["open"]),
        (1, &json!(true))
    );
    let (_, text) = admin.run("tenant status acme").await;
    assert!(
        text.contains("OPEN: further deletions are refused"),
        "{text}"
    );
    let (code, text) = admin.run("breaker lift acme --for 1h --reason drill").await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("of groups  lifted until"), "{text}");
    assert_eq!(service.delete(&path(&groups[10])).await.status, 204);
}

/// More groups than one transaction restores: the record of the restoration has the first of them,
/// and each transaction that follows its own.
#[tokio::test]
async fn a_user_comes_back_to_all_groups() {
    const GROUPS: usize = 120;
    let (service, directory, admin) = Admin::with_service().await;
    let users = users(&service, "user", 2).await;
    let mut groups = Vec::new();
    for number in 0..GROUPS {
        groups.push(group(&service, &format!("Crew {number}"), &users).await);
    }
    groups.sort();
    let user = &users[0];
    assert_eq!(service.delete(&format!("/Users/{user}")).await.status, 204);
    let (code, restored) = admin.json(&format!("user restore acme {user}")).await;
    assert_eq!(code, 0, "{restored}");
    assert_eq!(restored[0]["groups"], GROUPS);
    assert_eq!(groups_of(&service, user).await, groups);
    directory.check("acme").await;
    let records = admin.history("").await;
    let returned = records
        .iter()
        .filter(|record| record["operation"] == "restore")
        .filter_map(|record| Some(record["groupsReturned"].as_array()?.len()));
    let returned: Vec<usize> = returned.collect();
    assert_eq!(returned.iter().sum::<usize>(), GROUPS);
    assert!(returned.len() > 3 && returned[0] >= 16, "{returned:?}");
    // The restoration itself brings the user back to those that the deletion itself left. Those
    // that were left before it have a record each, of when they were left and of when the user came
    // back.
    let mut of_users = records
        .iter()
        .filter(|record| record["version"].is_number());
    let at_once = of_users.find_map(|record| Some(record["groupsReturned"].as_array()?.len()));
    let before = GROUPS - at_once.unwrap();
    let of_group = |operation: &str| {
        let of_kind = records
            .iter()
            .filter(|record| record["operation"] == operation && record["resourceType"] == "Group");
        of_kind.count()
    };
    assert_eq!(of_group("delete"), before);
    assert_eq!(of_group("restore"), before);
    let left = records
        .iter()
        .filter_map(|record| record["groupsLeft"].as_array());
    assert_eq!(
        left.map(Vec::len).max(),
        Some(GROUPS),
        "the record of the deletion"
    );
    let (code, again) = admin.run(&format!("user restore acme {user}")).await;
    assert_eq!(code, 0);
    assert!(!again.contains("back in"), "{again}");
    let (code, said) = admin.run("directory check acme").await;
    assert_eq!(code, 0, "{said}");
}

/// A group that is deleted as well is counted apart: the user is in it once that is restored.
#[tokio::test]
async fn a_user_comes_back_to_deleted_groups_as_well() {
    let (service, _, admin) = Admin::with_service().await;
    let users = users(&service, "user", 2).await;
    let north = group(&service, "North", &users).await;
    let south = group(&service, "South", &users).await;
    for user in &users {
        assert_eq!(service.delete(&format!("/Users/{user}")).await.status, 204);
    }
    assert_eq!(service.delete(&path(&south)).await.status, 204);
    let (code, text) = admin.run(&format!("user restore acme {}", users[0])).await;
    assert_eq!(code, 0, "{text}");
    let expected = "back in 1 groups, and in 1 that are deleted themselves";
    assert!(text.contains(expected), "{text}");
    assert_eq!(groups_of(&service, &users[0]).await, [north.as_str()]);
    let (_, restored) = admin.json(&format!("user restore acme {}", users[1])).await;
    let counts = ["groups", "deletedGroups"].map(|name| &restored[0][name]);
    assert_eq!(counts, [1, 1]);
    let (code, _) = admin.json(&format!("group restore acme {south}")).await;
    assert_eq!(code, 0);
    assert_eq!(members_of(&service, &south).await, users);
}

/// A restoration that is interrupted is finished by running it again.
#[tokio::test]
async fn a_user_who_is_there_comes_back_to_what_was_left() {
    let (service, directory, admin) = Admin::with_service().await;
    let users = users(&service, "user", 2).await;
    let north = group(&service, "North", &users).await;
    let south = group(&service, "South", &users).await;
    assert_eq!(
        service.delete(&format!("/Users/{}", users[0])).await.status,
        204
    );
    let left = directory.items("acme").await[&format!("I#{}#{south}", users[0])].clone();
    let key = format!("I#{}#{south}", users[0]);
    directory.remove("acme", &key).await;
    let (_, restored) = admin.json(&format!("user restore acme {}", users[0])).await;
    assert_eq!(restored[0]["groups"], 1);
    assert_eq!(
        groups_of(&service, &users[0]).await,
        std::slice::from_ref(&north)
    );
    // What the interrupted run has not come to.
    directory.put_all("acme", vec![(key, left)]).await;
    let (code, restored) = admin.json(&format!("user restore acme {}", users[0])).await;
    assert_eq!((code, &restored[0]["groups"]), (0, &json!(1)));
    assert_eq!(restored[0]["state"], "there already");
    let mut both = [north, south];
    both.sort();
    assert_eq!(groups_of(&service, &users[0]).await, both);
    directory.check("acme").await;
}
