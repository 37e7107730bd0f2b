//! From a client's JSON to a checked [`Resource`]: the door for bodies.
//!
//! The policy, in one place. Attribute names are accepted in any case and rewritten to schema
//! case. Attributes and extensions that the schemas do not define are ignored, and so is what
//! clients cannot set (readOnly) or the service does not keep (writeOnly): a refusal would stop
//! the user in Entra for an attribute nobody needs. `null`, `""`, `[]` and `{}` mean "no value".
//! Values are coerced where the client's meaning is plain; the rest is `invalidValue`.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Attribute, BoundPath, Kind, Mutability, Resolved, ResourceType};
use crate::scim::text::quote;
use crate::scim::{Resource, ScimError};

/// Values of one attribute at most. Work on values grows with the square of their number, and no
/// person has as many addresses.
pub const MAX_VALUES: usize = 500;

/// Checks the body of a POST or PUT.
///
/// # Errors
/// `invalidValue` when a value cannot be what the schema says or a required attribute is absent.
pub fn check(
    resource_type: &ResourceType,
    body: Map<String, Value>,
) -> Result<Resource, ScimError> {
    let mut attributes = Map::new();
    collect(resource_type, body, None, &mut attributes)?;
    settle(resource_type, attributes)
}

/// Adds the members of `body` to `attributes`; `urn` is the extension that `body` is nested under.
fn collect(
    resource_type: &ResourceType,
    body: Map<String, Value>,
    urn: Option<&'static str>,
    attributes: &mut Map<String, Value>,
) -> Result<(), ScimError> {
    for (name, value) in body {
        let text = match urn {
            Some(urn) => format!("{urn}:{name}"),
            None => name,
        };
        match (resource_type.resolve(&text), value) {
            (Ok(Resolved::Attribute(path)), value) if is_writable(path) => {
                set(attributes, path, value)?;
            }
            (Ok(Resolved::Resource), Value::Object(members)) if urn.is_none() => {
                collect(resource_type, members, None, attributes)?;
            }
            (Ok(Resolved::Extension(schema)), Value::Object(members)) => {
                collect(resource_type, members, Some(schema.id), attributes)?;
            }
            (Ok(Resolved::Extension(schema)), value) if !is_empty(&value) => {
                return Err(mismatch(schema.id, "an object", &value));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether a client's value for the attribute is kept.
pub fn is_writable(path: BoundPath) -> bool {
    [Some(path.attribute), path.sub_attribute]
        .into_iter()
        .flatten()
        .all(|attribute| {
            matches!(
                attribute.mutability,
                Mutability::ReadWrite | Mutability::Immutable
            )
        })
}

fn set(
    attributes: &mut Map<String, Value>,
    path: BoundPath,
    value: Value,
) -> Result<(), ScimError> {
    let checked = self::value(path.leaf(), value)?;
    let container = container(attributes, path.extension);
    match path.sub_attribute {
        None => put(container, path.attribute.name, checked),
        // `name.givenName` as a key: some clients flatten creations as they flatten PATCH values.
        Some(sub_attribute) if !path.attribute.multi_valued => {
            let object = object_in(container.entry(path.attribute.name).or_insert(Value::Null));
            put(object, sub_attribute.name, checked);
        }
        Some(_) => {}
    }
    Ok(())
}

/// The object that holds an extension's attributes, made if absent.
pub(in crate::scim) fn container<'a>(
    attributes: &'a mut Map<String, Value>,
    extension: Option<&'static str>,
) -> &'a mut Map<String, Value> {
    match extension {
        Some(urn) => object_in(attributes.entry(urn).or_insert(Value::Null)),
        None => attributes,
    }
}

/// The object in `slot`, which becomes one if it is not.
pub(in crate::scim) fn object_in(slot: &mut Value) -> &mut Map<String, Value> {
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    match slot {
        Value::Object(members) => members,
        _ => unreachable!("made an object above"),
    }
}

/// The array in `slot`, which becomes one if it is not.
pub(in crate::scim) fn array_in(slot: &mut Value) -> &mut Vec<Value> {
    if !slot.is_array() {
        *slot = Value::Array(Vec::new());
    }
    match slot {
        Value::Array(elements) => elements,
        _ => unreachable!("made an array above"),
    }
}

/// Sets or, for no value, removes a member.
pub(in crate::scim) fn put(object: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match value {
        Some(value) => object.insert(name.to_owned(), value),
        None => object.remove(name),
    };
}

/// The value of `attribute` that `value` means; `None` for "no value".
///
/// # Errors
/// `invalidValue` when it cannot be one.
pub fn value(attribute: &Attribute, value: Value) -> Result<Option<Value>, ScimError> {
    if !attribute.multi_valued {
        return single(attribute, value);
    }
    let elements = match value {
        Value::Array(elements) => elements,
        element => vec![element],
    };
    check_number(attribute, elements.len())?;
    let mut checked = Vec::with_capacity(elements.len());
    for element in elements {
        checked.extend(single(attribute, element)?);
    }
    Ok((!checked.is_empty()).then_some(Value::Array(checked)))
}

/// Refuses an attribute with more than [`MAX_VALUES`].
pub(in crate::scim) fn check_number(attribute: &Attribute, count: usize) -> Result<(), ScimError> {
    if count <= MAX_VALUES {
        return Ok(());
    }
    Err(ScimError::InvalidValue(format!(
        "`{}` would have {count} values, and {MAX_VALUES} are accepted; map fewer",
        attribute.name
    )))
}

/// One value: of a singular attribute, or one element of a multi-valued one.
pub(in crate::scim) fn single(
    attribute: &Attribute,
    value: Value,
) -> Result<Option<Value>, ScimError> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        // A one-element array for a single value, as old Entra jobs send it.
        Value::Array(elements) => {
            let mut elements = elements.into_iter();
            match (elements.next(), elements.next()) {
                (None, _) => Ok(None),
                (Some(element), None) => single(attribute, element),
                (Some(_), Some(_)) => Err(ScimError::InvalidValue(format!(
                    "`{}` takes one value, and the request has several; send one",
                    attribute.name
                ))),
            }
        }
        Value::Object(members) if attribute.is_complex() => object(attribute, members),
        // `{"value": "x"}` for a plain value.
        Value::Object(mut members) => match members.remove("value") {
            Some(inner) if !inner.is_object() => single(attribute, inner),
            _ => Err(mismatch(
                attribute.name,
                expected(attribute),
                &Value::Object(members),
            )),
        },
        // A bare string for a complex value: Entra's manager, and element values.
        scalar if attribute.is_complex() => match attribute.sub_attribute("value") {
            Some(inner) => object(attribute, Map::from_iter([(inner.name.to_owned(), scalar)])),
            None => Err(mismatch(attribute.name, expected(attribute), &scalar)),
        },
        scalar => self::scalar(attribute, scalar).map(Some),
    }
}

fn object(attribute: &Attribute, members: Map<String, Value>) -> Result<Option<Value>, ScimError> {
    let mut checked = Map::new();
    for (name, value) in unpacked(attribute, members) {
        let Some(sub_attribute) = sub_attribute(attribute, &name) else {
            continue;
        };
        if sub_attribute.mutability != Mutability::ReadOnly {
            put(
                &mut checked,
                sub_attribute.name,
                self::value(sub_attribute, value)?,
            );
        }
    }
    Ok(non_empty(checked))
}

/// The sub-attribute that a member of a client's object means. Entra's application roles carry
/// their `display` as `displayName`.
pub(in crate::scim) fn sub_attribute(
    attribute: &Attribute,
    name: &str,
) -> Option<&'static Attribute> {
    attribute.sub_attribute(name).or_else(|| {
        name.eq_ignore_ascii_case("displayName")
            .then(|| attribute.sub_attribute("display"))
            .flatten()
    })
}

/// Entra without its compliance flag sends an application role as JSON inside the string
/// `value`: `{"value": "{\"id\":…,\"value\":\"Dispatcher\",…}"}`. The inner object is the element.
fn unpacked(attribute: &Attribute, mut members: Map<String, Value>) -> Map<String, Value> {
    let inner = match members.get("value") {
        Some(Value::String(text)) if attribute.multi_valued && text.starts_with('{') => {
            serde_json::from_str::<Map<String, Value>>(text).ok()
        }
        _ => None,
    };
    match inner {
        Some(inner) if inner.contains_key("value") => members.extend(inner),
        _ => {}
    }
    members
}

fn scalar(attribute: &Attribute, value: Value) -> Result<Value, ScimError> {
    let refused = |value: &Value| Err(mismatch(attribute.name, expected(attribute), value));
    match (attribute.kind, value) {
        (Kind::Boolean, value @ Value::Bool(_)) => Ok(value),
        // Entra without its compliance flag sends "True" and "False".
        (Kind::Boolean, Value::String(text)) => match boolean(&text) {
            Some(truth) => Ok(Value::Bool(truth)),
            None => refused(&Value::String(text)),
        },
        (Kind::Integer, Value::Number(number)) if number.is_i64() || number.is_u64() => {
            Ok(Value::Number(number))
        }
        (Kind::Decimal, value @ Value::Number(_)) => Ok(value),
        (Kind::Integer, Value::String(text)) => match text.trim().parse::<i64>() {
            Ok(number) => Ok(number.into()),
            Err(_) => refused(&Value::String(text)),
        },
        (Kind::Decimal, Value::String(text)) => match text.trim().parse::<serde_json::Number>() {
            Ok(number) => Ok(Value::Number(number)),
            Err(_) => refused(&Value::String(text)),
        },
        (Kind::DateTime, Value::String(text)) => match OffsetDateTime::parse(&text, &Rfc3339) {
            Ok(_) => Ok(Value::String(text)),
            Err(_) => refused(&Value::String(text)),
        },
        // Numbers and booleans are taken as their text: directories hold employee numbers as both.
        (Kind::String | Kind::Reference(_) | Kind::Binary, value) => match value {
            Value::String(_) => Ok(value),
            Value::Number(number) => Ok(Value::String(number.to_string())),
            Value::Bool(truth) => Ok(Value::String(truth.to_string())),
            other => refused(&other),
        },
        (_, other) => refused(&other),
    }
}

/// The boolean that a client's text means.
pub(in crate::scim) fn boolean(text: &str) -> Option<bool> {
    match text.trim() {
        text if text.eq_ignore_ascii_case("true") => Some(true),
        text if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Brings the whole resource into its final form: drops what is empty, repeated or says nothing,
/// lets one element at most be primary, and insists on what is required.
///
/// # Errors
/// `invalidValue` when a required attribute is absent.
pub(in crate::scim) fn settle(
    resource_type: &ResourceType,
    mut attributes: Map<String, Value>,
) -> Result<Resource, ScimError> {
    for schema in resource_type.schemas() {
        let is_core = std::ptr::eq(schema, resource_type.core);
        if !is_core && !attributes.contains_key(schema.id) {
            continue;
        }
        let members = container(&mut attributes, (!is_core).then_some(schema.id));
        for attribute in schema.attributes {
            let settled = members
                .remove(attribute.name)
                .and_then(|value| settle_value(attribute, value));
            if settled.is_none() && attribute.required {
                return Err(ScimError::InvalidValue(format!(
                    "`{0}` is required; map a source attribute that is never empty to `{0}`",
                    attribute.name
                )));
            }
            put(members, attribute.name, settled);
        }
        if members.is_empty() && !is_core {
            attributes.remove(schema.id);
        }
    }
    Ok(Resource::from_checked(attributes))
}

fn settle_value(attribute: &Attribute, value: Value) -> Option<Value> {
    match value {
        Value::Array(elements) if attribute.is_complex() => {
            let mut kept: Vec<Value> = Vec::with_capacity(elements.len());
            for element in elements {
                if says_something(&element) && !kept.iter().any(|other| is_repeat(other, &element))
                {
                    kept.push(element);
                }
            }
            one_primary(&mut kept);
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        Value::Array(elements) => (!elements.is_empty()).then_some(Value::Array(elements)),
        Value::Object(members) => non_empty(members),
        other => Some(other),
    }
}

/// An element with nothing but a `type` or a `primary` is what clearing its value leaves.
pub(in crate::scim) fn says_something(element: &Value) -> bool {
    element.as_object().is_none_or(|members| {
        members
            .keys()
            .any(|name| name != "type" && name != "primary")
    })
}

/// RFC 7643 §2.4: the same (type, value) pair should not be returned more than once.
fn is_repeat(one: &Value, other: &Value) -> bool {
    match (one.get("value"), other.get("value")) {
        (Some(value), Some(other_value)) => {
            value == other_value && one.get("type") == other.get("type")
        }
        _ => one == other,
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

fn non_empty(members: Map<String, Value>) -> Option<Value> {
    (!members.is_empty()).then_some(Value::Object(members))
}

/// Whether a client's value means "no value".
pub(in crate::scim) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn expected(attribute: &Attribute) -> &'static str {
    match attribute.kind {
        Kind::String | Kind::Reference(_) => "a string",
        Kind::Boolean => "true or false",
        Kind::Decimal => "a number",
        Kind::Integer => "a whole number",
        Kind::DateTime => "a date and time such as `2026-01-31T08:00:00Z`",
        Kind::Binary => "base64 text",
        Kind::Complex(_) => "an object",
    }
}

fn mismatch(name: &str, expected: &str, value: &Value) -> ScimError {
    let sent = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => format!("`{truth}`"),
        Value::Number(number) => format!("`{number}`"),
        Value::String(text) => quote(text),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    };
    ScimError::InvalidValue(format!(
        "`{name}` must be {expected}, and the request has {sent}; correct the attribute's mapping or its source value"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::schema::USERS;

    fn checked(body: Value) -> Value {
        let Value::Object(body) = body else {
            panic!("not an object")
        };
        Value::Object(check(&USERS, body).unwrap().into_attributes())
    }

    fn refusal(body: Value) -> String {
        let Value::Object(body) = body else {
            panic!("not an object")
        };
        check(&USERS, body).unwrap_err().to_string()
    }

    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    #[test]
    fn names_are_rewritten_and_the_unknown_is_ignored() {
        assert_eq!(
            checked(json!({
                "USERNAME": "lena", "DisplayName": "Lena", "shoeSize": 39, "id": "x", "meta": {}, "groups": [],
                "password": "secret", "schemas": [], "urn:example:custom": {"badge": 1},
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0User": {"department": null},
                "Name": {"GIVENNAME": "Lena", "shoeSize": 39, "formatted": null}
            })),
            json!({"userName": "lena", "displayName": "Lena", "name": {"givenName": "Lena"}})
        );
    }

    #[test]
    fn what_is_empty_is_absent() {
        assert_eq!(
            checked(json!({
                "userName": "lena", "title": "", "nickName": null, "addresses": [], "roles": null, "name": {},
                "phoneNumbers": [{"type": "work", "value": ""}], "department": null, "manager": null,
                ENTERPRISE: {"manager": {"value": ""}, "division": ""}
            })),
            json!({"userName": "lena"})
        );
    }

    #[test]
    fn values_are_coerced_where_the_meaning_is_plain() {
        assert_eq!(
            checked(json!({
                "userName": [{"value": "lena"}], "active": "False", "title": ["Lead"],
                "emails": {"value": "l@x", "primary": "True"}, "phoneNumbers": ["1"],
                ENTERPRISE: {"employeeNumber": 881, "manager": "m-1"}
            })),
            json!({
                "userName": "lena", "active": false, "title": "Lead",
                "emails": [{"value": "l@x", "primary": true}], "phoneNumbers": [{"value": "1"}],
                ENTERPRISE: {"employeeNumber": "881", "manager": {"value": "m-1"}}
            })
        );
    }

    #[test]
    fn the_manager_may_come_in_every_shape_and_place() {
        for manager in [
            json!("m"),
            json!({"value": "m"}),
            json!([{"$ref": null, "value": "m"}]),
            json!({"value": "m", "displayName": "M"}),
        ] {
            let expected = json!({"userName": "u", ENTERPRISE: {"manager": {"value": "m"}}});
            assert_eq!(
                checked(json!({"userName": "u", ENTERPRISE: {"manager": manager}})),
                expected
            );
            assert_eq!(
                checked(json!({"userName": "u", "manager": manager})),
                expected
            );
        }
    }

    #[test]
    fn roles_may_be_json_inside_a_string() {
        let role = r#"{"id":"r-1","value":"Dispatcher","displayName":"Dispatch"}"#;
        for roles in [json!([{"value": role}]), json!([role]), json!(role)] {
            assert_eq!(
                checked(json!({"userName": "u", "roles": roles})),
                json!({"userName": "u", "roles": [{"value": "Dispatcher", "display": "Dispatch"}]})
            );
        }
        // Text that only looks like it stays text.
        assert_eq!(
            checked(json!({"userName": "u", "roles": [{"value": "{x"}]})),
            json!({"userName": "u", "roles": [{"value": "{x"}]})
        );
    }

    #[test]
    fn repeats_go_and_one_element_is_primary() {
        assert_eq!(
            checked(json!({"userName": "u", "emails": [
                {"type": "work", "value": "a", "primary": true}, {"type": "work", "value": "a"},
                {"type": "home", "value": "a", "primary": true}
            ]})),
            json!({"userName": "u", "emails": [
                {"type": "work", "value": "a", "primary": true}, {"type": "home", "value": "a", "primary": false}
            ]})
        );
    }

    #[test]
    fn the_number_of_values_is_bounded() {
        let emails =
            |count: usize| json!({"userName": "u", "emails": vec![json!({"value": "a"}); count]});
        assert_eq!(
            checked(emails(MAX_VALUES))["emails"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
        assert!(refusal(emails(MAX_VALUES + 1)).starts_with("`emails` would have 501 values"));
    }

    #[test]
    fn refusals_say_what_to_do() {
        assert_eq!(
            refusal(json!({})),
            "`userName` is required; map a source attribute that is never empty to `userName`"
        );
        assert_eq!(
            refusal(json!({"userName": "u", "active": "maybe"})),
            "`active` must be true or false, and the request has `maybe`; correct the attribute's mapping or its source value"
        );
        assert!(
            refusal(json!({"userName": "u", "name": "Lena"}))
                .starts_with("`name` must be an object")
        );
        assert!(
            refusal(json!({"userName": {"first": "x"}})).starts_with("`userName` must be a string")
        );
        assert!(refusal(json!({"userName": ["a", "b"]})).starts_with("`userName` takes one value"));
    }
}
