//! The counters of answers: what a tenant's requests came to, hour by hour.

use std::time::Duration;

use hellotracks_scim::instance::Instance;
use serde_json::json;
use store::usage::answers::AnswerCount;
use store::usage::refusals::RefusalCount;
use store::{Gate, Meter};
use time::OffsetDateTime;

use crate::keys::issue::{NOW, tenant};
use crate::keys::key_use::until;
use crate::support::clock::{date, passing_by_hand, passing_when_idle, set_date};
use crate::support::directory::DirectoryTable;
use crate::support::engine;
use crate::support::service::Service;
use stand::wire::{Fate, Wire};

/// What is counted of a tenant, hour by hour: succeeded, refused, failed, unlogged.
async fn counted(service: &Service, of: &str) -> Vec<[u64; 4]> {
    let hours = hours(service, of).await;
    let counts = |hour: &AnswerCount| [hour.succeeded, hour.refused, hour.failed, hour.unlogged];
    hours.iter().map(counts).collect()
}

async fn hours(service: &Service, of: &str) -> Vec<AnswerCount> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    let (store, of) = (&service.app.store, tenant(of));
    let directory = store.tenant(&of, &meter, &gate);
    directory.answers(OffsetDateTime::UNIX_EPOCH).await.unwrap()
}

/// Waits until so much is counted: what succeeds is written beside later requests.
async fn until_counted(service: &Service, expected: &[[u64; 4]]) {
    until(async || (counted(service, "acme").await == expected).then_some(())).await;
}

async fn succeed(service: &Service, times: usize) {
    for _ in 0..times {
        assert_eq!(service.get("/Schemas").await.status, 200);
    }
}

/// A small cycle that is alone is counted but for its last answer, which waits for the next
/// request, whosever it is.
#[tokio::test]
async fn a_small_cycle_is_counted() {
    let service = Service::start().await;
    let other = service.add_tenant("nova").await;
    succeed(&service, 4).await;
    until_counted(&service, &[[3, 0, 0, 0]]).await;
    let call = service.call("GET", "/Schemas").key(&other);
    assert_eq!(call.send().await.status, 200);
    until_counted(&service, &[[4, 0, 0, 0]]).await;
    assert_eq!(counted(&service, "nova").await, [[0; 4]; 0]);
    let hour = hours(&service, "acme").await.remove(0);
    let age = OffsetDateTime::now_utc() - hour.last;
    assert!(age < time::Duration::MINUTE, "{hour:?}");
    assert!((time::Duration::ZERO..time::Duration::HOUR).contains(&(hour.last - hour.hour)));
}

/// Each kind of answer, and what is refused takes along what has waited.
#[tokio::test]
async fn every_answer_counts_as_what_it_is() {
    let mut service = Service::start().await;
    let id = service.create_user("lena", json!({})).await;
    let user = format!("/Users/{id}");
    let known = service
        .call("GET", &user)
        .header("if-none-match", "W/\"1\"");
    assert_eq!(known.send().await.status, 304);
    assert_eq!(service.get("/Users/x").await.status, 404);
    until_counted(&service, &[[2, 1, 0, 0]]).await;
    // What SCIM has and the service has not is the client's.
    assert_eq!(service.get("/Me").await.status, 501);
    assert_eq!(counted(&service, "acme").await, [[2, 2, 0, 0]]);
    // A bulk request is one answer; its parts are in the counters of refusals.
    let delete = json!({"method": "DELETE", "path": "/Users/x"});
    let bulk = json!({"Operations": [delete, delete]});
    assert_eq!(service.post("/Bulk", bulk).await.status, 200);
    assert_eq!(service.get("/Users/x").await.status, 404);
    assert_eq!(counted(&service, "acme").await, [[3, 3, 0, 0]]);
    // A failure of the service: its writes come after the deadline has passed for its reads.
    service.app.config.request_deadline = Duration::from_secs(2);
    let store = service.app.store.clone();
    let prefix = uuid::Uuid::new_v4().simple().to_string();
    service.app.store = engine::empty_store(&prefix).await;
    assert!([500, 503].contains(&service.get("/Users/x").await.status));
    // Without its tables nobody knows whose key it is, so it is nobody's.
    service.app.store = store;
    assert_eq!(service.get("/Users/x").await.status, 404);
    assert_eq!(counted(&service, "acme").await, [[3, 4, 0, 0]]);
}

/// A failure is counted by its reason, logged, and counted with the answers, as far as DynamoDB
/// lets it.
#[tokio::test]
async fn failures_are_counted_and_logged() {
    let (mut service, _, prefix) = DirectoryTable::with_prefix().await;
    service.app.config.request_deadline = Duration::from_secs(8);
    // Transactions alone do not go through.
    let wire = Wire::start(engine::endpoint(), |operation, _| match operation {
        "TransactWriteItems" => Fate::Ignored,
        _ => Fate::Passed,
    })
    .await;
    service.app.store = engine::store_through(&wire.endpoint, &prefix).await;
    let post = service.post("/Users", json!({"userName": "lena"}));
    let operation = json!({"method": "POST", "path": "/Users", "data": {"userName": "otto"}});
    let bulk = service.post("/Bulk", json!({"Operations": [operation]}));
    let (post, bulk) = passing_when_idle(async { (post.await, bulk.await) }).await;
    assert_eq!((post.status, bulk.status), (503, 200), "{}", post.body);
    // The parts of a bulk request are no answers.
    assert_eq!(counted(&service, "acme").await, [[0, 0, 1, 0]]);
    let (meter, gate) = (Meter::default(), Gate::opened());
    let acme = tenant("acme");
    let directory = service.app.store.tenant(&acme, &meter, &gate);
    let refusals = directory.refusals(OffsetDateTime::UNIX_EPOCH).await;
    let refusals: Vec<_> = refusals.unwrap().into_iter().map(told).collect();
    let unavailable = |route: &str| (503, "unavailable".to_owned(), route.to_owned(), 1);
    assert_eq!(
        refusals,
        [unavailable("POST /Bulk"), unavailable("POST /Users")]
    );
    let log = super::requests::log_of(&service.app.store, &acme).await;
    let log: Vec<_> = log
        .iter()
        .map(|entry| (entry.status, entry.subject.user_name.as_deref()))
        .collect();
    assert_eq!(log, [(503, Some("lena")), (503, Some("otto"))]);
}

fn told(count: RefusalCount) -> (u16, String, String, u64) {
    (count.status, count.reason, count.route, count.count)
}

/// Bursts cost a write in ten seconds, and nothing is lost of them.
#[tokio::test]
async fn bursts_are_written_once_in_ten_seconds() {
    let (mut service, _, prefix) = DirectoryTable::with_prefix().await;
    let wire = Wire::start(engine::endpoint(), |_, _| Fate::Passed).await;
    service.app.store = engine::store_through(&wire.endpoint, &prefix).await;
    service.app.config.requests_per_second = 0;
    let writes = || wire.asked("UpdateItem directory H");
    passing_by_hand(async {
        // Beside each but the first: five, then none.
        succeed(&service, 50).await;
        assert_eq!(writes(), 5);
        for turn in 1..=3 {
            tokio::time::advance(Duration::from_secs(10)).await;
            succeed(&service, 50).await;
            assert_eq!(writes(), 5 + turn);
        }
        tokio::time::advance(Duration::from_secs(9)).await;
        succeed(&service, 1).await;
        assert_eq!(writes(), 8);
        tokio::time::advance(Duration::from_secs(1)).await;
        succeed(&service, 1).await;
    })
    .await;
    until(async || (writes() == 9).then_some(())).await;
    // All but the last.
    until_counted(&service, &[[201, 0, 0, 0]]).await;
    // Another instance counts for itself.
    service.app = Instance::new(service.app.store.clone(), service.app.config.clone());
    succeed(&service, 2).await;
    until_counted(&service, &[[202, 0, 0, 0]]).await;
}

/// What was answered in an hour is counted there, although it is written in the next.
#[tokio::test]
async fn an_answer_counts_in_its_hour() {
    let mut service = Service::start().await;
    service.app.clock = date;
    let in_hour = |minutes| NOW + time::Duration::minutes(minutes);
    for (minutes, times) in [(0, 3), (60, 1), (130, 2)] {
        set_date(in_hour(minutes));
        succeed(&service, times).await;
    }
    assert_eq!(service.get("/Users/x").await.status, 404);
    until_counted(&service, &[[3, 0, 0, 0], [1, 0, 0, 0], [2, 1, 0, 0]]).await;
    let last: Vec<_> = hours(&service, "acme")
        .await
        .iter()
        .map(|hour| hour.last)
        .collect();
    assert_eq!(last, [0, 60, 130].map(in_hour));
}

/// What comes with a key that has ended is counted beside a request that is served, and costs no
/// write of its own.
#[tokio::test]
async fn refusals_for_a_key_that_has_ended_wait() {
    let (mut service, _, prefix) = DirectoryTable::with_prefix().await;
    let wire = Wire::start(engine::endpoint(), |_, _| Fate::Passed).await;
    service.app.store = engine::store_through(&wire.endpoint, &prefix).await;
    let other = service.add_tenant("nova").await;
    let (store, meter) = (&service.app.store, Meter::default());
    store
        .set_enabled(&tenant("acme"), false, &meter)
        .await
        .unwrap();
    for _ in 0..3 {
        assert_eq!(service.get("/Users").await.status, 401);
    }
    assert_eq!(wire.asked("UpdateItem directory H"), 0);
    let call = service.call("GET", "/Schemas").key(&other);
    assert_eq!(call.send().await.status, 200);
    until_counted(&service, &[[0, 3, 0, 0]]).await;
    // A stranger's are not counted.
    let stranger = tenant::ApiKey::from_secret(&tenant("acme"), [9; 32]);
    let call = service.call("GET", "/Users").key(stranger.expose());
    assert_eq!(call.send().await.status, 401);
    let call = service.call("GET", "/Schemas").key(&other);
    assert_eq!(call.send().await.status, 200);
    until(async || (counted(&service, "nova").await == [[1, 0, 0, 0]]).then_some(())).await;
    assert_eq!(counted(&service, "acme").await, [[0, 3, 0, 0]]);
}

/// No request fails with the counters of what succeeds; what could not be written is written later.
#[tokio::test]
async fn what_cannot_be_written_is_written_later() {
    let (mut service, _, prefix) = DirectoryTable::with_prefix().await;
    let whole = service.app.store.clone();
    let wire = Wire::start(engine::endpoint(), |operation, _| match operation {
        "UpdateItem" => Fate::Refused,
        _ => Fate::Passed,
    })
    .await;
    service.app.store = engine::store_through(&wire.endpoint, &prefix).await;
    succeed(&service, 4).await;
    // Longer than the writes beside them are waited for.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(wire.asked("UpdateItem directory H") > 0);
    service.app.store = whole;
    // It takes along what has waited.
    assert_eq!(service.get("/Users/x").await.status, 404);
    until_counted(&service, &[[4, 1, 0, 0]]).await;
}
