//! PATCH of the members of a group, as clients send it.

use super::*;
use crate::members::{Effect, MAX_NAMED};
use crate::schema::GROUPS;

const URN: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const A: &str = "aaaaaaaa-7f76-453a-919d-413861904646";
const B: &str = "bbbbbbbb-7f76-453a-919d-413861904646";
const C: &str = "cccccccc-7f76-453a-919d-413861904646";

fn applied(operations: Value) -> Result<Applied, ScimError> {
    let group = json!({"displayName": "Crew", "externalId": "c-1"});
    let current = check(&GROUPS, object(group)).unwrap().resource;
    let request = PatchRequest::parse(object(json!({"Operations": operations})))?;
    apply(&GROUPS, &current, &request, &Budget::default())
}

/// What operations do to the members: `!` if they clear, `+a` for who is put, `-a` for who is
/// removed, `=a` for who is kept, and `?x` for who is nobody.
fn change(operations: Value) -> Result<String, (Option<&'static str>, String)> {
    let applied = applied(operations).map_err(|error| (error.scim_type(), error.to_string()))?;
    assert_eq!(applied.resource, None, "no attribute changes");
    Ok(shown(&applied.members))
}

fn shown(members: &MemberChange) -> String {
    let mut shown = String::from(if members.clears() { "!" } else { "" });
    for (id, effect) in members.named() {
        let name: String = id.as_str().chars().take(1).collect();
        shown += &match effect {
            Effect::Put(None) => format!(" +{name}"),
            Effect::Put(Some(display)) => format!(" +{name}({display})"),
            Effect::Remove => format!(" -{name}"),
            Effect::Keep => format!(" ={name}"),
        };
    }
    for text in members.unknown() {
        shown += &format!(" ?{text}");
    }
    shown.trim().to_owned()
}

fn refused(operation: Value) -> (Option<&'static str>, String) {
    change(json!([operation])).unwrap_err()
}

#[test]
fn one_operation_of_every_client() {
    let uri = format!("https://x/scim/v2/Users/{A}");
    let is_a = format!("members[value eq \"{A}\"]");
    let qualified = format!("{URN}:members");
    for (operation, expected) in [
        // Entra, without its flag and with it.
        (
            json!({"op": "Add", "path": "members", "value": [{"$ref": null, "value": A}]}),
            "+a",
        ),
        (
            json!({"op": "Add", "path": "members", "value": [{"$ref": null, "value": A}, {"$ref": null, "value": B}]}),
            "+a +b",
        ),
        (
            json!({"op": "Remove", "path": "members", "value": [{"$ref": null, "value": A}]}),
            "-a",
        ),
        (
            json!({"op": "Remove", "path": "members", "value": [{"value": A}, {"value": B}]}),
            "-a -b",
        ),
        (json!({"op": "remove", "path": is_a}), "-a"),
        // Microsoft's validator and its collection of requests.
        (
            json!({"op": "replace", "path": "members", "value": [{"value": A}]}),
            "! +a",
        ),
        (
            json!({"op": "replace", "path": "members", "value": [{"value": A}, {"value": B}]}),
            "! +a +b",
        ),
        (
            json!({"op": "add", "path": "members", "value": [A, "string id 1"]}),
            "+a ?string id 1",
        ),
        // Okta.
        (
            json!({"op": "add", "path": "members", "value": [{"value": A, "display": "ana@x"}, {"value": B, "display": "ben@x"}]}),
            "+a(ana@x) +b(ben@x)",
        ),
        (
            json!({"op": "replace", "path": "members", "value": []}),
            "!",
        ),
        // OneLogin, Rippling, OpenText and others.
        (
            json!({"op": "add", "path": "members", "value": {"value": A}}),
            "+a",
        ),
        (
            json!({"op": "remove", "path": "members", "value": {"value": A}}),
            "-a",
        ),
        (json!({"op": "remove", "path": "members", "value": A}), "-a"),
        (
            json!({"op": "remove", "path": "members", "value": [A, "x"]}),
            "-a",
        ),
        (
            json!({"op": "add", "path": "members", "value": [{"$ref": uri}]}),
            "+a",
        ),
        (
            json!({"op": "remove", "path": "members", "value": [{"$ref": uri}]}),
            "-a",
        ),
        (
            json!({"op": "add", "path": "members", "value": [{"value": A, "$ref": uri, "type": "user"}]}),
            "+a",
        ),
        (
            json!({"op": "add", "path": "members", "value": [{"value": A}, {"value": B, "type": "Group"}]}),
            &format!("+a ?{B}"),
        ),
        // Without a path, and with a qualified one.
        (
            json!({"op": "add", "value": {"members": [{"value": A}]}}),
            "+a",
        ),
        (
            json!({"op": "replace", "value": {"Members": [{"value": A}]}}),
            "! +a",
        ),
        (json!({"op": "replace", "value": {"members": []}}), "!"),
        (json!({"op": "replace", "value": {"members": null}}), "!"),
        (
            json!({"op": "add", "value": {(qualified.clone()): [{"value": A}]}}),
            "+a",
        ),
        (
            json!({"op": "add", "value": {URN: {"members": [{"value": A}]}}}),
            "+a",
        ),
        (
            json!({"op": "add", "path": URN, "value": {"members": [{"value": A}]}}),
            "+a",
        ),
        (
            json!({"op": "add", "path": qualified, "value": [{"value": A}]}),
            "+a",
        ),
        (
            json!({"op": "remove", "path": format!("{URN}:{is_a}")}),
            "-a",
        ),
        (
            json!({"op": "replace", "value": {"id": "g", "displayName": "Crew"}}),
            "",
        ),
        // No value.
        (json!({"op": "add", "path": "members", "value": []}), ""),
        (json!({"op": "add", "path": "members", "value": null}), ""),
        (json!({"op": "add", "value": {"members": null}}), ""),
        (
            json!({"op": "replace", "path": "members", "value": null}),
            "!",
        ),
        (
            json!({"op": "replace", "path": "members", "value": ""}),
            "!",
        ),
        (json!({"op": "remove", "path": "members"}), "!"),
        (
            json!({"op": "remove", "path": "members", "value": null}),
            "!",
        ),
        (json!({"op": "remove", "path": "members", "value": ""}), "!"),
        // A value that names nobody says that not all are meant.
        (json!({"op": "remove", "path": "members", "value": []}), ""),
        (
            json!({"op": "remove", "path": "members", "value": [{"value": null}]}),
            "",
        ),
    ] {
        assert_eq!(
            change(json!([operation])),
            Ok(expected.to_owned()),
            "{operation}"
        );
    }
}

#[test]
fn a_filter_selects_members_by_their_ids() {
    let is = |id: &str| format!("value eq \"{id}\"");
    let no = |id: &str| format!("value ne \"{id}\"");
    for (filter, expected) in [
        (is(A), "-a"),
        (is("x"), ""),
        (format!("{} or {}", is(A), is(B)), "-a -b"),
        (format!("{} and {}", is(A), is(B)), ""),
        (format!("{} and type eq \"User\"", is(A)), "-a"),
        (format!("{} and TYPE eq \"user\"", is(A)), "-a"),
        (format!("{} and type eq \"Group\"", is(A)), ""),
        (format!("{} and type ne \"Group\"", is(A)), "-a"),
        (no(A), "! =a"),
        (format!("{} and {}", no(A), no(B)), "! =a =b"),
        (format!("not ({} or {})", is(A), is(B)), "! =a =b"),
        (format!("{} or {}", no(A), is(A)), "!"),
        (format!("({} or {}) and {}", is(A), is(B), no(B)), "-a"),
        ("value pr".to_owned(), "!"),
        ("type eq \"User\"".to_owned(), "!"),
        ("value eq null".to_owned(), ""),
    ] {
        let operation = json!({"op": "remove", "path": format!("members[{filter}]")});
        assert_eq!(
            change(json!([operation])),
            Ok(expected.to_owned()),
            "{filter}"
        );
    }
}

#[test]
fn a_value_at_a_filter_adds_whom_it_names_or_the_filter_names() {
    let is_a = format!("members[value eq \"{A}\"]");
    for (operation, expected) in [
        (
            json!({"op": "replace", "path": is_a, "value": {"value": B}}),
            "-a +b",
        ),
        (
            json!({"op": "replace", "path": is_a, "value": [{"value": B, "display": "Ben"}]}),
            "-a +b(Ben)",
        ),
        (json!({"op": "replace", "path": is_a, "value": B}), "-a +b"),
        (
            json!({"op": "replace", "path": is_a, "value": {"value": A}}),
            "+a",
        ),
        (json!({"op": "replace", "path": is_a, "value": null}), "-a"),
        (json!({"op": "replace", "path": is_a, "value": []}), "-a"),
        (
            json!({"op": "add", "path": is_a, "value": {"value": A}}),
            "+a",
        ),
        (
            json!({"op": "add", "path": is_a, "value": {"display": "Ana"}}),
            "+a(Ana)",
        ),
        (
            json!({"op": "add", "path": is_a, "value": {"type": "User"}}),
            "+a",
        ),
        (json!({"op": "add", "path": is_a, "value": null}), ""),
        (
            json!({"op": "add", "value": {(is_a.clone()): {"type": "User"}}}),
            "+a",
        ),
        (
            json!({"op": "replace", "path": format!("members[value ne \"{A}\"]"), "value": [{"value": B}]}),
            "! =a +b",
        ),
    ] {
        assert_eq!(
            change(json!([operation])),
            Ok(expected.to_owned()),
            "{operation}"
        );
    }
    let others = json!({"op": "add", "path": format!("members[value ne \"{A}\"]"), "value": {"type": "User"}});
    assert_eq!(refused(others).0, Some("noTarget"));
}

#[test]
fn operations_on_members_follow_one_another() {
    let add = |id: &str| json!({"op": "add", "path": "members", "value": [{"value": id}]});
    let remove = |id: &str| json!({"op": "remove", "path": format!("members[value eq \"{id}\"]")});
    let legacy = |id: &str| json!({"op": "Remove", "path": "members", "value": [{"value": id}]});
    let replace = |ids: &[&str]| json!({"op": "replace", "path": "members", "value": ids});
    for (operations, expected) in [
        // The preview of Microsoft's validator.
        (json!([add(A), remove(A)]), "-a"),
        (json!([add(A), legacy(A)]), "-a"),
        (json!([remove(A), add(A)]), "+a"),
        // Okta: one operation for each that goes, one for all that come.
        (json!([remove(A), remove(B), add(C)]), "-a -b +c"),
        (json!([replace(&[]), add(A), add(B)]), "! +a +b"),
        (json!([add(A), replace(&[B])]), "! +b"),
        (json!([replace(&[A, B]), remove(A), add(C)]), "! +b +c"),
        (json!([{"op": "remove", "path": "members"}, add(A)]), "! +a"),
        (
            json!([remove(A), {"op": "remove", "path": format!("members[value ne \"{A}\"]")}]),
            "!",
        ),
        (
            json!([add(A), {"op": "remove", "path": format!("members[value ne \"{A}\"]")}, add(B)]),
            "! +a +b",
        ),
        // Nobody, and nobody any more.
        (json!([add("x"), remove("x"), add("y")]), "?y"),
        (json!([add("x"), legacy("x")]), ""),
        (json!([add("x"), replace(&["y"])]), "! ?y"),
        (
            json!([add("x"), {"op": "remove", "path": "members[value ne \"x\"]"}]),
            "! ?x",
        ),
    ] {
        assert_eq!(
            change(operations.clone()),
            Ok(expected.to_owned()),
            "{operations}"
        );
    }
}

#[test]
fn attributes_and_members_change_together() {
    let both = applied(json!([
        {"op": "replace", "path": "displayName", "value": "North Crew"},
        {"op": "add", "path": "members", "value": [{"value": A}]},
        {"op": "replace", "value": {"externalId": "c-2", "members": [{"value": B}]}}
    ]));
    let both = both.unwrap();
    let resource = both.resource.unwrap().into_attributes();
    assert_eq!(
        Value::Object(resource),
        json!({"displayName": "North Crew", "externalId": "c-2"})
    );
    assert_eq!(shown(&both.members), "! +b");
    // One that cannot be stops all.
    let wrong = json!([
        {"op": "add", "path": "members", "value": [{"value": A}]},
        {"op": "remove", "path": "displayName"}
    ]);
    assert_eq!(change(wrong).unwrap_err().0, Some("mutability"));
}

/// Microsoft's validator changes it, and it is no attribute of groups.
#[test]
fn a_description_is_ignored_beside_others() {
    let description = json!({"op": "replace", "path": "description", "value": "x"});
    let beside = applied(json!([
        description,
        {"op": "add", "path": "members", "value": [{"value": A}]}
    ]));
    let beside = beside.unwrap();
    assert_eq!(
        (shown(&beside.members), beside.resource),
        ("+a".to_owned(), None)
    );
    assert_eq!(beside.ignored.names(), ["description"]);
    let renamed = json!([{"op": "replace", "value": {"displayName": "North", "description": "x"}}]);
    let renamed = applied(renamed).unwrap();
    assert_eq!(renamed.ignored.names(), ["description"]);
    assert!(renamed.resource.is_some());
    let alone = refused(description);
    assert_eq!(alone.0, Some("invalidPath"));
    assert!(
        alone
            .1
            .starts_with("`description` is not an attribute of Group"),
        "{}",
        alone.1
    );
    let body = json!({"displayName": "Crew", "description": "x"});
    let checked = check(&GROUPS, object(body)).unwrap();
    assert_eq!(
        Value::Object(checked.resource.into_attributes()),
        json!({"displayName": "Crew"})
    );
}

#[test]
fn what_members_cannot_do_is_refused() {
    let is_a = format!("members[value eq \"{A}\"]");
    for (operation, keyword) in [
        (
            json!({"op": "replace", "path": "members.value", "value": B}),
            "mutability",
        ),
        (
            json!({"op": "replace", "path": format!("{is_a}.display"), "value": "x"}),
            "mutability",
        ),
        (
            json!({"op": "replace", "path": format!("{is_a}.value"), "value": B}),
            "mutability",
        ),
        (
            json!({"op": "remove", "path": "members.display"}),
            "mutability",
        ),
        (
            json!({"op": "add", "value": {"members.value": A}}),
            "mutability",
        ),
        (
            json!({"op": "remove", "path": "members[display eq \"Ana\"]"}),
            "invalidPath",
        ),
        (
            json!({"op": "remove", "path": format!("members[display eq \"Ana\" and value eq \"{A}\"]")}),
            "invalidPath",
        ),
        (
            json!({"op": "remove", "path": "members[$ref pr]"}),
            "invalidPath",
        ),
        (
            json!({"op": "remove", "path": "members[value sw \"a\"]"}),
            "invalidPath",
        ),
        (
            json!({"op": "remove", "path": "members[type co \"User\"]"}),
            "invalidPath",
        ),
        (
            json!({"op": "remove", "path": "members[value eq \"x\""}),
            "invalidPath",
        ),
        (json!({"op": "add", "path": "members"}), "invalidValue"),
        (
            json!({"op": "add", "path": "members", "value": true}),
            "invalidValue",
        ),
        (
            json!({"op": "add", "path": "members", "value": [{"value": null}]}),
            "invalidValue",
        ),
        (
            json!({"op": "replace", "path": "members", "value": [null]}),
            "invalidValue",
        ),
        (
            json!({"op": "replace", "path": "members", "value": [{"mail": "x"}]}),
            "invalidPath",
        ),
    ] {
        assert_eq!(refused(operation.clone()).0, Some(keyword), "{operation}");
    }
    let by_name = refused(json!({"op": "remove", "path": "members[display eq \"Ana\"]"}));
    assert!(
        by_name.1.contains("members are selected by `value`"),
        "{}",
        by_name.1
    );
    // The other side cannot be changed at all.
    for path in ["groups", "groups.value", "groups[value eq \"g\"]"] {
        let operation = json!({"op": "remove", "path": path});
        assert_eq!(
            refusal(json!({}), operation).0,
            Some("mutability"),
            "{path}"
        );
    }
}

fn id(number: usize) -> String {
    format!("{number:08x}-7f76-453a-919d-413861904646")
}

#[test]
fn the_number_of_members_in_a_request_is_bounded() {
    let add = |from: usize, to: usize| {
        let ids: Vec<_> = (from..to)
            .map(|number| json!({"value": id(number)}))
            .collect();
        json!({"op": "add", "path": "members", "value": ids})
    };
    let half = MAX_NAMED / 2;
    let all = applied(json!([add(0, half), add(half, MAX_NAMED)])).unwrap();
    assert_eq!(all.members.named().len(), MAX_NAMED);
    let more = applied(json!([add(0, half), add(half, MAX_NAMED + 1)])).unwrap_err();
    assert_eq!(more.scim_type(), Some("tooMany"));
}

#[test]
fn many_removals_are_cheap() {
    let operations: Vec<_> = (0..5_000)
        .map(|number| {
            let path = format!("members[value eq \"{}\"]", id(number));
            json!({"op": "remove", "path": path})
        })
        .collect();
    let request = PatchRequest::parse(object(json!({"Operations": operations}))).unwrap();
    let group = check(&GROUPS, object(json!({"displayName": "Crew"}))).unwrap();
    let budget = Budget::default();
    let applied = apply(&GROUPS, &group.resource, &request, &budget).unwrap();
    assert_eq!(applied.members.named().len(), 5_000);
    assert!(
        budget.spent() < crate::work::MAX_WORK / 10,
        "{}",
        budget.spent()
    );
}
