//! `scim-admin migrate`: items are brought to the current format while clients write, and nothing
//! else is done to them.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use stand::wire::{Fate, Wire};

use crate::support::admin::{Admin, set};
use crate::support::every_kind::every_kind;
use crate::support::items::{BothTables, Stored};

fn format_of(stored: &Stored) -> Option<&str> {
    stored
        .item
        .get("f")
        .map(|number| number.as_n().unwrap().as_str())
}

/// Takes the number away from all items, as they were before there were numbers.
async fn age(tables: &BothTables) -> Vec<Stored> {
    let mut items = tables.items().await;
    for stored in &mut items {
        stored.item.remove("f");
        tables.put(stored).await;
    }
    items
}

/// How many items have no number, and how many of them were changed, by table and kind. The
/// operator's log has an entry of the migration itself.
fn told(migrated: &Value) -> BTreeMap<(String, String), [u64; 2]> {
    let items = migrated["items"].as_array().unwrap().iter();
    items
        .filter(|row| row["format"].is_null())
        .map(|row| {
            let table = row["table"].as_str().unwrap();
            let of = format!("{table} {}", row["kind"].as_str().unwrap_or("unknown"));
            let counts = ["items", "changed"].map(|name| row[name].as_u64().unwrap());
            ((of, row["format"].to_string()), counts)
        })
        .collect()
}

#[tokio::test]
async fn items_without_a_number_get_it_and_nothing_else() {
    let (_service, admin, tables) = Box::pin(every_kind()).await;
    let old = age(&tables).await;
    let total = old.len();

    let (code, dry) = admin.json("migrate --dry-run").await;
    assert_eq!((code, &dry["changed"]), (0, &json!(total)), "{dry}");
    assert!(tables.items().await == old, "a dry run writes nothing");

    let (code, migrated) = admin.json("migrate").await;
    assert_eq!(
        (code, &migrated["changed"]),
        (0, &json!(total)),
        "{migrated}"
    );
    assert_eq!(told(&migrated), told(&dry));
    let told = told(&migrated);
    let users = old
        .iter()
        .filter(|stored| stored.kind() == "U#<id>")
        .count() as u64;
    let key = ("directory User".to_owned(), "null".to_owned());
    assert_eq!(told[&key], [users, users]);
    let tenants = ("secrets tenants".to_owned(), "null".to_owned());
    assert_eq!(told[&tenants], [2, 2]);
    let new = tables.items().await;
    assert!(new.iter().all(|stored| format_of(stored) == Some("1")));
    let is_old = |stored: &Stored| old.iter().any(|of| of.key() == stored.key());
    let without: Vec<Stored> = new
        .into_iter()
        .filter(is_old)
        .map(|mut stored| {
            stored.item.remove("f");
            stored
        })
        .collect();
    assert!(without == old, "something else was changed");

    let (code, text) = admin.run("migrate --tenant acme").await;
    assert_eq!(code, 0);
    assert!(text.starts_with("1 tenants, 0 items changed"), "{text}");
    // What is left of a deleted tenant too.
    let (code, text) = admin.run("migrate --tenant beta").await;
    assert_eq!(code, 0);
    assert!(text.starts_with("1 tenants, 0 items changed"), "{text}");
    let (code, said) = admin.run("directory check acme").await;
    assert_eq!(code, 0, "{said}");
    let (code, said) = admin.run("migrate --tenant nobody").await;
    assert_eq!(code, 1);
    assert!(said.contains("tenant `nobody` does not exist"), "{said}");
}

#[tokio::test]
async fn one_tenant_is_migrated_alone_and_what_is_newer_is_left_alone() {
    let (service, directory, admin) = Admin::with_service().await;
    service.add_tenant("other").await;
    let lena = service.create_user("lena", json!({})).await;
    let tables = BothTables::of(admin.prefix()).await;
    age(&tables).await;
    let user = format!("U#{lena}");
    directory.plant_count("acme", &user, "f", 2).await;
    directory.plant("acme", "ZZ#new", &[]).await;
    let guard = "N#U#userName#lena";
    directory.plant_text("acme", guard, "f", "one").await;

    let (code, results, messages) = admin.output("migrate --tenant acme").await;
    assert_eq!(code, 0, "{results}{messages}");
    assert!(
        messages.contains("2 items are a newer release's"),
        "{messages}"
    );
    let (_, migrated) = admin.json("migrate --tenant acme --dry-run").await;
    assert_eq!(
        (&migrated["newer"], &migrated["changed"]),
        (&json!(2), &json!(0))
    );
    let unreadable = |row: &&Value| row["unreadable"] == true && row["items"] == 1;
    let rows = migrated["items"].as_array().unwrap();
    assert_eq!(rows.iter().filter(unreadable).count(), 1, "{migrated}");
    let items = directory.items("acme").await;
    assert_eq!(items[&user]["f"], AttributeValue::N("2".to_owned()));
    assert_eq!(items[guard]["f"], AttributeValue::S("one".to_owned()));
    assert!(!items["ZZ#new"].contains_key("f"));
    for stored in tables.items().await {
        let [partition, sort_key] = stored.key();
        let is_special = [user.as_str(), guard, "ZZ#new"].contains(&sort_key.as_str());
        if !is_special {
            let expected = partition.ends_with("acme").then_some("1");
            assert_eq!(format_of(&stored), expected, "{partition} {sort_key}");
        }
    }
}

/// What somebody removes or writes anew between the read and the change stays as it is.
#[tokio::test]
async fn what_clients_write_meanwhile_is_kept() {
    let (service, directory, admin) = Admin::with_service().await;
    let lena = service
        .create_user("lena", json!({"externalId": "x"}))
        .await;
    let max = service.create_user("max", json!({})).await;
    let tables = BothTables::of(admin.prefix()).await;
    age(&tables).await;
    // Every update waits until clients have written.
    let wire = Wire::start(
        crate::support::engine::endpoint(),
        |operation, _| match operation {
            "UpdateItem" => Fate::Held(Duration::from_millis(700)),
            _ => Fate::Passed,
        },
    )
    .await;
    let behind = admin.behind(&wire).await;
    let (migrated, ()) = tokio::join!(behind.json("migrate"), async {
        while wire.requests().iter().all(|asked| asked != "UpdateItem") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        set(&service, &format!("/Users/{max}"), "title", json!("Lead")).await;
        assert_eq!(service.delete(&format!("/Users/{lena}")).await.status, 204);
        directory
            .plant_count("acme", "N#U#userName#max", "f", 2)
            .await;
    });
    let (code, migrated) = migrated;
    assert_eq!(code, 0, "{migrated}");
    let items = directory.items("acme").await;
    assert!(!items.contains_key(&format!("U#{lena}")));
    assert!(!items.contains_key("N#U#userName#lena"));
    assert_eq!(
        items["N#U#userName#max"]["f"],
        AttributeValue::N("2".to_owned())
    );
    directory
        .plant_count("acme", "N#U#userName#max", "f", 1)
        .await;
    let (_, again) = admin.json("migrate").await;
    assert_eq!(again["newer"], 0, "{again}");
    for stored in tables.items().await {
        assert_eq!(format_of(&stored), Some("1"), "{}", stored.sort_key());
    }
    directory.check("acme").await;
}
