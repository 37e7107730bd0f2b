//! PATCH (RFC 7644 §3.5.2): all operations or none.
//!
//! A request is [parsed](request) completely, then bound completely (`bind`), and only then applied
//! to a copy of the resource, operation by operation (`write`, `remove`). Functions that accept
//! more than the RFC allows, for Entra's requests, say so.

mod bind;
mod change;
mod draft;
mod elements;
mod folds;
mod index;
mod members;
#[cfg(test)]
mod pairs;
#[cfg(test)]
mod proptests;
mod remove;
pub mod request;
mod target;
mod unknown;
mod write;

use super::ignored::Ignored;
use super::members::MemberChange;
use super::schema::finish::{finish, keep_immutable};
use super::work::{BEGIN, Budget, copying};
use super::{Resource, ResourceType, ScimError};
use change::Change;
use draft::Draft;
pub use request::PatchRequest;

/// What a PATCH comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// The resource with all changes; `None` when nothing changed.
    pub resource: Option<Resource>,
    /// What the request does to the members of a group.
    pub members: MemberChange,
    /// What the request names and the service does not know.
    pub ignored: Ignored,
}

/// Applies all operations or none (RFC 7644 §3.5.2), but for those whose path names an attribute
/// that does not exist: they are skipped beside others. A client that maps such an attribute sends
/// it with every change, and could not even take a user's access away. The work is counted in
/// `budget`.
///
/// # Errors
/// `invalidPath`, `invalidValue`, `noTarget` or `mutability`, each naming the operation's path;
/// `invalidPath` also if no operation names an attribute that exists; `tooMany` when the request
/// has computed too much.
pub fn apply(
    resource_type: &ResourceType,
    current: &Resource,
    request: &PatchRequest,
    budget: &Budget,
) -> Result<Applied, ScimError> {
    // Each alone: a budget that is spent already refuses before it is counted what there is to do.
    budget.spend(BEGIN)?;
    budget.spend(current.attributes().values().map(copying).sum())?;
    let mut draft = Draft::new(current.attributes().clone(), budget);
    let bind::Bound {
        steps,
        members,
        ignored,
        ..
    } = bind::bind(resource_type, request, budget)?;
    for step in steps {
        match step.change {
            Change::Add(value) => write::add(&mut draft, &step.target, value)?,
            Change::Replace(value) => write::replace(&mut draft, &step.target, value)?,
            Change::Remove(value) => remove::remove(&mut draft, &step.target, value)?,
        }
    }
    let next = finish(resource_type, draft.into_attributes())?;
    keep_immutable(resource_type, current, &next)?;
    Ok(Applied {
        resource: (next != *current).then_some(next),
        members,
        ignored,
    })
}

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
