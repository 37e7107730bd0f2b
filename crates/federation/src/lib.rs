//! Fetches the public keys of the issuers of assertions (RFC 7517, section 5): one GET over HTTPS,
//! with limits, and no understanding of what comes back.
//!
//! The client is the AWS SDK's, which the function has in any case: no second TLS stack, and no
//! crate more. Nothing here decides where to ask: the caller makes the URL from its configuration.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use http::header::{ACCEPT, CACHE_CONTROL};
use http::{Request, StatusCode, Uri};
use tokio::time::timeout;

#[cfg(test)]
mod tests;

/// How long a fetch may take from the look-up of the host's name to the last byte. A client waits
/// for its token meanwhile; issuers answer in a tenth of a second.
const MAX_TIME: Duration = Duration::from_secs(2);

/// The largest answer. An issuer has some ten keys of 2 KB each.
const MAX_BODY: usize = 1024 * 1024;

/// Fetches keys. A process creates one and clones it; the clones share their set-up.
#[derive(Clone, Default)]
pub struct Fetcher(Arc<Connectors>);

/// Each is made when it is first needed. Reading the trust store costs milliseconds of a start, and
/// most instances never fetch keys.
#[derive(Default)]
struct Connectors {
    encrypted: OnceLock<Connector>,
    plain: OnceLock<Connector>,
}

/// What an issuer answered, with status 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The body, whole and not looked at.
    pub body: Vec<u8>,
    /// The header `Cache-Control`; several lines of it as one (RFC 9110, section 5.3).
    pub cache_control: Option<String>,
}

/// Why no keys were fetched, in words for an operator. The URL is left out: who logs the error
/// knows whose keys were asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The URL is neither `https://` nor `http://` with a loopback host. Nothing was sent.
    #[error("keys are fetched over https only")]
    NotHttps,
    /// No connection, no trust in the host's certificate, or an answer that is not HTTP.
    #[error("no answer came: {0}")]
    Unreachable(String),
    /// The answer was not there in time, or not whole.
    #[error("there was no complete answer after {} seconds", MAX_TIME.as_secs())]
    TimedOut,
    /// A status other than 200. Redirects are not followed: the keys that count are those of the
    /// host that was asked.
    #[error("the answer had status {0} and not 200")]
    Status(u16),
    /// The answer is larger than anything that could be a set of keys. It was not read to its end.
    #[error("the answer is larger than {MAX_BODY} bytes")]
    TooLarge,
    /// The connection ended before the answer did.
    #[error("the answer broke off: {0}")]
    BrokenOff(String),
}

impl Fetcher {
    /// Does nothing yet: neither is the trust store read nor a connection opened.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks once for what is at `url`, which begins with `https://`; with `http://` only on the
    /// loopback, where tests and development have their issuer.
    ///
    /// # Errors
    /// For anything but a complete answer with status 200 in time. A caller may ask again later.
    pub async fn fetch(&self, url: &str) -> Result<Fetched, FetchError> {
        let url: Uri = url.parse().map_err(|_| FetchError::NotHttps)?;
        let connector = self.0.for_url(&url)?;
        let answer = timeout(MAX_TIME, get(connector, url)).await;
        answer.unwrap_or(Err(FetchError::TimedOut))
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher").finish_non_exhaustive()
    }
}

impl Connectors {
    /// Neither keeps a connection open. Keys are fetched once in an hour, and a connection from
    /// before a pause looks open when it is long dead.
    fn for_url(&self, url: &Uri) -> Result<&Connector, FetchError> {
        let builder = || Connector::builder().pool_max_idle_per_host(0);
        match (url.scheme_str(), url.host()) {
            (Some("https"), Some(_)) => Ok(self.encrypted.get_or_init(|| {
                builder()
                    .proxy_config(ProxyConfig::from_env())
                    .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
                    .build()
            })),
            // Without the proxy, for which the loopback would be its own.
            (Some("http"), Some("127.0.0.1" | "[::1]" | "localhost")) => {
                Ok(self.plain.get_or_init(|| builder().build_http()))
            }
            _ => Err(FetchError::NotHttps),
        }
    }
}

async fn get(connector: &Connector, url: Uri) -> Result<Fetched, FetchError> {
    let request = Request::get(url)
        .header(ACCEPT, "application/json")
        .body(SdkBody::empty())
        .map_err(|error| FetchError::Unreachable(error.to_string()))?;
    let request = HttpRequest::try_from(request)
        .map_err(|error| FetchError::Unreachable(error.to_string()))?;
    let answer = connector.call(request).await;
    let answer = answer.map_err(|error| FetchError::Unreachable(with_causes(&error)))?;
    let status = answer.status().as_u16();
    if status != StatusCode::OK.as_u16() {
        return Err(FetchError::Status(status));
    }
    let lines: Vec<&str> = answer.headers().get_all(CACHE_CONTROL.as_str()).collect();
    let cache_control = (!lines.is_empty()).then(|| lines.join(", "));
    let body = read(answer).await?;
    Ok(Fetched {
        body,
        cache_control,
    })
}

/// The body, of which nothing is kept if it is too large.
async fn read(answer: HttpResponse) -> Result<Vec<u8>, FetchError> {
    let answer = answer.into_body();
    let announced = answer.content_length();
    if announced.is_some_and(|length| length > MAX_BODY as u64) {
        return Err(FetchError::TooLarge);
    }
    let mut chunks = ByteStream::new(answer);
    let mut body = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| FetchError::BrokenOff(with_causes(&error)))?;
        if body.len() + chunk.len() > MAX_BODY {
            return Err(FetchError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// An error with its causes, on one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
