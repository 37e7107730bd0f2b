//! Requests that cost as much as a body of 1 MB can. Nobody sends them but to do harm.
//!
//! A [`Shape`] is a point in the space of such requests: what it asks for, of how many elements,
//! how often, and in which alphabet. [`Shape::random`] and [`Shape::mutated`] walk through the
//! space, and [`Shape::build`] makes the request and the user that it works on. Whoever measures
//! what a request costs can climb to the dearest one: the tests of `crates/scim` count work,
//! `cargo run --release -p scim --example dearest` measures time, and `make abuse` sends the
//! requests to the function.

#![expect(
    clippy::indexing_slicing,
    reason = "members are set by name, and choices are taken modulo their number"
)]

mod group;
mod request;
mod shape;
mod user;

pub use group::{GroupKind, GroupRequest, MAX_GROUP_BODY, group_request};
pub use shape::{Kind, Shape};

use serde_json::Value;

/// The largest body that the service accepts, in bytes.
pub const MAX_BODY: usize = 1024 * 1024;

/// The largest document of a user, in bytes.
pub const MAX_DOCUMENT: usize = 180 * 1024;

/// A dear request.
#[derive(Debug, Clone)]
pub struct Dear {
    /// What it is made of.
    pub shape: Shape,
    /// The body of the POST that creates the user it works on: nearly as large as a user can be.
    pub user: Value,
    /// What is asked for.
    pub request: Request,
}

/// What a dear request asks for.
#[derive(Debug, Clone)]
pub enum Request {
    /// A PATCH of the user.
    Patch(Value),
    /// A PUT of the user, or a POST of another.
    Replace(Value),
    /// A bulk request of PATCHes of the user, whose id is `{id}`.
    Bulk(Value),
    /// A search with this filter.
    Filter(String),
    /// A search for these attributes.
    Attributes(String),
}

impl Request {
    /// The body, if it is sent as one.
    pub fn body(&self) -> Option<&Value> {
        match self {
            Self::Patch(body) | Self::Replace(body) | Self::Bulk(body) => Some(body),
            Self::Filter(_) | Self::Attributes(_) => None,
        }
    }
}
