//! What each page costs in DynamoDB, according to its log line: calls and capacity units. Two calls
//! of each are the session and its tenant.

use store::sessions::Scope;

use crate::support::capture::logged;
use crate::support::settings::{Browser, Page};

/// Loads a page and checks its calls, read units and write units: the units on the embedded engine
/// alone, as for the service.
async fn assert_cost(browser: &Browser<'_>, path: &str, calls: u64, read: f64, write: f64) {
    let (reply, lines) = logged(browser.get(path)).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.text);
    let line = lines.last().unwrap();
    assert_eq!(line["calls"], calls, "{path}: {line}");
    if std::env::var_os("SCIM_TEST_DYNAMODB_ENDPOINT").is_none() {
        assert_eq!(line["read_units"].as_f64(), Some(read), "{path}: {line}");
        assert_eq!(line["write_units"].as_f64(), Some(write), "{path}: {line}");
    }
}

#[tokio::test]
async fn pages() {
    let page: Page = super::pages::stage().await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    for (path, calls, read) in [
        ("/settings", 12, 12.0),
        ("/settings/connect", 6, 6.0),
        ("/settings/connect/status", 4, 4.0),
        ("/settings/keys", 4, 4.0),
        ("/settings/clients", 4, 4.0),
        ("/settings/activity", 7, 9.0),
        ("/settings/requests", 4, 4.0),
        ("/settings/people", 2, 2.0),
        ("/settings/people?name=lena", 9, 9.0),
        ("/settings/people?name=nobody", 7, 7.0),
        ("/settings/safety", 9, 9.0),
    ] {
        assert_cost(&visitor, path, calls, read, 0.0).await;
    }
}

/// Nothing grows with the users but the counters, of which there are 256 at most, and what is
/// looked through of the latest changes, five hundred at most.
#[tokio::test]
async fn many_users_cost_little_more() {
    let page = Page::new().await;
    let users = page.directory.plant_users("acme", 3_000).await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    for (path, calls, at_most) in [
        ("/settings", 12, 24.0),
        // The latest five hundred changes.
        ("/settings/people?name=planted7", 12, 100.0),
        ("/settings/people?name=nobody", 12, 100.0),
        (&*format!("/settings/people/{}", users[7]), 17, 22.0),
        ("/settings/activity", 8, 100.0),
        ("/settings/safety", 10, 100.0),
    ] {
        let (reply, lines) = logged(visitor.get(path)).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        let line = lines.last().unwrap();
        assert!(line["calls"].as_u64().unwrap() <= calls, "{path}: {line}");
        assert!(
            line["read_units"].as_f64().unwrap() <= at_most,
            "{path}: {line}"
        );
    }
}
