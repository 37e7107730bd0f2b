//! What ends a token: with the next request, on every instance.

use store::Meter;
use time::{Duration, OffsetDateTime};

use crate::support::clock::{date, set_date};
use crate::support::oauth::{
    Client, Federation, account, another_instance, new_client, refused, secret_fields, token_call,
};
use crate::support::service::Service;
use serde_json::json;
use stand::issuer::AUDIENCE;

async fn is_let_in(services: &[Service], token: &str) -> bool {
    let mut statuses = Vec::new();
    for service in services {
        let answer = service.call("GET", "/Users").key(token).send().await;
        statuses.push(answer.status);
    }
    statuses.dedup();
    match statuses[..] {
        [200] => true,
        [401] => false,
        _ => panic!("{statuses:?}"),
    }
}

/// Four instances that have all seen the token.
async fn instances(service: Service, token: &str) -> [Service; 4] {
    let more = || another_instance(&service);
    let (one, two, three) = (more(), more(), more());
    let all = [service, one, two, three];
    assert!(is_let_in(&all, token).await);
    all
}

async fn start() -> (Service, Client, String) {
    let service = Service::start().await;
    let client = new_client(&service).await;
    let token = client.token(&service).await;
    (service, client, token)
}

#[tokio::test]
async fn a_revoked_secret_ends_its_tokens() {
    let (service, client, token) = start().await;
    let all = instances(service, &token).await;
    let account = account(&all[0]).await;
    let revoked = account.revoke_client(&client.id, Some(&client.secret_id));
    assert_eq!(revoked.await.unwrap().len(), 1);
    assert!(!is_let_in(&all, &token).await);
    let answer = all[1].call("GET", "/Users").key(&token).send().await;
    let detail = answer.error(401, "");
    assert!(detail.contains("revoked"), "{detail}");
    assert_eq!(
        answer.header("www-authenticate"),
        "Bearer error=\"invalid_token\""
    );
    let asked = client.call(&all[2]).send().await;
    let told = refused(&asked, 401, "invalid_client");
    assert!(told.contains("revoked"), "{told}");
}

#[tokio::test]
async fn a_revoked_client_ends_the_tokens_of_all_its_secrets_and_trusts() {
    let federation = Federation::start().await;
    let by_secret = federation.client.token(&federation.service).await;
    let by_trust = crate::support::oauth::token_of(&federation.ask(json!({})).await);
    let other = new_client(&federation.service).await;
    let others = other.token(&federation.service).await;
    let all = instances(federation.service, &by_secret).await;
    assert!(is_let_in(&all, &by_trust).await);
    let account = account(&all[0]).await;
    let revoked = account.revoke_client(&federation.client.id, None);
    assert_eq!(revoked.await.unwrap().len(), 2);
    assert!(!is_let_in(&all, &by_secret).await);
    assert!(!is_let_in(&all, &by_trust).await);
    assert!(is_let_in(&all, &others).await);
}

#[tokio::test]
async fn a_revoked_trust_ends_its_tokens_and_no_others() {
    let federation = Federation::start().await;
    let trust = federation.trust(&federation.client.id, AUDIENCE).await;
    let by_secret = federation.client.token(&federation.service).await;
    let by_trust = crate::support::oauth::token_of(&federation.ask(json!({})).await);
    let account = account(&federation.service).await;
    let id = &federation.client.id;
    account.revoke_client(id, Some(&trust)).await.unwrap();
    let told = federation.ask(json!({})).await;
    let told = refused(&told, 401, "invalid_client");
    assert!(told.contains("revoked"), "{told}");
    let all = instances(federation.service, &by_secret).await;
    assert!(!is_let_in(&all, &by_trust).await);
    assert!(is_let_in(&all, &by_secret).await);
}

/// What is set up again may have another subject: it does not speak for what was before.
#[tokio::test]
async fn a_trust_that_is_made_anew_does_not_revive_tokens() {
    let federation = Federation::start().await;
    let before = crate::support::oauth::token_of(&federation.ask(json!({})).await);
    let api = format!("api://{AUDIENCE}/scim.hellotracks.example");
    federation.trust(&federation.client.id, &api).await;
    federation.trust(&federation.client.id, AUDIENCE).await;
    let after = crate::support::oauth::token_of(&federation.ask(json!({})).await);
    let all = instances(federation.service, &after).await;
    assert!(!is_let_in(&all, &before).await);
}

#[tokio::test]
async fn a_disabled_tenant_and_an_api_that_is_off_let_no_token_in() {
    let (service, client, token) = start().await;
    let all = instances(service, &token).await;
    let (store, tenant) = (&all[0].app.store, client.id.tenant());
    for (is_by_admin, told) in [(false, "disabled"), (true, "turned off")] {
        let set = async |is_on| match is_by_admin {
            true => drop(
                store
                    .set_api(tenant, is_on, &Meter::default())
                    .await
                    .unwrap(),
            ),
            false => drop(
                store
                    .set_enabled(tenant, is_on, &Meter::default())
                    .await
                    .unwrap(),
            ),
        };
        set(false).await;
        assert!(!is_let_in(&all, &token).await);
        let answer = all[1].call("GET", "/Users").key(&token).send().await;
        assert!(answer.error(401, "").contains(told), "{}", answer.body);
        let asked = client.call(&all[2]).send().await;
        let description = refused(&asked, 401, "invalid_client");
        assert!(description.contains(told), "{description}");
        set(true).await;
        assert!(is_let_in(&all, &token).await);
    }
}

/// What is saved again as it was is no change: the tokens of a client that is in use live on.
#[tokio::test]
async fn a_trust_that_is_saved_unchanged_keeps_its_tokens() {
    let federation = Federation::start().await;
    let token = crate::support::oauth::token_of(&federation.ask(json!({})).await);
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    federation.trust(&federation.client.id, AUDIENCE).await;
    let all = [federation.service];
    assert!(is_let_in(&all, &token).await);
}

/// The web keys are old by then: what is told does not depend on them.
#[tokio::test]
async fn a_disabled_tenant_is_told_so_however_old_the_web_keys_are() {
    let mut service = Service::start().await;
    let now = OffsetDateTime::now_utc();
    set_date(now);
    service.app.clock = date;
    let federation = Federation::over(service).await;
    crate::support::oauth::token_of(&federation.ask(json!({})).await);
    let (store, tenant) = (&federation.service.app.store, federation.client.id.tenant());
    let meter = Meter::default();
    store.set_enabled(tenant, false, &meter).await.unwrap();
    for hours in [0, 2, 20] {
        set_date(now + Duration::hours(hours));
        let answer = federation.ask(json!({})).await;
        let told = refused(&answer, 401, "invalid_client");
        assert!(told.contains("disabled"), "{hours}: {told}");
    }
    assert_eq!(federation.issuer.fetches(), 1);
}

/// A trust that takes the place of its own needs no room among the twenty.
#[tokio::test]
async fn a_trust_is_corrected_in_a_tenant_with_all_its_keys() {
    let federation = Federation::start().await;
    let account = account(&federation.service).await;
    while account.create_key("further", None).await.is_ok() {}
    let bound = format!("api://{AUDIENCE}/scim.hellotracks.example");
    federation.trust(&federation.client.id, &bound).await;
    crate::support::oauth::token_of(&federation.ask(json!({"aud": bound})).await);
}

/// An expired secret gives no more tokens; those that it gave live out their time, so that no
/// client meets a refusal of a token in which it believes.
#[tokio::test]
async fn tokens_of_an_expired_secret_live_out_their_time() {
    let mut service = Service::start().await;
    service.app.clock = date;
    let client = new_client(&service).await;
    let end = OffsetDateTime::now_utc() + Duration::days(730);
    set_date(end - Duration::HOUR);
    let token = client.token(&service).await;
    set_date(end + Duration::MINUTE);
    let asked = client.call(&service).send().await;
    let told = refused(&asked, 401, "invalid_client");
    assert!(told.contains("expired"), "{told}");
    let services = [service];
    assert!(is_let_in(&services, &token).await);
    set_date(end + Duration::HOUR);
    assert!(!is_let_in(&services, &token).await);
}

#[tokio::test]
async fn two_secrets_give_tokens_while_they_overlap() {
    let mut service = Service::start().await;
    service.app.clock = date;
    let now = OffsetDateTime::now_utc();
    set_date(now);
    let client = new_client(&service).await;
    let of_old = client.token(&service).await;
    let account = account(&service).await;
    let rotated = account
        .rotate_secret(&client.id, None, Duration::days(7), Duration::days(365))
        .await
        .unwrap();
    let new = rotated.secret.expose();
    let fields = secret_fields(client.id.as_str(), new);
    for (days, is_old_accepted) in [(0, true), (6, true), (8, false)] {
        set_date(now + Duration::days(days));
        let by_old = client.call(&service).send().await.status;
        assert_eq!(by_old, if is_old_accepted { 200 } else { 401 }, "{days}");
        assert_eq!(token_call(&service, &fields).send().await.status, 200);
    }
    // Cursors and rights are the client's; the tokens of the old secret ended by themselves.
    assert!(!is_let_in(&[service], &of_old).await);
}

/// Where a client has no secret left, another one is made without a replacement.
#[tokio::test]
async fn a_client_whose_secrets_have_ended_gets_another_one() {
    let (service, client, _) = start().await;
    let account = account(&service).await;
    let revoked = account.revoke_client(&client.id, None);
    revoked.await.unwrap();
    let new = account
        .rotate_secret(&client.id, None, Duration::ZERO, Duration::days(365))
        .await
        .unwrap();
    assert!(new.old.is_none());
    let fields = secret_fields(client.id.as_str(), new.secret.expose());
    assert_eq!(token_call(&service, &fields).send().await.status, 200);
}

/// While a secret is revoked, instances in parallel give and take tokens: none that is given is
/// accepted after the revocation.
#[tokio::test]
async fn no_token_outlives_a_revocation_that_it_races() {
    for _ in 0..5 {
        let (service, client, first) = start().await;
        let all = instances(service, &first).await;
        let asking = futures_util::future::join_all(all.iter().map(async |instance| {
            let mut tokens = Vec::new();
            for _ in 0..4 {
                let answer = client.call(instance).send().await;
                if answer.status == 200 {
                    tokens.push(answer.body["access_token"].as_str().unwrap().to_owned());
                }
            }
            tokens
        }));
        let revoking = async {
            let account = account(&all[0]).await;
            account.revoke_client(&client.id, None).await.unwrap();
        };
        let (tokens, ()) = tokio::join!(asking, revoking);
        for token in tokens.into_iter().flatten() {
            assert!(!is_let_in(&all, &token).await);
        }
    }
}
