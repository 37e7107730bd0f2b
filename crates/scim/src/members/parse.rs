//! Members as clients send them: objects, bare ids, one instead of a list, `$ref` alone.

use serde_json::{Map, Value};

use crate::ScimError;
use crate::schema::Attribute;
use crate::schema::coerce::{self, mismatch};
use crate::schema::json::is_empty;

/// The longest `display` of a member, in bytes.
const MAX_DISPLAY: usize = 1024;

/// A member as a client names it.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// The text in the place of the id.
    pub id: Option<String>,
    /// Whether it is said to be a user, which it is if nothing is said.
    pub is_user: bool,
    /// Its name.
    pub display: Option<String>,
}

/// Whether a client's value means no members at all. An object without members of its own means one
/// element that says nothing, which is another thing.
pub(crate) fn is_empty_list(value: &Value) -> bool {
    is_empty(value) && !value.is_object()
}

/// The members in `value`, a client's value for `attribute`.
///
/// # Errors
/// `invalidValue` when it cannot be a list of members.
pub(crate) fn list(attribute: &Attribute, value: Value) -> Result<Vec<Given>, ScimError> {
    match value {
        Value::Array(elements) => elements
            .into_iter()
            .map(|value| element(attribute, value))
            .collect(),
        single => Ok(vec![element(attribute, single)?]),
    }
}

/// The members in `value`, of whom at least one has an id unless the value is empty.
///
/// # Errors
/// As [`list`]; `invalidValue` also if nobody is named. It would look like an empty list, and
/// nobody asked to empty the group.
pub(crate) fn list_to_add(attribute: &Attribute, value: Value) -> Result<Vec<Given>, ScimError> {
    if is_empty_list(&value) {
        return Ok(Vec::new());
    }
    let given = list(attribute, value)?;
    if given.iter().any(|given| given.id.is_some()) {
        return Ok(given);
    }
    Err(ScimError::InvalidValue(format!(
        "`{}` names nobody: no element has a `value`; send the ids of users as `value`, or an empty list to remove all",
        attribute.name
    )))
}

fn element(attribute: &Attribute, value: Value) -> Result<Given, ScimError> {
    match value {
        Value::Object(members) => object(attribute, members),
        refused @ (Value::Array(_) | Value::Bool(_)) => {
            Err(mismatch(attribute.name, "an object with `value`", &refused))
        }
        // Microsoft's collection of requests has bare ids.
        bare => object(attribute, Map::from_iter([("value".to_owned(), bare)])),
    }
}

fn object(attribute: &Attribute, members: Map<String, Value>) -> Result<Given, ScimError> {
    let mut given = Given {
        is_user: true,
        ..Given::default()
    };
    let mut reference = None;
    for (name, value) in members {
        let Some(sub_attribute) = coerce::sub_attribute(attribute, &name) else {
            continue;
        };
        let Some(Value::String(text)) = coerce::single(sub_attribute, value)? else {
            continue;
        };
        match sub_attribute.name {
            "value" => given.id = Some(text),
            "$ref" => reference = Some(text),
            "type" => given.is_user = text.trim().eq_ignore_ascii_case("User"),
            "display" => given.display = Some(checked_display(text)?),
            _ => {}
        }
    }
    if given.id.is_none() {
        given.id = reference.as_deref().and_then(last_segment);
    }
    Ok(given)
}

/// The id in the URI of a resource.
fn last_segment(uri: &str) -> Option<String> {
    let segment = uri.trim_end_matches('/').rsplit('/').next()?;
    (!segment.is_empty()).then(|| segment.to_owned())
}

fn checked_display(text: String) -> Result<String, ScimError> {
    if text.len() <= MAX_DISPLAY {
        return Ok(text);
    }
    Err(ScimError::InvalidValue(format!(
        "the `display` of a member is {} bytes long, and {MAX_DISPLAY} are accepted; send it without",
        text.len()
    )))
}
