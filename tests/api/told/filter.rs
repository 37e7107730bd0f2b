//! What the pipes' filter lets pass: new change records, of all kinds of items that there are.

use std::collections::BTreeSet;

use serde_json::json;

use crate::formats::golden::items_on_record;
use crate::support::patterns::matches;
use crate::support::told::pattern;

#[test]
fn of_all_items_new_change_records_pass_and_nothing_else_does() {
    let pattern = pattern();
    let mut kinds = BTreeSet::new();
    for stored in items_on_record() {
        if stored.is_secret {
            continue;
        }
        let keys = json!({"pk": {"S": "T#acme"}, "sk": {"S": stored.sort_key()}});
        for event in ["INSERT", "MODIFY", "REMOVE"] {
            let mut record = json!({"eventName": event, "dynamodb": {"Keys": keys}});
            if event == "REMOVE" {
                // By time to live.
                record["userIdentity"] =
                    json!({"type": "Service", "principalId": "dynamodb.amazonaws.com"});
            }
            let is_wanted = event == "INSERT" && stored.sort_key().starts_with("E#");
            assert_eq!(matches(&pattern, &record), is_wanted, "{record}");
        }
        kinds.insert(stored.sort_key().split('#').next().unwrap().to_owned());
    }
    // Every letter of keys.rs.
    let letters: String = kinds.into_iter().collect();
    assert_eq!(letters, "ABCDEFGHIJKLMNPRUWX");
}
