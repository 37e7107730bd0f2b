//! A page when DynamoDB fails: it says so and what to do, with a number for support, and nothing
//! of what failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use stand::wire::{Fate, Trouble, Wire};
use store::sessions::Scope;

use super::pages::PAGES;
use crate::support::capture::logged;
use crate::support::engine;
use crate::support::settings::{Browser, Page};

/// Which of the calls from now on fails; `usize::MAX` for none.
#[derive(Clone)]
struct Failing {
    left: Arc<AtomicUsize>,
}

impl Failing {
    async fn wire() -> (Self, Wire) {
        let failing = Self {
            left: Arc::new(AtomicUsize::new(usize::MAX)),
        };
        let left = failing.left.clone();
        let plan = move |_: &stand::wire::Asked| {
            let counted = left.fetch_update(SeqCst, SeqCst, |left| match left {
                usize::MAX => None,
                0 => Some(usize::MAX),
                left => Some(left - 1),
            });
            match counted {
                Ok(0) => Fate::Answered(Trouble::AccessDenied),
                _ => Fate::Passed,
            }
        };
        let wire = Wire::planned(engine::endpoint(), plan, None).await;
        (failing, wire)
    }

    /// Has the call after so many fail.
    fn after(&self, calls: usize) {
        self.left.store(calls, SeqCst);
    }

    /// Whether a call has failed; none will.
    fn has_failed(&self) -> bool {
        self.left.swap(usize::MAX, SeqCst) == usize::MAX
    }
}

fn assert_says_so(reply: &crate::support::settings::Reply, context: &str) {
    assert_eq!(reply.status, 503, "{context}: {}", reply.text);
    assert!(
        reply.text.contains("does not answer"),
        "{context}: {}",
        reply.text
    );
    assert_eq!(reply.header("cache-control"), "no-store", "{context}");
    for inside in ["AccessDenied", "dynamodb", "DynamoDB", "secrets", "htscim_"] {
        assert!(!reply.text.contains(inside), "{context}: {inside}");
    }
}

#[tokio::test]
async fn each_call_of_each_page_may_fail() {
    let (failing, wire) = Failing::wire().await;
    let page = super::pages::stage().await.behind(&wire).await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    let found = visitor.get("/settings/people?name=lena").await;
    let person = found.text.split("href=\"/settings/people/").nth(1).unwrap();
    let person = format!("/settings/people/{}", person.split('"').next().unwrap());
    let more = ["/settings/people?name=lena", &person];
    let mut failures = 0;
    for path in PAGES.into_iter().chain(more) {
        for calls in 0.. {
            let (mut reply, mut lines, mut has_failed);
            let mut tries = 0..5;
            // A page that has failed gives up what it still waits for: such a call may be the one
            // that fails now, and nobody sees it.
            loop {
                failing.after(calls);
                (reply, lines) = logged(visitor.get(path)).await;
                has_failed = failing.has_failed();
                if !has_failed || reply.status != 200 || tries.next().is_none() {
                    break;
                }
            }
            if !has_failed {
                assert_eq!(reply.status, 200, "{path}");
                break;
            }
            let context = format!("{path} after {calls} calls");
            assert_says_so(&reply, &context);
            let line = lines.last().unwrap();
            assert_eq!(line["level"], "ERROR", "{context}: {line}");
            let number = line["request_id"].as_str().unwrap();
            assert!(reply.text.contains(number), "{context}: {}", reply.text);
            failures += 1;
        }
    }
    assert!(failures >= 40, "{failures}");
}

/// A form whose answer is a failure may have worked or not; nothing is there by half, and the way
/// goes on.
#[tokio::test]
async fn each_call_of_each_change_may_fail() {
    let (failing, wire) = Failing::wire().await;
    let page = super::pages::stage().await.behind(&wire).await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    let mut shown = 0;
    for calls in 0.. {
        let before = keys(&page).await;
        let reply = create_key(&visitor, || failing.after(calls)).await;
        let has_failed = failing.has_failed();
        let now = keys(&page).await;
        if !has_failed {
            assert!(reply.key().is_some(), "{}", reply.text);
            assert_eq!(now, before + 1);
            break;
        }
        assert_says_so(&reply, &format!("a key after {calls} calls"));
        // A key that nobody was shown does not work for anybody.
        assert_eq!(now, before, "after {calls} calls");
        shown += 1;
    }
    assert!(shown >= 4, "{shown}");
    for (api, wanted) in [("off", 401), ("on", 200)] {
        for calls in 0.. {
            let token = visitor.get("/settings").await.field("token");
            let fields = [("token", token.as_str()), ("api", api), ("sure", "yes")];
            failing.after(calls);
            let reply = visitor.post("/settings/api", &fields).await;
            if !failing.has_failed() {
                assert_eq!(reply.status, 303, "{api}");
                break;
            }
            assert_says_so(&reply, &format!("{api} after {calls} calls"));
        }
        assert_eq!(page.service.get("/Users").await.status, wanted, "{api}");
    }
}

/// How many keys the tenant has.
async fn keys(page: &Page) -> usize {
    let items = page.directory.secrets_of("acme").await;
    items.keys().filter(|key| key.starts_with("KEY#")).count()
}

/// Sends the form for a key, after doing something.
async fn create_key(
    visitor: &Browser<'_>,
    first: impl FnOnce(),
) -> crate::support::settings::Reply {
    let keys = visitor.get("/settings/keys").await;
    let (token, form) = (keys.field("token"), keys.field("form"));
    let fields = [
        ("token", token.as_str()),
        ("form", &form),
        ("label", "x"),
        ("days", "90"),
    ];
    first();
    visitor.post("/settings/keys", &fields).await
}

/// No DynamoDB at all.
#[tokio::test]
async fn without_dynamodb_the_page_says_so() {
    let page: Page = super::pages::stage().await;
    let link = page.link("acme", Scope::Setup).await;
    let cookie = page.visitor("acme", Scope::Setup).await.session();
    let wire = Wire::start(engine::endpoint(), |_, _| Fate::Refused).await;
    let page = page.behind(&wire).await;
    let browser = Browser::new(&page);
    let open = format!("/settings/open/{}", link.expose());
    assert_says_so(&browser.get(&open).await, "a link");
    let cookie = format!("__Host-session={cookie}");
    let headers = [("cookie", cookie.as_str())];
    let method = lambda_http::http::Method::GET;
    let reply = browser.send(method, "/settings", &headers, "").await;
    assert_says_so(&reply, "a session");
    // Who has no session, costs nothing.
    let before = wire.requests().len();
    assert_eq!(browser.get("/settings").await.status, 401);
    assert_eq!(wire.requests().len(), before);
}
