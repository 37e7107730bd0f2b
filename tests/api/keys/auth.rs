//! Who gets in: the API key in all its accepted forms, and the same answer to everyone else.

use std::time::Instant;

use serde_json::json;
use store::Meter;
use tenant::{ApiKey, KeyId, TenantId};
use time::{Duration, OffsetDateTime};

use crate::keys::key_use::behind;
use crate::promises::threats::most_writes;
use crate::support::capture::cost;
use crate::support::service::{Answer, Service};
use stand::wire::Fate;

const NOW: fn() -> OffsetDateTime = OffsetDateTime::now_utc;

fn refused(answer: &Answer) -> &str {
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    answer.error(401, "")
}

fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

fn key_id(key: &str) -> KeyId {
    ApiKey::parse(key.as_bytes()).unwrap().digest().key_id()
}

/// Another key of `acme`.
async fn add_key(service: &Service, seed: u8, expires: Option<OffsetDateTime>) -> String {
    let key = ApiKey::from_secret(&acme(), [seed; 32]);
    let store = &service.app.store;
    store
        .create_key(&key, "further", NOW(), expires, &Meter::default())
        .await
        .unwrap();
    key.expose().to_owned()
}

async fn revoke(service: &Service, key: &str) {
    let store = &service.app.store;
    store
        .revoke_key(&acme(), &key_id(key), NOW(), &Meter::default())
        .await
        .unwrap();
}

async fn set_enabled(service: &Service, enabled: bool) {
    let store = &service.app.store;
    store
        .set_enabled(&acme(), enabled, &Meter::default())
        .await
        .unwrap();
}

/// The check of the key, and the concurrent read of a resource.
const CALLS: f64 = 2.0;

const USER: &str = "/Users/2819c223-7f76-453a-919d-413861904646";

#[tokio::test]
async fn every_key_that_is_refused_costs_next_to_nothing() {
    let (service, wire, _) = behind(|_, _| Fate::Passed).await;
    let started = Instant::now();
    let revoked = add_key(&service, 2, None).await;
    revoke(&service, &revoked).await;
    let expired = add_key(&service, 3, Some(NOW() - Duration::SECOND)).await;
    let never_issued = ApiKey::from_secret(&acme(), [9; 32]);
    let no_tenant = ApiKey::from_secret(&TenantId::parse("nobody").unwrap(), [9; 32]);
    // For an issued key, counting the refusal is one write before the answer; its text says that
    // the key was issued, so the added time reveals nothing. Other refusals are counted next to the
    // answer.
    for (key, counting) in [
        (revoked.as_str(), 1.0),
        (&expired, 1.0),
        (never_issued.expose(), 0.0),
        (no_tenant.expose(), 0.0),
    ] {
        let (answer, cost) = cost(service.call("GET", USER).key(key)).await;
        refused(&answer);
        assert_eq!(cost[0], CALLS + counting, "{cost:?}");
        assert_eq!(cost[2], counting, "{cost:?}");
    }
    set_enabled(&service, false).await;
    let (answer, disabled) = cost(service.call("GET", USER)).await;
    assert!(refused(&answer).contains("enable"), "{}", answer.body);
    assert_eq!(disabled[0], CALLS + 1.0);

    // However many there are, hardly any more of them cause a write.
    for _ in 0..100 {
        for key in [&revoked, never_issued.expose()] {
            refused(&service.call("GET", "/Users").key(key).send().await);
        }
    }
    // Time for writes that run next to the answers.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let (written, most) = (
        wire.asked("UpdateItem directory R"),
        2 * most_writes(started),
    );
    assert!((1..=most).contains(&written), "{written} of {most}");
}

/// Something that is not a key is refused for its form alone, on every route, with the reason.
#[tokio::test]
async fn what_cannot_be_a_key_costs_nothing() {
    let service = Service::start().await;
    let key = &service.key;
    let secret = key.rsplit('_').nth(1).unwrap();
    let mistake = "incomplete or has a typing mistake";
    let bearer = |key: &str| format!("Bearer {key}");
    for (header, told) in [
        (String::new(), "no API-KEY"),
        (" ".to_owned(), "no API-KEY"),
        ("Bearer".to_owned(), "no API-KEY"),
        ("Bearer Bearer ".to_owned(), "no API-KEY"),
        ("Basic dXNlcjpwYXNz".to_owned(), "no API-KEY"),
        (key.clone(), "no API-KEY"),
        (format!("Bearer{key}"), "no API-KEY"),
        (format!("Token {key}"), "no API-KEY"),
        (bearer("eyJhbGciOiJub25lIn0.e30."), "not an API-KEY"),
        (bearer(&"x".repeat(6000)), "not an API-KEY"),
        (bearer(secret), "not an API-KEY"),
        (bearer("htscim_"), mistake),
        (bearer("htscim_acme__"), mistake),
        (bearer(&key[..key.len() - 1]), mistake),
        (bearer(&key.replacen("acme", "acne", 1)), mistake),
        (bearer(&key.to_uppercase()), mistake),
        (bearer(&format!("{key}x")), mistake),
        (bearer(&format!("{key} {key}")), mistake),
        (bearer(&key.repeat(80)), mistake),
    ] {
        for (method, path) in [
            ("GET", "/Users"),
            ("POST", "/Users"),
            ("GET", "/Schemas"),
            ("POST", "/Bulk"),
            ("GET", "/Nothing"),
        ] {
            let call = service
                .call(method, path)
                .header("authorization", &header)
                .json(json!({"userName": "x"}));
            let (answer, cost) = cost(call).await;
            let detail = refused(&answer);
            assert!(detail.contains(told), "{header}: {detail}");
            assert_eq!(cost, [0.0; 3], "{header}");
        }
    }
    let call = service.call("GET", "/Users");
    let (answer, cost) = cost(call.without_header("authorization")).await;
    assert!(refused(&answer).contains("no API-KEY"));
    assert_eq!(cost, [0.0; 3]);
}

/// No route is open, and none reveals more than the others.
#[tokio::test]
async fn every_route_wants_a_key() {
    let service = Service::start().await;
    let user = format!("/Users/{}", service.create_user("lena", json!({})).await);
    for path in [
        "/Users",
        &user,
        "/Users/x",
        "/Groups",
        "/Groups/x",
        "/ServiceProviderConfig",
        "/ResourceTypes",
        "/ResourceTypes/User",
        "/Schemas",
        "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
        "/Me",
        "/Bulk",
        "/.search",
        "/Nothing",
        "",
    ] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            let call = service.call(method, path).json(json!({"userName": "x"}));
            refused(&call.key("wrong").send().await);
        }
    }
    assert_eq!(service.get("/Users").await.body["totalResults"], 1);
}

#[tokio::test]
async fn the_key_is_taken_as_administrators_paste_it() {
    let service = Service::start().await;
    let key = &service.key;
    for header in [
        format!("Bearer {key}"),
        format!("bearer {key}"),
        format!("BEARER {key}"),
        format!("Bearer   {key}"),
        format!("Bearer\t{key}"),
        format!("  Bearer {key}  "),
        format!("Bearer Bearer {key}"),
        format!("Bearer bearer  {key}\t"),
    ] {
        let call = service
            .call("GET", "/Users")
            .header("authorization", &header);
        assert_eq!(call.send().await.status, 200, "{header}");
    }
}

#[tokio::test]
async fn a_key_is_revoked_at_once_and_the_next_one_works() {
    let service = Service::start().await;
    let next = add_key(&service, 2, Some(NOW() + Duration::HOUR)).await;
    for key in [&service.key, &next] {
        let call = service.call("GET", "/Users").key(key);
        assert_eq!(call.send().await.status, 200);
    }
    revoke(&service, &service.key).await;
    let answer = service.get("/Users").await;
    assert!(refused(&answer).contains("revoked"), "{}", answer.body);
    let call = service.call("GET", "/Users").key(&next);
    assert_eq!(call.send().await.status, 200);

    set_enabled(&service, false).await;
    refused(&service.call("GET", "/Users").key(&next).send().await);
    let answer = service.get("/Users").await;
    assert!(refused(&answer).contains("revoked"), "{}", answer.body);
    set_enabled(&service, true).await;
    let call = service.call("GET", "/Users").key(&next);
    assert_eq!(call.send().await.status, 200);
    refused(&service.get("/Users").await);
}

/// A refusal says what to do, and repeats nothing of what was sent.
#[tokio::test]
async fn refusals_repeat_nothing_of_the_key() {
    let service = Service::start().await;
    for secret in ["hunter2hunter2", &format!("{}x", service.key)] {
        let answer = service.call("GET", "/Users").key(secret).send().await;
        let detail = refused(&answer);
        assert!(
            !detail.contains(secret) && detail.contains("Secret Token"),
            "{detail}"
        );
    }
    let answer = service
        .call("GET", "/Users")
        .without_header("authorization")
        .send()
        .await;
    assert!(refused(&answer).contains("no API-KEY"));
}
