//! The habits of clients other than Entra.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::service::{BASE, Service};

/// The body of a POST as documented by Okta.
fn okta_user() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "nadia.berg@crew.example",
        "name": {"givenName": "Nadia", "familyName": "Berg"},
        "emails": [{"primary": true, "value": "nadia.berg@crew.example", "type": "work"}],
        "displayName": "Nadia Berg",
        "locale": "en-US",
        "externalId": "00ujl29u0le5T6Aj10h7",
        "groups": [],
        "password": "1mz050nq",
        "active": true,
    })
}

#[tokio::test]
async fn okta_sends_groups_and_a_password_that_nobody_sees_again() {
    let service = Service::start().await;
    let created = service.post("/Users", okta_user()).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let mut expected = okta_user();
    let members = expected.as_object_mut().unwrap();
    members.remove("groups");
    members.remove("password");
    members.insert("id".to_owned(), created.body["id"].clone());
    members.insert("meta".to_owned(), created.body["meta"].clone());
    assert_eq!(created.body, expected);
    let found = service.get(&format!("/Users/{}", created.id())).await;
    assert_eq!(found.body, expected);
}

#[tokio::test]
async fn okta_deactivates_without_a_path_and_brings_back_by_post() {
    let service = Service::start().await;
    let id = service.post("/Users", okta_user()).await.id();
    let operations = json!([{"op": "replace", "value": {"active": false}}]);
    let patched = service.patch(&format!("/Users/{id}"), operations).await;
    assert_eq!(patched.body["active"], false, "{}", patched.body);

    let mut back = okta_user();
    back["displayName"] = json!("Nadia Berg-Holm");
    let revived = service.post("/Users", back).await;
    assert_eq!(
        (revived.status, revived.id()),
        (201, id),
        "{}",
        revived.body
    );
    assert_eq!(revived.body["active"], true);
    assert_eq!(revived.body["displayName"], "Nadia Berg-Holm");
    assert_eq!(service.get("/Users").await.body["totalResults"], 1);
}

#[tokio::test]
async fn only_the_same_person_is_brought_back_by_post() {
    let service = Service::start().await;
    let id = service.post("/Users", okta_user()).await.id();
    // Active: creating the user again is a duplicate.
    service
        .post("/Users", okta_user())
        .await
        .error(409, "uniqueness");
    let operations = json!([{"op": "replace", "value": {"active": false}}]);
    service.patch(&format!("/Users/{id}"), operations).await;
    // Inactive, but a different user by the client's own identifier.
    let mut other = okta_user();
    other["externalId"] = json!("00uSOMEBODYELSE00000");
    service.post("/Users", other).await.error(409, "uniqueness");
    let found = service.get(&format!("/Users/{id}")).await;
    assert_eq!(found.body["active"], false);
}

#[tokio::test]
async fn okta_puts_back_what_it_has_read() {
    let service = Service::start().await;
    let id = service.post("/Users", okta_user()).await.id();
    let path = format!("/Users/{id}");
    let mut read = service.get(&path).await.body;
    read["groups"] = json!([]);

    let same = service.put(&path, read.clone()).await;
    assert_eq!(
        (same.status, same.header("etag")),
        (200, "W/\"1\""),
        "{}",
        same.body
    );

    read["title"] = json!("Lead");
    read.as_object_mut().unwrap().remove("locale");
    let changed = service.put(&path, read.clone()).await;
    assert_eq!((changed.status, changed.id()), (200, id));
    assert_eq!(changed.body["title"], "Lead");
    assert_eq!(
        changed.body["locale"],
        Value::Null,
        "what a PUT lacks is cleared"
    );
    assert_eq!(changed.body["meta"]["created"], read["meta"]["created"]);
    assert_eq!(changed.body["meta"]["version"], "W/\"2\"");
    assert_eq!(service.get(&path).await.body, changed.body);
}

#[tokio::test]
async fn okta_imports_page_by_page() {
    let service = Service::start().await;
    let mut created = BTreeSet::new();
    for number in 1..=5 {
        let name = format!("member-{number}@crew.example");
        created.insert(service.create_user(&name, json!({})).await);
    }
    let mut imported = Vec::new();
    for (start, length) in [(1, 2), (3, 2), (5, 1)] {
        let page = service
            .get(&format!("/Users?startIndex={start}&count=2"))
            .await
            .body;
        assert_eq!(page["totalResults"], 5);
        assert_eq!(page["startIndex"], start);
        assert_eq!(page["itemsPerPage"], length);
        let resources = page["Resources"].as_array().unwrap();
        assert_eq!(resources.len(), length);
        imported.extend(
            resources
                .iter()
                .map(|user| user["id"].as_str().unwrap().to_owned()),
        );
    }
    assert_eq!(imported.len(), 5);
    assert_eq!(imported.into_iter().collect::<BTreeSet<_>>(), created);
}

#[tokio::test]
async fn ping_federate_updates_by_put_as_plain_json() {
    let service = Service::start().await;
    let id = service.post("/Users", okta_user()).await.id();
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": id,
        "userName": "nadia.berg@crew.example",
        "name": {"givenName": "Nadia", "familyName": "Holm"},
    });
    let call = service.call("PUT", &format!("/Users/{id}"));
    let call = call.json(body).header("content-type", "application/json");
    let changed = call.send().await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(changed.header("content-type"), "application/scim+json");
    assert_eq!(changed.body["name"]["familyName"], "Holm");
    assert_eq!(
        changed.body["active"], true,
        "a PUT without `active` does not change access"
    );
}

#[tokio::test]
async fn onelogin_sends_an_empty_user_agent() {
    let service = Service::start().await;
    let id = service.post("/Users", okta_user()).await.id();
    let call = service.call("GET", &format!("/Users/{id}"));
    let found = call.header("user-agent", "").send().await;
    assert_eq!((found.status, found.id()), (200, id));
}

#[tokio::test]
async fn sailpoint_reads_each_discovery_document_by_its_location() {
    let service = Service::start().await;
    let config = service.get("/ServiceProviderConfig").await;
    assert_eq!(config.status, 200);
    let mut documents = vec![config.body];
    for list in ["/ResourceTypes", "/Schemas"] {
        let list = service.get(list).await.body;
        let resources = list["Resources"].as_array().unwrap();
        assert_eq!(list["totalResults"], resources.len());
        documents.extend(resources.iter().cloned());
    }
    for document in &documents {
        let location = document["meta"]["location"].as_str().unwrap();
        let path = location.strip_prefix(BASE).unwrap();
        assert_eq!(&service.get(path).await.body, document, "{location}");
    }
    // Each resource type's schemas are listed, and its endpoint answers.
    let schemas: BTreeSet<&str> = documents
        .iter()
        .filter(|document| document["meta"]["resourceType"] == "Schema")
        .map(|schema| schema["id"].as_str().unwrap())
        .collect();
    let types = documents
        .iter()
        .filter(|document| document["meta"]["resourceType"] == "ResourceType");
    for resource_type in types {
        assert!(schemas.contains(resource_type["schema"].as_str().unwrap()));
        for extension in resource_type["schemaExtensions"].as_array().unwrap() {
            assert!(schemas.contains(extension["schema"].as_str().unwrap()));
        }
        let endpoint = resource_type["endpoint"].as_str().unwrap();
        assert_eq!(service.get(endpoint).await.status, 200, "{endpoint}");
    }
}
