//! The program that Lambda runs, under Lambda's Runtime API.

#![cfg(test)]

use std::process::{Command, Stdio};

use member_events::{Content, Publisher, function};
use serde_json::{Value, json};
use stand::function::failed_start;
use stand::runtime_api::RuntimeApi;

const PROGRAM: &str = env!("CARGO_BIN_EXE_hellotracks-events");

fn record(sort_key: &str) -> Value {
    let keys = json!({"pk": {"S": "T#acme"}, "sk": {"S": sort_key}});
    let mut item = keys.clone();
    for (name, text) in [
        ("actor", "operator"),
        ("operation", "create"),
        ("request_id", "x"),
        (
            "changes",
            "{\"userName\":{\"after\":\"lena@crew.example\"},\"active\":{\"after\":true}}",
        ),
    ] {
        item[name] = json!({"S": text});
    }
    json!({"eventID": "1", "eventName": "INSERT", "dynamodb": {"Keys": keys, "NewImage": item}})
}

/// It answers whatever it is given, with what the library makes of it, and its log names nobody.
#[tokio::test]
async fn a_batch_is_answered_with_its_events() {
    let mut runtime = RuntimeApi::start().await.unwrap();
    let program = Command::new(PROGRAM)
        .env_clear()
        .envs([
            ("AWS_LAMBDA_RUNTIME_API", runtime.address()),
            ("AWS_LAMBDA_FUNCTION_NAME", "events"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("SCIM_PUBLIC_URL", "https://scim.example.com"),
            ("RUST_LOG", "trace"),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let publisher = Publisher::new(Some("https://scim.example.com"), Content::Full);
    let user = "E#2026-11-26T20:00:01.123Z#U#2819c223-7f76-453a-919d-413861904646#1";
    for batch in [
        json!([record(user), record("U#x"), record(user)]),
        json!([record("E#2026-11-26T20:00:01.123Z#Y#x")]),
        json!([]),
        json!({"no": "batch"}),
    ] {
        let answer = runtime.invoke(batch.to_string()).await.unwrap();
        let expected = function::handle(&publisher, &batch);
        let expected: Vec<String> = expected.iter().map(member_events::Event::json).collect();
        let expected: Value = format!("[{}]", expected.join(",")).parse().unwrap();
        assert_eq!(answer, expected);
    }
    let mut program = program;
    program.kill().unwrap();
    let output = program.wait_with_output().unwrap();
    let log = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| line.parse().unwrap()).collect();
    let batches = lines
        .iter()
        .filter(|line| line["message"] == "batch")
        .count();
    assert_eq!(batches, 4, "{log}");
    let unreadable = "unreadable change record";
    assert!(
        lines.iter().any(|line| line["message"] == unreadable),
        "{log}"
    );
    assert!(!log.contains("lena"), "{log}");
}

/// A wrong setting is told by the deployment, and not by wrong events.
#[test]
fn a_wrong_setting_ends_it_at_once() {
    let line = failed_start(PROGRAM, &[("SCIM_EVENT_CONTENT", "everything")]);
    assert_eq!(line["message"], "the function cannot run");
    let cause = line["cause"].as_str().unwrap();
    assert!(cause.contains("SCIM_EVENT_CONTENT"), "{cause}");
}

/// Lambda's own variables are missing, which lambda_runtime takes for a defect.
#[test]
fn a_panic_while_it_starts_is_a_line_too() {
    let line = failed_start(PROGRAM, &[]);
    assert_eq!(line["message"], "panic beside a request");
    let location = line["location"].as_str().unwrap();
    assert!(location.contains("lambda_runtime"), "{location}");
}
