//! DynamoDB answers late, loses answers and fails, the SDK repeats its calls, and the client its
//! requests: who loses access takes one place of the breaker's window, and nobody else takes any.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use hellotracks_scim::instance::Instance;
use serde_json::json;
use stand::wire::asked::Asked;
use stand::wire::{Fate, Trouble, Wire};

use crate::data::breaker::places;
use crate::support::clock::passing_when_idle;
use crate::support::directory::{DirectoryTable, Items, text};
use crate::support::engine;
use crate::support::service::Service;

/// Longer than an attempt of the SDK may take.
const LATE: Duration = Duration::from_secs(3);

/// The number of users that may lose access in a small tenant.
const LIMIT: usize = 50;

/// What DynamoDB does with the n-th write of a brownout.
type Plan = fn(usize) -> Fate;

/// Every answer is late, however often it is asked for.
fn late(_: usize) -> Fate {
    Fate::Slow(LATE)
}

/// Every kind of trouble in turn, and now and then none.
fn mixed(write: usize) -> Fate {
    match write % 7 {
        0 => Fate::Slow(LATE),
        1 => Fate::AnswerLost,
        2 => Fate::Answered(Trouble::InternalServerError),
        3 => Fate::CutOff,
        4 => Fate::Answered(Trouble::Conflict),
        5 => Fate::Refused,
        _ => Fate::Passed,
    }
}

/// How many of so many users have lost access.
fn lost(items: &Items, of: usize) -> usize {
    let users = items.iter().filter(|(key, _)| key.starts_with("U#"));
    let active = users.filter(|(_, user)| text(user, "document").contains("\"active\":true"));
    of - active.count()
}

/// Deactivates or deletes a user, and sends it again until there is an answer, three times at most.
async fn take_access(service: &Service, path: &str, deletes: bool) {
    for _ in 0..3 {
        let status = if deletes {
            service.delete(path).await.status
        } else {
            let operation = json!([{"op": "replace", "path": "active", "value": false}]);
            service.patch(path, operation).await.status
        };
        match status {
            503 => {}
            200 | 204 | 404 | 409 => return,
            other => panic!("{other}"),
        }
    }
}

/// A brownout while this number of users lose access at once; then DynamoDB is well, and the rest
/// of all users are to go.
async fn brownout(plan: Plan, in_trouble: usize, all: usize) {
    let calm = Wire::passing(engine::endpoint()).await;
    let (service, directory, prefix) = DirectoryTable::at(&calm.endpoint).await;
    let create = |user: usize| {
        let service = &service;
        async move {
            let id = service.create_user(&format!("user{user}"), json!({})).await;
            format!("/Users/{id}")
        }
    };
    let users: Vec<String> = stream::iter(0..all).map(create).buffered(8).collect().await;
    let writes = std::sync::atomic::AtomicUsize::new(0);
    let plan = move |asked: &Asked| match asked.label.as_str() {
        label @ ("TransactWriteItems directory U" | "UpdateItem directory B") => {
            match plan(writes.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                Fate::Answered(Trouble::Conflict) if label.starts_with("UpdateItem") => {
                    Fate::Answered(Trouble::ItemConflict)
                }
                fate => fate,
            }
        }
        _ => Fate::Passed,
    };
    let wire = Wire::planned(engine::endpoint(), plan, None).await;
    let store = engine::troubled_store_through(&wire.endpoint, &prefix).await;
    let mut config = service.app.config.clone();
    config.request_deadline = Duration::from_secs(8);
    let troubled = Service {
        app: Instance::new(store, config),
        key: service.key.clone(),
    };
    let requests = users[..in_trouble].iter().enumerate();
    let requests = requests.map(|(user, path)| take_access(&troubled, path, user % 2 == 0));
    passing_when_idle(async {
        join_all(requests).await;
        wire.cut().await;
    })
    .await;
    let items = directory.items("acme").await;
    let gone = lost(&items, all);
    assert!(gone <= LIMIT, "{gone}");
    assert!(gone > 0, "nothing came through");
    assert_eq!(places(&items), i64::try_from(gone).unwrap());
    directory.check("acme").await;

    for path in &users {
        take_access(&service, path, true).await;
    }
    let items = directory.items("acme").await;
    assert_eq!((lost(&items, all), places(&items)), (LIMIT, 50));
    directory.check("acme").await;
}

/// As it was reported: two users are deleted, and 48 places are left.
#[tokio::test]
async fn late_answers_take_no_places() {
    brownout(late, 2, LIMIT + 3).await;
}

/// More users than may go.
#[tokio::test]
async fn late_answers_let_no_more_through_than_the_limit() {
    brownout(late, LIMIT + 10, LIMIT + 12).await;
}

#[tokio::test]
async fn trouble_of_every_kind_takes_no_places() {
    brownout(mixed, LIMIT - 20, LIMIT + 5).await;
}
