//! Lists of groups, what answers show of them, and their entity tags.

use serde_json::{Value, json};

use crate::requests::errors::refused;
use crate::requests::lists::page;
use crate::support::groups::{
    adding, call, change, crew, found, group, members_of, named, patching, path, read, renaming,
    values, version, version_of,
};
use crate::support::service::{Answer, BASE, query};

#[tokio::test]
async fn lists_show_what_reading_each_group_shows() {
    let (service, directory, users) = crew(3).await;
    let mut all = Vec::new();
    for number in 0..7 {
        let id = group(&service, &format!("Crew {number}"), &users[..number % 4]).await;
        all.push(read(&service, &path(&id)).await.body);
    }
    all.sort_by_key(|group| group["id"].as_str().unwrap().to_owned());
    for (start, count) in [(1, 100), (1, 3), (4, 3), (7, 3), (8, 3), (1, 0)] {
        let list = service
            .get(&format!("/Groups?startIndex={start}&count={count}"))
            .await;
        page(&list, 7, start as u64);
        let expected: Vec<_> = all.iter().skip(start - 1).take(count).cloned().collect();
        assert_eq!(list.body["Resources"], Value::from(expected));
    }
    let mut walked = Vec::new();
    let mut cursor = Some(String::new());
    while let Some(next) = cursor {
        let list = service.get(&format!("/Groups?count=3&cursor={next}")).await;
        assert_eq!(list.body["totalResults"], 7);
        walked.extend(list.body["Resources"].as_array().unwrap().iter().cloned());
        cursor = list.body["nextCursor"].as_str().map(str::to_owned);
    }
    assert_eq!(walked, all);
    // Sorted, found by value, and searched by POST, they look the same.
    let names = |list: &Answer| -> Vec<Value> {
        let groups = list.body["Resources"].as_array().unwrap().iter();
        groups.map(|group| group["displayName"].clone()).collect()
    };
    let sorted = service
        .get("/Groups?sortBy=displayName&sortOrder=descending&count=2")
        .await;
    assert_eq!(names(&sorted), ["Crew 6", "Crew 5"]);
    let search = json!({"filter": "displayName ge \"crew 4\"", "sortBy": "displayName"});
    let searched = service.post("/Groups/.search", search).await;
    assert_eq!(names(&searched), ["Crew 4", "Crew 5", "Crew 6"]);
    for list in [sorted, searched] {
        for group in list.body["Resources"].as_array().unwrap() {
            assert!(all.contains(group), "{group}");
        }
    }
    for sort in ["members", "members.value", "shoeSize"] {
        let list = service.get(&format!("/Groups?sortBy={sort}")).await;
        list.error(400, "invalidValue");
    }
    for sort in ["groups", "groups.value", "groups.display"] {
        let list = service.get(&format!("/Users?sortBy={sort}")).await;
        list.error(400, "invalidValue");
    }
    directory.check("acme").await;
}

#[tokio::test]
async fn match_queries_find_groups_as_clients_write_them() {
    let (service, _, users) = crew(1).await;
    let body = json!({"displayName": "North Crew", "externalId": "X-1"});
    let north = service.post("/Groups", body).await.id();
    let south = group(&service, "South Crew", &users).await;
    let (north, south) = (vec![north], vec![south]);
    let neither = Vec::new();
    for (filter, expected) in [
        ("displayName eq \"North Crew\"", &north),
        ("displayName eq \"nORTH cREW\"", &north),
        ("DISPLAYNAME Eq North", &neither),
        ("externalId eq \"X-1\"", &north),
        ("externalId eq \"x-1\"", &neither),
        (
            "displayName eq \"North Crew\" and externalId eq \"X-1\"",
            &north,
        ),
        (
            "displayName eq \"North Crew\" and externalId eq \"y\"",
            &neither,
        ),
        ("displayName sw \"south\" or externalId pr and id pr", &{
            let mut both = [north.clone(), south.clone()].concat();
            both.sort();
            both
        }),
        ("not (externalId pr)", &south),
        (&format!("id eq \"{}\"", south[0]), &south),
        (
            "meta.resourceType eq \"Group\" and displayName co \"TH\" and not (externalId pr)",
            &south,
        ),
    ] {
        assert_eq!(
            &found(&service, "/Groups", filter).await,
            expected,
            "{filter}"
        );
    }
    // Entra and Okta, with everything that they send along.
    for parameters in [
        &[
            ("excludedAttributes", "members"),
            ("filter", "displayName eq \"South Crew\""),
        ][..],
        &[
            ("filter", "displayName eq \"South Crew\""),
            ("startIndex", "1"),
            ("count", "100"),
        ],
        &[
            ("aadOptscim062020", ""),
            ("excludedAttributes", "members"),
            ("filter", "displayName eq \"south crew\""),
        ],
    ] {
        let list = service.get(&format!("/Groups?{}", query(parameters))).await;
        assert_eq!(page(&list, 1, 1), south);
        let shows_members = parameters[0].0 == "filter";
        assert_eq!(
            list.body["Resources"][0].get("members").is_some(),
            shows_members
        );
    }
    let list = service
        .get("/Groups?filter=displayName+eq+%22none%22")
        .await;
    assert_eq!(page(&list, 0, 1), [""; 0]);
    service
        .get("/Groups?filter=displayName+is+%22x%22")
        .await
        .error(400, "invalidFilter");
}

#[tokio::test]
async fn answers_show_the_members_that_were_asked_for() {
    let (service, _, users) = crew(2).await;
    let id = group(&service, "North Crew", &users).await;
    let member =
        |id: &String| json!({"value": id, "$ref": format!("{BASE}/Users/{id}"), "type": "User"});
    let whole: Vec<_> = users.iter().map(member).collect();
    let only: fn(&str, &Value) -> Value = |name, member| json!({name: member[name]});
    for (parameters, expected) in [
        ("", Some(Value::from(whole.clone()))),
        ("attributes=members", Some(Value::from(whole.clone()))),
        (
            "attributes=MEMBERS,displayName",
            Some(Value::from(whole.clone())),
        ),
        ("attributes=members.value", Some(named(&users))),
        (
            "attributes=members.type",
            Some(whole.iter().map(|member| only("type", member)).collect()),
        ),
        (
            "attributes=members.$ref",
            Some(whole.iter().map(|member| only("$ref", member)).collect()),
        ),
        ("attributes=members.display", None),
        ("attributes=displayName", None),
        ("attributes=id", None),
        ("excludedAttributes=members", None),
        (
            "excludedAttributes=displayName",
            Some(Value::from(whole.clone())),
        ),
        (
            "excludedAttributes=members.$ref,members.type",
            Some(named(&users)),
        ),
    ] {
        let one = read(&service, &format!("{}?{parameters}", path(&id)))
            .await
            .body;
        assert_eq!(one.get("members"), expected.as_ref(), "{parameters}");
        let list = read(&service, &format!("/Groups?{parameters}")).await.body;
        assert_eq!(list["Resources"], json!([one]), "{parameters}");
        let filtered = format!("/Groups?filter=displayName+eq+%22north+crew%22&{parameters}");
        assert_eq!(
            read(&service, &filtered).await.body["Resources"],
            json!([one])
        );
        // So do answers to writes.
        let path = format!("{}?{parameters}", path(&id));
        let patched = patching(&service, &path, adding(&users[0])).send().await;
        assert_eq!((patched.status, &patched.body), (200, &one), "{parameters}");
        let body = json!({"displayName": "North Crew", "members": named(&users)});
        let put = call(&service, "PUT", &path).json(body).send().await;
        assert_eq!((put.status, &put.body), (200, &one), "{parameters}");
    }
}

/// The tag is the state's, whatever of it is shown, and moves with the members.
#[tokio::test]
async fn entity_tags_are_those_of_the_group_with_its_members() {
    let (service, _, users) = crew(3).await;
    let id = group(&service, "North Crew", &users[..1]).await;
    let excluded = format!("{}?excludedAttributes=members", path(&id));
    let tag = read(&service, &excluded).await.header("etag").to_owned();
    let unchanged = service
        .call("GET", &path(&id))
        .header("if-none-match", &tag);
    let unchanged = unchanged.send().await;
    assert_eq!((unchanged.status, unchanged.body), (304, Value::Null));

    let modified = |group: &Answer| {
        group.body["meta"]["lastModified"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let mut before = read(&service, &path(&id)).await;
    for operations in [
        adding(&users[1]),
        json!([{"op": "remove", "path": "members", "value": [{"value": users[0]}]}]),
        json!([{"op": "replace", "path": "members", "value": [{"value": users[2]}]}]),
        json!([{"op": "remove", "path": "members"}]),
    ] {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        change(&service, &id, operations).await;
        let after = read(&service, &path(&id)).await;
        assert!(version(&after) > version(&before));
        assert!(modified(&after) > modified(&before));
        assert_eq!(
            after.body["meta"]["created"],
            before.body["meta"]["created"]
        );
        assert_eq!(version_of(&service, &id).await, version(&after));
        let call = service
            .call("GET", &excluded)
            .header("if-none-match", before.header("etag"));
        assert_eq!(call.send().await.status, 200);
        before = after;
    }

    // Nothing is done on a condition that does not hold, of whatever kind the change is.
    let rename = json!({"displayName": "x"});
    let add = json!({"Operations": adding(&users[0])});
    let rename_by_patch = json!({"Operations": renaming("x")});
    for (method, body) in [
        ("PATCH", &add),
        ("PATCH", &rename_by_patch),
        ("PUT", &rename),
        ("DELETE", &rename),
    ] {
        let call = call(&service, method, &path(&id)).json(body.clone());
        let answer = call.header("if-match", &tag).send().await;
        refused(&answer, 412, "");
    }
    assert_eq!(read(&service, &path(&id)).await.body, before.body);
    let current = before.header("etag").to_owned();
    for (tag, user) in [(current.as_str(), &users[0]), ("*", &users[1])] {
        let call = patching(&service, &path(&id), adding(user)).header("if-match", tag);
        assert_eq!(call.send().await.status, 200);
    }
    assert_eq!(members_of(&service, &id).await, users[..2]);
    let call = call(&service, "DELETE", &path(&id)).header("if-match", &current);
    refused(&call.send().await, 412, "");
    let current = version_of(&service, &id).await;
    let call = service
        .call("DELETE", &path(&id))
        .header("if-match", &format!("W/\"{current}\""));
    assert_eq!(call.send().await.status, 204);
}

/// What a deleted group leaves behind lies between the others.
#[tokio::test]
async fn the_neighbours_of_a_deleted_group_keep_their_members_in_lists() {
    let (service, _, users) = crew(3).await;
    let mut groups = Vec::new();
    for number in 0..8 {
        groups.push(group(&service, &format!("crew {number}"), &users).await);
    }
    groups.sort();
    for gone in groups.iter().skip(1).step_by(2) {
        assert_eq!(service.delete(&path(gone)).await.status, 204);
    }
    for parameters in [
        "",
        "cursor&count=3",
        "sortBy=displayName",
        "filter=externalId+eq+null",
    ] {
        let list = service.get(&format!("/Groups?{parameters}")).await;
        let shown = list.body["Resources"].as_array().expect("a list");
        assert!(shown.len() >= 3, "{}", list.body);
        for shown in shown {
            let id = shown["id"].as_str().expect("an id");
            assert_eq!(*shown, service.get(&path(id)).await.body, "{parameters}");
            assert_eq!(values(shown, "members"), users, "{parameters}");
        }
    }
}
