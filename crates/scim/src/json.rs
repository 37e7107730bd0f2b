//! JSON as clients send it.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::ScimError;
use super::text::quote;

/// Why a text is not accepted as JSON.
#[derive(Debug)]
pub enum JsonError {
    /// It is not JSON, or nested too deeply.
    Malformed(serde_json::Error),
    /// An object has a member twice.
    Repeated(serde_json::Error),
}

/// Reads a JSON text in which no object has the same member twice.
///
/// RFC 8259 §4 leaves open which of two members with one name counts: readers disagree, and what
/// one program has checked, another may not see. RFC 7643 §2.1 has names of attributes compared
/// without case, so `title` and `TITLE` are one name.
///
/// # Errors
/// [`JsonError`], for the client.
pub fn parse(text: &[u8]) -> Result<Value, JsonError> {
    match serde_json::from_slice::<Unrepeated>(text) {
        Ok(Unrepeated(value)) => Ok(value),
        // The only error that is not one of syntax is that of `visit_map`.
        Err(error) if error.is_data() => Err(JsonError::Repeated(error)),
        Err(error) => Err(JsonError::Malformed(error)),
    }
}

impl From<JsonError> for ScimError {
    fn from(error: JsonError) -> Self {
        Self::InvalidSyntax(match error {
            JsonError::Malformed(error) => format!(
                "the body is not JSON: line {}, column {}",
                error.line(),
                error.column()
            ),
            JsonError::Repeated(error) => {
                format!("an object repeats the member {error}; send each member once")
            }
        })
    }
}

/// A value in which no object has the same member twice.
struct Unrepeated(Value);

impl<'de> Deserialize<'de> for Unrepeated {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(Unrepeated(element)) = sequence.next_element()? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        let mut names = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if !names.insert(as_compared(&name)) {
                return Err(de::Error::custom(quote(&name)));
            }
            let Unrepeated(value) = map.next_value()?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

/// The name without its case. A member of a PATCH value may be a path with a filter, and the text
/// in the filter's quotes is a value, whose case may count.
fn as_compared(name: &str) -> String {
    let (mut is_quoted, mut is_escaped) = (false, false);
    name.chars()
        .map(|each| {
            let is_end = each == '"' && !is_escaped;
            is_escaped = is_quoted && each == '\\' && !is_escaped;
            if is_end {
                is_quoted = !is_quoted;
            }
            if is_quoted {
                each
            } else {
                each.to_ascii_lowercase()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::Config;
    use serde_json::json;

    use super::*;

    fn refusal(text: &str) -> String {
        ScimError::from(parse(text.as_bytes()).unwrap_err()).to_string()
    }

    #[test]
    fn a_member_is_not_repeated_at_any_depth() {
        for (text, name) in [
            (r#"{"title":"a","title":"b"}"#, "title"),
            (r#"{"title":"a","title":"a"}"#, "title"),
            (r#"{"userName":"a","title":"b","USERNAME":"c"}"#, "USERNAME"),
            (r#"{"\u0074itle":1,"title":null}"#, "title"),
            (r#"{"shoes":{"size":1,"Size":2}}"#, "Size"),
            (r#"[[{"a":{}},{"b":[{"c":1,"c":1}]}]]"#, "c"),
            (
                r#"{"emails[type eq \"work\"].value":1,"EMAILS[type eq \"work\"].Value":1}"#,
                r#"EMAILS[type eq "work"].Value"#,
            ),
        ] {
            let refused = refusal(text);
            assert!(
                refused.starts_with(&format!(
                    "an object repeats the member `{name}` at line 1 column "
                )) && refused.ends_with("; send each member once"),
                "{refused}"
            );
        }
    }

    #[test]
    fn names_that_differ_in_more_than_case_are_several() {
        for text in [
            r#"{"title":1,"titles":2,"name":{"title":3}}"#,
            r#"[{"a":1},{"a":1},{"A":1}]"#,
            r#"{"photos[value eq \"https://x/A\"].display":1,"photos[value eq \"https://x/a\"].display":2}"#,
            r#"{"photos[value eq \"\\\"A\"].display":1,"photos[value eq \"\\\"a\"].display":2}"#,
        ] {
            assert!(parse(text.as_bytes()).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_told_with_its_place() {
        assert_eq!(
            refusal("{\n  \"a\":"),
            "the body is not JSON: line 2, column 6"
        );
        for text in [
            "",
            "{",
            "[1,]",
            "nul",
            "{} {}",
            "{1:2}",
            "\"\\ud800\"",
            "1e999",
        ] {
            assert!(
                refusal(text).starts_with("the body is not JSON: line 1"),
                "{text}"
            );
        }
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert!(refusal(&deep).starts_with("the body is not JSON"));
        assert!(parse(b"\"\xff\"").is_err());
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1e300..1e300).prop_map(|number: f64| json!(number)),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                prop::collection::btree_map("[a-z]{0,4}", inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

        #[test]
        fn everything_else_is_read_as_it_is(value in value()) {
            let text = value.to_string();
            let plain: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(parse(text.as_bytes()).unwrap(), plain);
        }
    }
}
