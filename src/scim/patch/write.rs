//! `add` and `replace` (RFC 7644 §3.5.2.1, §3.5.2.3). They differ only where an attribute has
//! several values: `add` keeps those that are there.

use serde_json::{Map, Value};

use super::bind::{Selection, Target};
use super::elements::{elements, keeping_one_primary, merge};
use crate::scim::ScimError;
use crate::scim::schema::check::{self, container, is_empty, object_in, put};
use crate::scim::schema::{Attribute, Mutability};
use crate::scim::text::quote;

type Attributes = Map<String, Value>;

/// Adds `value` at `target`.
pub(super) fn add(
    attributes: &mut Attributes,
    target: &Target,
    value: Value,
) -> Result<(), ScimError> {
    write(attributes, target, value, true)
}

/// Replaces what is at `target` by `value`.
pub(super) fn replace(
    attributes: &mut Attributes,
    target: &Target,
    value: Value,
) -> Result<(), ScimError> {
    write(attributes, target, value, false)
}

fn write(
    attributes: &mut Attributes,
    target: &Target,
    value: Value,
    keep: bool,
) -> Result<(), ScimError> {
    let attribute = target.path.attribute;
    match (
        attribute.multi_valued,
        &target.selection,
        target.path.sub_attribute,
    ) {
        (false, _, None) if attribute.is_complex() => write_complex(attributes, target, value),
        (false, _, None) => {
            let checked = check::value(attribute, value)?;
            put(
                container(attributes, target.path.extension),
                attribute.name,
                checked,
            );
            Ok(())
        }
        (false, _, Some(sub_attribute)) => {
            let checked = check::value(sub_attribute, value)?;
            put(object(attributes, target), sub_attribute.name, checked);
            Ok(())
        }
        (true, None, None) => {
            let checked = match check::value(attribute, value)? {
                Some(Value::Array(checked)) => checked,
                _ => Vec::new(),
            };
            let elements = elements(attributes, target);
            if !keep {
                elements.clear();
            }
            for element in checked {
                keeping_one_primary(elements, |elements| {
                    merge_or_push(attribute, elements, element, keep)
                });
            }
            Ok(())
        }
        (true, None, Some(sub_attribute)) => {
            let checked = check::value(sub_attribute, value)?;
            let elements = elements(attributes, target);
            if elements.is_empty() {
                elements.push(Value::Object(Map::new()));
            }
            keeping_one_primary(elements, |elements| {
                for element in elements.iter_mut().filter_map(Value::as_object_mut) {
                    put(element, sub_attribute.name, checked.clone());
                }
            });
            Ok(())
        }
        (true, Some(selection), sub_attribute) => {
            write_selected(attributes, target, selection, sub_attribute, value, keep)
        }
    }
}

fn merge_or_push(attribute: &Attribute, elements: &mut Vec<Value>, element: Value, merging: bool) {
    if merging {
        merge(attribute, elements, element);
    } else {
        elements.push(element);
    }
}

/// Sets the sub-attributes in `value` and leaves the others (RFC 7644 §3.5.2.3). A new `value`,
/// as a manager has, replaces the whole: what was known of the old one does not hold for it.
fn write_complex(
    attributes: &mut Attributes,
    target: &Target,
    value: Value,
) -> Result<(), ScimError> {
    let attribute = target.path.attribute;
    let is_partial = value.as_object().is_some_and(|members| {
        !members.is_empty()
            && !members
                .keys()
                .any(|name| name.eq_ignore_ascii_case("value"))
    });
    if !is_partial {
        let checked = check::value(attribute, value)?;
        put(
            container(attributes, target.path.extension),
            attribute.name,
            checked,
        );
        return Ok(());
    }
    let Value::Object(members) = value else {
        return Ok(());
    };
    let object = object(attributes, target);
    for (name, value) in members {
        if let Some(sub_attribute) = check::sub_attribute(attribute, &name)
            && sub_attribute.mutability != Mutability::ReadOnly
        {
            put(
                object,
                sub_attribute.name,
                check::value(sub_attribute, value)?,
            );
        }
    }
    Ok(())
}

/// The object at a complex attribute with one value, made where there is none.
fn object<'a>(attributes: &'a mut Attributes, target: &Target) -> &'a mut Attributes {
    object_in(
        container(attributes, target.path.extension)
            .entry(target.path.attribute.name)
            .or_insert(Value::Null),
    )
}

/// Writes to the elements that the filter selects, or to a new element where it selects none.
///
/// RFC 7644 §3.5.2.3 wants `noTarget` for a `replace` that selects nothing. Entra sends `Replace`
/// for values that are not there yet, so the element that the filter describes is created;
/// `noTarget` remains for filters that describe none.
fn write_selected(
    attributes: &mut Attributes,
    target: &Target,
    selection: &Selection,
    sub_attribute: Option<&'static Attribute>,
    value: Value,
    keep: bool,
) -> Result<(), ScimError> {
    let attribute = target.path.attribute;
    let clears = is_empty(&value);
    let new_members = match sub_attribute {
        Some(sub_attribute) => {
            let mut members = Map::new();
            put(
                &mut members,
                sub_attribute.name,
                check::value(sub_attribute, value)?,
            );
            members
        }
        None => match check::single(attribute, value)? {
            Some(Value::Object(members)) => members,
            _ => Map::new(),
        },
    };
    let elements = elements(attributes, target);
    keeping_one_primary(elements, |elements| {
        let mut selected = 0;
        for element in elements.iter_mut() {
            let Value::Object(members) = element else {
                continue;
            };
            if !selection.filter.matches(members) {
                continue;
            }
            selected += 1;
            match sub_attribute {
                Some(sub_attribute) => put(
                    members,
                    sub_attribute.name,
                    new_members.get(sub_attribute.name).cloned(),
                ),
                None if clears => members.clear(),
                None if keep => members.extend(new_members.clone()),
                None => {
                    // What the filter says of the element stays true unless the value says otherwise.
                    *members = selection.template.clone().unwrap_or_default();
                    members.extend(new_members.clone());
                }
            }
        }
        if selected > 0 || clears {
            return Ok(());
        }
        let Some(template) = &selection.template else {
            return Err(ScimError::NoTarget(format!(
                "no value of `{}` matches {}; add the value first",
                attribute.name,
                quote(&target.text)
            )));
        };
        let mut members = template.clone();
        members.extend(new_members);
        elements.push(Value::Object(members));
        Ok(())
    })
}
