//! The keys of an issuer: fetched when they must be, and no oftener, whatever comes.

use std::time::Duration as Pause;

use serde_json::{Value, json};
use stand::issuer::Behaviour;
use stand::wire::Wire;
use time::{Duration, OffsetDateTime};

use crate::support::capture::cost;
use crate::support::clock::{date, passing_when_idle, set_date};
use crate::support::directory::DirectoryTable;
use crate::support::engine;
use crate::support::oauth::{
    Federation, another_instance, assertion_fields, new_client, refused, token_call, token_of,
};
use crate::support::service::{Answer, Service};

const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::days(20_000));

/// A federation whose clock is set by hand.
async fn start() -> Federation {
    set_date(START);
    let mut service = Service::start().await;
    service.app.clock = date;
    Federation::over(service).await
}

fn after(time: Duration) {
    set_date(START + time);
}

impl Federation {
    /// An assertion with a key that nobody has.
    async fn unknown(&self, service: &Service) -> Answer {
        let header = json!({"typ": "JWT", "alg": "RS256", "kid": "nobody's"});
        let assertion = self.issuer.assertion_with(header, self.claims(json!({})));
        self.client.assert(service, &assertion).await
    }
}

#[tokio::test]
async fn keys_are_fetched_once_an_hour() {
    let federation = start().await;
    let cases = [
        (0, 1),
        (1, 1),
        (59, 1),
        (61, 2),
        (62, 2),
        (120, 2),
        (121, 3),
    ];
    for (minutes, fetches) in cases {
        after(Duration::minutes(minutes));
        token_of(&federation.ask(json!({})).await);
        assert_eq!(federation.issuer.fetches(), fetches, "{minutes}");
    }
}

#[tokio::test]
async fn what_the_issuer_says_of_caching_shortens_the_hour_and_never_lengthens_it() {
    for (directive, fetches_after) in [
        ("max-age=60", [(0, 1), (59, 1), (61, 2)]),
        ("max-age=999999", [(0, 1), (3599, 1), (3601, 2)]),
        ("no-store", [(0, 1), (11, 2), (22, 3)]),
    ] {
        let federation = start().await;
        let value = Behaviour::CacheControl(directive.to_owned());
        federation.issuer.behave(value);
        for (seconds, fetches) in fetches_after {
            after(Duration::seconds(seconds));
            token_of(&federation.ask(json!({})).await);
            assert_eq!(
                federation.issuer.fetches(),
                fetches,
                "{directive} {seconds}"
            );
        }
    }
}

/// The first assertion with a new key is not delayed, whenever keys were fetched.
#[tokio::test]
async fn a_new_key_is_fetched_at_once() {
    let federation = start().await;
    token_of(&federation.ask(json!({})).await);
    federation.issuer.rotate();
    after(Duration::seconds(1));
    token_of(&federation.ask(json!({})).await);
    assert_eq!(federation.issuer.fetches(), 2);
    token_of(&federation.ask(json!({})).await);
    assert_eq!(federation.issuer.fetches(), 2);
}

/// Anybody who knows a client id can name keys that nobody has.
#[tokio::test]
async fn unknown_keys_cause_a_fetch_in_five_minutes_over_all_instances() {
    let federation = start().await;
    token_of(&federation.ask(json!({})).await);
    let others: Vec<Service> = (0..3)
        .map(|_| another_instance(&federation.service))
        .collect();
    for (seconds, fetches) in [(20, 2), (100, 2), (319, 2), (321, 3), (400, 3)] {
        after(Duration::seconds(seconds));
        for instance in others.iter().chain([&federation.service]) {
            let fetched = federation.issuer.fetches();
            let answer = federation.unknown(instance).await;
            // Whoever fetched knows that there is no such key; the others are told to try again.
            match federation.issuer.fetches() > fetched {
                true => refused(&answer, 401, "invalid_client"),
                false => refused(&answer, 503, "temporarily_unavailable"),
            };
        }
        assert_eq!(federation.issuer.fetches(), fetches, "{seconds}");
        token_of(&federation.ask(json!({})).await);
    }
}

#[tokio::test]
async fn keys_that_the_issuer_withdraws_are_gone_with_the_next_fetch() {
    let federation = start().await;
    let assertion = federation.assertion(json!({}));
    let client = &federation.client;
    token_of(&client.assert(&federation.service, &assertion).await);
    federation.issuer.rotate();
    federation.issuer.withdraw();
    after(Duration::minutes(61));
    let old = client.assert(&federation.service, &assertion).await;
    refused(&old, 401, "invalid_client");
    token_of(&federation.ask(json!({})).await);
}

#[tokio::test]
async fn the_last_good_keys_are_used_for_a_day_while_none_can_be_fetched() {
    let federation = start().await;
    token_of(&federation.ask(json!({})).await);
    federation.issuer.behave(Behaviour::Status(500));
    for hours in [2, 12, 23] {
        after(Duration::hours(hours));
        token_of(&federation.ask(json!({})).await);
    }
    after(Duration::hours(25));
    let answer = federation.ask(json!({})).await;
    let told = refused(&answer, 503, "temporarily_unavailable");
    assert!(told.contains("keys"), "{told}");
    assert_eq!(answer.header("retry-after"), "10");
    federation.issuer.behave(Behaviour::Normal);
    after(Duration::hours(25) + Duration::seconds(11));
    token_of(&federation.ask(json!({})).await);
}

/// While the issuer fails, one attempt in ten seconds is made, whoever asks.
#[tokio::test]
async fn a_failing_issuer_is_asked_every_ten_seconds_at_most() {
    let federation = start().await;
    federation.issuer.behave(Behaviour::Status(503));
    let other = another_instance(&federation.service);
    for (seconds, fetches) in [(0, 1), (5, 1), (9, 1), (11, 2), (20, 2), (22, 3)] {
        after(Duration::seconds(seconds));
        let answer = federation.ask(json!({})).await;
        refused(&answer, 503, "temporarily_unavailable");
        let assertion = federation.assertion(json!({}));
        let answer = federation.client.assert(&other, &assertion).await;
        refused(&answer, 503, "temporarily_unavailable");
        assert_eq!(federation.issuer.fetches(), fetches, "{seconds}");
    }
}

#[tokio::test]
async fn hostile_answers_are_no_keys() {
    let federation = start().await;
    let elsewhere = stand::issuer::Issuer::start().await;
    let there = elsewhere.keys_url(stand::issuer::ENTRA_TENANT);
    let many: Vec<Value> = (0..200)
        .map(|n| json!({"kty": "RSA", "kid": n.to_string(), "n": "AQAB", "e": "AQAB"}))
        .collect();
    let behaviours = [
        Behaviour::Body(vec![b' '; 2 << 20]),
        Behaviour::Body(b"{".to_vec()),
        Behaviour::Body(b"[]".to_vec()),
        Behaviour::Body(br#"{"keys":[]}"#.to_vec()),
        Behaviour::Body(br#"{"keys":[{"kty":"oct","k":"AAAA","kid":"1"}]}"#.to_vec()),
        Behaviour::Body(json!({ "keys": many }).to_string().into_bytes()),
        Behaviour::Body("{\"keys\":".repeat(50_000).into_bytes()),
        Behaviour::Redirect(there),
        Behaviour::Status(404),
    ];
    for (place, behaviour) in behaviours.into_iter().enumerate() {
        after(Duration::seconds(11 * i64::try_from(place).unwrap()));
        federation.issuer.behave(behaviour);
        let answer = federation.ask(json!({})).await;
        refused(&answer, 503, "temporarily_unavailable");
        assert_eq!(federation.issuer.fetches(), place + 1);
    }
    assert_eq!(elsewhere.fetches(), 0);
}

#[tokio::test]
async fn a_slow_issuer_is_given_up_after_two_seconds() {
    let (service, _, prefix) = DirectoryTable::with_prefix().await;
    let mut federation = Federation::over(service).await;
    let wire = Wire::passing(engine::endpoint()).await;
    federation.service.app.store = engine::store_through(&wire.endpoint, &prefix).await;
    let slow = Behaviour::Slow(Pause::from_secs(5));
    federation.issuer.behave(slow);
    let (answer, took) = passing_when_idle(async {
        let asked = tokio::time::Instant::now();
        let answer = federation.ask(json!({})).await;
        (answer, asked.elapsed())
    })
    .await;
    refused(&answer, 503, "temporarily_unavailable");
    assert!(took >= Pause::from_secs(2), "{took:?}");
    assert!(took < Pause::from_secs(4), "{took:?}");
}

/// A new issuer's first assertions come at once to many instances: one of them fetches, and all of
/// them answer.
#[tokio::test]
async fn instances_in_parallel_fetch_once() {
    let federation = start().await;
    federation
        .issuer
        .behave(Behaviour::Slow(Pause::from_millis(300)));
    let instances: Vec<Service> = (0..6)
        .map(|_| another_instance(&federation.service))
        .collect();
    let assertion = federation.assertion(json!({}));
    let asked = instances
        .iter()
        .map(|instance| federation.client.assert(instance, &assertion));
    for answer in futures_util::future::join_all(asked).await {
        token_of(&answer);
    }
    assert_eq!(federation.issuer.fetches(), 1);
}

/// Nobody waits for what has failed already.
#[tokio::test]
async fn a_failed_fetch_holds_nobody() {
    let federation = start().await;
    federation.issuer.behave(Behaviour::Status(500));
    let assertion = federation.assertion(json!({}));
    let fields = assertion_fields(federation.client.id.as_str(), &assertion);
    refused(
        &federation.ask(json!({})).await,
        503,
        "temporarily_unavailable",
    );
    let (answer, spent) = cost(token_call(&federation.service, &fields)).await;
    refused(&answer, 503, "temporarily_unavailable");
    assert_eq!(spent[0], 2.0, "{spent:?}");
    assert_eq!(federation.issuer.fetches(), 1);
}

/// Nothing is fetched for whoever is not let in anyway.
#[tokio::test]
async fn nothing_is_fetched_without_a_trust() {
    let federation = start().await;
    let assertion = federation.assertion(json!({}));
    let stranger = new_client(&federation.service).await;
    refused(
        &stranger.assert(&federation.service, &assertion).await,
        401,
        "invalid_client",
    );
    let account = crate::support::oauth::account(&federation.service).await;
    account
        .revoke_client(&federation.client.id, None)
        .await
        .unwrap();
    refused(&federation.ask(json!({})).await, 401, "invalid_client");
    assert_eq!(federation.issuer.fetches(), 0);
}
