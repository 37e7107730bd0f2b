//! What the fuzz targets share: the SCIM core, a user, and what holds for every resource.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use scim::patch::{self, PatchRequest};
use scim::schema::check::check;
use scim::schema::{Attribute, Mutability, USERS};
use scim::work::Budget;
use scim::{Meta, Resource, ResourceId, ResourceType, ScimError, Stored};

/// A user with a value for almost everything.
pub fn user() -> Resource {
    let body = json!({
        "userName": "lena@crew.example", "externalId": "Lena", "displayName": "Lena Ortiz", "active": true,
        "name": {"givenName": "Lena", "familyName": "Ortiz", "formatted": "Lena Ortiz"},
        "nickName": "Leni", "profileUrl": "https://crew.example/lena", "title": "Crew lead",
        "emails": [
            {"type": "work", "value": "lena@crew.example", "primary": true},
            {"type": "home", "value": "lena@home.example", "display": "Home"}
        ],
        "phoneNumbers": [{"type": "mobile", "value": "1"}, {"type": "work", "value": "2"}],
        "addresses": [{"type": "work", "locality": "Valencia", "country": "ES", "primary": true}, {"locality": "Gandia"}],
        "photos": [{"type": "photo", "value": "https://crew.example/lena.png"}],
        "roles": [{"value": "A", "primary": true}, {"value": "B", "type": "app"}, {"value": "b"}],
        "x509Certificates": [{"value": "MIIB"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "employeeNumber": "007", "department": "Fibre", "manager": {"value": "m-1", "$ref": "../Users/m-1"}
        }
    });
    check(&USERS, object(body))
        .expect("the user is valid")
        .resource
}

/// The members of an object.
pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("not an object: {other}"),
    }
}

/// A resource as clients see it.
pub fn shown(resource_type: &ResourceType, resource: &Resource) -> Map<String, Value> {
    let stored = Stored {
        id: ResourceId::parse("2819c223-7f76-453a-919d-413861904646").expect("the id is one"),
        meta: Meta::new(OffsetDateTime::UNIX_EPOCH),
        resource: resource.clone(),
        reserved: None,
    };
    stored.represent(resource_type, "https://scim.example")
}

/// Asserts what holds for every resource: it has attributes of its schemas only, none that clients
/// cannot set, nothing empty, one primary value at most; and as a client sees it, it is accepted
/// and means itself.
pub fn assert_final(resource_type: &ResourceType, resource: &Resource) {
    let mut known = 0;
    for (extension, schema) in resource_type.schemas() {
        let Some(urn) = extension else {
            known += assert_members(schema.attributes, resource.attributes());
            continue;
        };
        if let Some(value) = resource.attributes().get(urn) {
            let members = value.as_object().expect("an extension is an object");
            assert_eq!(assert_members(schema.attributes, members), members.len());
            known += 1;
        }
    }
    assert_eq!(known, resource.attributes().len(), "an unknown attribute");
    let again = check(resource_type, shown(resource_type, resource));
    let again = again.map(|checked| checked.resource);
    assert_eq!(again.as_ref(), Ok(resource), "its own form is another");
}

/// How many of the members are attributes.
fn assert_members(attributes: &'static [Attribute], members: &Map<String, Value>) -> usize {
    assert!(!members.is_empty(), "an empty object");
    let present = attributes
        .iter()
        .filter_map(|attribute| Some((attribute, members.get(attribute.name)?)));
    present
        .inspect(|(attribute, value)| assert_value(attribute, value))
        .count()
}

fn assert_value(attribute: &Attribute, value: &Value) {
    let name = attribute.name;
    assert!(
        matches!(
            attribute.mutability,
            Mutability::ReadWrite | Mutability::Immutable
        ),
        "`{name}` is not for clients to set"
    );
    let elements = match value {
        Value::Array(elements) if attribute.multi_valued => elements.as_slice(),
        single if !attribute.multi_valued => std::slice::from_ref(single),
        other => panic!("`{name}` is not an array: {other}"),
    };
    assert!(!elements.is_empty(), "`{name}` is empty");
    for element in elements {
        match element {
            Value::Object(members) if attribute.is_complex() => {
                let known = assert_members(attribute.sub_attributes(), members);
                assert_eq!(known, members.len(), "`{name}` has an unknown member");
            }
            Value::String(text) => assert!(!text.is_empty(), "`{name}` is empty text"),
            Value::Bool(_) | Value::Number(_) => {}
            other => panic!("`{name}` is {other}"),
        }
    }
    let is_primary = |element: &&Value| element.get("primary") == Some(&Value::Bool(true));
    let primaries = elements.iter().filter(is_primary).count();
    assert!(primaries <= 1, "`{name}` has {primaries} primary values");
}

/// Asserts that a refusal is one that a client can do something with.
pub fn assert_refusal(error: &ScimError) {
    assert!(matches!(error.status().as_u16(), 400 | 413), "{error}");
    assert!(error.scim_type().is_some(), "{error}");
    let detail = error.to_string();
    assert!(!detail.is_empty());
    assert!(
        detail.len() < 2_000,
        "the client's text is not cut: {detail}"
    );
}

/// Applies a PATCH to the user and asserts what holds for every PATCH.
pub fn assert_patch(body: Map<String, Value>) {
    let request = match PatchRequest::parse(body) {
        Ok(request) => request,
        Err(error) => return assert_refusal(&error),
    };
    let current = user();
    let applied = patch::apply(&USERS, &current, &request, &Budget::default());
    match applied.map(|applied| applied.resource) {
        Err(error) => assert_refusal(&error),
        Ok(None) => {}
        Ok(Some(next)) => {
            assert_ne!(next, current, "a change that changes nothing");
            assert_final(&USERS, &next);
            let unset = |map: Map<String, Value>| {
                ["schemas", "id", "meta"].map(|name| map.get(name).cloned())
            };
            let (before, after) = (shown(&USERS, &current), shown(&USERS, &next));
            assert_eq!(unset(before)[1..], unset(after)[1..]);
            if let Err(error) = patch::apply(&USERS, &next, &request, &Budget::default()) {
                assert_refusal(&error);
            }
        }
    }
}
