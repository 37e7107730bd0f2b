//! The HTTP layer: an API Gateway request in, a SCIM answer out.
//!
//! `route` defines every URL. `operation` parses a request completely before anything runs; `auth`
//! identifies the caller.

pub(crate) mod auth;
mod encode;
mod operation;
pub(crate) mod refused;
pub(crate) mod request;
pub(crate) mod respond;
mod route;

use lambda_http::{Body, Request, Response};

use crate::instance::Instance;
use crate::log::Trace;
use crate::service::{Directory, Failure};
use auth::Presented;
use operation::{Asked, Context};
use scim::work::Budget;
use store::Gate;

pub use function::event::{UNFIT, repair_url};

/// Answers a request. Before its key is accepted, at most one read or lookup is made for it.
///
/// # Errors
/// Refusals and failures.
pub(crate) async fn answer(
    instance: &Instance,
    request: &Request,
    presented: &Presented,
    trace: &Trace,
) -> Result<Response<Body>, Failure> {
    let now = instance.now();
    let target = route::Target::parse(request::path(request))?;
    let base = request::base_url(request, instance.config.public_url.as_deref(), &target);
    let asked = match operation::read(request, &target, trace) {
        Ok(asked) => asked,
        // Requests without a valid key get 401 for unknown routes and methods too.
        Err(error) => {
            presented.check(instance, now, trace).await?;
            return Err(error.into());
        }
    };
    match asked {
        Asked::Discovery(document, query) => {
            if !instance.config.public_discovery || !presented.is_absent() {
                presented.check(instance, now, trace).await?;
            }
            respond::discovery(&document, &query, &base)
        }
        Asked::Operation(operation) => {
            let principal = presented.principal()?;
            let tenant = &principal.tenant;
            let gate = Gate::default();
            let directory = Directory {
                store: instance.store.tenant(tenant, trace.meter(), &gate),
                base: &base,
                now,
                clock: instance.clock,
                key: principal.id(),
                request_id: trace.request_id(),
                retention: instance.config.tombstone_retention,
                history: instance.config.history_retention,
                log: instance.log(tenant),
                breaker: instance.config.breaker,
                cursor_key: principal.seal.as_bytes(),
                deadline: trace.started() + instance.time_to_work(),
                is_compressed: encode::is_accepted(request),
                budget: Budget::default(),
            };
            // The first read runs while the key is checked. A refused key ends both, whatever was
            // found.
            let check = async {
                presented.check(instance, now, trace).await?;
                gate.open();
                Ok::<_, Failure>(())
            };
            let context = Context {
                directory: &directory,
                trace,
                // Bulk operations that have not started by then are not started any more.
                deadline: trace.started() + instance.config.request_deadline / 2,
                // A bulk request counts as at least as many requests as it has operations.
                charge: &|operations| presented.charge(instance, operations, now),
            };
            let is_change = operation.is_change();
            let work = async { Ok(Box::pin(operation.run(&context)).await) };
            let ((), outcome) = tokio::try_join!(check, work)?;
            Ok(encode::encoded(
                outcome?,
                directory.is_compressed,
                is_change,
            )?)
        }
    }
}
