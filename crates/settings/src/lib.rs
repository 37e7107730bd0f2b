//! Settings > API & Integrations: the page from which a tenant's admin connects Entra.
//!
//! A request becomes an [`asked::Asked`], [`guard`] says whose it is, [`pages`] answer it. Every
//! page is whole HTML; the script (`assets/settings.js`) only copies, shows local times and asks
//! whether the first request has come. What a page shows and does are use cases of `account`.

mod asked;
mod assets;
mod charts;
pub mod config;
mod failed;
mod guard;
mod html;
mod label;
mod logged;
mod pages;
mod respond;
mod route;
mod texts;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use function::event::repair_url;
use function::invocation::FirstRequest;
use function::panic::Panic;
use lambda_http::tower::util::MapRequest;
use lambda_http::{Adapter, Body, Error, Request, Response, lambda_runtime, service_fn};
use oauth::Authorities;
use store::client::tables::TablesError;
use store::sessions::Sessions;
use store::{Meter, Store, Timeouts};

use asked::Asked;
use config::Config;
use failed::Failed;

/// How long a request may take before it is answered with an error.
const DEADLINE: Duration = Duration::from_secs(8);

/// How long the start of the function may wait for DynamoDB: the first request can wait instead.
const WARM_UP: Duration = Duration::from_secs(1);

/// What the function has for as long as it lives.
#[derive(Debug)]
pub struct App {
    sessions: Sessions,
    /// What comes before `/settings` and `/scim/v2`; else the host of each request.
    public_url: Option<String>,
    /// In whose issuers clients may trust.
    authorities: Authorities,
    /// Whether there was a request already.
    first: FirstRequest,
}

impl App {
    /// The function over these tables.
    pub fn new(
        store: &Store,
        sessions_table: &str,
        public_url: Option<String>,
        authorities: Authorities,
    ) -> Self {
        Self {
            sessions: store.sessions(sessions_table),
            public_url,
            authorities,
            first: FirstRequest::default(),
        }
    }
}

/// Runs the function until Lambda ends it.
///
/// # Errors
/// When an environment variable is unusable, a table is one of another kind, or Lambda's Runtime
/// API cannot be reached.
pub async fn run() -> Result<(), Error> {
    let filter = std::env::var("RUST_LOG").ok();
    function::log::install(std::io::stdout, filter.as_deref());
    let config = Config::read(|name| std::env::var(name).ok())?;
    let sdk_config = aws_config::load_from_env().await;
    let store = Store::connect(&sdk_config, config.tables.clone(), Timeouts::default());
    let app = &App::new(
        &store,
        &config.sessions_table,
        config.public_url,
        config.authorities,
    );
    warm_up(app).await?;
    let handler = Adapter::from(service_fn(move |request| async move {
        Ok::<_, Error>(handle(app, request).await)
    }));
    lambda_runtime::run(MapRequest::new(handler, repair_url)).await
}

/// Opens the connections for the first request, and finds tables whose names are exchanged. Other
/// failures will recur with the first request, which can report them.
async fn warm_up(app: &App) -> Result<(), TablesError> {
    match tokio::time::timeout(WARM_UP, app.sessions.check_tables()).await {
        Ok(Err(error @ TablesError::OtherKind { .. })) => Err(error),
        _ => Ok(()),
    }
}

/// Answers a request. It never fails and never lets a panic through.
pub async fn handle(app: &App, request: Request) -> Response<Body> {
    let started = Instant::now();
    let meter = Arc::new(Meter::default());
    let asked = Asked::read(app, &request);
    let visit = OnceLock::new();
    let work = Panic::caught(Box::pin(pages::answer(app, &asked, &meter, &visit)));
    let outcome = match tokio::time::timeout(DEADLINE, work).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => Err(Failed::Panic(panic)),
        Err(_) => Err(Failed::TooLate),
    };
    let (mut response, cause) = match outcome {
        Ok(response) => (response, None),
        Err(failed) => {
            let response = pages::failed(&asked, &failed, visit.get());
            (response, failed.cause())
        }
    };
    respond::complete(&mut response, &asked);
    let took = started.elapsed();
    logged::line(&asked, response.status(), took, &meter.cost(), cause);
    response
}
