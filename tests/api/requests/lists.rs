//! Lists: pages and projections.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::service::{Answer, Service, query};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A service with this number of users, and their ids in list order.
async fn crew(size: usize) -> (Service, Vec<String>) {
    let service = Service::start().await;
    let creations = (0..size).map(|user| {
        let body = json!({
            "userName": format!("user{user}@crew.example"),
            "title": if user % 2 == 0 { "Lead" } else { "Digger" },
        });
        service.post("/Users", body)
    });
    for created in join_all(creations).await {
        assert_eq!(created.status, 201, "{}", created.body);
    }
    let ids = service.get("/Users?count=1000").await.ids();
    assert_eq!(ids.len(), size);
    (service, ids)
}

/// Checks a list's envelope and returns the ids in it.
pub fn page(answer: &Answer, total: usize, start_index: u64) -> Vec<String> {
    let ids = answer.ids();
    assert_eq!(answer.header("content-type"), "application/scim+json");
    assert_eq!(
        answer.body["schemas"],
        json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"])
    );
    assert_eq!(answer.body["totalResults"], total, "{}", answer.body);
    assert_eq!(answer.body["startIndex"], start_index, "{}", answer.body);
    assert_eq!(answer.body["itemsPerPage"], ids.len());
    ids
}

#[tokio::test]
async fn a_walk_in_pages_sees_each_user_once() {
    let (service, ids) = crew(23).await;
    for count in [1, 5, 22, 23, 24] {
        let mut seen = Vec::new();
        while seen.len() < ids.len() {
            let start = seen.len() as u64 + 1;
            let answer = service
                .get(&format!("/Users?startIndex={start}&count={count}"))
                .await;
            let found = page(&answer, 23, start);
            // Microsoft's validator computes startIndex from the count, so a short page breaks it.
            assert_eq!(found.len(), count.min(ids.len() - seen.len()));
            seen.extend(found);
        }
        assert_eq!(seen, ids);
    }
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 23);
}

#[tokio::test]
async fn a_filtered_list_has_pages_too() {
    let (service, ids) = crew(11).await;
    for filter in [
        "title eq \"lead\"",
        "title eq \"lead\" and (userName pr or id pr)",
    ] {
        let mut seen = Vec::new();
        for start in [1_u64, 3, 5] {
            let parameters = query(&[
                ("filter", filter),
                ("startIndex", &start.to_string()),
                ("count", "2"),
            ]);
            let found = page(
                &service.get(&format!("/Users?{parameters}")).await,
                6,
                start,
            );
            assert_eq!(found.len(), 2);
            seen.extend(found);
        }
        let all = page(&service.find(filter).await, 6, 1);
        assert_eq!(seen, all);
        assert!(all.iter().all(|id| ids.contains(id)));
    }
}

#[tokio::test]
async fn paging_parameters_are_read_as_the_rfc_says() {
    let (service, ids) = crew(4).await;
    for (parameters, start_index, expected) in [
        ("", 1, &ids[..]),
        ("startIndex=1&count=0", 1, &[][..]),
        ("startIndex=0&count=2", 1, &ids[..2]),
        ("startIndex=-7&count=2", 1, &ids[..2]),
        ("startIndex=3&count=-1", 3, &[]),
        ("startIndex=4&count=5", 4, &ids[3..]),
        ("startIndex=5&count=5", 5, &[]),
        (
            "startIndex=9223372036854775807",
            9_223_372_036_854_775_807,
            &[],
        ),
        ("startIndex=2&count=9223372036854775807", 2, &ids[1..]),
        ("startIndex=&count=", 1, &ids[..]),
        ("STARTINDEX=2&Count=1", 2, &ids[1..2]),
        ("startIndex=+2&count=+1+", 2, &ids[1..2]),
        ("startIndex=%2B2&count=1", 2, &ids[1..2]),
    ] {
        for filter in ["", "&filter=userName+sw+%22user%22"] {
            let answer = service.get(&format!("/Users?{parameters}{filter}")).await;
            assert_eq!(answer.status, 200, "{parameters}{filter}");
            assert_eq!(
                page(&answer, 4, start_index),
                expected,
                "{parameters}{filter}"
            );
        }
    }
    for parameters in [
        "count=x",
        "startIndex=1.5",
        "startIndex=one",
        "count=1e3",
        "count=%22%22",
        "startIndex=0x1",
        "count=99999999999999999999",
    ] {
        service
            .get(&format!("/Users?{parameters}"))
            .await
            .error(400, "invalidValue");
    }
}

#[tokio::test]
async fn answers_hold_the_attributes_that_were_asked_for() {
    let service = Service::start().await;
    let id = service
        .create_user(
            "lena",
            json!({
                "title": "Lead",
                "name": {"givenName": "Lena", "familyName": "Ortiz"},
                "emails": [{"type": "work", "value": "l@x"}],
                ENTERPRISE: {"department": "Fibre", "division": "North"},
            }),
        )
        .await;
    let names =
        |object: &Value| -> Vec<String> { object.as_object().unwrap().keys().cloned().collect() };
    for (parameters, expected) in [
        ("attributes=userName", json!({"userName": "lena"})),
        (
            "attributes=USERNAME,+title+",
            json!({"userName": "lena", "title": "Lead"}),
        ),
        (
            "attributes=name.givenName",
            json!({"name": {"givenName": "Lena"}}),
        ),
        (
            "attributes=emails.value",
            json!({"emails": [{"value": "l@x"}]}),
        ),
        (
            "attributes=urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            json!({ENTERPRISE: {"department": "Fibre"}}),
        ),
        ("attributes=shoeSize", json!({})),
        ("attributes=password,id", json!({})),
    ] {
        let mut expected = expected;
        expected["id"] = id.as_str().into();
        // `schemas` lists those of the attributes that are shown.
        let core = "urn:ietf:params:scim:schemas:core:2.0:User";
        expected["schemas"] = match expected.get(ENTERPRISE) {
            Some(_) => json!([core, ENTERPRISE]),
            None => json!([core]),
        };
        let one = service.get(&format!("/Users/{id}?{parameters}")).await;
        assert_eq!(one.body, expected, "{parameters}");
        let list = service.get(&format!("/Users?{parameters}")).await;
        assert_eq!(list.body["Resources"], json!([expected]), "{parameters}");
    }
    let whole = service.get(&format!("/Users/{id}")).await.body;
    let excluded = service
        .get(&format!(
            "/Users?excludedAttributes=emails,name.familyName,id,schemas,meta,{ENTERPRISE}"
        ))
        .await;
    let rest = &excluded.body["Resources"][0];
    assert_eq!(
        names(rest),
        ["active", "id", "name", "schemas", "title", "userName"]
    );
    assert_eq!(rest["name"], json!({"givenName": "Lena"}));
    assert_eq!(names(&whole).len(), 9);
    // Answers to writes have the same projection.
    let operation = json!([{"op": "replace", "path": "title", "value": "Digger"}]);
    let patched = service
        .patch(&format!("/Users/{id}?attributes=title"), operation)
        .await;
    assert_eq!(names(&patched.body), ["id", "schemas", "title"]);
}
