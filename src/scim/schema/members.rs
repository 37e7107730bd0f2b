//! Objects and arrays of JSON, as resources nest them.

use serde_json::{Map, Value};

/// The object that holds an extension's attributes, made if absent.
pub(in crate::scim) fn container<'a>(
    attributes: &'a mut Map<String, Value>,
    extension: Option<&'static str>,
) -> &'a mut Map<String, Value> {
    match extension {
        Some(urn) => object_in(attributes.entry(urn).or_insert(Value::Null)),
        None => attributes,
    }
}

/// The object in `slot`, which becomes one if it is not.
pub(in crate::scim) fn object_in(slot: &mut Value) -> &mut Map<String, Value> {
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    match slot {
        Value::Object(members) => members,
        _ => unreachable!("made an object above"),
    }
}

/// The array in `slot`, which becomes one if it is not.
pub(in crate::scim) fn array_in(slot: &mut Value) -> &mut Vec<Value> {
    if !slot.is_array() {
        *slot = Value::Array(Vec::new());
    }
    match slot {
        Value::Array(elements) => elements,
        _ => unreachable!("made an array above"),
    }
}

/// Sets or, for no value, removes a member.
pub(in crate::scim) fn put(object: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match value {
        Some(value) => object.insert(name.to_owned(), value),
        None => object.remove(name),
    };
}

/// An object, or nothing if it is empty.
pub(in crate::scim) fn non_empty(members: Map<String, Value>) -> Option<Value> {
    (!members.is_empty()).then_some(Value::Object(members))
}

/// Whether a client's value means "no value".
pub(in crate::scim) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
