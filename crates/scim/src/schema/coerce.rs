//! From a client's JSON value to a value of the schema's type.
//!
//! `null`, `""`, `[]` and `{}` mean "no value". Values are coerced if the client's intent is clear;
//! anything else is `invalidValue`.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::json::{non_empty, put};
use super::{Attribute, Kind, Mutability, Uniqueness};
use crate::ScimError;
use crate::envelope::take;
use crate::json::{self, JsonError};
use crate::text::{is_blank, quote};

/// Maximum number of values of one attribute. Nobody has that many addresses.
pub const MAX_VALUES: usize = 500;

/// The value of `attribute` that `value` means; `None` for "no value".
///
/// # Errors
/// `invalidValue` when it is not valid.
pub fn value(attribute: &Attribute, value: Value) -> Result<Option<Value>, ScimError> {
    if !attribute.multi_valued {
        return single(attribute, value);
    }
    let Value::Array(elements) = value else {
        return Ok(single(attribute, value)?.map(|element| Value::Array(vec![element])));
    };
    check_number(attribute, elements.len())?;
    let mut checked = Vec::with_capacity(elements.len());
    for element in elements {
        checked.extend(element_of_array(attribute, element)?);
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
                (Some(element), None) => element_of_array(attribute, element),
                (Some(_), Some(_)) => Err(ScimError::InvalidValue(format!(
                    "`{}` takes one value, and the request has several; send one",
                    attribute.name
                ))),
            }
        }
        Value::Object(members) if attribute.is_complex() => object(attribute, members),
        // A bare string for a complex value: Entra's manager, and element values.
        scalar if attribute.is_complex() => match attribute.sub_attribute("value") {
            Some(inner) => object(attribute, Map::from_iter([(inner.name.to_owned(), scalar)])),
            None => Err(mismatch(attribute.name, expected(attribute), &scalar)),
        },
        scalar => self::scalar(attribute, scalar).map(Some),
    }
}

/// One element of an array. `[{"value": "x"}]` may stand for a plain value, as old Entra jobs send
/// it; an array within an array stands for nothing.
fn element_of_array(attribute: &Attribute, element: Value) -> Result<Option<Value>, ScimError> {
    let refused = |value: &Value| Err(mismatch(attribute.name, expected(attribute), value));
    match element {
        Value::Array(_) => refused(&element),
        Value::Object(mut members) if !attribute.is_complex() && !members.is_empty() => {
            match take(&mut members, "value") {
                Some(inner) if !inner.is_object() && !inner.is_array() => single(attribute, inner),
                _ => refused(&Value::Object(members)),
            }
        }
        element => single(attribute, element),
    }
}

fn object(attribute: &Attribute, members: Map<String, Value>) -> Result<Option<Value>, ScimError> {
    let mut checked = Map::new();
    for (name, value) in unpacked(attribute, members)? {
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
fn unpacked(
    attribute: &Attribute,
    mut members: Map<String, Value>,
) -> Result<Map<String, Value>, ScimError> {
    if attribute.multi_valued {
        // Terminates because the inner text is always shorter.
        while let Some((name, inner)) = packed(&members)? {
            members.remove(&name);
            members.extend(inner);
        }
    }
    Ok(members)
}

type Packed = (String, Map<String, Value>);

fn packed(members: &Map<String, Value>) -> Result<Option<Packed>, ScimError> {
    let is_value = |name: &String| name.eq_ignore_ascii_case("value");
    for (name, value) in members {
        let Some(text) = value.as_str().filter(|text| text.starts_with('{')) else {
            continue;
        };
        if !is_value(name) {
            continue;
        }
        match json::parse(text.as_bytes()) {
            Ok(Value::Object(inner)) if inner.keys().any(is_value) => {
                return Ok(Some((name.clone(), inner)));
            }
            Err(error @ JsonError::Repeated(_)) => return Err(error.into()),
            _ => {}
        }
    }
    Ok(None)
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
        (Kind::Binary, Value::String(text)) if BASE64.decode(&text).is_ok() => {
            Ok(Value::String(text))
        }
        (Kind::String, Value::String(text)) if attribute.uniqueness == Uniqueness::Server => {
            check_name(attribute, &text)?;
            Ok(Value::String(text))
        }
        (Kind::String | Kind::Reference(_), value @ Value::String(_)) => Ok(value),
        // Some directories store employee numbers as numbers.
        (Kind::String | Kind::Reference(_), Value::Number(number)) => digits(attribute, &number),
        (_, other) => refused(&other),
    }
}

/// Rejects a unique name that nobody could tell from another: RFC 7644 §5 wants those of users
/// prepared as RFC 8265 §3.3 has it, which knows neither control characters nor empty names. What
/// else looks the same is accepted, and is [the same](crate::text::fold).
fn check_name(attribute: &Attribute, name: &str) -> Result<(), ScimError> {
    let is_break = |each: char| each.is_control() || matches!(each, '\u{2028}' | '\u{2029}');
    let refused = |reason: &str| {
        Err(ScimError::InvalidValue(format!(
            "`{}` {reason}; correct the attribute's mapping or its source value",
            attribute.name
        )))
    };
    if name.chars().any(is_break) {
        return refused("contains a line break, a tab or another control character");
    }
    if is_blank(name) {
        return refused("is blank: nothing in it can be seen");
    }
    Ok(())
}

/// RFC 7643 §2.3.6: the alphabet is that of RFC 4648 §4, and the padding may be left out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The text of a number: the digits that the client sent. Those of a longer number, of `1.50`, or
/// of `1e3` are gone once JSON is parsed, and two identifiers could become one.
fn digits(attribute: &Attribute, number: &serde_json::Number) -> Result<Value, ScimError> {
    if number.is_i64() || number.is_u64() {
        return Ok(Value::String(number.to_string()));
    }
    Err(ScimError::InvalidValue(format!(
        "`{}` must be a string, and the request has a number whose digits would be lost; send it in quotes",
        attribute.name
    )))
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
pub(crate) fn mismatch(name: &str, expected: &str, value: &Value) -> ScimError {
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
        for accepted in ["QQ", "QUI=", "QUI", "+/8=", "QR=="] {
            let accepted = json!(accepted);
            assert_eq!(coerced("binary", accepted.clone()), Ok(Some(accepted)));
        }
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
            ("binary", json!("no base64"), "base64 text"),
            ("binary", json!("QQ==\n"), "base64 text"),
            ("binary", json!("Q"), "base64 text"),
            ("binary", json!("Q==="), "base64 text"),
            ("binary", json!("_-8="), "base64 text"),
            ("binary", json!(1234), "base64 text"),
            ("binary", json!(true), "base64 text"),
            ("title", json!(true), "a string"),
            ("title", json!([false]), "a string"),
            ("title", json!([["x"]]), "a string"),
            ("title", json!({"value": "x"}), "a string"),
            ("title", json!([{"value": {"value": "x"}}]), "a string"),
            ("title", json!([{"value": ["x"]}]), "a string"),
            ("title", json!([{"display": "x"}]), "a string"),
            ("title", json!([{"value": true}]), "a string"),
            ("emails", json!([["a@x"]]), "an object"),
            ("emails", json!([[{"value": "a@x"}]]), "an object"),
            ("emails", json!([[]]), "an object"),
            ("active", json!({"value": true}), "true or false"),
            ("profileUrl", json!({"x": 1}), "a string"),
            ("active", json!(1), "true or false"),
            ("name", json!("x"), "an object"),
        ] {
            let refused = coerced(name, sent).unwrap_err();
            let refused = refused.replace("`value`", &format!("`{name}`"));
            assert!(
                refused.starts_with(&format!("`{name}` must be {expected}, and")),
                "{refused}"
            );
        }
    }

    #[test]
    fn text_has_the_digits_that_were_sent_or_is_refused() {
        let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        for digits in [
            "0",
            "4711",
            "-7",
            "18446744073709551615",
            "-9223372036854775808",
        ] {
            for (name, sent) in [
                ("externalId", digits.to_owned()),
                ("title", format!("[{digits}]")),
            ] {
                assert_eq!(
                    coerced(name, parsed(&sent)),
                    Ok(Some(json!(digits))),
                    "{sent}"
                );
            }
        }
        for digits in [
            "103873984712345678901",
            "-9223372036854775809",
            "1.5",
            "1.50",
            "1e3",
            "-0",
            "1.0",
        ] {
            let refused = coerced("externalId", parsed(digits)).unwrap_err();
            assert_eq!(
                refused,
                "`externalId` must be a string, and the request has a number whose digits would be lost; send it in quotes"
            );
            let refused =
                coerced("emails", parsed(&format!(r#"[{{"value": {digits}}}]"#))).unwrap_err();
            assert!(refused.ends_with("send it in quotes"), "{refused}");
        }
    }

    #[test]
    fn a_unique_name_can_be_seen() {
        for name in [
            "lena",
            " lena ",
            "le\u{200b}na",
            "\u{202e}lena",
            "o'brien \u{1f477}",
            ".",
        ] {
            assert_eq!(
                coerced("userName", json!(name)),
                Ok(Some(json!(name))),
                "{name:?}"
            );
        }
        for broken in [
            "a\0b",
            "a\nb",
            "a\r",
            "\ta",
            "a\u{7f}",
            "a\u{85}b",
            "a\u{9b}",
            "a\u{2028}b",
            "\u{2029}",
        ] {
            assert_eq!(
                coerced("userName", json!(broken)).unwrap_err(),
                "`userName` contains a line break, a tab or another control character; correct the attribute's mapping or its source value"
            );
            assert!(
                coerced("displayName", json!(broken)).is_ok(),
                "other text is stored as sent"
            );
        }
        for blank in [
            " ",
            "\u{a0}",
            "\u{3000} ",
            "\u{200b}",
            "\u{202e}\u{200d}",
            " \u{feff} ",
            "\u{ad}",
        ] {
            assert_eq!(
                coerced("userName", json!([{"value": blank}])).unwrap_err(),
                "`userName` is blank: nothing in it can be seen; correct the attribute's mapping or its source value"
            );
            assert_eq!(coerced("title", json!(blank)), Ok(Some(json!(blank))));
        }
    }

    #[test]
    fn one_value_in_an_array_is_that_value() {
        for sent in [
            json!(["x"]),
            json!([{"$ref": null, "value": "x"}]),
            json!([{"VALUE": "x"}]),
        ] {
            assert_eq!(coerced("title", sent), Ok(Some(json!("x"))));
        }
        for nothing in [
            json!([]),
            json!([null]),
            json!([""]),
            json!([{}]),
            json!([{"value": ""}]),
        ] {
            assert_eq!(coerced("title", nothing), Ok(None));
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
