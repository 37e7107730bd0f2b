//! DynamoDB is out of reach, silent, at its limit, or lacks a table.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::capture::logged;
use crate::support::clock::{passing_unanswered, passing_when_idle};
use crate::support::directory::DirectoryTable;
use crate::support::service::{Answer, Service};
use crate::support::{engine, service};
use stand::wire::{Fate, Wire};

const DEADLINE: Duration = Duration::from_secs(8);
/// How much later an answer may come: the clock of the tests goes on in steps.
const LEEWAY: Duration = Duration::from_millis(100);

/// A service with the user `lena` whose DynamoDB can be taken away.
struct Fixture {
    service: Service,
    directory: DirectoryTable,
    prefix: String,
    user: String,
}

impl Fixture {
    async fn start() -> Self {
        let (service, directory, prefix) = DirectoryTable::with_prefix().await;
        let id = service.create_user("lena", json!({"title": "Lead"})).await;
        Self {
            service,
            directory,
            prefix,
            user: format!("/Users/{id}"),
        }
    }

    /// From now on the service speaks to this endpoint.
    async fn reconnect(&mut self, endpoint: &str) {
        self.service.app.store = engine::troubled_store_through(endpoint, &self.prefix).await;
    }

    /// One request of every kind.
    fn calls(&self) -> Vec<service::Call<'_>> {
        let operations = json!({"Operations": [
            {"op": "replace", "value": {"userName": "lena.vega", "title": "Digger"}}
        ]});
        let user = json!({"userName": "otto"});
        let call = |method, path| self.service.call(method, path);
        vec![
            call("GET", "/Users"),
            call("GET", "/Users?filter=userName+eq+lena"),
            call("GET", "/Users?filter=title+pr"),
            call("GET", &self.user),
            call("POST", "/Users").json(user.clone()),
            call("PUT", &self.user).json(user),
            call("PATCH", &self.user).json(operations),
            call("DELETE", &self.user),
        ]
    }

    /// Each kind of request is answered with 503 within the deadline, and nothing is written.
    async fn assert_unavailable(&self) {
        let before = self.directory.items("acme").await;
        let answers = self.calls().into_iter().map(|call| async {
            let started = Instant::now();
            let answer = call.send().await;
            (answer, started.elapsed())
        });
        let answers = Box::pin(futures_util::future::join_all(answers));
        for (answer, elapsed) in passing_unanswered(answers).await {
            unavailable(&answer);
            assert!(elapsed < DEADLINE + LEEWAY, "{elapsed:?}");
        }
        assert_eq!(self.directory.items("acme").await, before);
    }
}

fn unavailable(answer: &Answer) {
    let detail = answer.error(503, "");
    assert!(detail.contains("send the request again"), "{detail}");
    assert!(detail.contains("(request event)"), "{detail}");
    let seconds: u32 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds));
}

#[tokio::test]
async fn a_closed_port() {
    let mut fixture = Fixture::start().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    fixture.service.app.config.request_deadline = DEADLINE;
    fixture.reconnect(&endpoint).await;
    fixture.assert_unavailable().await;
}

#[tokio::test]
async fn silence() {
    let mut fixture = Fixture::start().await;
    let wire = Wire::start(crate::support::engine::endpoint(), |_, _| Fate::Ignored).await;
    fixture.service.app.config.request_deadline = DEADLINE;
    fixture.reconnect(&wire.endpoint).await;
    fixture.assert_unavailable().await;
}

#[tokio::test]
async fn throttling() {
    let mut fixture = Fixture::start().await;
    let wire = Wire::start(crate::support::engine::endpoint(), |_, _| Fate::Throttled).await;
    fixture.service.app.config.request_deadline = DEADLINE;
    fixture.reconnect(&wire.endpoint).await;
    fixture.assert_unavailable().await;
    // Each was tried more than once: throttling passes.
    assert!(wire.requests().len() > fixture.calls().len());
}

/// The key is accepted, and then DynamoDB breaks off.
#[tokio::test]
async fn trouble_in_the_middle_of_a_request() {
    for fate in [Fate::Throttled, Fate::Ignored, Fate::Refused] {
        let mut fixture = Fixture::start().await;
        let wire =
            Wire::start(
                crate::support::engine::endpoint(),
                move |operation, _| match operation {
                    "GetItem" => Fate::Passed,
                    _ => fate,
                },
            )
            .await;
        fixture.service.app.config.request_deadline = DEADLINE;
        fixture.reconnect(&wire.endpoint).await;
        let before = fixture.directory.items("acme").await;
        let retitle = json!([{"op": "replace", "path": "title", "value": "Digger"}]);
        let answers = Box::pin(async {
            tokio::join!(
                fixture.service.post("/Users", json!({"userName": "otto"})),
                fixture.service.patch(&fixture.user, retitle),
                fixture.service.delete(&fixture.user)
            )
        });
        let (post, patch, delete) = passing_when_idle(answers).await;
        for answer in [post, patch, delete] {
            unavailable(&answer);
        }
        assert_eq!(fixture.directory.items("acme").await, before, "{fate:?}");
        fixture.directory.check("acme").await;
    }
}

#[tokio::test]
async fn trouble_that_passes_is_not_noticed() {
    for fate in [Fate::Throttled, Fate::Refused, Fate::AnswerLost] {
        let mut fixture = Fixture::start().await;
        // The first two of every kind of call fail.
        let wire = Wire::start(crate::support::engine::endpoint(), move |_, before| {
            if before < 2 { fate } else { Fate::Passed }
        })
        .await;
        fixture.reconnect(&wire.endpoint).await;
        let found = fixture.service.find("userName eq lena").await;
        assert_eq!(found.ids().len(), 1, "{fate:?}");
        let page = fixture.service.get("/Users").await;
        assert_eq!(page.body["totalResults"], 1, "{fate:?}");
    }
}

/// An answer that is lost on its way is no second write, and no failure: the same change is
/// repeated until its answer arrives.
#[tokio::test]
async fn a_lost_answer_is_no_second_write() {
    async fn fixture() -> Fixture {
        let mut fixture = Fixture::start().await;
        let wire =
            Wire::start(
                crate::support::engine::endpoint(),
                |operation, before| match operation {
                    "TransactWriteItems" | "PutItem" if before == 0 => Fate::AnswerLost,
                    _ => Fate::Passed,
                },
            )
            .await;
        fixture.reconnect(&wire.endpoint).await;
        fixture
    }
    let user = json!({"userName": "otto"});
    let one = fixture().await;
    let created = one.service.post("/Users", user.clone()).await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(one.directory.check("acme").await.users.len(), 2);

    let one = fixture().await;
    assert_eq!(one.service.delete(&one.user).await.status, 204);
    let census = one.directory.check("acme").await;
    assert_eq!((census.users.len(), census.tombstones.len()), (0, 1));

    let one = fixture().await;
    let renamed = one.service.put(&one.user, user).await;
    assert_eq!((renamed.status, renamed.header("etag")), (200, "W/\"2\""));
    one.directory.check("acme").await;

    let one = fixture().await;
    let retitle = json!([{"op": "replace", "path": "title", "value": "Digger"}]);
    let changed = one.service.patch(&one.user, retitle).await;
    assert_eq!((changed.status, changed.header("etag")), (200, "W/\"2\""));
    assert_eq!(changed.body["title"], "Digger");
}

#[tokio::test]
async fn a_missing_table_is_for_the_operator() {
    let mut fixture = Fixture::start().await;
    fixture.prefix = uuid::Uuid::new_v4().simple().to_string();
    fixture.reconnect(engine::endpoint()).await;
    for call in fixture.calls() {
        let (answer, lines) = logged(call.send()).await;
        let detail = answer.error(500, "");
        assert!(detail.contains("(request event)"), "{detail}");
        let text = answer.body.to_string();
        for inner in ["ResourceNotFound", "DynamoDB", "table", &fixture.prefix] {
            assert!(!text.contains(inner), "{text}");
        }
        assert_eq!(lines.len(), 1);
        let cause = lines[0]["cause"].as_str().unwrap();
        assert!(cause.contains("ResourceNotFoundException"), "{cause}");
        assert_eq!(lines[0]["level"], "ERROR");
        assert_eq!(lines[0]["request_id"], "event");
    }
}

/// What went wrong is in the log alone.
#[tokio::test]
async fn the_log_tells_what_the_client_is_not_told() {
    let mut fixture = Fixture::start().await;
    fixture.service.app.config.request_deadline = DEADLINE;
    let wire = Wire::start(crate::support::engine::endpoint(), |_, _| Fate::Throttled).await;
    fixture.reconnect(&wire.endpoint).await;
    let answered = Box::pin(logged(fixture.service.get("/Users")));
    let (answer, lines) = passing_when_idle(answered).await;
    unavailable(&answer);
    assert!(
        !answer
            .body
            .to_string()
            .contains("configured provisioned throughput")
    );
    let [line] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    let cause = line["cause"].as_str().unwrap();
    assert!(
        cause.contains("configured provisioned throughput"),
        "{cause}"
    );
    assert_eq!(
        (&line["status"], &line["level"]),
        (&json!(503), &json!("ERROR"))
    );
    assert_eq!(line.get("tenant"), None::<&Value>);
}
