//! PATCH with missing parts, and with values of the wrong form.

use super::*;

#[test]
fn a_remove_with_an_empty_value_is_one_without() {
    let two = json!({"emails": [{"type": "work", "value": "a"}, {"type": "home", "value": "b"}]});
    for nothing in [json!(null), json!("")] {
        let operation = json!([{"op": "remove", "path": "emails", "value": nothing}]);
        assert_eq!(patched(two.clone(), operation), Ok(json!({})), "{nothing}");
    }
    let operation = json!([{"op": "remove", "path": "emails", "value": "a"}]);
    assert_eq!(
        patched(two, operation),
        Ok(json!({"emails": [{"type": "home", "value": "b"}]}))
    );
}

#[test]
fn an_extension_takes_an_object_or_nothing() {
    let employed = json!({ENTERPRISE: {"division": "x"}});
    for wrong in [json!("x"), json!(1), json!([{"division": "y"}])] {
        for operation in [
            json!({"op": "replace", "path": ENTERPRISE, "value": wrong}),
            json!({"op": "replace", "value": {ENTERPRISE: wrong}}),
            json!({"op": "add", "path": ENTERPRISE}),
        ] {
            let (scim_type, detail) = refusal(employed.clone(), operation);
            assert_eq!(scim_type, Some("invalidValue"), "{wrong}");
            assert!(detail.contains("needs an object of attributes"), "{detail}");
        }
    }
    for operation in [
        json!({"op": "replace", "path": ENTERPRISE, "value": ""}),
        // RFC 7644 §3.5.2.2: the path alone determines what a `remove` removes.
        json!({"op": "remove", "path": ENTERPRISE, "value": {"department": "y"}}),
    ] {
        assert_eq!(patched(employed.clone(), json!([operation])), Ok(json!({})));
    }
}

#[test]
fn a_filter_creates_no_element_of_what_clients_cannot_set() {
    use crate::schema::specimen::SPECIMENS;
    let operation =
        json!({"op": "replace", "path": "parts[serial eq \"s\"].type", "value": "left"});
    let request = PatchRequest::parse(object(json!({"Operations": [operation]}))).unwrap();
    let refused = apply(
        &SPECIMENS,
        &Resource::default(),
        &request,
        &Budget::default(),
    )
    .unwrap_err();
    assert_eq!(refused.scim_type(), Some("noTarget"));
}

#[test]
fn a_path_finds_the_elements_that_do_not_say_primary() {
    let emails = |first: &str, second: &str| json!({"emails": [{"value": first, "primary": true}, {"value": second}]});
    for filter in [
        "primary eq false",
        "primary ne true",
        "not (primary eq true)",
    ] {
        let path = format!("emails[{filter}].value");
        let operation = json!([{"op": "replace", "path": path, "value": "new"}]);
        assert_eq!(
            patched(emails("a", "b"), operation),
            Ok(emails("a", "new")),
            "{filter}"
        );
    }
    let operation = json!([{"op": "remove", "path": "emails[primary eq false]"}]);
    assert_eq!(
        patched(emails("a", "b"), operation),
        Ok(json!({"emails": [{"value": "a", "primary": true}]}))
    );
}

#[test]
fn a_filter_for_null_describes_no_element() {
    for null in ["null", "NULL"] {
        let path = format!("roles[type eq {null}].value");
        let operation = json!({"op": "replace", "path": path, "value": "x"});
        assert_eq!(refusal(json!({}), operation).0, Some("noTarget"), "{null}");
    }
}

#[test]
fn the_core_schema_s_urn_stands_for_the_resource() {
    const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
    let titled = Ok(json!({"title": "x"}));
    for operation in [
        json!({"op": "add", "path": CORE, "value": {"title": "x"}}),
        json!({"op": "replace", "value": {CORE: {"title": "x"}}}),
    ] {
        assert_eq!(
            patched(json!({}), json!([operation])),
            titled,
            "{operation}"
        );
    }
    for operation in [
        json!({"op": "remove", "path": CORE, "value": {"title": "x"}}),
        json!({"op": "replace", "path": CORE, "value": "x"}),
    ] {
        let (scim_type, _) = refusal(json!({"title": "x"}), operation.clone());
        assert_eq!(scim_type, Some("invalidValue"), "{operation}");
    }
}

#[test]
fn an_added_element_repeats_one_that_the_schema_takes_for_the_same() {
    let added = |attribute: &str, there: Value, value: Value| {
        let operation = json!([{"op": "add", "path": attribute, "value": [value]}]);
        patched(json!({attribute: [there]}), operation).unwrap()[attribute].take()
    };
    // Roles that differ only in case are the same, and a role without a type matches any type.
    let there = json!({"type": "app", "value": "a"});
    assert_eq!(
        added("roles", there.clone(), json!({"type": "APP", "value": "A"})),
        json!([{"type": "APP", "value": "A"}])
    );
    assert_eq!(
        added(
            "roles",
            there.clone(),
            json!({"value": "A", "display": "d"})
        ),
        json!([{"type": "app", "value": "A", "display": "d"}])
    );
    let other = json!({"type": "other", "value": "a"});
    assert_eq!(
        added("roles", there.clone(), other.clone()),
        json!([there, other])
    );
    // Certificates are binary, so case matters.
    let (one, other) = (json!({"value": "MIIB"}), json!({"value": "miib"}));
    assert_eq!(
        added("x509Certificates", one.clone(), other.clone()),
        json!([one, other])
    );
    // An address has no `value` to identify it.
    let (one, other) = (json!({"locality": "a"}), json!({"locality": "b"}));
    assert_eq!(
        added("addresses", one.clone(), other.clone()),
        json!([one, other])
    );
}

#[test]
fn a_remove_with_a_value_means_elements_of_which_all_of_it_is_true() {
    let one = json!({"emails": [{"type": "work", "value": "a", "primary": true}]});
    let left = |value: Value| {
        let operation = json!([{"op": "remove", "path": "emails", "value": [value]}]);
        patched(one.clone(), operation).unwrap()
    };
    assert_eq!(left(json!({"value": "a", "primary": false})), one);
    assert_eq!(left(json!({"value": "a", "type": "home"})), one);
    assert_eq!(left(json!({"value": "a", "display": "x"})), one);
    assert_eq!(left(json!({"value": "A", "primary": "True"})), json!({}));
}

#[test]
fn a_remove_of_one_part_leaves_the_others() {
    let lena = json!({
        "name": {"givenName": "Lena", "familyName": "Ortiz"},
        "emails": [{"value": "a", "display": "x"}, {"value": "b", "display": "y"}]
    });
    let left = |operation: Value| patched(lena.clone(), json!([operation])).unwrap();
    assert_eq!(
        left(json!({"op": "remove", "path": "name.givenName"}))["name"],
        json!({"familyName": "Ortiz"})
    );
    // A value selects elements only if the path has no filter.
    assert_eq!(
        left(json!({"op": "remove", "path": "emails.display", "value": "x"}))["emails"],
        json!([{"value": "a"}, {"value": "b"}])
    );
    assert_eq!(
        left(json!({"op": "remove", "path": "emails[value eq \"a\"]", "value": ["x", ["y", "z"]]}))
            ["emails"],
        json!([{"value": "b", "display": "y"}])
    );
}

#[test]
fn the_manager_s_reference_changes_without_the_manager() {
    assert_eq!(
        patched(
            json!({ENTERPRISE: {"manager": {"value": "m", "$ref": "r"}}}),
            json!([{"op": "replace", "path": "manager.$ref", "value": "s"}])
        ),
        Ok(json!({ENTERPRISE: {"manager": {"value": "m", "$ref": "s"}}}))
    );
}

#[test]
fn an_object_is_no_value_of_a_simple_attribute() {
    let operation = json!({"op": "replace", "path": "title", "value": {"x": 1}});
    assert_eq!(refusal(json!({}), operation).0, Some("invalidValue"));
}

#[test]
fn a_blank_path_is_none() {
    let operation = json!([{"op": "add", "path": " ", "value": {"title": "x"}}]);
    assert_eq!(patched(json!({}), operation), Ok(json!({"title": "x"})));
}

#[test]
fn the_number_of_operations_is_bounded() {
    let operations = |count| {
        let operation = json!({"op": "remove", "path": "title"});
        PatchRequest::parse(object(json!({"Operations": vec![operation; count]})))
    };
    assert!(operations(5000).is_ok());
    let refused = operations(5001).unwrap_err();
    assert_eq!(refused.scim_type(), Some("invalidValue"));
    // Microsoft's validator sends none if nothing is mapped.
    let none = operations(0).unwrap();
    let current = check(&USERS, object(json!({"userName": "u"})))
        .unwrap()
        .resource;
    assert_eq!(
        apply(&USERS, &current, &none, &Budget::default())
            .unwrap()
            .resource,
        None
    );
    for no_list in [
        json!({}),
        json!({"Operations": null}),
        json!({"Operations": {}}),
    ] {
        let refused = PatchRequest::parse(object(no_list)).unwrap_err();
        assert_eq!(refused.scim_type(), Some("invalidSyntax"));
    }
}

#[test]
fn of_several_objects_none_is_taken_for_a_complex_value() {
    let names = json!([{"givenName": "Lena"}, {"familyName": "Ortiz"}]);
    let operation = json!({"op": "replace", "path": "name", "value": names});
    assert_eq!(refusal(json!({}), operation).0, Some("invalidValue"));
}

#[test]
fn a_selected_element_is_added_to_replaced_or_cleared() {
    let two = json!({"emails": [{"type": "work", "value": "a", "display": "x"}, {"type": "home", "value": "b"}]});
    let work = |op: &str, value: Value| {
        let path = "emails[value eq \"a\"]";
        let operation = json!([{"op": op, "path": path, "value": value}]);
        let mut emails = patched(two.clone(), operation).unwrap()["emails"].take();
        assert_eq!(
            emails.as_array_mut().unwrap().pop(),
            Some(json!({"type": "home", "value": "b"}))
        );
        emails
    };
    assert_eq!(
        work("add", json!({"display": "y"})),
        json!([{"type": "work", "value": "a", "display": "y"}])
    );
    assert_eq!(
        work("replace", json!({"display": "y"})),
        json!([{"value": "a", "display": "y"}])
    );
    for op in ["add", "replace"] {
        assert_eq!(work(op, json!(null)), json!([]), "{op}");
    }
}
