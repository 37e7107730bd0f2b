//! A second reading of RFC 7644 §3.5.2 for paths that name one value: a resource is a list of names
//! with one text each, and an operation sets or clears one of them. On random PATCHes the engine
//! must agree with it, including on what is refused.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::{PatchRequest, apply};
use crate::Resource;
use crate::schema::{USERS, check::check};
use crate::work::Budget;

const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The text of each value by its path.
type Texts = BTreeMap<&'static str, String>;

/// Paths that name one value.
const VALUES: &[&str] = &[
    "userName",
    "externalId",
    "title",
    "active",
    "name.givenName",
    "name.familyName",
    "emails[type eq \"work\"].value",
    "emails[type eq \"home\"].value",
    "phoneNumbers[type eq \"mobile\"].value",
    "addresses[type eq \"work\"].locality",
    "department",
    "manager",
];
/// Paths that clients cannot set: an error as a path, ignored in an object.
const LOCKED: &[&str] = &["id", "meta.created", "groups", "manager.displayName"];
/// Paths to nothing: skipped, unless nothing else is named.
const UNKNOWN: &[&str] = &[
    "shoeSize",
    "name.first",
    "emails[type eq \"work\"].first",
    "emails[size eq \"1\"].value",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:hireDate",
];
/// Paths that the service does not store.
const IGNORED: &[&str] = &["password", "schemas", FOREIGN];
/// One that is of a schema that the service does not have.
const FOREIGN: &str = "urn:example:custom:2.0:User:badge";

/// One change of a naive PATCH; without text it clears the value.
#[derive(Debug, Clone)]
struct Change {
    is_remove: bool,
    path: &'static str,
    text: Option<&'static str>,
}

/// What a naive PATCH consists of: one change under a path, or several in an object.
#[derive(Debug, Clone)]
enum NaiveOperation {
    Path(Change),
    Object(Vec<Change>),
}

/// The values after all operations; `None` if one is refused.
fn naive(mut values: Texts, operations: &[NaiveOperation]) -> Option<Texts> {
    let (mut is_unknown, mut is_understood) = (false, false);
    for operation in operations {
        let (changes, in_object) = match operation {
            NaiveOperation::Path(change) => (std::slice::from_ref(change), false),
            NaiveOperation::Object(changes) => (changes.as_slice(), true),
        };
        for change in changes {
            is_understood |= !UNKNOWN.contains(&change.path) && change.path != FOREIGN;
            match change.path {
                path if UNKNOWN.contains(&path) => is_unknown |= !in_object,
                path if IGNORED.contains(&path) => {}
                path if LOCKED.contains(&path) && in_object => {}
                path if LOCKED.contains(&path) => return None,
                "userName" if change.is_remove => return None,
                path => match change.text {
                    Some(text) if !change.is_remove => _ = values.insert(path, text.to_owned()),
                    _ => _ = values.remove(path),
                },
            }
        }
    }
    if is_unknown && !is_understood {
        return None;
    }
    values.contains_key("userName").then_some(values)
}

/// The values of a resource, one by one.
fn values_of(resource: &Resource) -> Texts {
    let shown = Value::Object(resource.attributes().clone());
    let typed = |attribute: &str, kind: &str, name: &str| {
        let elements = shown[attribute].as_array().into_iter().flatten();
        let mut of_kind = elements.filter(|element| element["type"] == kind);
        of_kind.next().map(|element| element[name].clone())
    };
    let value = |path: &str| match path {
        "name.givenName" => Some(shown["name"]["givenName"].clone()),
        "name.familyName" => Some(shown["name"]["familyName"].clone()),
        "emails[type eq \"work\"].value" => typed("emails", "work", "value"),
        "emails[type eq \"home\"].value" => typed("emails", "home", "value"),
        "phoneNumbers[type eq \"mobile\"].value" => typed("phoneNumbers", "mobile", "value"),
        "addresses[type eq \"work\"].locality" => typed("addresses", "work", "locality"),
        "department" => Some(shown[ENTERPRISE]["department"].clone()),
        "manager" => Some(shown[ENTERPRISE]["manager"]["value"].clone()),
        simple => Some(shown[simple].clone()),
    };
    let text = |value: Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    };
    VALUES
        .iter()
        .filter_map(|path| Some((*path, value(path).and_then(text)?)))
        .collect()
}

fn change(object: bool) -> impl Strategy<Value = Change> {
    let path = prop_oneof![
        30 => select(VALUES),
        1 => select(LOCKED),
        2 => select(IGNORED),
        5 => select(UNKNOWN),
    ];
    (path, 0..4, select(&["a", "b", "B"][..]), any::<bool>()).prop_map(
        move |(path, kind, text, truth)| {
            let text = match path {
                "active" if truth => "true",
                "active" => "false",
                _ => text,
            };
            Change {
                is_remove: kind == 0 && !object,
                path,
                text: (kind > 1).then_some(text),
            }
        },
    )
}

fn operation() -> impl Strategy<Value = NaiveOperation> {
    let distinct = |changes: Vec<Change>| {
        let by_path = changes.into_iter().map(|change| (change.path, change));
        NaiveOperation::Object(by_path.collect::<BTreeMap<_, _>>().into_values().collect())
    };
    prop_oneof![
        3 => change(false).prop_map(NaiveOperation::Path),
        1 => prop::collection::vec(change(true), 1..4).prop_map(distinct),
    ]
}

/// The path with its names and keywords in upper case, and its values as they are.
fn in_upper_case(path: &str) -> String {
    let parts = path.split('"').enumerate();
    let parts = parts.map(|(index, part)| match index % 2 {
        0 => part.to_ascii_uppercase(),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("\"")
}

/// The operation as a client writes it; `style` selects one of several ways.
fn written(operation: &NaiveOperation, style: usize) -> Value {
    let path = |path: &str| {
        let is_extension = ["department", "manager"].contains(&path);
        match style % 4 {
            1 => in_upper_case(path),
            2 if is_extension => format!("{ENTERPRISE}:{path}"),
            2 if !path.starts_with("urn:") && VALUES.contains(&path) => format!("{CORE}:{path}"),
            _ => path.to_owned(),
        }
    };
    let is_plain = style.is_multiple_of(2);
    let value = |change: &Change| match change.text {
        Some("true") if is_plain => json!(true),
        Some("true") => json!("True"),
        Some("false") if is_plain => json!(false),
        Some(text) if change.path == "manager" && is_plain => json!({"value": text}),
        Some(text) => json!(text),
        None if is_plain => json!(null),
        None => json!(""),
    };
    let verb = ["add", "replace", "Add", "Replace"][style / 4 % 4];
    match operation {
        NaiveOperation::Path(change) if change.is_remove => {
            json!({"op": "remove", "path": path(change.path)})
        }
        NaiveOperation::Path(change) => {
            json!({"op": verb, "path": path(change.path), "value": value(change)})
        }
        NaiveOperation::Object(changes) => {
            let members = changes
                .iter()
                .map(|change| (path(change.path), value(change)));
            json!({"op": verb, "value": Value::Object(members.collect())})
        }
    }
}

fn patch() -> impl Strategy<Value = (Vec<NaiveOperation>, Vec<Value>)> {
    prop::collection::vec((operation(), 0..16_usize), 1..6).prop_map(|operations| {
        let written = operations
            .iter()
            .map(|(operation, style)| written(operation, *style));
        let written = written.collect();
        (
            operations
                .into_iter()
                .map(|(operation, _)| operation)
                .collect(),
            written,
        )
    })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("not an object: {other}"),
    }
}

proptest! {
    #[test]
    fn the_engine_agrees_with_the_naive_reading(
        (before, _) in patch(),
        (operations, written) in patch(),
    ) {
        let user = object(json!({"userName": "u", "emails": [{"type": "home", "value": "h"}]}));
        let empty = check(&USERS, user).unwrap().resource;
        // A user that some PATCH made, or the one from which it would have.
        let sent = before.iter().map(|operation| self::written(operation, 0)).collect::<Vec<_>>();
        let made = PatchRequest::parse(object(json!({"Operations": sent})))
            .and_then(|request| apply(&USERS, &empty, &request, &Budget::default()));
        let made = made.ok().and_then(|made| made.resource);
        let current = made.unwrap_or(empty);
        let expected = naive(values_of(&current), &operations);
        let request = PatchRequest::parse(object(json!({"Operations": written}))).unwrap();
        let applied = apply(&USERS, &current, &request, &Budget::default());
        match (applied.map(|applied| applied.resource), expected) {
            (Err(_), None) => {}
            (Ok(None), Some(expected)) => prop_assert_eq!(values_of(&current), expected),
            (Ok(Some(next)), Some(expected)) => {
                prop_assert_eq!(values_of(&next), expected);
                prop_assert_ne!(next, current);
            }
            (got, expected) => prop_assert!(false, "{:?} where {:?} is expected", got, expected),
        }
    }
}
