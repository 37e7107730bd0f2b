//! PATCH with names that the schemas do not have.

use super::*;

/// The user after the operations, and what they named in vain.
fn applied(operations: Value) -> Result<(Value, Ignored), ScimError> {
    let user = json!({"userName": "u", "active": true, "emails": [{"type": "work", "value": "a"}]});
    let current = check(&USERS, object(user)).unwrap().resource;
    let request = PatchRequest::parse(object(json!({"Operations": operations})))?;
    let Applied {
        resource, ignored, ..
    } = apply(&USERS, &current, &request, &Budget::default())?;
    let next = resource.unwrap_or(current).into_attributes();
    Ok((Value::Object(next), ignored))
}

#[test]
fn beside_something_known_the_unknown_is_skipped_and_told() {
    let hire_date = format!("{ENTERPRISE}:hireDate");
    let core = "urn:ietf:params:scim:schemas:core:2.0:User:shoeSize";
    for (unknown, name) in [
        (
            json!({"op": "Add", "path": hire_date, "value": "2026-01-02"}),
            &*hire_date,
        ),
        (json!({"op": "replace", "path": core, "value": 39}), core),
        (json!({"op": "remove", "path": "shoeSize"}), "shoeSize"),
        (
            json!({"op": "add", "path": "shoes[size eq 39].colour", "value": "red"}),
            "shoes",
        ),
        (
            json!({"op": "add", "path": "name.first", "value": "Lena"}),
            "name.first",
        ),
        (
            json!({"op": "add", "path": "emails[type eq \"work\"].label", "value": "x"}),
            "emails.label",
        ),
        (
            json!({"op": "remove", "path": "emails[label eq \"x\"]"}),
            "emails.label",
        ),
        (
            json!({"op": "add", "path": "emails[type eq \"work\" or label eq \"x\"].value", "value": "x"}),
            "emails.label",
        ),
        (
            json!({"op": "add", "path": "urn:example:2.0:User:badge", "value": "7"}),
            "urn:example:2.0:User:badge",
        ),
        (json!({"op": "add", "value": {"shoeSize": 39}}), "shoeSize"),
        (
            json!({"op": "add", "value": {"emails[type eq \"work\"].label": 39}}),
            "emails.label",
        ),
        (
            json!({"op": "add", "value": {ENTERPRISE: {"hireDate": "x"}}}),
            &*hire_date,
        ),
        (
            json!({"op": "add", "path": ENTERPRISE, "value": {"hireDate": "x"}}),
            &*hire_date,
        ),
        (
            json!({"op": "replace", "path": "emails", "value": [{"type": "work", "value": "a", "label": "x", "$ref": null}]}),
            "emails.label",
        ),
        (
            json!({"op": "add", "value": {"name": {"first": "Lena"}}}),
            "name.first",
        ),
    ] {
        for operations in [
            json!([{"op": "Replace", "path": "active", "value": "False"}, unknown]),
            json!([unknown, {"op": "replace", "value": {"active": false}}]),
        ] {
            let (next, ignored) = applied(operations).unwrap();
            let expected = json!({"userName": "u", "active": false, "emails": [{"type": "work", "value": "a"}]});
            assert_eq!(next, expected, "{unknown}");
            assert_eq!(
                (ignored.count(), ignored.names()),
                (1, &[name.to_owned()][..]),
                "{unknown}"
            );
        }
    }
}

#[test]
fn what_is_known_is_not_told() {
    let operations = json!([
        {"op": "replace", "path": "roles", "value": [{"value": "x", "displayName": "X"}]},
        {"op": "replace", "value": {"id": "i", "meta": {}, "password": "p", "name.givenName": "L", "name": {"familyName": "O"}}},
        {"op": "add", "path": "manager", "value": [{"$ref": "r", "value": "m", "displayName": "M"}]},
        {"op": "add", "path": "password", "value": "p"}
    ]);
    assert_eq!(applied(operations).unwrap().1, Ignored::default());
}

#[test]
fn nothing_known_is_refused() {
    for operations in [
        json!([{"op": "replace", "path": "shoeSize", "value": 1}]),
        json!([{"op": "replace", "path": "shoeSize", "value": 1}, {"op": "replace", "value": {"hatSize": 2}}]),
        json!([{"op": "add", "path": "urn:example:2.0:User:badge", "value": 1}, {"op": "add", "path": "shoeSize", "value": 1}]),
        json!([{"op": "remove", "path": "shoeSize"}, {"op": "remove", "path": "name.first"}]),
    ] {
        let refused = applied(operations.clone()).unwrap_err();
        assert_eq!(refused.scim_type(), Some("invalidPath"), "{operations}");
        assert!(
            refused
                .to_string()
                .starts_with("`shoeSize` is not an attribute of User")
        );
    }
    // Without an unknown path there is nothing to refuse.
    for operations in [
        json!([]),
        json!([{"op": "replace", "value": {"hatSize": 2}}]),
        json!([{"op": "add", "path": "urn:example:2.0:User:badge", "value": 1}]),
    ] {
        assert!(applied(operations).is_ok());
    }
}

#[test]
fn what_is_wrong_otherwise_is_refused_beside_anything() {
    for (wrong, keyword) in [
        (
            json!({"op": "add", "path": "emails[", "value": 1}),
            "invalidPath",
        ),
        (
            json!({"op": "add", "path": "shoe size", "value": 1}),
            "invalidPath",
        ),
        (
            json!({"op": "add", "path": "foo:bar", "value": 1}),
            "invalidPath",
        ),
        (
            json!({"op": "add", "path": "userName[type eq 1]", "value": ["a", "b"]}),
            "invalidValue",
        ),
        (
            json!({"op": "add", "path": "emails[primary gt true].value", "value": "x"}),
            "invalidPath",
        ),
        (
            json!({"op": "add", "path": "id", "value": "x"}),
            "mutability",
        ),
        (json!({"op": "remove", "path": "userName"}), "mutability"),
        (
            json!({"op": "add", "path": "active", "value": "maybe"}),
            "invalidValue",
        ),
    ] {
        let refused = applied(json!([
            {"op": "replace", "path": "active", "value": false},
            {"op": "replace", "path": "shoeSize", "value": 39},
            wrong
        ]))
        .unwrap_err();
        assert_eq!(refused.scim_type(), Some(keyword), "{wrong}: {refused}");
    }
}

/// Nobody asked to delete what is there.
#[test]
fn an_element_of_which_nothing_is_understood_clears_nothing() {
    let active = json!({"op": "replace", "path": "active", "value": false});
    for (operation, name) in [
        (
            json!({"op": "replace", "path": "emails", "value": [{"mail": "x"}]}),
            "emails.mail",
        ),
        (
            json!({"op": "replace", "path": "emails", "value": {"mail": "x", "type": "home"}}),
            "emails.mail",
        ),
        (
            json!({"op": "replace", "path": "emails[type eq \"work\"]", "value": {"mail": "x"}}),
            "emails.mail",
        ),
        (
            json!({"op": "add", "value": {"emails": [{"mail": "x"}]}}),
            "emails.mail",
        ),
    ] {
        let (next, ignored) = applied(json!([operation, active])).unwrap();
        assert_eq!(
            next["emails"],
            json!([{"type": "work", "value": "a"}]),
            "{operation}"
        );
        assert_eq!(next["active"], false);
        assert_eq!(ignored.names(), [name], "{operation}");
        if operation.get("path").is_some() {
            let refused = applied(json!([operation])).unwrap_err();
            assert_eq!(refused.scim_type(), Some("invalidPath"), "{operation}");
        }
    }
    // What is understood of the others counts.
    let both = json!([{"mail": "x"}, {"value": "b", "mail": "x"}]);
    let operation = json!([{"op": "replace", "path": "emails", "value": both}]);
    let (next, _) = applied(operation).unwrap();
    assert_eq!(next["emails"], json!([{"value": "b"}]));
    let operation = json!([{"op": "replace", "path": "emails", "value": [{"value": null}]}]);
    assert_eq!(applied(operation).unwrap().0.get("emails"), None);
}
