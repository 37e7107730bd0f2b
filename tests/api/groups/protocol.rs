//! What holds for groups as it does for users: methods, names, discovery, tenants.

use serde_json::{Value, json};

use crate::requests::errors::refused;
use crate::support::directory::DirectoryTable;
use crate::support::groups::{
    GROUP, NOBODY, adding, call, crew, group, patch, patching, path, read, renaming, values,
    version,
};
use crate::support::service::{Answer, BASE, Service, query};

fn keys(object: &Value) -> Vec<&str> {
    object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

async fn put(service: &Service, group: &str, body: Value) -> Answer {
    call(service, "PUT", &path(group)).json(body).send().await
}

/// As Entra creates it, with its schema URI that no document defines.
#[tokio::test]
async fn a_group_is_created_read_renamed_and_deleted() {
    let (service, directory) = DirectoryTable::with_service().await;
    let created = service
        .post(
            "/Groups",
            json!({
                "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
                "externalId": "5d1c9b1e-6a0f-4a5d-9a43-3f4c0f6f3f11",
                "displayName": "North Crew",
                "description": "not in the schema",
                "meta": {"resourceType": "Group"},
                "members": [],
            }),
        )
        .await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(created.header("content-type"), "application/scim+json");
    let id = created.id();
    let location = format!("{BASE}/Groups/{id}");
    assert_eq!(created.header("location"), location);
    assert_eq!(version(&created), 1);
    assert_eq!(
        keys(&created.body),
        ["displayName", "externalId", "id", "meta", "schemas"]
    );
    assert_eq!(created.body["schemas"], json!([GROUP]));
    let meta = &created.body["meta"];
    assert_eq!(
        keys(meta),
        [
            "created",
            "lastModified",
            "location",
            "resourceType",
            "version"
        ]
    );
    assert_eq!(
        (&meta["location"], &meta["resourceType"]),
        (&json!(location), &json!("Group"))
    );
    let read = service.get(&path(&id)).await;
    assert_eq!((read.status, &read.body), (200, &created.body));
    let head = service.call("HEAD", &path(&id)).send().await;
    assert_eq!((head.status, &head.headers), (200, &read.headers));

    for (number, operations) in [
        json!([{"op": "Replace", "path": "displayName", "value": "North Crew 2"}]),
        json!([{"op": "replace", "value": {"displayName": "North Crew 3"}}]),
        json!([{"op": "replace", "value": {"externalId": "another"}}]),
        json!([{"op": "replace", "path": "externalId", "value": "one more"}]),
        json!([{"op": "Remove", "path": "externalId"}]),
        json!([{"op": "add", "path": format!("{GROUP}:externalId"), "value": "x"}]),
    ]
    .into_iter()
    .enumerate()
    {
        let patched = patch(&service, &id, operations).await;
        assert_eq!(patched.status, 200, "{}", patched.body);
        assert_eq!(version(&patched), number as u64 + 2);
        assert_eq!(service.get(&path(&id)).await.body, patched.body);
    }
    let put = put(&service, &id, json!({"displayName": "South Crew"})).await;
    assert_eq!(put.status, 200, "{}", put.body);
    assert_eq!(put.body["displayName"], "South Crew");
    assert_eq!(
        put.body.get("externalId"),
        None,
        "a PUT clears what it lacks"
    );
    assert_eq!(put.body["meta"]["created"], meta["created"]);

    let deleted = service.delete(&path(&id)).await;
    assert_eq!((deleted.status, deleted.body), (204, Value::Null));
    for method in ["GET", "PUT", "PATCH", "DELETE"] {
        let call = service.call(method, &path(&id));
        let call = call.json(json!({"displayName": "x", "Operations": []}));
        refused(&call.send().await, 404, "");
    }
    let census = directory.check("acme").await;
    assert_eq!((census.groups.len(), census.deleted_groups.len()), (0, 1));
}

/// Okta renames before each push, whether or not the name is another, and sends the id.
#[tokio::test]
async fn what_changes_nothing_makes_no_version() {
    let (service, directory, users) = crew(2).await;
    let id = group(&service, "North Crew", &users).await;
    let before = read(&service, &path(&id)).await;
    let stored = directory.items("acme").await;
    for operations in [
        json!([{"op": "replace", "value": {"id": id, "displayName": "North Crew"}}]),
        json!([{"op": "replace", "path": "displayName", "value": "North Crew"}]),
        json!([]),
    ] {
        let same = patch(&service, &id, operations).await;
        assert_eq!((same.status, &same.body), (200, &before.body));
    }
    for members in [Value::Null, before.body["members"].clone()] {
        let mut body = before.body.clone();
        body["members"] = members;
        let same = put(&service, &id, body).await;
        assert_eq!((same.status, &same.body), (200, &before.body));
    }
    assert_eq!(directory.items("acme").await, stored);
}

/// Two groups of Entra may have one name. The administrator has to learn what to do.
#[tokio::test]
async fn names_are_unique_and_the_refusal_says_what_to_do() {
    let (service, directory) = DirectoryTable::with_service().await;
    let north = group(&service, "North Crew", &[]).await;
    let south = group(&service, "South Crew", &[]).await;
    let taken = json!({"displayName": "nORTH cREW", "externalId": "another"});
    let posted = service.post("/Groups", taken.clone()).await;
    assert_eq!(posted.header("location"), format!("{BASE}{}", path(&north)));
    let put = put(&service, &south, taken).await;
    let patched = patch(&service, &south, renaming("NORTH CREW")).await;
    for answer in [posted, put, patched] {
        refused(&answer, 409, "uniqueness");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains("displayName"), "{detail}");
        assert!(
            detail.contains("rename") && detail.contains("object"),
            "{detail}"
        );
    }
    assert_eq!(
        read(&service, &path(&south)).await.body["displayName"],
        "South Crew"
    );
    // Another case of its own name is its own; a name that is given up is free.
    assert_eq!(
        patch(&service, &north, renaming("NORTH crew")).await.status,
        200
    );
    assert_eq!(
        patch(&service, &north, renaming("West Crew")).await.status,
        200
    );
    assert_eq!(
        patch(&service, &south, renaming("North Crew")).await.status,
        200
    );
    // Entra unassigns a group by DELETE and assigns it again by POST.
    assert_eq!(service.delete(&path(&south)).await.status, 204);
    let again = group(&service, "North Crew", &[]).await;
    assert_ne!(again, south);
    assert_eq!(directory.check("acme").await.groups.len(), 2);
    // A user and a group may be called the same, and have one external id.
    let body = json!({"displayName": "lena", "externalId": "x"});
    assert_eq!(service.post("/Groups", body).await.status, 201);
    service
        .create_user("lena", json!({"externalId": "x", "displayName": "lena"}))
        .await;
}

#[tokio::test]
async fn what_groups_cannot_be_is_refused() {
    let (service, directory, users) = crew(1).await;
    let id = group(&service, "North Crew", &users).await;
    let before = directory.resources("acme").await;
    for body in [
        json!({}),
        json!({"displayName": ""}),
        json!({"members": [{"value": users[0]}]}),
    ] {
        refused(
            &service.post("/Groups", body.clone()).await,
            400,
            "invalidValue",
        );
        refused(&put(&service, &id, body).await, 400, "invalidValue");
    }
    for (operations, scim_type) in [
        (
            json!([{"op": "remove", "path": "displayName"}]),
            "mutability",
        ),
        (
            json!([{"op": "replace", "path": "displayName", "value": ""}]),
            "invalidValue",
        ),
    ] {
        refused(&patch(&service, &id, operations).await, 400, scim_type);
    }
    refused(
        &patch(
            &service,
            &id,
            json!([{"op": "replace", "path": "id", "value": "x"}]),
        )
        .await,
        400,
        "mutability",
    );
    refused(
        &patch(
            &service,
            &id,
            json!([{"op": "replace", "path": "members[", "value": "x"}]),
        )
        .await,
        400,
        "invalidPath",
    );
    for unknown in [NOBODY, &users[0], "x"] {
        for (method, body) in [
            ("GET", json!({})),
            ("PATCH", json!({"Operations": adding(&users[0])})),
            ("PUT", json!({"displayName": "x"})),
            ("DELETE", json!({})),
        ] {
            let call = call(&service, method, &path(unknown)).json(body);
            refused(&call.send().await, 404, "");
        }
    }
    // A group is no user either.
    refused(&service.get(&format!("/Users/{id}")).await, 404, "");
    refused(
        &service
            .call("POST", &path(&id))
            .json(json!({}))
            .send()
            .await,
        405,
        "",
    );
    assert_eq!(directory.resources("acme").await, before);
}

#[tokio::test]
async fn discovery_names_groups_after_users() {
    let service = Service::start().await;
    let types = service.get("/ResourceTypes").await;
    assert_eq!(types.body["totalResults"], 2);
    let resources = types.body["Resources"].as_array().unwrap();
    let names: Vec<_> = resources.iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["User", "Group"]);
    assert_eq!(resources[1]["endpoint"], "/Groups");
    assert_eq!(resources[1]["schema"], GROUP);
    assert_eq!(service.get("/ResourceTypes/Group").await.body, resources[1]);

    let schemas = service.get("/Schemas").await;
    let schema = service.get(&format!("/Schemas/{GROUP}")).await.body;
    assert!(
        schemas.body["Resources"]
            .as_array()
            .unwrap()
            .contains(&schema)
    );
    assert_eq!(schemas.body["totalResults"], 3);
    let attribute = |of: &Value, name: &str| -> Value {
        let attributes = of.as_array().unwrap().iter();
        let mut named = attributes.filter(|attribute| attribute["name"] == name);
        named.next().unwrap_or_else(|| panic!("no {name}")).clone()
    };
    let display_name = attribute(&schema["attributes"], "displayName");
    assert_eq!(
        (&display_name["required"], &display_name["uniqueness"]),
        (&json!(true), &json!("server"))
    );
    attribute(&schema["attributes"], "externalId");
    let members = attribute(&schema["attributes"], "members");
    assert_eq!(
        (&members["multiValued"], &members["returned"]),
        (&json!(true), &json!("default"))
    );
    for name in ["value", "$ref", "type"] {
        let sub_attribute = attribute(&members["subAttributes"], name);
        assert_eq!(sub_attribute["mutability"], "immutable", "{name}");
    }
    let kind = attribute(&members["subAttributes"], "type");
    assert_eq!(kind["canonicalValues"], json!(["User"]));
    let reference = attribute(&members["subAttributes"], "$ref");
    assert_eq!(reference["referenceTypes"], json!(["User"]));
    let user = service
        .get("/Schemas/urn:ietf:params:scim:schemas:core:2.0:User")
        .await;
    let groups = attribute(&user.body["attributes"], "groups");
    assert_eq!(
        (&groups["mutability"], &groups["returned"]),
        (&json!("readOnly"), &json!("default"))
    );
}

#[tokio::test]
async fn tenants_have_their_own_groups() {
    let (service, directory, users) = crew(1).await;
    let other = service.add_tenant("other").await;
    let id = group(&service, "North Crew", &users).await;
    let before = directory.items("acme").await;
    for (method, body) in [
        ("GET", json!({})),
        ("PATCH", json!({"Operations": renaming("Stolen")})),
        ("PUT", json!({"displayName": "Stolen", "members": []})),
        ("DELETE", json!({})),
    ] {
        let call = call(&service, method, &path(&id)).json(body).key(&other);
        refused(&call.send().await, 404, "");
    }
    let body = json!({"displayName": "North Crew"});
    let theirs = service
        .call("POST", "/Groups")
        .json(body)
        .key(&other)
        .send()
        .await;
    assert_eq!(theirs.status, 201, "{}", theirs.body);
    // Another tenant's user is nobody.
    let add = patching(&service, &path(&theirs.id()), adding(&users[0])).key(&other);
    refused(&add.send().await, 400, "invalidValue");
    for filter in [
        format!("members eq \"{}\"", users[0]),
        format!("id eq \"{id}\" and members pr"),
        "members pr".to_owned(),
    ] {
        let list = format!("/Groups?{}", query(&[("filter", &filter)]));
        assert_eq!(
            service.call("GET", &list).key(&other).send().await.ids(),
            [""; 0]
        );
        assert_eq!(service.get(&list).await.ids(), [id.as_str()], "{filter}");
    }
    for filter in [
        format!("groups eq \"{id}\""),
        "groups.display eq \"North Crew\"".to_owned(),
    ] {
        let list = format!("/Users?{}", query(&[("filter", &filter)]));
        assert_eq!(
            service.call("GET", &list).key(&other).send().await.ids(),
            [""; 0]
        );
        assert_eq!(service.get(&list).await.ids(), users, "{filter}");
    }
    assert_eq!(directory.items("acme").await, before);
    assert_eq!(
        values(&read(&service, &path(&id)).await.body, "members"),
        users
    );
    directory.check("other").await;
}
