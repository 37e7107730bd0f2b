//! The elements of a multi-valued attribute.

use serde_json::{Map, Value};

use crate::scim::schema::Attribute;
use crate::scim::schema::check::{array_in, container};

use super::bind::Target;

/// The elements of the target's attribute, an empty array made where there is none.
pub(super) fn elements<'a>(
    attributes: &'a mut Map<String, Value>,
    target: &Target,
) -> &'a mut Vec<Value> {
    array_in(
        container(attributes, target.path.extension)
            .entry(target.path.attribute.name)
            .or_insert(Value::Null),
    )
}

/// Runs `change` on the elements, then takes `primary` from those that had it before if another
/// gained it (RFC 7644 §3.5.2: setting one primary clears the others).
pub(super) fn keeping_one_primary<T>(
    elements: &mut Vec<Value>,
    change: impl FnOnce(&mut Vec<Value>) -> T,
) -> T {
    let before: Vec<bool> = elements.iter().map(is_primary).collect();
    let result = change(elements);
    let gained = elements.iter().enumerate().any(|(index, element)| {
        is_primary(element) && !before.get(index).copied().unwrap_or(false)
    });
    if gained {
        for (element, was_primary) in elements.iter_mut().zip(before) {
            if let (true, Some(primary)) = (was_primary, element.get_mut("primary")) {
                *primary = Value::Bool(false);
            }
        }
    }
    result
}

fn is_primary(element: &Value) -> bool {
    element.get("primary") == Some(&Value::Bool(true))
}

/// Adds `element`, or lets it change the element it repeats: the one with the same value and
/// type or, where a type occurs once (Entra: a user has one work address), the same type.
pub(super) fn merge(attribute: &Attribute, elements: &mut Vec<Value>, element: Value) {
    let same = |name: &str, other: &Value| other.get(name) == element.get(name);
    let has_type = attribute.is_keyed_by_type() && element.get("type").is_some();
    let position = elements.iter().position(|other| {
        *other == element
            || (has_type && same("type", other))
            || (element.get("value").is_some() && same("value", other) && same("type", other))
    });
    match (position.and_then(|index| elements.get_mut(index)), element) {
        (Some(Value::Object(existing)), Value::Object(members)) => existing.extend(members),
        (Some(existing), other) => *existing = other,
        (None, element) => elements.push(element),
    }
}
