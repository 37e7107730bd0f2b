//! What clients do with groups costs in DynamoDB the same, however large the group is. One call of
//! each request is the check of the API key.

use std::time::Duration;

use serde_json::{Value, json};
use stand::wire::{Fate, Wire};

use crate::support::capture::cost;
use crate::support::clock::passing_when_idle;
use crate::support::directory::DirectoryTable;
use crate::support::engine;
use crate::support::groups::{
    adding, call, crew, group, named, patching, path, removing, renaming, users, values,
};
use crate::support::service::{Answer, Call, Service, query};

/// A request that makes an answer of the first kind.
async fn spent(call: Call<'_>) -> [f64; 3] {
    let (answer, cost) = cost(call).await;
    assert!(answer.status < 300, "{}", answer.body);
    cost
}

fn is_billed() -> bool {
    // AWS's DynamoDB Local reports other units than DynamoDB bills.
    std::env::var_os("SCIM_TEST_DYNAMODB_ENDPOINT").is_none()
}

fn list<'a>(service: &'a Service, endpoint: &str, parameters: &[(&str, &str)]) -> Call<'a> {
    call(service, "GET", &format!("{endpoint}?{}", query(parameters)))
}

/// Groups of ten and of a thousand, and users in neither.
async fn two_sizes() -> (
    Service,
    DirectoryTable,
    [(String, Vec<String>); 2],
    Vec<String>,
) {
    let (service, directory, others) = crew(4).await;
    let members = directory.plant_users("acme", 1_010).await;
    let (few, many) = members.split_at(10);
    let mut groups = Vec::new();
    for (name, members) in [("small", few), ("large", many)] {
        let id = group(&service, name, &[]).await;
        directory.plant_members("acme", &id, members).await;
        groups.push((id, members.to_vec()));
    }
    let groups = groups.try_into().expect("two groups");
    (service, directory, groups, others)
}

#[tokio::test]
async fn the_size_of_a_group_does_not_matter() {
    let (service, directory, groups, others) = two_sizes().await;
    let mut costs = Vec::new();
    for (name, (id, members)) in ["small", "large"].iter().zip(&groups) {
        let path = path(id);
        let only_id = format!("{path}?attributes=id");
        let by_name = format!("displayName eq \"{name}\"");
        let is_member = |user: &str| format!("id eq \"{id}\" and members eq \"{user}\"");
        let excluded = ("excludedAttributes", "members");
        let rename = json!({"displayName": format!("{name} too")});
        let mut of_group = Vec::new();
        for (what, call) in [
            (
                "GET",
                call(
                    &service,
                    "GET",
                    &format!("{path}?excludedAttributes=members"),
                ),
            ),
            (
                "match",
                list(&service, "/Groups", &[excluded, ("filter", &by_name)]),
            ),
            (
                "is a member",
                list(
                    &service,
                    "/Groups",
                    &[excluded, ("filter", &is_member(&members[3]))],
                ),
            ),
            (
                "is none",
                list(
                    &service,
                    "/Groups",
                    &[excluded, ("filter", &is_member(&others[0]))],
                ),
            ),
            (
                "groups of a user",
                list(
                    &service,
                    "/Groups",
                    &[
                        excluded,
                        ("filter", &format!("members.value eq \"{}\"", members[3])),
                    ],
                ),
            ),
            ("add", patching(&service, &only_id, adding(&others[0]))),
            (
                "add again",
                patching(&service, &only_id, adding(&others[0])),
            ),
            ("remove", patching(&service, &only_id, removing(&others[0]))),
            (
                "remove again",
                patching(&service, &only_id, removing(&others[0])),
            ),
            (
                "remove by value",
                patching(
                    &service,
                    &only_id,
                    json!([{"op": "Remove", "path": "members", "value": [{"value": members[0]}]}]),
                ),
            ),
            (
                "three in, two out",
                patching(
                    &service,
                    &only_id,
                    json!([
                        {"op": "add", "path": "members", "value": named(&others[..3])},
                        {"op": "remove", "path": "members", "value": named(&members[1..3])},
                    ]),
                ),
            ),
            (
                "rename",
                patching(&service, &only_id, renaming(&format!("{name} again"))),
            ),
            (
                "PUT without members",
                call(&service, "PUT", &only_id).json(rename),
            ),
            (
                "a page of it",
                list(
                    &service,
                    "/Users",
                    &[
                        ("filter", &format!("groups.value eq \"{id}\"")),
                        ("count", "5"),
                        ("attributes", "id"),
                    ],
                ),
            ),
        ] {
            of_group.push((what, spent(call).await));
        }
        costs.push(of_group);
    }
    for (small, large) in costs[0].iter().zip(&costs[1]) {
        assert_eq!(small.1[0], large.1[0], "calls: {small:?} {large:?}");
        if is_billed() {
            assert_eq!(small, large);
        }
    }
    // The first deletion of a step of the breaker counts the groups.
    let first = group(&service, "first", &[]).await;
    spent(service.call("DELETE", &path(&first))).await;
    let mut deletions = Vec::new();
    for (id, _) in &groups {
        deletions.push(spent(service.call("DELETE", &path(id))).await);
    }
    assert_eq!(deletions[0][0], deletions[1][0]);
    if is_billed() {
        assert_eq!(deletions[0], deletions[1]);
        assert!(deletions[0][2] <= 20.0, "{deletions:?}");
    }
    directory.check("acme").await;
}

/// One member more or less, as Entra sends most of its requests.
#[tokio::test]
async fn one_member_costs_little() {
    let (service, _, groups, others) = two_sizes().await;
    let (id, _) = &groups[1];
    let add = spent(patching(&service, &path(id), adding(&others[0]))).await;
    let remove = spent(patching(&service, &path(id), removing(&others[0]))).await;
    // The key, the group, and one transaction.
    assert_eq!((add[0], remove[0]), (3.0, 3.0));
    if is_billed() {
        assert!(add[2] <= 12.0, "{add:?}");
        assert!(remove[2] <= 8.0, "{remove:?}");
    }
    let (id, _) = &groups[0];
    let (answer, add) = cost(patching(&service, &path(id), adding(&others[0]))).await;
    assert_eq!(values(&answer.body, "members").len(), 11);
    assert!(add[0] <= 5.0, "{add:?}");
}

/// How often a request waits for DynamoDB, if everything that it may do at once it does.
#[tokio::test]
async fn one_member_takes_two_round_trips() {
    const TRIP: Duration = Duration::from_millis(200);
    let (mut service, directory, prefix) = DirectoryTable::with_prefix().await;
    let members = directory.plant_users("acme", 150).await;
    let id = group(&service, "North Crew", &[]).await;
    directory.plant_members("acme", &id, &members[..149]).await;
    let wire = Wire::start(engine::endpoint(), |_, _| Fate::Held(TRIP)).await;
    service.app.store = engine::troubled_store_through(&wire.endpoint, &prefix).await;
    let excluded = format!("{}?excludedAttributes=members", path(&id));
    let filter = format!("id eq \"{id}\" and members eq \"{}\"", members[3]);
    let is_member = [
        ("excludedAttributes", "members"),
        ("filter", filter.as_str()),
    ];
    for (what, call, most) in [
        (
            "add",
            patching(&service, &path(&id), adding(&members[149])),
            2,
        ),
        (
            "remove",
            patching(&service, &path(&id), removing(&members[149])),
            2,
        ),
        ("GET", call(&service, "GET", &excluded), 1),
        // Pending changes are read before edges.
        ("is a member", list(&service, "/Groups", &is_member), 3),
    ] {
        let begun = tokio::time::Instant::now();
        let mut took = Duration::ZERO;
        let request = async {
            let begun = tokio::time::Instant::now();
            let answer = call.send().await;
            took = begun.elapsed();
            answer
        };
        let answer: Answer = passing_when_idle(Box::pin(request)).await;
        assert!(answer.status < 300, "{what} {}", answer.body);
        // The clock goes forward in steps, so each trip takes up to a quarter longer.
        let trips = took.as_millis() / TRIP.as_millis();
        assert!(
            trips <= most,
            "{what} takes {took:?} of {:?}",
            begun.elapsed()
        );
    }
}

/// A page of users with their groups, and a page of groups with their members, ask no more often
/// for many than for one.
#[tokio::test]
async fn a_page_is_read_as_one() {
    let (service, directory) = DirectoryTable::with_service().await;
    let members = directory.plant_users("acme", 100).await;
    for number in 0..30 {
        let id = group(&service, &format!("Crew {number}"), &[]).await;
        let some: Vec<_> = members.iter().skip(number).step_by(3).cloned().collect();
        directory.plant_members("acme", &id, &some).await;
    }
    for (endpoint, parameters, most) in [
        ("/Users", &[("count", "100")][..], 5.0),
        ("/Users", &[("count", "100"), ("cursor", "")], 5.0),
        (
            "/Users",
            &[("count", "100"), ("excludedAttributes", "groups")],
            3.0,
        ),
        ("/Groups", &[("count", "100")], 5.0),
        (
            "/Groups",
            &[("count", "100"), ("excludedAttributes", "members")],
            4.0,
        ),
    ] {
        let (page, [calls, ..]) = cost(list(&service, endpoint, parameters)).await;
        assert!(page.ids().len() >= 30);
        let shown = if endpoint == "/Users" {
            "groups"
        } else {
            "members"
        };
        let is_excluded = parameters
            .iter()
            .any(|(name, _)| *name == "excludedAttributes");
        let resources = page.body["Resources"].as_array().unwrap();
        let shows = |resource: &Value| resource.get(shown).is_some();
        assert_eq!(resources.iter().any(shows), !is_excluded);
        // And the check of the key.
        assert!(calls <= most + 1.0, "{endpoint} {parameters:?}: {calls}");
    }
}

/// Users in no group, in few and in some more.
#[tokio::test]
async fn deleting_a_user_is_one_transaction() {
    let (service, directory) = DirectoryTable::with_service().await;
    let users = users(&service, "user", 4).await;
    for number in 0..25 {
        let members = match number {
            0..3 => &users[1..],
            _ => &users[2..3],
        };
        group(&service, &format!("Crew {number}"), members).await;
    }
    // The first deletion of a step of the breaker counts the active users.
    spent(service.call("DELETE", &format!("/Users/{}", users[3]))).await;
    let mut calls = Vec::new();
    for user in &users[..3] {
        calls.push(spent(service.call("DELETE", &format!("/Users/{user}"))).await[0]);
    }
    // The key, the user, its memberships, the breaker, and the transaction.
    assert!(calls.iter().all(|calls| *calls <= 6.0), "{calls:?}");
    assert_eq!(calls[0], calls[2], "{calls:?}");
    directory.check("acme").await;
}

/// Until a key is accepted, a group is read with its counts, or one lookup is made, and no more.
#[tokio::test]
async fn a_key_that_is_not_accepted_makes_one_read_at_most() {
    let (mut service, directory, prefix) = DirectoryTable::with_prefix().await;
    let members = users(&service, "user", 3).await;
    let id = group(&service, "North Crew", &members).await;
    let slow_check = |asked: &stand::wire::Asked| match asked.label.as_str() {
        "GetItem secrets KEY" => Fate::Slow(Duration::from_millis(150)),
        _ => Fate::Passed,
    };
    let wire = Wire::planned(engine::endpoint(), slow_check, None).await;
    service.app.store = engine::troubled_store_through(&wire.endpoint, &prefix).await;
    let invented = tenant::ApiKey::from_secret(&tenant::TenantId::parse("acme").unwrap(), [9; 32]);
    let before = directory.resources("acme").await;
    let filtered = |endpoint: &str, filter: &str| {
        call(
            &service,
            "GET",
            &format!("{endpoint}?{}", query(&[("filter", filter)])),
        )
    };
    let rename = json!({"displayName": "x", "members": named(&members)});
    let in_group = format!("groups.value eq \"{id}\"");
    let of_user = format!("members eq \"{}\"", members[0]);
    for request in [
        call(&service, "GET", &path(&id)),
        call(&service, "GET", "/Groups"),
        filtered("/Groups", "displayName eq \"North Crew\""),
        filtered("/Groups", &of_user),
        filtered("/Groups", &format!("id eq \"{id}\" and {of_user}")),
        filtered("/Users", &in_group),
        filtered("/Users", "groups.display eq \"North Crew\""),
        call(&service, "GET", &format!("/Users/{}", members[0])),
        patching(&service, &path(&id), adding(&members[0])),
        patching(&service, &path(&id), removing(&members[0])),
        call(&service, "PUT", &path(&id)).json(rename.clone()),
        call(&service, "POST", "/Groups").json(rename),
        call(&service, "DELETE", &path(&id)),
    ] {
        let seen = wire.labels().len();
        let request = request.key(invented.expose());
        let answer = passing_when_idle(Box::pin(request.send())).await;
        assert_eq!(answer.status, 401);
        let made: Vec<_> = wire.labels().into_iter().skip(seen).collect();
        let reads = made
            .iter()
            .filter(|label| label.contains(" directory") && !label.ends_with(" R"));
        assert!(reads.count() <= 1, "{made:?}");
    }
    assert_eq!(directory.resources("acme").await, before);
}
