//! What an operation does to what it is about.

use serde_json::Value;

/// What happens to a target.
pub(super) enum Change {
    Add(Value),
    Replace(Value),
    /// With a value: only these elements, which is how Entra without its compliance flag removes
    /// members.
    Remove(Option<Value>),
}
