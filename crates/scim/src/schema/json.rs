//! Nested JSON objects and arrays of resources.

use serde_json::{Map, Value};

/// The object that holds an extension's attributes, created if absent.
pub(crate) fn container<'a>(
    attributes: &'a mut Map<String, Value>,
    extension: Option<&'static str>,
) -> &'a mut Map<String, Value> {
    match extension {
        Some(urn) => object_in(attributes.entry(urn).or_insert(Value::Null)),
        None => attributes,
    }
}

/// The object in `slot`; replaces any other value by an empty one.
pub(crate) fn object_in(slot: &mut Value) -> &mut Map<String, Value> {
    match slot {
        Value::Object(members) => members,
        other => {
            *other = Value::Object(Map::new());
            object_in(other)
        }
    }
}

/// Sets a member or, for `None`, removes it.
pub(crate) fn put(object: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match value {
        Some(value) => object.insert(name.to_owned(), value),
        None => object.remove(name),
    };
}

/// The object, or `None` if it is empty.
pub(crate) fn non_empty(members: Map<String, Value>) -> Option<Value> {
    (!members.is_empty()).then_some(Value::Object(members))
}

/// Whether a client's value means "no value".
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
