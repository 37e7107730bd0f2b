//! Not tests: the schema of member events.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let schema = include_str!("../../../schemas/member-event-1.json");
    let schema = serde_json::from_str(schema).expect("JSON");
    jsonschema::validator_for(&schema).expect("a schema")
});

/// Checks that an event is as its schema says.
pub fn check(event: &Value) {
    if let Some(error) = SCHEMA.iter_errors(event).next() {
        panic!("{error} at {}: {event}", error.instance_path());
    }
}
