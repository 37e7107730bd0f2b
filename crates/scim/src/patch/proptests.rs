//! PATCH with arbitrary resources and operations.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{PatchRequest, apply};
use crate::schema::check::check;
use crate::schema::proptests::{assert_final, body, scalar, value};
use crate::schema::{Attribute, USERS, attribute};
use crate::work::Budget;
use crate::{Resource, ScimError};

/// A resource with a bit of everything, or one with several values of a few attributes.
fn resource() -> impl Strategy<Value = Resource> {
    let several = CROWDED.map(|name| value(attribute(name)));
    let crowded = several.prop_map(|values| {
        let members = CROWDED.into_iter().map(str::to_owned).zip(values);
        members
            .chain([("userName".to_owned(), "u".into())])
            .collect()
    });
    prop_oneof![body().boxed(), crowded.boxed()].prop_filter_map("a resource", |body| {
        Some(check(&USERS, body).ok()?.resource)
    })
}

/// Covers three cases: one e-mail address per type, many roles per type, and addresses, which have
/// no `value`.
const CROWDED: [&str; 3] = ["emails", "addresses", "roles"];

fn attribute(name: &str) -> &'static Attribute {
    attribute::find(USERS.core.attributes, name).unwrap()
}

/// A path, and the values written to it.
type Write = (String, BoxedStrategy<Value>);

/// Every path to an attribute: whole, to a sub-attribute, and through filters of several kinds.
fn writes(attribute: &'static Attribute, prefix: &str) -> Vec<Write> {
    let name = format!("{prefix}{}", attribute.name);
    let mut writes = vec![(name.clone(), value(attribute))];
    let filters = [
        "",
        "[type eq \"work\"]",
        "[type eq \"home\"]",
        "[type eq \"work\" and primary eq true]",
        "[primary eq \"True\"]",
        "[value eq \"a\"]",
        "[value sw \"a\" or not (type pr)]",
    ];
    let filters = if attribute.multi_valued {
        &filters[..]
    } else {
        &filters[..2]
    };
    for filter in filters {
        for sub_attribute in attribute.sub_attributes() {
            let path = format!("{name}{filter}.{}", sub_attribute.name);
            writes.push((path, scalar().boxed()));
        }
        if !filter.is_empty() && attribute.multi_valued {
            let element = prop::collection::vec(value(attribute), 1).prop_map(|mut values| {
                match values.remove(0) {
                    Value::Array(mut elements) if !elements.is_empty() => elements.remove(0),
                    other => other,
                }
            });
            writes.push((format!("{name}{filter}"), element.boxed()));
        }
    }
    writes
}

fn all_writes() -> Vec<Write> {
    USERS
        .schemas()
        .flat_map(|(_, schema)| {
            let prefix = format!("{}:", schema.id);
            schema
                .attributes
                .iter()
                .flat_map(move |attribute| writes(attribute, &prefix))
        })
        .collect()
}

fn crowded_writes() -> Vec<Write> {
    let attributes = CROWDED.into_iter().map(attribute);
    attributes
        .flat_map(|attribute| writes(attribute, ""))
        .collect()
}

fn operation(kinds: &'static [&'static str]) -> BoxedStrategy<Value> {
    let writes = prop_oneof![Just(all_writes()), Just(crowded_writes())];
    let write = writes
        .prop_flat_map(prop::sample::select)
        .prop_flat_map(|(path, value)| (Just(path), value));
    (prop::sample::select(kinds), write, 0..10)
        .prop_map(|(kind, (path, value), shape)| match (kind, shape) {
            // As with Entra's flag: no path, and the path as a key.
            ("add" | "replace", 0..3) => json!({"op": kind, "value": {path: value}}),
            ("remove", 0..8) => json!({"op": kind, "path": path}),
            _ => json!({"op": kind, "path": path, "value": value}),
        })
        .boxed()
}

fn operations() -> impl Strategy<Value = Vec<Value>> {
    let kinds = &["add", "Replace", "replace", "remove", "Add"];
    prop::collection::vec(operation(kinds), 1..6)
}

/// Operations that fail on any resource.
fn impossible() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!({"op": "replace", "path": "active", "value": "maybe"}),
        json!({"op": "replace", "path": "id", "value": "x"}),
        json!({"op": "add", "path": "groups", "value": [{"value": "g"}]}),
        json!({"op": "remove", "path": "meta.version"}),
        json!({"op": "remove", "path": "userName"}),
        json!({"op": "add", "path": "emails[type gt]", "value": {}}),
        json!({"op": "add", "path": "emails[primary gt true]", "value": {}}),
        json!({"op": "replace", "path": "ims[value eq \"no such value\" or type eq \"x\"].display", "value": "x"}),
    ])
}

/// The first operation for each attribute, without those that write what their own filter tests:
/// they may select something else the next time.
fn of_several_attributes(operations: Vec<Value>) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    let mut kept = operations;
    kept.retain(|operation| {
        let value = operation["value"].as_object();
        let key = value.and_then(|members| members.keys().next());
        let path = operation["path"].as_str().or(key.map(String::as_str));
        let path = path.unwrap_or_default();
        let path = path.rsplit_once("User:").map_or(path, |(_, path)| path);
        let attribute = path.split(['.', '[']).next().unwrap_or_default();
        seen.insert(attribute.to_owned()) && (operation["op"] == "remove" || !tests_itself(path))
    });
    kept
}

/// Whether the filter in a path tests the attribute that the path leads to.
fn tests_itself(path: &str) -> bool {
    let Some((filter, written)) = path.split_once(']') else {
        return false;
    };
    let after = written.chars().skip(1).collect::<String>();
    written.is_empty() || filter.contains(&after)
}

fn patched(current: &Resource, operations: &[Value]) -> Result<Option<Resource>, ScimError> {
    let body = Map::from_iter([("Operations".to_owned(), operations.into())]);
    let applied = apply(
        &USERS,
        current,
        &PatchRequest::parse(body)?,
        &Budget::default(),
    )?;
    Ok(applied.resource)
}

/// Operations that mean nothing to the service.
fn unknown() -> impl Strategy<Value = Value> {
    let paths = vec![
        "shoeSize",
        "name.first",
        "emails[size eq 1].value",
        "emails[type eq \"work\"].first",
        "urn:ietf:params:scim:schemas:core:2.0:User:shoeSize",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:hireDate",
    ];
    let kinds = prop::sample::select(vec!["add", "replace", "remove"]);
    (kinds, prop::sample::select(paths), scalar())
        .prop_map(|(kind, path, value)| json!({"op": kind, "path": path, "value": value}))
}

proptest! {
    #[test]
    fn a_patch_yields_a_resource_in_its_final_form(
        current in resource(),
        operations in operations(),
    ) {
        if let Ok(Some(next)) = patched(&current, &operations) {
            assert_final(&next);
            prop_assert_ne!(&next, &current, "no change is no new resource");
        }
    }

    #[test]
    fn one_impossible_operation_stops_all(
        current in resource(),
        mut operations in operations(),
        impossible in impossible(),
        at in any::<prop::sample::Index>(),
    ) {
        operations.insert(at.index(operations.len() + 1), impossible);
        prop_assert!(patched(&current, &operations).is_err());
    }

    #[test]
    fn an_unknown_operation_stops_none(
        current in resource(),
        mut operations in operations(),
        unknown in unknown(),
        at in any::<prop::sample::Index>(),
    ) {
        let alone = patched(&current, std::slice::from_ref(&unknown)).unwrap_err();
        prop_assert_eq!(alone.scim_type(), Some("invalidPath"));
        // At least one is understood.
        operations.push(json!({"op": "remove", "path": "nickName"}));
        let without = patched(&current, &operations);
        operations.insert(at.index(operations.len() + 1), unknown);
        prop_assert_eq!(patched(&current, &operations), without);
    }

    /// Applying operations one by one, in separate requests, gives the same result as all in one.
    #[test]
    fn operations_are_applied_in_order(current in resource(), operations in operations()) {
        let one_by_one = operations.iter().try_fold(current.clone(), |current, operation| {
            let next = patched(&current, std::slice::from_ref(operation))?;
            Ok::<_, ScimError>(next.unwrap_or(current))
        });
        let at_once = patched(&current, &operations).map(|next| next.unwrap_or(current));
        // After each request the resource is brought into its final form, which drops empty and
        // repeated elements. So an element may survive in one request and not in several.
        if let (Ok(one_by_one), Ok(at_once)) = (one_by_one, at_once) {
            prop_assert_eq!(one_by_one.text("userName"), at_once.text("userName"));
            prop_assert_eq!(USERS.has_access(&one_by_one), USERS.has_access(&at_once));
            prop_assert_eq!(one_by_one.text("title"), at_once.text("title"));
        }
    }

    /// Entra repeats requests whose answers it missed.
    #[test]
    fn a_repeated_replace_or_remove_changes_nothing(
        current in resource(),
        operations in prop::collection::vec(operation(&["replace", "remove"]), 1..4),
    ) {
        let operations = of_several_attributes(operations);
        if let Ok(Some(next)) = patched(&current, &operations) {
            prop_assert_eq!(patched(&next, &operations), Ok(None), "{:?}", next);
        }
    }

    #[test]
    fn a_resource_replaced_by_its_own_attributes_is_the_same(current in resource()) {
        for kind in ["add", "replace"] {
            let operation = json!({"op": kind, "value": current.attributes()});
            prop_assert_eq!(patched(&current, &[operation]), Ok(None), "{}", kind);
        }
    }
}
