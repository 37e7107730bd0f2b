//! Discovery (RFC 7644 §4), generated from the data that the engine itself uses.

use serde_json::{Map, Value, json};

use super::bulk::{MAX_OPERATIONS, MAX_PAYLOAD_SIZE};
use super::cursor;
use super::list::{DEFAULT_COUNT, MAX_COUNT};
use super::schema::{
    Attribute, Kind, Mutability, PROVIDED, ResourceType, Returned, Schema, Uniqueness,
};

/// The body of `/ServiceProviderConfig` (RFC 7643 §5); `base` is the service's base URL.
pub fn service_provider_config(base: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {"supported": true, "maxOperations": MAX_OPERATIONS, "maxPayloadSize": MAX_PAYLOAD_SIZE},
        "filter": {"supported": true, "maxResults": MAX_COUNT},
        "changePassword": {"supported": false},
        "sort": {"supported": true},
        "etag": {"supported": true},
        "pagination": {
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": DEFAULT_COUNT,
            "maxPageSize": MAX_COUNT,
            "cursorTimeout": cursor::TIMEOUT.whole_seconds(),
        },
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "API-KEY",
                "description": "The tenant's API-KEY as bearer token; Entra calls it Secret Token",
                "specUri": "https://www.rfc-editor.org/info/rfc6750",
                "primary": true,
            },
            {
                "type": "oauth2",
                "name": "OAuth 2.0 client credentials",
                "description": "An access token as bearer token, which the token endpoint gives for a client secret or, with workload identity federation, for an assertion",
                "specUri": "https://www.rfc-editor.org/info/rfc6749",
                "primary": false,
            },
        ],
        "meta": meta("ServiceProviderConfig", format!("{base}/ServiceProviderConfig")),
    })
}

/// The body of `/ResourceTypes/{name}` (RFC 7643 §6).
pub fn resource_type(resource_type: &ResourceType, base: &str) -> Map<String, Value> {
    let extensions: Vec<Value> = resource_type
        .extensions
        .iter()
        .map(|schema| json!({"schema": schema.id, "required": false}))
        .collect();
    members(json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": resource_type.name,
        "name": resource_type.name,
        "endpoint": resource_type.endpoint,
        "description": resource_type.description,
        "schema": resource_type.core.id,
        "schemaExtensions": extensions,
        "meta": meta("ResourceType", format!("{base}/ResourceTypes/{}", resource_type.name)),
    }))
}

/// The schemas of all resource types, in the order of `/Schemas`.
pub fn schemas() -> impl Iterator<Item = &'static Schema> {
    PROVIDED
        .iter()
        .flat_map(|resource_type| resource_type.schemas())
        .map(|(_, schema)| schema)
}

/// The body of `/Schemas/{id}` (RFC 7643 §7).
pub fn schema(schema: &Schema, base: &str) -> Map<String, Value> {
    members(json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": attributes(schema.attributes),
        "meta": meta("Schema", format!("{base}/Schemas/{}", schema.id)),
    }))
}

fn attributes(attributes: &[Attribute]) -> Vec<Value> {
    attributes
        .iter()
        .filter(|attribute| attribute.discoverable)
        .map(attribute)
        .collect()
}

fn attribute(attribute: &Attribute) -> Value {
    let mut described = members(json!({
        "name": attribute.name,
        "type": match attribute.kind {
            Kind::String => "string",
            Kind::Boolean => "boolean",
            Kind::Decimal => "decimal",
            Kind::Integer => "integer",
            Kind::DateTime => "dateTime",
            Kind::Binary => "binary",
            Kind::Reference(_) => "reference",
            Kind::Complex(_) => "complex",
        },
        "multiValued": attribute.multi_valued,
        "description": attribute.description,
        "required": attribute.required,
        "caseExact": attribute.case_exact,
        "mutability": match attribute.mutability {
            Mutability::ReadOnly => "readOnly",
            Mutability::ReadWrite => "readWrite",
            Mutability::Immutable => "immutable",
            Mutability::WriteOnly => "writeOnly",
        },
        "returned": match attribute.returned {
            Returned::Always => "always",
            Returned::Never => "never",
            Returned::Default => "default",
            Returned::Request => "request",
        },
        "uniqueness": match attribute.uniqueness {
            Uniqueness::None => "none",
            Uniqueness::Server => "server",
        },
    }));
    if !attribute.canonical_values.is_empty() {
        described.insert(
            "canonicalValues".to_owned(),
            json!(attribute.canonical_values),
        );
    }
    match attribute.kind {
        Kind::Reference(to) => described.insert("referenceTypes".to_owned(), json!(to)),
        Kind::Complex(subs) => {
            described.insert("subAttributes".to_owned(), self::attributes(subs).into())
        }
        _ => None,
    };
    Value::Object(described)
}

fn meta(resource_type: &str, location: String) -> Value {
    json!({"resourceType": resource_type, "location": location})
}

/// The members of an object literal.
fn members(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{GROUPS, USERS};

    /// The attribute list that Microsoft's schema check derives: `name.givenName`,
    /// `emails[type eq "work"].value`, `roles[primary eq "True"].value`, extensions by URN.
    fn flattened(schema: &Schema) -> Vec<String> {
        let Value::Object(body) = Value::Object(self::schema(schema, "https://x")) else {
            return Vec::new();
        };
        let mut names = Vec::new();
        for attribute in body["attributes"].as_array().unwrap() {
            let name = attribute["name"].as_str().unwrap();
            let Some(subs) = attribute["subAttributes"].as_array() else {
                if attribute["type"] != "reference" {
                    names.push(name.to_owned());
                }
                continue;
            };
            if name == "manager" {
                names.push(name.to_owned());
                continue;
            }
            let types = subs
                .iter()
                .find(|sub| sub["name"] == "type")
                .and_then(|sub| sub["canonicalValues"].as_array());
            for sub in subs
                .iter()
                .filter(|sub| sub["name"] != "type" && sub["name"] != "primary")
            {
                let sub = sub["name"].as_str().unwrap();
                match (attribute["multiValued"].as_bool().unwrap(), types) {
                    (false, _) => names.push(format!("{name}.{sub}")),
                    (true, Some(types)) => names.extend(
                        types
                            .iter()
                            .map(|kind| format!("{name}[type eq {kind}].{sub}")),
                    ),
                    (true, None) => names.push(format!("{name}[primary eq \"True\"].{sub}")),
                }
            }
        }
        names
    }

    #[test]
    fn microsoft_s_schema_check_finds_entra_s_default_mappings() {
        let user = flattened(&crate::schema::user::USER);
        for name in [
            "userName",
            "active",
            "displayName",
            "title",
            "preferredLanguage",
            "externalId",
            "profileUrl",
            "name.givenName",
            "name.familyName",
            "name.formatted",
            "emails[type eq \"work\"].value",
            "phoneNumbers[type eq \"mobile\"].value",
            "phoneNumbers[type eq \"fax\"].value",
            "addresses[type eq \"work\"].streetAddress",
            "roles[primary eq \"True\"].value",
            "roles[primary eq \"True\"].display",
        ] {
            assert!(user.iter().any(|found| found == name), "{name} of {user:?}");
        }
        let enterprise = flattened(&crate::schema::user::ENTERPRISE_USER);
        assert!(
            ["employeeNumber", "department", "manager"]
                .iter()
                .all(|name| enterprise.iter().any(|found| found == name))
        );
    }

    #[test]
    fn what_microsoft_s_validator_refuses_is_not_listed() {
        let text = Value::Object(schema(&crate::schema::user::USER, "https://x")).to_string();
        assert!(!text.contains("password"));
        assert!(!text.contains("writeOnly"));
        assert!(!text.contains("null"));
        let user: Value = serde_json::from_str(&text).unwrap();
        let emails = user["attributes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|attribute| attribute["name"] == "emails")
            .unwrap();
        assert!(
            emails["subAttributes"]
                .as_array()
                .unwrap()
                .iter()
                .all(|sub| sub["name"] != "display")
        );
    }

    #[test]
    fn the_configuration_says_what_the_service_does() {
        let config = service_provider_config("https://x");
        for feature in ["patch", "bulk", "filter", "sort", "etag"] {
            assert_eq!(config[feature]["supported"], true, "{feature}");
        }
        assert_eq!(config["changePassword"]["supported"], false);
        assert_eq!(config["bulk"]["maxOperations"], 1000);
        assert_eq!(config["bulk"]["maxPayloadSize"], 1_048_576);
        assert_eq!(config["filter"]["maxResults"], 1000);
        assert_eq!(
            config["pagination"],
            json!({"cursor": true, "index": true, "defaultPaginationMethod": "index",
                   "defaultPageSize": 100, "maxPageSize": 1000, "cursorTimeout": 3600})
        );
        assert_eq!(
            config["meta"],
            json!({"resourceType": "ServiceProviderConfig", "location": "https://x/ServiceProviderConfig"})
        );
    }

    #[test]
    fn the_user_type_names_its_schemas_and_they_are_listed() {
        let user = Value::Object(resource_type(&USERS, "https://x"));
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        assert_eq!(
            user,
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
                "id": "User", "name": "User", "endpoint": "/Users", "description": "User Account",
                "schema": "urn:ietf:params:scim:schemas:core:2.0:User",
                "schemaExtensions": [{"schema": enterprise, "required": false}],
                "meta": {"resourceType": "ResourceType", "location": "https://x/ResourceTypes/User"}
            })
        );
        let group = Value::Object(resource_type(&GROUPS, "https://x"));
        assert_eq!(
            group,
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
                "id": "Group", "name": "Group", "endpoint": "/Groups", "description": "Group",
                "schema": "urn:ietf:params:scim:schemas:core:2.0:Group", "schemaExtensions": [],
                "meta": {"resourceType": "ResourceType", "location": "https://x/ResourceTypes/Group"}
            })
        );
        let ids: Vec<&str> = schemas().map(|schema| schema.id).collect();
        let expected = [&user["schema"], &json!(enterprise), &group["schema"]];
        assert_eq!(ids, expected.map(|id| id.as_str().unwrap()));
    }

    #[test]
    fn microsoft_s_schema_check_finds_the_attributes_of_groups() {
        let group = flattened(&crate::schema::group::GROUP);
        for name in [
            "displayName",
            "externalId",
            "members[type eq \"User\"].value",
        ] {
            assert!(
                group.iter().any(|found| found == name),
                "{name} of {group:?}"
            );
        }
    }

    /// RFC 7643 §8.7.1, with `display` besides.
    #[test]
    fn the_members_of_a_group_are_described_as_the_rfc_has_them() {
        let group = Value::Object(schema(&crate::schema::group::GROUP, "https://x"));
        let attributes = group["attributes"].as_array().unwrap();
        let members = attributes.iter().find(|one| one["name"] == "members");
        let members = members.unwrap();
        let said = |name: &str| members[name].clone();
        assert_eq!(
            ["type", "multiValued", "mutability", "returned"].map(said),
            [
                json!("complex"),
                json!(true),
                json!("readWrite"),
                json!("default")
            ]
        );
        let subs = members["subAttributes"].as_array().unwrap();
        let shown: Vec<_> = subs
            .iter()
            .map(|sub| {
                let [name, kind, mutability] =
                    ["name", "type", "mutability"].map(|key| sub[key].as_str().unwrap());
                (name, kind, mutability, sub["caseExact"].as_bool().unwrap())
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("value", "string", "immutable", true),
                ("$ref", "reference", "immutable", true),
                ("type", "string", "immutable", false),
                ("display", "string", "immutable", false),
            ]
        );
        assert_eq!(subs[1]["referenceTypes"], json!(["User"]));
        assert_eq!(subs[2]["canonicalValues"], json!(["User"]));
    }

    #[test]
    fn a_reference_says_to_what_it_refers() {
        let described = attribute(&Attribute::reference("x", &["User", "external"], "X"));
        assert_eq!(described["type"], "reference");
        assert_eq!(described["referenceTypes"], json!(["User", "external"]));
        let text = attribute(&Attribute::string("x", "X"));
        assert_eq!(text.get("referenceTypes"), None);
    }
}
