//! The elements of a multi-valued attribute.

use serde_json::{Map, Value};

use crate::schema::Attribute;
use crate::schema::finish::says_something;
use crate::schema::json::{array_in, container};
use crate::text::fold;

use super::bind::Target;

/// The elements of the target's attribute; creates an empty array if there is none.
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

/// An element without a value does not exist yet, or no longer: it takes `primary` from nobody.
fn is_primary(element: &Value) -> bool {
    element.get("primary") == Some(&Value::Bool(true)) && says_something(element)
}

/// Adds `element`, or updates the one it repeats: the one with the same value and type or, where a
/// type occurs once (Entra: a user has one work address), the one with the same type among the
/// first `present` elements, which existed before the operation.
pub(super) fn merge(
    attribute: &Attribute,
    elements: &mut Vec<Value>,
    present: usize,
    element: Value,
) {
    let same = |name: &str, other: &Value| match (other.get(name), element.get(name)) {
        (Some(one), Some(other)) => equals(attribute.sub_attribute(name), one, other),
        _ => false,
    };
    let repeats = |other: &Value| {
        same("value", other) && (element.get("type").is_none() || same("type", other))
    };
    let is_keyed = attribute.is_keyed_by_type();
    // An identical element takes precedence over similar ones and stays unchanged.
    let position = elements
        .iter()
        .position(|other| *other == element)
        .or_else(|| elements.iter().position(repeats))
        .or_else(|| {
            elements
                .iter()
                .take(present)
                .position(|other| is_keyed && same("type", other))
        });
    match (position.and_then(|index| elements.get_mut(index)), element) {
        (Some(Value::Object(existing)), Value::Object(members)) => existing.extend(members),
        (Some(existing), other) => *existing = other,
        (None, element) => elements.push(element),
    }
}

/// Whether two values of an attribute are equal under its schema.
pub(super) fn equals(attribute: Option<&Attribute>, one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(one), Value::String(other))
            if attribute.is_some_and(|attribute| !attribute.case_exact) =>
        {
            fold(one) == fold(other)
        }
        _ => one == other,
    }
}
