//! From the path of an operation to the place where it applies.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::unknown::not_a_sub_attribute;
use crate::ScimError;
use crate::filter::{BoundFilter, Filter, FilterError, Literal, Operator};
use crate::path::Path;
use crate::schema::{Attribute, BoundPath, coerce};
use crate::text::quote;

/// Where a step applies.
pub(super) struct Target<'a> {
    /// As the client wrote it.
    written: Cow<'a, Path>,
    pub path: BoundPath,
    /// Selects elements of a multi-valued attribute.
    pub filter: Option<BoundFilter>,
}

impl Target<'_> {
    /// The path as error messages show it.
    pub fn quoted(&self) -> String {
        quote(&self.written.to_string())
    }

    /// The element that the filter describes, if it is a conjunction of equalities: `{type: work}`
    /// for `[type eq "work"]`. It is created if nothing matches.
    pub fn template(&self) -> Option<Map<String, Value>> {
        template(self.path.attribute, self.written.filter.as_ref()?)
    }
}

/// Why an operation has no steps.
pub(super) enum Unbound {
    /// Its path names an attribute that does not exist.
    Unknown { name: String, error: ScimError },
    /// Anything else.
    Refused(ScimError),
}

impl From<ScimError> for Unbound {
    fn from(error: ScimError) -> Self {
        Self::Refused(error)
    }
}

/// The target of a path that names this attribute.
pub(super) fn target(path: Cow<'_, Path>, bound: BoundPath) -> Result<Target<'_>, Unbound> {
    let mut bound = bound;
    let unknown = |name: &str, error| Unbound::Unknown {
        name: format!("{}.{name}", path.attribute),
        error,
    };
    if let Some(name) = &path.sub_attribute {
        bound.sub_attribute = coerce::sub_attribute(bound.attribute, name);
        if bound.sub_attribute.is_none() {
            return Err(unknown(name, not_a_sub_attribute(name, bound.attribute)));
        }
    }
    let filter = match &path.filter {
        // Entra can put a filter on a singular attribute: it means the only value.
        Some(_) if !bound.attribute.multi_valued => None,
        Some(filter) => match filter.bind_element(bound.attribute) {
            Ok(filter) => Some(filter),
            Err(error) => {
                let refused = ScimError::InvalidPath(error.to_string());
                return Err(match error {
                    FilterError::NoSubAttribute { name, .. } => unknown(&name, refused),
                    _ => refused.into(),
                });
            }
        },
        None => None,
    };
    Ok(Target {
        written: path,
        path: bound,
        filter,
    })
}

/// The element that a conjunction of equalities describes.
fn template(attribute: &Attribute, filter: &Filter) -> Option<Map<String, Value>> {
    match filter {
        Filter::And(terms) => terms.iter().try_fold(Map::new(), |mut element, term| {
            element.extend(template(attribute, term)?);
            Some(element)
        }),
        Filter::Compare(_, _, literal) if literal.is_null() => None,
        Filter::Compare(name, Operator::Eq, Literal::String(text) | Literal::Bare(text)) => {
            // Coerced like a client's element, so that it contains nothing that clients cannot set.
            let element = Map::from_iter([(name.clone(), Value::String(text.clone()))]);
            match coerce::single(attribute, Value::Object(element)) {
                Ok(Some(Value::Object(element))) => Some(element),
                _ => None,
            }
        }
        _ => None,
    }
}
