//! The edge: an API Gateway request in, a SCIM answer out, whatever happens in between.
//!
//! The only folder that names `lambda_http`. [`route`] has every URL on one page.

mod auth;
mod log;
mod request;
mod respond;
mod route;

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use lambda_http::{Body, Request, Response};
use time::OffsetDateTime;

use crate::config::Config;
use crate::scim::ScimError;
use crate::service::{Failure, IfMatch, Resources};
use crate::storage::Store;

use log::Trace;
use route::{Operation, Route};

/// What lives as long as the process.
#[derive(Debug)]
pub struct App {
    /// The connection to DynamoDB.
    pub store: Store,
    /// The environment.
    pub config: Config,
}

/// Answers a request. Never fails and never panics outward: whatever goes wrong is a SCIM error
/// body, and the cause is in the log under the request's id.
pub async fn handle(app: &App, request: Request) -> Response<Body> {
    let trace = Trace::start(&request);
    let work = AssertUnwindSafe(answer(app, &request, &trace)).catch_unwind();
    let outcome = match tokio::time::timeout(app.config.request_deadline, work).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_panic)) => Err(ScimError::Internal("the service failed".to_owned()).into()),
        Err(_elapsed) => Err(ScimError::Unavailable(
            "the directory did not answer in time; send the request again".to_owned(),
        )
        .into()),
    };
    let (response, failure) = match outcome {
        Ok(response) => (response, None),
        Err(failure) => (
            respond::error(&failure.error, trace.request_id()),
            Some(failure),
        ),
    };
    trace.finish(&request, response.status(), failure.as_ref());
    response
}

async fn answer(app: &App, request: &Request, trace: &Trace) -> Result<Response<Body>, Failure> {
    let target = route::Target::parse(request::path(request))?;
    let now = OffsetDateTime::now_utc().truncate_to_millisecond();
    let tenant = auth::authenticate(app, request, now, trace).await?;
    let Route { name, operation } = route::route(request.method(), &target)?;
    trace.set_route(name);
    let base = request::base_url(request, app.config.public_url.as_deref(), &target);
    let query = request::Query::parse(request);
    let resources = |resource_type| Resources {
        store: app.store.tenant(&tenant, trace.meter()),
        resource_type,
        base: &base,
        now,
        retention: app.config.tombstone_retention,
    };
    let if_match = || IfMatch(request::header(request, "if-match"));
    match operation {
        Operation::Discover(document) => {
            query.refuse_filter(&document)?;
            respond::discovery(&document, &base)
        }
        Operation::List(resource_type) => {
            let list = resources(resource_type)
                .list(&query.list(resource_type)?)
                .await?;
            Ok(respond::list(&list))
        }
        Operation::Create(resource_type) => {
            let body = request::body(request)?;
            let created = resources(resource_type)
                .create(body, &query.projection(resource_type))
                .await?;
            Ok(respond::created(created))
        }
        Operation::Get(resource_type, id) => {
            let found = resources(resource_type)
                .get(&id, &query.projection(resource_type))
                .await?;
            Ok(respond::found(
                found,
                request::header(request, "if-none-match").as_deref(),
            ))
        }
        Operation::Patch(resource_type, id) => {
            let body = request::body(request)?;
            let projection = query.projection(resource_type);
            let changed = resources(resource_type)
                .patch(&id, body, &if_match(), &projection)
                .await?;
            Ok(respond::changed(changed))
        }
        Operation::Replace(resource_type, id) => {
            let body = request::body(request)?;
            let projection = query.projection(resource_type);
            let changed = resources(resource_type)
                .replace(&id, body, &if_match(), &projection)
                .await?;
            Ok(respond::changed(changed))
        }
        Operation::Delete(resource_type, id) => {
            resources(resource_type).delete(&id, &if_match()).await?;
            Ok(respond::deleted())
        }
    }
}
