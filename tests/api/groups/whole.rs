//! Members beside attributes, in POST and PUT, with what clients call them, and in records.

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::support::clock::{date, set_date};
use crate::support::directory::{number, text};
use crate::support::groups::{
    GROUP, NOBODY, adding, call, change, count, crew, group, named, patch, path, read, removing,
    values,
};
use crate::support::members::{ids, recorded};
use crate::support::service::BASE;

/// What else a request changes is changed with the members, or not at all.
#[tokio::test]
async fn members_and_attributes_change_together() {
    let (service, directory, users) = crew(3).await;
    let id = group(&service, "North Crew", &users[..1]).await;
    group(&service, "South Crew", &[]).await;
    let operations = json!([
        {"op": "add", "path": "members", "value": [{"value": users[1]}]},
        {"op": "replace", "path": "externalId", "value": "x"},
        {"op": "remove", "path": format!("members[value eq \"{}\"]", users[0])},
        {"op": "replace", "path": "displayName", "value": "West Crew"},
    ]);
    let changed = change(&service, &id, operations).await;
    assert_eq!(values(&changed.body, "members"), users[1..2]);
    assert_eq!(
        (&changed.body["externalId"], &changed.body["displayName"]),
        (&json!("x"), &json!("West Crew"))
    );
    let stored = directory.resources("acme").await;
    for refused in [
        json!({"op": "replace", "path": "displayName", "value": "South Crew"}),
        json!({"op": "remove", "path": "displayName"}),
        json!({"op": "replace", "path": "id", "value": "x"}),
        json!({"op": "remove", "path": "members[display eq \"x\"]"}),
    ] {
        let operations = json!([
            {"op": "add", "path": "members", "value": [{"value": users[2]}]}, refused,
        ]);
        let answer = patch(&service, &id, operations).await;
        assert!([400, 409].contains(&answer.status), "{}", answer.body);
        assert_eq!(directory.resources("acme").await, stored, "{refused}");
    }
    directory.check("acme").await;
}

/// Who does not speak of members neither adds nor removes any.
#[tokio::test]
async fn a_put_sets_the_members_that_it_names() {
    let (service, directory, users) = crew(4).await;
    let id = group(&service, "North Crew", &users[..2]).await;
    let [a, b, c] = [&users[0], &users[1], &users[2]];
    for (members, expected) in [
        (None, &users[..2]),
        (Some(Value::Null), &users[..2]),
        (Some(named(&users[1..])), &users[1..]),
        (
            Some(json!([{"value": c, "display": "C", "$ref": "x", "type": "User"}, a])),
            &[a.clone(), c.clone()],
        ),
        (Some(json!({"value": b})), &users[1..2]),
        (Some(json!([{"value": NOBODY}, {"value": c}])), &users[2..3]),
        (Some(json!([])), &[]),
        (Some(json!([])), &[]),
        (Some(named(&users)), &users),
    ] {
        let mut body = json!({"schemas": [GROUP], "displayName": "North Crew"});
        let context = format!("{members:?}");
        if let Some(members) = members {
            body["members"] = members;
        }
        let answer = call(&service, "PUT", &path(&id)).json(body).send().await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(values(&answer.body, "members"), expected, "{context}");
        assert_eq!(
            read(&service, &path(&id)).await.body,
            answer.body,
            "{context}"
        );
        assert_eq!(count(&service, &id).await, expected.len() as u64);
    }
    directory.check("acme").await;
}

#[tokio::test]
async fn a_group_is_created_with_members() {
    let (service, directory, users) = crew(3).await;
    for (members, expected) in [
        (Value::Null, &[][..]),
        (json!([]), &[]),
        (named(&users), &users),
        (
            json!([{"value": users[1], "$ref": null}, users[0], {"value": users[1]}]),
            &users[..2],
        ),
        (json!({"value": users[2]}), &users[2..]),
        (
            json!([{"value": NOBODY}, {"value": users[0], "type": "User"}]),
            &users[..1],
        ),
    ] {
        let body = json!({"displayName": members.to_string(), "members": members});
        let created = call(&service, "POST", "/Groups").json(body).send().await;
        assert_eq!(created.status, 201, "{}", created.body);
        assert_eq!(values(&created.body, "members"), expected, "{members}");
        let found = read(&service, &path(&created.id())).await;
        assert_eq!(
            (&found.body, &found.headers["etag"]),
            (&created.body, &created.headers["etag"])
        );
    }
    directory.check("acme").await;
}

/// What is shown of a member: its id, its URI, its kind, and what the client calls it.
#[tokio::test]
async fn display_is_kept_as_it_was_sent() {
    let (service, directory, users) = crew(2).await;
    let id = group(&service, "North Crew", &[]).await;
    let add = |display: Value| json!([{"op": "add", "path": "members", "value": [{"value": users[0], "display": display}, {"value": users[1]}]}]);
    let element = |user: &String| json!({"value": user, "$ref": format!("{BASE}/Users/{user}"), "type": "User"});
    let mut first = element(&users[0]);
    first["display"] = json!("Lena O. ");
    let expected = json!([first, element(&users[1])]);
    let added = change(&service, &id, add(json!("Lena O. "))).await;
    assert_eq!(added.body["members"], expected);
    // Whoever is a member already stays as they are.
    let again = change(&service, &id, add(json!("another"))).await;
    assert_eq!(again.body, added.body);
    let rename = json!([{"op": "replace", "path": "displayName", "value": "L"}]);
    service.patch(&format!("/Users/{}", users[0]), rename).await;
    assert_eq!(read(&service, &path(&id)).await.body, added.body);
    directory.check("acme").await;
}

/// A record has all ids that came and went, and those that were left out.
#[tokio::test]
async fn the_record_of_a_change_says_who_came_went_and_was_left_out() {
    let (service, directory, users) = crew(3).await;
    let id = group(&service, "North Crew", &users[..1]).await;
    let before = directory.items("acme").await;
    let before = recorded(&before, &id).len();
    let operations = json!([
        {"op": "add", "path": "members", "value": [{"value": users[1], "display": "B"}, {"value": users[2]}, {"value": NOBODY}, "nonsense"]},
        {"op": "remove", "path": "members", "value": [{"value": users[0]}]},
    ]);
    change(&service, &id, operations).await;
    let items = directory.items("acme").await;
    let keys = recorded(&items, &id);
    assert_eq!(keys.len(), before + 1, "{keys:?}");
    let record = &items[*keys.last().unwrap()];
    let of = |name: &str| ids(record[name].as_b().unwrap().as_ref());
    assert_eq!(
        (of("added"), of("removed")),
        (users[1..].to_vec(), users[..1].to_vec())
    );
    assert_eq!(text(record, "operation"), "patch");
    assert_eq!(
        text(record, "displays"),
        json!({&users[1]: "B"}).to_string()
    );
    let mut left_out: Vec<String> = serde_json::from_str(text(record, "left_out")).unwrap();
    left_out.sort();
    assert_eq!(left_out, [NOBODY, "nonsense"]);
    assert_eq!(number(record, "left_out_count"), 2);
    // Changes that come to nothing leave no record.
    for operations in [adding(&users[1]), removing(&users[0])] {
        change(&service, &id, operations).await;
        assert_eq!(directory.items("acme").await, items);
    }
}

/// A bulk request has one id, and its operations may all be of one millisecond.
#[tokio::test]
async fn changes_of_one_request_and_one_millisecond_have_records_of_their_own() {
    let (mut service, directory, users) = crew(3).await;
    service.app.clock = date;
    set_date(OffsetDateTime::now_utc().truncate_to_millisecond());
    let id = group(&service, "North Crew", &[]).await;
    let operation = |operations: Value| json!({"method": "PATCH", "path": path(&id), "data": {"Operations": operations}});
    let body = json!({"Operations": [
        operation(adding(&users[0])),
        operation(adding(&users[1])),
        operation(removing(&users[0])),
        operation(json!([{"op": "replace", "path": "members", "value": named(&users)}])),
        operation(removing(&users[1])),
    ]});
    let answer = call(&service, "POST", "/Bulk").json(body).send().await;
    for result in answer.body["Operations"].as_array().unwrap() {
        assert_eq!(result["status"], "200", "{result}");
    }
    let found = read(&service, &path(&id)).await;
    assert_eq!(
        values(&found.body, "members"),
        [users[0].clone(), users[2].clone()]
    );
    let items = directory.items("acme").await;
    assert_eq!(recorded(&items, &id).len(), 5);
    directory.check("acme").await;
}
