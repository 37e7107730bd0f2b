//! A JSON object in which no name occurs twice (RFC 7515, section 4, and RFC 7519, section 4).

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Map, Value};

/// The members of a JSON object, each there once. Two readers of a text with a name twice may take
/// different values for it, and what one has checked the other has not.
pub(crate) struct Object(Map<String, Value>);

impl Object {
    /// Reads JSON: an object, and nothing behind it. `serde_json` bounds how deeply it nests.
    pub(crate) fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// A member, whatever its type.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Object, A::Error> {
        let mut members = Map::new();
        while let Some((name, value)) = access.next_entry()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a name occurs twice"));
            }
        }
        Ok(Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_there_once() {
        let object = Object::parse(br#" {"a": 1, "b": {"c": 1, "c": 2}} "#).unwrap();
        assert_eq!(object.get("a"), Some(&Value::from(1)));
        assert_eq!(object.get("c"), None);
        for json in [
            r#"{"a": 1, "a": 1}"#,
            r#"{"a": 1, "\u0061": 2}"#,
            r#"{"a": 1} {}"#,
            r#"{"a": 1}x"#,
            r#"{"a": 1,}"#,
            r#"{"a": "\ud800"}"#,
            "\u{feff}{}",
            "[]",
            "null",
            "",
        ] {
            assert!(Object::parse(json.as_bytes()).is_none(), "accepted {json}");
        }
        assert!(Object::parse(b"{\"a\": \"\xff\"}").is_none());
    }

    #[test]
    fn nesting_has_an_end() {
        let nested = |depth| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(Object::parse(nested(100).as_bytes()).is_some());
        assert!(Object::parse(nested(8_000).as_bytes()).is_none());
    }
}
