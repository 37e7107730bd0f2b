//! Connections whose other side has vanished while the function slept: they look open, and nothing
//! is ever answered. DynamoDB itself is well.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use stand::wire::{Fate, Wire};
use tokio::time::{Instant, sleep};

use crate::support::clock::passing_when_idle;
use crate::support::directory::DirectoryTable;
use crate::support::engine;
use crate::support::service::{Answer, Service};

/// The first attempt of a read gives up after half a second, and the next one starts 50 ms later at
/// most; the clock of the tests goes on in steps of 50 ms.
const READ_AGAIN: Duration = Duration::from_millis(700);
/// A write gives up after two seconds.
const WRITE_AGAIN: Duration = Duration::from_millis(2_200);
/// What is no wait on the clock of the tests.
const AT_ONCE: Duration = Duration::from_millis(100);

struct Fixture {
    service: Service,
    directory: DirectoryTable,
    wire: Wire,
    user: String,
}

/// A service behind a wire where the first transaction meets `fate`.
async fn fixture(fate: Fate) -> Fixture {
    let (mut service, directory, prefix) = DirectoryTable::with_prefix().await;
    let id = service.create_user("lena", json!({})).await;
    let wire = Wire::start(
        engine::endpoint(),
        move |operation, before| match operation {
            "TransactWriteItems" if before == 0 => fate,
            _ => Fate::Passed,
        },
    )
    .await;
    service.app.store = engine::troubled_store_through(&wire.endpoint, &prefix).await;
    Fixture {
        service,
        directory,
        wire,
        user: format!("/Users/{id}"),
    }
}

impl Fixture {
    /// Opens several connections, which then die.
    async fn kill_connections(&self) {
        let before = self.wire.connections();
        let reads = (0..6).map(|_| self.service.get(&self.user));
        for answer in join_all(reads).await {
            assert_eq!(answer.status, 200);
        }
        assert!(self.wire.connections() >= before.max(6));
        self.wire.silence_open_connections();
    }

    /// One request of every kind, in an order in which each can be carried out.
    fn requests(&self) -> Vec<(&'static str, String, Option<Value>)> {
        let title = |title: &str| json!([{"op": "replace", "path": "title", "value": title}]);
        let user = &self.user;
        vec![
            ("GET", user.clone(), None),
            ("GET", "/Users".to_owned(), None),
            ("GET", "/Users?filter=userName+eq+lena".to_owned(), None),
            ("GET", "/Users?filter=title+pr".to_owned(), None),
            ("GET", "/Schemas".to_owned(), None),
            (
                "PATCH",
                user.clone(),
                Some(json!({"Operations": title("Lead")})),
            ),
            ("PUT", user.clone(), Some(json!({"userName": "lena"}))),
            (
                "POST",
                "/Users".to_owned(),
                Some(json!({"userName": "otto"})),
            ),
            ("DELETE", user.clone(), None),
        ]
    }

    async fn timed(
        &self,
        (method, path, body): &(&str, String, Option<Value>),
    ) -> (Answer, Duration) {
        let call = self.service.call(method, path);
        let call = match body {
            Some(body) => call.json(body.clone()),
            None => call,
        };
        let started = Instant::now();
        let answer = call.send().await;
        (answer, started.elapsed())
    }
}

#[tokio::test]
async fn after_a_pause_nothing_is_sent_over_connections_from_before() {
    let fixture = fixture(Fate::Passed).await;
    passing_when_idle(Box::pin(async {
        for request in fixture.requests() {
            fixture.kill_connections().await;
            sleep(Duration::from_secs(10)).await;
            let (answer, elapsed) = fixture.timed(&request).await;
            assert!(answer.status < 300, "{request:?} {}", answer.body);
            assert!(elapsed < AT_ONCE, "{request:?} {elapsed:?}");
        }
    }))
    .await;
    fixture.directory.check("acme").await;
}

/// Without a pause that would tell, the first read finds out, and nothing after it tries another of
/// the dead connections. Something was answered a second ago: until then what is late counts as
/// slow.
#[tokio::test]
async fn of_several_dead_connections_one_is_tried() {
    let fixture = fixture(Fate::Passed).await;
    passing_when_idle(Box::pin(async {
        for request in fixture.requests() {
            fixture.kill_connections().await;
            sleep(Duration::from_secs(1)).await;
            let (answer, elapsed) = fixture.timed(&request).await;
            assert!(answer.status < 300, "{request:?} {}", answer.body);
            assert!(elapsed < READ_AGAIN, "{request:?} {elapsed:?}");
        }
    }))
    .await;
    fixture.directory.check("acme").await;
}

/// All connections die between the read and the write of a request.
#[tokio::test]
async fn a_write_over_a_dead_connection_is_repeated_over_a_new_one() {
    let fixture = fixture(Fate::Ignored).await;
    passing_when_idle(Box::pin(async {
        let reads = (0..6).map(|_| fixture.service.get(&fixture.user));
        join_all(reads).await;
        let patch = json!({"Operations": [{"op": "replace", "path": "title", "value": "Lead"}]});
        let request = ("PATCH", fixture.user.clone(), Some(patch));
        let dying = async {
            while fixture.wire.asked("TransactWriteItems directory U") == 0 {
                sleep(Duration::from_millis(1)).await;
            }
            fixture.wire.silence_open_connections();
        };
        let ((answer, elapsed), ()) = tokio::join!(fixture.timed(&request), dying);
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("etag"), "W/\"2\"");
        assert!(elapsed < WRITE_AGAIN, "{elapsed:?}");
    }))
    .await;
    fixture.directory.check("acme").await;
}

/// While requests come one after the other, they share two connections: one for the check of the
/// key, one for the read beside it.
#[tokio::test]
async fn connections_are_kept_while_they_are_used() {
    let fixture = fixture(Fate::Passed).await;
    passing_when_idle(Box::pin(async {
        for _ in 0..20 {
            assert_eq!(fixture.service.get(&fixture.user).await.status, 200);
            sleep(Duration::from_secs(5)).await;
        }
    }))
    .await;
    assert_eq!(fixture.wire.connections(), 2);
}
