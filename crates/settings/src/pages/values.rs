//! Attributes and their values as people read them.

use serde_json::{Map, Value};

use crate::texts::Texts;

/// The longest value that is shown, in characters.
const MAX_VALUE: usize = 200;

/// What says of a value in a list what kind it is.
const TYPE: &str = "type";

/// An attribute before and after.
pub struct Change {
    pub name: String,
    pub before: String,
    pub after: String,
}

/// An attribute's name without that of its schema, in the admin's words.
pub fn called(t: &Texts, name: &str) -> String {
    t.attribute(short(name)).to_owned()
}

/// The attribute without the name of its schema.
pub fn short(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, short)| short)
}

/// What changed, an attribute each.
pub fn changed(t: &Texts, changes: &Map<String, Value>) -> Vec<Change> {
    let of = changes.iter().map(|(name, sides)| Change {
        name: called(t, name),
        before: value(t, sides.get("before")),
        after: value(t, sides.get("after")),
    });
    of.collect()
}

/// What is stored: the attributes of a schema's extension each for itself.
pub fn stored<'a>(
    t: &Texts,
    attributes: impl Iterator<Item = (&'a String, &'a Value)>,
) -> Vec<Change> {
    let mut rows = Vec::new();
    let mut add = |name: &str, of: &Value| {
        rows.push(Change {
            name: called(t, name),
            before: String::new(),
            after: value(t, Some(of)),
        });
    };
    for (name, of) in attributes {
        match of {
            Value::Object(extension) if name.contains(':') => {
                for (name, of) in extension {
                    add(name, of);
                }
            }
            _ => add(name, of),
        }
    }
    rows
}

/// A value as people read it, cut where it is long. The parts of one and the values of a list have
/// a line each; what is deeper is JSON.
pub fn value(t: &Texts, value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => "–".to_owned(),
        Some(Value::Array(values)) if values.is_empty() => "–".to_owned(),
        Some(Value::Array(values)) => lines(values.iter().map(|value| one(t, value))),
        Some(Value::Object(parts)) => lines(
            parts
                .iter()
                .map(|(name, part)| format!("{}: {}", called(t, name), simple(t, part))),
        ),
        Some(value) => simple(t, value),
    };
    match text.chars().count() > MAX_VALUE {
        true => text.chars().take(MAX_VALUE).chain(['…']).collect(),
        false => text,
    }
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}

/// A value of a list: its type and what it is, such as `Work: lena@crew.example (primary)`.
fn one(t: &Texts, value: &Value) -> String {
    let Value::Object(parts) = value else {
        return simple(t, value);
    };
    let mut shown: Vec<String> = Vec::new();
    let main = ["display", "value", "formatted"]
        .iter()
        .find(|name| parts.get(**name).is_some_and(Value::is_string));
    if let Some(main) = main.and_then(|name| parts.get(*name)) {
        shown.push(simple(t, main));
    } else {
        let is_said = |name: &str| [TYPE, "primary", "$ref"].contains(&name);
        let rest = parts.iter().filter(|(name, _)| !is_said(name));
        shown.extend(rest.map(|(name, part)| format!("{}: {}", called(t, name), simple(t, part))));
    }
    let mut text = shown.join(", ");
    if let Some(kind) = parts.get(TYPE).and_then(Value::as_str) {
        text = format!("{}: {text}", t.attribute(kind));
    }
    if parts.get("primary") == Some(&Value::Bool(true)) {
        text = format!("{text} ({})", t.main_value);
    }
    text
}

fn simple(t: &Texts, value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Bool(true) => t.yes.to_owned(),
        Value::Bool(false) => t.no.to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::texts::Language;

    #[test]
    fn values_are_written_for_people() {
        let t = Language::English.texts();
        for (given, shown) in [
            (json!(null), "–"),
            (json!([]), "–"),
            (json!(true), "yes"),
            (json!(7), "7"),
            (json!("x"), "x"),
            (json!(["a", "b"]), "a\nb"),
            (
                json!({"givenName": "Lena", "familyName": "Ortiz"}),
                "Last name: Ortiz\nFirst name: Lena",
            ),
            (
                json!([
                    {"type": "work", "value": "l@x.example", "primary": true},
                    {"type": "pigeon", "value": "7"},
                ]),
                "Work: l@x.example (primary)\npigeon: 7",
            ),
            (
                json!([{"type": "home", "locality": "Graz", "country": "AT"}]),
                "Home: Country: AT, City: Graz",
            ),
            (json!([{"value": {"a": 1}}]), "value: {\"a\":1}"),
            (json!([[1]]), "[1]"),
        ] {
            let value = value(t, Some(&given));
            // The order of an object's parts is the document's.
            let sorted = |text: &str| {
                let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
                lines.sort();
                lines
            };
            assert_eq!(sorted(&value), sorted(shown), "{given}");
        }
        assert_eq!(value(t, None), "–");
        assert_eq!(value(t, Some(&json!("x".repeat(300)))).chars().count(), 201);
        let german = Language::German.texts();
        assert_eq!(value(german, Some(&json!(false))), "nein");
        assert_eq!(called(german, "urn:x:y:department"), "Abteilung");
        assert_eq!(called(german, "shoeSize"), "shoeSize");
    }
}
