//! The Lambda function: environment, clients, then one request after the other.

use hellotracks_scim::config::Config;
use hellotracks_scim::http::{App, handle, repair_url, warm_up};
use lambda_http::tower::util::MapRequest;
use lambda_http::{Adapter, Error, lambda_runtime, service_fn};
use store::{Store, Timeouts};
use tracing_subscriber::EnvFilter;

// One thread: a request waits more than it works, and Lambda sends the next one when it is answered.
// Several threads would wake one another at every step of a call to DynamoDB.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_env_filter(
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")),
        )
        .init();
    let config = Config::read(|name| std::env::var(name).ok())?;
    let sdk_config = aws_config::load_from_env().await;
    let store = Store::connect(&sdk_config, config.tables.clone(), Timeouts::default());
    let app = &App::new(store, config);
    warm_up(app).await;
    let handler = Adapter::from(service_fn(move |request| async move {
        Ok::<_, Error>(handle(app, request).await)
    }));
    lambda_runtime::run(MapRequest::new(handler, repair_url)).await
}
