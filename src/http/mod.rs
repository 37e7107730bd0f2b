//! The edge: an API Gateway request in, a SCIM answer out, whatever happens in between.
//!
//! The only folder that names `lambda_http`. [`route`] has every URL on one page.

mod auth;
mod event;
mod key_use;
mod log;
mod rate;
mod refusals;
mod request;
mod respond;
mod route;

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::join_all;
use lambda_http::{Body, Request, Response};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::config::Config;
use crate::service::{Directory, Failure, IfMatch};
use scim::ScimError;
use scim::bulk::BulkRequest;
use scim::discovery::RESOURCE_TYPES;
use scim::list::ListRequest;
use scim::project::Projection;
use store::{Gate, Store, StoreError};

pub use auth::warm_up;
pub use event::{UNFIT, repair_url};

use key_use::KeyUses;
use log::Trace;
use refusals::Refusals;
use route::{Document, Operation, Route};

/// What lives as long as the process.
#[derive(Debug)]
pub struct App {
    /// The connection to DynamoDB.
    pub store: Store,
    /// The environment.
    pub config: Config,
    key_uses: KeyUses,
    refusals: Refusals,
}

impl App {
    /// A process that has answered nothing yet.
    pub fn new(store: Store, config: Config) -> Self {
        Self {
            store,
            config,
            key_uses: KeyUses::default(),
            refusals: Refusals::default(),
        }
    }
}

/// Answers a request. Never fails and never panics outward: whatever goes wrong is a SCIM error
/// body, and the cause is in the log under the request's id.
pub async fn handle(app: &App, request: Request) -> Response<Body> {
    let trace = Trace::start(&request);
    let work = AssertUnwindSafe(answer(app, &request, &trace)).catch_unwind();
    let outcome = match tokio::time::timeout(app.config.request_deadline, work).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_panic)) => Err(ScimError::Internal("the service failed".to_owned()).into()),
        Err(elapsed) => Err(Failure {
            error: ScimError::Unavailable(
                "the directory did not answer in time; send the request again".to_owned(),
            ),
            cause: Some(StoreError::Unavailable {
                message: "the request's deadline has passed".to_owned(),
                source: elapsed.into(),
            }),
            existing: None,
        }),
    };
    let (response, failure) = match outcome {
        Ok(response) => {
            let notes = trace
                .inner_refusals()
                .iter()
                .map(|(error, count)| refusals::note(app, &request, &trace, error, *count));
            join_all(notes).await;
            (response, None)
        }
        Err(failure) => {
            refusals::note(app, &request, &trace, &failure.error, 1).await;
            (respond::error(&failure, trace.request_id()), Some(failure))
        }
    };
    trace.finish(&request, response.status(), failure.as_ref());
    response
}

async fn answer(app: &App, request: &Request, trace: &Trace) -> Result<Response<Body>, Failure> {
    let target = route::Target::parse(request::path(request))?;
    let now = OffsetDateTime::now_utc().truncate_to_millisecond();
    let base = request::base_url(request, app.config.public_url.as_deref(), &target);
    match route::route(request.method(), &target) {
        Ok(Route::Discovery(name, document)) => {
            trace.set_route(name);
            if !app.config.public_discovery || auth::has_credentials(request) {
                auth::authenticate(app, request, now, trace).await?;
            }
            refuse_filter(&document, &request::parameters(request))?;
            respond::discovery(&document, &base)
        }
        Ok(Route::Directory(name, operation)) => {
            trace.set_route(name);
            let key = auth::presented_key(request)?;
            let cursor_key = key.digest();
            let gate = Gate::default();
            let directory = Directory {
                store: app.store.tenant(key.tenant(), trace.meter(), &gate),
                base: &base,
                now,
                key: cursor_key.key_id(),
                request_id: trace.request_id(),
                retention: app.config.tombstone_retention,
                history: app.config.history_retention,
                breaker: app.config.breaker,
                cursor_key: cursor_key.as_bytes(),
            };
            // The first read goes on while the key is checked. A refused key ends both, whatever
            // was found.
            let check = async {
                auth::check(app, &key, now, trace).await?;
                gate.open();
                Ok::<_, Failure>(())
            };
            let deadline = trace.started() + app.config.request_deadline / 2;
            // A bulk request is as many requests as it has operations. The key is charged for the
            // first of them when it is accepted.
            let charge = async |operations: usize| {
                gate.passed().await;
                auth::charge(app, &key, operations.saturating_sub(1), now)
            };
            let work = operate(operation, &directory, request, trace, deadline, charge);
            let ((), outcome) = tokio::try_join!(check, work.map(Ok))?;
            outcome
        }
        // Who has no key learns nothing of the routes either.
        Err(error) => {
            auth::authenticate(app, request, now, trace).await?;
            Err(error.into())
        }
    }
}

/// Runs an operation on a tenant's directory. A bulk request starts no operation after `deadline`,
/// and `charge` may refuse the number of its operations.
async fn operate(
    operation: Operation,
    directory: &Directory<'_>,
    request: &Request,
    trace: &Trace,
    deadline: Instant,
    charge: impl AsyncFnOnce(usize) -> Result<(), ScimError>,
) -> Result<Response<Body>, Failure> {
    let parameters = request::parameters(request);
    let projection = |resource_type| {
        Projection::parse(
            resource_type,
            parameters.attributes.as_deref(),
            parameters.excluded_attributes.as_deref(),
        )
    };
    let if_match = || IfMatch(request::header(request, "if-match"));
    match operation {
        Operation::List(resource_type) => {
            let list = directory.list(&[resource_type], &parameters).await?;
            Ok(respond::list(list))
        }
        Operation::ListAll => {
            let list = directory.list(RESOURCE_TYPES, &parameters).await?;
            Ok(respond::list(list))
        }
        Operation::Search(resource_types) => {
            let search = ListRequest::from_body(request::body(request)?.object()?)?;
            Ok(respond::list(
                directory.list(&resource_types, &search).await?,
            ))
        }
        Operation::Bulk => {
            let body = request::body(request)?.object()?;
            let bulk = BulkRequest::parse(body, RESOURCE_TYPES)?;
            charge(bulk.operations.len()).await?;
            let mut done = directory.bulk(bulk, deadline).await;
            trace.set_inner_refusals(done.refusals());
            trace.set_inner_failure(done.cause());
            Ok(respond::bulk(done))
        }
        Operation::Create(resource_type) => {
            let body = request::body(request)?;
            let projection = projection(resource_type);
            let created = directory.create(resource_type, body, &projection).await?;
            Ok(respond::created(created))
        }
        Operation::Get(resource_type, id) => {
            let projection = projection(resource_type);
            let found = directory.get(resource_type, &id, &projection).await?;
            let known = request::header(request, "if-none-match");
            Ok(respond::found(found, known.as_deref()))
        }
        Operation::Patch(resource_type, id) => {
            let body = request::body(request)?;
            let projection = projection(resource_type);
            let changed = directory
                .patch(resource_type, &id, body, &if_match(), &projection)
                .await?;
            Ok(respond::changed(changed))
        }
        Operation::Replace(resource_type, id) => {
            let body = request::body(request)?;
            let projection = projection(resource_type);
            let changed = directory
                .replace(resource_type, &id, body, &if_match(), &projection)
                .await?;
            Ok(respond::changed(changed))
        }
        Operation::Delete(resource_type, id) => {
            directory.delete(resource_type, &id, &if_match()).await?;
            Ok(respond::deleted())
        }
    }
}

/// RFC 7644 §4: a filter on `/Schemas` or `/ResourceTypes` is refused, so that no client takes the
/// whole list for the result; on `/ServiceProviderConfig` it is ignored.
fn refuse_filter(document: &Document, parameters: &ListRequest) -> Result<(), ScimError> {
    match document {
        Document::ServiceProviderConfig => Ok(()),
        _ if parameters.filter.is_none() => Ok(()),
        _ => Err(ScimError::Forbidden(
            "discovery cannot be filtered; leave `filter` out".to_owned(),
        )),
    }
}
