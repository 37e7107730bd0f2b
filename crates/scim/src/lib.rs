//! SCIM 2.0 semantics as pure functions: no I/O, clock, randomness or environment.
//!
//! Case-insensitivity is handled at three entry points: [`schema::check`] (bodies), [`path`] (PATCH
//! paths and attribute lists) and [`filter`]. Behind them, every attribute name is in schema case
//! and names are compared exactly.

pub mod bulk;
pub mod change;
pub mod cursor;
pub mod discovery;
mod envelope;
pub mod error;
pub mod filter;
pub mod ignored;
pub mod json;
mod lifecycle;
pub mod list;
pub mod members;
pub mod page;
pub mod patch;
pub mod path;
pub mod project;
pub mod resource;
pub mod schema;
pub mod sort;
pub mod subject;
pub mod text;
pub mod withheld;
pub mod work;

pub use error::ScimError;
pub use resource::{Membership, Meta, Place, Resource, ResourceId, Stored};
pub use schema::ResourceType;
