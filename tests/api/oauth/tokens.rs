//! An access token works on every SCIM route exactly as an API key does.

use serde_json::{Value, json};
use stand::wire::Fate;
use store::directory::record::Actor;
use store::{Gate, Meter};
use tenant::{AccessToken, ClientSecret};
use time::{Duration, OffsetDateTime};

use crate::keys::key_use::{behind, until};
use crate::support::capture::{cost, logged};
use crate::support::clock::{date, set_date};
use crate::support::copies::copy;
use crate::support::exports::{Folder, disable, export, stage};
use crate::support::items::{BothTables, Stored};
use crate::support::oauth::{
    Federation, account, another_instance, new_client, new_client_of, refused, token_of,
};
use crate::support::service::Service;

const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::days(20_000));

#[tokio::test]
async fn every_route_takes_a_token() {
    let service = Service::start().await;
    let token = new_client(&service).await.token(&service).await;
    let call = |method: &str, path: &str| service.call(method, path).key(&token);
    let lena = json!({"userName": "lena"});
    let created = call("POST", "/Users").json(lena.clone()).send().await;
    assert_eq!(created.status, 201, "{}", created.body);
    let user = format!("/Users/{}", created.id());
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "title", "value": "Lead"}],
    });
    let crew = json!({"displayName": "Crew", "members": [{"value": created.id()}]});
    let bulk = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [{"method": "POST", "path": "/Users", "bulkId": "1", "data": {"userName": "b"}}],
    });
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]});
    for (method, path, body, status) in [
        ("GET", user.as_str(), Value::Null, 200),
        ("GET", "/Users", Value::Null, 200),
        ("GET", "/", Value::Null, 200),
        ("POST", "/Users/.search", search, 200),
        ("PATCH", &user, patch, 200),
        ("PUT", &user, lena, 200),
        ("POST", "/Groups", crew, 201),
        ("GET", "/Groups", Value::Null, 200),
        ("POST", "/Bulk", bulk, 200),
        ("GET", "/Schemas", Value::Null, 200),
        ("GET", "/ServiceProviderConfig", Value::Null, 200),
        ("DELETE", &user, Value::Null, 204),
        ("GET", "/Nothing", Value::Null, 404),
    ] {
        let call = call(method, path);
        let call = if body.is_null() {
            call
        } else {
            call.json(body)
        };
        let answer = call.send().await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
    }
}

/// As many calls and round trips as with a key; the token's own item is a read unit.
#[tokio::test]
async fn a_token_costs_a_read_unit_more_than_a_key() {
    let service = Service::start().await;
    let token = new_client(&service).await.token(&service).await;
    let id = service.create_user("lena", json!({})).await;
    for path in [format!("/Users/{id}"), "/Users".to_owned()] {
        let (by_key, key) = cost(service.call("GET", &path)).await;
        let (by_token, with_token) = cost(service.call("GET", &path).key(&token)).await;
        assert_eq!(by_key.body, by_token.body);
        assert_eq!(with_token, [key[0], key[1] + 1.0, key[2]], "{path}");
    }
}

#[tokio::test]
async fn what_is_no_token_is_refused_as_rfc_6750_says() {
    let service = Service::start().await;
    let client = new_client(&service).await;
    let token = client.token(&service).await;
    let cut = &token[..token.len() - 1];
    // Well formed and never issued: a token of another store.
    let other = Service::start().await;
    let foreign = new_client(&other).await.token(&other).await;
    for (presented, told, challenge, calls) in [
        (cut, "incomplete", "Bearer error=\"invalid_token\"", 0.0),
        (&foreign, "not valid", "Bearer error=\"invalid_token\"", 1.0),
        (&client.secret, "client secret", "Bearer", 0.0),
    ] {
        let (answer, spent) = cost(service.call("GET", "/Schemas").key(presented)).await;
        let detail = answer.error(401, "");
        assert!(detail.contains(told), "{detail}");
        assert_eq!(answer.header("www-authenticate"), challenge);
        assert_eq!(spent[0], calls, "{detail}");
    }
}

#[tokio::test]
async fn a_token_is_accepted_until_it_expires_to_the_second() {
    let mut service = Service::start().await;
    set_date(START);
    service.app.clock = date;
    let client = new_client(&service).await;
    let token = client.token(&service).await;
    set_date(START + Duration::hours(2) - Duration::SECOND);
    assert_eq!(
        service
            .call("GET", "/Users")
            .key(&token)
            .send()
            .await
            .status,
        200
    );
    set_date(START + Duration::hours(2));
    let answer = service.call("GET", "/Users").key(&token).send().await;
    let detail = answer.error(401, "");
    assert!(detail.contains("expired"), "{detail}");
    assert_eq!(
        answer.header("www-authenticate"),
        "Bearer error=\"invalid_token\""
    );
    let again = client.token(&service).await;
    assert_eq!(
        service
            .call("GET", "/Users")
            .key(&again)
            .send()
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_walk_by_cursor_goes_on_with_a_new_token() {
    let service = Service::start().await;
    for user in ["a", "b", "c"] {
        service.create_user(user, json!({})).await;
    }
    let client = new_client(&service).await;
    let (first, second) = (client.token(&service).await, client.token(&service).await);
    assert_ne!(first, second);
    let page = service.call("GET", "/Users?count=2&cursor=").key(&first);
    let page = page.send().await;
    let next = page.body["nextCursor"].as_str().unwrap().to_owned();
    let path = format!("/Users?count=2&cursor={next}");
    let rest = service.call("GET", &path).key(&second).send().await;
    assert_eq!(rest.ids().len(), 1);
    // It is this client's.
    let stranger = new_client(&service).await.token(&service).await;
    let refused = service.call("GET", &path).key(&stranger).send().await;
    refused.error(400, "invalidCursor");
    let by_key = service.get(&path).await;
    by_key.error(400, "invalidCursor");
}

#[tokio::test]
async fn history_last_use_and_the_log_name_the_credential() {
    let (service, _, direct) = behind(|_, _| Fate::Passed).await;
    let client = new_client(&service).await;
    let token = client.token(&service).await;
    let lena = service.call("POST", "/Users").key(&token);
    let (created, lines) = logged(lena.json(json!({"userName": "lena"})).send()).await;
    assert_eq!(created.status, 201);
    assert_eq!(lines[0]["key_id"], client.secret_id.as_str());
    let account = account(&service).await;
    let status = account.status(OffsetDateTime::now_utc() - Duration::HOUR);
    let latest = status.await.unwrap().latest_change.unwrap();
    let store::directory::history::Record::Change(change) = latest else {
        panic!("{latest:?}");
    };
    assert_eq!(change.actor, Actor::Key(client.secret_id.clone()));
    let used = async || {
        let (meter, gate) = (store::Meter::default(), store::Gate::opened());
        let acme = direct.tenant(client.id.tenant(), &meter, &gate);
        let mut uses = acme.last_uses().await.unwrap();
        uses.remove(&client.secret_id)
    };
    until(used).await;
}

/// The rate is the credential's: a client does not get more by asking for more tokens.
#[tokio::test]
async fn tokens_of_a_client_share_its_rate() {
    let mut service = Service::start().await;
    set_date(START);
    service.app.clock = date;
    service.app.config.requests_per_second = 10;
    let client = new_client(&service).await;
    let other = new_client(&service).await;
    let tokens = [client.token(&service).await, client.token(&service).await];
    let mut served = 0;
    for round in 0..200 {
        let call = service.call("GET", "/Schemas").key(&tokens[round % 2]);
        let answer = call.send().await;
        if answer.status == 429 {
            let detail = answer.error(429, "");
            assert!(detail.contains("OAuth client"), "{detail}");
            break;
        }
        served += 1;
    }
    // Of the hundred of a window two tokens have taken fifty; what an instance serves before it
    // has leased is more.
    assert!((45..=75).contains(&served), "{served}");
    let answer = client.call(&service).send().await;
    let told = refused(&answer, 429, "temporarily_unavailable");
    assert!(told.contains("too fast"), "{told}");
    assert!(!answer.header("retry-after").is_empty());
    let token = other.token(&service).await;
    let others = service.call("GET", "/Schemas").key(&token).send().await;
    assert_eq!(others.status, 200);
}

#[tokio::test]
async fn a_token_shows_its_own_tenant_s_data_alone() {
    let service = Service::start().await;
    let id = service.create_user("lena", json!({})).await;
    service.add_tenant("other").await;
    let other = new_client_of(&service, "other").await;
    let token = other.token(&service).await;
    let get = service.call("GET", &format!("/Users/{id}")).key(&token);
    get.send().await.error(404, "");
    let list = service.call("GET", "/Users").key(&token).send().await;
    assert_eq!(list.body["totalResults"], 0);
    // A token whose text names another tenant is none.
    let forged = token.replace("htsat_other_", "htsat_acme_");
    let forged = service.call("GET", "/Users").key(&forged).send().await;
    forged.error(401, "");
}

/// Whoever could write the directory table could make up a token; not one that is for ever.
#[tokio::test]
async fn a_token_that_lives_longer_than_the_service_gives_is_none() {
    let service = Service::start().await;
    let client = new_client(&service).await;
    let store = &service.app.store;
    let (meter, gate, now) = (Meter::default(), Gate::opened(), OffsetDateTime::now_utc());
    let secret = ClientSecret::parse(client.secret.as_bytes()).unwrap();
    let found = store.client_secret(&client.id, &secret, now, &meter);
    let found = found.await.unwrap().unwrap();
    for (hours, status) in [(6, 200), (7, 401), (87_600, 401)] {
        let token = AccessToken::from_secret(&client.id, found.digest, [7; 32]);
        let directory = store.tenant(client.id.tenant(), &meter, &gate);
        let ends = now + Duration::hours(hours);
        let planted = directory.issue_token(&token, found.created, now, ends);
        planted.await.unwrap();
        let asked = service.call("GET", "/Users").key(token.expose());
        assert_eq!(asked.send().await.status, status, "{hours}");
    }
}

/// What lets clients in is the running service's: no export has it.
#[tokio::test]
async fn tokens_and_web_keys_leave_with_no_export_and_stand_in_no_table() {
    let (service, directory, admin) = stage().await;
    let federation = Federation::over(service).await;
    let given = [
        federation.client.token(&federation.service).await,
        token_of(&federation.ask(json!({})).await),
    ];
    let tables = BothTables::of(admin.prefix()).await.items().await;
    let kinds: Vec<String> = tables.iter().map(Stored::kind).collect();
    for kind in ["A#<digest>", "W#<issuer>"] {
        assert!(kinds.iter().any(|there| there == kind), "{kinds:?}");
    }
    for stored in &tables {
        let line = stored.to_line();
        for secret in given.iter().chain([&federation.client.secret]) {
            let random = secret.rsplit('_').nth(1).unwrap();
            assert!(!line.contains(random), "{line}");
        }
    }
    disable(&directory, &admin).await;
    let folder = Folder::new();
    let (code, said) = admin.run(&export(&folder)).await;
    assert_eq!(code, 0, "{said}");
    let items = folder.lines("items.ndjson");
    assert!(items.len() > 10, "{items:?}");
    for item in items {
        let sort_key = item["sk"]["S"].as_str().unwrap();
        assert!(!sort_key.starts_with(['A', 'W']), "{sort_key}");
    }
    // Nor do they come with a table that was restored.
    let restored = copy(&admin.tables()).await.directory;
    let command = format!("tenant import acme --from-table {restored} --replace");
    let (code, said) = admin.run(&command).await;
    assert_eq!(code, 0, "{said}");
    let items = directory.items("acme").await;
    assert!(items.len() > 10, "{:?}", items.keys());
    for sort_key in items.keys() {
        assert!(!sort_key.starts_with(['A', 'W']), "{sort_key}");
    }
}

/// A token is there for every instance as soon as it is given.
#[tokio::test]
async fn a_token_is_known_to_every_instance() {
    let service = Service::start().await;
    let client = new_client(&service).await;
    for _ in 0..5 {
        let token = client.token(&service).await;
        let other = another_instance(&service);
        let answer = other.call("GET", "/Users").key(&token).send().await;
        assert_eq!(answer.status, 200);
    }
}

#[tokio::test]
async fn keys_and_tokens_of_a_tenant_stand_beside_each_other() {
    let service = Service::start().await;
    let by_key = service.create_user("lena", json!({})).await;
    let token = new_client(&service).await.token(&service).await;
    let path = format!("/Users/{by_key}");
    let read = service.call("GET", &path).key(&token).send().await;
    assert_eq!(read.body["userName"], "lena");
    let deleted = service.call("DELETE", &path).key(&token).send().await;
    assert_eq!(deleted.status, 204);
    assert_eq!(service.get(&path).await.status, 404);
}
