//! What the function logs while it answers.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, OnceLock};

use hellotracks_scim::log;
use serde_json::Value;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use crate::support::service::{Answer, Call};

/// Runs `work` and returns its result and its log lines.
pub async fn logged<T>(work: impl Future<Output = T>) -> (T, Vec<Value>) {
    let (result, text) = logged_text(work).await;
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"));
    (result, lines.collect())
}

/// The same with the log's raw text.
pub async fn logged_text<T>(work: impl Future<Output = T>) -> (T, String) {
    // With a single subscriber, `tracing` caches the answer of the first thread that reaches a log
    // statement, which may be another test's. With two it asks the subscribers each time.
    static OTHER: OnceLock<Dispatch> = OnceLock::new();
    OTHER.get_or_init(|| Dispatch::new(NoSubscriber::default()));
    let log = Log::default();
    let writer = log.clone();
    let subscriber = log::subscriber(move || writer.clone(), None);
    let result = work.with_subscriber(subscriber).await;
    let bytes = std::mem::take(&mut *log.0.lock().unwrap());
    (result, String::from_utf8(bytes).expect("the log is text"))
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The cost of a request according to its log line: DynamoDB calls, read units, write units.
pub async fn cost(call: Call<'_>) -> (Answer, [f64; 3]) {
    let (answer, lines) = logged(call.send()).await;
    let spent = |name: &str| lines[0][name].as_f64().unwrap();
    let cost = ["dynamodb_calls", "read_units", "write_units"].map(spent);
    (answer, cost)
}
