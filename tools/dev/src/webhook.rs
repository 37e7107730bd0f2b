//! POSTs each event to `EVENTS_URL`, in the form in which an API destination of EventBridge does.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http::{Request, Uri};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{sleep, timeout};

/// How long an answer may take, as on AWS.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pauses before an event is sent again. AWS goes on for a day.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// How many events may wait while one is sent. Further ones are not sent: the file of all events
/// must not wait for a URL that does not answer.
const WAITING: usize = 1_000;

/// Sends events, one after another, beside everything else.
pub struct Webhook(Sender<String>);

impl Webhook {
    pub fn start(url: &str) -> Result<Self> {
        let url: Uri = url.parse().with_context(|| wrong(url))?;
        let builder = Connector::builder();
        let connector = match url.scheme_str() {
            Some("https") => builder
                .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
                .build(),
            Some("http") => builder.build_http(),
            _ => bail!(wrong(&url.to_string())),
        };
        ensure!(url.host().is_some(), wrong(&url.to_string()));
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(send_all(connector, url, receiver));
        Ok(Self(sender))
    }

    /// Has an event sent, unless very many wait for it.
    pub fn send(&self, event: String) {
        if self.0.try_send(event).is_err() {
            println!("event not sent to EVENTS_URL: {WAITING} others wait for an answer");
        }
    }
}

fn wrong(url: &str) -> String {
    format!("EVENTS_URL is `{url}`; it must be a URL that starts with http:// or https://")
}

async fn send_all(connector: Connector, url: Uri, mut events: Receiver<String>) {
    while let Some(event) = events.recv().await {
        let mut pauses = PAUSES.iter();
        while let Err(error) = post(&connector, &url, &event).await {
            let Some(pause) = pauses.next() else {
                println!("event not sent to EVENTS_URL: {error:#}");
                break;
            };
            sleep(*pause).await;
        }
    }
}

async fn post(connector: &Connector, url: &Uri, event: &str) -> Result<()> {
    let request = Request::post(url.clone())
        .header("content-type", "application/json; charset=utf-8")
        .body(SdkBody::from(event))?;
    let answer = timeout(PATIENCE, connector.call(HttpRequest::try_from(request)?));
    let answer = answer.await.context("no answer came in time")??;
    let status = answer.status();
    ensure!(
        status.is_success(),
        "the answer had status {}",
        status.as_u16()
    );
    Ok(())
}
