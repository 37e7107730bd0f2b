//! What the function writes to its log while it answers.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, OnceLock};

use hellotracks_scim::log;
use serde_json::Value;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use crate::support::service::{Answer, Call};

/// Runs `work` and returns its result and the lines that it logged.
pub async fn logged<T>(work: impl Future<Output = T>) -> (T, Vec<Value>) {
    let (result, text) = logged_text(work).await;
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"));
    (result, lines.collect())
}

/// The same with the log as it was written.
pub async fn logged_text<T>(work: impl Future<Output = T>) -> (T, String) {
    // With one subscriber alive, `tracing` asks the first thread that comes to a log statement
    // whether anybody listens. That may be another test's. With two it asks the subscribers.
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

/// What a request cost, as its log line says: DynamoDB calls, read units, write units.
pub async fn cost(call: Call<'_>) -> (Answer, [f64; 3]) {
    let (answer, lines) = logged(call.send()).await;
    let spent = |name: &str| lines[0][name].as_f64().unwrap();
    let cost = ["dynamodb_calls", "read_units", "write_units"].map(spent);
    (answer, cost)
}
