//! The program as an operator's shell sees it: exit codes, standard output and standard error, the
//! environment.

#![cfg(test)]

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use stand::tenant::{DIRECTORY_TABLE, SECRETS_TABLE};

/// The program on the tables of an engine of its own, with no environment but this.
struct Program {
    endpoint: String,
}

impl Program {
    fn new() -> Self {
        let endpoint = stand::engine::background().expect("an engine");
        let program = Self { endpoint };
        assert_eq!(program.run("tables create").status.code(), Some(0));
        program
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scim-admin"));
        command
            .args(arguments.split_ascii_whitespace())
            .env_clear()
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_ENDPOINT_URL_DYNAMODB", &self.endpoint)
            .env("SCIM_SECRETS_TABLE", SECRETS_TABLE)
            .env("SCIM_DIRECTORY_TABLE", DIRECTORY_TABLE);
        command
    }

    fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().expect("the program runs")
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn exit_codes_and_streams() {
    let program = Program::new();
    let created = program.run("tenant create acme");
    assert_eq!(created.status.code(), Some(0));
    assert!(text(&created.stdout).contains("acme"));
    assert_eq!(text(&created.stderr), "");

    // The key is the result; what to do with it is not.
    let key = program.run("key create acme --label entra");
    assert_eq!(key.status.code(), Some(0));
    assert!(text(&key.stdout).contains("htscim_acme_"));
    assert!(!text(&key.stdout).contains("copy the key now"));
    assert!(text(&key.stderr).contains("copy the key now"));
    assert!(!text(&key.stderr).contains("htscim_acme_"));

    let again = program.run("tenant create acme");
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(text(&again.stdout), "");
    assert!(text(&again.stderr).starts_with("error: "));

    // A command that finds something wrong says what, and ends with 1.
    assert_eq!(program.run("key warnings").status.code(), Some(0));
    program.run("key create acme --label short --expires-in-days 7");
    let warnings = program.run("key warnings");
    assert_eq!(warnings.status.code(), Some(1));
    assert!(text(&warnings.stdout).contains("short"));
    assert_eq!(
        program
            .run("tenant disable acme --reason drill")
            .status
            .code(),
        Some(0)
    );
    let status = program.run("tenant status acme");
    assert_eq!(status.status.code(), Some(1));
    assert!(text(&status.stdout).contains("disabled"));

    let unknown = program.run("tenant erase acme");
    assert_eq!(unknown.status.code(), Some(2));
    assert_eq!(text(&unknown.stdout), "");
    assert!(text(&unknown.stderr).contains("Usage"));
    assert_eq!(program.run("--help").status.code(), Some(0));
}

#[test]
fn the_environment_sets_how_long_records_are_kept() {
    let program = Program::new();
    let restore = |variable: Option<&str>, flags: &str| {
        let mut command = program.command(&format!("user restore acme {flags}"));
        if let Some(days) = variable {
            command.env("SCIM_HISTORY_RETENTION_DAYS", days);
        }
        command.output().expect("the program runs")
    };
    // The help shows what holds without a flag.
    let help = restore(None, "--help");
    assert!(text(&help.stdout).contains("[default: 90]"));
    let help = restore(Some("365"), "--help");
    assert!(text(&help.stdout).contains("SCIM_HISTORY_RETENTION_DAYS=365"));

    let refused = restore(Some("none"), "--deleted-since 1h");
    assert_eq!(refused.status.code(), Some(2));
    // The flag wins over a variable that cannot be used; then it is the tenant that is unknown.
    let unknown = restore(Some("none"), "--deleted-since 1h --history-days 7");
    assert_eq!(unknown.status.code(), Some(1));
    let messages = text(&unknown.stderr);
    assert!(messages.contains("acme"), "{messages}");
}

/// A result that nobody reads is a failure, and no panic. `history` alone is often read in part.
#[test]
fn a_closed_pipe_is_no_panic() {
    let program = Program::new();
    assert_eq!(program.run("tenant create acme").status.code(), Some(0));
    for (arguments, code) in [("tenant list", 1), ("--json history acme", 0)] {
        let mut command = program.command(arguments);
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let child = command.stdout(writer).stderr(Stdio::piped()).spawn();
        let output = child.and_then(std::process::Child::wait_with_output);
        let output = output.expect("the program runs");
        let messages = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments}: {messages}");
        assert!(!messages.contains("panicked"), "{messages}");
    }
}

#[test]
fn a_dynamodb_out_of_reach_comes_with_a_hint() {
    let program = Program {
        endpoint: "http://127.0.0.1:9".to_owned(),
    };
    let started = Instant::now();
    let output = program.run("tenant list");
    assert!(started.elapsed() < Duration::from_secs(30));
    assert_eq!(output.status.code(), Some(1));
    let messages = text(&output.stderr);
    let hint = "hint: check the AWS credentials";
    assert!(messages.contains(hint), "{messages}");
}
