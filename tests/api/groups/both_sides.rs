//! `groups` of users follows `members` of groups: whoever looks, from whichever side, sees what
//! was answered before.

use serde_json::{Value, json};

use crate::support::directory::DirectoryTable;
use crate::support::groups::{
    adding, call, change, count, crew, group, groups_of, members_of, name_of, named, path, read,
    removing, renaming, replacing, values,
};
use crate::support::service::{Answer, BASE, Service, query};

/// A user's groups as they are shown: ids and names, in the order of ids.
fn shown(groups: &[(&String, &str)]) -> Value {
    let mut groups = groups.to_vec();
    groups.sort();
    let element = |(id, name): &(&String, &str)| json!({"value": id, "$ref": format!("{BASE}/Groups/{id}"), "display": name, "type": "direct"});
    groups.iter().map(element).collect()
}

/// Every answer that shows a user.
async fn representations(service: &Service, user: &str) -> Vec<(String, Value)> {
    let path = format!("/Users/{user}");
    let whole = read(service, &path).await.body;
    let name = whole["userName"].as_str().unwrap();
    let mut shown = vec![("GET".to_owned(), whole.clone())];
    let listed = |list: &Answer| -> Value {
        let users = list.body["Resources"].as_array().expect("a list").iter();
        let mut users = users.filter(|one| one["id"] == user);
        users.next().expect("the user").clone()
    };
    let by_name = format!("userName eq \"{name}\"");
    for parameters in [
        vec![("count", "1000")],
        vec![("cursor", ""), ("count", "1000")],
        vec![("sortBy", "userName"), ("count", "1000")],
        vec![("filter", "userName pr"), ("count", "1000")],
        vec![("filter", by_name.as_str())],
    ] {
        let list = service.get(&format!("/Users?{}", query(&parameters))).await;
        shown.push((format!("{parameters:?}"), listed(&list)));
    }
    let search = json!({"filter": by_name});
    let list = service.post("/Users/.search", search).await;
    shown.push((".search".to_owned(), listed(&list)));
    // Neither changes anything.
    let put = service.put(&path, whole).await;
    shown.push(("PUT".to_owned(), put.body));
    let patched = service.patch(&path, json!([])).await;
    shown.push(("PATCH".to_owned(), patched.body));
    shown
}

/// Checks all of them, and that the group shows the user as often as the user shows the group.
async fn agree(service: &Service, user: &str, groups: &[(&String, &str)]) {
    let expected = shown(groups);
    let expected = (!groups.is_empty()).then_some(&expected);
    for (what, user) in representations(service, user).await {
        assert_eq!(user.get("groups"), expected, "{what}");
    }
}

#[tokio::test]
async fn every_answer_shows_a_user_s_groups() {
    let (service, directory, users) = crew(3).await;
    let user = &users[1];
    let before = read(&service, &format!("/Users/{user}")).await;
    agree(&service, user, &[]).await;
    let north = group(&service, "North Crew", &users).await;
    agree(&service, user, &[(&north, "North Crew")]).await;
    let south = group(&service, "South Crew", &[]).await;
    change(&service, &south, adding(user)).await;
    agree(
        &service,
        user,
        &[(&north, "North Crew"), (&south, "South Crew")],
    )
    .await;
    // A name is the group's, at any time.
    change(&service, &south, renaming("West Crew")).await;
    agree(
        &service,
        user,
        &[(&north, "North Crew"), (&south, "West Crew")],
    )
    .await;
    let put = json!({"displayName": "East Crew"});
    let put = call(&service, "PUT", &path(&south)).json(put).send().await;
    assert_eq!(put.status, 200, "{}", put.body);
    agree(
        &service,
        user,
        &[(&north, "North Crew"), (&south, "East Crew")],
    )
    .await;
    // The user itself was never changed.
    let after = read(&service, &format!("/Users/{user}")).await;
    assert_eq!(after.headers["etag"], before.headers["etag"]);
    assert_eq!(after.body["meta"], before.body["meta"]);

    change(&service, &north, removing(user)).await;
    agree(&service, user, &[(&south, "East Crew")]).await;
    assert_eq!(service.delete(&path(&south)).await.status, 204);
    agree(&service, user, &[]).await;
    agree(&service, &users[0], &[(&north, "North Crew")]).await;
    change(&service, &north, replacing(&users[1..2])).await;
    agree(&service, user, &[(&north, "North Crew")]).await;
    agree(&service, &users[0], &[]).await;
    change(
        &service,
        &north,
        json!([{"op": "remove", "path": "members"}]),
    )
    .await;
    agree(&service, user, &[]).await;
    directory.check("acme").await;
}

#[tokio::test]
async fn answers_show_the_groups_that_were_asked_for() {
    let (service, _, users) = crew(1).await;
    let user = &users[0];
    let north = group(&service, "North Crew", &users).await;
    let south = group(&service, "South Crew", &users).await;
    let whole = shown(&[(&north, "North Crew"), (&south, "South Crew")]);
    let only = |name: &str| -> Value {
        let elements = whole.as_array().unwrap().iter();
        elements
            .map(|element| json!({name: element[name]}))
            .collect()
    };
    for (parameters, expected) in [
        ("attributes=groups", Some(whole.clone())),
        ("attributes=Groups,userName", Some(whole.clone())),
        ("attributes=groups.value", Some(only("value"))),
        ("attributes=groups.display", Some(only("display"))),
        ("attributes=groups.$ref", Some(only("$ref"))),
        ("attributes=groups.type", Some(only("type"))),
        ("attributes=userName", None),
        ("excludedAttributes=groups", None),
        ("excludedAttributes=userName", Some(whole.clone())),
        (
            "excludedAttributes=groups.$ref,groups.display,groups.type",
            Some(only("value")),
        ),
    ] {
        let one = read(&service, &format!("/Users/{user}?{parameters}")).await;
        assert_eq!(one.body.get("groups"), expected.as_ref(), "{parameters}");
        for list in [
            "",
            "&filter=userName+eq+%22user0%22",
            "&sortBy=userName",
            "&cursor=",
        ] {
            let list = service.get(&format!("/Users?{parameters}{list}")).await;
            assert_eq!(list.body["Resources"], json!([one.body]), "{parameters}");
        }
        let operation = json!([{"op": "add", "path": "title", "value": "Lead"}]);
        let path = format!("/Users/{user}?{parameters}");
        let patched = service.patch(&path, operation).await;
        assert_eq!(
            patched.body.get("groups"),
            expected.as_ref(),
            "{parameters}"
        );
    }
}

/// Only groups say who is in them.
#[tokio::test]
async fn a_user_does_not_choose_its_groups() {
    let (service, directory, users) = crew(2).await;
    let user = format!("/Users/{}", users[0]);
    let name = name_of(&service, &users[0]).await;
    let north = group(&service, "North Crew", &users[..1]).await;
    let south = group(&service, "South Crew", &[]).await;
    let edges = crate::support::members::edges(&directory.items("acme").await);
    let wanted = json!([{"value": south, "display": "South Crew"}]);
    let created = service
        .post("/Users", json!({"userName": "kim", "groups": wanted}))
        .await;
    assert_eq!((created.status, created.body.get("groups")), (201, None));
    for groups in [wanted.clone(), json!([]), Value::Null] {
        let put = service
            .put(&user, json!({"userName": name, "groups": groups}))
            .await;
        assert_eq!(values(&put.body, "groups"), [north.as_str()]);
        let operation = json!([{"op": "replace", "value": {"groups": groups, "title": "x"}}]);
        let patched = service.patch(&user, operation).await;
        assert_eq!(values(&patched.body, "groups"), [north.as_str()]);
    }
    for operation in [
        json!({"op": "add", "path": "groups", "value": wanted}),
        json!({"op": "replace", "path": "groups", "value": []}),
        json!({"op": "remove", "path": "groups"}),
        json!({"op": "remove", "path": format!("groups[value eq \"{north}\"]")}),
    ] {
        let answer = service.patch(&user, json!([operation])).await;
        answer.error(400, "mutability");
    }
    assert_eq!(
        crate::support::members::edges(&directory.items("acme").await),
        edges
    );
}

/// Access that is taken and given back, and the way through Entra's recycle bin, leave memberships
/// alone: Entra does not send them again.
#[tokio::test]
async fn whoever_comes_back_is_in_the_same_groups() {
    let (service, directory) = DirectoryTable::with_service().await;
    let body = json!({"userName": "lena@crew.example", "externalId": "x-1"});
    let lena = service.post("/Users", body.clone()).await.id();
    let path = format!("/Users/{lena}");
    let north = group(&service, "North Crew", std::slice::from_ref(&lena)).await;
    let before = directory.items("acme").await;
    let edges = crate::support::members::edges(&before);
    let group_before = read(&service, &crate::support::groups::path(&north)).await;
    let bin = "5d1c9b1e6a0f4a5d9a433f4c0f6f3f11lena@crew.example";
    for operations in [
        json!([{"op": "Replace", "path": "active", "value": "False"}]),
        json!([{"op": "Replace", "path": "active", "value": "True"}]),
        json!([
            {"op": "Replace", "path": "userName", "value": bin},
            {"op": "Replace", "path": "active", "value": "False"},
        ]),
        json!([
            {"op": "Replace", "path": "userName", "value": "lena@crew.example"},
            {"op": "Replace", "path": "active", "value": "True"},
        ]),
        json!([{"op": "replace", "value": {"active": false}}]),
    ] {
        let changed = service.patch(&path, operations).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        assert_eq!(values(&changed.body, "groups"), [north.as_str()]);
        assert_eq!(members_of(&service, &north).await, [lena.as_str()]);
    }
    // Okta assigns again by POST.
    let revived = service.post("/Users", body).await;
    assert_eq!((revived.status, revived.id()), (201, lena.clone()));
    assert_eq!(values(&revived.body, "groups"), [north.as_str()]);
    assert_eq!(
        crate::support::members::edges(&directory.items("acme").await),
        edges
    );
    let group_after = read(&service, &crate::support::groups::path(&north)).await;
    assert_eq!(group_after.body, group_before.body);
    directory.check("acme").await;
}

/// A bulk request creates users and puts them into groups, in whatever order it names them.
#[tokio::test]
async fn a_bulk_request_fills_a_group_with_users_that_it_creates() {
    let (service, directory) = DirectoryTable::with_service().await;
    let old = service.create_user("old", json!({})).await;
    let user = |name: &str| json!({"method": "POST", "path": "/Users", "bulkId": name, "data": {"userName": name}});
    let add = |to: &str, whom: &str| json!({"method": "PATCH", "path": to, "data": {"Operations": adding(whom)}});
    let body = json!({"Operations": [
        {"method": "POST", "path": "/Groups", "bulkId": "north", "data": {
            "displayName": "North Crew",
            "members": [{"value": "bulkId:lena"}, {"value": old}],
        }},
        user("lena"),
        add("/Groups/bulkId:north", "bulkId:otto"),
        user("otto"),
        {"method": "PATCH", "path": "/Groups/bulkId:north", "data": {"Operations": removing(&old)}},
        user("kim"),
        add("/Groups/bulkId:north", "bulkId:kim"),
        {"method": "PATCH", "path": "/Groups/bulkId:north", "data": {"Operations": removing("bulkId:kim")}},
    ]});
    let answer = call(&service, "POST", "/Bulk").json(body).send().await;
    let results = answer.body["Operations"].as_array().unwrap();
    let statuses: Vec<_> = results.iter().map(|result| &result["status"]).collect();
    assert_eq!(
        statuses,
        ["201", "201", "200", "201", "200", "201", "200", "200"],
        "{}",
        answer.body
    );
    let id = |result: &Value| {
        let location = result["location"].as_str().unwrap();
        location.rsplit('/').next().unwrap().to_owned()
    };
    let north = id(&results[0]);
    let mut expected = vec![id(&results[1]), id(&results[3])];
    expected.sort();
    assert_eq!(members_of(&service, &north).await, expected);
    for user in &expected {
        assert_eq!(groups_of(&service, user).await, [north.as_str()]);
    }
    let tag = read(&service, &path(&north))
        .await
        .header("etag")
        .to_owned();
    assert_eq!(results[7]["version"], tag);

    // What removes the user in one operation keeps it out in the next.
    let body = json!({"Operations": [
        {"method": "DELETE", "path": format!("/Users/{}", expected[0])},
        {"method": "PATCH", "path": path(&north), "data": {"Operations": adding(&old)}},
        {"method": "PUT", "path": path(&north), "data": {"displayName": "North Crew", "members": named(&expected)}},
        {"method": "DELETE", "path": path(&north)},
        {"method": "PATCH", "path": path(&north), "data": {"Operations": adding(&old)}},
    ]});
    let answer = call(&service, "POST", "/Bulk").json(body).send().await;
    let results = answer.body["Operations"].as_array().unwrap();
    let statuses: Vec<_> = results.iter().map(|result| &result["status"]).collect();
    assert_eq!(
        statuses,
        ["204", "200", "200", "204", "404"],
        "{}",
        answer.body
    );
    assert_eq!(groups_of(&service, &expected[1]).await, [""; 0]);
    assert_eq!(count(&service, &north).await, 0);
    directory.check("acme").await;
}
