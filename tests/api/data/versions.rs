//! A version is later than the one before it, whatever the clocks say.

use futures_util::FutureExt as _;
use hellotracks_scim::instance::Instance;
use serde_json::json;
use stand::wire::{Fate, Rival, Wire};
use store::directory::history::{Record, Span};
use store::directory::record::ChangeRecord;
use store::{Gate, Meter};
use tenant::TenantId;
use time::{Duration, OffsetDateTime};

use crate::support::admin::Admin;
use crate::support::clock::{date, set_date};
use crate::support::directory::DirectoryTable;
use crate::support::engine;
use crate::support::service::Service;

/// A date that stands still, later than any other clock.
fn tomorrow() -> OffsetDateTime {
    (OffsetDateTime::now_utc() + Duration::DAY).truncate_to_millisecond()
}

async fn entitle(service: &Service, path: &str, title: &str) -> String {
    let operation = json!([{"op": "replace", "path": "title", "value": title}]);
    let answer = service.patch(path, operation).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    last_modified(&answer.body)
}

fn last_modified(user: &serde_json::Value) -> String {
    user["meta"]["lastModified"].as_str().unwrap().to_owned()
}

async fn history(service: &Service) -> Vec<ChangeRecord> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    let acme = TenantId::parse("acme").unwrap();
    let span = Span {
        from: OffsetDateTime::UNIX_EPOCH,
        to: tomorrow() + Duration::DAY,
    };
    let mut records = Vec::new();
    let directory = service.app.store.tenant(&acme, &meter, &gate);
    let read = directory.history(span, |record| {
        if let Record::Change(record) = record {
            records.push(record);
        }
        true
    });
    read.await.unwrap();
    records
}

/// Every way to make a version: creation, PATCH, PUT, deletion, and the operator's restore, whose
/// clock is a day behind.
#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_version_earlier() {
    let (mut service, directory, admin) = Admin::with_service().await;
    service.app.clock = date;
    let start = tomorrow();
    set_date(start);
    let id = service.create_user("lena", json!({})).await;
    let path = format!("/Users/{id}");
    let mut times = vec![entitle(&service, &path, "Lead").await];
    for (hours, title) in [(-1, "Digger"), (-30, "Chief")] {
        set_date(start + Duration::hours(hours));
        times.push(entitle(&service, &path, title).await);
    }
    let put = service.put(&path, json!({"userName": "lena.vega"})).await;
    times.push(last_modified(&put.body));
    assert_eq!(service.delete(&path).await.status, 204);
    assert_eq!(admin.run(&format!("user restore acme {id}")).await.0, 0);
    times.push(last_modified(&service.get(&path).await.body));
    set_date(start + Duration::SECOND);
    times.push(entitle(&service, &path, "Lead").await);
    let milliseconds = [1, 2, 3, 4, 6, 1000];
    assert_eq!(
        times,
        milliseconds.map(|later| scim::resource::rfc3339(start + Duration::milliseconds(later)))
    );
    let versions: Vec<u64> = history(&service)
        .await
        .iter()
        .map(|it| it.version)
        .collect();
    assert_eq!(versions, [1, 2, 3, 4, 5, 6, 7, 8]);
    directory.check("acme").await;
}

/// The service over a wire, whose clock is the test's.
async fn over(wire: &Wire, of: &Service, prefix: &str) -> Service {
    let store = engine::troubled_store_through(&wire.endpoint, prefix).await;
    let mut app = Instance::new(store, of.app.config.clone());
    app.clock = date;
    Service {
        app,
        key: of.key.clone(),
    }
}

/// One request overtakes another, on an instance whose clock is five seconds ahead. Who pulls the
/// changes in between finds the one that comes after.
#[tokio::test]
async fn a_pull_between_requests_that_cross_misses_no_version() {
    let (mut ahead, directory, prefix) = DirectoryTable::with_prefix().await;
    ahead.app.clock = date;
    let start = tomorrow();
    set_date(start);
    let path = format!("/Users/{}", ahead.create_user("lena", json!({})).await);
    let ahead = std::sync::Arc::new(ahead);
    let pulled = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let rival: Rival = {
        let (ahead, path, pulled) = (ahead.clone(), path.clone(), pulled.clone());
        Box::new(move || {
            let (ahead, path, pulled) = (ahead.clone(), path.clone(), pulled.clone());
            async move {
                set_date(start + Duration::seconds(5));
                let written = entitle(&ahead, &path, "Lead").await;
                *pulled.lock().unwrap() = written;
                set_date(start);
            }
            .boxed()
        })
    };
    let plan = |asked: &stand::wire::asked::Asked| match (asked.operation.as_str(), asked.before) {
        ("TransactWriteItems", 0) => Fate::Overtaken,
        _ => Fate::Passed,
    };
    let wire = Wire::planned(engine::endpoint(), plan, Some(rival)).await;
    let behind = over(&wire, &ahead, &prefix).await;
    let change = json!([{"op": "replace", "path": "nickName", "value": "L"}]);
    let answer = behind.patch(&path, change).await;
    assert_eq!(
        (answer.status, answer.header("etag")),
        (200, "W/\"3\""),
        "{}",
        answer.body
    );
    let pulled = pulled.lock().unwrap().clone();
    assert!(last_modified(&answer.body) > pulled);
    let pull = ahead
        .find(&format!("meta.lastModified gt \"{pulled}\""))
        .await;
    assert_eq!(pull.ids().len(), 1, "{}", pull.body);
    let versions: Vec<u64> = history(&ahead).await.iter().map(|it| it.version).collect();
    assert_eq!(versions, [1, 2, 3]);
    directory.check("acme").await;
}

/// A request that waits before it writes, here for the check of its key, makes a version of the
/// time of its write.
#[tokio::test]
async fn a_version_is_of_the_time_of_its_write() {
    let (mut service, _, prefix) = DirectoryTable::with_prefix().await;
    service.app.clock = date;
    let start = tomorrow();
    set_date(start);
    let path = format!("/Users/{}", service.create_user("lena", json!({})).await);
    let later = start + Duration::seconds(5);
    let rival: Rival = Box::new(move || async move { set_date(later) }.boxed());
    let plan = |asked: &stand::wire::asked::Asked| match asked.label.as_str() {
        "GetItem secrets KEY" => Fate::Overtaken,
        _ => Fate::Passed,
    };
    let wire = Wire::planned(engine::endpoint(), plan, Some(rival)).await;
    let slow = over(&wire, &service, &prefix).await;
    let written = entitle(&slow, &path, "Lead").await;
    assert_eq!(written, scim::resource::rfc3339(later));
    let bulk = json!({"Operations": [{"method": "POST", "path": "/Users", "bulkId": "a",
        "data": {"userName": "max"}}]});
    set_date(start);
    assert_eq!(slow.post("/Bulk", bulk).await.status, 200);
    let max = service.find("userName eq \"max\"").await;
    assert_eq!(
        last_modified(&max.body["Resources"][0]),
        scim::resource::rfc3339(later)
    );
}
