//! Who gets in: links, sessions, and forms of other places.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use lambda_http::http::Method;
use serde_json::json;
use stand::wire::{Fate, Rival, Wire};
use store::Meter;
use store::sessions::Scope;
use tenant::{SessionToken, TenantId};
use time::{Duration, OffsetDateTime};

use super::pages::PAGES;
use crate::support::engine;
use crate::support::settings::{Browser, Page};

#[tokio::test]
async fn looking_at_a_link_changes_nothing_and_opening_it_works_once() {
    let page = Page::new().await;
    let link = page.link("acme", Scope::Setup).await;
    let path = format!("/settings/open/{}", link.expose());
    let scanner = Browser::new(&page);
    for _ in 0..25 {
        for method in [Method::GET, Method::HEAD] {
            assert_eq!(scanner.send(method, &path, &[], "").await.status, 200);
        }
    }
    // The button says whose settings they are; only the page's own button opens them.
    let shown = scanner.get(&path).await;
    for said in ["Open the settings of <bdi>acme</bdi>", "it@acme.example"] {
        assert!(shown.text.contains(said), "{}", shown.text);
    }
    for headers in [
        &[][..],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "none")],
        &[("origin", "https://evil.example")],
    ] {
        let reply = scanner.form(&path, &[], headers).await;
        assert_eq!(reply.status, 403, "{headers:?}");
        assert!(reply.header("set-cookie").is_empty());
    }
    let person = Browser::new(&page);
    let opened = person.post(&path, &[]).await;
    assert_eq!(
        (opened.status, opened.header("location")),
        (303, "/settings")
    );
    let cookie = opened.header("set-cookie");
    for part in [
        "__Host-session=",
        "Path=/",
        "Secure",
        "HttpOnly",
        "SameSite=Strict",
    ] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert_eq!(person.get("/settings").await.status, 200);
    for browser in [&scanner, &person] {
        let again = browser.post(&path, &[]).await;
        assert_eq!(again.status, 410);
        for said in [
            "opened already",
            "Firefox",
            "https://product.example/settings",
        ] {
            assert!(again.text.contains(said), "{}", again.text);
        }
    }
    // What cannot be a link costs nothing, and one that was replaced is told.
    let odd = scanner.get("/settings/open/htlink_acme_1").await;
    assert_eq!(odd.status, 410);
    page.link("acme", Scope::Setup).await;
    let gone = scanner.get(&path).await;
    assert!(
        gone.text.contains("does not work any more"),
        "{}",
        gone.text
    );
}

#[tokio::test]
async fn forms_of_other_places_change_nothing() {
    let page = Page::new().await;
    let other = page.service.add_tenant("beta").await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    let stranger = page.visitor("beta", Scope::Setup).await;
    let keys = visitor.get("/settings/keys").await;
    let (token, form) = (keys.field("token"), keys.field("form"));
    let foreign = stranger.get("/settings/keys").await.field("token");
    assert_ne!(token, foreign);
    let before = page.directory.secrets_of("acme").await;
    let same = [("sec-fetch-site", "same-origin")];
    let fields = |token| {
        [
            ("token", token),
            ("form", form.as_str()),
            ("label", "stolen"),
            ("days", "365"),
        ]
    };
    let nobody = Browser::new(&page);
    for (browser, token, headers, status) in [
        (&visitor, "", &same[..], 403),
        (&visitor, foreign.as_str(), &same, 403),
        (&visitor, &token, &[("sec-fetch-site", "cross-site")], 403),
        (&visitor, &token, &[("sec-fetch-site", "same-site")], 403),
        (&visitor, &token, &[("origin", "https://evil.example")], 403),
        (&stranger, &token, &same, 403),
        (&nobody, &token, &same, 401),
    ] {
        let reply = browser
            .form("/settings/keys", &fields(token), headers)
            .await;
        assert_eq!(reply.status, status, "{headers:?}: {}", reply.text);
        assert_eq!(reply.key(), None);
    }
    for path in ["/settings/api", "/settings/end"] {
        let fields = [("api", "off"), ("sure", "yes")];
        assert_eq!(visitor.post(path, &fields).await.status, 403, "{path}");
    }
    assert_eq!(page.directory.secrets_of("acme").await, before);
    // A browser that says nothing of where it comes from has the token.
    let unsaid = [("origin", "null")];
    let reply = visitor
        .form("/settings/keys", &fields(&token), &unsaid)
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text);

    // Nobody sees another tenant's users or keys.
    let beta = page.service.call("POST", "/Users").key(&other);
    let bo = beta.json(json!({"userName": "bo"})).send().await.id();
    assert_eq!(
        stranger.get(&format!("/settings/people/{bo}")).await.status,
        200
    );
    assert_eq!(
        visitor.get(&format!("/settings/people/{bo}")).await.status,
        404
    );
    let of_beta = stranger.get("/settings/keys").await;
    let key = of_beta.text.split("/settings/keys/").nth(1).unwrap();
    let key = key.split('/').next().unwrap();
    for what in ["rotate", "revoke"] {
        let path = format!("/settings/keys/{key}/{what}");
        assert_eq!(stranger.get(&path).await.status, 200);
        assert_eq!(visitor.get(&path).await.status, 404);
    }
}

#[tokio::test]
async fn a_session_has_its_bounds() {
    let page = Page::new().await;
    // One that may only look.
    let guest = page.visitor("acme", Scope::View).await;
    let keys = guest.get("/settings/keys").await;
    let token = keys.field("token");
    let fields = [("token", token.as_str()), ("api", "off"), ("sure", "yes")];
    let reply = guest.post("/settings/api", &fields).await;
    assert_eq!(reply.status, 403);
    assert!(
        reply.text.contains("This link is for looking"),
        "{}",
        reply.text
    );

    // One that is older than its tenant is another tenant's of that id, and one that is older than
    // a quarter of an hour may not change keys.
    let link = page.link("acme", Scope::Setup).await;
    let acme = TenantId::parse("acme").unwrap();
    let secret = SessionToken::from_secret(&acme, [7; 32]);
    let (now, meter) = (OffsetDateTime::now_utc(), Meter::default());
    let opened = page.sessions.redeem(&link, &secret, "Firefox", now, &meter);
    opened.await.unwrap();
    page.directory
        .plant_session(&page.admin.sessions_table(), &secret, Duration::minutes(20))
        .await;
    let browser = Browser::new(&page);
    let cookie = format!("__Host-session={}", secret.expose());
    let headers = [
        ("cookie", cookie.as_str()),
        ("sec-fetch-site", "same-origin"),
    ];
    let shown = browser
        .send(Method::GET, "/settings/keys", &headers, "")
        .await;
    assert_eq!(shown.status, 401, "{}", shown.text);
    page.directory
        .plant_created("acme", "2026-01-01T00:00:00Z")
        .await;
    let before = page.directory.secrets_of("acme").await;
    let shown = browser
        .send(Method::GET, "/settings/connect", &headers, "")
        .await;
    assert_eq!(shown.status, 200);
    let (token, form) = (shown.field("token"), shown.field("form"));
    for (path, fields) in [
        (
            "/settings/keys",
            vec![
                ("token", token.as_str()),
                ("form", &form),
                ("label", "late"),
                ("days", "90"),
            ],
        ),
        (
            "/settings/api",
            vec![("token", token.as_str()), ("api", "off"), ("sure", "yes")],
        ),
    ] {
        let reply = browser.form(path, &fields, &headers).await;
        assert_eq!(reply.status, 403, "{path}");
        assert!(
            reply.text.contains("Open a new link for this"),
            "{}",
            reply.text
        );
    }
    assert_eq!(page.directory.secrets_of("acme").await, before);

    // The end is the end.
    let visitor = page.visitor("acme", Scope::Setup).await;
    let token = visitor.get("/settings").await.field("token");
    let cookie = format!("__Host-session={}", visitor.session());
    let ended = visitor.post("/settings/end", &[("token", &token)]).await;
    assert_eq!(ended.status, 200);
    assert!(ended.header("clear-site-data").contains("storage"));
    for path in PAGES {
        let headers = [("cookie", cookie.as_str())];
        let reply = browser.send(Method::GET, path, &headers, "").await;
        assert_eq!(reply.status, 401, "{path}");
    }
    // The operator's switch closes the page.
    let visitor = page.visitor("acme", Scope::Setup).await;
    assert_eq!(page.admin.run("tenant disable acme --reason x").await.0, 0);
    let closed = visitor.get("/settings").await;
    assert_eq!(closed.status, 403);
    assert!(
        closed.text.contains("These settings are closed"),
        "{}",
        closed.text
    );
}

/// Whoever ends links and sessions, ends those that are being opened too.
#[tokio::test]
async fn a_link_that_is_ended_meanwhile_opens_nothing() {
    let tenant = TenantId::parse("acme").unwrap();
    for calls in 0.. {
        let page = Page::new().await;
        let link = page.link("acme", Scope::Setup).await;
        let (sessions, ended) = (page.sessions.clone(), tenant.clone());
        let rival: Rival = Box::new(move || {
            let (sessions, tenant) = (sessions.clone(), ended.clone());
            Box::pin(async move {
                let (now, meter) = (OffsetDateTime::now_utc(), Meter::default());
                let open = sessions.revoke_links(&tenant, now, &meter).await;
                assert_eq!(open.unwrap(), 0);
            })
        });
        let passed = Arc::new(AtomicUsize::new(0));
        let counted = passed.clone();
        let plan = move |_: &_| match counted.fetch_add(1, Relaxed) == calls {
            true => Fate::Overtaken,
            false => Fate::Passed,
        };
        let wire = Wire::planned(engine::endpoint(), plan, Some(rival)).await;
        let page = page.behind(&wire).await;
        let path = format!("/settings/open/{}", link.expose());
        let opened = Browser::new(&page).post(&path, &[]).await;
        if passed.load(Relaxed) <= calls {
            assert_eq!(opened.status, 303);
            assert!(calls >= 3, "{calls}");
            break;
        }
        assert_eq!(opened.status, 410, "after {calls} calls: {}", opened.text);
    }
}
