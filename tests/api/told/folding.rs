//! Whoever applies what is newer ends up with what is stored: whatever the order, whatever comes
//! twice, whoever wrote at the same time, and whatever their clocks say.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use fastrand::Rng;
use futures_util::future::join_all;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::support::engine;
use crate::support::groups::{adding, named, removing, replacing};
use crate::support::told::{Told, comparable, folded, shown};

/// A clock that is up to a tenth of a second off, each time otherwise.
fn skewed() -> OffsetDateTime {
    static STEPS: AtomicI64 = AtomicI64::new(0);
    let off = (STEPS.fetch_add(7_919, Relaxed) % 201) - 100;
    OffsetDateTime::now_utc() + Duration::milliseconds(off)
}

const WRITERS: usize = 6;

#[tokio::test]
async fn any_order_and_any_duplicates_give_what_is_stored() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = Rng::with_seed(seed);
    let mut told = Told::at(&engine::own_endpoint()).await;
    told.service.app.clock = skewed;
    let users: Vec<String> = join_all((0..70).map(|number| {
        let name = format!("user{number}");
        let service = &told.service;
        async move { service.create_user(&name, json!({})).await }
    }))
    .await;
    let mut groups = Vec::new();
    for name in ["North", "South", "West"] {
        let body = json!({"displayName": name, "members": named(&users[..3])});
        groups.push(told.service.post("/Groups", body).await.id());
    }
    let mut events = Vec::new();
    for _ in 0..12 {
        let writers = (0..WRITERS).map(|_| write(&told, &users, &groups, random.fork()));
        join_all(writers).await;
        events.extend(told.events().await);
    }
    // What deletions and restorations of groups have left open.
    for group in &groups {
        told.admin.run(&format!("group restore acme {group}")).await;
        let operation = json!([{"op": "replace", "path": "displayName", "value": group}]);
        told.service
            .patch(&format!("/Groups/{group}"), operation)
            .await;
    }
    events.extend(told.events().await);
    told.directory.check("acme").await;
    let stored = shown(&told.service).await;
    assert!(stored.users.len() > 40, "{}", stored.users.len());
    let members: usize = stored
        .groups
        .values()
        .map(|(_, members)| members.len())
        .sum();
    assert!(members > 0);
    for _ in 0..20 {
        let mut some: Vec<&Value> = events.iter().collect();
        let again = random.usize(..events.len());
        some.extend(&events[again..]);
        random.shuffle(&mut some);
        assert_eq!(comparable(folded(some)), stored, "seed {seed}");
    }
}

fn adding_all(users: &[String]) -> Value {
    json!([{"op": "add", "path": "members", "value": named(users)}])
}

/// A few changes of anything.
async fn write(told: &Told, users: &[String], groups: &[String], mut random: Rng) {
    let service = &told.service;
    for _ in 0..4 {
        let user = &users[random.usize(..users.len())];
        let few = &users[..random.usize(1..8)];
        let group = &groups[random.usize(..groups.len())];
        let path = format!("/Groups/{group}");
        let answer = match random.u8(..16) {
            0..4 => service.patch(&path, adding_all(few)).await,
            4..8 => service.patch(&path, removing(&few[few.len() - 1])).await,
            8 => service.patch(&path, replacing(few)).await,
            // More than one transaction makes.
            9 => service.patch(&path, adding_all(users)).await,
            10 => service.delete(&path).await,
            11 | 12 => {
                let active = random.bool();
                let operation = json!([{"op": "replace", "path": "active", "value": active}]);
                service.patch(&format!("/Users/{user}"), operation).await
            }
            13 => service.delete(&format!("/Users/{user}")).await,
            14 => {
                // Who is not deleted is not restored.
                told.admin.run(&format!("user restore acme {user}")).await;
                continue;
            }
            _ => {
                told.admin.run(&format!("group restore acme {group}")).await;
                continue;
            }
        };
        assert!(
            answer.status < 500 || answer.status == 503,
            "{}",
            answer.body
        );
    }
}

/// One membership, ended and begun again by many at once: each time is later than the one before.
#[tokio::test]
async fn the_changes_of_a_membership_follow_each_other_in_time() {
    let mut told = Told::start().await;
    told.service.app.clock = skewed;
    let lena = told.service.create_user("lena", json!({})).await;
    let group = told
        .service
        .post("/Groups", json!({"displayName": "North"}))
        .await
        .id();
    let path = format!("/Groups/{group}");
    for _ in 0..10 {
        let service = &told.service;
        let writers = (0..8).map(|writer| {
            let operations = match writer % 2 {
                0 => adding(&lena),
                _ => removing(&lena),
            };
            let path = &path;
            async move { service.patch(path, operations).await }
        });
        for answer in join_all(writers).await {
            assert!([200, 204].contains(&answer.status), "{}", answer.body);
        }
    }
    let events = told.events().await;
    let changes: Vec<(bool, u64)> = events
        .iter()
        .filter_map(|event| {
            let is_member = match event["type"].as_str()? {
                "com.hellotracks.group.member_added" => true,
                "com.hellotracks.group.member_removed" => false,
                _ => return None,
            };
            Some((is_member, event["data"]["version"].as_u64()?))
        })
        .collect();
    assert!(changes.len() > 10, "{changes:?}");
    for pair in changes.windows(2) {
        let ((was, before), (is, after)) = (pair[0], pair[1]);
        assert_ne!(was, is, "{changes:?}");
        assert!(before < after, "{changes:?}");
    }
}

fn tomorrow() -> OffsetDateTime {
    OffsetDateTime::now_utc() + Duration::DAY
}

/// Somebody whose clock is a day ahead has made a member, and nothing else in the group says so any
/// more: the membership can be ended all the same, and its end is later than its beginning.
#[tokio::test]
async fn a_membership_that_begins_tomorrow_can_end_today() {
    let mut told = Told::start().await;
    let mut by_digit = std::collections::BTreeMap::<String, Vec<String>>::new();
    let (lena, other) = loop {
        let number = by_digit.values().map(Vec::len).sum::<usize>();
        let name = format!("user{number}");
        let id = told.service.create_user(&name, json!({})).await;
        let same = by_digit.entry(id[..1].to_owned()).or_default();
        same.push(id);
        if let [one, two] = &same[..] {
            break (one.clone(), two.clone());
        }
    };
    let body = json!({"displayName": "North", "members": named(std::slice::from_ref(&other))});
    let group = told.service.post("/Groups", body).await.id();
    let path = format!("/Groups/{group}");
    told.service.app.clock = tomorrow;
    assert_eq!(told.service.patch(&path, adding(&lena)).await.status, 200);
    told.service.app.clock = OffsetDateTime::now_utc;
    // Their shard is of today again.
    let answer = told.service.delete(&format!("/Users/{other}")).await;
    assert_eq!(answer.status, 204);
    let answer = told.service.patch(&path, removing(&lena)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let events = told.events().await;
    assert_eq!(comparable(folded(&events)), shown(&told.service).await);
    assert_eq!(
        comparable(folded(events.iter().rev())),
        shown(&told.service).await
    );
}
