//! The final form of a resource: the rules for it as a whole.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::json::{container, is_empty};
use super::{Attribute, Mutability, ResourceType};
use crate::resource::{check_size, size};
use crate::{Resource, ScimError};

/// Brings the whole resource into its final form: drops empty, repeated and meaningless values,
/// keeps at most one element primary, and checks required attributes and the size of the whole.
///
/// # Errors
/// `invalidValue` when a required attribute is absent, or the resource is too large.
pub(crate) fn finish(
    resource_type: &ResourceType,
    mut attributes: Map<String, Value>,
) -> Result<Resource, ScimError> {
    for (extension, schema) in resource_type.schemas() {
        if extension.is_some_and(|urn| !attributes.contains_key(urn)) {
            continue;
        }
        let members = container(&mut attributes, extension);
        for attribute in schema.attributes {
            if members.get_mut(attribute.name).is_some_and(finish_value) {
                continue;
            }
            if attribute.required {
                return Err(ScimError::InvalidValue(format!(
                    "`{0}` is required; map a source attribute that is never empty to `{0}`",
                    attribute.name
                )));
            }
            members.remove(attribute.name);
        }
        if let (true, Some(urn)) = (members.is_empty(), extension) {
            attributes.remove(urn);
        }
    }
    check_size(size(&attributes))?;
    Ok(Resource::from_checked(attributes))
}

/// Returns whether anything of the value is left.
fn finish_value(value: &mut Value) -> bool {
    if let Value::Array(elements) = value {
        let mut seen = HashSet::with_capacity(elements.len());
        let kept: Vec<bool> = elements
            .iter()
            .map(|element| says_something(element) && seen.insert(Repeat::of(element)))
            .collect();
        let mut kept = kept.into_iter();
        elements.retain(|_| kept.next().unwrap_or(true));
        one_primary(elements);
    }
    !is_empty(value)
}

/// Clearing an element's value leaves an element with only a `type` or a `primary`.
pub(crate) fn says_something(element: &Value) -> bool {
    element.as_object().is_none_or(|members| {
        members
            .keys()
            .any(|name| name != "type" && name != "primary")
    })
}

/// What makes one element the repetition of another.
#[derive(PartialEq, Eq, Hash)]
enum Repeat<'a> {
    /// RFC 7643 §2.4: the same (type, value) pair should not be returned more than once.
    Pair(&'a Value, Option<&'a Value>),
    /// All members but `primary`, which an element may still lose to another.
    Members(Vec<(&'a String, &'a Value)>),
    /// A plain value.
    Plain(&'a Value),
}

impl<'a> Repeat<'a> {
    fn of(element: &'a Value) -> Self {
        match (element.get("value"), element) {
            (Some(value), _) => Self::Pair(value, element.get("type")),
            (None, Value::Object(members)) => {
                let others = members.iter().filter(|(name, _)| *name != "primary");
                Self::Members(others.collect())
            }
            (None, plain) => Self::Plain(plain),
        }
    }
}

/// RFC 7643 §2.4: `primary` is true for one element at most; the first keeps it.
fn one_primary(elements: &mut [Value]) {
    let primaries = elements
        .iter_mut()
        .filter_map(|element| element.get_mut("primary"))
        .filter(|primary| **primary == Value::Bool(true));
    for primary in primaries.skip(1) {
        *primary = Value::Bool(false);
    }
}

/// Checks that immutable attributes stay unchanged (RFC 7643 §7). A value may still be set where
/// there is none.
///
/// # Errors
/// `mutability` naming the attribute.
pub fn keep_immutable(
    resource_type: &ResourceType,
    current: &Resource,
    next: &Resource,
) -> Result<(), ScimError> {
    for (extension, schema) in resource_type.schemas() {
        for attribute in schema.attributes {
            let value = |resource| value(resource, extension, attribute);
            keep_immutable_value(attribute, attribute.name, value(current), value(next))?;
        }
    }
    Ok(())
}

fn value<'a>(
    resource: &'a Resource,
    extension: Option<&str>,
    attribute: &Attribute,
) -> Option<&'a Value> {
    let attributes = resource.attributes();
    match extension {
        Some(urn) => attributes.get(urn)?.get(attribute.name),
        None => attributes.get(attribute.name),
    }
}

fn keep_immutable_value(
    attribute: &Attribute,
    path: &str,
    current: Option<&Value>,
    next: Option<&Value>,
) -> Result<(), ScimError> {
    let Some(current) = current else {
        return Ok(());
    };
    if attribute.mutability == Mutability::Immutable && next != Some(current) {
        return Err(ScimError::Mutability(format!(
            "`{path}` cannot be changed once it is set; remove it from the attribute mappings"
        )));
    }
    // Array elements have no identity: they are replaced, not changed.
    if attribute.multi_valued {
        return Ok(());
    }
    attribute
        .sub_attributes()
        .iter()
        .try_for_each(|sub_attribute| {
            let path = format!("{path}.{}", sub_attribute.name);
            let next = next.and_then(|next| next.get(sub_attribute.name));
            keep_immutable_value(sub_attribute, &path, current.get(sub_attribute.name), next)
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::Schema;
    use crate::schema::check::check;

    const TAG: &[Attribute] = &[
        Attribute::string("serial", "").immutable(),
        Attribute::string("note", ""),
    ];

    static BADGE: Schema = Schema {
        id: "urn:example:badge",
        name: "Badge",
        description: "",
        attributes: &[
            Attribute::string("number", "").immutable(),
            Attribute::string("colour", ""),
            Attribute::complex("tag", TAG, ""),
            Attribute::complex("doors", TAG, "").multi_valued(),
        ],
    };

    static LOCK: Schema = Schema {
        id: "urn:example:lock",
        name: "Lock",
        description: "",
        attributes: &[Attribute::string("maker", "").immutable()],
    };

    static BADGES: ResourceType = ResourceType {
        name: "Badge",
        endpoint: "/Badges",
        description: "",
        core: &BADGE,
        extensions: &[&LOCK],
        unique: "number",
        lookups: &[],
        letter: 'X',
        access: None,
        recycled: None,
        breaker_floor: 0,
        members: None,
    };

    fn badge(attributes: Value) -> Resource {
        let Value::Object(attributes) = attributes else {
            panic!("not an object")
        };
        check(&BADGES, attributes).unwrap().resource
    }

    #[test]
    fn what_is_set_once_stays() {
        let set = badge(json!({
            "number": "1", "colour": "red", "tag": {"serial": "s", "note": "n"},
            "doors": [{"serial": "d"}], "urn:example:lock": {"maker": "m"}
        }));
        let with = |changes: Value| {
            let mut next = Value::Object(set.attributes().clone());
            let Value::Object(changes) = changes else {
                panic!("not an object")
            };
            next.as_object_mut().unwrap().extend(changes);
            keep_immutable(&BADGES, &set, &badge(next)).map_err(|error| error.to_string())
        };
        for free in [
            json!({"colour": "blue"}),
            json!({"tag": {"serial": "s"}}),
            json!({"doors": []}),
            json!({"doors": [{"serial": "e"}]}),
            json!({}),
        ] {
            assert_eq!(with(free.clone()), Ok(()), "{free}");
        }
        for (locked, path) in [
            (json!({"number": "2"}), "number"),
            (json!({"number": null}), "number"),
            (json!({"tag": {"serial": "t"}}), "tag.serial"),
            (json!({"tag": null}), "tag.serial"),
            (json!({"urn:example:lock": {"maker": "x"}}), "maker"),
            (json!({"urn:example:lock": null}), "maker"),
        ] {
            assert!(
                with(locked)
                    .is_err_and(|text| text.starts_with(&format!("`{path}` cannot be changed"))),
                "{path}"
            );
        }
    }

    #[test]
    fn what_is_not_set_yet_can_be() {
        assert_eq!(
            keep_immutable(&BADGES, &badge(json!({})), &badge(json!({"number": "1"}))),
            Ok(())
        );
    }

    #[test]
    fn plain_values_repeat_no_more_than_elements_do() {
        use crate::schema::specimen::SPECIMENS;
        let finished = |words: Value| {
            let body = Map::from_iter([("words".to_owned(), words)]);
            Value::Object(
                check(&SPECIMENS, body)
                    .unwrap()
                    .resource
                    .attributes()
                    .clone(),
            )
        };
        assert_eq!(
            finished(json!(["b", "a", "b"])),
            json!({"words": ["b", "a"]})
        );
        assert_eq!(finished(json!([null])), json!({}));
    }
}
