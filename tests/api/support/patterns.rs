//! Not tests: patterns of EventBridge, as far as template.yaml has them.

use serde_json::Value;

/// Whether an event matches a pattern: every field that the pattern names has one of its values, or
/// begins with one of its prefixes.
pub fn matches(pattern: &Value, event: &Value) -> bool {
    match pattern {
        Value::Object(fields) => fields
            .iter()
            .all(|(name, pattern)| event.get(name).is_some_and(|of| matches(pattern, of))),
        Value::Array(alternatives) => alternatives.iter().any(|one| match one {
            Value::Object(_) => {
                let prefix = one["prefix"].as_str().expect("a prefix");
                event.as_str().is_some_and(|text| text.starts_with(prefix))
            }
            value => value == event,
        }),
        other => panic!("no pattern: {other}"),
    }
}
