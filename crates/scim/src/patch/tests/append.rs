//! `add` appends; a path that names a type replaces (RFC 7644 §3.5.2.1).

use super::*;

#[test]
fn an_added_value_stands_beside_others_of_its_type() {
    let role = |value: &str| json!({"op": "Add", "path": "roles", "value": [{"type": "WindowsAzureActiveDirectoryRole", "value": value}]});
    let next = patched(json!({}), json!([role("A"), role("B"), role("A")])).unwrap();
    assert_eq!(next["roles"].as_array().unwrap().len(), 2);
    let emails =
        json!([{"type": "work", "value": "a", "primary": true}, {"type": "home", "value": "h"}]);
    let addresses = json!([{"type": "work", "locality": "x", "primary": true}]);
    let more =
        json!([{"type": "work", "value": "b"}, {"value": "c"}, {"type": "work", "value": "A"}]);
    let wanted = json!({
        "emails": [
            {"type": "work", "value": "A", "primary": true}, {"type": "home", "value": "h"},
            {"type": "work", "value": "b"}, {"value": "c"}
        ],
        "addresses": [{"type": "work", "locality": "x", "primary": true}, {"type": "work", "locality": "y"}]
    });
    let next = json!([{"type": "work", "locality": "y"}, {"type": "work", "locality": "x"}]);
    for operations in [
        json!([
            {"op": "Add", "path": "emails", "value": more},
            {"op": "add", "path": "addresses", "value": next}
        ]),
        json!([{"op": "add", "value": {"emails": more, "addresses": next}}]),
    ] {
        let before = json!({"emails": emails, "addresses": addresses});
        assert_eq!(patched(before, operations), Ok(wanted.clone()));
    }
}

#[test]
fn a_path_that_names_a_type_alone_replaces_and_one_that_names_more_adds() {
    let work = json!({"emails": [{"type": "work", "value": "a", "primary": true}]});
    for op in ["Add", "Replace"] {
        let written = |path: &str| {
            let operation = json!([{"op": op, "path": path, "value": "b"}]);
            patched(work.clone(), operation).unwrap()["emails"].take()
        };
        assert_eq!(
            written("emails[type eq \"WORK\"].value"),
            json!([{"type": "work", "value": "b", "primary": true}]),
            "{op}"
        );
        assert_eq!(
            written("emails[type eq \"work\" and value eq \"c\"].display"),
            json!([
                {"type": "work", "value": "a", "primary": true},
                {"type": "work", "value": "c", "display": "b"}
            ]),
            "{op}"
        );
    }
}
