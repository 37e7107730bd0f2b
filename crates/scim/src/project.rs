//! Projection: which attributes an answer contains (RFC 7644 §3.9, RFC 7643 §7 `returned`).

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::ScimError;
use super::schema::{Attribute, BoundPath, COMMON, Kind, Resolved, ResourceType, Returned};

/// The longest list of attribute names accepted, in bytes: all names of the schemas with their
/// URNs, and more.
const MAX_NAMES: usize = 16 * 1024;

/// What a client asked for with `attributes` or `excludedAttributes`.
#[derive(Debug, Default)]
pub struct Projection {
    /// If given, only these; `excluded` is then ignored (RFC 7644 §3.9 allows only one of the two).
    included: Option<Vec<Resolved>>,
    excluded: Vec<Resolved>,
}

impl Projection {
    /// Whether the client leaves it to the schema what is shown.
    pub fn is_default(&self) -> bool {
        self.included.is_none() && self.excluded.is_empty()
    }

    /// Reads the two query parameters: comma-separated attribute names. Unknown names
    /// select nothing and are not an error.
    ///
    /// # Errors
    /// `invalidValue` when a list is longer than any that is needed.
    pub fn parse(
        resource_type: &ResourceType,
        attributes: Option<&str>,
        excluded_attributes: Option<&str>,
    ) -> Result<Self, ScimError> {
        let names = |list: &str| names(resource_type, list);
        let attributes = attributes.filter(|list| !list.trim().is_empty());
        Ok(Self {
            included: attributes.map(names).transpose()?,
            excluded: excluded_attributes
                .map(names)
                .transpose()?
                .unwrap_or_default(),
        })
    }

    /// The part of `object`, a resource as clients see it, that the answer contains.
    pub fn apply(
        &self,
        resource_type: &ResourceType,
        mut object: Map<String, Value>,
    ) -> Map<String, Value> {
        object.retain(|name, value| {
            let extension = resource_type
                .extensions
                .iter()
                .find(|schema| schema.id == name);
            match (extension, value) {
                (Some(schema), Value::Object(members)) => {
                    members.retain(|name, value| {
                        self.keeps(Some(schema.id), schema.attributes.iter(), name, value)
                    });
                    !members.is_empty()
                }
                (_, value) => {
                    let attributes = resource_type.core.attributes.iter().chain(COMMON);
                    self.keeps(None, attributes, name, value)
                }
            }
        });
        show_schemas_present(resource_type, &mut object);
        object
    }

    /// Which sub-attributes the answer contains of an attribute of the type's core schema; none if
    /// it does not contain the attribute. For those that are stored apart, to be read only if they
    /// are shown.
    pub fn parts(&self, attribute: &'static Attribute) -> Vec<&'static str> {
        let Kind::Complex(parts) = attribute.kind else {
            return Vec::new();
        };
        // What remains of an element that has all of them.
        let whole = parts.iter().map(|part| (part.name.to_owned(), true.into()));
        let mut element = Value::Object(whole.collect());
        let attributes = std::iter::once(attribute);
        match (
            self.keeps(None, attributes, attribute.name, &mut element),
            element,
        ) {
            (true, Value::Object(kept)) => parts
                .iter()
                .map(|part| part.name)
                .filter(|name| kept.contains_key(*name))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Whether the attribute called `name`, one of `attributes`, stays. Removes from its value what
    /// does not.
    fn keeps(
        &self,
        extension: Option<&'static str>,
        mut attributes: impl Iterator<Item = &'static Attribute>,
        name: &str,
        value: &mut Value,
    ) -> bool {
        let Some(attribute) = attributes.find(|attribute| attribute.name == name) else {
            return false;
        };
        match attribute.returned {
            Returned::Always => return true,
            Returned::Never => return false,
            Returned::Request if self.included.is_none() => return false,
            Returned::Request | Returned::Default => {}
        }
        let mention = |list: &[Resolved]| Mention::of(list, extension, attribute);
        match &self.included {
            Some(included) => match mention(included) {
                Mention::None => false,
                Mention::Whole => true,
                Mention::Parts(parts) => retain(value, |name| parts.contains(&name)),
            },
            None => match mention(&self.excluded) {
                Mention::None => true,
                Mention::Whole => false,
                Mention::Parts(parts) => retain(value, |name| !parts.contains(&name)),
            },
        }
    }
}

/// What a list of names stands for, each only once: a list is looked through for each attribute of
/// each resource.
fn names(resource_type: &ResourceType, list: &str) -> Result<Vec<Resolved>, ScimError> {
    if list.len() > MAX_NAMES {
        return Err(ScimError::InvalidValue(format!(
            "a list of attributes is {} bytes long, and {MAX_NAMES} are accepted; name fewer",
            list.len()
        )));
    }
    let mut seen = HashSet::new();
    Ok(list
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .filter_map(|name| resource_type.resolve(name).ok())
        .filter(|resolved| !matches!(resolved, Resolved::Undefined))
        .filter(|resolved| seen.insert(identity(resolved)))
        .collect())
}

/// What distinguishes what names resolve to: URN, name and sub-attribute.
fn identity(resolved: &Resolved) -> (Option<&'static str>, &'static str, &'static str) {
    match resolved {
        Resolved::Undefined | Resolved::Resource => (None, "", ""),
        Resolved::Extension(schema) => (Some(schema.id), "", ""),
        Resolved::Attribute(path) => {
            let sub_attribute = path
                .sub_attribute
                .map_or("", |sub_attribute| sub_attribute.name);
            (path.extension, path.attribute.name, sub_attribute)
        }
    }
}

/// `schemas` lists the schemas of the attributes that are present (RFC 7643 §3): here, in the
/// answer.
fn show_schemas_present(resource_type: &ResourceType, object: &mut Map<String, Value>) {
    let absent: Vec<_> = resource_type
        .extensions
        .iter()
        .map(|schema| schema.id)
        .filter(|id| !object.contains_key(*id))
        .collect();
    if let Some(Value::Array(schemas)) = object.get_mut("schemas") {
        schemas.retain(|schema| !absent.iter().any(|id| schema == id));
    }
}

/// How a list of paths names an attribute.
enum Mention {
    None,
    Whole,
    /// These sub-attributes of it.
    Parts(Vec<&'static str>),
}

impl Mention {
    fn of(list: &[Resolved], extension: Option<&'static str>, attribute: &Attribute) -> Self {
        let mut parts = Vec::new();
        for resolved in list {
            match resolved {
                Resolved::Resource if extension.is_none() => return Self::Whole,
                Resolved::Extension(schema) if extension == Some(schema.id) => return Self::Whole,
                Resolved::Attribute(BoundPath {
                    extension: of,
                    attribute: named,
                    sub_attribute,
                }) if *of == extension && named.name == attribute.name => match sub_attribute {
                    Some(sub_attribute) => parts.push(sub_attribute.name),
                    None => return Self::Whole,
                },
                _ => {}
            }
        }
        if parts.is_empty() {
            Self::None
        } else {
            Self::Parts(parts)
        }
    }
}

/// Keeps only the members that `keep` accepts; returns whether any are left.
fn retain(value: &mut Value, keep: impl Fn(&str) -> bool + Copy) -> bool {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| keep(name));
            !members.is_empty()
        }
        Value::Array(elements) => {
            elements.retain_mut(|element| retain(element, keep));
            !elements.is_empty()
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::USERS;
    use crate::schema::specimen::SPECIMENS;

    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    fn projected(attributes: Option<&str>, excluded: Option<&str>) -> Value {
        let Value::Object(lena) = json!({
            "schemas": ["s"], "id": "i", "userName": "lena", "name": {"givenName": "Lena", "familyName": "Ortiz"},
            "emails": [{"type": "work", "value": "a"}, {"type": "home"}],
            ENTERPRISE: {"department": "Fibre", "manager": {"value": "m"}},
            "meta": {"version": "1", "created": "c"}
        }) else {
            panic!("not an object")
        };
        Value::Object(
            Projection::parse(&USERS, attributes, excluded)
                .unwrap()
                .apply(&USERS, lena),
        )
    }

    #[test]
    fn attributes_selects_and_always_stays() {
        assert_eq!(
            projected(Some("id"), None),
            json!({"schemas": ["s"], "id": "i"})
        );
        assert_eq!(
            projected(
                Some("USERNAME, name.givenname,emails.value,manager,shoeSize"),
                None
            ),
            json!({"schemas": ["s"], "id": "i", "userName": "lena", "name": {"givenName": "Lena"},
                   "emails": [{"value": "a"}], ENTERPRISE: {"manager": {"value": "m"}}})
        );
        assert_eq!(
            projected(Some(ENTERPRISE), None),
            json!({"schemas": ["s"], "id": "i", ENTERPRISE: {"department": "Fibre", "manager": {"value": "m"}}})
        );
    }

    #[test]
    fn excluded_attributes_removes_all_but_always() {
        assert_eq!(
            projected(
                None,
                Some(&format!(
                    "schemas,id,name,emails.type,meta.version,{ENTERPRISE}:department,userName"
                ))
            ),
            json!({"schemas": ["s"], "id": "i", "emails": [{"value": "a"}],
                   ENTERPRISE: {"manager": {"value": "m"}}, "meta": {"created": "c"}})
        );
    }

    #[test]
    fn schemas_lists_what_the_answer_has() {
        use crate::schema::user::USER;
        let schemas = |attributes, excluded| {
            let Value::Object(lena) = json!({
                "schemas": [USER.id, ENTERPRISE], "id": "i", "userName": "lena",
                ENTERPRISE: {"department": "Fibre"}
            }) else {
                panic!("not an object")
            };
            let shown = Projection::parse(&USERS, attributes, excluded)
                .unwrap()
                .apply(&USERS, lena);
            shown.get("schemas").cloned()
        };
        let (core, both) = (json!([USER.id]), json!([USER.id, ENTERPRISE]));
        for (attributes, excluded, expected) in [
            (None, None, &both),
            (Some("userName"), None, &core),
            (Some("id"), None, &core),
            (Some("department"), None, &both),
            (Some(ENTERPRISE), None, &both),
            (Some("costCenter"), None, &core),
            (None, Some("userName"), &both),
            (None, Some("department"), &core),
            (None, Some(ENTERPRISE), &core),
        ] {
            assert_eq!(
                schemas(attributes, excluded).as_ref(),
                Some(expected),
                "{attributes:?} {excluded:?}"
            );
        }
    }

    #[test]
    fn attributes_wins_over_excluded_attributes() {
        assert_eq!(
            projected(Some("userName"), Some("userName")),
            json!({"schemas": ["s"], "id": "i", "userName": "lena"})
        );
        assert_eq!(projected(Some(" "), None), projected(None, None));
    }

    #[test]
    fn the_core_schema_s_urn_names_the_core_attributes_alone() {
        let core = Some("urn:ietf:params:scim:schemas:core:2.0:User");
        let selected = projected(core, None);
        assert_eq!(selected["userName"], "lena");
        assert_eq!(selected.get(ENTERPRISE), None);
        assert_eq!(
            projected(None, core),
            json!({"schemas": ["s"], "id": "i", ENTERPRISE: {"department": "Fibre", "manager": {"value": "m"}}})
        );
    }

    #[test]
    fn returned_decides_before_the_client_does() {
        let shown = |attributes, excluded| {
            let all = ["always", "hidden", "words", "request"];
            let object = Map::from_iter(all.map(|name| (name.to_owned(), Value::from("x"))));
            let projection = Projection::parse(&SPECIMENS, attributes, excluded).unwrap();
            let shown = projection.apply(&SPECIMENS, object);
            shown
                .into_iter()
                .map(|(name, _)| name)
                .collect::<Vec<_>>()
                .join(",")
        };
        assert_eq!(shown(None, None), "always,words");
        assert_eq!(shown(None, Some("always,words,request")), "always");
        assert_eq!(shown(Some("hidden,request"), None), "always,request");
        assert_eq!(shown(Some("words"), None), "always,words");
    }

    #[test]
    fn a_name_counts_once_and_a_list_ends() {
        let names = |list: &str| Projection::parse(&USERS, Some(list), None);
        let list = names("id,ID,emails,emails.value,urn:x:y,shoeSize,emails,emails.VALUE").unwrap();
        assert_eq!(list.included.unwrap().len(), 3);
        let all = "userName,".repeat(MAX_NAMES / 9);
        assert_eq!(names(&all).unwrap().included.unwrap().len(), 1);
        let refused = names(&"userName,".repeat(MAX_NAMES / 9 + 1)).unwrap_err();
        assert_eq!(refused.scim_type(), Some("invalidValue"));
        let refused = Projection::parse(&USERS, None, Some(&"a,".repeat(MAX_NAMES))).unwrap_err();
        assert!(
            refused
                .to_string()
                .starts_with("a list of attributes is 32768 bytes long")
        );
    }
}
