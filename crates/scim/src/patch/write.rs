//! `add` and `replace` (RFC 7644 §3.5.2.1, §3.5.2.3). They differ only for multi-valued attributes:
//! `add` keeps the existing values.

use serde_json::{Map, Value};

use super::bind::Target;
use super::elements::{elements, keeping_one_primary, merge};
use crate::ScimError;
use crate::filter::BoundFilter;
use crate::schema::coerce;
use crate::schema::json::{container, is_empty, object_in, put};
use crate::schema::{Attribute, Mutability};

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
        &target.filter,
        target.path.sub_attribute,
    ) {
        (false, _, None) if attribute.is_complex() => {
            write_complex(attributes, target, value, keep)
        }
        (false, _, None) => {
            let checked = coerce::value(attribute, value)?;
            put(
                container(attributes, target.path.extension),
                attribute.name,
                checked,
            );
            Ok(())
        }
        (false, _, Some(sub_attribute)) => {
            let checked = coerce::value(sub_attribute, value)?;
            let object = object(attributes, target);
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
            let elements = elements(attributes, target);
            if !keep {
                elements.clear();
            }
            let present = elements.len();
            keeping_one_primary(elements, |elements| {
                for element in checked {
                    if keep {
                        merge(attribute, elements, present, element);
                    } else {
                        elements.push(element);
                    }
                }
            });
            coerce::check_number(attribute, elements.len())
        }
        (true, None, Some(sub_attribute)) => {
            let mut members = new_members(attribute, Some(sub_attribute), value)?;
            let elements = elements(attributes, target);
            if elements.is_empty() {
                elements.push(Value::Object(Map::new()));
            }
            keeping_one_primary(elements, |elements| {
                for element in elements.iter_mut().filter_map(Value::as_object_mut) {
                    element.remove(sub_attribute.name);
                    element.extend(members.clone());
                    not_primary(&mut members);
                }
            });
            Ok(())
        }
        (true, Some(filter), sub_attribute) => {
            write_selected(attributes, target, filter, sub_attribute, value, keep)
        }
    }
}

/// Sets the sub-attributes in `value` and leaves the others (RFC 7644 §3.5.2.3). A new `value`,
/// such as a manager's, replaces everything: the rest described the old one.
fn write_complex(
    attributes: &mut Attributes,
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
            put(
                container(attributes, target.path.extension),
                attribute.name,
                checked,
            );
            return Ok(());
        }
    };
    // Adding nothing changes nothing; replacing with nothing clears.
    if members.is_empty() && !keep {
        container(attributes, target.path.extension).remove(attribute.name);
    }
    let object = object(attributes, target);
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
fn object<'a>(attributes: &'a mut Attributes, target: &Target) -> &'a mut Attributes {
    object_in(
        container(attributes, target.path.extension)
            .entry(target.path.attribute.name)
            .or_insert(Value::Null),
    )
}

/// Writes to the elements that the filter selects, or to a new element if it selects none.
///
/// RFC 7644 §3.5.2.3 requires `noTarget` for a `replace` that selects nothing. Entra sends
/// `Replace` for values that do not exist yet, so the element that the filter describes is created;
/// `noTarget` remains for filters that describe no element.
fn write_selected(
    attributes: &mut Attributes,
    target: &Target,
    filter: &BoundFilter,
    sub_attribute: Option<&'static Attribute>,
    value: Value,
    keep: bool,
) -> Result<(), ScimError> {
    let attribute = target.path.attribute;
    let clears = is_empty(&value);
    let mut new_members = new_members(attribute, sub_attribute, value)?;
    let elements = elements(attributes, target);
    keeping_one_primary(elements, |elements| {
        let mut selected = 0;
        for element in elements.iter_mut() {
            let Value::Object(members) = element else {
                continue;
            };
            if !filter.matches(members) {
                continue;
            }
            selected += 1;
            match sub_attribute {
                Some(sub_attribute) => {
                    members.remove(sub_attribute.name);
                    members.extend(new_members.clone());
                }
                None if clears => members.clear(),
                None if keep => members.extend(new_members.clone()),
                None => {
                    // The element keeps the filter's values unless the new value overrides them.
                    *members = target.template().unwrap_or_default();
                    members.extend(new_members.clone());
                }
            }
            not_primary(&mut new_members);
        }
        if selected > 0 || clears {
            return Ok(());
        }
        let Some(mut members) = target.template() else {
            return Err(ScimError::NoTarget(format!(
                "no value of `{}` matches {}; add the value first",
                attribute.name,
                target.quoted()
            )));
        };
        members.extend(new_members);
        // If a type occurs once, the element of that type becomes what the filter describes.
        let present = elements.len();
        merge(attribute, elements, present, Value::Object(members));
        coerce::check_number(attribute, elements.len())
    })
}

/// If one operation makes several elements primary, the first wins: always the same one, so that a
/// repeated request changes nothing.
fn not_primary(members: &mut Map<String, Value>) {
    if let Some(primary) = members.get_mut("primary") {
        *primary = Value::Bool(false);
    }
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
