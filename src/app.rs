//! The function's entry point: it starts, then handles one request after another.

use std::future::Future;

use futures_util::future::join_all;
use lambda_http::tower::util::MapRequest;
use lambda_http::{Adapter, Body, Error, Request, Response, lambda_runtime, service_fn};
use scim::ScimError;
use store::{Store, StoreError, Timeouts};

use crate::config::Config;
use crate::http::auth::{self, Presented};
use crate::http::{answer, repair_url, respond};
use crate::instance::Instance;
use crate::instance::refusals::Refused;
use crate::log::{self, Panic, Trace};
use crate::service::{Cause, Failure};

/// Runs the function until Lambda ends it.
///
/// # Errors
/// When an environment variable is unusable, a table is one of another kind, or Lambda's Runtime
/// API cannot be reached.
pub async fn run() -> Result<(), Error> {
    log::install(std::io::stdout, std::env::var("RUST_LOG").ok().as_deref());
    let config = Config::read(|name| std::env::var(name).ok())?;
    let sdk_config = aws_config::load_from_env().await;
    let store = Store::connect(&sdk_config, config.tables.clone(), Timeouts::default());
    let instance = &Instance::new(store, config);
    auth::warm_up(instance).await?;
    let handler = Adapter::from(service_fn(move |request| async move {
        Ok::<_, Error>(handle(instance, request).await)
    }));
    lambda_runtime::run(MapRequest::new(handler, repair_url)).await
}

/// Answers a request. It never fails and never lets a panic through: any failure becomes a SCIM
/// error body, with the cause in the log under the request's id.
pub async fn handle(instance: &Instance, request: Request) -> Response<Body> {
    let trace = Trace::start(&request);
    let presented = Presented::read(&request);
    let outcome = within_deadline(instance, answer(instance, &request, &presented, &trace)).await;
    let cost = trace.meter().cost();
    presented.settle(instance, &cost, trace.memberships()).await;
    let note = |error: &ScimError, count| {
        let refused = Refused {
            tenant: trace.tenant().or(presented.named_tenant()).cloned(),
            is_issued: trace.tenant().is_some(),
            method: request.method().clone(),
            route: trace.route(),
            request_id: trace.request_id().to_owned(),
            error: error.clone(),
            count,
        };
        async { instance.note_refusal(refused, trace.meter()).await }
    };
    let (mut response, failure) = match outcome {
        Ok(response) => {
            let refusals = trace.inner_refusals().iter();
            join_all(refusals.map(|(error, count)| note(error, *count))).await;
            (response, None)
        }
        Err(failure) => {
            note(&failure.error, 1).await;
            let response = respond::error(&failure, trace.request_id());
            (response, Some(failure))
        }
    };
    respond::complete(&mut response, request.method());
    trace.finish(&request, response.status(), failure.as_ref());
    response
}

/// The result of the work, or what ended it early: the request's deadline, or a panic.
async fn within_deadline<T>(
    instance: &Instance,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let deadline = instance.config.request_deadline;
    match tokio::time::timeout(deadline, Panic::caught(work)).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => Err(Failure {
            cause: Some(Cause::Panic(panic)),
            ..ScimError::Internal("the service failed".to_owned()).into()
        }),
        Err(elapsed) => Err(Failure {
            cause: Some(Cause::Store(StoreError::Unavailable {
                message: "the request's deadline has passed".to_owned(),
                source: elapsed.into(),
            })),
            ..ScimError::Unavailable(
                "the directory did not answer in time; send the request again".to_owned(),
            )
            .into()
        }),
    }
}
