//! Everything at once, on a connection that breaks: what was answered holds, and the directory
//! stays consistent.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::json;
use store::{Gate, Meter};
use tenant::TenantId;

use crate::support::directory::DirectoryTable;
use crate::support::engine;
use crate::support::service::{Answer, Service};
use stand::wire::{Fate, Wire};

const WRITERS: usize = 8;
const USERS_EACH: usize = 12;

/// One request in seven meets trouble, each kind in turn.
fn trouble(_operation: &str, before: usize) -> Fate {
    match (before % 7, before / 7 % 3) {
        (6, 0) => Fate::AnswerLost,
        (6, 1) => Fate::Throttled,
        (6, _) => Fate::Refused,
        _ => Fate::Passed,
    }
}

/// What a writer knows of its users: the title and whether they exist, where it is certain.
type Known = BTreeMap<String, Option<String>>;

/// The service gives up on a request in trouble with 503 and never with anything else.
fn is_done(answer: &Answer, done: &[u16]) -> bool {
    let is_done = done.contains(&answer.status);
    assert!(is_done || answer.status == 503, "{}", answer.body);
    is_done
}

/// Creates, changes, renames, deactivates and deletes users of its own, whose first names the
/// writers contend for.
async fn writer(service: &Service, writer: usize) -> Known {
    let mut known = Known::new();
    for user in 0..USERS_EACH {
        let contended = service
            .post("/Users", json!({"userName": format!("contended{user}")}))
            .await;
        is_done(&contended, &[201, 409]);
        let name = format!("writer{writer}-user{user}");
        let created = service
            .post("/Users", json!({"userName": name, "externalId": name}))
            .await;
        if !is_done(&created, &[201]) {
            continue;
        }
        let path = format!("/Users/{}", created.id());
        known.insert(path.clone(), None);
        for (title, name) in [("Lead", format!("{name}-renamed")), ("Digger", name)] {
            let values = json!({"title": title, "userName": name, "active": title == "Lead"});
            let changed = service
                .patch(&path, json!([{"op": "replace", "value": values}]))
                .await;
            if is_done(&changed, &[200]) {
                known.insert(path.clone(), Some(title.to_owned()));
            } else {
                known.remove(&path);
            }
        }
        if user % 3 == 0 {
            let deleted = service.delete(&path).await;
            // A deletion whose answer was lost is found done by the one that follows it.
            if is_done(&deleted, &[204, 404]) {
                known.insert(path.clone(), Some("gone".to_owned()));
            } else {
                known.remove(&path);
            }
        }
    }
    known
}

#[tokio::test]
async fn a_storm_with_broken_connections_loses_nothing() {
    let (mut service, directory, prefix) = DirectoryTable::with_prefix().await;
    let calm = service.app.store.clone();
    // Every user is deactivated here, more than the breaker lets through.
    service.app.config.breaker.share_percent = 100;
    let wire = Wire::start(crate::support::engine::endpoint(), trouble).await;
    service.app.store = engine::troubled_store_through(&wire.endpoint, &prefix).await;

    let known = join_all((0..WRITERS).map(|number| writer(&service, number))).await;
    assert!(wire.requests().len() > WRITERS * USERS_EACH * 6);

    service.app.store = calm;
    let census = directory.check("acme").await;
    let (meter, gate) = (Meter::default(), Gate::opened());
    let acme = TenantId::parse("acme").unwrap();
    let audit = service
        .app
        .store
        .tenant(&acme, &meter, &gate)
        .audit(time::OffsetDateTime::now_utc())
        .await
        .unwrap();
    assert_eq!(
        (audit.resources, audit.defects),
        (census.users.len() as u64, vec![])
    );
    assert_eq!(
        service.get("/Users?count=0").await.body["totalResults"],
        census.users.len()
    );
    for user in 0..USERS_EACH {
        let query = format!("/Users?filter=userName+eq+%22CONTENDED{user}%22");
        assert_eq!(service.get(&query).await.body["totalResults"], 1, "{user}");
    }
    let mut certain = 0;
    for (path, title) in known.into_iter().flatten() {
        let found = service.get(&path).await;
        match title.as_deref() {
            Some("gone") => assert_eq!(found.status, 404, "{path}"),
            title => assert_eq!(found.body["title"].as_str(), title, "{path}"),
        }
        certain += 1;
    }
    // The retries carry almost every request through.
    assert!(certain > WRITERS * USERS_EACH * 9 / 10, "{certain}");
}
