//! The schema of member events: the one of EventBridge is the repository's, in an older form.

use serde_json::{Map, Value, json};

use crate::stack::shown;
use crate::yaml::{at, parse, source, string};

const SCHEMA: &str = "schemas/member-event-1.json";

#[test]
fn eventbridge_has_the_same_schema_as_the_repository() {
    let text = source("template.yaml");
    let template = parse(&text);
    let properties = at(&template, &["Resources", "MemberEventSchema", "Properties"]);
    assert_eq!(string(at(properties, &["Type"])), "JSONSchemaDraft4");
    let registry = shown(at(properties, &["RegistryName"]));
    assert_eq!(registry, "!GetAtt EventSchemaRegistry.RegistryName");
    let content = string(at(properties, &["Content"]));
    let deployed: Value = serde_json::from_str(&content).expect("the template's schema is JSON");
    let own: Value = serde_json::from_str(&source(SCHEMA)).expect("the schema is JSON");
    assert_eq!(
        deployed,
        older(&own),
        "template.yaml (left) and {SCHEMA} in the form of draft-04 (right) differ"
    );
    assert!(content.len() < 100_000, "EventBridge takes no longer one");
}

/// What draft-04 has no word for is not used, so that both say the same.
#[test]
fn the_schema_keeps_to_what_both_forms_know() {
    let own: Value = serde_json::from_str(&source(SCHEMA)).expect("the schema is JSON");
    assert_eq!(
        own["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    let name = "urn:hellotracks:scim:member-event:1";
    assert_eq!(own["$id"], name);
    assert_eq!(own["properties"]["dataschema"]["const"], name);
    check(&own);
}

const KNOWN: &[&str] = &[
    "$defs",
    "$id",
    "$ref",
    "$schema",
    "additionalProperties",
    "const",
    "description",
    "enum",
    "format",
    "items",
    "minItems",
    "minimum",
    "not",
    "oneOf",
    "pattern",
    "minLength",
    "properties",
    "required",
    "title",
    "type",
];

/// Every keyword of a schema is known here, and those within it are too.
fn check(schema: &Value) {
    let schema = schema.as_object().expect("a schema");
    for (word, value) in schema {
        assert!(
            KNOWN.contains(&word.as_str()),
            "{word}: both forms have it?"
        );
        match word.as_str() {
            "properties" | "$defs" => value.as_object().unwrap().values().for_each(check),
            "additionalProperties" | "items" | "not" => check(value),
            "oneOf" => value.as_array().unwrap().iter().for_each(check),
            "format" => assert_eq!(value, "date-time"),
            "required" => assert!(!value.as_array().unwrap().is_empty()),
            // Whatever stands beside a reference, draft-04 ignores.
            "$ref" => assert_eq!(schema.len(), 1, "{schema:?}"),
            _ => {}
        }
    }
}

/// Every event has exactly one form, which names all types that it is for.
#[test]
fn every_type_of_event_is_in_one_form() {
    let own: Value = serde_json::from_str(&source(SCHEMA)).expect("the schema is JSON");
    let mut types: Vec<String> = Vec::new();
    for form in own["oneOf"].as_array().unwrap() {
        let of_form = &form["properties"]["type"];
        let of_form = match of_form["enum"].as_array() {
            Some(types) => types.clone(),
            None => vec![of_form["const"].clone()],
        };
        types.extend(of_form.iter().map(|name| name.as_str().unwrap().to_owned()));
    }
    types.sort();
    let mut wanted: Vec<String> = Vec::new();
    let of_group = "created updated deleted restored snapshot member_added member_removed";
    let of_member = "created updated activated deactivated deleted restored snapshot unreadable";
    for (kind, names) in [("group", of_group), ("member", of_member)] {
        let names = names.split(' ');
        wanted.extend(names.map(|name| format!("com.hellotracks.{kind}.{name}")));
    }
    wanted.sort();
    assert_eq!(types, wanted);
    assert!(own["description"].as_str().unwrap().contains("ignores"));
    assert!(!own.to_string().contains("\"additionalProperties\":false"));
}

/// A schema of 2020-12 in the words of draft-04.
fn older(schema: &Value) -> Value {
    let words = schema.as_object().expect("a schema").iter();
    let words: Map<String, Value> = words
        .map(|(word, value)| match word.as_str() {
            "$schema" => (
                word.clone(),
                json!("http://json-schema.org/draft-04/schema#"),
            ),
            "$id" => ("id".to_owned(), value.clone()),
            "const" => ("enum".to_owned(), json!([value])),
            "$ref" => {
                let place = value.as_str().unwrap();
                let place = place.replace("#/$defs/", "#/definitions/");
                (word.clone(), json!(place))
            }
            "$defs" => ("definitions".to_owned(), older_each(value)),
            "properties" => (word.clone(), older_each(value)),
            "additionalProperties" | "items" | "not" => (word.clone(), older(value)),
            "oneOf" => {
                let forms = value.as_array().unwrap().iter().map(older);
                (word.clone(), forms.collect())
            }
            _ => (word.clone(), value.clone()),
        })
        .collect();
    Value::Object(words)
}

fn older_each(schemas: &Value) -> Value {
    let schemas = schemas.as_object().unwrap().iter();
    let schemas: Map<String, Value> = schemas
        .map(|(name, schema)| (name.clone(), older(schema)))
        .collect();
    Value::Object(schemas)
}
