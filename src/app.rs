//! The function's entry point: it starts, then handles one request after another.

use std::future::Future;

use lambda_http::tower::util::MapRequest;
use lambda_http::{Adapter, Body, Error, Request, Response, lambda_runtime, service_fn};
use scim::ScimError;
use store::{Store, StoreError, Timeouts};
use tenant::TenantId;

use crate::config::Config;
use crate::http::auth::{self, Presented};
use crate::http::{answer, refused, repair_url, request, respond};
use crate::instance::Instance;
use crate::instance::noted::Noted;
use crate::log::{self, Panic, Trace};
use crate::oauth;
use crate::service::{Cause, Failure, Told};

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

/// Answers a request. It never fails and never lets a panic through: any failure becomes an error
/// body, with the cause in the log under the request's id.
pub async fn handle(instance: &Instance, request: Request) -> Response<Body> {
    let trace = Trace::start(&request, &instance.first);
    // Boxed: the state of a request is large, and what waits for it would hold that of both.
    let (mut response, failure, trace) = match oauth::Target::parse(request::path(&request)) {
        Some(target) => {
            let handled = Box::pin(handle_oauth(instance, &request, &target, &trace));
            let (response, failure) = handled.await;
            (response, failure, trace)
        }
        None => Box::pin(handle_scim(instance, &request, trace)).await,
    };
    respond::complete(&mut response, request.method());
    trace.finish(&request, response.status(), failure.as_ref());
    response
}

async fn handle_scim(
    instance: &Instance,
    request: &Request,
    mut trace: Trace,
) -> (Response<Body>, Option<Failure>, Trace) {
    let presented = Presented::read(request);
    let outcome = within_deadline(instance, answer(instance, request, &presented, &trace)).await;
    let cost = trace.meter().cost();
    presented.settle(instance, &cost, trace.memberships()).await;
    let told = trace.take_told();
    let named = presented.named_tenant();
    let (response, failure) = match outcome {
        Ok(response) => {
            if let Some((tenant, _)) = trace.credentials() {
                instance.count_success(tenant);
            }
            let errors = trace.inner_refusals().to_vec();
            note(instance, request, named, &trace, (errors, told), true).await;
            (response, None)
        }
        Err(failure) => {
            let error = &failure.error;
            let told = refused::told(instance, request, &trace, error);
            let errors = vec![(error.clone(), 1)];
            note(instance, request, named, &trace, (errors, told), false).await;
            let response = respond::error(&failure, trace.request_id());
            (response, Some(failure))
        }
    };
    (response, failure, trace)
}

async fn handle_oauth(
    instance: &Instance,
    request: &Request,
    target: &oauth::Target,
    trace: &Trace,
) -> (Response<Body>, Option<Failure>) {
    let work = oauth::answer(instance, request, target, trace);
    let (response, named, failure) = match within_deadline(instance, work).await {
        Ok(Ok(response)) => {
            if let Some((tenant, _)) = trace.credentials() {
                instance.count_success(tenant);
            }
            return (response, None);
        }
        Ok(Err(refused)) => {
            if let Some(rule) = refused.rule() {
                trace.set_refused_by(rule);
            }
            let named = oauth::named_tenant(&refused).cloned();
            (oauth::refused(&refused), named, refused.to_failure())
        }
        Err(failure) => {
            let response = oauth::failed(&failure, trace.request_id());
            (response, None, failure)
        }
    };
    let errors = vec![(failure.error.clone(), 1)];
    let named = named.as_ref();
    note(instance, request, named, trace, (errors, Vec::new()), false).await;
    (response, Some(failure))
}

/// Notes what became of a request: why it, or parts of it, were refused or failed, and what belongs
/// into the log of requests. A request whose credential was not found counts for the tenant that it
/// names, if there is one.
async fn note(
    instance: &Instance,
    request: &Request,
    named: Option<&TenantId>,
    trace: &Trace,
    (errors, told): (Vec<(ScimError, u64)>, Vec<Told>),
    has_succeeded: bool,
) {
    let (tenant, key) = match trace.credentials() {
        Some((tenant, key)) => (Some(tenant), Some(key.clone())),
        None => {
            if let Some(named) = named {
                trace.set_claimed(named);
            }
            (named, None)
        }
    };
    let (Some(tenant), false) = (tenant, errors.is_empty() && told.is_empty()) else {
        return;
    };
    let noted = Noted {
        tenant: tenant.clone(),
        key,
        method: request.method().clone(),
        route: trace.route(),
        request_id: trace.request_id().to_owned(),
        errors,
        has_succeeded,
        told,
        deadline: trace.started() + instance.config.request_deadline,
    };
    Box::pin(instance.note(noted, trace.meter())).await;
}

/// The result of the work, or what ended it early: the request's deadline, or a panic.
async fn within_deadline<T>(
    instance: &Instance,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(instance.time_to_work(), Panic::caught(work)).await {
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
