//! Whatever a stream shows, by chance: no record fails, and every event keeps to the contract.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::tests::{check, publisher, records};
use crate::{Content, function};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~]{0,40}".prop_map(Value::from),
        Just(json!("é".repeat(200_000))),
        "\\PC{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("S|N|B|L|M|[a-z]{1,4}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Attributes that are missing, of the wrong kind, or as long as an item may be.
    #[test]
    fn no_record_fails(
        which in 0..10_usize,
        names in prop::collection::vec("pk|sk|f|actor|operation|request_id|changes|document|identifiers|previous|created|added|removed", 0..4),
        values in prop::collection::vec(prop::option::of(any_json()), 4),
        sort_key in prop::option::of("E#(2026-11-26T20:00:01.123Z|x|)#[UGMIX#]{0,3}(2819c223-7f76-453a-919d-413861904646|x)?#[#~0-9a-f]{0,30}"),
    ) {
        let mut record = records().remove(which);
        let item = record["dynamodb"]["NewImage"].as_object_mut().unwrap();
        for (name, value) in names.iter().zip(values) {
            match value {
                // As a text or as anything.
                Some(Value::String(text)) => _ = item.insert(name.clone(), json!({"S": text})),
                Some(other) => _ = item.insert(name.clone(), other),
                None => _ = item.remove(name),
            }
        }
        if let Some(sort_key) = sort_key {
            item.insert("sk".to_owned(), json!({"S": sort_key}));
        }
        for content in [Content::Full, Content::Notice] {
            let events = publisher(content).events(&record);
            prop_assert!(events.len() <= 2);
            for event in &events {
                check(event);
            }
        }
    }

    #[test]
    fn no_batch_fails(batch in any_json()) {
        for event in function::handle(&publisher(Content::Full), &batch) {
            check(&event);
        }
    }
}
