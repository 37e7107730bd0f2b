//! Filters and PATCH paths as written: names are still text.

use std::borrow::Cow;
use std::fmt;

use crate::text::{fold, fold_untrimmed};
use crate::work::{BEGIN, folding_at_most};

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

/// A comparison value as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// A JSON string.
    String(String),
    /// Anything unquoted: `true`, `null`, a number, or text whose quotes are missing, as in one of
    /// Microsoft's examples. Its type depends on the attribute.
    Bare(String),
}

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

impl Filter {
    /// What it takes to bind the filter.
    pub(crate) fn binding(&self) -> u64 {
        match self {
            Self::And(terms) | Self::Or(terms) => terms.iter().map(Self::binding).sum(),
            Self::Not(inner) => inner.binding(),
            Self::Present(_) => BEGIN,
            Self::Compare(_, _, Literal::String(text) | Literal::Bare(text)) => {
                BEGIN + folding_at_most(text)
            }
            Self::Element(_, inner) => BEGIN + inner.binding(),
        }
    }
}

impl Operator {
    pub(super) const ALL: [Self; 9] = [
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

    /// `text` in the form in which the operator compares values that are not `caseExact`.
    pub(super) fn fold(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Co | Self::Sw | Self::Ew => fold_untrimmed(text),
            Self::Eq | Self::Ne | Self::Gt | Self::Ge | Self::Lt | Self::Le => fold(text),
        }
    }

    /// The part of a folded value that the operator compares: the blanks around it count only where
    /// a part of the value is compared.
    pub(super) fn part(self, folded: &str) -> &str {
        match self {
            Self::Co | Self::Sw | Self::Ew => folded,
            Self::Eq | Self::Ne | Self::Gt | Self::Ge | Self::Lt | Self::Le => folded.trim(),
        }
    }

    pub(super) fn from_keyword(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operator| operator.keyword().eq_ignore_ascii_case(word))
    }
}

impl Literal {
    /// Whether it is `null`, in any case.
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
