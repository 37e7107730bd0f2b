//! Every way in which clients write members, and what it comes to.
//!
//! `@a` to `@e` stand for users in the order of their ids, `@x` for an id that is nobody's.

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::support::groups::{
    GROUP, NOBODY, count, crew, group, groups_of, patch, path, read, values, version,
};
use crate::support::service::{BASE, Service};

/// What a change has to make of a group: who is in it before and after, by letters.
struct Case {
    what: &'static str,
    before: &'static str,
    operations: Value,
    after: &'static str,
}

fn case(what: &'static str, before: &'static str, operations: Value, after: &'static str) -> Case {
    Case {
        what,
        before,
        operations,
        after,
    }
}

/// One operation.
fn one(op: &str, path: &str, value: Value) -> Value {
    json!([{"op": op, "path": path, "value": value}])
}

fn remove(path: &str) -> Value {
    json!([{"op": "remove", "path": path}])
}

fn letters(users: &[String], letters: &str) -> Vec<String> {
    let index = |letter| (letter as u8 - b'a') as usize;
    letters
        .chars()
        .map(|letter| users[index(letter)].clone())
        .collect()
}

fn with_ids(users: &[String], operations: &Value) -> Value {
    let mut text = operations.to_string().replace("@x", NOBODY);
    for (index, id) in users.iter().enumerate() {
        text = text.replace(&format!("@{}", (b'a' + index as u8) as char), id);
    }
    serde_json::from_str(&text).unwrap()
}

/// Makes each change in a group of its own, and looks at the group from both sides.
async fn check(cases: Vec<Case>) {
    let (service, directory, users) = crew(5).await;
    let faults: Vec<String> = stream::iter(cases)
        .map(|case| fault(&service, &users, case))
        .buffer_unordered(8)
        .filter_map(std::future::ready)
        .collect()
        .await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    directory.check("acme").await;
}

/// What is wrong with the outcome of a case.
async fn fault(service: &Service, users: &[String], case: Case) -> Option<String> {
    let id = group(service, case.what, &letters(users, case.before)).await;
    let before = read(service, &path(&id)).await;
    let answer = patch(service, &id, with_ids(users, &case.operations)).await;
    let found = read(service, &path(&id)).await;
    let members = values(&found.body, "members");
    let expected = letters(users, case.after);
    let mut faults = Vec::new();
    if answer.status != 200 || answer.body != found.body {
        faults.push(format!("the answer is {} {}", answer.status, answer.body));
    }
    if members != expected {
        faults.push(format!("the members are {members:?}, not {expected:?}"));
    }
    if count(service, &id).await != expected.len() as u64 {
        faults.push("the count is wrong".to_owned());
    }
    for user in users {
        if groups_of(service, user).await.contains(&id) != expected.contains(user) {
            faults.push(format!("{user} does not agree"));
        }
    }
    let has_moved = version(&found) > version(&before);
    let is_same = found.body["meta"] == before.body["meta"];
    let is_change = case.before != case.after;
    if has_moved != is_change || is_same == is_change {
        faults.push("the version is wrong".to_owned());
    }
    (!faults.is_empty()).then(|| format!("{}: {}", case.what, faults.join(", ")))
}

#[tokio::test]
async fn members_are_added_in_every_shape() {
    let location = format!("{BASE}/Users/@b");
    check(vec![
        case("Entra", "a", one("Add", "members", json!([{"$ref": null, "value": "@b"}])), "ab"),
        case("Entra with its flag", "a", one("add", "members", json!([{"value": "@b"}])), "ab"),
        case("several at once", "a", one("Add", "members", json!([{"value": "@d"}, {"value": "@b"}, {"value": "@a"}])), "abd"),
        case("Okta", "", one("add", "members", json!([{"value": "@a", "display": "a@x"}, {"value": "@b", "display": "b@x"}])), "ab"),
        case("OneLogin", "a", json!([{"op": "add", "path": "members", "value": [{"value": "@b"}, {"value": "@c"}]}]), "abc"),
        case("Rippling: an object for an array", "a", one("add", "members", json!({"value": "@b"})), "ab"),
        case("bare strings", "a", one("add", "members", json!(["@b", "@c"])), "abc"),
        case("a bare string", "a", one("add", "members", json!("@b")), "ab"),
        case("OpenText: with $ref", "", one("add", "members", json!([{"value": "@b", "$ref": location}])), "b"),
        case("$ref alone", "a", one("add", "members", json!([{"$ref": location}])), "ab"),
        case("a relative $ref alone", "a", one("add", "members", json!([{"$ref": "../Users/@b"}])), "ab"),
        case("a type in another case", "a", one("add", "members", json!([{"value": "@b", "$ref": null, "type": "user"}])), "ab"),
        case("a type that is null", "a", one("add", "members", json!([{"value": "@b", "type": null, "display": null}])), "ab"),
        case("names in another case", "a", one("ADD", "MEMBERS", json!([{"VALUE": "@b", "Type": "User"}])), "ab"),
        case("more than SCIM has", "a", json!([{"name": "addMember", "op": "add", "path": "members", "value": [{"value": "@b", "role": "x"}]}]), "ab"),
        case("a full path", "a", one("add", &format!("{GROUP}:members"), json!([{"value": "@b"}])), "ab"),
        case("no path", "a", json!([{"op": "add", "value": {"members": [{"value": "@b"}]}}]), "ab"),
        case("no path, one object", "a", json!([{"op": "Add", "value": {"members": {"value": "@b"}}}]), "ab"),
        case("no path, a full name", "a", json!([{"op": "add", "value": {format!("{GROUP}:members"): [{"value": "@b"}]}}]), "ab"),
        case("one operation each", "", json!([
            {"op": "add", "path": "members", "value": [{"value": "@b"}]},
            {"op": "add", "path": "members", "value": [{"value": "@a"}]},
        ]), "ab"),
        case("one twice", "", one("add", "members", json!([{"value": "@a"}, {"value": "@a"}, "@a"])), "a"),
        case("nobody and somebody in one value", "", json!([
            {"op": "add", "path": "members", "value": [{"value": "@x"}, {"value": "@a"}]},
        ]), "a"),
    ])
    .await;
}

/// Microsoft's own form of removal has emptied the groups of a dozen providers.
#[tokio::test]
async fn only_the_members_that_are_named_are_removed() {
    check(vec![
        case(
            "Entra",
            "abc",
            one("Remove", "members", json!([{"$ref": null, "value": "@b"}])),
            "ac",
        ),
        case(
            "Entra, several",
            "abcd",
            one(
                "Remove",
                "members",
                json!([{"value": "@b"}, {"value": "@c"}]),
            ),
            "ad",
        ),
        case(
            "Entra with its flag",
            "abc",
            remove("members[value eq \"@b\"]"),
            "ac",
        ),
        case(
            "an object",
            "abc",
            one("remove", "members", json!({"value": "@b"})),
            "ac",
        ),
        case(
            "a bare string",
            "abc",
            one("remove", "members", json!("@b")),
            "ac",
        ),
        case(
            "bare strings",
            "abc",
            one("remove", "members", json!(["@a", "@b"])),
            "c",
        ),
        case(
            "$ref alone",
            "abc",
            one(
                "remove",
                "members",
                json!([{"$ref": format!("{BASE}/Users/@b")}]),
            ),
            "ac",
        ),
        case(
            "nobody in particular",
            "abc",
            one("remove", "members", json!([])),
            "abc",
        ),
        case("the last one", "a", remove("members[value eq \"@a\"]"), ""),
        case(
            "the last one, by value",
            "a",
            one("Remove", "members", json!([{"value": "@a"}])),
            "",
        ),
        case("all", "abc", remove("members"), ""),
        case(
            "all, by full path",
            "abc",
            remove(&format!("{GROUP}:members")),
            "",
        ),
        case(
            "Okta: one operation each",
            "abcd",
            json!([
                {"op": "remove", "path": "members[value eq \"@a\"]"},
                {"op": "remove", "path": "members[value eq \"@b\"]"},
                {"op": "remove", "path": "members[value eq \"@d\"]"},
            ]),
            "c",
        ),
        case(
            "two by a filter",
            "abc",
            remove("members[value eq \"@a\" or value eq \"@c\"]"),
            "b",
        ),
        case(
            "all but one",
            "abc",
            remove("members[value ne \"@b\"]"),
            "b",
        ),
        case(
            "all but one, by not",
            "abc",
            remove("members[not (value eq \"@b\")]"),
            "b",
        ),
        case(
            "all but two",
            "abcd",
            remove("members[value ne \"@a\" and value ne \"@b\"]"),
            "ab",
        ),
        case(
            "all that have a value",
            "abc",
            remove("members[value pr]"),
            "",
        ),
        case("all users", "abc", remove("members[type eq \"User\"]"), ""),
        case(
            "all groups",
            "abc",
            remove("members[type eq \"Group\"]"),
            "abc",
        ),
        case(
            "one, if a user",
            "abc",
            remove("members[value eq \"@a\" and type eq \"user\"]"),
            "bc",
        ),
        case(
            "one, if a group",
            "abc",
            remove("members[value eq \"@a\" and type ne \"User\"]"),
            "abc",
        ),
        case(
            "a full path with a filter",
            "abc",
            remove(&format!("{GROUP}:members[value eq \"@c\"]")),
            "ab",
        ),
        case(
            "who is no member",
            "ab",
            remove("members[value eq \"@c\"]"),
            "ab",
        ),
        case(
            "who is no member, by value",
            "ab",
            one("Remove", "members", json!([{"value": "@c"}])),
            "ab",
        ),
        case(
            "who is nobody",
            "ab",
            one("Remove", "members", json!([{"value": "@x"}])),
            "ab",
        ),
        case(
            "who is nobody, by a filter",
            "ab",
            remove("members[value eq \"@x\"]"),
            "ab",
        ),
        case("from an empty group", "", remove("members"), ""),
    ])
    .await;
}

#[tokio::test]
async fn a_replacement_says_who_is_a_member() {
    check(vec![
        case("Microsoft's validator adds one", "", one("replace", "members", json!([{"value": "@a"}])), "a"),
        case("others", "ab", one("replace", "members", json!([{"value": "@c"}, {"value": "@b"}])), "bc"),
        case("the same", "ab", one("replace", "members", json!([{"value": "@b"}, {"value": "@a"}])), "ab"),
        case("in another case", "ab", one("Replace", "Members", json!(["@c"])), "c"),
        case("no path", "ab", json!([{"op": "replace", "value": {"members": [{"value": "@c"}]}}]), "c"),
        case("no path, and a name", "ab", json!([{"op": "replace", "value": {"externalId": "x", "members": ["@c"]}}]), "c"),
        case("nobody", "ab", one("replace", "members", json!([])), ""),
        case("null", "ab", one("replace", "members", Value::Null), ""),
        case("an empty text", "ab", one("replace", "members", json!("")), ""),
        case("no path, nobody", "ab", json!([{"op": "replace", "value": {"members": []}}]), ""),
        case("nobody, of nobody", "", one("replace", "members", json!([])), ""),
        case("the second of two", "ab", json!([
            {"op": "replace", "path": "members", "value": [{"value": "@c"}]},
            {"op": "replace", "path": "members", "value": [{"value": "@d"}]},
        ]), "d"),
        case("one for another", "abc", one("replace", "members[value eq \"@b\"]", json!({"value": "@d"})), "acd"),
        case("one for another, in an array", "abc", one("replace", "members[value eq \"@b\"]", json!([{"value": "@d"}])), "acd"),
        case("one for itself", "abc", one("replace", "members[value eq \"@b\"]", json!({"value": "@b"})), "abc"),
        case("known and unknown", "ab", one("replace", "members", json!([{"value": "@x"}, {"value": "@c"}])), "c"),
        case("a rename without members", "ab", json!([{"op": "replace", "value": {"id": "@x", "displayName": "a rename without members"}}]), "ab"),
    ])
    .await;
}

/// The operations of a request count in their order.
#[tokio::test]
async fn the_last_operation_on_a_member_counts() {
    let add = |user: &str| json!({"op": "add", "path": "members", "value": [{"value": user}]});
    let out = |user: &str| json!({"op": "remove", "path": format!("members[value eq \"{user}\"]")});
    let all = json!({"op": "remove", "path": "members"});
    check(vec![
        case("Microsoft's preview: in and out", "a", json!([add("@b"), out("@b")]), "a"),
        case("out and in", "ab", json!([out("@b"), add("@b")]), "ab"),
        case("in, out, in", "a", json!([add("@b"), out("@b"), add("@b")]), "ab"),
        case("all out, one in", "abc", json!([all, add("@d")]), "d"),
        case("all out, one back", "abc", json!([all, add("@b")]), "b"),
        case("one in, all out", "abc", json!([add("@d"), all]), ""),
        case("some in, some out", "abc", json!([add("@d"), out("@a"), add("@e"), out("@b")]), "cde"),
        case("others, and one more", "abc", json!([
            {"op": "replace", "path": "members", "value": [{"value": "@d"}]}, add("@e"), out("@a"),
        ]), "de"),
        case("all but one out, one in", "abc", json!([
            {"op": "remove", "path": "members[value ne \"@a\"]"}, add("@d"),
        ]), "ad"),
        case("one in, all but that out", "abc", json!([
            add("@d"), {"op": "remove", "path": "members[value ne \"@d\"]"},
        ]), "d"),
        case("nobody in and out", "a", json!([add("@x"), out("@x")]), "a"),
        case("nobody and somebody", "a", json!([add("@x"), add("@b")]), "ab"),
    ])
    .await;
}
