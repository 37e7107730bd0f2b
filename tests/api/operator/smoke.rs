//! `scim-admin smoke`: a service that works, and each way in which one does not.

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, USER_AGENT};
use axum::http::{Method, request::Parts};
use axum::response::Response;
use serde_json::{Value, json};

use crate::support::admin::Admin;
use crate::support::listener::{Listener, Twist};
use crate::support::oauth::another_instance;
use crate::support::service::Service;

/// Runs it for the tenant `acme`, and checks what holds however it ends.
async fn smoke(service: &Service, admin: &Admin, url: &str) -> (u8, String) {
    let (code, said) = admin.run(&format!("smoke --tenant acme --url {url}")).await;
    let (_, keys) = admin.json("key list acme").await;
    let keys = keys.as_array().unwrap();
    let own: Vec<&Value> = keys
        .iter()
        .filter(|key| key["label"] == "smoke test")
        .collect();
    let revoked = own.iter().all(|key| key["revoked"].is_string());
    assert!(!own.is_empty() && revoked, "{keys:?}");
    assert!(said.contains("is revoked"), "{said}");
    assert_no_key(&said);
    // Whoever comes with keys of their own is let in.
    assert_eq!(service.get("/Users").await.status, 200);
    (code, said)
}

/// No key is in the text, nor a secret, nor a digest.
fn assert_no_key(said: &str) {
    assert!(!said.contains("htscim_"), "{said}");
    let is_digit = |c: char| !c.is_ascii_hexdigit();
    let longest = said.split(is_digit).map(str::len).max();
    assert!(longest.is_none_or(|length| length < 16), "{said}");
}

/// The steps that are said to be done, and the line of the one that failed.
fn steps(said: &str) -> (usize, String) {
    let done = said.lines().filter(|line| line.starts_with("ok "));
    let failed = said.lines().find(|line| line.starts_with("FAILED"));
    (done.count(), failed.unwrap_or_default().to_owned())
}

/// Lets no request pass that Entra would not send: firewalls know it by that.
fn as_entra(asked: &Parts, answer: Response) -> Response {
    assert!(!asked.headers.contains_key(USER_AGENT), "{asked:?}");
    answer
}

#[tokio::test]
async fn a_service_that_works_passes() {
    let (service, _, admin) = Admin::with_service().await;
    let listener = Listener::twisted(another_instance(&service), as_entra).await;
    // The Tenant URL is as good.
    for url in [listener.url.clone(), format!("{}/scim/v2/", listener.url)] {
        let (code, said) = smoke(&service, &admin, &url).await;
        assert_eq!((code, steps(&said)), (0, (9, String::new())), "{said}");
        assert_eq!(service.get("/Users").await.ids(), [""; 0]);
        let requests = said.lines().filter(|line| line.contains(" ms  "));
        assert_eq!(requests.count(), 8, "{said}");
    }
    let command = format!("smoke --tenant acme --url {}", listener.url);
    let (code, told) = admin.json(&command).await;
    assert_eq!(code, 0);
    let told = told.as_array().unwrap();
    let statuses: Vec<&Value> = told.iter().map(|step| &step["status"]).collect();
    let expected = [
        json!(401),
        json!(200),
        json!(201),
        json!(200),
        json!(200),
        json!(200),
        json!(204),
        json!(404),
        json!(null),
    ];
    assert_eq!(statuses, expected.iter().collect::<Vec<_>>());
    for step in told {
        assert_eq!(
            (&step["ok"], &step["problem"]),
            (&json!(true), &json!(null))
        );
        assert_eq!(step["milliseconds"].is_number(), step["status"].is_number());
    }
    assert_no_key(&told.iter().map(ToString::to_string).collect::<String>());
    // It is on the operator's log: the key, and its end.
    let (_, audit) = admin.run("audit acme").await;
    assert!(
        audit.contains("smoke") && audit.contains(&listener.url),
        "{audit}"
    );
}

#[tokio::test]
async fn its_own_tenant_has_to_be_there() {
    let (service, _, admin) = Admin::with_service().await;
    let listener = Listener::start(another_instance(&service)).await;
    let command = format!("smoke --url {}", listener.url);
    let (code, said) = admin.run(&command).await;
    assert_eq!(code, 1);
    assert!(said.contains("`smoke`"), "{said}");
    assert_eq!(admin.run("tenant create smoke").await.0, 0);
    // Nobody has a key of it, and nobody is missed, whether a try got through or not.
    for (command, expected) in [("smoke --url http://127.0.0.1:1", 1), (&*command, 0)] {
        let (code, said) = admin.run(command).await;
        assert_eq!(code, expected, "{said}");
        let (code, status) = admin.json("tenant status smoke").await;
        assert_eq!((code, &status["verdict"]), (0, &json!("ok")), "{status}");
    }
    assert_eq!(admin.run("tenant disable smoke --reason x").await.0, 0);
    let (code, said) = admin.run(&command).await;
    assert_eq!(code, 1);
    assert!(said.contains("disabled"), "{said}");
}

/// A key goes over the net, so it has to be encrypted.
#[tokio::test]
async fn a_service_without_tls_is_not_asked() {
    let (_, _, admin) = Admin::with_service().await;
    let before = admin.json("key list acme").await;
    let (code, said) = admin
        .run("smoke --tenant acme --url http://scim.example")
        .await;
    assert_eq!(code, 2);
    assert!(said.contains("https://"), "{said}");
    assert_eq!(admin.json("key list acme").await, before);
}

#[tokio::test]
async fn a_wrong_location_is_told_with_the_parameter_that_sets_it() {
    let (service, _, admin) = Admin::with_service().await;
    let mut other = another_instance(&service);
    other.app.config.public_url = Some("https://other.example".to_owned());
    let listener = Listener::start(other).await;
    let (code, said) = smoke(&service, &admin, &listener.url).await;
    assert_eq!(code, 1);
    let (_, failed) = steps(&said);
    assert!(failed.contains("POST a user"), "{said}");
    for told in [
        "https://other.example/scim/v2/Users/",
        "PublicUrl",
        &listener.url,
    ] {
        assert!(failed.contains(told), "{told}: {failed}");
    }
    // The user of the step that failed is removed.
    assert!(said.contains("remove the user\n"), "{said}");
    assert_eq!(service.get("/Users").await.ids(), [""; 0]);
}

#[tokio::test]
async fn a_key_that_is_refused_is_told_with_the_tables() {
    let (service, _, admin) = Admin::with_service().await;
    // A stack with tables of its own.
    let other = Service::start().await;
    let listener = Listener::start(other).await;
    let (code, said) = smoke(&service, &admin, &listener.url).await;
    assert_eq!(code, 1);
    let (done, failed) = steps(&said);
    assert!(
        failed.contains("Test Connection: the key that was created"),
        "{said}"
    );
    assert!(failed.contains("--secrets-table"), "{failed}");
    // The wrong key was refused too, and the own one is revoked.
    assert_eq!(done, 2, "{said}");
}

fn scim_failure(asked: &Parts, answer: Response) -> Response {
    if asked.method != Method::PATCH {
        return answer;
    }
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": "500",
        "detail": "the service failed (request id-7)",
    });
    let failure = Response::builder()
        .status(500)
        .header("content-type", "application/scim+json")
        .header("apigw-requestid", "id-7");
    failure.body(Body::from(body.to_string())).unwrap()
}

fn gateway_failure(asked: &Parts, answer: Response) -> Response {
    if asked.method != Method::DELETE {
        return answer;
    }
    let failure = Response::builder()
        .status(500)
        .header("content-type", "application/json");
    let body = r#"{"message":"Internal Server Error"}"#;
    failure.body(Body::from(body)).unwrap()
}

/// A page that shows what it was sent, as some errors do.
fn page(asked: &Parts, _: Response) -> Response {
    let sent = asked.headers.get(AUTHORIZATION).unwrap().to_str().unwrap();
    let page = Response::builder().header("content-type", "text/html");
    let body = format!("<!DOCTYPE html>\n<p>{sent}</p>");
    page.body(Body::from(body)).unwrap()
}

fn everybody(_: &Parts, _: Response) -> Response {
    let anything = Response::builder().header("content-type", "application/scim+json");
    anything.body(Body::from("{}")).unwrap()
}

fn nobody_found(asked: &Parts, answer: Response) -> Response {
    let is_deleted = asked.method == Method::GET && !asked.uri.to_string().contains('?');
    match is_deleted {
        true => {
            let plain = Response::builder().status(404);
            plain.body(Body::from("gone")).unwrap()
        }
        false => answer,
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_in_words_to_act_on() {
    let stands: [(Twist, &str, &[&str]); 5] = [
        (
            scim_failure,
            "PATCH an attribute",
            &["status 500", "(request id-7)", "`request_id` id-7"],
        ),
        (
            gateway_failure,
            "DELETE it",
            &[
                "API Gateway has answered in the function's place",
                "Errors in Lambda",
            ],
        ),
        (
            page,
            "Test Connection with a wrong key",
            &[
                "status 200",
                "`text/html`",
                "a firewall",
                "`<!DOCTYPE html>",
            ],
        ),
        (
            everybody,
            "Test Connection with a wrong key",
            &["lets everybody in"],
        ),
        (nobody_found, "GET it, in vain", &["no type", "`gone`"]),
    ];
    for (twist, step, told) in stands {
        let (service, _, admin) = Admin::with_service().await;
        let listener = Listener::twisted(another_instance(&service), twist).await;
        let (code, said) = smoke(&service, &admin, &listener.url).await;
        assert_eq!(code, 1, "{said}");
        let (_, failed) = steps(&said);
        assert!(failed.contains(&format!("{step}: ")), "{said}");
        for word in told {
            assert!(failed.contains(word), "{word}: {failed}");
        }
        assert_eq!(service.get("/Users").await.ids(), [""; 0], "{said}");
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_is_told() {
    let (service, _, admin) = Admin::with_service().await;
    let url = Listener::start(another_instance(&service))
        .await
        .url
        .clone();
    // Nobody listens any more.
    while is_served(&url).await {
        tokio::task::yield_now().await;
    }
    let (code, said) = smoke(&service, &admin, &url).await;
    assert_eq!(code, 1);
    assert!(steps(&said).1.contains("no answer came"), "{said}");
}

/// Whether a connection can be opened.
async fn is_served(url: &str) -> bool {
    let address = url.trim_start_matches("http://");
    tokio::net::TcpStream::connect(address).await.is_ok()
}
