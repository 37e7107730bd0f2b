//! What it costs that records have the state after a change: no call, and write units for its
//! length.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::support::capture::logged;
use crate::support::directory::{DirectoryTable, Item};

/// A user as Entra's default mapping sends it.
fn default_mapping() -> Value {
    let event = include_str!("../../../events/create-default-mapping.json");
    let event: Value = serde_json::from_str(event).unwrap();
    serde_json::from_str(event["body"].as_str().unwrap()).unwrap()
}

/// The bytes of an item of texts and numbers, as DynamoDB bills it, or of a part of it.
fn bytes(item: &Item, is_counted: impl Fn(&str) -> bool) -> usize {
    let attributes = item.iter().filter(|(name, _)| is_counted(name));
    attributes
        .map(|(name, value)| match value {
            AttributeValue::S(text) | AttributeValue::N(text) => name.len() + text.len(),
            other => panic!("{name}: {other:?}"),
        })
        .sum()
}

/// Write units of an item in a transaction.
fn units(bytes: usize) -> f64 {
    (2 * bytes.div_ceil(1024)) as f64
}

#[tokio::test]
async fn a_change_costs_its_document_once_more_and_a_creation_nothing() {
    let (service, directory) = DirectoryTable::with_service().await;
    let (created, lines) = logged(service.post("/Users", default_mapping())).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let of_creation = lines[0]["write_units"].as_f64().unwrap();
    let path = format!("/Users/{}", created.id());
    let title = json!([{"op": "replace", "path": "title", "value": "Boss"}]);
    let (patched, lines) = logged(service.patch(&path, title)).await;
    assert_eq!(patched.status, 200, "{}", patched.body);
    // The check of the key, the user, the transaction, and the groups for the answer.
    assert_eq!(lines[0]["dynamodb_calls"], 5);
    let of_patch = lines[0]["write_units"].as_f64().unwrap();
    let items = directory.items("acme").await;
    let records: Vec<&Item> = items
        .iter()
        .filter(|(key, _)| key.starts_with("E#"))
        .map(|(_, item)| item)
        .collect();
    let [creation, patch] = records[..] else {
        panic!("two records: {records:?}");
    };
    assert!(!creation.contains_key("document"));
    let is_new = |name: &str| ["document", "created"].contains(&name);
    let (all, without) = (bytes(patch, |_| true), bytes(patch, |name| !is_new(name)));
    let price = units(all) - units(without);
    println!(
        "record {without} -> {all} bytes; POST {of_creation}, PATCH {of_patch} ({price} more)"
    );
    if std::env::var_os("SCIM_TEST_DYNAMODB_ENDPOINT").is_none() {
        // A PATCH had four before.
        assert_eq!((of_creation, of_patch, price), (20.0, 6.0, 2.0));
    }
}
