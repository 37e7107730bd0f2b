//! `remove` (RFC 7644 §3.5.2.2). Removing something that is not there succeeds: Entra repeats
//! itself.

use serde_json::{Map, Value};

use super::bind::Target;
use super::elements::{elements, equals};
use crate::ScimError;
use crate::schema::Attribute;
use crate::schema::coerce;
use crate::schema::json::container;

/// Removes what is at `target`; if there is a `value`, only the elements of a multi-valued
/// attribute that are in it.
pub(super) fn remove(
    attributes: &mut Map<String, Value>,
    target: &Target,
    value: Option<Value>,
) -> Result<(), ScimError> {
    let attribute = target.path.attribute;
    if !attribute.multi_valued {
        let members = container(attributes, target.path.extension);
        match (target.path.sub_attribute, members.get_mut(attribute.name)) {
            // A manager without its `value` is removed altogether: the rest only describes the
            // value.
            (Some(sub_attribute), Some(Value::Object(object))) if sub_attribute.name != "value" => {
                object.remove(sub_attribute.name);
            }
            (_, Some(_)) => {
                members.remove(attribute.name);
            }
            _ => {}
        }
        return Ok(());
    }
    // A value that names no element, such as `[]`, removes none: its presence says that not all are
    // meant.
    let unwanted = match value {
        Some(value) if target.filter.is_none() && target.path.sub_attribute.is_none() => {
            match coerce::value(attribute, value)? {
                Some(Value::Array(unwanted)) => Some(unwanted),
                _ => Some(Vec::new()),
            }
        }
        _ => None,
    };
    let is_selected = |element: &Value| match (&target.filter, element) {
        (Some(filter), Value::Object(members)) => filter.matches(members),
        _ => unwanted.as_ref().is_none_or(|unwanted| {
            unwanted
                .iter()
                .any(|given| is_meant(attribute, element, given))
        }),
    };
    let elements = elements(attributes, target);
    match target.path.sub_attribute {
        Some(sub_attribute) => {
            for element in elements.iter_mut().filter(|element| is_selected(element)) {
                if let Value::Object(members) = element {
                    members.remove(sub_attribute.name);
                }
            }
        }
        None => elements.retain(|element| !is_selected(element)),
    }
    Ok(())
}

/// Whether a `remove` with the value `given` means `element`: all of its members must match.
fn is_meant(attribute: &Attribute, element: &Value, given: &Value) -> bool {
    match given {
        Value::Object(given) => given.iter().all(|(name, value)| {
            let equal = |other| equals(attribute.sub_attribute(name), other, value);
            element.get(name).is_some_and(equal)
        }),
        given => equals(Some(attribute), element, given),
    }
}
