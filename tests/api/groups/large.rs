//! Hundreds and thousands of members in one request, and groups that are large.

use scim::page::MAX_RESPONSE;
use serde_json::{Value, json};

use crate::requests::errors::refused;
use crate::support::capture::cost;
use crate::support::directory::DirectoryTable;
use crate::support::engine;
use crate::support::groups::{
    adding, call, change, count, found, group, groups_of, members_of, named, patch, patching, path,
    read, removing, replacing, values, version, version_of,
};
use crate::support::service::{Service, query};

/// A service on an engine of its own, and this number of users in the order of their ids.
async fn start(size: usize) -> (Service, DirectoryTable, Vec<String>) {
    let (mut service, directory, _) = DirectoryTable::at(&engine::own_endpoint()).await;
    // Many members count as several requests.
    service.app.config.requests_per_second = 0;
    let users = directory.plant_users("acme", size).await;
    (service, directory, users)
}

/// Okta removes by one operation each, and adds as many as it likes.
#[tokio::test]
async fn fifteen_hundred_operations_are_one_change() {
    let (service, directory, users) = start(1_500).await;
    let id = group(&service, "North Crew", &[]).await;
    directory.plant_members("acme", &id, &users[..500]).await;
    let operation = |(number, user): (usize, &String)| match number {
        0..500 => json!({"op": "remove", "path": format!("members[value eq \"{user}\"]")}),
        _ => json!({"op": "add", "path": "members", "value": [{"value": user}]}),
    };
    let operations: Value = users.iter().enumerate().map(operation).collect();
    let before = version_of(&service, &id).await;
    let answer = patch(&service, &id, operations.clone()).await;
    assert_eq!((answer.status, answer.body), (204, Value::Null));
    assert_eq!(members_of(&service, &id).await, users[500..]);
    assert_eq!(count(&service, &id).await, 1_000);
    let after = version_of(&service, &id).await;
    assert!(after > before);
    // Sent again, it changes nothing.
    assert_eq!(patch(&service, &id, operations).await.status, 204);
    assert_eq!(version_of(&service, &id).await, after);
    change(&service, &id, removing(&users[500])).await;
    let census = directory.check("acme").await;
    assert_eq!(census.members[&id].len(), 999);
    // Other attributes have the limit that they had.
    let operation = json!({"op": "replace", "path": "externalId", "value": "x"});
    let many = Value::from(vec![operation; 5_001]);
    let answer = patch(&service, &id, many).await;
    assert!([400, 413].contains(&answer.status), "{}", answer.body);
}

#[tokio::test]
async fn a_group_is_created_with_a_thousand_members() {
    let (service, directory, users) = start(1_000).await;
    let body = json!({"displayName": "North Crew", "externalId": "x", "members": named(&users)});
    let created = call(&service, "POST", "/Groups")
        .json(body.clone())
        .send()
        .await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(values(&created.body, "members"), users);
    let found = read(&service, &path(&created.id())).await;
    assert_eq!(found.body, created.body);
    assert_eq!(found.headers["etag"], created.headers["etag"]);
    let again = call(&service, "POST", "/Groups").json(body).send().await;
    again.error(409, "uniqueness");
    assert_eq!(groups_of(&service, &users[999]).await, [created.id()]);
    change(&service, &created.id(), removing(&users[0])).await;
    directory.check("acme").await;
}

/// A PUT of the whole group for one difference costs one difference.
#[tokio::test]
async fn a_put_of_two_thousand_costs_its_differences() {
    let (service, directory, users) = start(2_001).await;
    let id = group(&service, "North Crew", &users[..1]).await;
    let put = |members: &[String]| {
        let body = json!({"displayName": "North Crew", "members": named(members)});
        call(&service, "PUT", &path(&id)).json(body)
    };
    let all = put(&users[..2_000]).send().await;
    assert_eq!(all.status, 200, "{}", all.body);
    assert_eq!(values(&all.body, "members"), users[..2_000]);
    change(&service, &id, removing(&users[0])).await;
    change(&service, &id, adding(&users[0])).await;
    let before = directory.check("acme").await;
    assert_eq!(before.members[&id].len(), 2_000);
    let version_before = version_of(&service, &id).await;

    let (same, [_, _, write_units]) = cost(put(&users[..2_000])).await;
    assert_eq!((version(&same), write_units), (version_before, 0.0));
    let (one, [_, _, write_units]) = cost(put(&users)).await;
    assert_eq!(values(&one.body, "members"), users);
    assert!(write_units <= 12.0, "{write_units}");
    let (other, [_, _, write_units]) = cost(put(&users[1..])).await;
    assert_eq!(values(&other.body, "members"), users[1..]);
    assert!(write_units <= 12.0, "{write_units}");
    assert!(
        !directory
            .items("acme")
            .await
            .contains_key(&format!("J#{id}"))
    );
    directory.check("acme").await;
}

/// Up to a hundred members a PATCH is answered with the group.
#[tokio::test]
async fn a_patch_of_a_larger_group_is_answered_with_less() {
    let (service, directory, users) = start(102).await;
    let id = group(&service, "North Crew", &[]).await;
    directory.plant_members("acme", &id, &users[..99]).await;
    let hundred = patch(&service, &id, adding(&users[99])).await;
    assert_eq!(hundred.status, 200);
    assert_eq!(values(&hundred.body, "members"), users[..100]);
    let more = patch(&service, &id, adding(&users[100])).await;
    assert_eq!((more.status, more.body), (204, Value::Null));
    for (parameters, shown) in [
        ("attributes=displayName", None),
        ("excludedAttributes=members", None),
        ("attributes=members.value", Some(102)),
        ("excludedAttributes=externalId", Some(102)),
    ] {
        let path = format!("{}?{parameters}", path(&id));
        let answer = patching(&service, &path, adding(&users[101])).send().await;
        assert_eq!(answer.status, 200, "{parameters}");
        let members = answer.body["members"].as_array().map(Vec::len);
        assert_eq!(members, shown, "{parameters}");
    }
    let fewer = patch(&service, &id, replacing(&users[..3])).await;
    assert_eq!(
        (fewer.status, values(&fewer.body, "members").len()),
        (200, 3)
    );
    directory.check("acme").await;
}

/// The largest change that one request may make. It is made when it is answered, whatever is still
/// to be carried out.
#[tokio::test]
async fn twenty_thousand_memberships_are_on_both_sides_at_once() {
    const SIZE: usize = 20_000;
    let (mut service, directory, _) = DirectoryTable::at(&engine::own_endpoint()).await;
    service.app.config.requests_per_second = 0;
    service.app.config.request_deadline = std::time::Duration::from_secs(4);
    let users = directory.plant_bare_users("acme", SIZE).await;
    let id = group(&service, "North Crew", &[]).await;
    // Bare strings: a body may have a megabyte.
    let operation = json!([{"op": "add", "path": "members", "value": users}]);
    let answer = patch(&service, &id, operation).await;
    assert_eq!(answer.status, 204, "{}", answer.body);
    let only = format!("{}?attributes=members.value", path(&id));
    let found_ids = values(&read(&service, &only).await.body, "members");
    assert!(found_ids == users, "{} members", found_ids.len());
    assert_eq!(count(&service, &id).await, SIZE as u64);
    for user in [&users[0], &users[1], &users[SIZE / 2], &users[SIZE - 1]] {
        assert_eq!(groups_of(&service, user).await, [id.as_str()]);
        let filter = format!("id eq \"{id}\" and members eq \"{user}\"");
        assert_eq!(found(&service, "/Groups", &filter).await, [id.as_str()]);
    }
    // What is not carried out yet is on a page as well.
    let filter = format!("groups.value eq \"{id}\"");
    let last = [
        ("filter", filter.as_str()),
        ("startIndex", "19991"),
        ("attributes", "id"),
    ];
    let last = service.get(&format!("/Users?{}", query(&last))).await;
    assert_eq!(last.ids(), users[SIZE - 10..]);
    crate::support::members::check(&directory.items("acme").await);
    // The group is deleted in one transaction, whatever is pending.
    let (deleted, [calls, ..]) = cost(service.call("DELETE", &path(&id))).await;
    assert_eq!(deleted.status, 204, "{}", deleted.body);
    assert!(calls <= 8.0, "{calls}");
    assert_eq!(groups_of(&service, &users[SIZE - 1]).await, [""; 0]);
}

/// What GET shows of the largest group that one request may write, PUT takes.
#[tokio::test]
async fn twenty_thousand_members_are_put_as_they_are_shown() {
    const SIZE: usize = 20_000;
    let (mut service, directory, _) = DirectoryTable::at(&engine::own_endpoint()).await;
    service.app.config.requests_per_second = 0;
    let users = directory.plant_bare_users("acme", SIZE).await;
    let id = group(&service, "North Crew", &[]).await;
    directory
        .plant_members_called("acme", &id, &users, "Lena Ortiz, crew lead")
        .await;
    let mut shown = read(&service, &path(&id)).await;
    assert_eq!(
        shown.body["members"][SIZE - 1]["display"],
        "Lena Ortiz, crew lead"
    );
    shown.body["displayName"] = "South Crew".into();
    let request = call(
        &service,
        "PUT",
        &format!("{}?attributes=displayName", path(&id)),
    );
    let put = request.json(shown.body).send().await;
    assert_eq!(
        (put.status, &put.body["displayName"]),
        (200, &json!("South Crew"))
    );
    assert_eq!(count(&service, &id).await, SIZE as u64);
}

/// The members of a group are shown all or not at all. Planted counts suffice: they are looked at
/// before any member is read.
#[tokio::test]
async fn more_members_than_an_answer_holds_are_refused_with_the_ways_out() {
    let (service, directory, users) = start(20).await;
    let id = group(&service, "North Crew", &[]).await;
    directory.plant_members("acme", &id, &users[..18]).await;
    let small = group(&service, "South Crew", &users[..2]).await;
    let shard = format!("G#{id}#{}", &users[0][..1]);
    directory
        .plant_count("acme", &shard, "count", 214_870)
        .await;
    for list in [
        path(&id),
        format!("{}?attributes=members", path(&id)),
        format!("{}?attributes=members.value", path(&id)),
        "/Groups?filter=displayName+eq+%22north+crew%22".to_owned(),
        format!(
            "/Groups?{}",
            query(&[("filter", &format!("id eq \"{id}\""))])
        ),
    ] {
        for coding in ["identity", "gzip"] {
            let answer = service.call("GET", &list).header("accept-encoding", coding);
            let answer = answer.send().await;
            refused(&answer, 400, "tooMany");
            let detail = answer.body["detail"].as_str().unwrap().replace(',', "");
            let advice = [
                "2148",
                "excludedAttributes=members",
                "attributes=members.value",
                "/Users?filter=groups.value eq",
                "gzip",
            ];
            assert!(advice.iter().all(|part| detail.contains(part)), "{detail}");
        }
    }
    // Everything that shows no member goes on.
    for list in [
        format!("{}?excludedAttributes=members", path(&id)),
        format!("{}?attributes=displayName", path(&id)),
        "/Groups?excludedAttributes=members".to_owned(),
        "/Groups?count=0".to_owned(),
        path(&small),
    ] {
        assert_eq!(service.get(&list).await.status, 200, "{list}");
    }
    assert!(count(&service, &id).await > 200_000);
    assert_eq!(patch(&service, &id, adding(&users[18])).await.status, 204);
    let members = format!("id eq \"{id}\" and members eq \"{}\"", users[18]);
    let parameters = query(&[("filter", &members), ("excludedAttributes", "members")]);
    assert_eq!(
        service.get(&format!("/Groups?{parameters}")).await.ids(),
        [id.as_str()]
    );
    let put = json!({"displayName": "West Crew"});
    let put = call(&service, "PUT", &path(&id)).json(put).send().await;
    assert_eq!((put.status, put.body), (204, Value::Null));
    assert_eq!(service.delete(&path(&id)).await.status, 204);
}

/// A page ends before a group that does not fit; none is shown without its members. What clients
/// call members counts too.
#[tokio::test]
async fn a_page_of_groups_ends_when_it_is_full() {
    let (service, directory, _) = start(0).await;
    let users = directory.plant_bare_users("acme", 1_500).await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let id = group(&service, &format!("Crew {number}"), &[]).await;
        let display = "x".repeat(1_000);
        directory
            .plant_members_called("acme", &id, &users, &display)
            .await;
        ids.push(id);
    }
    ids.sort();
    let mut seen = Vec::new();
    while seen.len() < ids.len() {
        let list = format!("/Groups?startIndex={}&count=100", seen.len() + 1);
        let list = service.get(&list).await;
        assert_eq!(list.body["totalResults"], 5);
        assert!(list.body.to_string().len() <= MAX_RESPONSE);
        let groups = list.body["Resources"].as_array().unwrap();
        assert!(!groups.is_empty() && groups.len() < 5);
        for group in groups {
            assert_eq!(group["members"].as_array().unwrap().len(), users.len());
        }
        seen.extend(list.ids());
    }
    assert_eq!(seen, ids);
    let list = service
        .call("GET", "/Groups")
        .header("accept-encoding", "gzip");
    let list = list.send().await;
    assert_eq!(list.header("content-encoding"), "gzip");
    assert!(ids.starts_with(&list.ids()) && !list.ids().is_empty());
}

/// Large answers are compressed for whoever can read that.
#[tokio::test]
async fn large_answers_are_compressed() {
    let (service, directory, _) = start(0).await;
    let users = directory.plant_bare_users("acme", 6_500).await;
    let id = group(&service, "North Crew", &[]).await;
    directory.plant_members("acme", &id, &users).await;
    let small = path(&group(&service, "South Crew", &users[..2]).await);
    let plain = read(&service, &path(&id)).await;
    assert_eq!(values(&plain.body, "members"), users);
    let get = |path: &str, coding: &str| {
        let call = service.call("GET", path).header("accept-encoding", coding);
        call.header("accept", "application/scim+json")
    };
    for (path, coding, is_compressed) in [
        (path(&id), "gzip", true),
        (path(&id), "gzip,deflate", true),
        (path(&id), "deflate, GZIP;q=0.5", true),
        (path(&id), "gzip;q=0", false),
        (path(&id), "deflate, br", false),
        (path(&id), "", false),
        (small, "gzip", false),
        (
            format!("{}?excludedAttributes=members", path(&id)),
            "gzip",
            false,
        ),
    ] {
        let answer = get(&path, coding).send().await;
        assert_eq!(answer.status, 200);
        let shown = answer.header("content-encoding");
        assert_eq!(
            shown,
            if is_compressed { "gzip" } else { "" },
            "{path} {coding}"
        );
        assert_eq!(answer.header("content-type"), "application/scim+json");
        if is_compressed {
            assert!(
                answer
                    .header("vary")
                    .eq_ignore_ascii_case("accept-encoding")
            );
            assert_eq!(answer.body, plain.body);
            assert_eq!(answer.header("etag"), plain.header("etag"));
        }
    }
    let known = get(&path(&id), "gzip").header("if-none-match", plain.header("etag"));
    assert_eq!(known.send().await.status, 304);
}
