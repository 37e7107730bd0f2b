//! The unique names that an operation may give to its resource, read from its body before it runs.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ResourceType;
use crate::work;

/// The unique names that a POST, PUT or PATCH with this body may take, as the client wrote them, by
/// what they are compared by.
///
/// They are every value in the place of the unique attribute, whatever is around it: what the
/// resource ends with is among them, or is the name that it has already. Adds to `work` what it
/// takes to compare them.
pub(super) fn names(
    resource_type: &ResourceType,
    data: &Value,
    work: &mut u64,
) -> BTreeMap<String, String> {
    let mut found = Vec::new();
    collect(resource_type.unique, data, false, &mut found);
    let compared = found.into_iter().map(|text| {
        let folded = work::fold(&text, work).trim().to_owned();
        (folded, text)
    });
    compared.collect()
}

/// Adds the values in `value` that are for the attribute; all of them if `is_meant`.
fn collect(unique: &str, value: &Value, is_meant: bool, names: &mut Vec<String>) {
    match value {
        Value::String(text) if is_meant && !text.is_empty() => names.push(text.clone()),
        Value::Number(_) | Value::Bool(_) if is_meant => names.push(value.to_string()),
        Value::Array(elements) => {
            for element in elements {
                collect(unique, element, is_meant, names);
            }
        }
        Value::Object(members) => {
            // An operation of a PATCH says with its path what its value is for.
            let path = members
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case("path"));
            let is_path = path
                .and_then(|(_, path)| path.as_str())
                .is_some_and(|path| mentions(path, unique));
            for (name, member) in members {
                let is_meant = is_meant
                    || mentions(name, unique)
                    || (is_path && name.eq_ignore_ascii_case("value"));
                collect(unique, member, is_meant, names);
            }
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

/// Whether a name or path of any form has the attribute's name in it.
fn mentions(path: &str, unique: &str) -> bool {
    path.as_bytes()
        .windows(unique.len())
        .any(|part| part.eq_ignore_ascii_case(unique.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::patch::{PatchRequest, apply};
    use crate::schema::check::{Checked, check};
    use crate::schema::proptests::{body, scalar};
    use crate::schema::{GROUPS, USERS};
    use crate::text::fold;
    use crate::work::Budget;
    use crate::{Resource, ResourceType};

    fn of(data: Value) -> Vec<String> {
        names(&USERS, &data, &mut 0).into_keys().collect()
    }

    #[test]
    fn a_name_is_found_in_every_form() {
        const URN: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
        let full = format!("{URN}:USERNAME");
        let change = |path: &str, value: Value| json!({"operations": [{"op": "Add", "Path": path, "Value": value}]});
        for data in [
            json!({"USERNAME": "Lena", "title": "Lead"}),
            json!({"userName": [{"value": "Lena"}]}),
            json!({URN: {"userName": "Lena"}}),
            json!({full.clone(): "Lena"}),
            json!({"Operations": [{"op": "add", "value": {"userName": "Lena", "title": "Lead"}}]}),
            json!({"Operations": [{"op": "add", "path": URN, "value": {"userName": "Lena"}}]}),
            change("username", json!("Lena")),
            change(&full, json!(["Lena"])),
            change("userName[x eq 1]", json!({"value": "Lena"})),
        ] {
            assert_eq!(of(data.clone()), ["lena"], "{data}");
        }
        assert_eq!(of(json!({"userName": 7})), ["7"]);
        assert_eq!(of(json!({"userName": ["Lena", "MAX"]})), ["lena", "max"]);
        for data in [
            json!(null),
            json!({"userName": ""}),
            json!({"userName": null}),
            change("displayName", json!("Lena")),
            json!({"name": {"givenName": "Lena"}, "emails": [{"value": "lena@x"}]}),
        ] {
            assert!(of(data.clone()).is_empty(), "{data}");
        }
    }

    #[test]
    fn a_group_has_its_display_name() {
        let of =
            |data: Value| -> Vec<String> { names(&GROUPS, &data, &mut 0).into_keys().collect() };
        for data in [
            json!({"displayName": "Crew", "members": [{"value": "u", "display": "Lena"}]}),
            json!({"Operations": [{"op": "replace", "value": {"id": "g", "DISPLAYNAME": "Crew"}}]}),
            json!({"Operations": [{"op": "Replace", "path": "displayName", "value": "Crew"}]}),
        ] {
            assert_eq!(of(data.clone()), ["crew"], "{data}");
        }
        let added = json!({"Operations": [{"op": "add", "path": "members", "value": [{"value": "u", "display": "Lena"}]}]});
        assert!(of(added).is_empty());
    }

    /// What the resource is called afterwards, as it is compared.
    fn called(resource_type: &ResourceType, resource: &Resource) -> String {
        let name = resource.text(resource_type.unique);
        fold(name.unwrap_or_default()).into_owned()
    }

    proptest! {
        #[test]
        fn whatever_a_body_means_its_name_is_found(body in body()) {
            let names = names(&USERS, &Value::Object(body.clone()), &mut 0);
            if let Ok(Checked { resource, .. }) = check(&USERS, body) {
                prop_assert!(names.contains_key(&called(&USERS, &resource)));
            }
        }

        #[test]
        fn whatever_a_patch_means_its_name_is_found(
            operations in prop::collection::vec(
                (
                    prop::sample::select(vec!["add", "Replace", "remove"]),
                    prop::sample::select(vec![
                        None, Some("USERNAME"), Some("title"), Some("userName[x eq \"y\"]"),
                        Some("urn:ietf:params:scim:schemas:core:2.0:User"),
                        Some("urn:ietf:params:scim:schemas:core:2.0:User:userName"),
                    ]),
                    prop_oneof![scalar().boxed(), body().prop_map(Value::Object).boxed()],
                ),
                1..4,
            )
        ) {
            let operations: Vec<_> = operations
                .into_iter()
                .map(|(op, path, value)| json!({"op": op, "path": path, "value": value}))
                .collect();
            let data = json!({"Operations": operations});
            let names = names(&USERS, &data, &mut 0);
            let message = data.as_object().cloned().unwrap();
            let before = json!({"userName": "before"}).as_object().cloned().unwrap();
            let before = check(&USERS, before).unwrap().resource;
            let request = PatchRequest::parse(message);
            let next = request.and_then(|request| apply(&USERS, &before, &request, &Budget::default()));
            if let Ok(Some(next)) = next.map(|applied| applied.resource) {
                let name = called(&USERS, &next);
                prop_assert!(name == "before" || names.contains_key(&name), "{name}");
            }
        }
    }
}
