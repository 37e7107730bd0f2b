//! From a parsed filter to one that cannot fail: every path is resolved, every literal typed.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::ast::{Filter, Literal, Operator};
use crate::schema::{Attribute, BoundPath, Kind, ResolveError, Resolved, ResourceType, coerce};
use crate::text::quote;

/// A filter in which every path names an attribute and every literal has that attribute's type.
#[derive(Debug, Clone)]
pub enum BoundFilter {
    /// All of these.
    And(Vec<BoundFilter>),
    /// Any of these.
    Or(Vec<BoundFilter>),
    /// Not this.
    Not(Box<BoundFilter>),
    /// The attribute has a value.
    Present(BoundPath),
    /// A comparison.
    Compare(Comparison),
    /// One element of the attribute satisfies the whole filter.
    Element(BoundPath, Box<BoundFilter>),
    /// A condition on an attribute that no resource of this service has: it never matches.
    Nothing,
}

/// One comparison of a bound filter.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// What is compared.
    pub path: BoundPath,
    /// What it is compared with, and how.
    pub test: Test,
}

/// A typed comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Text; `value` is already folded unless the attribute is `caseExact`.
    Text {
        /// Any operator but `ne`, which is the negation of `eq`.
        operator: Operator,
        /// The text to compare with.
        value: String,
        /// Whether values are compared exactly.
        exact: bool,
    },
    /// A boolean; equality only.
    Boolean(bool),
    /// A number.
    Number(Operator, f64),
    /// An instant.
    Instant(Operator, OffsetDateTime),
}

/// Why a filter cannot be bound. The text is for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// A path names no attribute.
    #[error(transparent)]
    Path(#[from] ResolveError),
    /// A path names a schema.
    #[error("{} is a schema and cannot be compared; name one of its attributes", quote(.path))]
    Schema {
        /// The path as the client wrote it.
        path: String,
    },
    /// A name in brackets is not a sub-attribute of the attribute.
    #[error("{} is not a sub-attribute of `{attribute}`", quote(.name))]
    NoSubAttribute {
        /// The name as the client wrote it.
        name: String,
        /// The attribute before the brackets.
        attribute: &'static str,
    },
    /// The attribute before brackets is not complex.
    #[error("{} has no sub-attributes to filter by", quote(.path))]
    NotComplex {
        /// The path as the client wrote it.
        path: String,
    },
    /// A comparison of a complex attribute that has no `value`.
    #[error("`{path}` is complex; compare one of its sub-attributes")]
    Complex {
        /// The attribute's path.
        path: String,
    },
    /// The literal is not a valid value of the attribute.
    #[error("`{path}` is {expected}, and the filter compares it with {}", quote(.literal))]
    Literal {
        /// The attribute's path.
        path: String,
        /// What its values are.
        expected: &'static str,
        /// The literal as the client wrote it.
        literal: String,
    },
    /// The operator does not apply to the attribute's type.
    #[error("`{operator}` does not apply to `{path}`, which is {kind}")]
    Operator {
        /// The operator's keyword.
        operator: &'static str,
        /// The attribute's path.
        path: String,
        /// The attribute's type.
        kind: &'static str,
    },
}

impl Filter {
    /// Resolves every attribute path against `resource_type` and types every literal (RFC 7644
    /// §3.4.2.2).
    ///
    /// # Errors
    /// When an attribute is unknown, or the operator or the literal does not fit its type.
    pub fn bind(self, resource_type: &ResourceType) -> Result<BoundFilter, FilterError> {
        bind(&self, &Scope::Resource(resource_type))
    }

    /// Like [`Filter::bind`], for one of several resource types that are searched together: an
    /// attribute that this type lacks has no value (RFC 7644 §3.4.2.1).
    ///
    /// # Errors
    /// As [`Filter::bind`], except for unknown attributes.
    pub fn bind_where_defined(
        self,
        resource_type: &ResourceType,
    ) -> Result<BoundFilter, FilterError> {
        bind(&self, &Scope::OneOfSeveral(resource_type))
    }

    /// Resolves a filter in brackets against the elements of `attribute`.
    ///
    /// # Errors
    /// As [`Filter::bind`].
    pub fn bind_element(&self, attribute: &'static Attribute) -> Result<BoundFilter, FilterError> {
        bind(self, &Scope::Element(attribute))
    }
}

/// What the names in a filter refer to.
enum Scope<'a> {
    Resource(&'a ResourceType),
    OneOfSeveral(&'a ResourceType),
    Element(&'static Attribute),
}

impl Scope<'_> {
    /// The path that `text` names; `None` if its schema is not one of this service's.
    fn resolve(&self, text: &str) -> Result<Option<BoundPath>, FilterError> {
        match self {
            Self::Resource(resource_type) | Self::OneOfSeveral(resource_type) => {
                match resource_type.resolve(text) {
                    Ok(Resolved::Attribute(path)) => Ok(Some(path)),
                    Ok(Resolved::Undefined) => Ok(None),
                    Ok(Resolved::Resource | Resolved::Extension(_)) => Err(FilterError::Schema {
                        path: text.to_owned(),
                    }),
                    Err(ResolveError::Unknown { .. }) if matches!(self, Self::OneOfSeveral(_)) => {
                        Ok(None)
                    }
                    Err(error) => Err(error.into()),
                }
            }
            Self::Element(attribute) => coerce::sub_attribute(attribute, text)
                .map(|sub_attribute| Some(BoundPath::within_element(sub_attribute)))
                .ok_or_else(|| FilterError::NoSubAttribute {
                    name: text.to_owned(),
                    attribute: attribute.name,
                }),
        }
    }
}

fn bind(filter: &Filter, scope: &Scope<'_>) -> Result<BoundFilter, FilterError> {
    let all = |terms: &[Filter]| {
        terms
            .iter()
            .map(|term| bind(term, scope))
            .collect::<Result<_, FilterError>>()
    };
    match filter {
        Filter::And(terms) => all(terms).map(BoundFilter::And),
        Filter::Or(terms) => all(terms).map(BoundFilter::Or),
        Filter::Not(inner) => Ok(BoundFilter::Not(Box::new(bind(inner, scope)?))),
        Filter::Present(path) => Ok(scope
            .resolve(path)?
            .map_or(BoundFilter::Nothing, BoundFilter::Present)),
        Filter::Compare(path, operator, literal) => {
            comparison(scope.resolve(path)?, *operator, literal)
        }
        Filter::Element(path, inner) => match scope.resolve(path)? {
            Some(path) if path.attribute.is_complex() && path.sub_attribute.is_none() => {
                let inner = inner.bind_element(path.attribute)?;
                Ok(BoundFilter::Element(path, Box::new(inner)))
            }
            Some(_) => Err(FilterError::NotComplex { path: path.clone() }),
            None => Ok(BoundFilter::Nothing),
        },
    }
}

/// A comparison; without a path, its attribute is one that no resource has.
fn comparison(
    path: Option<BoundPath>,
    operator: Operator,
    literal: &Literal,
) -> Result<BoundFilter, FilterError> {
    // `ne` is the negation of `eq`, for absent and for multi-valued attributes too: it matches
    // where no value is equal. `eq null` is the negation of `pr` (RFC 7643 §2.5: null is
    // unassigned).
    let (operator, negated) = match operator {
        Operator::Ne => (Operator::Eq, true),
        other => (other, false),
    };
    let is_null = operator == Operator::Eq && literal.is_null();
    let bound = match path.map(with_default_sub_attribute).transpose()? {
        None => BoundFilter::Nothing,
        Some(path) if is_null => BoundFilter::Present(path),
        Some(path) => {
            let test = test(&path, operator, literal)?;
            BoundFilter::Compare(Comparison { path, test })
        }
    };
    Ok(if negated != is_null {
        BoundFilter::Not(Box::new(bound))
    } else {
        bound
    })
}

/// A complex attribute stands for its `value` (RFC 7643 §2.4): `manager eq "x"`, `emails co "@x"`.
fn with_default_sub_attribute(path: BoundPath) -> Result<BoundPath, FilterError> {
    if !path.leaf().is_complex() {
        return Ok(path);
    }
    match path.leaf().sub_attribute("value") {
        Some(value) => Ok(BoundPath {
            sub_attribute: Some(value),
            ..path
        }),
        None => Err(FilterError::Complex {
            path: path.to_string(),
        }),
    }
}

fn test(path: &BoundPath, operator: Operator, literal: &Literal) -> Result<Test, FilterError> {
    let (Literal::String(text) | Literal::Bare(text)) = literal;
    let mismatch = |expected| {
        Err(FilterError::Literal {
            path: path.to_string(),
            expected,
            literal: text.clone(),
        })
    };
    let unfit = |kind| {
        Err(FilterError::Operator {
            operator: operator.keyword(),
            path: path.to_string(),
            kind,
        })
    };
    let is_order = matches!(
        operator,
        Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le
    );
    match path.leaf().kind {
        Kind::Boolean if operator != Operator::Eq => unfit("a boolean"),
        Kind::Boolean => match coerce::boolean(text) {
            Some(truth) => Ok(Test::Boolean(truth)),
            None => mismatch("true or false"),
        },
        Kind::Integer | Kind::Decimal if operator != Operator::Eq && !is_order => unfit("a number"),
        Kind::Integer | Kind::Decimal => match text.trim().parse::<f64>() {
            Ok(number) => Ok(Test::Number(operator, number)),
            Err(_) => mismatch("a number"),
        },
        Kind::DateTime if operator == Operator::Eq || is_order => match instant(text) {
            Some(instant) => Ok(Test::Instant(operator, instant)),
            None => mismatch("a date and time such as `2026-01-31T08:00:00Z`"),
        },
        Kind::Binary if is_order => unfit("binary"),
        Kind::String | Kind::Reference(_) | Kind::Binary | Kind::DateTime => {
            let exact = path.leaf().case_exact;
            let value = if exact {
                text.clone()
            } else {
                operator.fold(text).into_owned()
            };
            Ok(Test::Text {
                operator,
                value,
                exact,
            })
        }
        // Unreachable: a complex leaf was replaced by its `value`.
        Kind::Complex(_) => unfit("complex"),
    }
}

/// The instant that a filter compares with. The zone of an xsd:dateTime is optional (RFC 7643
/// §2.3.5), and programs leave out the seconds, or all of the time: what is not said is UTC, and
/// zero.
fn instant(text: &str) -> Option<OffsetDateTime> {
    let (date, time) = text
        .trim()
        .split_once(['T', 't'])
        .unwrap_or((text.trim(), "00:00"));
    let zone = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (time, zone) = time.split_at_checked(zone)?;
    let zone = if zone.is_empty() { "Z" } else { zone };
    let seconds = match time.len() {
        SHORT_TIME => ":00",
        _ => "",
    };
    OffsetDateTime::parse(&format!("{date}T{time}{seconds}{zone}"), &Rfc3339).ok()
}

/// The length of a time without seconds.
const SHORT_TIME: usize = "08:00".len();
