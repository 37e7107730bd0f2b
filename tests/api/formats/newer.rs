//! What a newer release may have written, when its predecessor is back: what it does not know is
//! shown or passed over, and an item whose format it cannot read is refused as such, and left as it
//! is.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use scim::schema::USERS;
use scim::{ResourceId, resource::rfc3339};
use serde_json::{Value, json};
use store::{Gate, Meter, StoreError};
use time::OffsetDateTime;

use crate::support::admin::{Admin, members, set};
use crate::support::directory::{DirectoryTable, Item, text};
use crate::support::every_kind::{acme, every_kind};
use crate::support::groups::{adding, change, group, groups_of, members_of, path, removing};
use crate::support::items::{BothTables, Stored};
use crate::support::service::Service;

/// What a later release could call those who make changes.
const SOMEBODY: &str = "operator arn:aws:iam::123456789012:user/mo\u{1b}[2J";

/// Sort keys of items of kinds and of resource types that nobody knows yet.
fn unknown_kinds(id: &str) -> Vec<String> {
    let at = rfc3339(OffsetDateTime::now_utc());
    let mut keys = vec![
        format!("E#{at}#T#{id}#1"),
        format!("ZZ#{at}#{id}"),
        format!("Y#{id}"),
        "V#something".to_owned(),
    ];
    keys.extend(["L", "N", "C", "F", "D"].map(|letter| format!("{letter}#T#{id}")));
    keys.extend(["T#", "T2#"].map(|letter| format!("{letter}{id}")));
    keys.push("B#T".to_owned());
    keys
}

/// A tenant with two users in a group, and everything that a later release may add to it without a
/// new number.
async fn added_to() -> (Service, DirectoryTable, Admin, [String; 3]) {
    let (service, directory, admin) = Admin::with_service().await;
    let lena = service
        .create_user("lena", json!({"externalId": "x"}))
        .await;
    let max = service.create_user("max", json!({})).await;
    let north = group(&service, "North", &[lena.clone(), max.clone()]).await;
    set(&service, &format!("/Users/{max}"), "title", json!("Lead")).await;
    set(&service, &format!("/Users/{lena}"), "active", json!(false)).await;
    set(&service, &format!("/Users/{lena}"), "active", json!(true)).await;
    for (sort_key, _) in directory.items("acme").await {
        let texts = [("added_later", "x")];
        directory
            .plant_text("acme", &sort_key, texts[0].0, texts[0].1)
            .await;
        // The latest of a user, and that of the group.
        let is_told = sort_key.ends_with(&format!("{max}#2")) || sort_key.contains("#M#");
        if sort_key.starts_with("E#") && is_told {
            for (name, text) in [("operation", "anonymise"), ("actor", SOMEBODY)] {
                directory.plant_text("acme", &sort_key, name, text).await;
            }
        }
    }
    for sort_key in unknown_kinds(&lena) {
        directory
            .plant("acme", &sort_key, &[("what", "ever")])
            .await;
    }
    (service, directory, admin, [lena, max, north])
}

#[tokio::test]
async fn unknown_operations_actors_and_kinds_are_shown_or_passed_over() {
    let (_service, directory, admin, [lena, max, north]) = added_to().await;
    let unknown = unknown_kinds(&lena).len();
    let (code, status) = admin.run("tenant status acme").await;
    assert_eq!(code, 0, "{status}");
    assert!(
        status.contains("users        2, 2 of them active"),
        "{status}"
    );
    assert!(status.contains("groups       1"), "{status}");

    let (code, history) = admin.run("history acme").await;
    assert_eq!(code, 0, "{history}");
    let shown = SOMEBODY.replace('\u{1b}', "\\u{1b}");
    let line = format!("anonymise  User {max} version 2, {shown}, request");
    assert!(history.contains(&line), "{history}");
    assert!(history.contains(&format!("anonymise  Group {north} members +2")));
    assert!(
        history.contains("this version does not know: E#"),
        "{history}"
    );
    let records = admin.history("").await;
    let operations = members(&records, "operation");
    assert_eq!(
        operations.iter().filter(|of| **of == "anonymise").count(),
        2
    );
    assert!(members(&records, "actor").contains(&json!(SOMEBODY)));
    let life = admin.history(&format!("--user {max}")).await;
    assert_eq!(
        members(&life, "operation"),
        [json!("create"), json!("anonymise")]
    );

    let (code, said) = admin
        .run("directory check acme --repair --reason drill")
        .await;
    assert_eq!(code, 0, "{said}");
    let expected = format!(
        "3 resources, 0 defects, 0 repaired\n{unknown} items of a newer release, not judged"
    );
    assert_eq!(said.trim_end(), expected);
    let (_, checked) = admin.json("directory check acme").await;
    assert_eq!(checked["newer"], unknown);
    let items = directory.items("acme").await;
    for sort_key in unknown_kinds(&lena) {
        // The time of the record is another one.
        let kind = sort_key.split('#').next().unwrap();
        let is_there = items.keys().any(|there| there.starts_with(kind));
        assert!(is_there, "{sort_key}");
    }
}

#[tokio::test]
async fn clients_read_and_write_beside_what_is_unknown() {
    let (service, directory, admin, [lena, max, north]) = added_to().await;
    assert_eq!(
        service.find("userName eq \"lena\"").await.ids(),
        std::slice::from_ref(&lena)
    );
    assert_eq!(service.get("/Users").await.body["totalResults"], 2);
    assert_eq!(service.get("/Groups").await.body["totalResults"], 1);
    assert_eq!(
        groups_of(&service, &lena).await,
        std::slice::from_ref(&north)
    );
    let new = service.create_user("new", json!({})).await;
    set(
        &service,
        &format!("/Users/{max}"),
        "title",
        json!("Captain"),
    )
    .await;
    change(&service, &north, adding(&new)).await;
    change(&service, &north, removing(&max)).await;
    set(&service, &path(&north), "displayName", json!("North Crew")).await;
    set(&service, &format!("/Users/{max}"), "active", json!(false)).await;
    assert_eq!(service.delete(&format!("/Users/{lena}")).await.status, 204);
    let (code, said) = admin.run(&format!("user restore acme {lena}")).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        groups_of(&service, &lena).await,
        std::slice::from_ref(&north)
    );
    assert_eq!(members_of(&service, &north).await.len(), 2);
    let (code, said) = admin.run("directory check acme").await;
    assert_eq!(code, 0, "{said}");

    // So it is with an attribute that only a later schema has.
    let user = format!("U#{max}");
    let document = "{\"active\":true,\"nickNameLater\":\"M\",\"userName\":\"max\"}";
    directory
        .plant_text("acme", &user, "document", document)
        .await;
    let document = async || text(&directory.items("acme").await[&user], "document").to_owned();
    let url = format!("/Users/{max}");
    set(&service, &url, "title", json!("Chief")).await;
    assert!(document().await.contains("nickNameLater"));
    let shown = service.get(&url).await;
    assert_eq!(shown.body.get("nickNameLater"), None, "{}", shown.body);
    assert_eq!(service.put(&url, shown.body).await.status, 200);
    assert!(!document().await.contains("nickNameLater"));

    // What is updated keeps what this release does not know; what is written whole does not.
    let items = directory.items("acme").await;
    let keeps = |sort_key: &str| items[sort_key].contains_key("added_later");
    assert!(keeps(&format!("C#U#{}", &max[..2])));
    assert!(keeps(&format!("G#{north}#{}", &max[..1])) && keeps(&format!("I#{lena}#{north}")));
    assert!(keeps("N#U#userName#max") && keeps("B#U"));
    assert!(!keeps(&format!("U#{max}")) && !keeps(&format!("G#{north}")));
    for sort_key in unknown_kinds(&lena) {
        if !sort_key.starts_with(['E', 'Z']) {
            assert_eq!(text(&items[&sort_key], "what"), "ever");
        }
    }
}

#[tokio::test]
async fn tenants_and_keys_are_kept_beside_what_is_unknown() {
    let (service, _, admin) = Admin::with_service().await;
    let tables = BothTables::of(admin.prefix()).await;
    let added = ("added_later".to_owned(), AttributeValue::S("x".to_owned()));
    for mut stored in tables.items().await {
        stored.item.extend([added.clone()]);
        tables.put(&stored).await;
        if stored.is_secret {
            let sort_key = AttributeValue::S(format!("CLIENT#{}", stored.sort_key()));
            stored.item.insert("secrets_sk".to_owned(), sort_key);
            tables.put(&stored).await;
        }
    }
    for command in [
        "tenant list",
        "key list acme",
        "key warnings",
        "key create acme --label next",
        "tenant disable acme --reason drill",
        "tenant enable acme",
        "migrate",
    ] {
        let (code, said) = admin.run(command).await;
        assert_eq!(code, 0, "{command}: {said}");
    }
    assert_eq!(service.get("/Users").await.status, 200);
    let kept = |stored: &Stored| stored.item.contains_key("added_later");
    let kept = tables.items().await.iter().filter(|of| kept(of)).count();
    assert!(kept >= 4, "{kept}");
}

/// The first item of each kind, by kind.
async fn first_of_each(tables: &BothTables) -> BTreeMap<String, Stored> {
    let items = tables.items().await.into_iter();
    let mut first = BTreeMap::new();
    for stored in items.filter(|stored| !stored.is_secret) {
        first.entry(stored.kind()).or_insert(stored);
    }
    first
}

fn with_format(stored: &Stored, format: u64) -> Stored {
    let mut newer = stored.clone();
    let format = AttributeValue::N(format.to_string());
    newer.item.insert("f".to_owned(), format);
    newer
}

/// Whatever the kind of the item, the check judges neither it nor what depends on it, and the
/// repair touches nothing.
#[tokio::test]
async fn an_item_of_a_newer_format_is_counted_and_left_alone() {
    let (_service, admin, tables) = Box::pin(every_kind()).await;
    let check = async |kind: &str, stored: &Stored, command: &str| {
        tables.put(&with_format(stored, 2)).await;
        let (code, checked) = admin.json(command).await;
        assert_eq!(checked["defects"], json!([]), "{kind}");
        assert_eq!(
            (code, &checked["newer"], &checked["repaired"]),
            (0, &json!(1), &json!(0)),
            "{kind}: {checked}"
        );
        tables.put(stored).await;
    };
    let pending = first_of_each(&tables).await.remove("J#<g>").unwrap();
    check("J#<g>", &pending, "directory check acme").await;
    check(
        "J#<g>",
        &pending,
        "directory check acme --repair --reason drill",
    )
    .await;
    let (code, said) = admin
        .run("directory check acme --repair --reason drill")
        .await;
    assert_eq!(code, 0, "{said}");

    let directory = async || -> Vec<Stored> {
        let items = tables.items().await.into_iter();
        items.filter(|stored| !stored.is_secret).collect()
    };
    let before = directory().await;
    let each = first_of_each(&tables).await;
    assert!(each.len() >= 29, "{:?}", each.keys());
    for (kind, stored) in &each {
        check(kind, stored, "directory check acme --repair --reason drill").await;
    }
    assert!(directory().await == before, "something was repaired");
}

/// Everybody else is told, by an error of its own.
#[tokio::test]
async fn an_item_of_a_newer_format_is_refused_as_such() {
    let (service, directory, admin) = Admin::with_service().await;
    let [lena, max] = ["lena", "max"].map(str::to_owned);
    let lena = service.create_user(&lena, json!({})).await;
    let max = service.create_user(&max, json!({})).await;
    set(&service, &format!("/Users/{lena}"), "title", json!("Lead")).await;
    set(
        &service,
        &format!("/Users/{lena}"),
        "title",
        json!("Captain"),
    )
    .await;
    let user = format!("U#{lena}");
    let raise = async |sort_key: &str, format| {
        directory.plant_count("acme", sort_key, "f", format).await;
    };

    // A record is shown, and hides neither itself nor those before it.
    let records: Vec<String> = directory
        .items("acme")
        .await
        .into_keys()
        .filter(|key| key.starts_with("E#") && key.contains(&lena))
        .collect();
    raise(&records[1], 2).await;
    for arguments in ["", &format!("--user {lena}")] {
        let shown = admin.history(arguments).await;
        let of_lena = |record: &&Value| record.to_string().contains(&lena);
        let of_lena: Vec<&Value> = shown.iter().filter(of_lena).collect();
        assert_eq!(of_lena.len(), 3, "{shown:?}");
        assert_eq!(of_lena[1]["unknown"], json!(records[1]));
    }
    assert_eq!(admin.run("tenant status acme").await.0, 0);
    raise(&records[2], 2).await;
    let (code, status) = admin.run("tenant status acme").await;
    assert_eq!(code, 0, "{status}");

    raise(&user, 2).await;
    let before = directory.items("acme").await;
    for answer in [
        service.get(&format!("/Users/{lena}")).await,
        service.find("userName eq \"lena\"").await,
        service.get("/Users").await,
        service
            .patch(
                &format!("/Users/{lena}"),
                json!([{"op": "remove", "path": "title"}]),
            )
            .await,
        service.delete(&format!("/Users/{lena}")).await,
    ] {
        answer.error(500, "");
        assert!(
            answer.body["detail"]
                .as_str()
                .unwrap()
                .contains("the service failed")
        );
    }
    let unrefused = |items: BTreeMap<String, Item>| -> BTreeMap<String, Item> {
        items
            .into_iter()
            .filter(|(key, _)| !key.starts_with(['R', 'P', 'H']))
            .collect()
    };
    let after = unrefused(directory.items("acme").await);
    assert!(after == unrefused(before), "something was written");
    let (meter, gate, tenant) = (Meter::default(), Gate::opened(), acme());
    let store = service.app.store.tenant(&tenant, &meter, &gate);
    let id = ResourceId::parse(&lena).unwrap();
    let refused = store.get(&USERS, &id).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::NewerFormat { format: 2, .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("deploy that release again"));
    // Others are as they were.
    assert_eq!(service.get(&format!("/Users/{max}")).await.status, 200);
    raise(&user, 1).await;

    // An update leaves the number as it is.
    let counter = format!("F#U#{}", &lena[..4]);
    raise(&counter, 2).await;
    assert_eq!(service.delete(&format!("/Users/{lena}")).await.status, 204);
    assert_eq!(
        directory.items("acme").await[&counter]["f"],
        AttributeValue::N("2".to_owned())
    );
    let tombstone = format!("D#U#{lena}");
    raise(&tombstone, 2).await;
    let (code, said) = admin.run("user deleted acme").await;
    assert_eq!(code, 1);
    assert!(
        said.contains("an item of the kind `D` of `T#acme` has the format 2"),
        "{said}"
    );
}

/// A key that cannot be read is not accepted, and not refused as unknown either.
#[tokio::test]
async fn a_key_of_a_newer_format_is_a_failure_of_the_service() {
    let (service, _, admin) = Admin::with_service().await;
    let tables = BothTables::of(admin.prefix()).await;
    let mut raised = 0;
    for stored in tables.items().await {
        if stored.is_secret {
            tables.put(&with_format(&stored, 2)).await;
            raised += 1;
        }
    }
    let answer = service.get("/Users").await;
    answer.error(500, "");
    for command in [
        "key list acme",
        "tenant list",
        "key warnings",
        "tenant disable acme --reason drill",
    ] {
        let (code, said) = admin.run(command).await;
        assert_eq!(code, 1, "{command}");
        assert!(
            said.contains("a newer release wrote it"),
            "{command}: {said}"
        );
    }
    let (code, migrated) = admin.json("migrate --tenant acme").await;
    assert_eq!(
        (code, &migrated["changed"], &migrated["newer"]),
        (0, &json!(0), &json!(raised))
    );
}
