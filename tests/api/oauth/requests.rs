//! The token endpoint: what clients send to it, and what they get.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::capture::{cost, logged_text};
use crate::support::oauth::{
    Client, TOKEN, new_client, new_client_of, refused, secret_fields, token_call, token_of,
};
use crate::support::service::{Answer, Call, Service, query};

fn basic<'a>(call: Call<'a>, id: &str, secret: &str) -> Call<'a> {
    let halves = STANDARD.encode(format!("{id}:{secret}"));
    call.header("authorization", &format!("Basic {halves}"))
}

async fn start() -> (Service, Client) {
    let service = Service::start().await;
    let client = new_client(&service).await;
    (service, client)
}

async fn lets_in(service: &Service, answer: &Answer) {
    let token = token_of(answer);
    assert_eq!(answer.body["expires_in"], 7200);
    let listed = service
        .call("GET", "/Users?startIndex=1&count=1")
        .key(&token);
    assert_eq!(listed.send().await.status, 200);
}

/// Entra's validator has the credentials in the body, its provisioning service in the header; API
/// Gateway encodes form bodies.
#[tokio::test]
async fn every_way_to_send_credentials_gets_a_token() {
    let (service, client) = start().await;
    let (id, secret) = (client.id.as_str(), client.secret.as_str());
    let fields = secret_fields(id, secret);
    let grant = [("grant_type", "client_credentials")];
    let further = |more: &[(&'static str, &'static str)]| {
        let all: Vec<_> = fields.iter().copied().chain(more.iter().copied()).collect();
        token_call(&service, &all)
    };
    let in_body = query(&fields);
    let calls = [
        token_call(&service, &fields),
        token_call(&service, &fields).bytes(in_body.as_bytes()),
        basic(token_call(&service, &grant), id, secret),
        basic(
            token_call(&service, &[grant[0], ("client_id", id)]),
            id,
            secret,
        ),
        basic(
            token_call(&service, &grant),
            &id.replace('.', "%2E"),
            &secret.replace('_', "%5F"),
        ),
        further(&[("scope", "scim.readwrite")]),
        further(&[("scope", "")]),
        further(&[("baseAddress", "https://x"), ("resource", "y")]),
        further(&[("resource", "1"), ("resource", "2")]),
        token_call(&service, &fields).header(
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        ),
        token_call(&service, &fields).header("accept", "application/json"),
    ];
    for call in calls {
        lets_in(&service, &call.send().await).await;
    }
    for path in ["/OAuth2/token/", "//oauth2//token", "/prod/oauth2/token"] {
        let call = service
            .raw_call("POST", path)
            .without_header("authorization")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(&in_body);
        lets_in(&service, &call.send().await).await;
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told_in_the_words_of_oauth() {
    let (service, client) = start().await;
    let (id, secret) = (client.id.as_str(), client.secret.as_str());
    let fields = secret_fields(id, secret);
    let with = |name: &'static str, value: &str| {
        let mut fields: Vec<(&str, String)> = fields
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        fields.retain(|(other, _)| *other != name);
        fields.push((name, value.to_owned()));
        let fields: Vec<_> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        token_call(&service, &fields)
    };
    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    let twice: Vec<_> = fields.iter().chain(&fields).copied().collect();
    for (call, status, code, told) in [
        (with("grant_type", ""), 400, "invalid_request", "grant_type"),
        (
            with("grant_type", "password"),
            400,
            "unsupported_grant_type",
            "client_credentials",
        ),
        (
            with("grant_type", exchange),
            400,
            "unsupported_grant_type",
            "client id",
        ),
        // Entra's own defect: the location `Both` sends neither.
        (with("client_secret", ""), 401, "invalid_client", "neither"),
        (with("client_secret", "x"), 401, "invalid_client", "htscs_"),
        (
            with("client_secret", &service.key),
            401,
            "invalid_client",
            "API key",
        ),
        (
            with("client_secret", &secret[..80]),
            401,
            "invalid_client",
            "copy it again",
        ),
        (
            with("client_id", "acme"),
            401,
            "invalid_client",
            "client id",
        ),
        (with("client_id", ""), 400, "invalid_request", "client_id"),
        (
            token_call(&service, &twice),
            400,
            "invalid_request",
            "twice",
        ),
        (
            basic(token_call(&service, &fields), id, secret),
            400,
            "invalid_request",
            "",
        ),
        (
            token_call(&service, &fields).header("content-type", "application/json"),
            400,
            "invalid_request",
            "x-www-form-urlencoded",
        ),
        (
            token_call(&service, &fields).body(&"x".repeat(33_000)),
            400,
            "invalid_request",
            "",
        ),
        (
            token_call(&service, &fields).bytes(b"grant_type=\xff"),
            400,
            "invalid_request",
            "",
        ),
    ] {
        let (answer, spent) = cost(call).await;
        let description = refused(&answer, status, code);
        assert!(description.contains(told), "{description}, not {told}");
        assert_eq!(spent, [0.0; 3], "{description}");
    }
}

/// Nobody learns which client exists, and what is tried costs a read.
#[tokio::test]
async fn what_is_not_known_is_told_in_the_same_words() {
    let (service, client) = start().await;
    service.add_tenant("other").await;
    let other = new_client_of(&service, "other").await;
    let sibling = new_client(&service).await;
    let mut told = Vec::new();
    for (id, secret, calls) in [
        ("acme.000000000000", client.secret.as_str(), 1.0),
        ("nobody.000000000000", &client.secret, 0.0),
        (client.id.as_str(), &sibling.secret, 1.0),
        (client.id.as_str(), &other.secret, 0.0),
    ] {
        let (answer, spent) = cost(token_call(&service, &secret_fields(id, secret))).await;
        told.push(refused(&answer, 401, "invalid_client").to_owned());
        assert_eq!(spent, [calls, calls, 0.0], "{id}");
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[tokio::test]
async fn a_token_costs_a_read_and_a_write() {
    let (service, client) = start().await;
    let (answer, spent) = cost(client.call(&service)).await;
    token_of(&answer);
    assert_eq!(spent, [2.0, 1.0, 1.0]);
}

#[tokio::test]
async fn other_methods_are_refused() {
    let (service, _) = start().await;
    let get = service.raw_call("GET", TOKEN).send().await;
    refused(&get, 405, "invalid_request");
    assert_eq!(get.header("allow"), "POST");
    let metadata = "/.well-known/oauth-authorization-server";
    let post = service.raw_call("POST", metadata).send().await;
    refused(&post, 405, "invalid_request");
    assert_eq!(post.header("allow"), "GET, HEAD");
    assert_eq!(service.raw_call("HEAD", metadata).send().await.status, 200);
}

#[tokio::test]
async fn the_metadata_says_where_the_endpoint_is_and_costs_nothing() {
    let (service, _) = start().await;
    for (path, base) in [
        ("", "https://scim.hellotracks.example"),
        ("/prod", "https://scim.hellotracks.example/prod"),
    ] {
        let call = service
            .raw_call(
                "GET",
                &format!("/.well-known/oauth-authorization-server{path}"),
            )
            .without_header("authorization");
        let (answer, spent) = cost(call).await;
        assert_eq!(
            answer.body,
            json!({
                "issuer": base,
                "token_endpoint": format!("{base}/oauth2/token"),
                "grant_types_supported": ["client_credentials"],
                "response_types_supported": [],
                "scopes_supported": ["scim"],
                "token_endpoint_auth_methods_supported":
                    ["client_secret_basic", "client_secret_post", "private_key_jwt"],
                "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
            })
        );
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(spent, [0.0; 3]);
    }
}

/// The configured URL is the issuer, whatever host a request came to.
#[tokio::test]
async fn the_metadata_is_that_of_the_public_url() {
    let (mut service, _) = start().await;
    service.app.config.public_url = Some("https://scim.example".to_owned());
    let metadata = "/.well-known/oauth-authorization-server";
    let answer = service.raw_call("GET", metadata).send().await;
    assert_eq!(answer.body["issuer"], "https://scim.example");
}

#[tokio::test]
async fn the_log_names_the_rule_and_nothing_that_was_presented() {
    let (service, client) = start().await;
    let (answer, text) = logged_text(client.call(&service).send()).await;
    let token = token_of(&answer);
    let wrong = client.secret.replace("htscs_", "htscs-");
    let fields = secret_fields(client.id.as_str(), &wrong);
    let (_, more) = logged_text(token_call(&service, &fields).send()).await;
    let lines: Vec<Value> = text
        .lines()
        .chain(more.lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2, "{text}{more}");
    for line in &lines {
        assert_eq!(line["route"], "/oauth2/token");
        assert_eq!(line["method"], "POST");
    }
    assert_eq!(lines[0]["tenant"], "acme");
    assert_eq!(lines[0]["key_id"], client.secret_id.as_str());
    assert_eq!(lines[0]["status"], 200);
    assert_eq!(lines[1]["status"], 401);
    assert!(lines[1]["reason"].is_string(), "{}", lines[1]);
    for secret in [&client.secret, &token, &wrong] {
        let random = secret.split('_').find(|part| part.len() == 64).unwrap();
        assert!(!text.contains(random) && !more.contains(random));
    }
}
