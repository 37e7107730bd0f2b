//! What a change that names many users reads, and what it reads again after a lost race.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use hellotracks_scim::instance::Instance;
use serde_json::{Value, json};
use stand::wire::asked::Asked;
use stand::wire::{Fate, Rival, Wire};

use crate::requests::errors::refused;
use crate::support::capture::cost;
use crate::support::directory::DirectoryTable;
use crate::support::engine;
use crate::support::groups::{
    adding, call, change, count, group, members_of, patch, patching, path, replacing,
};
use crate::support::members;
use crate::support::service::{Service, query};

/// So many users of one tenant, in the order of their ids, and a group of nobody.
async fn crew(size: usize) -> (Service, DirectoryTable, Vec<String>, String) {
    let (mut service, directory, _) = DirectoryTable::at(&engine::own_endpoint()).await;
    service.app.config.requests_per_second = 0;
    let users = directory.plant_users("acme", size).await;
    let id = group(&service, "North Crew", &[]).await;
    (service, directory, users, id)
}

/// Ids of nobody.
fn strangers(count: usize) -> Vec<String> {
    let id = |_| uuid::Uuid::new_v4().to_string();
    (0..count).map(id).collect()
}

fn adding_all(users: &[String]) -> Value {
    json!([{"op": "add", "path": "members", "value": users}])
}

/// Read one by one, they would cost a unit each.
#[tokio::test]
async fn most_of_the_users_are_read_in_one_piece() {
    let (service, _, users, id) = crew(1_000).await;
    let request = patching(&service, &path(&id), adding_all(&users[..900]));
    let (answer, [_, read, _]) = cost(request).await;
    assert_eq!(answer.status, 204, "{}", answer.body);
    assert_eq!(count(&service, &id).await, 900);
    assert!(read < 250.0, "{read} units");
}

/// A few of many users are read one by one.
#[tokio::test]
async fn a_few_of_the_users_are_read_one_by_one() {
    let (service, _, users, id) = crew(1_000).await;
    let some: Vec<String> = users.iter().step_by(9).cloned().collect();
    let (answer, [_, read, _]) = cost(patching(&service, &path(&id), adding_all(&some))).await;
    assert_eq!(answer.status, 204, "{}", answer.body);
    assert_eq!(count(&service, &id).await, some.len() as u64);
    assert!(read < some.len() as f64 + 30.0, "{read} units");
}

/// Whoever sends ids of nobody does not have each of them looked for.
#[tokio::test]
async fn thousands_of_strangers_cost_what_the_users_do() {
    let (service, _, users, id) = crew(20).await;
    change(&service, &id, adding(&users[0])).await;
    let strangers = strangers(5_000);
    for operations in [adding_all(&strangers), replacing(&strangers)] {
        let (answer, [calls, read, write]) = cost(patching(&service, &path(&id), operations)).await;
        refused(&answer, 400, "invalidValue");
        // A refusal is counted by reason and with all answers, and logged.
        assert!(write <= 3.0, "{write}");
        assert!(calls < 30.0 && read < 40.0, "{calls} {read}");
    }
    let mixed = [&users[..2], &strangers].concat();
    let request = patching(&service, &path(&id), adding_all(&mixed));
    let (answer, [calls, read, _]) = cost(request).await;
    assert!(answer.status < 300, "{}", answer.body);
    assert!(calls < 30.0 && read < 40.0, "{calls} {read}");
    assert_eq!(members_of(&service, &id).await, users[..2]);
}

/// Large users are not read in one piece for longer than it would take one by one.
#[tokio::test]
async fn large_users_do_not_cost_many_times_as_much() {
    let (service, _, _, id) = crew(0).await;
    let title = "x".repeat(60_000);
    let mut large = Vec::new();
    for number in 0..150 {
        let name = format!("user{number}");
        large.push(service.create_user(&name, json!({"title": title})).await);
    }
    let strangers = strangers(150);
    let named = [&large[..1], &strangers].concat();
    let (answer, [_, read, _]) = cost(patching(&service, &path(&id), adding_all(&named))).await;
    assert!(answer.status < 300, "{}", answer.body);
    assert_eq!(members_of(&service, &id).await, large[..1]);
    // All of the users in one piece are 2,250 units.
    assert!(read < 1_200.0, "{read} units");
}

/// While a change is decided for the first time, somebody else makes a request. Returns the status
/// of its answer and its requests to DynamoDB.
async fn overtaken(
    endpoint: &str,
    (service, prefix): (&Arc<Service>, &str),
    operations: Value,
    id: &str,
    (method, rival, body): (&'static str, String, Value),
) -> (u16, Vec<String>) {
    let calm = service.clone();
    let rival: Rival = Box::new(move || {
        let (calm, path, body) = (calm.clone(), rival.clone(), body.clone());
        Box::pin(async move {
            let request = call(&calm, method, &path).json(body).send();
            let answer = Box::pin(request).await;
            assert!(answer.status < 300, "{}", answer.body);
        })
    });
    let has_begun = AtomicBool::new(false);
    let plan = move |asked: &Asked| match asked.operation == "TransactWriteItems"
        && !has_begun.swap(true, Relaxed)
    {
        true => Fate::Overtaken,
        false => Fate::Passed,
    };
    let wire = Wire::planned(endpoint, plan, Some(rival)).await;
    let store = stand::tenant::connect(&wire.endpoint, engine::tables(prefix)).await;
    let disturbed = Service {
        app: Instance::new(store, service.app.config.clone()),
        key: service.key.clone(),
    };
    let answer = Box::pin(patch(&disturbed, id, operations)).await;
    (answer.status, wire.labels())
}

fn times(labels: &[String], label: &str) -> usize {
    labels.iter().filter(|asked| *asked == label).count()
}

#[tokio::test]
async fn after_a_deletion_only_the_users_beside_it_are_read_again() {
    let endpoint = engine::own_endpoint();
    let (service, directory, prefix) = DirectoryTable::at(&endpoint).await;
    let service = Arc::new(service);
    let users = directory.plant_users("acme", 400).await;
    let id = group(&service, "North Crew", &[]).await;
    let rival = ("DELETE", format!("/Users/{}", users[7]), json!({}));
    let adding = adding_all(&users[..390]);
    let (status, labels) = overtaken(&endpoint, (&service, &prefix), adding, &id, rival).await;
    assert_eq!(status, 204);
    let is_there = |user: &&String| **user != users[7];
    let expected: Vec<String> = users[..390].iter().filter(is_there).cloned().collect();
    assert_eq!(members_of(&service, &id).await, expected);
    assert_eq!(directory.check("acme").await.members[&id].len(), 389);
    assert_eq!(times(&labels, "Query directory U"), 16, "{labels:?}");
    assert_eq!(times(&labels, "BatchGetItem directory U"), 1, "{labels:?}");
}

#[tokio::test]
async fn after_another_change_only_the_members_beside_it_are_read_again() {
    let endpoint = engine::own_endpoint();
    let (service, directory, prefix) = DirectoryTable::at(&endpoint).await;
    let service = Arc::new(service);
    let users = directory.plant_bare_users("acme", 6_000).await;
    let id = group(&service, "North Crew", &[]).await;
    directory.plant_members("acme", &id, &users[..5_500]).await;
    // So few of so many are read one by one. Their ids begin with the last two digits.
    let named: Vec<String> = users.iter().skip(5_400).step_by(6).cloned().collect();
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": adding(&users[5_999]),
    });
    let rival = ("PATCH", path(&id), body);
    let (status, labels) = overtaken(
        &endpoint,
        (&service, &prefix),
        adding_all(&named),
        &id,
        rival,
    )
    .await;
    assert_eq!(status, 204);
    assert_eq!(count(&service, &id).await, 5_500 + 83 + 1);
    members::check(&directory.items("acme").await);
    assert_eq!(times(&labels, "BatchGetItem directory M"), 2, "{labels:?}");
    assert_eq!(times(&labels, "BatchGetItem directory U"), 1, "{labels:?}");
}

/// Whoever pages through a group sees all of a large change or nothing, even if it is made between
/// two reads of one request.
#[tokio::test]
async fn a_page_of_a_group_is_of_one_moment() {
    let endpoint = engine::own_endpoint();
    let (service, directory, prefix) = DirectoryTable::at(&endpoint).await;
    let service = Arc::new(service);
    let users = directory.plant_users("acme", 130).await;
    let id = group(&service, "North Crew", &[]).await;
    for (number, paging) in ["startIndex=1", "startIndex=2", "cursor"]
        .iter()
        .enumerate()
    {
        let (before, after) = match number % 2 {
            0 => (&users[..60], &users[60..]),
            _ => (&users[60..], &users[..60]),
        };
        change(&service, &id, replacing(before)).await;
        let calm = service.clone();
        let replacement = replacing(after);
        let group = id.clone();
        let rival: Rival = Box::new(move || {
            let (calm, group, replacement) = (calm.clone(), group.clone(), replacement.clone());
            Box::pin(async move { drop(Box::pin(change(&calm, &group, replacement)).await) })
        });
        let has_begun = AtomicBool::new(false);
        let plan = move |asked: &Asked| match asked.label == "Query directory M"
            && !has_begun.swap(true, Relaxed)
        {
            true => Fate::Overtaken,
            false => Fate::Passed,
        };
        let wire = Wire::planned(&endpoint, plan, Some(rival)).await;
        let store = stand::tenant::connect(&wire.endpoint, engine::tables(&prefix)).await;
        let disturbed = Service {
            app: Instance::new(store, service.app.config.clone()),
            key: service.key.clone(),
        };
        let filter = format!("groups.value eq \"{id}\"");
        let query = query(&[("filter", &filter), ("count", "100"), ("attributes", "id")]);
        let page = Box::pin(disturbed.get(&format!("/Users?{query}&{paging}"))).await;
        assert_eq!(
            page.body["totalResults"],
            after.len(),
            "{paging} {:?}",
            wire.labels()
        );
        let skipped = usize::from(*paging == "startIndex=2");
        assert_eq!(page.ids(), after[skipped..], "{paging}");
    }
}
