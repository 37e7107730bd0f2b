//! A second reading of how elements are added and removed (RFC 7644 §3.5.2.1, §3.5.2.2), which
//! compares each element with each: the engine, which finds them by keys, must agree with it.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::{PatchRequest, apply};
use crate::Resource;
use crate::schema::{USERS, check::check};
use crate::text::fold;
use crate::work::Budget;

/// Whether two texts, or other values, are equal where case does not count.
fn equal(one: &Value, other: &Value) -> bool {
    match (one.as_str(), other.as_str()) {
        (Some(one), Some(other)) => fold(one) == fold(other),
        _ => one == other,
    }
}

fn same(name: &str, one: &Value, other: &Value) -> bool {
    match (one.get(name), other.get(name)) {
        (Some(one), Some(other)) => equal(one, other),
        _ => false,
    }
}

fn add(elements: &mut Vec<Value>, added: &Value) {
    let before: Vec<bool> = elements.iter().map(is_primary).collect();
    for new in added.as_array().unwrap() {
        let identical = elements.iter().position(|old| old == new);
        let repeats = |old: &Value| {
            same("value", old, new) && (new.get("type").is_none() || same("type", old, new))
        };
        match identical.or_else(|| elements.iter().position(repeats)) {
            Some(place) => {
                let members = new.as_object().unwrap().clone();
                elements[place].as_object_mut().unwrap().extend(members);
            }
            None => elements.push(new.clone()),
        }
    }
    let had_it = |place: usize| before.get(place).copied().unwrap_or(false);
    let gained = elements
        .iter()
        .enumerate()
        .any(|(place, element)| is_primary(element) && !had_it(place));
    if gained {
        for (place, element) in elements.iter_mut().enumerate() {
            if had_it(place) {
                element["primary"] = false.into();
            }
        }
    }
}

fn is_primary(element: &Value) -> bool {
    let says = |name: &String| name != "type" && name != "primary";
    element["primary"] == true && element.as_object().unwrap().keys().any(says)
}

fn remove(elements: &mut Vec<Value>, given: &Value) {
    elements.retain(|element| {
        !given.as_array().unwrap().iter().any(|given| {
            let members = given.as_object().unwrap();
            members.keys().all(|name| same(name, element, given))
        })
    });
}

/// An e-mail address: few texts, of which several are equal where case does not count.
fn element() -> impl Strategy<Value = Value> {
    let text = || select(&["a", "A", "b", "straße", "STRASSE", "é", "É", "x"][..]);
    let kind = select(&["work", "WORK", "home", "straße", "strasse"][..]);
    let member = prop_oneof![
        4 => text().prop_map(|text| ("value", json!(text))),
        3 => kind.prop_map(|kind| ("type", json!(kind))),
        1 => text().prop_map(|text| ("display", json!(text))),
        2 => any::<bool>().prop_map(|primary| ("primary", json!(primary))),
    ];
    prop::collection::vec(member, 1..5).prop_map(|members| {
        let members = members.into_iter();
        Value::Object(
            members
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    })
}

fn elements(most: usize) -> impl Strategy<Value = Value> {
    prop::collection::vec(element(), 0..most).prop_map(Value::Array)
}

fn checked(emails: &Value) -> Resource {
    let body = Map::from_iter([
        ("userName".to_owned(), "u".into()),
        ("emails".to_owned(), emails.clone()),
    ]);
    check(&USERS, body).unwrap().resource
}

proptest! {
    #[test]
    fn the_engine_agrees_with_comparing_each_with_each(
        before in elements(8),
        operations in prop::collection::vec((any::<bool>(), elements(6)), 1..6),
    ) {
        let current = checked(&before);
        let mut expected = match current.attributes().get("emails") {
            Some(Value::Array(emails)) => emails.clone(),
            _ => Vec::new(),
        };
        let mut sent = Vec::new();
        for (adds, value) in &operations {
            if *adds {
                add(&mut expected, value);
            } else {
                remove(&mut expected, value);
            }
            let op = if *adds { "add" } else { "remove" };
            sent.push(json!({"op": op, "path": "emails", "value": value}));
        }
        let body = Map::from_iter([("Operations".to_owned(), sent.into())]);
        let request = PatchRequest::parse(body).unwrap();
        let next = apply(&USERS, &current, &request, &Budget::default()).unwrap();
        prop_assert_eq!(next.resource.unwrap_or(current), checked(&expected.into()));
    }
}
