//! Names that the schemas do not have, in the values of a PATCH.

use serde_json::Value;

use crate::ScimError;
use crate::schema::{Attribute, BoundPath, coerce, json};
use crate::text::quote;

/// The value without the elements of which nothing is understood: they would be empty elements, and
/// replacing with these would delete what the client has not named.
///
/// # Errors
/// If nothing is left: a name that is not understood.
pub(super) fn understood(path: &BoundPath, value: Value) -> Result<Value, String> {
    let attribute = path.attribute;
    if path.sub_attribute.is_some() || !attribute.is_complex() || !attribute.multi_valued {
        return Ok(value);
    }
    match value {
        Value::Array(elements) => {
            let mut unknown = None;
            let is_understood = |element: &Value| match unknown_name(attribute, element) {
                Some(name) => {
                    unknown.get_or_insert(name);
                    false
                }
                None => true,
            };
            let elements: Vec<_> = elements.into_iter().filter(is_understood).collect();
            match unknown {
                Some(name) if elements.is_empty() => Err(name),
                _ => Ok(Value::Array(elements)),
            }
        }
        single => match unknown_name(attribute, &single) {
            Some(name) => Err(name),
            None => Ok(single),
        },
    }
}

/// A name in `element` that is not understood, if nothing else in it says something.
fn unknown_name(attribute: &Attribute, element: &Value) -> Option<String> {
    let mut unknown = None;
    for (name, value) in element.as_object()? {
        match coerce::sub_attribute(attribute, name) {
            Some(known) if known.name != "type" && known.name != "primary" => return None,
            None if !json::is_empty(value) => unknown = Some(name.clone()),
            _ => {}
        }
    }
    unknown
}

pub(super) fn not_a_sub_attribute(name: &str, attribute: &Attribute) -> ScimError {
    ScimError::InvalidPath(format!(
        "{} is not a sub-attribute of `{}`; correct the attribute mappings",
        quote(name),
        attribute.name
    ))
}
