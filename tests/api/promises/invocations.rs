//! The log: which invocation a line is of, what ran, and whom a refused request claims to be of.

use function::release;
use hellotracks_scim::app::handle;
use lambda_http::{Context, Request, RequestExt as _};
use serde_json::{Value, json};
use stand::function::failed_start;
use store::Meter;
use store::sessions::Scope;
use tenant::{ApiKey, TenantId};
use time::OffsetDateTime;

use crate::support::capture::{logged, logged_text};
use crate::support::oauth::{new_client, secret_fields, token_call};
use crate::support::service::{Call, Service};
use crate::support::settings::{HOST, Page};

const LAMBDA_ID: &str = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";
const ROOT: &str = "1-6b04d1c0-00000000000000000000002b";

/// A request with this trace header, as `lambda_http` hands it over.
fn invoked(event: &Value, trace: &str) -> Request {
    let mut event = event.clone();
    event["headers"]["x-amzn-trace-id"] = trace.into();
    let request = lambda_http::request::from_str(&event.to_string()).unwrap();
    let mut context = Context::default();
    context.request_id = LAMBDA_ID.to_owned();
    request.with_lambda_context(context)
}

/// The only line, and how long it is.
fn only(text: &str) -> (Value, usize) {
    assert_eq!(text.lines().count(), 1, "{text}");
    (serde_json::from_str(text).unwrap(), text.len())
}

/// Checks the fields that a line has on Lambda besides those that it has elsewhere.
fn is_of_the_invocation(line: &Value, is_first: bool) {
    assert_eq!(line["lambda_request_id"], LAMBDA_ID);
    assert_eq!(line["trace_id"], ROOT);
    assert_eq!(line["version"], release::version());
    assert_eq!(
        line.get("commit"),
        release::COMMIT.map(Value::from).as_ref()
    );
    let first = is_first.then_some(json!(true));
    assert_eq!(line.get("cold_start"), first.as_ref(), "{line}");
}

#[tokio::test]
async fn a_line_says_which_invocation_it_is_of() {
    let service = Service::start().await;
    let event = stand::request::event("GET", "/scim/v2/Users", &service.key);
    let trace = format!("Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=0;Lineage=1:a87bd80c:0");
    for is_first in [true, false, false] {
        let (_, text) = logged_text(handle(&service.app, invoked(&event, &trace))).await;
        let (line, length) = only(&text);
        is_of_the_invocation(&line, is_first);
        assert_eq!(line["request_id"], "event");
        assert!(!text.contains("Lineage") && !text.contains("53995c3f42cd8ad8"));
        // What CloudWatch charges for.
        assert!(length < 520, "{length}: {text}");
    }
    // A client may send the header; its words do not get in.
    let forged = invoked(&event, "Root=lena@crew.example;Parent=lena");
    let (_, text) = logged_text(handle(&service.app, forged)).await;
    let (line, _) = only(&text);
    assert_eq!(line.get("trace_id"), None);
    assert!(!text.contains("lena"), "{text}");
}

#[tokio::test]
async fn a_line_of_the_settings_page_says_so_too() {
    let page = Page::new().await;
    let link = page.link("acme", Scope::View).await;
    let path = format!("/settings/open/{}", link.expose());
    for (is_first, path, status) in [(true, &*path, 200), (false, "/settings/none", 404)] {
        let mut event = stand::request::event("GET", path, "none");
        event["headers"]["host"] = HOST.into();
        let request = invoked(&event, &format!("Root={ROOT};Sampled=1"));
        let (answer, text) = logged_text(settings::handle(&page.app, request)).await;
        assert_eq!(answer.status(), status);
        let (line, _) = only(&text);
        is_of_the_invocation(&line, is_first);
        assert_eq!(line["message"], "request of the settings page");
        assert!(
            !text.contains(link.expose()) && !text.contains("Bearer"),
            "{text}"
        );
    }
}

/// The line of a request that gets 401.
async fn refused(call: Call<'_>) -> Value {
    let (answer, mut lines) = logged(call.send()).await;
    assert_eq!(answer.status, 401, "{}", answer.body);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

#[tokio::test]
async fn a_tenant_that_nobody_proves_is_only_claimed() {
    let service = Service::start().await;
    let [acme, other] = ["acme", "other"].map(|id| TenantId::parse(id).unwrap());
    let invented = |tenant| ApiKey::from_secret(tenant, [7; 32]).expose().to_owned();
    let cut = &service.key[..30];
    let longest = "a".repeat(40);
    for (key, claimed) in [
        (&*invented(&acme), Some("acme")),
        (&*invented(&other), Some("other")),
        (cut, Some("acme")),
        (&*format!("htscim_{longest}_"), Some(&*longest)),
        (&*format!("htsat_acme_{}", "0".repeat(40)), Some("acme")),
        // Not what a tenant can be called.
        (&*format!("htscim_a{longest}_"), None),
        ("htscim_Lena Ortiz_", None),
        ("htscim_lena@crew.example_", None),
        ("htscim_", None),
        ("lena", None),
        ("", None),
    ] {
        let line = refused(service.call("GET", "/Users").key(key)).await;
        let expected = claimed.map(Value::from);
        assert_eq!(line.get("claimed_tenant"), expected.as_ref(), "{key}");
        assert_eq!((line.get("tenant"), line.get("key_id")), (None, None));
        let text = line.to_string();
        assert!(!text.contains("Lena") && !text.contains("lena"), "{text}");
        // Nothing of the secret.
        let secret = key.split('_').nth(2).filter(|secret| !secret.is_empty());
        assert!(secret.is_none_or(|secret| !text.contains(secret)), "{text}");
    }
    let absent = service
        .call("GET", "/Users")
        .without_header("authorization");
    assert_eq!(refused(absent).await.get("claimed_tenant"), None);
}

#[tokio::test]
async fn a_tenant_that_is_proved_is_not_claimed() {
    let service = Service::start().await;
    let client = new_client(&service).await;
    for path in ["/Users", "/Users/unknown"] {
        let (_, lines) = logged(service.get(path)).await;
        assert_eq!(lines[0]["tenant"], "acme");
        assert_eq!(lines[0].get("claimed_tenant"), None);
    }
    // The secret is another one, so who asks is not certain.
    let wrong = ApiKey::from_secret(&TenantId::parse("acme").unwrap(), [7; 32]);
    let wrong = wrong.expose().replace("htscim_", "htscs_");
    let fields = secret_fields(client.id.as_str(), &wrong);
    let line = refused(token_call(&service, &fields)).await;
    assert_eq!(line["claimed_tenant"], "acme", "{line}");
    assert_eq!(line.get("tenant"), None);
    // A revoked key is one that was issued.
    let acme = TenantId::parse("acme").unwrap();
    let key = ApiKey::parse(service.key.as_bytes()).unwrap();
    let now = OffsetDateTime::now_utc();
    let (id, meter) = (key.digest().key_id(), Meter::default());
    let revoked = service.app.store.revoke_key(&acme, &id, now, &meter);
    revoked.await.unwrap();
    let line = refused(service.call("GET", "/Users")).await;
    assert_eq!(
        (&line["tenant"], &line["reason"]),
        (&json!("acme"), &json!("revokedKey"))
    );
    assert_eq!(line.get("claimed_tenant"), None);
}

/// Why it does not start is one line of the log, as all that it says.
#[test]
fn a_missing_variable_ends_the_function_with_a_line() {
    for (variables, cause) in [
        (
            &[("SCIM_DIRECTORY_TABLE", "d")][..],
            "environment variable SCIM_SECRETS_TABLE is not set; it is the name of a DynamoDB table",
        ),
        (
            &[("SCIM_PUBLIC_DISCOVERY", "yes")],
            "environment variable SCIM_PUBLIC_DISCOVERY is `yes`; it must be `true` or `false`",
        ),
    ] {
        let version = [("AWS_LAMBDA_FUNCTION_VERSION", "12")];
        let variables = [variables, &version].concat();
        let line = failed_start(env!("CARGO_BIN_EXE_hellotracks-scim"), &variables);
        assert_eq!(line["message"], "the function cannot run");
        assert_eq!(line["cause"], cause);
        assert_eq!(line["version"], concat!(env!("CARGO_PKG_VERSION"), "/12"));
    }
}
