//! Tenants never see each other, for any route, method and body.

use serde_json::{Value, json};

use crate::support::directory::DirectoryTable;
use crate::support::service::{Answer, Service, query};

const NAME: &str = "lena@crew.example";

/// The tenant `acme` with one user, and the key of the tenant `other`.
struct Two {
    service: Service,
    directory: DirectoryTable,
    user: Value,
    other: String,
}

impl Two {
    async fn start() -> Self {
        let (service, directory) = DirectoryTable::with_service().await;
        let id = service
            .create_user(
                NAME,
                json!({
                    "externalId": "x-1",
                    "title": "Lead",
                    "emails": [{"type": "work", "value": NAME}],
                    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"employeeNumber": "E-7"},
                }),
            )
            .await;
        Self {
            user: service.get(&format!("/Users/{id}")).await.body,
            other: service.add_tenant("other").await,
            service,
            directory,
        }
    }

    fn path(&self) -> String {
        format!("/Users/{}", self.user["id"].as_str().unwrap())
    }

    /// A request of `other`.
    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let call = self.service.call(method, path).key(&self.other);
        match body {
            Some(body) => call.json(body).send().await,
            None => call.send().await,
        }
    }
}

/// An answer to anyone else must contain nothing about acme's user.
fn reveals_nothing(answer: &Answer, context: &str) {
    let text = answer.body.to_string();
    for trace in ["x-1", "Lead", "E-7", "acme"] {
        assert!(!text.contains(trace), "{context}: {text}");
    }
}

#[tokio::test]
async fn no_request_reaches_another_tenant_s_user() {
    let two = Two::start().await;
    let before = two.directory.items("acme").await;
    let path = two.path();
    let rename = json!({"Operations": [{"op": "replace", "path": "title", "value": "Stolen"}]});
    for (method, body) in [
        ("GET", None),
        ("PUT", Some(json!({"userName": NAME, "title": "Stolen"}))),
        ("PATCH", Some(rename)),
        ("DELETE", None),
    ] {
        let answer = two.send(method, &path, body.clone()).await;
        answer.error(404, "");
        reveals_nothing(&answer, method);
        // The answer is the same as for an unknown id: it does not reveal that the user exists.
        let nobody = "/Users/00000000-0000-4000-8000-000000000000";
        let unknown = two.send(method, nobody, body).await;
        let same = answer.body.to_string().replace(&path[7..], &nobody[7..]);
        assert_eq!(same, unknown.body.to_string(), "{method}");
        assert_eq!(answer.headers, unknown.headers);
    }
    for header in ["if-match", "if-none-match"] {
        let call = two.service.call("GET", &path).key(&two.other);
        call.header(header, "*").send().await.error(404, "");
    }
    assert_eq!(two.directory.items("acme").await, before);
    assert_eq!(two.directory.resources("other").await.len(), 0);
}

#[tokio::test]
async fn no_list_holds_another_tenant_s_user() {
    let two = Two::start().await;
    let id = two.user["id"].as_str().unwrap();
    let location = two.user["meta"]["location"].as_str().unwrap();
    let filters = [
        String::new(),
        format!("userName eq \"{NAME}\""),
        "externalId eq \"x-1\"".to_owned(),
        format!("emails[type eq \"work\"].value eq \"{NAME}\""),
        "employeeNumber eq \"E-7\"".to_owned(),
        format!("id eq \"{id}\""),
        format!("id eq \"{id}\" and userName pr"),
        format!("meta.location eq \"{location}\""),
        "title eq \"Lead\"".to_owned(),
        "userName pr".to_owned(),
        "not (userName eq \"x\")".to_owned(),
        format!("userName eq \"a\" or id eq \"{id}\""),
    ];
    for filter in &filters {
        let parameters = query(&[("filter", filter)]);
        let search = json!({"filter": filter});
        for answer in [
            two.send("GET", &format!("/Users?{parameters}"), None).await,
            two.send("GET", &format!("/?{parameters}"), None).await,
            two.send("POST", "/Users/.search", Some(search.clone()))
                .await,
            two.send("POST", "/.search", Some(search)).await,
        ] {
            assert_eq!(answer.ids(), [""; 0], "{filter}");
            assert_eq!(answer.body["totalResults"], 0, "{filter}");
            reveals_nothing(&answer, filter);
        }
        // The owner finds the user by each of them.
        let own = two.service.get(&format!("/Users?{parameters}")).await;
        assert_eq!(own.ids(), [id], "{filter}");
    }
    let groups = two.send("GET", "/Groups", None).await;
    assert_eq!(groups.ids(), [""; 0]);
}

#[tokio::test]
async fn names_are_each_tenant_s_own() {
    let two = Two::start().await;
    let body = json!({"userName": NAME, "externalId": "x-1", "nickName": "Other"});
    let created = two.send("POST", "/Users", Some(body.clone())).await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_ne!(created.body["id"], two.user["id"]);
    reveals_nothing_but_own(&created);
    two.send("POST", "/Users", Some(body))
        .await
        .error(409, "uniqueness");

    // Deleting or renaming one leaves the other unchanged.
    let theirs = format!("/Users/{}", created.id());
    assert_eq!(two.send("DELETE", &theirs, None).await.status, 204);
    assert_eq!(two.service.get(&two.path()).await.body, two.user);
    let taken = two.service.post("/Users", json!({"userName": NAME})).await;
    taken.error(409, "uniqueness");
    for (tenant, users) in [("acme", 1), ("other", 0)] {
        let census = two.directory.check(tenant).await;
        assert_eq!(census.users.len(), users, "{tenant}");
    }
}

/// The answer may only contain what `other` itself sent.
fn reveals_nothing_but_own(answer: &Answer) {
    for attribute in ["title", "emails"] {
        assert_eq!(answer.body.get(attribute), None);
    }
}

/// Another tenant's id in the key does not help.
#[tokio::test]
async fn a_key_opens_its_own_tenant_only() {
    let two = Two::start().await;
    let forged = two.other.replace("htscim_other_", "htscim_acme_");
    assert_ne!(forged, two.other);
    let call = two.service.call("GET", &two.path()).key(&forged);
    call.send().await.error(401, "");
    let call = two.service.call("GET", &two.path()).key(&two.other);
    call.send().await.error(404, "");
}

#[tokio::test]
async fn discovery_is_the_same_for_all() {
    let two = Two::start().await;
    for path in [
        "/ServiceProviderConfig",
        "/ResourceTypes",
        "/ResourceTypes/User",
        "/Schemas",
        "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
    ] {
        let own = two.service.get(path).await;
        let theirs = two.send("GET", path, None).await;
        assert_eq!(theirs.status, 200, "{path}");
        assert_eq!(own.body, theirs.body, "{path}");
        assert!(!theirs.body.to_string().contains("acme"), "{path}");
    }
}

/// A cursor is a position in its tenant's list, and useless to another tenant.
#[tokio::test]
async fn a_cursor_leads_through_its_own_tenant_s_list_only() {
    let two = Two::start().await;
    two.service.create_user("otto", json!({})).await;
    let first = two.service.get("/Users?cursor&count=1").await;
    let cursor = first.body["nextCursor"].as_str().expect("a second page");
    let path = format!("/Users?{}", query(&[("cursor", cursor), ("count", "1")]));
    assert_eq!(two.service.get(&path).await.ids().len(), 1);
    let answer = two.send("GET", &path, None).await;
    answer.error(400, "invalidCursor");
}

/// Every operation of a bulk request runs in the requesting tenant.
#[tokio::test]
async fn bulk_reaches_no_other_tenant_s_user() {
    let two = Two::start().await;
    let before = two.directory.items("acme").await;
    let path = two.path();
    let rename = json!({"Operations": [{"op": "replace", "path": "title", "value": "Stolen"}]});
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [
            {"method": "PUT", "path": path, "data": {"userName": NAME, "title": "Stolen"}},
            {"method": "PATCH", "path": path, "data": rename},
            {"method": "DELETE", "path": path},
        ],
    });
    let answer = two.send("POST", "/Bulk", Some(body)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    for result in answer.body["Operations"].as_array().unwrap() {
        assert_eq!(result["status"], "404", "{result}");
    }
    reveals_nothing(&answer, "bulk");
    assert_eq!(two.directory.items("acme").await, before);
}
