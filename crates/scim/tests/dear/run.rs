//! What the core does for a dear request.

use dear::{Dear, Request};
use scim::filter::Filter;
use scim::patch::{self, PatchRequest};
use scim::project::Projection;
use scim::schema::{USERS, check::check};
use scim::work::Budget;
use scim::{Meta, Resource, ResourceId, ScimError, Stored};
use serde_json::{Map, Value};
use time::OffsetDateTime;

const CREATED: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
const ID: &str = "2819c223-7f76-453a-919d-413861904646";

/// A dear request and the user that it works on, as the core gets them.
pub struct Prepared {
    request: Request,
    current: Resource,
    object: Map<String, Value>,
}

/// Creates the user; that is no part of the request.
pub fn prepare(dear: &Dear) -> Result<Prepared, ScimError> {
    let current = check(&USERS, object(dear.user.clone()))?.resource;
    let object = match ResourceId::parse(ID) {
        Some(id) => {
            let stored = Stored {
                id,
                meta: Meta::new(CREATED),
                resource: current.clone(),
                reserved: None,
            };
            stored.represent(&USERS, "https://scim.hellotracks.example/scim/v2")
        }
        None => Map::new(),
    };
    Ok(Prepared {
        request: dear.request.clone(),
        current,
        object,
    })
}

/// Answers the request. A bulk request ends with its last error.
pub fn answer(prepared: Prepared, budget: &Budget) -> Result<(), ScimError> {
    let Prepared {
        request,
        current,
        object: represented,
    } = prepared;
    match request {
        Request::Patch(body) => patched(&current, body, budget),
        Request::Replace(body) => {
            check(&USERS, object(body)).map(|next| _ = next.resource == current)
        }
        Request::Bulk(body) => {
            let mut outcome = Ok(());
            for operation in operations(body) {
                let data = object(operation).remove("data").unwrap_or_default();
                outcome = patched(&current, data, budget);
            }
            outcome
        }
        Request::Filter(text) => {
            let filter = Filter::compile(&text, &USERS)?;
            filter.matches_within(&represented, budget).map(drop)
        }
        Request::Attributes(list) => {
            let projection = Projection::parse(&USERS, Some(&list), None)?;
            projection.apply(&USERS, represented);
            Ok(())
        }
    }
}

fn patched(current: &Resource, body: Value, budget: &Budget) -> Result<(), ScimError> {
    let request = PatchRequest::parse(object(body))?;
    patch::apply(&USERS, current, &request, budget).map(drop)
}

fn operations(body: Value) -> Vec<Value> {
    match object(body).remove("Operations") {
        Some(Value::Array(operations)) => operations,
        _ => Vec::new(),
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
