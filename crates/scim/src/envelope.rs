//! Messages of the protocol: objects whose members some clients write in other cases.

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

/// Removes the member called `name` and returns its text; `None` if it is absent or no text.
pub(super) fn take_text(members: &mut Map<String, Value>, name: &str) -> Option<String> {
    match take(members, name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}
