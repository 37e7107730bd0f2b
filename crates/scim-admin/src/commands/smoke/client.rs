//! HTTP as Entra speaks it: without `User-Agent`, and without following a redirect.

use std::error::Error;
use std::time::{Duration, Instant};

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use http::Request;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use serde_json::Value;
use tenant::ApiKey;
use tokio::time::timeout;

use super::answer::Answer;

/// How long an answer may take. The service gives up after eight seconds by default.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest answer that is read. Those to these requests have some hundred bytes.
const MAX_BODY: usize = 1024 * 1024;

/// A request.
pub struct Call<'c> {
    pub method: &'static str,
    /// Below `/scim/v2`.
    pub path: &'c str,
    pub key: &'c ApiKey,
    pub body: Option<Value>,
}

/// Sends requests to one service.
pub struct Client {
    connector: Connector,
    base: String,
}

impl Client {
    /// One for the service at this address.
    pub fn new(base: &str) -> Self {
        let connector = match base.starts_with("https://") {
            true => Connector::builder()
                .proxy_config(ProxyConfig::from_env())
                .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
                .build(),
            // Without the proxy, for which the own machine would be another one.
            false => Connector::builder().build_http(),
        };
        Self {
            connector,
            base: base.to_owned(),
        }
    }

    /// Sends a request; returns how long the answer took, and the answer or why there is none.
    pub async fn send(&self, call: &Call<'_>) -> (Duration, Result<Answer, String>) {
        let started = Instant::now();
        let answer = match timeout(PATIENCE, self.answer(call)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!(
                "no complete answer came within {} seconds; look at the function's log and at what is between it and here",
                PATIENCE.as_secs()
            )),
        };
        (started.elapsed(), answer)
    }

    async fn answer(&self, call: &Call<'_>) -> Result<Answer, String> {
        let Call { method, key, .. } = call;
        let unreachable = |error: &dyn Error| {
            format!(
                "no answer came: {}; look whether --url is right, its name can be resolved, and its certificate is valid",
                causes(error)
            )
        };
        let mut request = Request::builder()
            .method(*method)
            .uri(format!("{}/scim/v2{}", self.base, call.path))
            .header(AUTHORIZATION, format!("Bearer {}", key.expose()))
            .header(ACCEPT, "application/scim+json");
        if call.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/scim+json; charset=utf-8");
        }
        let body = call.body.as_ref();
        let body = body.map_or_else(SdkBody::empty, |body| SdkBody::from(body.to_string()));
        let request = request.body(body).map_err(|error| unreachable(&error))?;
        let request = HttpRequest::try_from(request).map_err(|error| unreachable(&error))?;
        let answer = self.connector.call(request).await;
        let answer = answer.map_err(|error| unreachable(&error))?;
        let status = answer.status().as_u16();
        // Whatever sends the key back, or a part of it: it is not shown.
        let whole = key.expose();
        let secret = whole.rsplit('_').nth(1).unwrap_or(whole);
        let mute = |text: &str| text.replace(whole, "…").replace(secret, "…");
        let header = |name| answer.headers().get(name).map(mute);
        let [kind, location, request_id] =
            ["content-type", "location", "apigw-requestid"].map(header);
        let mut chunks = ByteStream::new(answer.into_body());
        let mut body = Vec::new();
        while let Some(chunk) = chunks.next().await {
            body.extend_from_slice(&chunk.map_err(|error| unreachable(&error))?);
            if body.len() > MAX_BODY {
                return Err(format!("the answer is larger than {MAX_BODY} bytes"));
            }
        }
        Ok(Answer {
            status,
            kind: kind.unwrap_or_default(),
            location,
            request_id,
            body: mute(&String::from_utf8_lossy(&body)),
        })
    }
}

/// An error with its causes, on one line. What wraps another error may have its text.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}
