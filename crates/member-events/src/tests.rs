//! Whatever a stream shows becomes events that keep to the contract: no record can stop those
//! behind it.

use std::sync::LazyLock;

use crate::{Content, Event, MAX_EVENT, Publisher, function};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonschema::Validator;
use serde_json::{Map, Value, json};

const USER: &str = "2819c223-7f76-453a-919d-413861904646";
const GROUP: &str = "78a43f01-b31d-43b4-a780-f2d706ff2f0a";
const CHANGE: &str = "0f5444af-ddde-4c70-a44e-78005b391b6e";
const AT: &str = "2026-11-26T20:00:01.123Z";

static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let schema = include_str!("../../../schemas/member-event-1.json");
    let schema = serde_json::from_str(schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
});

pub fn publisher(content: Content) -> Publisher {
    Publisher::new(Some("https://scim.example.com"), content)
}

/// A record of the stream, of an item with these attributes.
fn record(sort_key: &str, attributes: &[(&str, Value)]) -> Value {
    let keys = json!({"pk": {"S": "T#acme"}, "sk": {"S": sort_key}});
    let mut item: Map<String, Value> = keys.as_object().unwrap().clone();
    item.insert("f".to_owned(), json!({"N": "1"}));
    for (name, value) in attributes {
        item.insert((*name).to_owned(), value.clone());
    }
    json!({
        "eventID": "98fa2cc540114f7da66fe01897781d6f",
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "dynamodb": {"Keys": keys, "NewImage": item, "SequenceNumber": "1"},
    })
}

fn text(text: impl Into<String>) -> Value {
    json!({"S": text.into()})
}

/// A record of a version, with who made it.
fn version(letter: &str, id: &str, operation: &str, attributes: &[(&str, Value)]) -> Value {
    let mut all = vec![
        ("actor", text("1a2b3c4d5e6f")),
        ("operation", text(operation)),
        ("request_id", text("JKJaXmPLvHcESHA=")),
    ];
    all.extend_from_slice(attributes);
    record(&format!("E#{AT}#{letter}#{id}#7"), &all)
}

fn members(step: &str, name: &str, count: usize) -> Value {
    let ids: Vec<u8> = (0..count)
        .flat_map(|number| (number as u128).to_be_bytes())
        .collect();
    let attributes = [
        ("actor", text("operator")),
        ("operation", text("undo")),
        ("request_id", text("x")),
        (name, json!({"B": STANDARD.encode(ids)})),
    ];
    record(&format!("E#{AT}#M#{GROUP}#{CHANGE}{step}"), &attributes)
}

/// One of each kind.
pub fn records() -> Vec<Value> {
    let changes = |changes: Value| ("changes", text(changes.to_string()));
    let document = |document: Value| ("document", text(document.to_string()));
    let user = json!({"userName": "lena@crew.example", "externalId": "x", "active": false});
    vec![
        version(
            "U",
            USER,
            "create",
            &[changes(json!({
                "userName": {"after": "lena@crew.example"},
                "active": {"after": true},
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department":
                    {"after": "North"},
            }))],
        ),
        version(
            "U",
            USER,
            "patch",
            &[
                changes(json!({"active": {"before": true, "after": false}})),
                document(user),
                ("previous", text(AT)),
                ("created", text(AT)),
            ],
        ),
        version(
            "U",
            USER,
            "delete",
            &[changes(
                json!({"userName": {"before": "lena@crew.example"}}),
            )],
        ),
        version(
            "G",
            GROUP,
            "replace",
            &[
                changes(json!({"displayName": {"before": "North", "after": "South"}})),
                document(json!({"displayName": "South"})),
            ],
        ),
        members("", "added", 40),
        members("#~3", "removed", 48),
        members("#0", "added", 6_000),
        record(&format!("E#{AT}#I#{USER}#{GROUP}"), &[]),
        record(&format!("E#{AT}#Y#{USER}#1"), &[]),
        record(&format!("U#{USER}"), &[]),
    ]
}

/// What holds for every event.
pub fn check(event: &Event) -> Value {
    let json = event.json();
    assert!(json.len() <= MAX_EVENT, "{} bytes", json.len());
    let value: Value = serde_json::from_str(&json).unwrap();
    if let Some(error) = SCHEMA.iter_errors(&value).next() {
        panic!("{error} at {}: {json}", error.instance_path());
    }
    for name in ["id", "subject"] {
        let text = value[name].as_str().unwrap();
        // What SQS takes for a group and for an id.
        assert!(text.len() <= 128, "{text}");
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
    }
    value
}

fn told(record: &Value) -> Vec<Value> {
    let events = function::handle(&publisher(Content::Full), &json!([record]));
    events.iter().map(check).collect()
}

#[test]
fn each_kind_of_record_is_told_as_what_it_is() {
    let kinds: Vec<Vec<String>> = records()
        .iter()
        .map(|record| {
            let told = told(record);
            told.iter()
                .map(|event| {
                    event["type"]
                        .as_str()
                        .unwrap()
                        .replace("com.hellotracks.", "")
                })
                .collect()
        })
        .collect();
    let expected: [&[&str]; 10] = [
        &["member.created"],
        &["member.deactivated"],
        &["member.deleted"],
        &["group.updated"],
        &["group.member_added"],
        &["group.member_removed"],
        &[],
        &[],
        &["member.unreadable"],
        &[],
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn a_new_resource_is_as_its_changes_say() {
    let told = told(&records()[0]);
    let data = &told[0]["data"];
    assert_eq!(
        data["user"],
        json!({
            "schemas": [
                "urn:ietf:params:scim:schemas:core:2.0:User",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            ],
            "id": USER,
            "userName": "lena@crew.example",
            "active": true,
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "North"},
            "meta": {
                "resourceType": "User",
                "created": AT,
                "lastModified": AT,
                "location": format!("https://scim.example.com/scim/v2/Users/{USER}"),
                "version": "W/\"7\"",
            },
        })
    );
    assert_eq!(data.get("changes"), None);
    assert_eq!(data.get("truncated"), None);
}

#[test]
fn a_notice_says_neither_state_nor_changes() {
    for record in records() {
        for event in publisher(Content::Notice).events(&record) {
            let event = check(&event);
            for name in ["user", "group", "changes", "truncated"] {
                assert_eq!(event["data"].get(name), None, "{event}");
            }
        }
    }
    let told = publisher(Content::Notice).events(&records()[1]);
    let data = &check(&told[0])["data"];
    assert_eq!(data["active"], false);
    assert_eq!(data["userName"], "lena@crew.example");
}

/// The parts go that are least needed: the state says more than the changes.
#[test]
fn what_is_too_long_is_left_out_and_said_so() {
    let long = |length: usize| "x".repeat(length);
    for (title, note, has_changes, has_user) in [
        (1_000, 1_000, true, true),
        (9_000, 9_000, false, true),
        (20_000, 1_000, false, false),
    ] {
        let document = json!({"userName": "lena", "active": true, "title": long(title)});
        let changes = json!({"displayName": {"before": long(note), "after": long(note)}});
        let record = version(
            "U",
            USER,
            "patch",
            &[
                ("changes", text(changes.to_string())),
                ("document", text(document.to_string())),
            ],
        );
        let told = told(&record);
        let data = &told[0]["data"];
        assert_eq!(data.get("changes").is_some(), has_changes, "{title}");
        assert_eq!(data.get("user").is_some(), has_user, "{title}");
        assert_eq!(data.get("truncated").is_some(), !has_changes, "{title}");
        assert_eq!(data["userName"], "lena");
    }
}

/// A record of an earlier release, one of a resource that is too long for it, and one of a person
/// who was erased do not say all.
#[test]
fn what_a_record_does_not_say_is_not_made_up() {
    let changes = json!({"title": {"after": "Boss"}});
    let changed = ("changes", text(changes.to_string()));
    let bare = told(&version("U", USER, "patch", std::slice::from_ref(&changed)));
    assert_eq!(bare[0]["data"]["truncated"], true);
    assert_eq!(bare[0]["data"].get("active"), None);
    let identifiers = json!({"userName": "lena", "active": false}).to_string();
    let known = [changed, ("identifiers", text(identifiers))];
    let known = told(&version("U", USER, "patch", &known));
    assert_eq!(known[0]["data"]["userName"], "lena");
    assert_eq!(known[0]["data"]["active"], false);
    assert_eq!(known[0]["data"].get("user"), None);
    let erased = json!({
        "userName": {"after": "erased", "before": "erased"},
        "active": {"after": "erased", "before": "erased"},
    });
    for operation in ["create", "patch", "delete", "erase"] {
        let changes = ("changes", text(erased.to_string()));
        let told = told(&version("U", USER, operation, &[changes]));
        let data = &told[0]["data"];
        assert_eq!(data.get("userName"), None, "{operation}");
        assert_eq!(data.get("user"), None, "{operation}");
    }
}

/// A user may have no `active` at all: then there is no access, and nothing is missing.
#[test]
fn a_user_without_access_is_told_whole() {
    let changes = json!({"userName": {"after": "lena"}, "title": {"after": "erased"}});
    let restored = version(
        "U",
        USER,
        "restore",
        &[("changes", text(changes.to_string()))],
    );
    let lost = version(
        "U",
        USER,
        "patch",
        &[
            (
                "changes",
                text(json!({"active": {"before": true}}).to_string()),
            ),
            ("document", text(json!({"userName": "lena"}).to_string())),
        ],
    );
    for (record, kind) in [(restored, "restored"), (lost, "deactivated")] {
        let told = told(&record);
        assert_eq!(told[0]["type"], format!("com.hellotracks.member.{kind}"));
        let data = &told[0]["data"];
        assert_eq!(data["user"]["userName"], "lena", "{kind}");
        assert_eq!(data["active"], false, "{kind}");
        assert_eq!(data.get("truncated"), None, "{kind}");
    }
}

/// Numbers that the service does not write, and formats that it does not know.
#[test]
fn what_only_looks_like_a_record_is_unreadable() {
    let sound = records().remove(0).to_string();
    for (is, instead) in [
        (format!("{USER}#7"), format!("{USER}#0")),
        (format!("{USER}#7"), format!("{USER}#+7")),
        ("{\"N\":\"1\"}".to_owned(), "{\"N\":\"2\"}".to_owned()),
        ("{\"N\":\"1\"}".to_owned(), "{\"N\":\"1e30\"}".to_owned()),
        ("{\"N\":\"1\"}".to_owned(), "{\"S\":\"1\"}".to_owned()),
    ] {
        assert!(sound.contains(&is), "{sound}");
        let record: Value = serde_json::from_str(&sound.replace(&is, &instead)).unwrap();
        let kind = &told(&record)[0]["type"];
        assert_eq!(kind, "com.hellotracks.member.unreadable", "{instead}");
    }
}

#[test]
fn the_longest_tenant_has_ids_that_a_queue_takes() {
    let longest = format!("T#{}", "a".repeat(40));
    for record in records() {
        let count = told(&record).len();
        let record = record.to_string().replace("T#acme", &longest);
        let record: Value = serde_json::from_str(&record).unwrap();
        assert_eq!(told(&record).len(), count);
    }
}

/// One record of a batch cannot take the room of the others: a pipe's target takes ten.
#[test]
fn a_record_has_two_events_at_most() {
    let both = members("", "added", 20);
    let mut both = both;
    let added = both["dynamodb"]["NewImage"]["added"].clone();
    both["dynamodb"]["NewImage"]["removed"] = added;
    let told = told(&both);
    assert_eq!(told.len(), 2);
    assert_ne!(told[0]["id"], told[1]["id"]);
    assert_eq!(told[0]["subject"], told[1]["subject"]);
}

#[test]
fn what_is_no_batch_has_no_events() {
    for batch in [json!(null), json!({}), json!("x"), json!([null, 7, [], {}])] {
        assert_eq!(function::handle(&publisher(Content::Full), &batch), []);
    }
    let mut removed = records().remove(0);
    removed["eventName"] = "REMOVE".into();
    assert_eq!(told(&removed), Vec::<Value>::new());
}
