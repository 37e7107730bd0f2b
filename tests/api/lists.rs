//! Lists: pages, filters that a lookup serves and filters that none serves, projections.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::service::{Answer, Service, query};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A service with this many users, and their ids in the order of lists.
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
fn page(answer: &Answer, total: usize, start_index: u64) -> Vec<String> {
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

/// Checks that exactly these users match.
async fn assert_found(service: &Service, filter: &str, ids: &[&str]) {
    let found = service.find(filter).await;
    assert_eq!(found.status, 200, "{filter}: {}", found.body);
    let expected: BTreeSet<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    let found: BTreeSet<String> = page(&found, ids.len(), 1).into_iter().collect();
    assert_eq!(found, expected, "{filter}");
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
            // Microsoft's validator computes startIndex from the count: a short page breaks it.
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

/// Lookup keys are built from these, so none may break out of its place in a key, and none may
/// find another.
#[tokio::test]
async fn every_value_is_found_by_itself_alone() {
    let service = Service::start().await;
    let long = "x".repeat(600);
    let longer = format!("{}y", "x".repeat(600));
    let wide = "é".repeat(300);
    let values = [
        "a",
        "a#",
        "a#b",
        "#",
        "a%",
        "a%23",
        "a%23b",
        "%",
        "a\"b",
        "\"a\"",
        "a\\b",
        "a\\",
        "o'brien",
        "a b",
        " a",
        "a\tb",
        "a\nb",
        "a+b@crew.example",
        "a(b)",
        "[type eq \"work\"]",
        "zoë",
        "zoe",
        "ΟΔΟΣ",
        "日本語",
        "👷🏽",
        "null",
        "true",
        "~",
        long.as_str(),
        longer.as_str(),
        wide.as_str(),
    ];
    let creations = values.map(|value| {
        let body = json!({
            "userName": value,
            "externalId": value,
            "emails": [{"type": "work", "value": value}],
            ENTERPRISE: {"employeeNumber": value},
        });
        service.post("/Users", body)
    });
    for (value, created) in values.iter().zip(join_all(creations).await) {
        assert_eq!(created.status, 201, "{value}: {}", created.body);
        let id = created.id();
        let literal = Value::from(*value);
        for filter in [
            format!("userName eq {literal}"),
            format!("externalId eq {literal}"),
            format!("emails[type eq \"work\"].value eq {literal}"),
            format!("emails.value eq {literal} and active eq true"),
            format!("{ENTERPRISE}:employeeNumber eq {literal}"),
        ] {
            assert_found(&service, &filter, &[&id]).await;
        }
        let shown = service.get(&format!("/Users/{id}")).await.body;
        assert_eq!(shown["userName"], *value);
    }
}

#[tokio::test]
async fn case_counts_where_the_schema_says_so() {
    let service = Service::start().await;
    let lena = service
        .create_user(
            "Lena.Straße@Crew.Example",
            json!({
                "externalId": "Abc",
                "emails": [{"type": "work", "value": "Lena@Crew.Example"}],
                ENTERPRISE: {"employeeNumber": "E-7"},
            }),
        )
        .await;
    for filter in [
        "userName eq \"LENA.STRASSE@crew.example\"",
        "USERNAME EQ \"lena.straße@crew.EXAMPLE\"",
        "externalId eq \"Abc\"",
        "emails[type eq \"WORK\"].value eq \"lena@crew.example\"",
        "emails.value eq \"LENA@CREW.EXAMPLE\"",
        "employeeNumber eq \"e-7\"",
    ] {
        assert_found(&service, filter, &[&lena]).await;
    }
    for filter in [
        "externalId eq \"abc\"",
        "externalId eq \"ABC\"",
        "emails[type eq \"home\"].value eq \"lena@crew.example\"",
    ] {
        assert_found(&service, filter, &[]).await;
    }
}

#[tokio::test]
async fn lookups_follow_every_change() {
    let service = Service::start().await;
    let body = |tag: &str| {
        json!({
            "userName": format!("user.{tag}"),
            "externalId": format!("x-{tag}"),
            "emails": [{"type": "work", "value": format!("work@{tag}")}, {"type": "home", "value": "home@lena"}],
            ENTERPRISE: {"employeeNumber": format!("n-{tag}")},
        })
    };
    let filters = |tag: &str| {
        [
            format!("userName eq \"user.{tag}\""),
            format!("externalId eq \"x-{tag}\""),
            format!("emails.value eq \"work@{tag}\""),
            format!("employeeNumber eq \"n-{tag}\""),
        ]
    };
    let lena = service.post("/Users", body("one")).await.id();
    let path = format!("/Users/{lena}");

    let patched = service
        .patch(
            &path,
            json!([{"op": "replace", "value": {
                "userName": "user.two", "externalId": "x-two", "emails[type eq \"work\"].value": "work@two",
                "employeeNumber": "n-two"
            }}]),
        )
        .await;
    assert_eq!(patched.status, 200, "{}", patched.body);
    for (old, new) in filters("one").iter().zip(&filters("two")) {
        assert_found(&service, old, &[]).await;
        assert_found(&service, new, &[&lena]).await;
    }
    assert_eq!(service.put(&path, body("three")).await.status, 200);
    for (old, new) in filters("two").iter().zip(&filters("three")) {
        assert_found(&service, old, &[]).await;
        assert_found(&service, new, &[&lena]).await;
    }

    let removal = json!([
        {"op": "remove", "path": "emails[type eq \"work\"]"},
        {"op": "remove", "path": "externalId"},
        {"op": "replace", "path": format!("{ENTERPRISE}:employeeNumber"), "value": ""}
    ]);
    assert_eq!(service.patch(&path, removal).await.status, 200);
    for gone in &filters("three")[1..] {
        assert_found(&service, gone, &[]).await;
    }
    assert_found(&service, "emails.value eq \"home@lena\"", &[&lena]).await;

    assert_eq!(service.delete(&path).await.status, 204);
    for filter in filters("three").iter().map(String::as_str).chain([
        "emails.value eq \"home@lena\"",
        "userName pr",
        "title eq null",
    ]) {
        assert_found(&service, filter, &[]).await;
    }
    assert_found(&service, &format!("id eq \"{lena}\""), &[]).await;
}

#[tokio::test]
async fn filters_without_a_lookup_see_every_user() {
    let service = Service::start().await;
    let lena = service
        .create_user("lena", json!({"title": "Lead", "name": {"givenName": "Lena"}, "roles": [{"value": "Dispatcher", "primary": "True"}]}))
        .await;
    let otto = service
        .create_user("otto", json!({"title": "Digger", "active": false}))
        .await;
    let (lena, otto) = (lena.as_str(), otto.as_str());
    let shared = "shared@crew.example";
    for (filter, expected) in [
        ("title co \"e\"", &[lena, otto][..]),
        ("title sw \"le\"", &[lena]),
        ("name.givenName ew \"NA\"", &[lena]),
        ("active eq false", &[otto]),
        ("active eq \"False\"", &[otto]),
        ("not (active eq false)", &[lena]),
        ("userName ne \"lena\"", &[otto]),
        (
            "userName eq \"lena\" or userName eq \"otto\"",
            &[lena, otto],
        ),
        ("userName sw \"le\"", &[lena]),
        ("name pr", &[lena]),
        ("name.givenName eq null", &[otto]),
        (
            "roles[primary eq \"True\"].value eq \"dispatcher\"",
            &[lena],
        ),
        ("meta.created gt \"2020-01-01T00:00:00Z\"", &[lena, otto]),
        ("meta.resourceType eq \"User\"", &[lena, otto]),
        ("userName eq \"lena\" and title eq \"Digger\"", &[]),
        ("urn:example:custom:2.0:User:badge eq \"1\"", &[]),
        (
            "(title gt \"a\" and title lt \"e\") or name.givenName eq lena",
            &[lena, otto],
        ),
    ] {
        assert_found(&service, filter, expected).await;
    }
    // Several users with one e-mail address: more than one hit behind one lookup.
    for path in [format!("/Users/{lena}"), format!("/Users/{otto}")] {
        let operation = json!([{"op": "add", "path": "emails", "value": [{"value": shared}]}]);
        assert_eq!(service.patch(&path, operation).await.status, 200);
    }
    assert_found(&service, &format!("emails eq \"{shared}\""), &[lena, otto]).await;
    assert_found(
        &service,
        &format!("emails eq \"{shared}\" and active eq true"),
        &[lena],
    )
    .await;
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
        expected["schemas"] = json!(["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE]);
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
    // Writes are answered with the same projection.
    let operation = json!([{"op": "replace", "path": "title", "value": "Digger"}]);
    let patched = service
        .patch(&format!("/Users/{id}?attributes=title"), operation)
        .await;
    assert_eq!(names(&patched.body), ["id", "schemas", "title"]);
}

#[tokio::test]
async fn starts_and_alternatives_of_indexed_values_are_looked_up() {
    let service = Service::start().await;
    for user in ["lena", "Leo", "max", "l#1", "L%2"] {
        let attributes = json!({"externalId": format!("x-{user}"), "emails": [{"value": format!("{user}@crew.example")}]});
        service.create_user(user, attributes).await;
    }
    for (filter, expected) in [
        (r#"userName sw "LE""#, vec!["Leo", "lena"]),
        (r#"userName sw "l#""#, vec!["l#1"]),
        (r#"userName sw "l%""#, vec!["L%2"]),
        (r#"externalId sw "x-L""#, vec!["L%2", "Leo"]),
        (r#"emails.value sw "max""#, vec!["max"]),
        (
            r#"emails[value sw "le" and value ew "example"]"#,
            vec!["Leo", "lena"],
        ),
        (
            r#"userName eq "max" or externalId eq "x-Leo" or userName sw "lena""#,
            vec!["Leo", "lena", "max"],
        ),
        (r#"userName eq "max" or userName eq "MAX""#, vec!["max"]),
        (r#"userName sw "q" or userName eq "q""#, vec![]),
    ] {
        let query = form_urlencoded::byte_serialize(filter.as_bytes()).collect::<String>();
        let list = service.get(&format!("/Users?filter={query}")).await;
        let mut found: Vec<_> = list.body["Resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|user| user["userName"].as_str().unwrap())
            .collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{filter}");
        assert_eq!(list.body["totalResults"], expected.len(), "{filter}");
    }
}
