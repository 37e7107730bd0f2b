//! `add` and `replace` (RFC 7644 §3.5.2.1, §3.5.2.3). They differ only for multi-valued attributes:
//! `add` keeps the existing values.

use serde_json::{Map, Value};

use super::draft::Draft;
use super::elements::Clear;
use super::target::Target;
use crate::ScimError;
use crate::filter::BoundFilter;
use crate::schema::coerce;
use crate::schema::json::{is_empty, object_in, put};
use crate::schema::{Attribute, Mutability};

/// Adds `value` at `target`.
pub(super) fn add(draft: &mut Draft<'_>, target: &Target, value: Value) -> Result<(), ScimError> {
    write(draft, target, value, true)
}

/// Replaces what is at `target` by `value`.
pub(super) fn replace(
    draft: &mut Draft<'_>,
    target: &Target,
    value: Value,
) -> Result<(), ScimError> {
    write(draft, target, value, false)
}

fn write(
    draft: &mut Draft<'_>,
    target: &Target,
    value: Value,
    keep: bool,
) -> Result<(), ScimError> {
    let attribute = target.path.attribute;
    match (
        attribute.multi_valued,
        &target.filter,
        target.path.sub_attribute,
    ) {
        (false, _, None) if attribute.is_complex() => write_complex(draft, target, value, keep),
        (false, _, None) => {
            let checked = coerce::value(attribute, value)?;
            put(draft.container(&target.path), attribute.name, checked);
            Ok(())
        }
        (false, _, Some(sub_attribute)) => {
            let checked = coerce::value(sub_attribute, value)?;
            let object = object(draft, target);
            // As in `write_complex`: the old manager's `$ref` does not apply to the new one.
            let old = object.get("value");
            if sub_attribute.name == "value" && old.is_some() && old != checked.as_ref() {
                object.clear();
            }
            put(object, sub_attribute.name, checked);
            Ok(())
        }
        (true, None, None) => {
            let checked = match coerce::value(attribute, value)? {
                Some(Value::Array(checked)) => checked,
                _ => Vec::new(),
            };
            let elements = draft.elements(&target.path);
            if keep {
                elements.add(checked)
            } else {
                elements.replace(checked)
            }
        }
        (true, None, Some(sub_attribute)) => {
            let members = new_members(attribute, Some(sub_attribute), value)?;
            let elements = draft.elements(&target.path);
            if elements.is_empty() {
                elements.replace(vec![Value::Object(Map::new())])?;
            }
            let places = elements.selected(None)?;
            elements.set(&places, Clear::Member(sub_attribute.name), members)
        }
        (true, Some(filter), sub_attribute) => {
            write_selected(draft, target, filter, sub_attribute, value, keep)
        }
    }
}

/// Sets the sub-attributes in `value` and leaves the others (RFC 7644 §3.5.2.3). A new `value`,
/// such as a manager's, replaces everything: the rest described the old one.
fn write_complex(
    draft: &mut Draft<'_>,
    target: &Target,
    value: Value,
    keep: bool,
) -> Result<(), ScimError> {
    let attribute = target.path.attribute;
    let value = match value {
        Value::Array(mut elements) if elements.len() == 1 => elements.pop().unwrap_or_default(),
        value => value,
    };
    let members = match value {
        Value::Object(members)
            if !members
                .keys()
                .any(|name| name.eq_ignore_ascii_case("value")) =>
        {
            members
        }
        whole => {
            let checked = coerce::value(attribute, whole)?;
            put(draft.container(&target.path), attribute.name, checked);
            return Ok(());
        }
    };
    // Adding nothing changes nothing; replacing with nothing clears.
    if members.is_empty() && !keep {
        draft.container(&target.path).remove(attribute.name);
    }
    let object = object(draft, target);
    for (name, value) in members {
        if let Some(sub_attribute) = coerce::sub_attribute(attribute, &name)
            && sub_attribute.mutability != Mutability::ReadOnly
        {
            put(
                object,
                sub_attribute.name,
                coerce::value(sub_attribute, value)?,
            );
        }
    }
    Ok(())
}

/// The object at a singular complex attribute, created if there is none.
fn object<'d>(draft: &'d mut Draft<'_>, target: &Target) -> &'d mut Map<String, Value> {
    let slot = draft
        .container(&target.path)
        .entry(target.path.attribute.name);
    object_in(slot.or_insert(Value::Null))
}

/// Writes to the elements that the filter selects, or to a new element if it selects none.
///
/// RFC 7644 §3.5.2.3 requires `noTarget` for a `replace` that selects nothing. Entra sends
/// `Replace` for values that do not exist yet, so the element that the filter describes is created;
/// `noTarget` remains for filters that describe no element.
fn write_selected(
    draft: &mut Draft<'_>,
    target: &Target,
    filter: &BoundFilter,
    sub_attribute: Option<&'static Attribute>,
    value: Value,
    keep: bool,
) -> Result<(), ScimError> {
    let attribute = target.path.attribute;
    let clears = is_empty(&value);
    let new_members = new_members(attribute, sub_attribute, value)?;
    let elements = draft.elements(&target.path);
    let places = elements.selected(Some(filter))?;
    if !places.is_empty() {
        return match sub_attribute {
            Some(sub_attribute) => {
                elements.set(&places, Clear::Member(sub_attribute.name), new_members)
            }
            None if clears => elements.set(&places, Clear::Everything, Map::new()),
            None if keep => elements.set(&places, Clear::Nothing, new_members),
            None => {
                // The element keeps the filter's values unless the new value overrides them.
                let mut members = target.template().unwrap_or_default();
                members.extend(new_members);
                elements.set(&places, Clear::Everything, members)
            }
        };
    }
    if clears {
        return Ok(());
    }
    let Some(described) = target.template() else {
        return Err(ScimError::NoTarget(format!(
            "no value of `{}` matches {}; add the value first",
            attribute.name,
            target.quoted()
        )));
    };
    let mut members = described.clone();
    members.extend(new_members);
    elements.create(described, members)
}

/// The members that `value` sets in an element, or in this sub-attribute of it.
fn new_members(
    attribute: &Attribute,
    sub_attribute: Option<&Attribute>,
    value: Value,
) -> Result<Map<String, Value>, ScimError> {
    match sub_attribute {
        Some(sub_attribute) if sub_attribute.name != "value" => {
            let mut members = Map::new();
            let checked = coerce::value(sub_attribute, value)?;
            put(&mut members, sub_attribute.name, checked);
            Ok(members)
        }
        // Coerced as an element's `value`, so that JSON text in a role's `value` is unpacked here
        // too.
        _ => match coerce::single(attribute, value)? {
            Some(Value::Object(members)) => Ok(members),
            _ => Ok(Map::new()),
        },
    }
}
