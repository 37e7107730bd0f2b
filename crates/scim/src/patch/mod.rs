//! PATCH (RFC 7644 §3.5.2): all operations or none.
//!
//! A request is [parsed](request) completely, then bound completely (`bind`), and only then applied
//! to a copy of the resource, operation by operation (`write`, `remove`). Functions that accept
//! more than the RFC allows, for Entra's requests, say so.

mod bind;
mod elements;
#[cfg(test)]
mod proptests;
mod remove;
pub mod request;
mod write;

use super::schema::finish::{finish, keep_immutable};
use super::{Resource, ResourceType, ScimError};
pub use request::PatchRequest;

/// Applies all operations or none (RFC 7644 §3.5.2); `None` when nothing changed.
///
/// # Errors
/// `invalidPath`, `invalidValue`, `noTarget` or `mutability`, each naming the operation's path.
pub fn apply(
    resource_type: &ResourceType,
    current: &Resource,
    request: &PatchRequest,
) -> Result<Option<Resource>, ScimError> {
    let mut attributes = current.attributes().clone();
    for step in bind::bind(resource_type, request)? {
        match step.change {
            bind::Change::Add(value) => write::add(&mut attributes, &step.target, value)?,
            bind::Change::Replace(value) => write::replace(&mut attributes, &step.target, value)?,
            bind::Change::Remove(value) => remove::remove(&mut attributes, &step.target, value)?,
        }
    }
    let next = finish(resource_type, attributes)?;
    keep_immutable(resource_type, current, &next)?;
    Ok((next != *current).then_some(next))
}

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
