//! From a parsed PATCH to steps on existing attributes.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::change::Change;
use super::members;
use super::request::{Kind, PatchOperation, PatchRequest};
use super::target::{Target, Unbound, target};
use super::unknown::{not_a_sub_attribute, understood};
use crate::ScimError;
use crate::filter::Filter;
use crate::ignored::Ignored;
use crate::members::MemberChange;
use crate::path::Path;
use crate::schema::{BoundPath, Mutability, ResolveError, Resolved, ResourceType, check, json};
use crate::text::quote;
use crate::work::{BEGIN, Budget, resolving};

/// One change of one attribute.
pub(super) struct Step<'a> {
    pub target: Target<'a>,
    pub change: Change,
}

/// A request that can be applied.
pub(super) struct Bound<'a> {
    pub steps: Vec<Step<'a>>,
    /// What the request does to the members, who are stored apart.
    pub members: MemberChange,
    /// What the request names and no schema has.
    pub ignored: Ignored,
    /// Whether it names an attribute that exists.
    is_understood: bool,
    budget: &'a Budget,
}

impl<'a> Bound<'a> {
    /// Notes a change of one attribute.
    fn change(&mut self, target: Target<'a>, change: Change) -> Result<(), ScimError> {
        if target.path.attribute.stored_apart {
            return members::apply(&mut self.members, &target, change, self.budget);
        }
        self.steps.push(Step { target, change });
        Ok(())
    }
}

/// Binds every operation before the first is applied.
pub(super) fn bind<'a>(
    resource_type: &ResourceType,
    request: &'a PatchRequest,
    budget: &'a Budget,
) -> Result<Bound<'a>, ScimError> {
    let mut bound = Bound {
        steps: Vec::new(),
        members: MemberChange::default(),
        ignored: Ignored::default(),
        is_understood: false,
        budget,
    };
    let mut unknown = None;
    for operation in &request.operations {
        budget.spend(binding(operation))?;
        match bind_operation(resource_type, operation, &mut bound) {
            Ok(()) => {}
            Err(Unbound::Refused(error)) => return Err(error),
            Err(Unbound::Unknown { name, error }) => {
                bound.ignored.note(&name);
                unknown.get_or_insert(error);
            }
        }
    }
    match unknown {
        Some(error) if !bound.is_understood => Err(error),
        _ => Ok(bound),
    }
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
    bound: &mut Bound<'a>,
) -> Result<(), Unbound> {
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
            )
            .into()),
            (_, Some(Value::Object(members))) => {
                Ok(bind_members(resource_type, members, &change, bound)?)
            }
            _ => Err(ScimError::InvalidValue(
                "an operation without `path` needs an object of attributes as `value`".to_owned(),
            )
            .into()),
        };
    };
    let is_write = operation.kind != Kind::Remove;
    match resource_type.resolve(&path.attribute) {
        Err(error) => {
            let is_unknown = matches!(error, ResolveError::Unknown { .. });
            let error = ScimError::InvalidPath(format!(
                "{error}; remove it from the attribute mappings or correct its name"
            ));
            if !is_unknown {
                return Err(error.into());
            }
            Err(Unbound::Unknown {
                name: path.attribute.clone(),
                error,
            })
        }
        // The tenant's admin mapped an attribute that this service does not store.
        Ok(Resolved::Undefined) => {
            bound.ignored.note(&path.attribute);
            Ok(())
        }
        Ok(Resolved::Attribute(attribute)) => {
            let target = target(Cow::Borrowed(path), attribute)?;
            let value = match operation.value.clone() {
                Some(value) if is_write => match understood(&target.path, value) {
                    Err(name) => {
                        return Err(Unbound::Unknown {
                            error: not_a_sub_attribute(&name, target.path.attribute),
                            name: format!("{}.{name}", path.attribute),
                        });
                    }
                    Ok(value) => Some(value),
                },
                // What is not there is removed already.
                value => value,
            };
            bound.is_understood = true;
            match locked(&target.path) {
                Some(Mutability::WriteOnly) => return Ok(()),
                Some(_) => {
                    return Err(ScimError::Mutability(format!(
                        "{} is set by the service and cannot be changed; remove it from the attribute mappings",
                        target.quoted()
                    ))
                    .into());
                }
                None => {}
            }
            if is_write && operation.value.is_none() {
                return Err(ScimError::InvalidValue(format!(
                    "the operation on {} lacks `value`",
                    target.quoted()
                ))
                .into());
            }
            if !is_write && target.path.leaf().required && target.path.sub_attribute.is_none() {
                return Err(ScimError::Mutability(format!(
                    "{} is required and cannot be removed",
                    target.quoted()
                ))
                .into());
            }
            if let Some(value) = &operation.value {
                let ignored = &mut bound.ignored;
                ignored.note_members(&path.attribute, &target.path, value);
            }
            Ok(bound.change(target, change(value))?)
        }
        // A schema's URN as a path stands for all its attributes.
        Ok(Resolved::Extension(schema)) => {
            let value = match &operation.value {
                None if is_write => return Err(needs_object(&path.attribute).into()),
                Some(value) if is_write => value,
                _ => &Value::Null,
            };
            Ok(bind_member(
                resource_type,
                schema.id,
                value,
                &change,
                bound,
            )?)
        }
        Ok(Resolved::Resource) => match &operation.value {
            Some(Value::Object(members)) if is_write => {
                Ok(bind_members(resource_type, members, &change, bound)?)
            }
            _ => Err(needs_object(&path.attribute).into()),
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
    bound: &mut Bound<'_>,
) -> Result<(), ScimError> {
    members
        .iter()
        .try_for_each(|(name, value)| bind_member(resource_type, name, value, change, bound))
}

fn bind_member(
    resource_type: &ResourceType,
    name: &str,
    value: &Value,
    change: &impl Fn(Option<Value>) -> Change,
    bound: &mut Bound<'_>,
) -> Result<(), ScimError> {
    let Ok(path) = Path::parse(name) else {
        bound.ignored.note(name);
        return Ok(());
    };
    match (resource_type.resolve(&path.attribute), value) {
        (Ok(Resolved::Attribute(attribute)), _) => {
            let shown = path.attribute.clone();
            match target(Cow::Owned(path), attribute) {
                Ok(target) => {
                    if locked(&target.path).is_some() {
                        bound.is_understood = true;
                        return Ok(());
                    }
                    bound.ignored.note_members(&shown, &target.path, value);
                    if let Ok(value) = understood(&target.path, value.clone()) {
                        bound.is_understood = true;
                        bound.change(target, change(Some(value)))?;
                    }
                }
                Err(Unbound::Unknown { name, .. }) => bound.ignored.note(&name),
                Err(Unbound::Refused(_)) => bound.ignored.note(name),
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
                    bound,
                )
            })
        }
        // No value for an extension clears all its attributes.
        (Ok(Resolved::Extension(schema)), value) if json::is_empty(value) => {
            schema.attributes.iter().try_for_each(|attribute| {
                let name = format!("{}:{}", schema.id, attribute.name);
                bind_member(resource_type, &name, &Value::Null, change, bound)
            })
        }
        // An error, as in a POST body.
        (Ok(Resolved::Extension(schema)), _) => Err(needs_object(schema.id)),
        (Ok(Resolved::Resource), Value::Object(members)) => {
            bind_members(resource_type, members, change, bound)
        }
        _ => {
            bound.ignored.note(&path.attribute);
            Ok(())
        }
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
