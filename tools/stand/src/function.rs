//! A function as a process: started the way Lambda does, given events, and observed from outside.

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc;

use crate::runtime_api::RuntimeApi;

/// A running function. Ends when dropped.
pub struct Function {
    api: RuntimeApi,
    process: Child,
    log: mpsc::UnboundedReceiver<Value>,
    /// Whether it logs a line per request.
    logs: bool,
}

/// What a client gets, and what it cost.
pub struct Answer {
    pub status: u64,
    /// The headers; an object.
    pub headers: Value,
    /// The body; null if there is none.
    pub body: Value,
    /// The log line; null if the function writes none.
    pub line: Value,
    pub wall: Duration,
}

/// Lambda's environment variables, as far as a function reads them.
const LAMBDA: &[(&str, &str)] = &[
    ("AWS_LAMBDA_FUNCTION_NAME", "scim"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
    ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_DEFAULT_REGION", "us-east-1"),
    ("AWS_ACCESS_KEY_ID", "stand"),
    ("AWS_SECRET_ACCESS_KEY", "stand"),
    ("AWS_SESSION_TOKEN", "stand"),
    ("LAMBDA_TASK_ROOT", "/var/task"),
    ("TZ", ":UTC"),
];

impl Function {
    /// Starts a program as a function. Its environment contains only the variables of Lambda and of
    /// the template.
    pub async fn start(program: &Path, environment: &[(&str, &str)], logs: bool) -> Result<Self> {
        let api = RuntimeApi::start().await?;
        let mut process = Command::new(program)
            .env_clear()
            .envs(LAMBDA.iter().copied())
            .envs(environment.iter().copied())
            .env("AWS_LAMBDA_RUNTIME_API", api.address())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let output = process
            .stdout
            .take()
            .context("the function has no output")?;
        let (lines, log) = mpsc::unbounded_channel();
        tokio::spawn(read_log(output, lines));
        Ok(Self {
            api,
            process,
            log,
            logs,
        })
    }

    /// Has the function answer an event.
    pub async fn call(&mut self, event: String) -> Result<Answer> {
        let started = Instant::now();
        let mut answer = tokio::select! {
            answer = self.api.invoke(event) => answer?,
            status = self.process.wait() => {
                let taken = if self.is_working() { "with the event" } else { "before the event" };
                bail!("the function ended by itself, {taken}: {}", status?)
            }
        };
        let wall = started.elapsed();
        let line = if self.logs {
            self.log.recv().await.context("the function has ended")?
        } else {
            Value::Null
        };
        let body = answer["body"].as_str().unwrap_or_default();
        let body = serde_json::from_str(body).unwrap_or_default();
        Ok(Answer {
            status: answer["statusCode"].as_u64().unwrap_or_default(),
            headers: answer["headers"].take(),
            body,
            line,
            wall,
        })
    }

    /// Whether the function has received the latest event.
    pub fn is_working(&self) -> bool {
        self.api.has_delivered()
    }

    /// Waits until it asks for an event.
    pub async fn until_ready(&mut self) -> Result<()> {
        self.api.until_idle().await
    }

    /// Waits until the function has finished all work of the requests so far.
    pub async fn until_idle(&mut self) -> Result<()> {
        self.api.until_idle().await?;
        // It has asked for the next event and is about to sleep.
        tokio::time::sleep(Duration::from_millis(3)).await;
        Ok(())
    }

    /// Processor time used by the function's threads so far. The kernel updates it when a thread
    /// stops to wait, so it is exact while the function is idle.
    pub fn cpu(&self) -> Result<Cpu> {
        let id = self.process.id().context("the function has ended")?;
        let mut threads = HashMap::new();
        for thread in std::fs::read_dir(format!("/proc/{id}/task"))? {
            let thread = thread?;
            // A thread may end between listing and reading.
            let Ok(text) = std::fs::read_to_string(thread.path().join("schedstat")) else {
                continue;
            };
            let spent = text.split_ascii_whitespace().next();
            let spent = spent.and_then(|text| text.parse().ok());
            threads.insert(
                thread.file_name().into_encoded_bytes(),
                Duration::from_nanos(spent.context("no processor time in schedstat")?),
            );
        }
        Ok(Cpu(threads))
    }

    /// The function's memory in kilobytes: `VmRSS` now, `VmHWM` at its peak.
    pub fn memory(&self, name: &str) -> Result<u64> {
        let id = self.process.id().context("the function has ended")?;
        let text = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_ascii_whitespace().nth(1)?.parse().ok());
        number.with_context(|| format!("no {name} in the process's status"))
    }
}

/// Processor time by thread; none by default.
#[derive(Default)]
pub struct Cpu(HashMap<Vec<u8>, Duration>);

impl Cpu {
    /// Usage since an earlier reading. Threads that have ended in between are not counted; they
    /// were idle.
    pub fn since(&self, earlier: &Self) -> Duration {
        let before = |thread| earlier.0.get(thread).copied().unwrap_or_default();
        self.0
            .iter()
            .map(|(thread, spent)| spent.saturating_sub(before(thread)))
            .sum()
    }
}

async fn read_log(output: ChildStdout, lines: mpsc::UnboundedSender<Value>) {
    let mut output = BufReader::new(output).lines();
    while let Ok(Some(line)) = output.next_line().await {
        match serde_json::from_str::<Value>(&line) {
            Ok(line) if line["message"] == "request" => {
                let _ = lines.send(line);
            }
            _ => eprintln!("{line}"),
        }
    }
}

/// Starts a function with these variables alone, which it cannot run with: the only line that it
/// leaves.
pub fn failed_start(program: &str, variables: &[(&str, &str)]) -> Value {
    let output = std::process::Command::new(program)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["level"], "ERROR");
    line
}
