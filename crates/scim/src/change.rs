//! What a change did to a resource, attribute by attribute.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Resource;

/// One attribute whose value changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The attribute's name; one of an extension has the extension's URN before it
    /// (RFC 7644 §3.10).
    pub attribute: String,
    /// Its value before, if it had one.
    pub before: Option<Value>,
    /// Its value afterwards, if it has one.
    pub after: Option<Value>,
}

/// The attributes that differ between two versions of a resource, ordered by name. `None` stands
/// for a resource that does not exist: before its creation or after its deletion.
pub fn changes(before: Option<&Resource>, after: Option<&Resource>) -> Vec<Change> {
    let empty = Resource::default();
    let before = before.unwrap_or(&empty).attributes();
    let after = after.unwrap_or(&empty).attributes();
    let mut changes = Vec::new();
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let (old, new) = (before.get(name), after.get(name));
        if name.contains(':') {
            let prefix = format!("{name}:");
            differences(&prefix, members(old), members(new), &mut changes);
        } else if old != new {
            changes.push(Change {
                attribute: name.clone(),
                before: old.cloned(),
                after: new.cloned(),
            });
        }
    }
    changes
}

/// The attributes of an extension.
fn members(extension: Option<&Value>) -> Option<&Map<String, Value>> {
    extension.and_then(Value::as_object)
}

fn differences(
    prefix: &str,
    before: Option<&Map<String, Value>>,
    after: Option<&Map<String, Value>>,
    changes: &mut Vec<Change>,
) {
    let names: BTreeSet<&String> = [before, after]
        .into_iter()
        .flatten()
        .flat_map(Map::keys)
        .collect();
    for name in names {
        let value = |object: Option<&Map<String, Value>>| object?.get(name).cloned();
        let (before, after) = (value(before), value(after));
        if before != after {
            changes.push(Change {
                attribute: format!("{prefix}{name}"),
                before,
                after,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resource(attributes: Value) -> Resource {
        match attributes {
            Value::Object(attributes) => Resource::from_storage(attributes),
            _ => Resource::default(),
        }
    }

    fn shown(before: Option<Value>, after: Option<Value>) -> Vec<(String, Value, Value)> {
        let (before, after) = (before.map(resource), after.map(resource));
        changes(before.as_ref(), after.as_ref())
            .into_iter()
            .map(|change| {
                (
                    change.attribute,
                    change.before.unwrap_or_default(),
                    change.after.unwrap_or_default(),
                )
            })
            .collect()
    }

    #[test]
    fn only_what_differs_is_told() {
        let before = json!({"userName": "lena", "title": "Lead", "emails": [{"value": "a@x"}]});
        let after = json!({"userName": "lena", "active": true, "emails": [{"value": "b@x"}]});
        assert_eq!(
            shown(Some(before.clone()), Some(after)),
            [
                ("active".to_owned(), Value::Null, json!(true)),
                (
                    "emails".to_owned(),
                    json!([{"value": "a@x"}]),
                    json!([{"value": "b@x"}])
                ),
                ("title".to_owned(), json!("Lead"), Value::Null),
            ]
        );
        assert_eq!(shown(Some(before.clone()), Some(before)), []);
    }

    #[test]
    fn extensions_are_told_by_attribute() {
        const URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let before = json!({URN: {"department": "Fibre", "division": "West"}});
        let after = json!({URN: {"department": "Copper", "division": "West"}});
        let name = format!("{URN}:department");
        assert_eq!(
            shown(Some(before.clone()), Some(after)),
            [(name, json!("Fibre"), json!("Copper"))]
        );
        assert_eq!(shown(Some(before), None).len(), 2);
    }

    #[test]
    fn a_creation_and_a_deletion_tell_everything() {
        let lena = json!({"userName": "lena", "active": true});
        let told = |before, after| shown(before, after).len();
        assert_eq!(told(None, Some(lena.clone())), 2);
        assert_eq!(told(Some(lena), None), 2);
        assert_eq!(told(None, None), 0);
    }
}
