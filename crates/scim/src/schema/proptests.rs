//! `check` with arbitrary bodies: what it accepts is in its final form, and nothing that clients
//! cannot set gets in.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::check::check;
use super::{Attribute, Kind, USERS};
use crate::Resource;

/// A body in the shape of the schemas, with values of right and wrong types, and with attributes
/// that clients cannot set.
pub(crate) fn body() -> impl Strategy<Value = Map<String, Value>> {
    let mut members: Vec<BoxedStrategy<(String, Value)>> = Vec::new();
    for (extension, schema) in USERS.schemas() {
        for attribute in schema.attributes {
            let value = value(attribute);
            let (urn, name) = (schema.id, attribute.name);
            let member = (in_any_case(name), value.clone());
            members.push(if extension.is_none() {
                member.boxed()
            } else {
                prop_oneof![
                    member
                        .clone()
                        .prop_map(move |(name, value)| { (urn.to_owned(), json!({name: value})) }),
                    (Just(format!("{urn}:{name}")), value),
                    member,
                ]
                .boxed()
            });
            for sub_attribute in attribute.sub_attributes() {
                let path = format!("{name}.{}", sub_attribute.name);
                members.push((Just(path), scalar()).boxed());
            }
        }
    }
    for (name, value) in [
        ("id", json!("x")),
        ("meta", json!({"version": "9"})),
        ("schemas", json!(["urn:x"])),
        ("groups", json!([{"value": "g"}])),
        ("shoeSize", json!(39)),
        ("urn:example:custom:2.0:User", json!({"badge": 1})),
    ] {
        members.push(Just((name.to_owned(), value)).boxed());
    }
    let some = prop::sample::subsequence(members, 0..10);
    let user_name = prop_oneof![9 => "[a-z]{1,4}".prop_map(Value::from), 1 => scalar()];
    (some.prop_flat_map(|members| members), user_name).prop_map(|(members, user_name)| {
        let mut body: Map<String, Value> = members.into_iter().collect();
        body.insert("userName".to_owned(), user_name);
        body
    })
}

fn in_any_case(name: &'static str) -> impl Strategy<Value = String> + Clone {
    prop_oneof![
        Just(name.to_owned()),
        Just(name.to_uppercase()),
        Just(name.to_lowercase()),
    ]
}

/// A value for the attribute; one in ten is meant for another attribute.
pub(crate) fn value(attribute: &'static Attribute) -> BoxedStrategy<Value> {
    let one = match attribute.sub_attributes() {
        [] => fitting(attribute),
        subs => object(subs),
    };
    if !attribute.multi_valued {
        return prop_oneof![8 => one.clone(), 1 => array(one, 0..3), 1 => scalar()].boxed();
    }
    prop_oneof![8 => array(one.clone(), 0..4), 1 => one, 1 => scalar()].boxed()
}

fn object(attributes: &'static [Attribute]) -> BoxedStrategy<Value> {
    let of = |attribute: Attribute| (Just(attribute.name), fitting(&attribute));
    let member = prop::sample::select(attributes).prop_flat_map(of);
    let members = prop::collection::vec(member, 0..5);
    members
        .prop_map(|members| {
            let members = members.into_iter();
            Value::Object(
                members
                    .map(|(name, value)| {
                        let value = match (name, value) {
                            // Most types are among the few that collide.
                            ("type", Value::String(text)) if text.len() > 3 => "work".into(),
                            (_, value) => value,
                        };
                        (name.to_owned(), value)
                    })
                    .collect(),
            )
        })
        .boxed()
}

fn array(element: BoxedStrategy<Value>, size: std::ops::Range<usize>) -> BoxedStrategy<Value> {
    prop::collection::vec(element, size)
        .prop_map(Value::Array)
        .boxed()
}

/// A value of the attribute's type; one in thirty is any other.
fn fitting(attribute: &Attribute) -> BoxedStrategy<Value> {
    let scalar = scalar();
    let fitting = match attribute.kind {
        Kind::Boolean => prop::sample::select(vec![
            json!(true),
            json!(false),
            json!("True"),
            json!("False"),
        ])
        .boxed(),
        Kind::Binary => prop::sample::select(vec![json!("QQ=="), json!("QUI"), json!("")]).boxed(),
        _ => scalar
            .clone()
            .prop_filter("text", |value| value.is_string() || value.is_u64())
            .boxed(),
    };
    prop_oneof![30 => fitting, 1 => scalar].boxed()
}

/// Only a few values, so that repeats and matches are common, plus the odd ones that clients send.
pub(crate) fn scalar() -> impl Strategy<Value = Value> + Clone {
    prop_oneof![
        8 => prop::sample::select(vec!["a", "b", "A", "work", "home", "other"]).prop_map(Value::from),
        2 => prop::sample::select(vec![json!(true), json!(false), json!("True"), json!("False")]),
        1 => prop::sample::select(vec![json!(null), json!(""), json!([]), json!({}), json!(7), json!(1.5), json!(" ")]),
        1 => any::<String>().prop_map(Value::from),
        1 => prop::sample::select(vec![
            json!(r#"{"value":"a"}"#), json!(r#"{"VALUE":"{\"value\":\"a\",\"displayName\":\"b\"}"}"#), json!(r#"{"type":"a"}"#),
        ]),
        1 => prop::sample::select(vec![json!({"value": "a"}), json!([{"value": "b"}]), json!(["a"]), json!(["a", "b"])]),
    ]
}

/// Checks the invariants of every resource, wherever it comes from.
pub(crate) fn assert_final(resource: &Resource) {
    let attributes = resource.attributes();
    for name in ["id", "meta", "schemas", "groups", "password", "shoeSize"] {
        assert!(!attributes.contains_key(name), "{name}: {attributes:?}");
    }
    let manager = attributes
        .get("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")
        .and_then(|extension| extension.get("manager"));
    assert_eq!(manager.and_then(|manager| manager.get("displayName")), None);
    for value in attributes.values() {
        let elements = value.as_array().map_or(&[][..], Vec::as_slice);
        let primaries = elements
            .iter()
            .filter(|element| element.get("primary") == Some(&Value::Bool(true)));
        assert!(primaries.count() <= 1, "{value}");
    }
    assert_eq!(
        check(&USERS, attributes.clone()).map(|checked| checked.resource),
        Ok(resource.clone()),
        "the resource sent back is the same resource"
    );
}

proptest! {
    #[test]
    fn what_is_accepted_is_in_its_final_form(body in body()) {
        if let Ok(checked) = check(&USERS, body) {
            assert_final(&checked.resource);
            prop_assert_eq!(checked.members, None);
        }
    }
}
