//! A bulk request means what its operations mean one after another: the same requests, sent singly
//! to another tenant, get the same answers and leave the same directory.
//!
//! Calls of the bulk requests reach DynamoDB late by chance, so that operations meet in every
//! order. The clock goes on only while nothing is under way.

mod script; // operations that have to do with each other, known ones and by chance
mod tenants; // runs them in both ways, and says what differs

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use hellotracks_scim::instance::Instance;
use serde_json::{Value, json};
use stand::wire::asked::Asked;
use stand::wire::{Fate, Rival, Wire};

use crate::support::clock::passing_when_idle;
use crate::support::directory::DirectoryTable;
use crate::support::engine;
use crate::support::service::Service;
use script::{SHAPES, by_chance, patch};
use tenants::{Stand, wrong};

#[tokio::test]
async fn what_one_operation_frees_the_next_can_take() {
    const ROUNDS: usize = 30;
    let wrong = Box::pin(passing_when_idle(async {
        let stand = Stand::start(1).await;
        let scripts = SHAPES.iter().enumerate().flat_map(|(number, (_, shape))| {
            (0..ROUNDS).map(move |round| shape(&format!("s{number}r{round}")))
        });
        wrong(&stand, scripts.collect()).await
    }))
    .await;
    for (number, (shape, _)) in SHAPES.iter().enumerate() {
        let of_shape = |name: &&String| name.starts_with(&format!("s{number}r"));
        let count = wrong.keys().filter(of_shape).count();
        println!("{shape}: {count} of {ROUNDS} wrong");
    }
    assert!(wrong.is_empty(), "{}", wrong.values().next().unwrap());
}

/// Each seed on a thread, and in an engine, of its own.
#[test]
fn any_bulk_request_is_its_operations_one_after_another() {
    const SEEDS: u64 = 5;
    const SCRIPTS: usize = 48;
    let of_seed = |seed: u64| {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(passing_when_idle(async {
            let stand = Stand::start(seed).await;
            let mut chance = Rng::with_seed(seed);
            let scripts = (0..SCRIPTS).map(|round| by_chance(&mut chance, &format!("r{round}")));
            Box::pin(wrong(&stand, scripts.collect())).await
        }))
    };
    let wrong: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..SEEDS)
            .map(|seed| scope.spawn(move || of_seed(seed)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let wrong: Vec<&String> = wrong.iter().flat_map(BTreeMap::values).collect();
    let count = wrong.len();
    assert!(wrong.is_empty(), "{count} are wrong, such as {}", wrong[0]);
}

/// What the answers to `DELETE lena, POST otto` are while somebody else calls a user Otto, after
/// the service has found out that nobody is.
async fn while_somebody_is_called_otto(is_lena: bool) -> Vec<String> {
    let endpoint = engine::own_endpoint();
    let calm = Wire::passing(&endpoint).await;
    let (service, _, prefix) = DirectoryTable::at(&calm.endpoint).await;
    let lena = service.create_user("lena", json!({})).await;
    let max = service.create_user("max", json!({})).await;
    let path = format!("/Users/{}", if is_lena { &lena } else { &max });
    let service = Arc::new(service);
    let calm_service = service.clone();
    let rename = json!([{"op": "replace", "path": "userName", "value": "otto"}]);
    let rival: Rival = Box::new(move || {
        let (service, path, rename) = (calm_service.clone(), path.clone(), rename.clone());
        Box::pin(async move {
            let renamed = Box::pin(service.patch(&path, rename));
            assert_eq!(renamed.await.status, 200);
        })
    });
    // The rival comes before Lena is read; the creation before her deletion.
    let plan = |asked: &Asked| match (asked.label.as_str(), asked.before) {
        ("GetItem directory U", 0) => Fate::Overtaken,
        ("TransactWriteItems directory U", 0) => Fate::Held(Duration::from_millis(200)),
        ("TransactWriteItems directory U", 1) => Fate::Held(Duration::from_millis(600)),
        _ => Fate::Passed,
    };
    let wire = Wire::planned(&endpoint, plan, Some(rival)).await;
    let store = stand::tenant::connect(&wire.endpoint, engine::tables(&prefix)).await;
    let disturbed = Service {
        app: Instance::new(store, service.app.config.clone()),
        key: service.key.clone(),
    };
    let body = json!({"Operations": [
        {"method": "DELETE", "path": format!("/Users/{lena}")},
        {"method": "POST", "path": "/Users", "data": {"userName": "otto"}},
    ]});
    let answer = Box::pin(disturbed.post("/Bulk", body)).await;
    let operations = answer.body["Operations"].as_array().unwrap();
    operations
        .iter()
        .map(|operation| operation["status"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_name_that_a_deleted_user_got_meanwhile_is_free_all_the_same() {
    let statuses = passing_when_idle(Box::pin(while_somebody_is_called_otto(true))).await;
    assert_eq!(statuses, ["204", "201"]);
    // That it is tried again changes nothing for a name that stays taken.
    let statuses = passing_when_idle(Box::pin(while_somebody_is_called_otto(false))).await;
    assert_eq!(statuses, ["204", "409"]);
}

/// How many times as long as a call of DynamoDB a bulk request takes.
async fn rounds(operations: impl Fn(&[String]) -> Vec<Value>) -> u128 {
    const CALL: Duration = Duration::from_millis(100);
    // Due a little before the step of the clock at which it is seen.
    let slow = || Fate::Slow(CALL - Duration::from_millis(10));
    let endpoint = engine::own_endpoint();
    let calm = Wire::passing(&endpoint).await;
    let (service, _, prefix) = DirectoryTable::at(&calm.endpoint).await;
    let mut ids = Vec::new();
    for user in 0..20 {
        ids.push(service.create_user(&format!("user{user}"), json!({})).await);
    }
    let wire = Wire::start(&endpoint, move |_, _| slow()).await;
    let store = stand::tenant::connect(&wire.endpoint, engine::tables(&prefix)).await;
    let slow = Service {
        app: Instance::new(store, service.app.config.clone()),
        key: service.key.clone(),
    };
    let started = tokio::time::Instant::now();
    let body = json!({"Operations": operations(&ids)});
    let answer = Box::pin(slow.post("/Bulk", body)).await;
    for operation in answer.body["Operations"].as_array().unwrap() {
        assert!(["200", "201"].contains(&operation["status"].as_str().unwrap()));
    }
    started.elapsed().as_millis() / CALL.as_millis()
}

/// Eight at a time, after a round for the key and, where some operations could free names that
/// others take, one for who has these.
#[tokio::test]
async fn what_has_nothing_to_do_with_each_other_runs_at_once() {
    let create = |user| json!({"method": "POST", "path": "/Users", "data": {"userName": format!("new{user}")}});
    let title = |id: &String| json!({"method": "PATCH", "path": format!("/Users/{id}"), "data": patch(json!({"title": "Lead"}))});
    let creations = |_: &[String]| (0..40).map(create).collect();
    let changes = |ids: &[String]| ids.iter().map(title).collect();
    let both = |ids: &[String]| ids.iter().map(title).chain((0..40).map(create)).collect();
    let one_by_one = |ids: &[String]| (0..20).map(|_| title(&ids[0])).collect();
    let rounds = passing_when_idle(async {
        [
            Box::pin(rounds(creations)).await,
            Box::pin(rounds(changes)).await,
            Box::pin(rounds(both)).await,
            Box::pin(rounds(one_by_one)).await,
        ]
    })
    .await;
    println!("{rounds:?}");
    assert_eq!(rounds, [1 + 5, 1 + 3 * 2, 1 + 1 + 10, 1 + 21]);
}
