//! The rate of requests with one key: far above any client's, the same for all instances of the
//! function together, and never a reason to fail.

use std::time::Duration;

use futures_util::future::join_all;
use hellotracks_scim::instance::Instance;
use serde_json::{Value, json};
use store::{Gate, Meter};
use tenant::ApiKey;
use time::OffsetDateTime;

use crate::keys::issue::{NOW, key, tenant};
use crate::keys::key_use::until;
use crate::requests::http::gzip;
use crate::requests::pages::fill;
use crate::support::capture::cost;
use crate::support::clock::{date, passing_when_idle, set_date};
use crate::support::directory::DirectoryTable;
use crate::support::engine;
use crate::support::service::{Answer, Call, Service, query};
use stand::wire::{Fate, Wire};

/// What every instance serves without asking, and what it leases at a time.
const FREE: usize = 20;
const LEASE: usize = 50;

/// A date in the middle of a window of ten seconds, seven seconds before the next begins.
const IN_A_WINDOW: OffsetDateTime = NOW.saturating_add(time::Duration::seconds(3));
const NEXT_WINDOW: OffsetDateTime = NOW.saturating_add(time::Duration::seconds(10));

/// A service that accepts this number of requests per second and key. The date stands still.
async fn limited(per_second: u32) -> Service {
    let mut service = Service::start().await;
    set_date(IN_A_WINDOW);
    service.app.clock = date;
    service.app.config.requests_per_second = per_second;
    service
}

/// The same with 500 users of 2.3 KB, who were added an hour before.
async fn limited_with_users(per_second: u32) -> Service {
    let mut service = limited(per_second).await;
    set_date(IN_A_WINDOW - time::Duration::HOUR);
    service.app.config.requests_per_second = 1_000;
    fill(&service, 500, |_| json!({"title": "x".repeat(2_000)})).await;
    service.app.config.requests_per_second = per_second;
    set_date(IN_A_WINDOW);
    service
}

/// Another instance of the same function.
fn instance(of: &Service) -> Service {
    let mut app = Instance::new(of.app.store.clone(), of.app.config.clone());
    app.clock = of.app.clock;
    Service {
        app,
        key: of.key.clone(),
    }
}

/// Checks that this is a refusal, and returns the number of seconds after which it ends.
fn refused(answer: &Answer) -> u64 {
    let detail = answer.error(429, "");
    assert!(detail.contains("API-KEY"), "{detail}");
    let seconds = answer.header("retry-after").parse().unwrap();
    assert!((1..=10).contains(&seconds), "{seconds}");
    assert!(detail.contains(&format!("in {seconds} s")), "{detail}");
    seconds
}

/// Sends requests one after the other until one is refused, and returns how many were not.
async fn exhaust(service: &Service) -> (usize, Answer) {
    for served in 0..5_000 {
        let answer = service.get("/Schemas").await;
        if answer.status != 200 {
            return (served, answer);
        }
    }
    panic!("nothing is refused");
}

#[tokio::test]
async fn a_refusal_says_when_it_ends() {
    let service = limited(6).await;
    let (served, answer) = exhaust(&service).await;
    assert!(served >= 60, "{served}");
    assert_eq!(refused(&answer), 7);
    for (method, path) in [("GET", "/Users"), ("POST", "/Bulk"), ("GET", "/Nothing")] {
        let call = service.call(method, path).json(json!({"Operations": []}));
        assert_eq!(refused(&call.send().await), 7, "{method} {path}");
    }
    set_date(NEXT_WINDOW - time::Duration::milliseconds(1));
    assert_eq!(refused(&service.get("/Users").await), 1);
    set_date(NEXT_WINDOW);
    assert_eq!(service.get("/Users").await.status, 200);
}

#[tokio::test]
async fn every_key_has_a_rate_of_its_own() {
    let service = limited(6).await;
    let other_tenant = format!("acme-{}", uuid::Uuid::new_v4().simple());
    let key_of_other = service.add_tenant(&other_tenant[..20]).await;
    let second = ApiKey::from_secret(
        &tenant("acme"),
        *uuid::Uuid::new_v4()
            .as_bytes()
            .repeat(2)
            .first_chunk()
            .unwrap(),
    );
    let now = OffsetDateTime::now_utc();
    let store = &service.app.store;
    store
        .create_key(&second, "second", now, None, &Meter::default())
        .await
        .unwrap();
    exhaust(&service).await;
    for key in [second.expose(), &key_of_other] {
        let answer = service.call("GET", "/Schemas").key(key).send().await;
        assert_eq!(answer.status, 200);
    }
}

/// Whoever has no valid key uses up nobody's rate, and is told nothing of it.
#[tokio::test]
async fn strangers_use_up_nothing() {
    let service = limited(1).await;
    let stranger = key(&tenant("acme"), 99);
    let operations: Vec<Value> = (0..1000)
        .map(|_| json!({"method": "DELETE", "path": "/Users/x"}))
        .collect();
    let bulk = json!({"Operations": operations});
    for _ in 0..40 {
        let call = service.call("POST", "/Bulk").json(bulk.clone());
        call.key(stranger.expose()).send().await.error(401, "");
    }
    let fresh = instance(&service);
    assert_eq!(fresh.get("/Schemas").await.status, 200);
    exhaust(&service).await;
    let call = service.call("GET", "/Schemas").key(stranger.expose());
    call.send().await.error(401, "");
}

/// Lambda starts as many instances as there are requests at a time. Together they let through what
/// is accepted, and little more.
#[tokio::test]
async fn the_rate_holds_across_instances() {
    const PER_SECOND: usize = 20;
    const INSTANCES: usize = 3;
    let first = limited(PER_SECOND as u32).await;
    let instances = [instance(&first), instance(&first), first];
    let served = join_all(instances.iter().map(exhaust)).await;
    let total: usize = served.iter().map(|(served, _)| served).sum();
    let accepted = PER_SECOND * 10;
    let bound = accepted + INSTANCES * (FREE + LEASE);
    assert!((accepted..=bound).contains(&total), "{total} of {bound}");
    for (_, answer) in &served {
        refused(answer);
    }
}

/// The shares of many leases at a time add up, and a new window begins at nothing.
#[tokio::test]
async fn leases_race() {
    let store = engine::store().await;
    let (meter, gate) = (Meter::default(), Gate::opened());
    let acme = store.tenant(&tenant("acme"), &meter, &gate);
    let key = key(&tenant("acme"), 1).id();
    for window in [7, 8, 20] {
        let leases = (0..12).map(|_| acme.lease(&key, window, 50));
        let mut leased: Vec<u64> = join_all(leases)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        leased.sort_unstable();
        let expected: Vec<u64> = (1..=12).map(|lease| lease * 50).collect();
        assert_eq!(leased, expected, "window {window}");
    }
    // An instance whose clock is behind changes nothing for the others.
    assert_eq!(acme.lease(&key, 19, 50).await.unwrap(), 50);
    assert_eq!(acme.lease(&key, 20, 50).await.unwrap(), 650);
    acme.note_use(&key, OffsetDateTime::now_utc())
        .await
        .unwrap();
    assert_eq!(acme.lease(&key, 20, 50).await.unwrap(), 700);
}

/// The default absorbs a burst, and what that costs is a write for 50 requests, beside them.
#[tokio::test]
async fn a_burst_is_absorbed() {
    let (mut service, _, prefix) = DirectoryTable::with_prefix().await;
    let wire = Wire::start(crate::support::engine::endpoint(), |_, _| Fate::Passed).await;
    service.app.store = engine::store_through(&wire.endpoint, &prefix).await;
    assert_eq!(service.app.config.requests_per_second, 500);
    set_date(IN_A_WINDOW);
    service.app.clock = date;
    for _ in 0..400 {
        let (answer, cost) = cost(service.call("GET", "/Schemas")).await;
        assert_eq!((answer.status, cost), (200, [1.0, 1.0, 0.0]));
    }
    let updates = wire.asked("UpdateItem directory K");
    // The record of the use; 380 requests leased by fifty, the first time in two steps.
    assert!((8..=10).contains(&updates), "{updates}");
    // Answers are counted together after the first five.
    let counts = wire.asked("UpdateItem directory H");
    assert!((5..=7).contains(&counts), "{counts}");
}

/// A bulk request is as many requests as it has operations, and is refused before any of them.
#[tokio::test]
async fn a_bulk_request_counts_its_operations() {
    let service = limited(50).await;
    let of = |count: usize| {
        let create = |user| json!({"method": "POST", "path": "/Users", "bulkId": format!("b{user}"), "data": {"userName": format!("user{user}"), "active": "maybe"}});
        json!({"Operations": (0..count).map(create).collect::<Vec<_>>()})
    };
    for _ in 0..2 {
        assert_eq!(service.post("/Bulk", of(100)).await.status, 200);
    }
    // The largest one is served, and leased next to it.
    assert_eq!(service.post("/Bulk", of(1000)).await.status, 200);
    let answer = until(async || {
        let answer = service.post("/Bulk", of(2)).await;
        (answer.status == 429).then_some(answer)
    })
    .await;
    refused(&answer);
    refused(&service.get("/Users").await);
}

/// How many requests of this kind are served in a window, and the refusal.
async fn served(of: &Service, call: impl Fn(&Service) -> Call<'_>) -> usize {
    let service = instance(of);
    for served in 0..2_000 {
        let answer = call(&service).send().await;
        if answer.status == 429 {
            refused(&answer);
            return served;
        }
    }
    panic!("nothing is refused");
}

/// A request counts as what it costs: the rate that serves hundreds of match queries serves a few
/// lists that read the directory, and as few large bodies.
#[tokio::test]
async fn a_dear_request_counts_as_many() {
    let service = limited_with_users(40).await;
    let mut seconds = 0;
    let mut served = async |call: &dyn Fn(&Service) -> Call<'_>| {
        seconds += 10;
        set_date(IN_A_WINDOW + time::Duration::seconds(seconds));
        served(&service, call).await
    };
    // What Entra sends counts once: the rate of the window, and what the last lease adds.
    let found = query(&[("filter", "userName eq \"user0001\"")]);
    let found = format!("/Users?{found}");
    let match_queries = served(&|service| service.call("GET", &found)).await;
    assert!((400..=470).contains(&match_queries), "{match_queries}");
    // 500 users of 2.3 KB are 300 units, and 8 units are a request.
    let all = "/Users?filter=title+pr&count=1";
    let lists = served(&|service| service.call("GET", all)).await;
    assert!((9..=13).contains(&lists), "{lists}");
    // A body of 512 KB counts as 32, whether it is refused for what it says or not.
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(512 * 1024));
    let bodies = served(&|service| {
        let call = service.call("POST", "/Users").json(json!({}));
        call.body(&large)
    })
    .await;
    assert!((12..=15).contains(&bodies), "{bodies}");
    // An encoded one counts as what it decodes to.
    let encoded = gzip(large.as_bytes());
    let bodies = served(&|service| {
        let call = service.call("POST", "/Users").json(json!({}));
        call.header("content-encoding", "gzip").bytes(&encoded)
    })
    .await;
    assert!((12..=15).contains(&bodies), "{bodies}");
}

/// What a request has cost is known to the other instances before it is answered.
#[tokio::test]
async fn a_debt_is_everybody_s() {
    let service = limited_with_users(2).await;
    let others: Vec<_> = (0..3).map(|_| instance(&service)).collect();
    let list = "/Users?filter=title+pr&count=1";
    assert_eq!(service.get(list).await.status, 200);
    for other in &others {
        // Each serves what it may without asking, and is told once it asks.
        let (served, answer) = exhaust(other).await;
        assert!(served <= FREE + LEASE, "{served}");
        refused(&answer);
    }
    set_date(NEXT_WINDOW);
    assert_eq!(service.get(list).await.status, 200);
}

/// As long as DynamoDB does not lease, nobody is refused, and nobody waits.
#[tokio::test]
async fn no_lease_is_no_refusal() {
    for fate in [Fate::Ignored, Fate::Throttled, Fate::Refused] {
        let (mut service, _, prefix) = DirectoryTable::with_prefix().await;
        let wire =
            Wire::start(
                crate::support::engine::endpoint(),
                move |operation, _| match operation {
                    "UpdateItem" => fate,
                    _ => Fate::Passed,
                },
            )
            .await;
        service.app.store = engine::store_through(&wire.endpoint, &prefix).await;
        set_date(IN_A_WINDOW);
        service.app.clock = date;
        service.app.config.requests_per_second = 1;
        // Waiting for a lease would take two seconds on this clock, until the end of its first
        // attempt.
        let requests = Box::pin(async {
            for _ in 0..150 {
                let started = tokio::time::Instant::now();
                assert_eq!(service.get("/Schemas").await.status, 200, "{fate:?}");
                let elapsed = started.elapsed();
                assert!(elapsed < Duration::from_secs(1), "{fate:?}: {elapsed:?}");
            }
        });
        passing_when_idle(requests).await;
    }
}

#[tokio::test]
async fn no_rate_is_no_lease() {
    let (mut service, _, prefix) = DirectoryTable::with_prefix().await;
    let wire = Wire::start(crate::support::engine::endpoint(), |_, _| Fate::Passed).await;
    service.app.store = engine::store_through(&wire.endpoint, &prefix).await;
    service.app.config.requests_per_second = 0;
    for _ in 0..100 {
        assert_eq!(service.get("/Schemas").await.status, 200);
    }
    assert_eq!(
        wire.asked("UpdateItem directory K"),
        1,
        "only the use is noted"
    );
}
