//! From a parsed PATCH to steps on existing attributes.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::request::{Kind, PatchOperation, PatchRequest};
use crate::ScimError;
use crate::filter::{BoundFilter, Filter, Literal, Operator};
use crate::path::Path;
use crate::schema::{
    Attribute, BoundPath, Mutability, Resolved, ResourceType, check, coerce, json,
};
use crate::text::quote;
use crate::work::{BEGIN, Budget, resolving};

/// One change of one attribute.
pub(super) struct Step<'a> {
    pub target: Target<'a>,
    pub change: Change,
}

/// What happens to a target.
pub(super) enum Change {
    Add(Value),
    Replace(Value),
    /// With a value: only these elements, which is how Entra without its compliance flag removes
    /// members.
    Remove(Option<Value>),
}

/// Where a step applies.
pub(super) struct Target<'a> {
    /// As the client wrote it.
    written: Cow<'a, Path>,
    pub path: BoundPath,
    /// Selects elements of a multi-valued attribute.
    pub filter: Option<BoundFilter>,
}

impl Target<'_> {
    /// The path as error messages show it.
    pub fn quoted(&self) -> String {
        quote(&self.written.to_string())
    }

    /// The element that the filter describes, if it is a conjunction of equalities: `{type: work}`
    /// for `[type eq "work"]`. It is created if nothing matches.
    pub fn template(&self) -> Option<Map<String, Value>> {
        template(self.path.attribute, self.written.filter.as_ref()?)
    }
}

/// Binds every operation before the first is applied.
pub(super) fn bind<'a>(
    resource_type: &ResourceType,
    request: &'a PatchRequest,
    budget: &Budget,
) -> Result<Vec<Step<'a>>, ScimError> {
    let mut steps = Vec::with_capacity(request.operations.len());
    for operation in &request.operations {
        budget.spend(binding(operation))?;
        bind_operation(resource_type, operation, &mut steps)?;
    }
    Ok(steps)
}

/// What it takes to bind an operation.
fn binding(operation: &PatchOperation) -> u64 {
    let filter = operation
        .path
        .as_ref()
        .and_then(|path| path.filter.as_ref());
    let value = operation.value.as_ref();
    BEGIN + filter.map_or(0, Filter::binding) + value.map_or(0, resolving)
}

fn bind_operation<'a>(
    resource_type: &ResourceType,
    operation: &'a PatchOperation,
    steps: &mut Vec<Step<'a>>,
) -> Result<(), ScimError> {
    let change = |value: Option<Value>| match operation.kind {
        Kind::Add => Change::Add(value.unwrap_or(Value::Null)),
        Kind::Replace => Change::Replace(value.unwrap_or(Value::Null)),
        Kind::Remove => Change::Remove(value.filter(|value| {
            !matches!(value, Value::Null | Value::String(_)) || !json::is_empty(value)
        })),
    };
    let Some(path) = &operation.path else {
        return match (operation.kind, &operation.value) {
            (Kind::Remove, _) => Err(ScimError::NoTarget(
                "a `remove` operation lacks `path`; name the attribute to remove".to_owned(),
            )),
            (_, Some(Value::Object(members))) => {
                bind_members(resource_type, members, &change, steps)
            }
            _ => Err(ScimError::InvalidValue(
                "an operation without `path` needs an object of attributes as `value`".to_owned(),
            )),
        };
    };
    let is_write = operation.kind != Kind::Remove;
    match resource_type.resolve(&path.attribute) {
        Err(error) => Err(ScimError::InvalidPath(format!(
            "{error}; remove it from the attribute mappings or correct its name"
        ))),
        // The tenant's admin mapped an attribute that this service does not store.
        Ok(Resolved::Undefined) => Ok(()),
        Ok(Resolved::Attribute(attribute)) => {
            let target = target(Cow::Borrowed(path), attribute)?;
            match locked(&target.path) {
                Some(Mutability::WriteOnly) => return Ok(()),
                Some(_) => {
                    return Err(ScimError::Mutability(format!(
                        "{} is set by the service and cannot be changed; remove it from the attribute mappings",
                        target.quoted()
                    )));
                }
                None => {}
            }
            if is_write && operation.value.is_none() {
                return Err(ScimError::InvalidValue(format!(
                    "the operation on {} lacks `value`",
                    target.quoted()
                )));
            }
            if !is_write && target.path.leaf().required && target.path.sub_attribute.is_none() {
                return Err(ScimError::Mutability(format!(
                    "{} is required and cannot be removed",
                    target.quoted()
                )));
            }
            steps.push(Step {
                target,
                change: change(operation.value.clone()),
            });
            Ok(())
        }
        // A schema's URN as a path stands for all its attributes.
        Ok(Resolved::Extension(schema)) => {
            let value = match &operation.value {
                None if is_write => return Err(needs_object(&path.attribute)),
                Some(value) if is_write => value,
                _ => &Value::Null,
            };
            bind_member(resource_type, schema.id, value, &change, steps)
        }
        Ok(Resolved::Resource) => match &operation.value {
            Some(Value::Object(members)) if is_write => {
                bind_members(resource_type, members, &change, steps)
            }
            _ => Err(needs_object(&path.attribute)),
        },
    }
}

fn needs_object(path: &str) -> ScimError {
    ScimError::InvalidValue(format!(
        "the operation on {} needs an object of attributes as `value`",
        quote(path)
    ))
}

/// The members of a value without a path. Each key is resolved like a path: plain, dotted, an
/// attribute's URN, a schema's URN with an object, even with a filter. Unknown and readOnly
/// attributes are ignored, as in a POST body.
fn bind_members(
    resource_type: &ResourceType,
    members: &Map<String, Value>,
    change: &impl Fn(Option<Value>) -> Change,
    steps: &mut Vec<Step<'_>>,
) -> Result<(), ScimError> {
    members
        .iter()
        .try_for_each(|(name, value)| bind_member(resource_type, name, value, change, steps))
}

fn bind_member(
    resource_type: &ResourceType,
    name: &str,
    value: &Value,
    change: &impl Fn(Option<Value>) -> Change,
    steps: &mut Vec<Step<'_>>,
) -> Result<(), ScimError> {
    let Ok(path) = Path::parse(name) else {
        return Ok(());
    };
    match (resource_type.resolve(&path.attribute), value) {
        (Ok(Resolved::Attribute(attribute)), _) => {
            let Ok(target) = target(Cow::Owned(path), attribute) else {
                return Ok(());
            };
            if locked(&target.path).is_none() {
                steps.push(Step {
                    target,
                    change: change(Some(value.clone())),
                });
            }
            Ok(())
        }
        (Ok(Resolved::Extension(schema)), Value::Object(members)) => {
            members.iter().try_for_each(|(name, value)| {
                bind_member(
                    resource_type,
                    &format!("{}:{name}", schema.id),
                    value,
                    change,
                    steps,
                )
            })
        }
        // No value for an extension clears all its attributes.
        (Ok(Resolved::Extension(schema)), value) if json::is_empty(value) => {
            schema.attributes.iter().try_for_each(|attribute| {
                let name = format!("{}:{}", schema.id, attribute.name);
                bind_member(resource_type, &name, &Value::Null, change, steps)
            })
        }
        // An error, as in a POST body.
        (Ok(Resolved::Extension(schema)), _) => Err(needs_object(schema.id)),
        (Ok(Resolved::Resource), Value::Object(members)) => {
            bind_members(resource_type, members, change, steps)
        }
        _ => Ok(()),
    }
}

/// The mutability that keeps clients from setting the attribute, if any.
fn locked(path: &BoundPath) -> Option<Mutability> {
    if check::is_writable(*path) {
        return None;
    }
    // `schemas` is derived from the attributes present, so setting it is ignored.
    if path.attribute.name == "schemas" {
        return Some(Mutability::WriteOnly);
    }
    Some(path.sub_attribute.unwrap_or(path.attribute).mutability)
}

fn target(path: Cow<'_, Path>, bound: BoundPath) -> Result<Target<'_>, ScimError> {
    let mut bound = bound;
    if let Some(name) = &path.sub_attribute {
        bound.sub_attribute = coerce::sub_attribute(bound.attribute, name);
        if bound.sub_attribute.is_none() {
            return Err(ScimError::InvalidPath(format!(
                "{} is not a sub-attribute of `{}`; correct the attribute mappings",
                quote(name),
                bound.attribute.name
            )));
        }
    }
    let filter = match &path.filter {
        // Entra can put a filter on a singular attribute: it means the only value.
        Some(_) if !bound.attribute.multi_valued => None,
        Some(filter) => Some(
            filter
                .bind_element(bound.attribute)
                .map_err(|error| ScimError::InvalidPath(error.to_string()))?,
        ),
        None => None,
    };
    Ok(Target {
        written: path,
        path: bound,
        filter,
    })
}

/// The element that a conjunction of equalities describes.
fn template(attribute: &Attribute, filter: &Filter) -> Option<Map<String, Value>> {
    match filter {
        Filter::And(terms) => terms.iter().try_fold(Map::new(), |mut element, term| {
            element.extend(template(attribute, term)?);
            Some(element)
        }),
        Filter::Compare(_, _, literal) if literal.is_null() => None,
        Filter::Compare(name, Operator::Eq, Literal::String(text) | Literal::Bare(text)) => {
            // Coerced like a client's element, so that it contains nothing that clients cannot set.
            let element = Map::from_iter([(name.clone(), Value::String(text.clone()))]);
            match coerce::single(attribute, Value::Object(element)) {
                Ok(Some(Value::Object(element))) => Some(element),
                _ => None,
            }
        }
        _ => None,
    }
}
