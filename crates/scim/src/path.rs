//! PATCH paths (RFC 7644 §3.5.2): an attribute, optionally narrowed by a filter.

use super::ScimError;
use super::filter::parse;
use super::text::quote;

pub use super::filter::Path;

impl Path {
    /// Parses `text`.
    ///
    /// # Errors
    /// `invalidPath` with the byte offset and what was expected there.
    pub fn parse(text: &str) -> Result<Self, ScimError> {
        parse::path(text).map_err(|error| {
            ScimError::InvalidPath(format!("the path {} is malformed: {error}", quote(text)))
        })
    }
}
