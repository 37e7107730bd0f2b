//! How the service connects to DynamoDB: timeouts and retries.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;

use super::connections::Connections;
use super::{Store, Tables};

/// How long to wait for DynamoDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To open a connection.
    pub connect: Duration,
    /// For one attempt of a call.
    pub attempt: Duration,
    /// For a call including all its attempts. It leaves the function time to answer that DynamoDB
    /// is unavailable, which makes the identity provider try again later.
    pub operation: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            attempt: Duration::from_secs(2),
            operation: Duration::from_secs(6),
        }
    }
}

/// Maximum number of attempts per call, including the first.
const MAX_ATTEMPTS: u32 = 5;
const INITIAL_BACKOFF: Duration = Duration::from_millis(50);
const MAX_BACKOFF: Duration = Duration::from_secs(1);

impl Store {
    /// A store over the two named tables. Makes no call. A process creates one and clones it.
    ///
    /// The endpoint is the region's, or that of `AWS_ENDPOINT_URL_DYNAMODB`, which the SDK reads.
    ///
    /// The SDK repeats a call whose answer was lost. That is safe for reads. It is safe for
    /// TransactWriteItems too: the SDK puts a random `ClientRequestToken` into the request before
    /// the first attempt, every attempt sends the same bytes, and DynamoDB answers a token seen in
    /// the last ten minutes with success and without a second write. Other writes have no such
    /// token: a repeated conditional PutItem fails because of its own first attempt. So conditional
    /// writes are transactions, even for one item, unless their caller treats that as a lost race.
    pub fn connect(sdk_config: &SdkConfig, tables: Tables, timeouts: Timeouts) -> Self {
        let retries = RetryConfig::standard()
            .with_max_attempts(MAX_ATTEMPTS)
            .with_initial_backoff(INITIAL_BACKOFF)
            .with_max_backoff(MAX_BACKOFF);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(timeouts.connect)
            .operation_attempt_timeout(timeouts.attempt)
            .operation_timeout(timeouts.operation)
            .build();
        let is_local = |url: &str| url.starts_with("http://");
        let is_encrypted = !sdk_config.endpoint_url().is_some_and(is_local);
        let config = Builder::from(sdk_config)
            .http_client(Connections::new(is_encrypted))
            .retry_config(retries)
            .timeout_config(timeouts)
            .build();
        Self::new(Client::from_conf(config), tables)
    }
}
