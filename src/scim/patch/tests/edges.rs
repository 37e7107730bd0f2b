//! What a PATCH says by what it leaves out, and by values of the wrong form.

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
        let operation = json!({"op": "replace", "path": ENTERPRISE, "value": wrong});
        let (scim_type, detail) = refusal(employed.clone(), operation);
        assert_eq!(scim_type, Some("invalidValue"), "{wrong}");
        assert!(detail.contains("needs an object of attributes"), "{detail}");
    }
    let operation = json!([{"op": "replace", "path": ENTERPRISE, "value": ""}]);
    assert_eq!(patched(employed, operation), Ok(json!({})));
}

#[test]
fn a_filter_creates_no_element_of_what_clients_cannot_set() {
    use crate::scim::schema::specimen::SPECIMENS;
    let operation =
        json!({"op": "replace", "path": "parts[serial eq \"s\"].type", "value": "left"});
    let request = PatchRequest::parse(object(json!({"Operations": [operation]}))).unwrap();
    let refused = apply(&SPECIMENS, &Resource::default(), &request).unwrap_err();
    assert_eq!(refused.scim_type(), Some("noTarget"));
}

#[test]
fn a_filter_for_null_describes_no_element() {
    for null in ["null", "NULL"] {
        let path = format!("roles[type eq {null}].value");
        let operation = json!({"op": "replace", "path": path, "value": "x"});
        assert_eq!(refusal(json!({}), operation).0, Some("noTarget"), "{null}");
    }
}
