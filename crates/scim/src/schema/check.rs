//! From a client's JSON to a checked [`Resource`]: the entry point for bodies.
//!
//! The policy in one place: attribute names are accepted in any case and rewritten to schema case.
//! Attributes and extensions that the schemas do not define are ignored, as are those that clients
//! cannot set (readOnly) or the service does not store (writeOnly): an error would block the user
//! in Entra for an attribute nobody needs. `null`, `""`, `[]` and `{}` mean "no value". Values are
//! coerced if the client's intent is clear; anything else is `invalidValue`.

use serde_json::{Map, Value};

use super::coerce::{self, mismatch};
use super::finish::finish;
use super::json::{container, is_empty, object_in, put};
use super::{BoundPath, Mutability, Resolved, ResourceType};
use crate::ignored::Ignored;
use crate::members::MemberChange;
use crate::members::parse::list_to_add;
use crate::work::Budget;
use crate::{Resource, ScimError};

/// What the body of a POST or PUT comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The attributes.
    pub resource: Resource,
    /// Who the members are: all others are removed. `None` if the body says nothing of members,
    /// or null: whoever does not speak of them neither adds nor removes any. `[]` says that there
    /// are none.
    pub members: Option<MemberChange>,
    /// What the body names and the service does not know.
    pub ignored: Ignored,
}

/// Checks the body of a POST or PUT.
///
/// # Errors
/// `invalidValue` when a value cannot be what the schema says or a required attribute is absent;
/// `tooMany` when more members are named than one request may name.
pub fn check(resource_type: &ResourceType, body: Map<String, Value>) -> Result<Checked, ScimError> {
    let mut found = Found::default();
    collect(resource_type, body, None, &mut found)?;
    Ok(Checked {
        resource: finish(resource_type, found.attributes)?,
        members: found.members,
        ignored: found.ignored,
    })
}

/// What is found in a body.
#[derive(Default)]
struct Found {
    attributes: Map<String, Value>,
    members: Option<MemberChange>,
    ignored: Ignored,
}

/// Adds the members of `body` to what is `found`; `urn` is the extension under which `body` is
/// nested.
fn collect(
    resource_type: &ResourceType,
    body: Map<String, Value>,
    urn: Option<&'static str>,
    found: &mut Found,
) -> Result<(), ScimError> {
    for (name, value) in body {
        let text = match urn {
            Some(urn) => format!("{urn}:{name}"),
            None => name,
        };
        match (resource_type.resolve(&text), value) {
            (Ok(Resolved::Attribute(path)), value) if is_writable(path) => {
                found.ignored.note_members(&text, &path, &value);
                set(found, path, value)?;
            }
            (Ok(Resolved::Resource), Value::Object(members)) => {
                collect(resource_type, members, None, found)?;
            }
            (Ok(Resolved::Extension(schema)), Value::Object(members)) => {
                collect(resource_type, members, Some(schema.id), found)?;
            }
            (Ok(Resolved::Extension(schema)), value) if !is_empty(&value) => {
                return Err(mismatch(schema.id, "an object", &value));
            }
            (Ok(Resolved::Undefined) | Err(_), value) if !is_empty(&value) => {
                found.ignored.note(&text);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether a client's value for the attribute is kept.
pub fn is_writable(path: BoundPath) -> bool {
    [Some(path.attribute), path.sub_attribute]
        .into_iter()
        .flatten()
        .all(|attribute| {
            matches!(
                attribute.mutability,
                Mutability::ReadWrite | Mutability::Immutable
            )
        })
}

fn set(found: &mut Found, path: BoundPath, value: Value) -> Result<(), ScimError> {
    if path.attribute.stored_apart {
        return set_members(found, path, value);
    }
    let checked = coerce::value(path.leaf(), value)?;
    let container = container(&mut found.attributes, path.extension);
    match path.sub_attribute {
        None => put(container, path.attribute.name, checked),
        // `name.givenName` as a key: some clients flatten creations the way they flatten PATCH
        // values.
        Some(sub_attribute) if !path.attribute.multi_valued => {
            let object = object_in(container.entry(path.attribute.name).or_insert(Value::Null));
            put(object, sub_attribute.name, checked);
        }
        Some(_) => {}
    }
    Ok(())
}

fn set_members(found: &mut Found, path: BoundPath, value: Value) -> Result<(), ScimError> {
    let says_nothing = is_empty(&value) && !value.is_array();
    if path.sub_attribute.is_some() || says_nothing {
        return Ok(());
    }
    let mut members = MemberChange::default();
    // What a list alone takes is bounded by its length.
    members.replace(list_to_add(path.attribute, value)?, &Budget::default())?;
    found.members = Some(members);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::USERS;
    use crate::schema::coerce::MAX_VALUES;

    fn checked(body: Value) -> Value {
        let Value::Object(body) = body else {
            panic!("not an object")
        };
        Value::Object(check(&USERS, body).unwrap().resource.into_attributes())
    }

    fn refusal(body: Value) -> String {
        let Value::Object(body) = body else {
            panic!("not an object")
        };
        check(&USERS, body).unwrap_err().to_string()
    }

    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    #[test]
    fn names_are_rewritten_and_the_unknown_is_ignored() {
        assert_eq!(
            checked(json!({
                "USERNAME": "lena", "DisplayName": "Lena", "shoeSize": 39, "id": "x", "meta": {}, "groups": [],
                "password": "secret", "schemas": [], "urn:example:custom": {"badge": 1},
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0User": {"department": null},
                "Name": {"GIVENNAME": "Lena", "shoeSize": 39, "formatted": null}
            })),
            json!({"userName": "lena", "displayName": "Lena", "name": {"givenName": "Lena"}})
        );
    }

    #[test]
    fn what_is_ignored_is_told_if_it_has_a_value() {
        let ignored = |body: Value| {
            let Value::Object(body) = body else {
                panic!("not an object")
            };
            check(&USERS, body).unwrap().ignored
        };
        let unknown = ignored(json!({
            "userName": "lena", "shoeSize": 39, "hatSize": null, "urn:example:custom": {"badge": 1},
            "name": {"givenName": "Lena", "shoeSize": 39}, ENTERPRISE: {"badge": "7", "division": "d"},
            "emails": [{"value": "l@x", "note": "n"}, {"value": "m@x", "note": ""}]
        }));
        let badge = format!("{ENTERPRISE}:badge");
        let names = [
            "emails.note",
            "name.shoeSize",
            "shoeSize",
            "urn:example:custom",
            &badge,
        ];
        let mut told = unknown.names().to_vec();
        told.sort();
        assert_eq!(
            (unknown.count(), told),
            (5, names.map(str::to_owned).to_vec())
        );
        // What clients cannot set is known.
        let known = json!({
            "userName": "lena", "id": "x", "meta": {"version": "1"}, "groups": [{"value": "g"}],
            "password": "secret", "schemas": ["urn:example"], "roles": [{"displayName": "Lead"}]
        });
        assert_eq!(ignored(known), Ignored::default());
    }

    #[test]
    fn what_is_empty_is_absent() {
        assert_eq!(
            checked(json!({
                "userName": "lena", "title": "", "nickName": null, "locale": {}, "addresses": [], "roles": null, "name": {},
                "phoneNumbers": [{"type": "work", "value": ""}], "department": null, "manager": null,
                ENTERPRISE: {"manager": {"value": ""}, "division": ""}
            })),
            json!({"userName": "lena"})
        );
    }

    #[test]
    fn values_are_coerced_where_the_meaning_is_plain() {
        assert_eq!(
            checked(json!({
                "userName": [{"value": "lena"}], "active": "False", "title": ["Lead"],
                "emails": {"value": "l@x", "primary": "True"}, "phoneNumbers": ["1"],
                ENTERPRISE: {"employeeNumber": 881, "manager": "m-1"}
            })),
            json!({
                "userName": "lena", "active": false, "title": "Lead",
                "emails": [{"value": "l@x", "primary": true}], "phoneNumbers": [{"value": "1"}],
                ENTERPRISE: {"employeeNumber": "881", "manager": {"value": "m-1"}}
            })
        );
    }

    #[test]
    fn the_manager_may_come_in_every_shape_and_place() {
        for manager in [
            json!("m"),
            json!({"value": "m"}),
            json!([{"$ref": null, "value": "m"}]),
            json!({"value": "m", "displayName": "M"}),
        ] {
            let expected = json!({"userName": "u", ENTERPRISE: {"manager": {"value": "m"}}});
            assert_eq!(
                checked(json!({"userName": "u", ENTERPRISE: {"manager": manager}})),
                expected
            );
            assert_eq!(
                checked(json!({"userName": "u", "manager": manager})),
                expected
            );
        }
    }

    #[test]
    fn roles_may_be_json_inside_a_string() {
        let role = r#"{"id":"r-1","value":"Dispatcher","displayName":"Dispatch"}"#;
        for roles in [json!([{"value": role}]), json!([role]), json!(role)] {
            assert_eq!(
                checked(json!({"userName": "u", "roles": roles})),
                json!({"userName": "u", "roles": [{"value": "Dispatcher", "display": "Dispatch"}]})
            );
        }
        // Packed twice, under any name.
        let twice = json!({"VALUE": json!({"value": role}).to_string()});
        assert_eq!(
            checked(json!({"userName": "u", "roles": [twice]})),
            json!({"userName": "u", "roles": [{"value": "Dispatcher", "display": "Dispatch"}]})
        );
        // Text that only looks similar stays text.
        for roles in [
            json!([{"value": "{x"}]),
            json!([{"value": r#"{"type":"no value"}"#}]),
            json!([{"value": "v", "display": role}]),
        ] {
            let body = json!({"userName": "u", "roles": roles});
            assert_eq!(checked(body.clone()), body);
        }
        let body = json!({"userName": "u", ENTERPRISE: {"manager": {"value": role}}});
        assert_eq!(checked(body.clone()), body);
    }

    #[test]
    fn repeats_go_and_one_element_is_primary() {
        assert_eq!(
            checked(json!({"userName": "u", "emails": [
                {"type": "work", "value": "a", "primary": true}, {"type": "work", "value": "a", "display": "x"},
                {"type": "home", "value": "a", "primary": true}
            ]})),
            json!({"userName": "u", "emails": [
                {"type": "work", "value": "a", "primary": true}, {"type": "home", "value": "a", "primary": false}
            ]})
        );
    }

    #[test]
    fn elements_that_differ_in_primary_alone_are_repeats() {
        let a = |primary: bool| json!({"locality": "a", "primary": primary});
        let b = |primary: bool| json!({"locality": "b", "primary": primary});
        assert_eq!(
            checked(json!({"userName": "u", "addresses": [a(true), b(true), b(false)]})),
            json!({"userName": "u", "addresses": [a(true), b(false)]})
        );
    }

    #[test]
    fn the_number_of_values_is_bounded() {
        let emails =
            |count: usize| json!({"userName": "u", "emails": vec![json!({"value": "a"}); count]});
        assert_eq!(
            checked(emails(MAX_VALUES))["emails"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
        assert!(refusal(emails(MAX_VALUES + 1)).starts_with("`emails` would have 501 values"));
    }

    #[test]
    fn refusals_say_what_to_do() {
        assert_eq!(
            refusal(json!({})),
            "`userName` is required; map a source attribute that is never empty to `userName`"
        );
        assert_eq!(
            refusal(json!({"userName": "u", "active": "maybe"})),
            "`active` must be true or false, and the request has `maybe`; correct the attribute's mapping or its source value"
        );
        assert!(
            refusal(json!({"userName": "u", "name": "Lena"}))
                .starts_with("`name` must be an object")
        );
        assert!(
            refusal(json!({"userName": {"first": "x"}})).starts_with("`userName` must be a string")
        );
        assert!(refusal(json!({"userName": ["a", "b"]})).starts_with("`userName` takes one value"));
    }

    #[test]
    fn keys_may_be_qualified_and_dotted_as_in_a_patch() {
        let core = "urn:ietf:params:scim:schemas:core:2.0:User";
        assert_eq!(
            checked(json!({
                core: {"userName": "u", "title": "t"}, format!("{core}:nickName"): "n",
                "name.givenName": "g", format!("{ENTERPRISE}:manager.value"): "m", "emails.value": "no element"
            })),
            json!({
                "userName": "u", "title": "t", "nickName": "n", "name": {"givenName": "g"},
                ENTERPRISE: {"manager": {"value": "m"}}
            })
        );
    }

    #[test]
    fn an_extension_is_an_object_or_absent() {
        assert_eq!(
            checked(json!({"userName": "u", ENTERPRISE: null})),
            json!({"userName": "u"})
        );
        assert!(
            refusal(json!({"userName": "u", ENTERPRISE: "x"}))
                .starts_with(&format!("`{ENTERPRISE}` must be an object"))
        );
    }
}
