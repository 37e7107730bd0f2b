//! `remove` (RFC 7644 §3.5.2.2). Removing what is not there is a success: Entra repeats itself.

use serde_json::{Map, Value};

use super::bind::Target;
use super::elements::elements;
use crate::scim::ScimError;
use crate::scim::schema::check::{self, container};

/// Removes what is at `target`; of a multi-valued attribute only the elements in `value`, if
/// there is one.
pub(super) fn remove(
    attributes: &mut Map<String, Value>,
    target: &Target,
    value: Option<Value>,
) -> Result<(), ScimError> {
    let attribute = target.path.attribute;
    if !attribute.multi_valued {
        let members = container(attributes, target.path.extension);
        match (target.path.sub_attribute, members.get_mut(attribute.name)) {
            (Some(sub_attribute), Some(Value::Object(object))) => {
                object.remove(sub_attribute.name);
            }
            (None, Some(_)) => {
                members.remove(attribute.name);
            }
            _ => {}
        }
        return Ok(());
    }
    let unwanted = match value {
        Some(value) if target.selection.is_none() && target.path.sub_attribute.is_none() => {
            match check::value(attribute, value)? {
                Some(Value::Array(unwanted)) => Some(unwanted),
                _ => None,
            }
        }
        _ => None,
    };
    let is_selected = |element: &Value| match (&target.selection, element) {
        (Some(selection), Value::Object(members)) => selection.filter.matches(members),
        _ => unwanted
            .as_ref()
            .is_none_or(|unwanted| unwanted.iter().any(|given| is_meant(element, given))),
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

/// Whether a `remove` with the value `given` means `element`: everything it says is true of it.
fn is_meant(element: &Value, given: &Value) -> bool {
    match (element, given) {
        (Value::Object(members), Value::Object(given)) => given
            .iter()
            .all(|(name, value)| members.get(name) == Some(value)),
        _ => element == given,
    }
}
