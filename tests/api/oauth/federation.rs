//! Assertions of Entra (RFC 7523, section 2.2): what is accepted, and what is not.

use serde_json::{Value, json};
use stand::issuer::{AUDIENCE, ENTRA_TENANT, SUBJECT};
use time::Duration;

use crate::support::capture::{cost, logged};
use crate::support::oauth::{
    Federation, assertion_fields, new_client, new_client_of, refused, token_call, token_of,
};

const OTHER: &str = "11111111-2222-3333-4444-555555555555";

/// What whoever has no right learns.
const UNKNOWN: &str = "are not known here";

#[tokio::test]
async fn entra_s_assertion_gets_a_token_in_every_form_of_its_audience() {
    let federation = Federation::start().await;
    for audience in [
        AUDIENCE.to_owned(),
        format!("api://{AUDIENCE}"),
        format!("api://{AUDIENCE}/scim.hellotracks.example"),
    ] {
        for form in [json!(audience), json!([audience])] {
            let token = token_of(&federation.ask(json!({"aud": form})).await);
            let service = &federation.service;
            let listed = service.call("GET", "/Users").key(&token).send().await;
            assert_eq!(listed.status, 200, "{form}");
        }
    }
    for audience in [
        json!(OTHER),
        json!(format!("api://{AUDIENCE}/other.example")),
        json!(format!("api://{AUDIENCE}/.default")),
        json!(format!("api://{AUDIENCE}/scim.hellotracks.example/")),
        json!(AUDIENCE.to_uppercase()),
        json!([AUDIENCE, OTHER]),
        json!([]),
        json!(7),
        Value::Null,
    ] {
        let answer = federation.ask(json!({"aud": audience})).await;
        let told = refused(&answer, 401, "invalid_client");
        assert!(told.contains("aud"), "{audience}: {told}");
        assert!(!told.contains(AUDIENCE), "{told}");
    }
}

/// Entra sends the same assertion again and again.
#[tokio::test]
async fn an_assertion_is_accepted_until_it_ends() {
    let federation = Federation::start().await;
    let assertion = federation.assertion(json!({}));
    let mut tokens = Vec::new();
    for _ in 0..3 {
        let answer = federation.client.assert(&federation.service, &assertion);
        tokens.push(token_of(&answer.await));
    }
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 3);
}

#[tokio::test]
async fn the_fields_that_entra_and_its_validator_add_are_ignored() {
    let federation = Federation::start().await;
    let assertion = federation.assertion(json!({"roles": ["x"], "oid": OTHER, "azp": OTHER}));
    let mut fields = assertion_fields(federation.client.id.as_str(), &assertion).to_vec();
    fields.push(("baseAddress", "https://scim.hellotracks.example/scim/v2"));
    fields.push(("scope", "scim.readwrite"));
    token_of(&token_call(&federation.service, &fields).send().await);
}

#[tokio::test]
async fn clocks_may_be_a_minute_apart() {
    let federation = Federation::start().await;
    let now = federation.now().unix_timestamp();
    for (claims, is_accepted) in [
        (json!({"exp": now - 50}), true),
        (json!({"exp": now - 70}), false),
        (json!({"nbf": now + 50}), true),
        (json!({"nbf": now + 70}), false),
        (json!({"nbf": null}), true),
        (json!({"exp": null}), false),
        (
            json!({"exp": now + Duration::days(3).whole_seconds()}),
            false,
        ),
    ] {
        let answer = federation.ask(claims.clone()).await;
        match is_accepted {
            true => drop(token_of(&answer)),
            false => drop(refused(&answer, 401, "invalid_client")),
        }
    }
}

/// Details are told to whoever has the issuer's signature, and what would be right to nobody.
#[tokio::test]
async fn what_is_wrong_with_a_signed_assertion_is_named() {
    let federation = Federation::start().await;
    for (claims, told) in [
        (json!({"sub": OTHER}), "sub"),
        (json!({"sub": null}), "sub"),
        (json!({"sub": [SUBJECT]}), "sub"),
        (json!({"tid": OTHER}), "tid"),
        (json!({"tid": null}), "tid"),
        (json!({"scp": "user_impersonation"}), "scp"),
        (json!({"idtyp": "user"}), "idtyp"),
        (json!({"ver": "1.0"}), "ver"),
        (json!({"exp": "1"}), "exp"),
        (json!({"exp": 1.5}), "exp"),
    ] {
        let answer = federation.ask(claims.clone()).await;
        let description = refused(&answer, 401, "invalid_client");
        assert!(description.contains(told), "{claims}: {description}");
        assert!(!description.contains(SUBJECT), "{description}");
        assert!(!description.contains(ENTRA_TENANT), "{description}");
    }
}

/// Entra signs with the same keys for all its tenants: a signature says nothing about the tenant.
#[tokio::test]
async fn assertions_of_another_entra_tenant_are_refused() {
    let federation = Federation::start().await;
    let issuer = federation.issuer.issuer(OTHER);
    let answer = federation.ask(json!({"iss": issuer, "tid": OTHER})).await;
    let told = refused(&answer, 401, "invalid_client");
    assert!(told.contains(UNKNOWN), "{told}");
    assert_eq!(federation.issuer.fetches(), 0);
}

#[tokio::test]
async fn issuers_of_no_authority_are_refused_unread() {
    let federation = Federation::start().await;
    let authority = federation.issuer.authority();
    for issuer in [
        format!("https://sts.windows.net/{ENTRA_TENANT}/"),
        format!("https://evil.example/{ENTRA_TENANT}/v2.0"),
        format!("{authority}/common/v2.0"),
        format!("{authority}/{ENTRA_TENANT}/v2.0/"),
        format!("{authority}.evil.example/{ENTRA_TENANT}/v2.0"),
        String::new(),
    ] {
        let assertion = federation.assertion(json!({"iss": issuer}));
        let fields = assertion_fields(federation.client.id.as_str(), &assertion);
        let (answer, spent) = cost(token_call(&federation.service, &fields)).await;
        refused(&answer, 401, "invalid_client");
        assert_eq!(spent, [0.0; 3], "{issuer}");
    }
    assert_eq!(federation.issuer.fetches(), 0);
}

/// The client id of the form selects whose trust counts; nobody else's does.
#[tokio::test]
async fn a_client_comes_in_by_its_own_trust_alone() {
    let federation = Federation::start().await;
    let service = &federation.service;
    let assertion = federation.assertion(json!({}));
    let sibling = new_client(service).await;
    service.add_tenant("other").await;
    let other = new_client_of(service, "other").await;
    for client in [&sibling, &other] {
        let answer = client.assert(service, &assertion).await;
        let told = refused(&answer, 401, "invalid_client");
        assert!(told.contains(UNKNOWN), "{told}");
    }
    // Two accounts of one company may use the same application.
    federation.trust(&other.id, AUDIENCE).await;
    let token = token_of(&other.assert(service, &assertion).await);
    service.create_user("lena", json!({})).await;
    let listed = service.call("GET", "/Users").key(&token).send().await;
    assert_eq!(listed.body["totalResults"], 0);
}

/// An audience that names the host is the only one that counts then: other services of the same
/// customer hold assertions for the rest.
#[tokio::test]
async fn a_trust_that_is_bound_to_the_host_accepts_nothing_else() {
    let federation = Federation::start().await;
    let bound = format!("api://{AUDIENCE}/scim.hellotracks.example");
    federation.trust(&federation.client.id, &bound).await;
    token_of(&federation.ask(json!({"aud": bound})).await);
    for audience in [AUDIENCE.to_owned(), format!("api://{AUDIENCE}")] {
        let answer = federation.ask(json!({"aud": audience})).await;
        refused(&answer, 401, "invalid_client");
    }
}

#[tokio::test]
async fn tricks_with_the_header_and_the_signature_are_refused() {
    let federation = Federation::start().await;
    let (issuer, client) = (&federation.issuer, &federation.client);
    let claims = federation.claims(json!({}));
    let kid = issuer.key_id();
    let header = |others: Value| {
        let mut header = json!({"typ": "JWT", "alg": "RS256", "kid": kid});
        let members = header.as_object_mut().unwrap();
        members.extend(others.as_object().unwrap().clone());
        members.retain(|_, value| !value.is_null());
        header
    };
    let with = |others: Value| issuer.assertion_with(header(others), claims.clone());
    let good = with(json!({}));
    token_of(&client.assert(&federation.service, &good).await);
    let parts: Vec<&str> = good.split('.').collect();
    let (head, body) = (header(json!({})).to_string(), claims.to_string());
    let double = body.replacen('{', "{\"sub\":\"x\",", 1);
    let double_header = head.replacen('{', "{\"alg\":\"none\",", 1);
    let foreign = stand::issuer::Issuer::start().await;
    foreign.rotate();
    let forged = foreign.assertion_with(header(json!({})), claims.clone());
    for (name, assertion) in [
        ("alg none", with(json!({"alg": "none"}))),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("HS256", with(json!({"alg": "HS256"}))),
        ("RS512", with(json!({"alg": "RS512"}))),
        ("PS256", with(json!({"alg": "PS256"}))),
        ("rs256", with(json!({"alg": "rs256"}))),
        ("no alg", with(json!({"alg": null}))),
        ("no kid", with(json!({"kid": null}))),
        ("a number for kid", with(json!({"kid": 1}))),
        ("crit", with(json!({"crit": ["exp"]}))),
        ("an access token", with(json!({"typ": "at+jwt"}))),
        ("sub twice", issuer.signed(&head, &double)),
        ("alg twice", issuer.signed(&double_header, &body)),
        ("no JSON", issuer.signed(&head, "x")),
        ("a list", issuer.signed(&head, "[]")),
        ("another key", forged),
        ("cut", good[..good.len() - 4].to_owned()),
        ("padding", format!("{good}==")),
        ("four parts", format!("{good}.{}", parts[2])),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("a space", format!("{good} x")),
        ("large", "x".repeat(17_000)),
    ] {
        let answer = client.assert(&federation.service, &assertion).await;
        refused(&answer, 401, "invalid_client");
        assert_eq!(answer.body.get("access_token"), None, "{name}");
    }
    // What names a place for keys, or brings one, is not read.
    for others in [
        json!({"jku": "https://evil.example/keys"}),
        json!({"x5u": "https://evil.example/cert"}),
        json!({"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}}),
    ] {
        let before = issuer.fetches();
        token_of(&client.assert(&federation.service, &with(others)).await);
        assert_eq!(issuer.fetches(), before);
    }
}

/// Whoever has the issuer's signature is the tenant's own client: the log says whose it is. Of
/// others it says nothing.
#[tokio::test]
async fn the_log_says_whose_a_signed_assertion_is() {
    let federation = Federation::start().await;
    let trust = federation
        .client
        .id
        .trust_digest(&federation.issuer.issuer(ENTRA_TENANT))
        .key_id();
    let (answer, lines) = logged(federation.ask(json!({"aud": OTHER}))).await;
    refused(&answer, 401, "invalid_client");
    assert_eq!(lines[0]["tenant"], "acme");
    assert_eq!(lines[0]["key_id"], trust.as_str());
    assert_eq!(lines[0]["reason"], "wrongAudience");
    let good = federation.assertion(json!({}));
    let (head, _) = good.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", "A".repeat(342));
    let asked = federation.client.assert(&federation.service, &forged);
    let (answer, lines) = logged(asked).await;
    refused(&answer, 401, "invalid_client");
    assert_eq!(lines[0]["tenant"], Value::Null);
    assert_eq!(lines[0]["reason"], "badSignature");
}

#[tokio::test]
async fn the_log_names_the_assertion_as_entra_does() {
    let federation = Federation::start().await;
    let (answer, lines) = logged(federation.ask(json!({"uti": "vkcVFZdVGEajRIOhJNmqAA"}))).await;
    token_of(&answer);
    assert_eq!(lines[0]["assertion"], "vkcVFZdVGEajRIOhJNmqAA");
}

#[tokio::test]
async fn an_assertion_with_fresh_keys_costs_two_reads_and_a_write() {
    let federation = Federation::start().await;
    let fields = |assertion: &str| {
        let id = federation.client.id.as_str().to_owned();
        let assertion = assertion.to_owned();
        (id, assertion)
    };
    let (id, assertion) = fields(&federation.assertion(json!({})));
    let call = || token_call(&federation.service, &assertion_fields(&id, &assertion));
    let (answer, first) = cost(call()).await;
    token_of(&answer);
    assert_eq!(first[0], 5.0, "{first:?}");
    let (answer, second) = cost(call()).await;
    token_of(&answer);
    assert_eq!(second, [3.0, 2.0, 1.0]);
    assert_eq!(federation.issuer.fetches(), 1);
}
