//! The use cases: load, let `scim` decide, store. One file per operation; PATCH, PUT and DELETE
//! share the loop in `change`.
//!
//! `failure` is the only place that turns storage errors into SCIM errors.

mod about;
mod answer;
mod apart;
mod body;
mod bound;
mod bulk;
mod change;
mod changed;
mod create;
mod delete;
mod directory;
mod failure;
mod get;
mod gzip;
mod list;
mod members;
mod of_group;
mod patch;
mod precondition;
mod replace;
mod selection;
mod several;
mod whole;

pub use about::{About, Told};
pub use answer::Answer;
pub use body::Body;
pub use bulk::BulkResponse;
pub use directory::Directory;
pub use failure::{Cause, Existing, Failure};
pub use get::Got;
pub use precondition::IfMatch;
use precondition::matches_etag;
