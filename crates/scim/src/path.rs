//! PATCH paths (RFC 7644 §3.5.2): an attribute, perhaps narrowed by a filter.

use std::fmt;

use super::ScimError;
use super::filter::{Filter, parse};

/// A parsed path. Names are still text.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// `[urn:]name[.sub]`.
    pub attribute: String,
    /// Selects elements of the attribute.
    pub filter: Option<Filter>,
    /// The sub-attribute after the filter.
    pub sub_attribute: Option<String>,
}

impl Path {
    /// Parses `text`.
    ///
    /// # Errors
    /// `invalidPath` with the byte offset and what was expected there.
    pub fn parse(text: &str) -> Result<Self, ScimError> {
        parse::path(text).map_err(|error| {
            ScimError::InvalidPath(format!(
                "the path {} is malformed: {error}",
                super::text::quote(text)
            ))
        })
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.attribute)?;
        if let Some(filter) = &self.filter {
            write!(f, "[{filter}]")?;
        }
        match &self.sub_attribute {
            Some(name) => write!(f, ".{name}"),
            None => Ok(()),
        }
    }
}
