//! What of members is refused or left out, and how the client learns of it.

use serde_json::{Value, json};

use crate::requests::errors::refused;
use crate::support::groups::{
    GROUP, NOBODY, call, change, crew, found, group, members_of, patch, patching, path, values,
};
use crate::support::service::query;

/// A list that names users and finds none of them must neither empty a group nor leave it silently.
#[tokio::test]
async fn a_request_whose_members_are_all_nobody_is_refused() {
    let (service, directory, users) = crew(2).await;
    let id = group(&service, "North Crew", &users).await;
    let other = group(&service, "South Crew", &[]).await;
    let before = directory.resources("acme").await;
    let gone = service.create_user("gone", json!({})).await;
    assert_eq!(service.delete(&format!("/Users/{gone}")).await.status, 204);
    for (members, named) in [
        (json!([{"value": NOBODY}]), vec![NOBODY]),
        (json!([{"value": gone}]), vec![gone.as_str()]),
        (
            json!(["u-17", {"value": "lena@crew.example"}]),
            vec!["u-17", "lena@crew.example"],
        ),
        (json!({"value": NOBODY}), vec![NOBODY]),
        (
            json!([{"value": other}]),
            vec![other.as_str(), "groups cannot be members"],
        ),
        (
            json!([{"value": id}]),
            vec![id.as_str(), "groups cannot be members"],
        ),
        (
            json!([{"value": users[0], "type": "Group"}]),
            vec![users[0].as_str()],
        ),
        (
            json!([{"value": users[0], "type": "Device"}]),
            vec![users[0].as_str()],
        ),
    ] {
        for operation in [
            json!([{"op": "add", "path": "members", "value": members}]),
            json!([{"op": "replace", "path": "members", "value": members}]),
            json!([{"op": "add", "value": {"members": members}}]),
            json!([
                {"op": "remove", "path": "members", "value": [{"value": users[0]}]},
                {"op": "add", "path": "members", "value": members},
            ]),
        ] {
            let answer = patch(&service, &id, operation).await;
            refused(&answer, 400, "invalidValue");
            let detail = answer.body["detail"].as_str().unwrap();
            assert!(named.iter().all(|name| detail.contains(name)), "{detail}");
        }
        let body = json!({"displayName": "North Crew", "members": members});
        let put = call(&service, "PUT", &path(&id)).json(body).send().await;
        refused(&put, 400, "invalidValue");
        let body = json!({"displayName": "West Crew", "members": members});
        let post = call(&service, "POST", "/Groups").json(body).send().await;
        refused(&post, 400, "invalidValue");
    }
    assert_eq!(members_of(&service, &id).await, users);
    assert_eq!(
        found(&service, "/Groups", "displayName eq \"West Crew\"").await,
        [""; 0]
    );
    let after = directory.check("acme").await;
    assert_eq!(after.members[&id].len(), 2);
    let mut items = directory.resources("acme").await;
    items.retain(|key, _| !key.contains(&gone) && !key.starts_with(['C', 'F', 'Q']));
    assert!(
        items
            .iter()
            .all(|(key, item)| before.get(key) == Some(item)),
        "{:?}",
        items
            .iter()
            .filter(|(key, item)| before.get(*key) != Some(*item))
            .collect::<Vec<_>>()
    );
}

/// One object stands for a list of one; one that says nothing does not empty the group.
#[tokio::test]
async fn an_object_without_members_is_no_empty_list() {
    let (service, _, users) = crew(2).await;
    let id = group(&service, "North Crew", &users).await;
    for operation in [
        json!([{"op": "replace", "path": "members", "value": {}}]),
        json!([{"op": "replace", "value": {"members": {}}}]),
        json!([{"op": "add", "path": "members", "value": {}}]),
        json!([{"op": "replace", "path": "members", "value": [{}]}]),
    ] {
        let answer = patch(&service, &id, operation).await;
        refused(&answer, 400, "invalidValue");
    }
    // A filter says whom it means.
    let path = format!("members[value eq \"{}\"]", users[0]);
    change(
        &service,
        &id,
        json!([{"op": "replace", "path": path, "value": {}}]),
    )
    .await;
    assert_eq!(members_of(&service, &id).await, users);
}

#[tokio::test]
async fn at_most_five_of_many_unknown_ids_are_named() {
    let (service, _, users) = crew(1).await;
    let id = group(&service, "North Crew", &users).await;
    let unknown: Vec<String> = (0..9).map(|_| uuid::Uuid::new_v4().to_string()).collect();
    let members: Vec<Value> = unknown.iter().map(|id| json!({"value": id})).collect();
    let operation = json!([{"op": "add", "path": "members", "value": members}]);
    let answer = patch(&service, &id, operation).await;
    let detail = answer.error(400, "invalidValue");
    let named = unknown.iter().filter(|id| detail.contains(id.as_str()));
    assert_eq!(named.count(), 5, "{detail}");
}

/// One unknown id must not cost Okta the whole push: it does not send again what was refused.
#[tokio::test]
async fn whoever_is_known_is_added_beside_whoever_is_not() {
    let (service, directory, users) = crew(3).await;
    let inactive = service
        .create_user("inactive", json!({"active": false}))
        .await;
    let other = group(&service, "South Crew", &[]).await;
    let id = group(&service, "North Crew", &[]).await;
    for (member, expected) in [
        (json!({"value": NOBODY}), &users[0]),
        (json!({"value": other}), &users[1]),
        (json!({"value": users[0], "type": "Group"}), &users[2]),
        (json!(""), &inactive),
    ] {
        let members = json!([member, {"value": expected}]);
        let operation = json!([{"op": "add", "path": "members", "value": members}]);
        let added = change(&service, &id, operation).await;
        assert!(
            values(&added.body, "members").contains(expected),
            "{member}"
        );
    }
    assert_eq!(
        members_of(&service, &id).await.len(),
        4,
        "inactive users are members too"
    );
    let operations = json!([
        {"op": "replace", "path": "members", "value": [{"value": NOBODY}, {"value": users[0]}]},
        {"op": "replace", "path": "displayName", "value": "North Crew 2"},
    ]);
    let replaced = change(&service, &id, operations).await;
    assert_eq!(values(&replaced.body, "members"), users[..1]);
    assert_eq!(replaced.body["displayName"], "North Crew 2");
    directory.check("acme").await;
}

#[tokio::test]
async fn paths_that_members_do_not_have() {
    let (service, directory, users) = crew(2).await;
    let id = group(&service, "North Crew", &users).await;
    let before = directory.resources("acme").await;
    let user = &users[0];
    for (path, scim_type, hint) in [
        ("members[display eq \"kim\"]", "invalidPath", "by `value`"),
        (
            &format!("members[display eq kim and value eq \"{user}\"]"),
            "invalidPath",
            "by `value`",
        ),
        ("members[display pr]", "invalidPath", "by `value`"),
        (
            &format!("members[$ref eq \"{user}\"]"),
            "invalidPath",
            "by `value`",
        ),
        (
            &format!("members[value co \"{user}\"]"),
            "invalidPath",
            "by `value`",
        ),
        ("members[value sw \"a\"]", "invalidPath", "by `value`"),
        (
            &format!("members[value gt \"{user}\"]"),
            "invalidPath",
            "by `value`",
        ),
        ("members[value eq]", "invalidPath", ""),
        ("members[]", "invalidPath", ""),
        ("members.value", "mutability", ""),
        ("members.display", "mutability", ""),
        (
            &format!("members[value eq \"{user}\"].display"),
            "mutability",
            "",
        ),
        (
            &format!("members[value eq \"{user}\"].value"),
            "mutability",
            "",
        ),
        (&format!("{GROUP}:members.value"), "mutability", ""),
    ] {
        for op in ["add", "replace", "remove"] {
            let operation = json!([{"op": op, "path": path, "value": user}]);
            let answer = patch(&service, &id, operation).await;
            refused(&answer, 400, scim_type);
            let detail = answer.body["detail"].as_str().unwrap();
            assert!(detail.contains(hint), "{op} {path}: {detail}");
        }
    }
    assert_eq!(directory.resources("acme").await, before);
}

#[tokio::test]
async fn values_that_members_cannot_be() {
    let (service, directory, users) = crew(1).await;
    let id = group(&service, "North Crew", &users).await;
    let before = directory.resources("acme").await;
    for value in [
        json!(7),
        json!(true),
        json!([[users[0]]]),
        json!([{"value": {"x": 1}}]),
        json!([{"value": 7}]),
    ] {
        for op in ["add", "replace"] {
            let operation = json!([{"op": op, "path": "members", "value": value}]);
            refused(&patch(&service, &id, operation).await, 400, "invalidValue");
        }
        let body = json!({"displayName": "x", "members": value});
        let post = call(&service, "POST", "/Groups").json(body).send().await;
        refused(&post, 400, "invalidValue");
    }
    assert_eq!(directory.resources("acme").await, before);
}

/// Groups in groups are not kept, and neither are members that are said to be groups.
#[tokio::test]
async fn groups_are_found_by_no_group() {
    let (service, _, users) = crew(1).await;
    let inner = group(&service, "inner", &users).await;
    let outer = group(&service, "outer", &users).await;
    let operation =
        json!([{"op": "add", "path": "members", "value": [{"value": inner, "type": "Group"}]}]);
    let answer = patch(&service, &outer, operation).await;
    let detail = answer.error(400, "invalidValue");
    assert!(detail.contains("groups cannot be members"), "{detail}");
    let filter = format!("members.value eq \"{inner}\"");
    assert_eq!(found(&service, "/Groups", &filter).await, [""; 0]);
    // Removing one that cannot be there is no mistake.
    let operation = json!([{"op": "remove", "path": "members", "value": [{"value": inner}]}]);
    change(&service, &outer, operation).await;
    assert_eq!(members_of(&service, &outer).await, users);
}

/// Filters that would have to read members one by one are refused with what can be asked.
#[tokio::test]
async fn filters_that_members_and_groups_do_not_have() {
    let (service, _, users) = crew(1).await;
    let id = group(&service, "North Crew", &users).await;
    let many = |attribute: &str| {
        let terms: Vec<_> = (0..17)
            .map(|_| format!("{attribute} eq \"{}\"", uuid::Uuid::new_v4()))
            .collect();
        terms.join(" or ")
    };
    for (endpoint, filter, hint) in [
        ("/Groups", "members.value co \"a\"".to_owned(), "by `value`"),
        ("/Groups", "members sw \"a\"".to_owned(), "by `value`"),
        (
            "/Groups",
            "members.display eq \"a\"".to_owned(),
            "by `value`",
        ),
        (
            "/Groups",
            "members[display eq \"a\"]".to_owned(),
            "by `value`",
        ),
        ("/Groups", "members.$ref pr".to_owned(), "by `value`"),
        (
            "/Groups",
            format!("displayName pr and members.value gt \"{id}\""),
            "by `value`",
        ),
        ("/Groups", many("members.value"), "16"),
        ("/Users", "groups pr".to_owned(), ""),
        ("/Users", "groups.value co \"a\"".to_owned(), ""),
        ("/Users", "groups.display co \"North\"".to_owned(), ""),
        (
            "/Users",
            "userName pr and groups.type eq \"direct\"".to_owned(),
            "",
        ),
        ("/Users", "not (groups.$ref pr)".to_owned(), ""),
        ("/Users", many("groups"), "16"),
        ("/Users", many("groups.display"), "16"),
    ] {
        let list = service
            .get(&format!("{endpoint}?{}", query(&[("filter", &filter)])))
            .await;
        refused(&list, 400, "invalidFilter");
        let detail = list.body["detail"].as_str().unwrap();
        assert!(detail.contains(hint), "{filter}: {detail}");
        let search = service
            .post(&format!("{endpoint}/.search"), json!({"filter": filter}))
            .await;
        assert_eq!(search.body, list.body);
    }
}

/// What is refused for its size says how to send it.
#[tokio::test]
async fn more_than_twenty_thousand_ids_are_too_many() {
    let (mut service, directory, users) = crew(1).await;
    service.app.config.requests_per_second = 0;
    let id = group(&service, "North Crew", &users).await;
    let before = directory.resources("acme").await;
    // Whoever they are, they are counted.
    let id_of = |number| format!("00000000-0000-4000-8000-{number:012x}");
    let ids: Vec<String> = (0..20_001).map(id_of).collect();
    for operation in [
        json!([{"op": "add", "path": "members", "value": ids}]),
        json!([{"op": "remove", "path": "members", "value": ids}]),
        json!([
            {"op": "add", "path": "members", "value": ids[..10_000]},
            {"op": "remove", "path": "members", "value": ids[10_000..]},
        ]),
    ] {
        let answer = patching(&service, &path(&id), operation).send().await;
        refused(&answer, 400, "tooMany");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(
            detail.contains("20000") && detail.contains("several PATCH requests"),
            "{detail}"
        );
    }
    for (method, path) in [("PUT", path(&id)), ("POST", "/Groups".to_owned())] {
        let body = json!({"displayName": "x", "members": ids});
        let answer = call(&service, method, &path).json(body).send().await;
        refused(&answer, 400, "tooMany");
    }
    assert_eq!(directory.resources("acme").await, before);
}
