//! Lambda's Runtime API on a loopback port, for one function that gets one event at a time.

use std::future::pending;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Gives a function its events and collects its answers. Ends when dropped.
pub struct RuntimeApi {
    address: String,
    events: mpsc::UnboundedSender<String>,
    answers: mpsc::UnboundedReceiver<Result<String, String>>,
    asked: mpsc::UnboundedReceiver<()>,
    /// Events after which the function has not asked for the next one yet.
    busy_with: usize,
    /// Events that were sent, and those that the function has received.
    sent: usize,
    delivered: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

/// State shared by the handlers.
struct Shared {
    events: Mutex<mpsc::UnboundedReceiver<String>>,
    answers: mpsc::UnboundedSender<Result<String, String>>,
    asked: mpsc::UnboundedSender<()>,
    delivered: Arc<AtomicUsize>,
}

/// Longer than the function lets any request take.
const PATIENCE: Duration = Duration::from_secs(60);

impl RuntimeApi {
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?.to_string();
        let (events, waiting) = mpsc::unbounded_channel();
        let (answered, answers) = mpsc::unbounded_channel();
        let (asks, asked) = mpsc::unbounded_channel();
        let delivered = Arc::new(AtomicUsize::new(0));
        let shared = Arc::new(Shared {
            delivered: Arc::clone(&delivered),
            events: Mutex::new(waiting),
            answers: answered,
            asked: asks,
        });
        let invocation = "/2018-06-01/runtime/invocation";
        let router = Router::new()
            .route(&format!("{invocation}/next"), get(next))
            .route(&format!("{invocation}/{{id}}/response"), post(response))
            .route(&format!("{invocation}/{{id}}/error"), post(error))
            .route("/2018-06-01/runtime/init/error", post(error))
            .layer(DefaultBodyLimit::disable())
            .with_state(shared);
        // Otherwise an answer in two parts could wait for the acknowledgement of the first.
        let listener = listener.tap_io(|connection| {
            let _ = connection.set_nodelay(true);
        });
        let server = tokio::spawn(async {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("the Runtime API ended: {error}");
            }
        });
        Ok(Self {
            address,
            events,
            answers,
            asked,
            // The start counts as busy until the function asks for its first event.
            busy_with: 1,
            sent: 0,
            delivered,
            server,
        })
    }

    /// Whether the function has received the latest event.
    pub fn has_delivered(&self) -> bool {
        self.delivered.load(Relaxed) == self.sent
    }

    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Has the function answer an event. Waits for a function that is still starting. Returns the
    /// answer in API Gateway's format.
    pub async fn invoke(&mut self, event: String) -> Result<Value> {
        self.events.send(event).context("the Runtime API ended")?;
        self.busy_with += 1;
        self.sent += 1;
        let answer = timeout(PATIENCE, self.answers.recv())
            .await
            .context("the function does not answer")?
            .context("the Runtime API ended")?;
        match answer {
            Ok(text) => serde_json::from_str(&text).context("the function's answer is no JSON"),
            Err(text) => bail!("the function failed: {text}"),
        }
    }

    /// Returns when the function asks for the next event: until then it is still busy with the last
    /// one.
    pub async fn until_idle(&mut self) -> Result<()> {
        while self.busy_with > 0 {
            timeout(PATIENCE, self.asked.recv())
                .await
                .context("the function does not ask for an event")?
                .context("the Runtime API ended")?;
            self.busy_with -= 1;
        }
        Ok(())
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let _ = shared.asked.send(());
    let Some(event) = shared.events.lock().await.recv().await else {
        // The run is over; the function will be killed before it notices.
        return pending().await;
    };
    shared.delivered.fetch_add(1, Relaxed);
    let deadline = SystemTime::now() + Duration::from_secs(30);
    let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default();
    let headers = [
        ("content-type", "application/json".to_owned()),
        (
            "lambda-runtime-aws-request-id",
            "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned(),
        ),
        (
            "lambda-runtime-deadline-ms",
            deadline.as_millis().to_string(),
        ),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:scim".to_owned(),
        ),
        (
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0".to_owned(),
        ),
    ];
    (headers, event)
}

async fn response(State(shared): State<Arc<Shared>>, body: String) -> StatusCode {
    let _ = shared.answers.send(Ok(body));
    StatusCode::ACCEPTED
}

async fn error(State(shared): State<Arc<Shared>>, body: String) -> StatusCode {
    let _ = shared.answers.send(Err(body));
    StatusCode::ACCEPTED
}
