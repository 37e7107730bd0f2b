//! Protocol messages: objects whose member names some clients write in another case.

use serde_json::{Map, Value};

/// Removes the member called `name`, in any case.
pub(super) fn take(members: &mut Map<String, Value>, name: &str) -> Option<Value> {
    if let Some(value) = members.remove(name) {
        return Some(value);
    }
    let key = members
        .keys()
        .find(|key| key.eq_ignore_ascii_case(name))?
        .clone();
    members.remove(&key)
}

/// Removes the member called `name` and returns its text; `None` if it is absent or not a string.
pub(super) fn take_text(members: &mut Map<String, Value>, name: &str) -> Option<String> {
    match take(members, name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}
