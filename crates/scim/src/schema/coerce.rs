//! From a client's JSON value to a value of the schema's type.
//!
//! `null`, `""`, `[]` and `{}` mean "no value". Values are coerced if the client's intent is clear;
//! anything else is `invalidValue`.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::json::{non_empty, put};
use super::{Attribute, Kind, Mutability};
use crate::ScimError;
use crate::text::quote;

/// Maximum number of values of one attribute. Work grows with the square of the number, and nobody
/// has that many addresses.
pub const MAX_VALUES: usize = 500;

/// The value of `attribute` that `value` means; `None` for "no value".
///
/// # Errors
/// `invalidValue` when it is not valid.
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

/// Rejects an attribute with more than [`MAX_VALUES`] values.
pub(crate) fn check_number(attribute: &Attribute, count: usize) -> Result<(), ScimError> {
    if count <= MAX_VALUES {
        return Ok(());
    }
    Err(ScimError::InvalidValue(format!(
        "`{}` would have {count} values, and {MAX_VALUES} are accepted; map fewer",
        attribute.name
    )))
}

/// One value: of a singular attribute, or one element of a multi-valued one.
pub(crate) fn single(attribute: &Attribute, value: Value) -> Result<Option<Value>, ScimError> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::Object(members) if members.is_empty() => Ok(None),
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

/// The sub-attribute that a member of a client's object means. Entra's application roles send
/// `display` as `displayName`.
pub(crate) fn sub_attribute(attribute: &Attribute, name: &str) -> Option<&'static Attribute> {
    attribute.sub_attribute(name).or_else(|| {
        name.eq_ignore_ascii_case("displayName")
            .then(|| attribute.sub_attribute("display"))
            .flatten()
    })
}

/// Without its compliance flag, Entra sends an application role as JSON inside the string `value`:
/// `{"value": "{\"id\":…,\"value\":\"Dispatcher\",…}"}`. The inner object is the element.
///
/// Values that were packed several times are unpacked as often: a client may send back what it
/// received.
fn unpacked(attribute: &Attribute, mut members: Map<String, Value>) -> Map<String, Value> {
    if attribute.multi_valued {
        // Terminates because the inner text is always shorter.
        while let Some((name, inner)) = packed(&members) {
            members.remove(&name);
            members.extend(inner);
        }
    }
    members
}

fn packed(members: &Map<String, Value>) -> Option<(String, Map<String, Value>)> {
    let is_value = |name: &String| name.eq_ignore_ascii_case("value");
    members.iter().find_map(|(name, value)| {
        let text = value.as_str()?;
        if !is_value(name) || !text.starts_with('{') {
            return None;
        }
        let inner: Map<String, Value> = serde_json::from_str(text).ok()?;
        inner.keys().any(is_value).then(|| (name.clone(), inner))
    })
}

fn scalar(attribute: &Attribute, value: Value) -> Result<Value, ScimError> {
    let refused = |value: &Value| Err(mismatch(attribute.name, expected(attribute), value));
    match (attribute.kind, value) {
        (Kind::Boolean, value @ Value::Bool(_)) => Ok(value),
        // Without its compliance flag, Entra sends "True" and "False".
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
        // Numbers and booleans become text: some directories store employee numbers as
        // numbers.
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
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.trim() {
        text if text.eq_ignore_ascii_case("true") => Some(true),
        text if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
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

/// The error for a value that does not fit the schema.
pub(super) fn mismatch(name: &str, expected: &str, value: &Value) -> ScimError {
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
    use crate::schema::specimen::SPECIMENS;
    use crate::schema::{ResourceType, USERS, attribute};

    fn coerced(name: &str, sent: Value) -> Result<Option<Value>, String> {
        let of =
            |resource_type: &ResourceType| attribute::find(resource_type.core.attributes, name);
        let attribute = of(&SPECIMENS).or_else(|| of(&USERS)).unwrap();
        value(attribute, sent).map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_come_as_numbers_or_their_text() {
        for (name, sent, expected) in [
            ("integer", json!(7), json!(7)),
            ("integer", json!(-7), json!(-7)),
            ("integer", json!(u64::MAX), json!(u64::MAX)),
            ("integer", json!(" 7 "), json!(7)),
            ("decimal", json!(7), json!(7)),
            ("decimal", json!(1.5), json!(1.5)),
            ("decimal", json!("1.5"), json!(1.5)),
        ] {
            assert_eq!(
                coerced(name, sent.clone()),
                Ok(Some(expected)),
                "{name} {sent}"
            );
        }
        for sent in [json!(1.5), json!("1.5"), json!("x"), json!(true)] {
            let refused = coerced("integer", sent.clone()).unwrap_err();
            assert!(
                refused.starts_with("`integer` must be a whole number"),
                "{sent}: {refused}"
            );
        }
        for sent in [json!("x"), json!(true)] {
            let refused = coerced("decimal", sent.clone()).unwrap_err();
            assert!(
                refused.starts_with("`decimal` must be a number"),
                "{sent}: {refused}"
            );
        }
    }

    #[test]
    fn instants_and_binaries_are_text() {
        let instant = json!("2026-01-31T09:00:00+01:00");
        assert_eq!(coerced("instant", instant.clone()), Ok(Some(instant)));
        assert_eq!(coerced("binary", json!("QQ==")), Ok(Some(json!("QQ=="))));
        for (name, sent, expected) in [
            (
                "instant",
                json!("2026-01-31"),
                "a date and time such as `2026-01-31T08:00:00Z`",
            ),
            (
                "instant",
                json!(1),
                "a date and time such as `2026-01-31T08:00:00Z`",
            ),
            ("binary", json!({"x": 1}), "base64 text"),
            ("title", json!({"value": {"value": "x"}}), "a string"),
            ("profileUrl", json!({"x": 1}), "a string"),
            ("active", json!(1), "true or false"),
            ("name", json!("x"), "an object"),
        ] {
            let refused = coerced(name, sent).unwrap_err();
            assert!(
                refused.starts_with(&format!("`{name}` must be {expected}, and")),
                "{refused}"
            );
        }
    }

    #[test]
    fn several_values_come_as_one_too() {
        assert_eq!(coerced("words", json!("a")), Ok(Some(json!(["a"]))));
        assert_eq!(
            coerced("words", json!(["a", null, 1])),
            Ok(Some(json!(["a", "1"])))
        );
        assert_eq!(coerced("words", json!([""])), Ok(None));
        assert_eq!(
            coerced("parts", json!(["7"])),
            Ok(Some(json!([{"value": 7}])))
        );
        assert_eq!(coerced("parts", json!({"serial": "s"})), Ok(None));
    }
}
