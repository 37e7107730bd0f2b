//! What a request asks for, built completely from its URL, headers and body before anything runs;
//! and its execution.
//!
//! A body's size and type are checked here. The use case parses it, once the key is accepted.

use std::mem;

use lambda_http::{Body as HttpBody, Request, Response};
use scim::bulk::{BulkRequest, MAX_PAYLOAD_SIZE};
use scim::list::Query;
use scim::members::MAX_BODY;
use scim::project::Projection;
use scim::schema::PROVIDED;
use scim::{ResourceType, ScimError};
use tokio::time::Instant;

use super::request;
use super::respond;
use super::route::{self, Document, Endpoint, Route, Target};
use crate::log::Trace;
use crate::service::{Answer, Body, Directory, Failure, IfMatch, Told};

/// What a request asks for.
pub(super) enum Asked<'r> {
    /// A discovery document, with the query.
    Discovery(Document, Query),
    /// An operation on a tenant's resources.
    Operation(Operation<'r>),
}

/// An operation on a tenant's resources, with everything the request says about it.
pub(super) enum Operation<'r> {
    List {
        resource_types: Vec<&'static ResourceType>,
        query: Query,
    },
    Search {
        resource_types: Vec<&'static ResourceType>,
        body: Body<'r>,
    },
    Bulk {
        body: Body<'r>,
    },
    Create {
        resource_type: &'static ResourceType,
        body: Body<'r>,
        projection: Projection,
    },
    Get {
        resource_type: &'static ResourceType,
        id: String,
        if_none_match: Option<String>,
        projection: Projection,
    },
    Patch(Write<'r>),
    Replace(Write<'r>),
    Delete {
        resource_type: &'static ResourceType,
        id: String,
        if_match: IfMatch,
    },
}

/// A change of one resource, with a body.
pub(super) struct Write<'r> {
    resource_type: &'static ResourceType,
    id: String,
    body: Body<'r>,
    if_match: IfMatch,
    projection: Projection,
}

/// What an operation needs to run.
pub(super) struct Context<'c> {
    pub directory: &'c Directory<'c>,
    pub trace: &'c Trace,
    /// A bulk request starts no operations after it.
    pub deadline: Instant,
    /// Charges the operations of a bulk request to the key's rate.
    pub charge: &'c (dyn Fn(usize) -> Result<(), ScimError> + Sync),
}

/// Parses a request completely.
///
/// # Errors
/// 404, 405, 413, 415 and 501.
pub(super) fn read<'r>(
    request: &'r Request,
    target: &Target,
    trace: &Trace,
) -> Result<Asked<'r>, ScimError> {
    let query = request::parameters(request);
    let (name, endpoint) = match route::route(request.method(), target)? {
        Route::Discovery(name, document) => {
            trace.set_route(name);
            return Ok(Asked::Discovery(document, query));
        }
        Route::Resources(name, endpoint) => (name, endpoint),
    };
    trace.set_route(name);
    let projection = |resource_type| {
        Projection::parse(
            resource_type,
            query.attributes.as_deref(),
            query.excluded_attributes.as_deref(),
        )
    };
    let if_match = || IfMatch(request::header(request, "if-match"));
    let write = |resource_type, id| {
        Ok::<_, ScimError>(Write {
            resource_type,
            id,
            body: request::body(request, most(resource_type))?,
            if_match: if_match(),
            projection: projection(resource_type)?,
        })
    };
    Ok(Asked::Operation(match endpoint {
        Endpoint::List(resource_type) => Operation::List {
            resource_types: vec![resource_type],
            query,
        },
        Endpoint::ListAll => Operation::List {
            resource_types: PROVIDED.to_vec(),
            query,
        },
        Endpoint::Search(resource_types) => Operation::Search {
            resource_types,
            body: request::body(request, MAX_PAYLOAD_SIZE)?,
        },
        Endpoint::Bulk => Operation::Bulk {
            body: request::body(request, MAX_PAYLOAD_SIZE)?,
        },
        Endpoint::Create(resource_type) => Operation::Create {
            resource_type,
            body: request::body(request, most(resource_type))?,
            projection: projection(resource_type)?,
        },
        Endpoint::Get(resource_type, id) => Operation::Get {
            resource_type,
            id,
            if_none_match: request::header(request, "if-none-match"),
            projection: projection(resource_type)?,
        },
        Endpoint::Patch(resource_type, id) => Operation::Patch(write(resource_type, id)?),
        Endpoint::Replace(resource_type, id) => Operation::Replace(write(resource_type, id)?),
        Endpoint::Delete(resource_type, id) => Operation::Delete {
            resource_type,
            id,
            if_match: if_match(),
        },
    }))
}

/// How many bytes the body of a request for a resource may have.
pub(super) fn most(resource_type: &ResourceType) -> usize {
    match resource_type.members {
        Some(_) => MAX_BODY,
        None => MAX_PAYLOAD_SIZE,
    }
}

impl Operation<'_> {
    /// Whether it changes one resource, and shows that.
    pub(super) fn is_change(&self) -> bool {
        matches!(
            self,
            Self::Create { .. } | Self::Patch(_) | Self::Replace(_)
        )
    }

    /// Runs the operation. Its future is boxed, so that there is room for the largest one alone.
    ///
    /// # Errors
    /// Refusals and failures.
    pub(super) async fn run(self, context: &Context<'_>) -> Result<Response<HttpBody>, Failure> {
        let directory = context.directory;
        match self {
            Self::List {
                resource_types,
                query,
            } => Ok(respond::list(
                directory.list(&resource_types, &query).await?,
            )),
            Self::Search {
                resource_types,
                body,
            } => {
                directory.store.accepted().await;
                let query = Query::from_body(body.object()?)?;
                let list = directory.list(&resource_types, &query).await?;
                Ok(respond::list(list))
            }
            Self::Bulk { body } => {
                directory.store.accepted().await;
                let bulk = BulkRequest::parse(body.object()?, PROVIDED)?;
                (context.charge)(bulk.operations.len())?;
                let mut done = directory.bulk(bulk, context.deadline).await?;
                context.trace.set_inner_refusals(done.refusals());
                context.trace.set_told(done.told());
                context.trace.set_inner_failure(done.cause());
                context.trace.set_ignored(done.ignored());
                context.trace.set_members(done.members());
                Ok(respond::bulk(done))
            }
            Self::Create {
                resource_type,
                body,
                projection,
            } => {
                let created = directory.create(resource_type, body, Some(&projection), None);
                let mut created = Box::pin(created).await?;
                tell(context.trace, &mut created);
                Ok(respond::created(created))
            }
            Self::Get {
                resource_type,
                id,
                if_none_match,
                projection,
            } => {
                let known = if_none_match.as_deref();
                let found = directory.get(resource_type, &id, known, &projection);
                Ok(respond::found(Box::pin(found).await?))
            }
            Self::Patch(write) => {
                let changed = directory.patch(
                    write.resource_type,
                    &write.id,
                    write.body,
                    &write.if_match,
                    Some(&write.projection),
                    None,
                );
                let mut changed = Box::pin(changed).await?;
                tell(context.trace, &mut changed);
                Ok(respond::changed(changed))
            }
            Self::Replace(write) => {
                let changed = directory.replace(
                    write.resource_type,
                    &write.id,
                    write.body,
                    &write.if_match,
                    Some(&write.projection),
                    None,
                );
                let mut changed = Box::pin(changed).await?;
                tell(context.trace, &mut changed);
                Ok(respond::changed(changed))
            }
            Self::Delete {
                resource_type,
                id,
                if_match,
            } => {
                Box::pin(directory.delete(resource_type, &id, &if_match)).await?;
                Ok(respond::deleted())
            }
        }
    }
}

/// Has the log tell what the service did not know of a change, and what became of members.
fn tell(trace: &Trace, answer: &mut Answer) {
    let about = answer.untold.take().map(|about| Told {
        about: *about,
        error: None,
    });
    trace.set_told(about.into_iter().collect());
    trace.set_ignored(mem::take(&mut answer.ignored));
    trace.set_members(vec![mem::take(&mut answer.members)]);
}
