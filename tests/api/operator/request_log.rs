//! How the log of requests is written and read: bounded, beside the answer, and whatever is in it.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use store::directory::history::Span;
use store::{Gate, Meter};
use time::OffsetDateTime;

use super::requests::{by, log};
use crate::keys::issue::tenant;
use crate::support::capture::logged_text;
use crate::support::clock::{passing_by_hand, passing_when_idle};
use crate::support::directory::{DirectoryTable, Item};
use crate::support::engine;
use crate::support::service::Service;
use stand::wire::{Fate, Wire};

/// However many requests are refused, sixty are logged at once and one a second; the counters tell
/// how many are not.
#[tokio::test]
async fn it_is_bounded_and_tells_what_it_leaves_out() {
    let service = Service::start().await;
    let (store, acme) = (&service.app.store, tenant("acme"));
    let (meter, gate) = (Meter::default(), Gate::opened());
    let directory = store.tenant(&acme, &meter, &gate);
    let operation = |number: usize| json!({"method": "DELETE", "path": format!("/Users/{number}")});
    let operations: Vec<_> = (0..1000).map(operation).collect();
    passing_by_hand(async {
        let bulk = service
            .post("/Bulk", json!({"Operations": operations}))
            .await;
        assert_eq!(bulk.status, 200);
        assert_eq!(log(&service).await.len(), 60);
        let since = OffsetDateTime::now_utc() - time::Duration::HOUR;
        let unlogged = async || {
            let refusals = directory.refusals(since).await.unwrap();
            refusals
                .iter()
                .map(|count| (count.count, count.unlogged))
                .collect::<Vec<_>>()
        };
        assert_eq!(unlogged().await, [(1000, 940)]);
        let get = async |count: usize| {
            for number in 0..count {
                let call = service
                    .call("GET", "/Users/x")
                    .request_id(&format!("{number}"));
                assert_eq!(call.send().await.status, 404);
            }
        };
        get(3).await;
        assert_eq!(unlogged().await, [(3, 3), (1000, 940)]);
        tokio::time::advance(Duration::from_secs(2)).await;
        get(3).await;
        assert_eq!(unlogged().await, [(6, 4), (1000, 940)]);
        assert_eq!(log(&service).await.len(), 62);
        // A change that leaves something out is counted with the answers.
        let ignored = json!({"userName": "lena", "shoeSize": 39});
        assert_eq!(service.post("/Users", ignored).await.status, 201);
        get(1).await;
        assert_eq!(log(&service).await.len(), 62);
        let answers = directory.answers(since).await.unwrap();
        let sum: u64 = answers.iter().map(|hour| hour.unlogged).sum();
        assert_eq!(sum, 940 + 4 + 1 + 1);
    })
    .await;
}

/// The items as DynamoDB has them: small, and with nothing but what they are for, whatever a client
/// sends.
#[tokio::test]
async fn entries_are_small_and_hold_neither_bodies_nor_headers() {
    let (service, directory) = DirectoryTable::with_service().await;
    let long = "é".repeat(60_000);
    let mut deep = json!("SECRET-BODY");
    for _ in 0..100 {
        deep = json!({"a": deep});
    }
    let attributes = (0..2000).map(|number| (format!("attribute{number}"), json!("SECRET-BODY")));
    let mut many: serde_json::Map<_, _> = attributes.collect();
    many.insert("active".to_owned(), json!("maybe"));
    let bodies = [
        json!({"userName": long, "externalId": long, "displayName": long, "active": "maybe"}),
        json!({"userName": "lena", "deep": deep, "password": "SECRET-BODY", "active": 7}),
        Value::Object(many),
        json!({"userName": {"value": deep}, "SECRET BODY": 7}),
    ];
    let operations: Vec<_> = (0..2000)
        .map(|number| json!({"op": "add", "path": format!("emails[value eq \"SECRET-BODY\"].x{number}"), "value": "SECRET-BODY"}))
        .collect();
    let calls = bodies
        .into_iter()
        .map(|body| service.call("POST", "/Users").json(body));
    let patch = service
        .call("PATCH", &format!("/Users/{long}"))
        .json(json!({"Operations": operations}));
    let list = service.call(
        "GET",
        &by(&format!("userName eq \"{}\" and", "n".repeat(3000))),
    );
    for (number, call) in calls.chain([patch, list]).enumerate() {
        let call = call
            .request_id(&format!("id-{number}"))
            .header("user-agent", "SECRET-HEADER");
        let (answer, text) = logged_text(call.header("if-match", "SECRET-HEADER").send()).await;
        assert!([400, 404].contains(&answer.status), "{}", answer.body);
        assert!(!text.contains("SECRET"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
    let items = directory.items("acme").await;
    let log: Vec<_> = items
        .iter()
        .filter(|(key, _)| key.starts_with("P#"))
        .collect();
    assert_eq!(log.len(), 6);
    let secret = service.key.rsplit('_').nth(1).unwrap();
    for (sort_key, item) in log {
        let text = format!("{item:?}");
        for word in ["SECRET", "Bearer", secret] {
            assert!(!text.contains(word), "{text}");
        }
        let size = size(item);
        assert!(size < 2048, "{size} {sort_key}");
        assert!(item.contains_key("expires_at"));
    }
}

/// The length of an item, as DynamoDB bills it.
fn size(item: &Item) -> usize {
    use aws_sdk_dynamodb::types::AttributeValue as Value;
    let value = |value: &Value| match value {
        Value::S(text) | Value::N(text) => text.len(),
        Value::L(list) => {
            3 + list
                .iter()
                .map(|text| text.as_s().unwrap().len() + 1)
                .sum::<usize>()
        }
        other => panic!("{other:?}"),
    };
    item.iter().map(|(name, of)| name.len() + value(of)).sum()
}

/// The counters and the log are written at once: however long DynamoDB takes for a write, a refusal
/// waits as long for one.
#[tokio::test]
async fn a_refusal_waits_for_one_write_and_not_for_several() {
    const DELAY: Duration = Duration::from_millis(150);
    let (mut service, _, prefix) = DirectoryTable::with_prefix().await;
    let wire = Wire::start(engine::endpoint(), |operation, _| match operation {
        "UpdateItem" | "PutItem" => Fate::Held(DELAY),
        _ => Fate::Passed,
    })
    .await;
    service.app.store = engine::store_through(&wire.endpoint, &prefix).await;
    let elapsed = passing_when_idle(async {
        let started = tokio::time::Instant::now();
        assert_eq!(service.get("/Users/x").await.status, 404);
        started.elapsed()
    })
    .await;
    assert!((DELAY..2 * DELAY).contains(&elapsed), "{elapsed:?}");
    assert_eq!(log(&service).await.len(), 1);
    let labels = [
        "PutItem directory P",
        "UpdateItem directory H",
        "UpdateItem directory R",
    ];
    assert!(
        labels.iter().all(|label| wire.asked(label) == 1),
        "{:?}",
        wire.labels()
    );
}

/// When nothing can be written the answer comes all the same, soon, and the operator is told once.
#[tokio::test]
async fn an_answer_does_not_depend_on_the_log() {
    for fate in [Fate::Ignored, Fate::Refused, Fate::Throttled] {
        let (mut service, _, prefix) = DirectoryTable::with_prefix().await;
        let wire = Wire::start(engine::endpoint(), move |operation, _| match operation {
            "UpdateItem" | "PutItem" => fate,
            _ => Fate::Passed,
        })
        .await;
        service.app.store = engine::store_through(&wire.endpoint, &prefix).await;
        let (elapsed, text) = logged_text(passing_when_idle(async {
            let started = tokio::time::Instant::now();
            assert_eq!(service.get("/Users/x").await.status, 404);
            started.elapsed()
        }))
        .await;
        assert!(elapsed < Duration::from_millis(400), "{elapsed:?}");
        let warnings = text.matches("could not be counted").count();
        assert_eq!(warnings, 1, "{text}");
    }
}

/// An entry that a later version has written, or that is damaged, hides no other.
#[tokio::test]
async fn entries_of_other_versions_are_left_out() {
    let (service, directory) = DirectoryTable::with_service().await;
    assert_eq!(service.get("/Users/x").await.status, 404);
    for (sort_key, texts) in [
        ("P#x", &[][..]),
        ("P#2026-11-24T09:33:36.000Z#a", &[("status", "404")]),
        ("P#2026-11-24T09:33:36.000Z#b#c", &[]),
        ("P#2026#d", &[("method", "GET")]),
    ] {
        directory.plant("acme", sort_key, texts).await;
    }
    let items = directory.items("acme").await;
    let mut keys = items.keys();
    let entry = keys.find(|key| key.starts_with("P#") && key.ends_with("#event"));
    let (acme, entry) = ("acme", entry.unwrap());
    directory
        .plant_text(acme, entry, "new", "of a later version")
        .await;
    let log = log(&service).await;
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].subject.id.as_deref(), Some("x"));
    directory.check("acme").await;
}

/// Requests of one moment, and pages of the log.
#[tokio::test]
async fn a_span_is_read_in_order() {
    let service = Service::start().await;
    // A few at a time: an entry is given up when its write takes long.
    for moment in 0..10 {
        let calls = (0..4).map(|number| {
            let number = 4 * moment + number;
            let call = service.call("GET", &format!("/Users/{number}"));
            call.request_id(&format!("id-{number}")).send()
        });
        for answer in join_all(calls).await {
            assert_eq!(answer.status, 404);
        }
    }
    let all = log(&service).await;
    assert_eq!(all.len(), 40);
    assert!(all.is_sorted_by_key(|entry| entry.at));
    let (meter, gate) = (Meter::default(), Gate::opened());
    let acme = tenant("acme");
    let directory = service.app.store.tenant(&acme, &meter, &gate);
    let read = async |from, to, most: usize| {
        let mut read = Vec::new();
        let span = Span { from, to };
        let visit = |entry| {
            read.push(entry);
            read.len() < most
        };
        directory.requests(span, visit).await.unwrap();
        read
    };
    let (first, last) = (all[0].at, all[39].at);
    assert_eq!(
        read(first, last + time::Duration::MILLISECOND, 99).await,
        all
    );
    assert_eq!(
        read(first, last, 99).await,
        all.iter()
            .filter(|entry| entry.at < last)
            .cloned()
            .collect::<Vec<_>>()
    );
    assert_eq!(read(first, last + time::Duration::HOUR, 3).await, all[..3]);
    assert_eq!(read(last, first, 99).await, []);
}
