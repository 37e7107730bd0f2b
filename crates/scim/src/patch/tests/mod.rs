//! PATCH in every form that Entra and the RFC use.

use serde_json::{Value, json};

use super::*;
use crate::schema::{USERS, check::check};

mod append;
mod edges;
mod members;
mod unknown;
mod work;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn object(value: Value) -> serde_json::Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => panic!("not an object"),
    }
}

fn patched(resource: Value, operations: Value) -> Result<Value, ScimError> {
    let mut body = resource;
    body["userName"] = "u".into();
    let current = check(&USERS, object(body))?.resource;
    let request = PatchRequest::parse(object(json!({"Operations": operations})))?;
    let next = apply(&USERS, &current, &request, &Budget::default())?
        .resource
        .unwrap_or(current);
    let mut attributes = next.into_attributes();
    if attributes["userName"] == "u" {
        attributes.remove("userName");
    }
    Ok(Value::Object(attributes))
}

fn refusal(resource: Value, operation: Value) -> (Option<&'static str>, String) {
    let error = patched(resource, json!([operation])).unwrap_err();
    (error.scim_type(), error.to_string())
}

#[test]
fn one_operation_per_attribute_as_entra_sends_it_without_its_flag() {
    let next = patched(
        json!({"displayName": "Lena", "emails": [{"type": "work", "value": "a", "primary": true}], "name": {"familyName": "Ortiz", "givenName": "Lena"}}),
        json!([
            {"op": "Replace", "path": "displayName", "value": "Lena O."},
            {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "b"},
            {"op": "Replace", "path": "name.familyName", "value": "Vega"},
            {"op": "Replace", "path": "externalId", "value": "x"},
            {"op": "Add", "path": "nickName", "value": "Leni"},
            {"op": "Replace", "path": format!("{ENTERPRISE}:department"), "value": "Fibre"},
            {"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "6"},
            {"op": "Add", "path": "addresses[type eq \"work\"].formatted", "value": "Depot"},
            {"op": "Replace", "path": "active", "value": "False"}
        ]),
    );
    assert_eq!(
        next,
        Ok(json!({
            "displayName": "Lena O.", "externalId": "x", "nickName": "Leni", "active": false,
            "emails": [{"type": "work", "value": "b", "primary": true}],
            "name": {"familyName": "Vega", "givenName": "Lena"},
            "phoneNumbers": [{"type": "mobile", "value": "6"}],
            "addresses": [{"type": "work", "formatted": "Depot"}],
            ENTERPRISE: {"department": "Fibre"}
        }))
    );
}

#[test]
fn path_less_values_take_every_kind_of_key() {
    let next = patched(
        json!({"title": "Lead"}),
        json!([{"op": "replace", "value": {
            "DISPLAYNAME": "Lena", "name.givenName": "Lena", "name": {"familyName": "Ortiz"}, "title": null,
            format!("{ENTERPRISE}:employeeNumber"): "E-1", ENTERPRISE: {"division": "North"}, "department": "Fibre",
            "emails[type eq \"work\"].value": "a", "id": "x", "shoeSize": 39, "meta": {}, "groups": [{"value": "g"}],
            "urn:ietf:params:scim:schemas:core:2.0:User:nickName": "Leni"
        }}]),
    );
    assert_eq!(
        next,
        Ok(json!({
            "displayName": "Lena", "name": {"givenName": "Lena", "familyName": "Ortiz"}, "nickName": "Leni",
            "emails": [{"type": "work", "value": "a"}],
            ENTERPRISE: {"employeeNumber": "E-1", "division": "North", "department": "Fibre"}
        }))
    );
}

#[test]
fn role_operations_by_primary_land_in_one_element() {
    let next = patched(
        json!({}),
        json!([
            {"op": "add", "path": "roles[primary eq \"True\"].display", "value": "D"},
            {"op": "add", "path": "roles[primary eq \"True\"].value", "value": "R1"},
            {"op": "add", "path": "roles[primary eq \"True\"].type", "value": "T"}
        ]),
    );
    assert_eq!(
        next,
        Ok(json!({"roles": [{"primary": true, "display": "D", "value": "R1", "type": "T"}]}))
    );
}

#[test]
fn the_manager_is_set_replaced_and_removed_in_every_shape() {
    let urn = format!("{ENTERPRISE}:manager");
    let with_manager = json!({ENTERPRISE: {"manager": {"value": "old", "$ref": "r"}}});
    for value in [
        json!("m"),
        json!({"value": "m"}),
        json!([{"$ref": null, "value": "m"}]),
    ] {
        for path in [urn.as_str(), "manager", "MANAGER"] {
            let next = patched(
                with_manager.clone(),
                json!([{"op": "Add", "path": path, "value": value}]),
            );
            assert_eq!(
                next,
                Ok(json!({ENTERPRISE: {"manager": {"value": "m"}}})),
                "{path} {value}"
            );
        }
    }
    assert_eq!(
        patched(
            with_manager.clone(),
            json!([{"op": "replace", "path": "manager.value", "value": "m"}])
        ),
        Ok(json!({ENTERPRISE: {"manager": {"value": "m"}}}))
    );
    for operation in [
        json!({"op": "replace", "path": urn, "value": ""}),
        json!({"op": "replace", "path": urn, "value": {"value": ""}}),
        json!({"op": "replace", "path": urn, "value": null}),
        json!({"op": "Remove", "path": urn}),
        json!({"op": "remove", "path": "manager", "value": "old"}),
        json!({"op": "replace", "path": "manager.value", "value": ""}),
        json!({"op": "remove", "path": "manager.value"}),
    ] {
        assert_eq!(
            patched(with_manager.clone(), json!([operation])),
            Ok(json!({})),
            "{operation}"
        );
    }
}

#[test]
fn null_and_empty_text_clear() {
    let full = json!({"title": "x", "name": {"givenName": "x"}, "phoneNumbers": [{"type": "work", "value": "1"}], ENTERPRISE: {"department": "x"}});
    for nothing in [json!(""), json!(null)] {
        let verbose = json!([
            {"op": "replace", "path": "title", "value": nothing},
            {"op": "replace", "path": "name.givenName", "value": nothing},
            {"op": "replace", "path": "phoneNumbers[type eq \"work\"].value", "value": nothing},
            {"op": "replace", "path": "addresses[type eq \"work\"].country", "value": nothing},
            {"op": "replace", "path": format!("{ENTERPRISE}:department"), "value": nothing}
        ]);
        assert_eq!(patched(full.clone(), verbose), Ok(json!({})));
        let together = json!([
            {"op": "replace", "path": "phoneNumbers[type eq \"work\"].value", "value": nothing},
            {"op": "replace", "value": {"title": nothing, "name.givenName": nothing, format!("{ENTERPRISE}:department"): nothing}}
        ]);
        assert_eq!(patched(full.clone(), together), Ok(json!({})));
    }
}

#[test]
fn setting_one_primary_clears_the_other() {
    let two = json!({"emails": [{"type": "work", "value": "a", "primary": true}, {"type": "home", "value": "b"}]});
    let wanted = Ok(
        json!({"emails": [{"type": "work", "value": "a", "primary": false}, {"type": "home", "value": "b", "primary": true}]}),
    );
    assert_eq!(
        patched(
            two.clone(),
            json!([{"op": "replace", "path": "emails[type eq \"home\"].primary", "value": "True"}])
        ),
        wanted
    );
    let added = patched(two, json!([{"op": "add", "path": "emails", "value": [{"type": "other", "value": "c", "primary": true}]}])).unwrap();
    assert_eq!(added["emails"][0]["primary"], false);
    assert_eq!(added["emails"][2]["primary"], true);
}

#[test]
fn remove_takes_what_is_meant_and_no_more() {
    let two = json!({"emails": [{"type": "work", "value": "a"}, {"type": "home", "value": "b"}]});
    let left = |operation: Value| patched(two.clone(), json!([operation]));
    let home = Ok(json!({"emails": [{"type": "home", "value": "b"}]}));
    assert_eq!(
        left(json!({"op": "remove", "path": "emails[type eq \"work\"]"})),
        home
    );
    assert_eq!(
        left(json!({"op": "remove", "path": "emails[type eq \"work\"].value"})),
        home
    );
    assert_eq!(
        left(json!({"op": "Remove", "path": "emails", "value": [{"$ref": null, "value": "a"}]})),
        home
    );
    assert_eq!(
        left(json!({"op": "remove", "path": "emails"})),
        Ok(json!({}))
    );
    assert_eq!(
        left(json!({"op": "remove", "path": "emails[type eq \"other\"]"})),
        Ok(two.clone())
    );
    assert_eq!(
        left(json!({"op": "remove", "path": "nickName"})),
        Ok(two.clone())
    );
    assert_eq!(
        patched(
            json!({ENTERPRISE: {"division": "x"}}),
            json!([{"op": "remove", "path": ENTERPRISE}])
        ),
        Ok(json!({}))
    );
}

#[test]
fn remove_with_a_value_that_names_nothing_removes_nothing() {
    let two = json!({"emails": [{"type": "work", "value": "a"}, {"type": "home", "value": "b"}]});
    for value in [
        json!([]),
        json!([{"$ref": null, "value": null}]),
        json!([{"foo": "x"}]),
        json!({}),
        json!([{"value": "z"}]),
    ] {
        let operation = json!([{"op": "Remove", "path": "emails", "value": value}]);
        assert_eq!(patched(two.clone(), operation), Ok(two.clone()), "{value}");
    }
    let operation = json!([{"op": "Remove", "path": "emails", "value": [{"value": "A"}]}]);
    assert_eq!(
        patched(two, operation),
        Ok(json!({"emails": [{"type": "home", "value": "b"}]}))
    );
}

#[test]
fn add_keeps_what_it_repeats_and_what_it_brings() {
    let two = json!({"emails": [{"type": "work", "value": "a"}, {"type": "work", "value": "b"}]});
    let add = |value: Value| json!([{"op": "add", "path": "emails", "value": value}]);
    assert_eq!(
        patched(two.clone(), add(json!([{"type": "work", "value": "b"}]))),
        Ok(two.clone())
    );
    assert_eq!(
        patched(two.clone(), add(json!([{"type": "WORK", "value": "B"}]))).unwrap()["emails"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let both = json!([{"type": "home", "value": "c"}, {"type": "home", "value": "d"}]);
    assert_eq!(
        patched(two, add(both)).unwrap()["emails"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
}

#[test]
fn adding_nothing_changes_nothing_and_replacing_by_nothing_clears() {
    let named = json!({"name": {"givenName": "Lena", "familyName": "Ortiz"}});
    for operation in [
        json!({"op": "add", "path": "name", "value": {}}),
        json!({"op": "add", "value": {"name": {}}}),
    ] {
        assert_eq!(
            patched(named.clone(), json!([operation])),
            Ok(named.clone())
        );
    }
    assert_eq!(
        patched(
            named.clone(),
            json!([{"op": "replace", "path": "name", "value": {}}])
        ),
        Ok(json!({}))
    );
    assert_eq!(
        patched(
            named,
            json!([{"op": "replace", "path": "name", "value": [{"givenName": "L"}]}])
        ),
        Ok(json!({"name": {"givenName": "L", "familyName": "Ortiz"}}))
    );
}

#[test]
fn an_extension_is_cleared_as_a_whole_in_every_way() {
    let employed = json!({ENTERPRISE: {"division": "x", "manager": {"value": "m"}}});
    for operation in [
        json!({"op": "remove", "path": ENTERPRISE}),
        json!({"op": "replace", "path": ENTERPRISE, "value": null}),
        json!({"op": "replace", "value": {ENTERPRISE: null}}),
        json!({"op": "replace", "value": {ENTERPRISE: {"division": "", "manager": null}}}),
    ] {
        assert_eq!(
            patched(employed.clone(), json!([operation])),
            Ok(json!({})),
            "{operation}"
        );
    }
}

#[test]
fn an_unknown_sub_attribute_in_a_path_less_value_is_ignored() {
    let operation =
        json!([{"op": "replace", "value": {"emails[type eq \"work\"].size": "x", "title": "t"}}]);
    assert_eq!(patched(json!({}), operation), Ok(json!({"title": "t"})));
}

#[test]
fn a_value_without_content_takes_no_primary() {
    let home = json!({"emails": [{"type": "home", "value": "h", "primary": true}]});
    let primary = json!({"op": "add", "path": "emails[type eq \"work\"].primary", "value": true});
    let value = json!({"op": "add", "path": "emails[type eq \"work\"].value", "value": "w"});
    assert_eq!(patched(home.clone(), json!([primary])), Ok(home.clone()));
    let both = patched(home, json!([primary, value])).unwrap();
    assert_eq!(both["emails"][0]["primary"], false);
    assert_eq!(
        both["emails"][1],
        json!({"type": "work", "value": "w", "primary": true})
    );
}

#[test]
fn an_element_of_the_same_type_becomes_what_the_filter_describes() {
    let work = json!({"emails": [{"type": "work", "value": "a"}]});
    let operation = json!([{"op": "replace", "path": "emails[type eq \"work\" and primary eq true].value", "value": "b"}]);
    assert_eq!(
        patched(work, operation),
        Ok(json!({"emails": [{"type": "work", "value": "b", "primary": true}]}))
    );
}

#[test]
fn a_role_as_json_text_is_a_role_behind_a_filter_too() {
    let text = r#"{"id":"1","value":"Dispatcher","displayName":"D"}"#;
    let operation =
        json!([{"op": "add", "path": "roles[primary eq \"True\"].value", "value": text}]);
    assert_eq!(
        patched(json!({}), operation),
        Ok(json!({"roles": [{"primary": true, "value": "Dispatcher", "display": "D"}]}))
    );
}

#[test]
fn replacing_a_selected_element_keeps_what_the_filter_says_of_it() {
    let one = json!({"emails": [{"type": "work", "value": "a", "primary": true}]});
    assert_eq!(
        patched(
            one,
            json!([{"op": "replace", "path": "emails[type eq \"work\"]", "value": {"value": "b"}}])
        ),
        Ok(json!({"emails": [{"type": "work", "value": "b"}]}))
    );
}

#[test]
fn a_filter_on_an_attribute_with_one_value_means_that_value() {
    assert_eq!(
        patched(
            json!({"title": "x"}),
            json!([{"op": "replace", "path": "title[type eq \"work\"]", "value": "y"}])
        ),
        Ok(json!({"title": "y"}))
    );
}

#[test]
fn what_the_service_does_not_keep_is_ignored() {
    for path in ["password", "schemas", "urn:example:custom:2.0:User:badge"] {
        assert_eq!(
            patched(
                json!({}),
                json!([{"op": "add", "path": path, "value": "x"}])
            ),
            Ok(json!({})),
            "{path}"
        );
    }
}

#[test]
fn nothing_new_is_no_change() {
    let current = check(
        &USERS,
        object(json!({"userName": "u", "emails": [{"type": "work", "value": "a"}]})),
    )
    .unwrap()
    .resource;
    let same = json!({"Operations": [
        {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "a"},
        {"op": "add", "path": "emails", "value": [{"type": "work", "value": "a"}]},
        {"op": "remove", "path": "title"}
    ]});
    assert_eq!(
        apply(
            &USERS,
            &current,
            &PatchRequest::parse(object(same)).unwrap(),
            &Budget::default()
        ),
        Ok(Applied {
            resource: None,
            members: MemberChange::default(),
            ignored: Ignored::default()
        })
    );
}

#[test]
fn refusals_have_their_keyword_and_name_the_path() {
    let one = json!({"emails": [{"type": "work", "value": "a"}]});
    for (operation, keyword, text) in [
        (
            json!({"op": "replace", "path": "shoeSize", "value": 1}),
            "invalidPath",
            "`shoeSize` is not an attribute of User",
        ),
        (
            json!({"op": "replace", "path": "emails[", "value": 1}),
            "invalidPath",
            "the path `emails[` is malformed",
        ),
        (
            json!({"op": "replace", "path": "emails[type eq \"work\"].size", "value": 1}),
            "invalidPath",
            "`size` is not a sub-attribute",
        ),
        (
            json!({"op": "replace", "path": "emails[size eq 1].value", "value": 1}),
            "invalidPath",
            "`size` is not a sub-attribute",
        ),
        (
            json!({"op": "replace", "path": 1, "value": 1}),
            "invalidPath",
            "`path` must be a string",
        ),
        (
            json!({"op": "replace", "path": "emails[value co \"z\"].type", "value": "x"}),
            "noTarget",
            "no value of `emails` matches",
        ),
        (
            json!({"op": "remove"}),
            "noTarget",
            "a `remove` operation lacks `path`",
        ),
        (
            json!({"op": "replace", "path": "id", "value": "x"}),
            "mutability",
            "`id` is set by the service",
        ),
        (
            json!({"op": "add", "path": "groups", "value": []}),
            "mutability",
            "`groups` is set by the service",
        ),
        (
            json!({"op": "replace", "path": "meta.created", "value": "x"}),
            "mutability",
            "`meta.created` is set by the service",
        ),
        (
            json!({"op": "remove", "path": "userName"}),
            "mutability",
            "`userName` is required",
        ),
        (
            json!({"op": "replace", "path": "userName", "value": ""}),
            "invalidValue",
            "`userName` is required",
        ),
        (
            json!({"op": "replace", "path": "active", "value": "maybe"}),
            "invalidValue",
            "`active` must be true or false",
        ),
        (
            json!({"op": "replace", "path": "title"}),
            "invalidValue",
            "the operation on `title` lacks `value`",
        ),
        (
            json!({"op": "replace", "value": "x"}),
            "invalidValue",
            "an operation without `path`",
        ),
        (
            json!({"op": "move", "path": "title", "value": 1}),
            "invalidSyntax",
            "`move` is not an operation",
        ),
        (
            json!({"path": "title", "value": 1}),
            "invalidSyntax",
            "an operation lacks `op`",
        ),
        (
            json!("x"),
            "invalidSyntax",
            "each of `Operations` must be an object",
        ),
    ] {
        let (scim_type, detail) = refusal(one.clone(), operation.clone());
        assert_eq!(scim_type, Some(keyword), "{operation}");
        assert!(detail.starts_with(text), "{operation}: {detail}");
    }
}

#[test]
fn a_refused_operation_undoes_those_before_it() {
    let operations = json!([{"op": "replace", "path": "title", "value": "y"}, {"op": "replace", "path": "id", "value": "x"}]);
    let current = check(&USERS, object(json!({"userName": "u", "title": "x"})))
        .unwrap()
        .resource;
    let request = PatchRequest::parse(object(json!({"operations": operations}))).unwrap();
    assert!(apply(&USERS, &current, &request, &Budget::default()).is_err());
    assert_eq!(current.text("title"), Some("x"));
}

#[test]
fn the_first_of_several_elements_becomes_primary_and_stays_it() {
    for path in ["roles.primary", "roles[type eq \"app\"].primary"] {
        let mut roles = json!([
            {"type": "app", "value": "a"},
            {"type": "app", "value": "b", "primary": true},
            {"type": "app", "value": "c"}
        ]);
        for _ in 0..2 {
            let operation = json!([{"op": "replace", "path": path, "value": "True"}]);
            roles = patched(json!({"roles": roles}), operation).unwrap()["roles"].take();
            assert_eq!(
                roles,
                json!([
                    {"type": "app", "value": "a", "primary": true},
                    {"type": "app", "value": "b", "primary": false},
                    {"type": "app", "value": "c", "primary": false}
                ])
            );
        }
    }
}

#[test]
fn adding_an_element_that_is_there_changes_no_other_that_resembles_it() {
    let roles = json!([{"type": "app", "value": "A"}, {"value": "a", "display": "x"}]);
    let operation = json!([{"op": "add", "path": "roles", "value": roles}]);
    assert_eq!(
        patched(json!({"roles": roles}), operation),
        Ok(json!({"roles": roles}))
    );
}
