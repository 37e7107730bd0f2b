//! `scim-admin events --replay`: the program itself, against something that speaks as SQS and
//! EventBridge do, and refuses some of what it is sent.

#![cfg(test)]

use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use serde_json::{Value, json};
use store::Tables;
use tenant::{ApiKey, TenantId};

/// What was asked, and how many entries are still refused.
#[derive(Default)]
struct Target {
    sent: Vec<Value>,
    refusals: usize,
    calls: usize,
}

type Shared = Arc<Mutex<Target>>;

/// Answers as SQS or EventBridge, in AWS's JSON protocols.
async fn answer(State(target): State<Shared>, headers: HeaderMap, body: String) -> String {
    let mut target = target.lock().unwrap();
    target.calls += 1;
    let asked: Value = serde_json::from_str(&body).unwrap();
    let entries = asked["Entries"].as_array().unwrap();
    assert!((1..=10).contains(&entries.len()));
    let action = headers["x-amz-target"].to_str().unwrap();
    let (mut succeeded, mut failed, mut results) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries {
        let id = &entry["Id"];
        if target.refusals > 0 && target.sent.len() % 3 == 2 {
            target.refusals -= 1;
            failed.push(json!({"Id": id, "Code": "InternalError", "SenderFault": false}));
            results.push(json!({"ErrorCode": "ThrottlingException", "ErrorMessage": "later"}));
            continue;
        }
        target.sent.push(entry.clone());
        succeeded.push(json!({"Id": id, "MessageId": "m", "MD5OfMessageBody": "-"}));
        results.push(json!({"EventId": "e"}));
    }
    let answer = match action {
        "AmazonSQS.SendMessageBatch" => json!({"Successful": succeeded, "Failed": failed}),
        "AWSEvents.PutEvents" => json!({"FailedEntryCount": failed.len(), "Entries": results}),
        other => panic!("{other} is not needed"),
    };
    answer.to_string()
}

/// The tables of a tenant with a few users, and the engine's address.
async fn tenant() -> String {
    let engine = stand::engine::background().unwrap();
    let store = stand::tenant::connect(&engine, tables()).await;
    store.create_tables().await.unwrap();
    let key = ApiKey::from_secret(&TenantId::parse("acme").unwrap(), [7; 32]);
    stand::tenant::create(&store, "Acme", &key, "test")
        .await
        .unwrap();
    let (meter, gate) = (store::Meter::default(), store::Gate::opened());
    let directory = store.tenant(key.tenant(), &meter, &gate);
    let now = time::OffsetDateTime::now_utc();
    let origin = store::directory::record::Origin {
        actor: store::directory::record::Actor::Operator,
        operation: store::directory::record::ChangeKind::Create,
        request_id: "test".to_owned(),
        at: now,
        expires: now + time::Duration::days(1),
        entry: None,
    };
    for number in 0..USERS {
        let id = format!("00000000-0000-4000-8000-{number:012}");
        let attributes = json!({"userName": format!("user{number}"), "active": true});
        let user = scim::Stored {
            id: scim::ResourceId::parse(&id).unwrap(),
            meta: scim::Meta::new(now),
            resource: scim::Resource::from_storage(attributes.as_object().unwrap().clone()),
            reserved: None,
        };
        directory
            .create(&scim::schema::USERS, &user, &origin)
            .await
            .unwrap();
    }
    engine
}

const USERS: usize = 23;

fn tables() -> Tables {
    stand::tenant::tables()
}

/// Starts a target and runs the program against it.
async fn replayed(engine: &str, refusals: usize, arguments: &[&str]) -> (Output, Target) {
    let target = Shared::default();
    target.lock().unwrap().refusals = refusals;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new()
        .route("/", post(answer))
        .with_state(target.clone());
    let server = tokio::spawn(async move { axum::serve(listener, routes).await });
    let mut program = Command::new(env!("CARGO_BIN_EXE_scim-admin"));
    let tables = tables();
    program
        .env_clear()
        .envs([
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_ENDPOINT_URL_DYNAMODB", engine),
            ("AWS_ENDPOINT_URL_SQS", &address),
            ("AWS_ENDPOINT_URL_EVENTBRIDGE", &address),
            ("SCIM_SECRETS_TABLE", &tables.secrets),
            ("SCIM_DIRECTORY_TABLE", &tables.directory),
            (
                "SCIM_MEMBER_QUEUE_URL",
                "https://sqs.us-east-1.amazonaws.com/1/q.fifo",
            ),
            ("SCIM_MEMBER_BUS_NAME", "members"),
        ])
        .args(["events", "acme"])
        .args(arguments);
    let run = tokio::task::spawn_blocking(move || program.output().unwrap());
    let output = run.await.unwrap();
    server.abort();
    let target = std::mem::take(&mut *target.lock().unwrap());
    (output, target)
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test]
async fn what_is_printed_is_sent_in_order_also_if_some_of_it_is_refused_first() {
    let engine = tenant().await;
    let (output, _) = replayed(&engine, 0, &[]).await;
    let lines = printed(&output);
    let events: Vec<&str> = lines.lines().collect();
    assert_eq!(events.len(), USERS, "{lines}");
    let mut runs = std::collections::BTreeSet::new();
    for refusals in [0, 3] {
        let (output, target) = replayed(&engine, refusals, &["--replay", "queue"]).await;
        assert!(output.status.success(), "{}", printed(&output));
        let said = printed(&output);
        assert_eq!(said, format!("{USERS} events sent to the queue\n"));
        // One that was refused comes again with those behind it, under their ids. No other run has
        // these, so the queue takes what it got a moment ago.
        let mut sent: Vec<&Value> = target.sent.iter().collect();
        let mut seen = std::collections::BTreeSet::new();
        sent.retain(|entry| seen.insert(entry["MessageDeduplicationId"].to_string()));
        assert_eq!(sent.len(), USERS);
        for entry in sent {
            let body = entry["MessageBody"].as_str().unwrap();
            assert!(events.contains(&body), "{body}");
            let event: Value = serde_json::from_str(body).unwrap();
            assert_eq!(entry["MessageGroupId"], event["subject"]);
            let id = entry["MessageDeduplicationId"].as_str().unwrap();
            assert!(id.len() <= 128 && runs.insert(id.to_owned()), "{id}");
        }
        let (output, target) = replayed(&engine, refusals, &["--replay", "bus"]).await;
        assert_eq!(
            printed(&output),
            format!("{USERS} events sent to the bus\n")
        );
        assert_eq!(target.sent.len(), USERS);
        for entry in &target.sent {
            let detail = entry["Detail"].as_str().unwrap();
            assert!(events.contains(&detail), "{detail}");
            assert_eq!(entry["EventBusName"], "members");
            assert_eq!(entry["Source"], "hellotracks.scim");
            assert_eq!(entry["DetailType"], "com.hellotracks.member.created");
        }
    }
    let (output, target) = replayed(&engine, 0, &["--snapshot", "--replay", "queue"]).await;
    assert!(output.status.success(), "{}", printed(&output));
    assert_eq!(target.sent.len(), USERS);
    let (output, target) = replayed(&engine, usize::MAX, &["--replay", "bus"]).await;
    assert!(!output.status.success());
    assert!(
        printed(&output).contains("an event was refused"),
        "{}",
        printed(&output)
    );
    assert!(target.calls > 3, "it is tried again");
    // It is on the operator's log, what succeeded with its number.
    let store = stand::tenant::connect(&engine, tables()).await;
    let meter = store::Meter::default();
    let mut log = Vec::new();
    let acme = TenantId::parse("acme").unwrap();
    let since = time::OffsetDateTime::UNIX_EPOCH;
    let read = store.operator_log(&acme, since, &meter, |entry| log.push(format!("{entry:?}")));
    read.await.unwrap();
    let replays: Vec<&String> = log
        .iter()
        .filter(|entry| entry.contains("replay"))
        .collect();
    assert_eq!(replays.len(), 6, "{log:?}");
    assert_eq!(
        replays
            .iter()
            .filter(|entry| entry.contains("23 events"))
            .count(),
        5
    );
}
