//! `scim-admin events`: printed, followed, and how everything is.

use serde_json::{Value, json};

use crate::support::groups::named;
use crate::support::told::{Told, comparable, folded, kind, shown};

pub async fn printed(told: &Told, arguments: &str) -> Vec<Value> {
    let url = "--public-url https://scim.hellotracks.example";
    let (code, results, messages) = told
        .admin
        .output(&format!("events acme {url} {arguments}"))
        .await;
    assert_eq!((code, messages.as_str()), (0, ""));
    let lines = results.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn kinds(events: &[Value]) -> Vec<String> {
    events.iter().map(kind).collect()
}

#[tokio::test]
async fn those_of_a_user_are_found_by_id_and_by_name() {
    let told = Told::start().await;
    let lena = told.service.create_user("lena", json!({})).await;
    let omar = told.service.create_user("omar", json!({})).await;
    let body = json!({"displayName": "North", "members": named(&[lena.clone(), omar])});
    told.service.post("/Groups", body).await;
    for user in ["lena", &lena] {
        let found = kinds(&printed(&told, &format!("--user {user}")).await);
        assert_eq!(found, ["member.created", "group.member_added"]);
    }
    assert_eq!(printed(&told, "").await.len(), 4);
    assert_eq!(printed(&told, "--until 1h").await, Vec::<Value>::new());
    let notice = printed(&told, "--content notice --user lena").await;
    assert_eq!(notice[0]["data"].get("user"), None);
    let (code, said) = told.admin.run("events acme --user nobody").await;
    assert_eq!(code, 1, "{said}");
    let (code, said) = told.admin.run("events acme --replay queue").await;
    assert_eq!(code, 2);
    assert!(said.contains("--queue-url"), "{said}");
}

#[tokio::test]
async fn what_comes_is_printed_once() {
    let told = Told::start().await;
    told.service.create_user("lena", json!({})).await;
    let mut lines = told.admin.follow("events acme --follow");
    let mut names = Vec::new();
    for name in ["omar", "kim"] {
        let event: Value = serde_json::from_str(&lines.next().await).unwrap();
        names.push(event["data"]["userName"].as_str().unwrap().to_owned());
        told.service.create_user(name, json!({})).await;
    }
    let event: Value = serde_json::from_str(&lines.next().await).unwrap();
    names.push(event["data"]["userName"].as_str().unwrap().to_owned());
    assert_eq!(names, ["lena", "omar", "kim"]);
}

/// A consumer that was not there from the start knows all by a snapshot, and what came before it
/// changes nothing.
#[tokio::test]
async fn a_snapshot_says_how_everything_is() {
    let mut told = Told::start().await;
    let users = told.directory.plant_users("acme", 60).await;
    let body = json!({"displayName": "North", "members": named(&users)});
    told.service.post("/Groups", body).await;
    let lena = told
        .service
        .create_user("lena", json!({"title": "Boss"}))
        .await;
    let body = json!({"displayName": "South", "members": named(std::slice::from_ref(&lena))});
    let south = told.service.post("/Groups", body).await.id();
    told.service.delete(&format!("/Users/{}", users[0])).await;
    let before = told.events().await;
    let snapshot = printed(&told, "--snapshot").await;
    for event in &snapshot {
        crate::support::schema::check(event);
    }
    let stored = shown(&told.service).await;
    assert_eq!(comparable(folded(&snapshot)), stored);
    // Together with what a listener was told, in any order.
    assert_eq!(comparable(folded(before.iter().chain(&snapshot))), stored);
    assert_eq!(comparable(folded(snapshot.iter().chain(&before))), stored);
    // What comes after it counts, even if it comes before it.
    told.service
        .patch(
            &format!("/Groups/{south}"),
            crate::support::groups::removing(&lena),
        )
        .await;
    let mut after = told.events().await;
    let stored = shown(&told.service).await;
    assert_eq!(comparable(folded(after.iter().chain(&snapshot))), stored);
    // A deletion that failed has let her leave a group, which was told: she waits for no
    // restoration.
    let reverse = format!("I#{lena}#{south}");
    let left = ["left", "parted_at"].map(|name| (name, "2026-11-26T20:00:00.000Z"));
    told.directory.plant("acme", &reverse, &left).await;
    let again = printed(&told, "--snapshot").await;
    told.directory.remove("acme", &reverse).await;
    assert_eq!(comparable(folded(&again)), stored);
    // Who was deleted before it comes back to the groups of before.
    let (code, said) = told
        .admin
        .run(&format!("user restore acme {}", users[0]))
        .await;
    assert_eq!(code, 0, "{said}");
    after.extend(told.events().await);
    let stored = shown(&told.service).await;
    assert!(
        stored
            .groups
            .values()
            .any(|(_, members)| members.contains(&users[0]))
    );
    assert_eq!(comparable(folded(after.iter().chain(&snapshot))), stored);
}

/// Who was somebody's manager and is erased is nobody's manager in what is told again.
#[tokio::test]
async fn an_erased_manager_is_left_out_of_what_is_told_again() {
    let told = Told::start().await;
    let boss = told.service.create_user("boss", json!({})).await;
    let lena = told.service.create_user("lena", json!({})).await;
    let manager = json!([{
        "op": "add",
        "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
        "value": boss,
    }]);
    let path = format!("/Users/{lena}");
    assert_eq!(told.service.patch(&path, manager).await.status, 200);
    let before = printed(&told, "--user lena").await;
    assert!(before[1]["data"]["user"].to_string().contains(&boss));
    let erase = format!("user erase acme {boss} --reason drill");
    let (code, said) = told.admin.run(&erase).await;
    assert_eq!(code, 0, "{said}");
    let after = printed(&told, "--user lena").await;
    assert!(!after[1].to_string().contains(&boss), "{}", after[1]);
    assert_eq!(after[1]["data"]["user"]["userName"], "lena");
    assert!(!after[1]["data"]["user"].to_string().contains("erased"));
}
