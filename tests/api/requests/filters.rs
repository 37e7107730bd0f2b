//! Filters with and without a lookup: each finds what it should and no more.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::requests::lists::page;
use crate::support::service::Service;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Checks that exactly these users match.
async fn assert_found(service: &Service, filter: &str, ids: &[&str]) {
    let found = service.find(filter).await;
    assert_eq!(found.status, 200, "{filter}: {}", found.body);
    let expected: BTreeSet<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    let found: BTreeSet<String> = page(&found, ids.len(), 1).into_iter().collect();
    assert_eq!(found, expected, "{filter}");
}

/// Lookup keys are built from these, so none may break out of its part of a key, or match another.
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
    // What no userName can be, or what would be the same name, other attributes may be.
    for value in [" a", "a\tb", "a\nb"] {
        let name = format!("with externalId {}", value.escape_debug());
        let id = service
            .create_user(&name, json!({"externalId": value}))
            .await;
        let filter = format!("externalId eq {}", Value::from(value));
        assert_found(&service, &filter, &[&id]).await;
    }
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
