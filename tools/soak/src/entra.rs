//! What Entra sends, in both of its modes, and what a user must look like afterwards: computed
//! here, without the service's own code. The formats are those of `events/`.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

const TEMPLATE: &str = include_str!("../../../events/create-default-mapping.json");
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A user's attributes as GET shows them.
pub type Object = Map<String, Value>;

/// How Entra writes its PATCH requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// One operation per attribute, booleans as text.
    Legacy,
    /// With `aadOptscim062020`: one operation without a path for all plain attributes.
    Flag,
}

/// A change of one attribute; without a value it is cleared.
pub struct Change {
    pub path: &'static str,
    pub value: Option<Value>,
}

/// The attributes that are changed, and whether they may be cleared. Those that select an element
/// are written with their path in both modes.
pub const ATTRIBUTES: [(&str, bool); 11] = [
    ("displayName", false),
    ("title", true),
    ("preferredLanguage", true),
    ("nickName", true),
    ("name.givenName", false),
    ("name.familyName", false),
    ("emails[type eq \"work\"].value", false),
    ("phoneNumbers[type eq \"mobile\"].value", true),
    ("addresses[type eq \"work\"].locality", true),
    (
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
        true,
    ),
    (
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
        true,
    ),
];

/// The body of the POST that creates a user.
pub fn creation(user_name: &str, external_id: &str, active: bool) -> Result<Object> {
    let event: Value = serde_json::from_str(TEMPLATE)?;
    let body = event["body"].as_str().context("the event has no body")?;
    let mut user: Object = serde_json::from_str(body)?;
    user["userName"] = user_name.into();
    user["externalId"] = external_id.into();
    user["active"] = active.into();
    user["emails"][0]["value"] = user_name.into();
    user[ENTERPRISE]["employeeNumber"] = external_id.get(24..).into();
    Ok(user)
}

/// The attributes of the user that such a POST creates.
pub fn created(body: &Object) -> Object {
    let mut user = body.clone();
    user.remove("meta");
    // An empty list is no value.
    user.remove("roles");
    let manager = user[ENTERPRISE]["manager"].take();
    user[ENTERPRISE]["manager"] = json!({"value": manager});
    user
}

/// The body of a PATCH with these changes.
pub fn patch(mode: Mode, user: &Value, changes: &[Change]) -> Value {
    let operations = match mode {
        Mode::Legacy => changes.iter().map(|change| legacy(user, change)).collect(),
        Mode::Flag => flag(changes),
    };
    json!({"schemas": [PATCH], "Operations": operations})
}

fn legacy(user: &Value, change: &Change) -> Value {
    let path = change.path;
    match &change.value {
        None => json!({"op": "Remove", "path": path}),
        Some(value) => {
            let op = if is_set(user, path) { "Replace" } else { "Add" };
            let value = match value {
                Value::Bool(true) => "True".into(),
                Value::Bool(false) => "False".into(),
                other => other.clone(),
            };
            json!({"op": op, "path": path, "value": value})
        }
    }
}

fn flag(changes: &[Change]) -> Vec<Value> {
    let (elements, plain): (Vec<_>, Vec<_>) = changes
        .iter()
        .partition(|change| element(change.path).is_some());
    let mut operations: Vec<Value> = elements
        .iter()
        .map(|change| json!({"op": "replace", "path": change.path, "value": change.value}))
        .collect();
    let values: Object = plain
        .iter()
        .map(|change| {
            (
                change.path.to_owned(),
                change.value.clone().unwrap_or_default(),
            )
        })
        .collect();
    if !values.is_empty() {
        operations.push(json!({"op": "replace", "value": values}));
    }
    operations
}

/// Applies a change to a user's attributes.
pub fn apply(user: &mut Object, change: &Change) {
    if let Some((attribute, kind, part)) = element(change.path) {
        let elements = user.entry(attribute).or_insert_with(|| json!([]));
        let Some(elements) = elements.as_array_mut() else {
            return;
        };
        if !elements.iter().any(|element| element["type"] == kind) {
            elements.push(json!({"type": kind}));
        }
        for element in elements.iter_mut().filter(|one| one["type"] == kind) {
            set(element.as_object_mut(), part, &change.value);
        }
        // An element with only these two members is removed.
        elements.retain(|element| {
            let members = element.as_object().into_iter().flat_map(Map::keys);
            members
                .into_iter()
                .any(|name| name != "type" && name != "primary")
        });
        if elements.is_empty() {
            user.remove(attribute);
        }
    } else if let Some((attribute, part)) = part(change.path) {
        set(user[attribute].as_object_mut(), part, &change.value);
    } else {
        set(Some(user), change.path, &change.value);
    }
}

fn set(object: Option<&mut Object>, name: &str, value: &Option<Value>) {
    let Some(object) = object else { return };
    match value {
        Some(value) => _ = object.insert(name.to_owned(), value.clone()),
        None => _ = object.remove(name),
    }
}

fn is_set(user: &Value, path: &str) -> bool {
    let value = if let Some((attribute, kind, part)) = element(path) {
        let elements = user.get(attribute).and_then(Value::as_array);
        let mut elements = elements.into_iter().flatten();
        elements
            .find(|element| element["type"] == kind)
            .and_then(|element| element.get(part))
    } else if let Some((attribute, part)) = part(path) {
        user.get(attribute).and_then(|value| value.get(part))
    } else {
        user.get(path)
    };
    value.is_some()
}

/// `emails[type eq "work"].value` -> emails, work, value.
fn element(path: &str) -> Option<(&str, &str, &str)> {
    let (attribute, rest) = path.split_once("[type eq \"")?;
    let (kind, part) = rest.split_once("\"].")?;
    Some((attribute, kind, part))
}

/// `name.givenName` -> name, givenName; the extension's attributes likewise.
fn part(path: &str) -> Option<(&str, &str)> {
    match path.strip_prefix(ENTERPRISE) {
        Some(rest) => Some((ENTERPRISE, rest.strip_prefix(':')?)),
        None => path.split_once('.'),
    }
}
