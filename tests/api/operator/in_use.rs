//! The check of a directory, and its repair, while clients write: nothing that is right is changed,
//! and what is damaged is mended.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use futures_util::future::{join, join_all};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use store::audit::DefectKind;
use store::{Gate, Meter, TenantStore};
use tenant::TenantId;
use time::OffsetDateTime;

use crate::support::admin::Admin;
use crate::support::clock::{passing_by_hand, passing_when_idle};
use crate::support::directory::{DirectoryTable, number};
use crate::support::engine;
use crate::support::service::Service;
use stand::wire::Wire;

const A_WRITE: Duration = Duration::from_millis(20);

/// A service whose requests the clock knows of, and the operator's command line.
async fn start() -> (Service, DirectoryTable, Admin) {
    let wire = Wire::passing(engine::endpoint()).await;
    let (mut service, directory, admin) = Admin::at(&wire.endpoint).await;
    service.app.config.breaker.share_percent = 100;
    (service, directory, admin)
}

/// The directory of `acme`, for the operator.
fn acme<'a>(service: &'a Service, meter: &'a Meter, gate: &'a Gate) -> TenantStore<'a> {
    let acme = TenantId::parse("acme").unwrap();
    service.app.store.tenant(&acme, meter, gate)
}

/// Many users in few buckets, all written at the same time.
async fn users(service: &Service, count: usize) -> Vec<String> {
    let create = |user| async move {
        let attributes = json!({"externalId": format!("x-{user}")});
        service
            .create_user(&format!("user{user}"), attributes)
            .await
    };
    stream::iter(0..count)
        .map(create)
        .buffered(8)
        .collect()
        .await
}

/// One writer's work, again and again: creates, renames, deactivates, activates and deletes users
/// until there is enough.
async fn write(service: &Service, writer: usize, ids: &[String], is_enough: &AtomicBool) -> usize {
    let mut written = 0;
    for round in 0.. {
        if is_enough.load(Relaxed) {
            break;
        }
        let id = &ids[(writer + 7 * round) % ids.len()];
        let path = format!("/Users/{id}");
        let change = match round % 3 {
            0 => json!({"userName": format!("renamed-{writer}-{round}")}),
            1 => json!({"active": false, "externalId": format!("y-{writer}-{round}")}),
            _ => json!({"active": true}),
        };
        let operations = json!([{"op": "replace", "value": change}]);
        let answer = service.patch(&path, operations).await;
        assert!([200, 503].contains(&answer.status), "{}", answer.body);
        let name = format!("new-{writer}-{round}");
        let new = service
            .create_user(&name, json!({"externalId": name}))
            .await;
        assert_eq!(service.delete(&format!("/Users/{new}")).await.status, 204);
        written += 3;
        // Fifty writes a second: the check's pauses are full of them.
        tokio::time::advance(3 * A_WRITE).await;
    }
    written
}

/// Runs `work` while eight writers write.
async fn while_written<T>(
    service: &Service,
    ids: &[String],
    work: impl AsyncFnOnce() -> T,
) -> (T, usize) {
    let is_enough = AtomicBool::new(false);
    let writers = join_all((0..8).map(|writer| write(service, writer, ids, &is_enough)));
    let working = async {
        let outcome = Box::pin(work()).await;
        is_enough.store(true, Relaxed);
        outcome
    };
    let (outcome, written) = passing_by_hand(Box::pin(join(working, writers))).await;
    (outcome, written.into_iter().sum())
}

#[tokio::test]
async fn nothing_of_a_healthy_directory_in_use_is_repaired() {
    let (service, directory, admin) = start().await;
    let ids = users(&service, 60).await;
    let (checks, written) = while_written(&service, &ids, async || {
        let mut checks = Vec::new();
        for _ in 0..3 {
            checks.push(
                admin
                    .json("directory check acme --repair --reason drill")
                    .await,
            );
        }
        checks
    })
    .await;
    assert!(written > 50, "{written} writes");
    for (code, report) in checks {
        assert_eq!((code, &report["repaired"]), (0, &json!(0)), "{report}");
        assert_eq!(report["defects"], json!([]), "{report}");
    }
    directory.check("acme").await;
    let (code, report) = admin.json("directory check acme").await;
    assert_eq!(
        (code, &report["defects"], &report["inUse"]),
        (0, &json!([]), &json!([]))
    );
}

/// Every kind of damage that can be mended, in a directory in use.
#[tokio::test]
async fn a_damaged_directory_in_use_is_mended() {
    let (service, directory, admin) = start().await;
    let ids = users(&service, 60).await;
    // Those that the writers leave alone.
    let (still, busy) = ids.split_at(20);
    let lookup = |id: &String| format!("L#U#externalId#x-{}#{id}", position(&ids, id));
    for id in &still[..5] {
        directory.remove("acme", &lookup(id)).await;
        let guard = format!("N#U#userName#user{}", position(&ids, id));
        directory.remove("acme", &guard).await;
    }
    for id in &ids[..28] {
        let counter = format!("F#U#{}", &id[..4]);
        directory.plant_count("acme", &counter, "count", 9).await;
    }
    for id in &busy[..6] {
        let counter = format!("C#U#{}", &id[..2]);
        directory.plant_count("acme", &counter, "active", -3).await;
    }
    let stray = format!("L#U#externalId#nobody#{}", still[0]);
    directory.plant("acme", &stray, &[]).await;
    let ((_, report), written) = while_written(&service, busy, async || {
        admin
            .json("directory check acme --repair --reason drill")
            .await
    })
    .await;
    assert!(written > 20, "{written} writes");
    // What moved each time is left for a quieter hour.
    assert!(report["repaired"].as_u64().unwrap() >= 10, "{report}");
    let again = admin.json("directory check acme --repair --reason drill");
    let (code, report) = passing_when_idle(Box::pin(again)).await;
    assert_eq!((code, &report["defects"]), (0, &json!([])), "{report}");
    directory.check("acme").await;
}

fn position(ids: &[String], id: &String) -> usize {
    ids.iter().position(|other| other == id).unwrap()
}

/// A counter that is there and back between the two reads of each judgement, and a user that is
/// changed so: both are told as not judged, and nothing is repaired.
#[tokio::test]
async fn what_moves_each_time_is_not_judged() {
    let calm = Wire::passing(engine::endpoint()).await;
    let (service, directory, prefix) = DirectoryTable::at(&calm.endpoint).await;
    let id = service.create_user("lena", json!({})).await;
    let stray = format!("L#U#externalId#nobody#{id}");
    directory.plant("acme", &stray, &[]).await;
    let (service, id) = (std::sync::Arc::new(service), std::sync::Arc::new(id));
    let rival: stand::wire::Rival = {
        let (service, id) = (service.clone(), id.clone());
        Box::new(move || {
            let (service, id) = (service.clone(), id.clone());
            // A task of its own has the stack to itself.
            let work = tokio::spawn(async move {
                for active in [false, true] {
                    let change = json!([{"op": "replace", "path": "active", "value": active}]);
                    let answer = service.patch(&format!("/Users/{id}"), change).await;
                    assert_eq!(answer.status, 200, "{}", answer.body);
                }
            });
            Box::pin(async { work.await.unwrap() })
        })
    };
    let plan = |asked: &stand::wire::asked::Asked| match asked.label.as_str() {
        "Query directory C" | "GetItem directory C" | "GetItem directory L" => {
            stand::wire::Fate::Overtaken
        }
        _ => stand::wire::Fate::Passed,
    };
    let wire = Wire::planned(engine::endpoint(), plan, Some(rival)).await;
    let store = engine::troubled_store_through(&wire.endpoint, &prefix).await;
    let (meter, gate) = (Meter::default(), Gate::opened());
    let tenant = TenantId::parse("acme").unwrap();
    let disturbed = store.tenant(&tenant, &meter, &gate);
    let checking = async {
        let audit = disturbed.audit(OffsetDateTime::now_utc()).await.unwrap();
        let kinds: Vec<_> = audit.in_use.iter().map(|suspect| suspect.kind).collect();
        assert_eq!(audit.defects, []);
        assert_eq!(kinds, [DefectKind::StrayLookup, DefectKind::WrongCount]);
        for suspect in &audit.in_use {
            assert!(!disturbed.repair(suspect).await.unwrap(), "{suspect}");
        }
        // Once it is quiet, the one that is a defect is found and mended, and nothing else.
        let quiet = acme(&service, &meter, &gate);
        let audit = quiet.audit(OffsetDateTime::now_utc()).await.unwrap();
        let [defect] = &audit.defects[..] else {
            panic!("{audit:?}")
        };
        assert_eq!(
            (defect.kind, audit.in_use.len()),
            (DefectKind::StrayLookup, 0)
        );
        assert!(quiet.repair(defect).await.unwrap());
    };
    passing_when_idle(Box::pin(checking)).await;
    directory.check("acme").await;
}

/// A counter that was there and back while it was looked at is not set to what it was: its number
/// tells. It was damaged, a user is created and deleted in the middle of the repair, and the repair
/// begins again.
#[tokio::test]
async fn a_counter_that_moved_is_counted_again() {
    let calm = Wire::passing(engine::endpoint()).await;
    let (service, directory, prefix) = DirectoryTable::at(&calm.endpoint).await;
    let id = service.create_user("lena", json!({})).await;
    let counter = format!("F#U#{}", &id[..4]);
    directory.plant_count("acme", &counter, "count", 5).await;
    let seq = number(&directory.items("acme").await[&counter], "seq");

    let service = std::sync::Arc::new(service);
    let moves = std::sync::Arc::new(AtomicUsize::new(0));
    let rival: stand::wire::Rival = {
        let (service, moves, id) = (service.clone(), moves.clone(), id.clone());
        Box::new(move || {
            let (service, moves, id) = (service.clone(), moves.clone(), id.clone());
            // A task of its own has the stack to itself.
            let work = tokio::spawn(async move {
                moves.fetch_add(1, Relaxed);
                let path = format!("/Users/{id}");
                let deleted = service.delete(&path).await;
                assert_eq!(deleted.status, 204, "{}", deleted.body);
                Box::pin(restore(&service, &id)).await.unwrap();
            });
            Box::pin(async { work.await.unwrap() })
        })
    };
    let plan = |asked: &stand::wire::asked::Asked| match (asked.operation.as_str(), asked.before) {
        // The first repair is overtaken.
        ("TransactWriteItems", 0) => stand::wire::Fate::Overtaken,
        _ => stand::wire::Fate::Passed,
    };
    let wire = Wire::planned(engine::endpoint(), plan, Some(rival)).await;
    let store = engine::troubled_store_through(&wire.endpoint, &prefix).await;
    let (meter, gate) = (Meter::default(), Gate::opened());
    let tenant = TenantId::parse("acme").unwrap();
    let behind = store.tenant(&tenant, &meter, &gate);
    let repairing = async {
        let audit = Box::pin(behind.audit(OffsetDateTime::now_utc()))
            .await
            .unwrap();
        let [defect] = &audit.defects[..] else {
            panic!("{audit:?}")
        };
        assert_eq!(defect.kind, DefectKind::WrongCount);
        assert!(Box::pin(behind.repair(defect)).await.unwrap());
    };
    passing_when_idle(Box::pin(repairing)).await;
    assert_eq!(moves.load(Relaxed), 1);
    let mended = &directory.items("acme").await[&counter];
    // Deleted, restored, mended.
    assert_eq!(
        (number(mended, "count"), number(mended, "seq")),
        (1, seq + 3)
    );
    directory.check("acme").await;
}

async fn restore(service: &Service, id: &str) -> Result<(), store::StoreError> {
    use store::directory::record::{Actor, ChangeKind, Origin};
    let (meter, gate) = (Meter::default(), Gate::opened());
    let directory = acme(service, &meter, &gate);
    let id = scim::ResourceId::parse(id).unwrap();
    let users = &scim::schema::USERS;
    let tombstone = directory.tombstone(users, &id).await?.unwrap();
    let now = OffsetDateTime::now_utc();
    let origin = Origin {
        actor: Actor::Operator,
        operation: ChangeKind::Restore,
        request_id: "restore".to_owned(),
        at: now,
        expires: now + time::Duration::DAY,
        entry: None,
    };
    directory
        .restore(users, &tombstone, &origin)
        .await
        .map(drop)
}

/// Counters of before they had a number are read as number 0, and get one with the next write.
#[tokio::test]
async fn counters_without_a_number_are_judged_too() {
    let (service, directory, _) = start().await;
    let id = service.create_user("lena", json!({})).await;
    let counter = format!("C#U#{}", &id[..2]);
    // As an older version of the service wrote it, with a wrong count.
    directory.plant("acme", &counter, &[]).await;
    directory.plant_count("acme", &counter, "count", 4).await;
    directory.plant_count("acme", &counter, "active", 4).await;
    let (meter, gate) = (Meter::default(), Gate::opened());
    let store = acme(&service, &meter, &gate);
    let repairing = async {
        let audit = store.audit(OffsetDateTime::now_utc()).await.unwrap();
        let [defect] = &audit.defects[..] else {
            panic!("{audit:?}")
        };
        assert!(store.repair(defect).await.unwrap());
    };
    passing_when_idle(Box::pin(repairing)).await;
    let mended = &directory.items("acme").await[&counter];
    let numbers = ["count", "active", "seq"].map(|name| number(mended, name));
    assert_eq!(numbers, [1, 1, 1]);
    let path = format!("/Users/{id}");
    let operation: Value = json!([{"op": "replace", "path": "active", "value": false}]);
    assert_eq!(service.patch(&path, operation).await.status, 200);
    let written = &directory.items("acme").await[&counter];
    assert_eq!((number(written, "active"), number(written, "seq")), (0, 2));
    directory.check("acme").await;
}
