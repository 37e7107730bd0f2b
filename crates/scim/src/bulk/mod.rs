//! Bulk requests (RFC 7644 §3.7): parsing them, and the order in which their operations can run
//! (`plan`), which depends on the unique names that they may take (`names`).

mod names;
mod plan;

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use super::envelope::{take, take_text};
use super::text::quote;
use super::{ResourceType, ScimError};
pub use plan::{Holders, Plan, UniqueName};

/// Maximum number of operations in one request; published in `/ServiceProviderConfig`.
pub const MAX_OPERATIONS: usize = 1000;

/// The largest body accepted, in bytes; published in `/ServiceProviderConfig`.
pub const MAX_PAYLOAD_SIZE: usize = 1024 * 1024;

/// A bulk request.
#[derive(Debug)]
pub struct BulkRequest {
    /// The number of failed operations after which the rest are skipped.
    pub fail_on_errors: Option<usize>,
    /// The operations, as the client ordered them.
    pub operations: Vec<BulkOperation>,
}

/// One operation of a bulk request.
#[derive(Debug)]
pub struct BulkOperation {
    /// The method as the client wrote it, for the response.
    pub method: String,
    /// The name by which other operations of the request refer to the resource this one creates.
    pub bulk_id: Option<BulkId>,
    /// The version that the resource must have.
    pub version: Option<String>,
    /// The body.
    pub data: Value,
    /// What to do. An operation that cannot be understood fails alone.
    pub action: Result<Action, ScimError>,
}

/// A `bulkId`.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkId {
    /// As the client wrote it, for the response.
    pub sent: Value,
    /// What stands after `bulkId:` in a reference to it.
    pub name: String,
}

impl BulkId {
    /// A string, as RFC 7644 §3.7 has it, or the number that some clients send instead.
    fn parse(sent: Value) -> Result<Option<Self>, ScimError> {
        let name = match &sent {
            Value::Null => return Ok(None),
            Value::String(text) => text.clone(),
            Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
            Value::Number(_) => {
                return Err(ScimError::InvalidSyntax(
                    "`bulkId` is a number whose digits would be lost; send it in quotes".to_owned(),
                ));
            }
            _ => {
                return Err(ScimError::InvalidSyntax(
                    "`bulkId` must be a string".to_owned(),
                ));
            }
        };
        Ok(Some(Self { sent, name }))
    }
}

/// What an operation does. An id may be `bulkId:` and a name until it is resolved.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// POST.
    Create(&'static ResourceType),
    /// PUT.
    Replace(&'static ResourceType, String),
    /// PATCH.
    Patch(&'static ResourceType, String),
    /// DELETE.
    Delete(&'static ResourceType, String),
}

impl Action {
    /// The id of the resource that the operation changes; `None` for a creation.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Create(_) => None,
            Self::Replace(_, id) | Self::Patch(_, id) | Self::Delete(_, id) => Some(id),
        }
    }

    /// The type of the resource.
    pub fn resource_type(&self) -> &'static ResourceType {
        match self {
            Self::Create(of) | Self::Replace(of, _) | Self::Patch(of, _) | Self::Delete(of, _) => {
                of
            }
        }
    }

    fn parse(
        method: &str,
        path: &str,
        resource_types: &[&'static ResourceType],
    ) -> Result<Self, ScimError> {
        let invalid = |text: String| Err(ScimError::InvalidSyntax(text));
        let mut segments = path.split('/').filter(|segment| !segment.is_empty());
        let endpoint = segments.next().unwrap_or_default();
        let found = resource_types.iter().find(|found| {
            found
                .endpoint
                .trim_start_matches('/')
                .eq_ignore_ascii_case(endpoint)
        });
        let Some(resource_type) = found else {
            return invalid(format!(
                "{} is not the path of a resource; it is such as `/Users` or `/Groups/{{id}}`",
                quote(path)
            ));
        };
        let id = segments.next().map(str::to_owned);
        if segments.next().is_some() {
            return invalid(format!("{} is not the path of a resource", quote(path)));
        }
        match (method.to_ascii_uppercase().as_str(), id) {
            ("POST", None) => Ok(Self::Create(resource_type)),
            ("PUT", Some(id)) => Ok(Self::Replace(resource_type, id)),
            ("PATCH", Some(id)) => Ok(Self::Patch(resource_type, id)),
            ("DELETE", Some(id)) => Ok(Self::Delete(resource_type, id)),
            _ => invalid(format!(
                "{} is not possible on {} in a bulk request",
                quote(method),
                quote(path)
            )),
        }
    }
}

impl BulkRequest {
    /// Reads a BulkRequest body.
    ///
    /// # Errors
    /// `invalidSyntax` when it is not one, `tooMany` when it has more than [`MAX_OPERATIONS`].
    pub fn parse(
        mut body: Map<String, Value>,
        resource_types: &[&'static ResourceType],
    ) -> Result<Self, ScimError> {
        let Some(Value::Array(operations)) = take(&mut body, "Operations") else {
            return Err(ScimError::InvalidSyntax(
                "a bulk request needs an array `Operations`".to_owned(),
            ));
        };
        if operations.len() > MAX_OPERATIONS {
            return Err(ScimError::TooManyOperations(format!(
                "the request has {} operations, and {MAX_OPERATIONS} are accepted; split it",
                operations.len()
            )));
        }
        let fail_on_errors = match take(&mut body, "failOnErrors") {
            None | Some(Value::Null) => None,
            Some(value) => Some(
                value
                    .as_u64()
                    .and_then(|count| usize::try_from(count).ok())
                    .ok_or_else(|| {
                        ScimError::InvalidSyntax("`failOnErrors` must be a whole number".to_owned())
                    })?,
            ),
        };
        let mut bulk_ids = BTreeSet::new();
        let operations = operations
            .into_iter()
            .map(|operation| {
                let mut operation = BulkOperation::parse(operation, resource_types)?;
                if let Some(bulk_id) = &operation.bulk_id
                    && !bulk_ids.insert(bulk_id.name.clone())
                {
                    operation.action = Err(ScimError::InvalidValue(format!(
                        "the bulkId {} is used before; it must be unique in the request",
                        quote(&bulk_id.name)
                    )));
                }
                Ok::<_, ScimError>(operation)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            fail_on_errors: fail_on_errors.filter(|count| *count > 0),
            operations,
        })
    }
}

impl BulkOperation {
    fn parse(value: Value, resource_types: &[&'static ResourceType]) -> Result<Self, ScimError> {
        let Value::Object(mut members) = value else {
            return Err(ScimError::InvalidSyntax(
                "each of `Operations` must be an object".to_owned(),
            ));
        };
        let method = take_text(&mut members, "method").unwrap_or_default();
        let path = take_text(&mut members, "path").unwrap_or_default();
        let mut action = Action::parse(&method, &path, resource_types);
        let bulk_id = take(&mut members, "bulkId").map_or(Ok(None), BulkId::parse);
        let version = take(&mut members, "version").map_or(Ok(None), version);
        let data = match (&action, take(&mut members, "data").unwrap_or_default()) {
            // The figure of RFC 7644 §3.7 has brackets around the operations of a PATCH, which
            // some clients take for a list of them without the message around it.
            (Ok(Action::Patch(..)), Value::Array(operations)) => json!({"Operations": operations}),
            (_, data) => data,
        };
        // Without its condition, an operation could do what the client wants to prevent.
        if let Err(error) = bulk_id.as_ref().and(version.as_ref()) {
            action = action.and(Err(error.clone()));
        }
        Ok(Self {
            action,
            method,
            bulk_id: bulk_id.unwrap_or_default(),
            version: version.unwrap_or_default(),
            data,
        })
    }

    /// Whether the operation is for a resource that was there before the request.
    pub fn changes_what_was_there(&self) -> bool {
        let id = self.action.as_ref().ok().and_then(Action::id);
        id.is_some_and(|id| bulk_id(id).is_none())
    }

    /// The bulkIds that the operation refers to, in its path and in its data.
    fn references(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        if let Ok(action) = &self.action {
            found.extend(action.id().and_then(bulk_id).map(str::to_owned));
        }
        collect_references(&self.data, &mut found);
        found
    }

    /// Replaces references to created resources by their ids.
    ///
    /// # Errors
    /// `invalidValue` when the creation of one failed.
    pub fn resolve(&mut self, ids: &HashMap<String, String>) -> Result<Action, ScimError> {
        let action = self.action.clone()?;
        resolve_text_in(&mut self.data, ids)?;
        match action {
            Action::Create(of) => Ok(Action::Create(of)),
            Action::Replace(of, id) => Ok(Action::Replace(of, resolve_text(id, ids)?)),
            Action::Patch(of, id) => Ok(Action::Patch(of, resolve_text(id, ids)?)),
            Action::Delete(of, id) => Ok(Action::Delete(of, resolve_text(id, ids)?)),
        }
    }
}

/// An entity tag as the version of an operation.
fn version(sent: Value) -> Result<Option<String>, ScimError> {
    match sent {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        _ => Err(ScimError::InvalidSyntax(
            "`version` must be an entity tag such as `W/\"1\"`".to_owned(),
        )),
    }
}

/// The name in a reference `bulkId:name`.
fn bulk_id(text: &str) -> Option<&str> {
    text.strip_prefix("bulkId:")
}

/// What a reference in the filter of a path starts with: `members[value eq "bulkId:name"]`.
const IN_FILTER: &str = "\"bulkId:";

/// The name at the beginning of what follows [`IN_FILTER`], and the rest.
fn name_in_filter(text: &str) -> Option<(&str, &str)> {
    // One with an escape is no name that is looked for.
    let quoted = text.split_once('"');
    quoted.filter(|(name, _)| !name.contains('\\'))
}

fn collect_references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => found.extend(bulk_id(text).map(str::to_owned)),
        Value::Array(elements) => elements
            .iter()
            .for_each(|element| collect_references(element, found)),
        Value::Object(members) => {
            if let Some(Value::String(path)) = members.get("path") {
                let names = path.split(IN_FILTER).skip(1).filter_map(name_in_filter);
                found.extend(names.map(|(name, _)| name.to_owned()));
            }
            members
                .values()
                .for_each(|member| collect_references(member, found));
        }
        _ => {}
    }
}

fn created<'i>(name: &str, ids: &'i HashMap<String, String>) -> Result<&'i String, ScimError> {
    ids.get(name).ok_or_else(|| {
        ScimError::InvalidValue(format!(
            "the operation with the bulkId {} failed, so this one cannot refer to it",
            quote(name)
        ))
    })
}

fn resolve_text(text: String, ids: &HashMap<String, String>) -> Result<String, ScimError> {
    match bulk_id(&text) {
        None => Ok(text),
        Some(name) => created(name, ids).cloned(),
    }
}

/// Replaces references in the filters of a path.
fn resolve_path(path: &str, ids: &HashMap<String, String>) -> Result<String, ScimError> {
    let mut parts = path.split(IN_FILTER);
    let mut resolved = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match name_in_filter(part) {
            Some((name, rest)) => {
                let id = created(name, ids)?;
                resolved.extend(["\"", id, "\"", rest]);
            }
            None => resolved.extend([IN_FILTER, part]),
        }
    }
    Ok(resolved)
}

fn resolve_text_in(value: &mut Value, ids: &HashMap<String, String>) -> Result<(), ScimError> {
    match value {
        Value::String(text) => {
            *text = resolve_text(std::mem::take(text), ids)?;
            Ok(())
        }
        Value::Array(elements) => elements
            .iter_mut()
            .try_for_each(|element| resolve_text_in(element, ids)),
        Value::Object(members) => {
            if let Some(Value::String(path)) = members.get_mut("path") {
                *path = resolve_path(path, ids)?;
            }
            members
                .values_mut()
                .try_for_each(|member| resolve_text_in(member, ids))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::USERS;

    fn request(operations: Value) -> Result<BulkRequest, ScimError> {
        let Value::Object(body) = json!({"failOnErrors": 0, "Operations": operations}) else {
            panic!("not an object")
        };
        BulkRequest::parse(body, &[&USERS])
    }

    #[test]
    fn references_become_ids() {
        let mut request = request(
            json!([{"method": "PUT", "path": "/Users/bulkId:a", "data": {"x": ["bulkId:b", "b"]}}]),
        )
        .unwrap();
        let ids = HashMap::from([
            ("a".to_owned(), "1".to_owned()),
            ("b".to_owned(), "2".to_owned()),
        ]);
        let operation = &mut request.operations[0];
        assert_eq!(
            operation.resolve(&ids),
            Ok(Action::Replace(&USERS, "1".to_owned()))
        );
        assert_eq!(operation.data, json!({"x": ["2", "b"]}));
        let mut unresolved =
            super::tests::request(json!([{"method": "PUT", "path": "/Users/bulkId:a"}])).unwrap();
        assert!(unresolved.operations[0].resolve(&HashMap::new()).is_err());
    }

    #[test]
    fn what_is_no_operation_fails_alone_and_what_is_no_request_as_a_whole() {
        let request_of = |method, path| {
            request(json!([{"method": method, "path": path}]))
                .unwrap()
                .operations
                .remove(0)
                .action
        };
        let nowhere = request_of("POST", "/Devices").unwrap_err().to_string();
        assert_eq!(
            nowhere,
            "`/Devices` is not the path of a resource; it is such as `/Users` or `/Groups/{id}`"
        );
        for (method, path) in [
            ("GET", "/Users/1"),
            ("POST", "/Users/1"),
            ("PUT", "/Users"),
            ("POST", "/Devices"),
            ("", ""),
            ("PUT", "/Users/1/2"),
        ] {
            assert!(request_of(method, path).is_err(), "{method} {path}");
        }
        assert!(request(json!({})).is_err());
        assert!(request(json!(["x"])).is_err());
        assert!(request(Value::Array(vec![json!({}); MAX_OPERATIONS])).is_ok());
        let many = request(Value::Array(vec![json!({}); MAX_OPERATIONS + 1])).unwrap_err();
        assert_eq!(
            (many.status().as_u16(), many.scim_type()),
            (413, Some("tooMany"))
        );
    }

    #[test]
    fn fail_on_errors_counts_from_one() {
        let fail_on_errors = |count: Value| {
            let Value::Object(body) = json!({"failOnErrors": count, "Operations": []}) else {
                panic!("not an object")
            };
            let request = BulkRequest::parse(body, &[&USERS]);
            request.map(|request| request.fail_on_errors)
        };
        assert_eq!(fail_on_errors(json!(null)), Ok(None));
        assert_eq!(fail_on_errors(json!(0)), Ok(None));
        assert_eq!(fail_on_errors(json!(1)), Ok(Some(1)));
        assert_eq!(fail_on_errors(json!(2)), Ok(Some(2)));
        for wrong in [json!(-1), json!(1.5), json!("1")] {
            assert!(fail_on_errors(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
