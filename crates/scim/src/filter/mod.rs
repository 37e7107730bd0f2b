//! Filters (RFC 7644 §3.4.2.2) in stages, one file each: text is parsed (`parse`) to a [`Filter`]
//! (`ast`), bound to a resource type (`bind`), and evaluated on resources (`eval`).
//!
//! All errors in a filter are found before the first resource is read.

mod ast;
mod bind;
mod eval;
mod named;
pub(crate) mod parse;
#[cfg(test)]
mod proptests;
#[cfg(test)]
mod reference;

pub use ast::{Filter, Literal, Operator, Path};
pub use bind::{BoundFilter, Comparison, FilterError, Test};
pub(crate) use eval::Folded;
pub use named::Named;
pub use parse::{MAX_DEPTH, MAX_LENGTH};

use super::ScimError;
use super::schema::ResourceType;

impl Filter {
    /// Parses `text`.
    ///
    /// # Errors
    /// `invalidFilter` with the byte offset and what was expected there; also when the text is
    /// longer than [`MAX_LENGTH`] bytes or nested deeper than [`MAX_DEPTH`].
    pub fn parse(text: &str) -> Result<Self, ScimError> {
        parse::filter(text)
            .map_err(|error| ScimError::InvalidFilter(format!("the filter is malformed: {error}")))
    }

    /// Parses and binds in one step.
    ///
    /// # Errors
    /// As [`Filter::parse`] and [`Filter::bind`].
    pub fn compile(text: &str, resource_type: &ResourceType) -> Result<BoundFilter, ScimError> {
        Self::parse(text)?
            .bind(resource_type)
            .map_err(ScimError::from)
    }
}

impl From<FilterError> for ScimError {
    fn from(error: FilterError) -> Self {
        Self::InvalidFilter(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_printed_with_the_parentheses_they_need() {
        for text in [
            "a pr",
            "a eq 1 and b ne \"x\" and c co \"\\\"\"",
            "a sw x or b ew y or c gt 1",
            "a ge 1 and b lt 2 or c le 3",
            "a pr and (b pr or c pr)",
            "a pr and (b pr and c pr)",
            "a pr or (b pr or c pr)",
            "not (a pr or b pr)",
            "e[a pr and not (b pr)]",
        ] {
            assert_eq!(Filter::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_refusal_is_an_invalid_filter() {
        for text in ["a is 1", "shoeSize pr"] {
            let error = Filter::compile(text, &crate::schema::USERS).unwrap_err();
            assert_eq!(error.scim_type(), Some("invalidFilter"), "{text}");
        }
    }
}
