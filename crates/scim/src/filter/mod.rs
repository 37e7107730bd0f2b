//! Filters (RFC 7644 §3.4.2.2) in four stages, a file each: text is [parsed](parse) to a
//! [`Filter`], [bound](bind) to a resource type, and [evaluated](eval) on resources.
//!
//! Everything that can be wrong with a filter is found before the first resource is read.

mod bind;
mod eval;
pub(crate) mod parse;
#[cfg(test)]
mod proptests;
#[cfg(test)]
mod reference;

use std::fmt;

pub use bind::{BoundFilter, Comparison, Test};

use super::ScimError;
use super::schema::ResourceType;

/// A parsed filter. Attribute paths are still text.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All of two or more.
    And(Vec<Filter>),
    /// Any of two or more.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// `path pr`.
    Present(String),
    /// `path op value`.
    Compare(String, Operator, Literal),
    /// `path[filter]`: one element satisfies the whole filter.
    Element(String, Box<Filter>),
}

/// A comparison operator (RFC 7644 §3.4.2.2, table 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Contains.
    Co,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
}

/// A comparison value as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// A JSON string.
    String(String),
    /// Anything unquoted: `true`, `null`, a number, or text whose quotes the client forgot, as a
    /// Microsoft example does. What it is depends on the attribute.
    Bare(String),
}

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
            .map_err(ScimError::InvalidFilter)
    }
}

/// The longest filter or path accepted, in bytes.
pub const MAX_LENGTH: usize = 8 * 1024;

/// How deep parentheses and brackets may nest.
pub const MAX_DEPTH: usize = 64;

impl Operator {
    const ALL: [Self; 9] = [
        Self::Eq,
        Self::Ne,
        Self::Co,
        Self::Sw,
        Self::Ew,
        Self::Gt,
        Self::Ge,
        Self::Lt,
        Self::Le,
    ];

    /// The operator's keyword.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Co => "co",
            Self::Sw => "sw",
            Self::Ew => "ew",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }

    fn from_keyword(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operator| operator.keyword().eq_ignore_ascii_case(word))
    }
}

impl Literal {
    /// Whether it is `null`, which is taken in any case.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Bare(word) if word.eq_ignore_ascii_case("null"))
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => serde_json::Value::from(text.as_str()).fmt(f),
            Self::Bare(word) => f.write_str(word),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(terms) => join(f, terms, " and ", |term| {
                matches!(term, Self::And(_) | Self::Or(_))
            }),
            Self::Or(terms) => join(f, terms, " or ", |term| matches!(term, Self::Or(_))),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::Present(path) => write!(f, "{path} pr"),
            Self::Compare(path, operator, literal) => {
                write!(f, "{path} {} {literal}", operator.keyword())
            }
            Self::Element(path, inner) => write!(f, "{path}[{inner}]"),
        }
    }
}

fn join(
    f: &mut fmt::Formatter<'_>,
    terms: &[Filter],
    word: &str,
    needs_parentheses: fn(&Filter) -> bool,
) -> fmt::Result {
    for (index, term) in terms.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        if needs_parentheses(term) {
            write!(f, "({term})")?;
        } else {
            write!(f, "{term}")?;
        }
    }
    Ok(())
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
