//! Links, forms, sessions and keys in the wrong hands: nothing is changed, and nothing is seen.

use std::time::Duration;

use axum::Router;
use axum::response::Html;
use store::sessions::Scope;
use tokio::net::TcpListener;

use crate::support::browser::Browser;
use crate::support::driver::{Taste, in_browser};
use crate::support::entra::Entra;
use crate::support::log;
use crate::support::plain::Plain;
use crate::support::site::Site;

const TENANT: &str = "meridian";
const NAME: &str = "Meridian Field Services";

/// How long a page may take to do something by itself.
const SOON: Duration = Duration::from_secs(3);

async fn stage() -> Site {
    Site::with_tenant(TENANT, NAME).await
}

/// A browser with a session.
async fn enter(site: &Site, browser: &Browser) {
    let link = site.link(TENANT, Scope::Setup).await;
    browser.open(&site.url_of(&link)).await;
    browser.press(&format!("Open the settings of {NAME}")).await;
}

/// What a form of a session's page has to have with it.
async fn form_token(site: &Site, session: &str) -> String {
    let page = Plain::new("GET", &site.url("/settings")).session(session);
    let page = page.send().await;
    assert_eq!(page.status, 200);
    let (_, token) = page.body.split_once("name=\"token\" value=\"").unwrap();
    token.split('"').next().unwrap().to_owned()
}

/// Mail scanners fetch a link before the person does, and some run its scripts.
#[tokio::test]
async fn looking_at_a_link_changes_nothing() {
    let site = stage().await;
    let link = site.link(TENANT, Scope::Setup).await;
    let before = site.items().await;
    for number in 0..50 {
        let method = if number % 2 == 0 { "HEAD" } else { "GET" };
        let looked = Plain::new(method, &site.url_of(&link)).send().await;
        assert_eq!((looked.status, looked.header("set-cookie")), (200, ""));
    }
    in_browser(Taste::default(), async |browser| {
        browser.open(&site.url_of(&link)).await;
        browser.says(NAME).await;
        // As long as a scanner waits for what a page does by itself.
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(browser.session().await, None);
    })
    .await;
    assert_eq!(site.items().await, before);
    in_browser(Taste::default(), async |browser| {
        browser.open(&site.url_of(&link)).await;
        browser.press(&format!("Open the settings of {NAME}")).await;
        browser.says("The API is off").await;
    })
    .await;
}

#[tokio::test]
async fn a_used_link_says_when_and_with_what() {
    let site = stage().await;
    let link = site.link(TENANT, Scope::Setup).await;
    in_browser(Taste::default(), async |browser| {
        browser.open(&site.url_of(&link)).await;
        browser.press(&format!("Open the settings of {NAME}")).await;
    })
    .await;
    let now = time::OffsetDateTime::now_utc();
    in_browser(Taste::default(), async |browser| {
        browser.open(&site.url_of(&link)).await;
        browser.says("This link was opened already").await;
        // As this browser writes it.
        let month: String = now.month().to_string().chars().take(3).collect();
        let day = format!("It was opened on {month} {}, {}", now.day(), now.year());
        browser.says(&day).await;
        browser.says("with Chrome").await;
        browser.says("Was that not you?").await;
        assert_eq!(browser.count("form[action^='/settings/open']").await, 0);
        assert_eq!(browser.session().await, None);
    })
    .await;
    let again = Plain::new("POST", &site.url_of(&link)).same_origin();
    let again = again.send().await;
    assert_eq!((again.status, again.header("set-cookie")), (410, ""));
}

#[tokio::test]
async fn forms_from_elsewhere_change_nothing() {
    let site = stage().await;
    // Links first: nothing is opened by them.
    let link = site.link(TENANT, Scope::Setup).await;
    let open = || Plain::new("POST", &site.url_of(&link));
    for request in [
        open(),
        open().header("origin", "null"),
        open().header("origin", "https://evil.example"),
        open().header("sec-fetch-site", "cross-site"),
        open().header("sec-fetch-site", "same-site"),
        open().header("sec-fetch-site", "none"),
    ] {
        let refused = request.send().await;
        assert_eq!((refused.status, refused.header("set-cookie")), (403, ""));
    }
    let session = site.session(TENANT, Scope::Setup).await;
    let other = site.session(TENANT, Scope::View).await;
    let token = form_token(&site, &session).await;
    let foreign = form_token(&site, &other).await;
    assert_ne!(token, foreign);
    let before = site.items().await;
    let with = |token: &str| {
        let api = Plain::new("POST", &site.url("/settings/api")).session(&session);
        let keys = Plain::new("POST", &site.url("/settings/keys")).session(&session);
        let form = uuid::Uuid::new_v4().to_string();
        let token = ("token", token);
        [
            api.form(&[token, ("api", "on")]),
            keys.form(&[token, ("form", &form), ("label", "Evil"), ("days", "90")]),
        ]
    };
    let mut requests = Vec::new();
    for token in ["", "x", foreign.as_str()] {
        requests.extend(with(token).map(Plain::same_origin));
    }
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
        ("origin", "https://evil.example"),
    ] {
        requests.extend(with(&token).map(|request| request.header(name, value)));
    }
    // A browser that says nothing, and a form that is none of the session's.
    requests.extend(with("").map(|request| request.header("origin", "null")));
    requests.extend(with(""));
    for request in requests {
        let refused = request.send().await;
        assert_eq!(refused.status, 403, "{}", refused.body);
    }
    assert_eq!(site.items().await, before);
    assert!(!site.is_on(TENANT).await);
    // The page's own form passes, also where the browser hides where it comes from.
    let [own, _] = with(&token);
    let passed = own.same_origin().header("origin", "null").send().await;
    assert_eq!(passed.status, 303);
    assert!(site.is_on(TENANT).await);
}

/// Another site in the same browser: its forms arrive without the session, open no link, and the
/// page is not shown within it.
#[tokio::test]
async fn another_site_does_nothing_in_the_same_browser() {
    let site = stage().await;
    let link = site.link(TENANT, Scope::View).await;
    let (open, api) = (site.url_of(&link), site.url("/settings/api"));
    let page = format!(
        "<form id=open method=post action='{open}'><button>Win</button></form>\
         <form id=api method=post action='{api}'><input name=api value=on><button>Win</button></form>\
         <iframe src='{}'></iframe>",
        site.url("/settings")
    );
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    // Another name is another site.
    let evil = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let router = Router::new().fallback(async move || Html(page));
    tokio::spawn(async move { axum::serve(listener, router).await });
    in_browser(Taste::default(), async |browser| {
        enter(&site, browser).await;
        let session = browser.session().await.unwrap();
        for (form, status) in [("#open", 403), ("#api", 401)] {
            browser.open(&evil).await;
            let button = browser.find(&format!("{form} button")).await;
            browser.leave(button.click()).await;
            browser.find("h1").await;
            let answered = site.answered();
            let answer = answered.iter().rfind(|answer| answer.method == "POST");
            assert_eq!(answer.unwrap().status, status, "{form}");
        }
        assert!(!site.is_on(TENANT).await);
        browser.open(&evil).await;
        let frame = browser.client.clone();
        frame.enter_frame(0).await.unwrap();
        assert!(!browser.source().await.contains(NAME));
        frame.enter_parent_frame().await.unwrap();
        // The session that was there is still the browser's own.
        browser.open(&site.url("/settings")).await;
        assert_eq!(browser.session().await, Some(session));
        browser.says(NAME).await;
    })
    .await;
}

#[tokio::test]
async fn another_tenant_sees_nothing() {
    let site = stage().await;
    site.add_tenant("other", "Other Company").await;
    let account = site.account(TENANT).await;
    account.set_api(true).await.unwrap();
    let key = account.create_key("Entra", None).await.unwrap();
    let (key, record) = (key.key, key.record.id.to_string());
    let entra = Entra::with(&site.url("/scim/v2"), key.expose());
    let user = entra.created("lena@crew.example", "Lena Ortiz").await;
    entra.create("lena@crew.example", "Lena again").await;
    let session = site.session("other", Scope::Setup).await;
    let token = form_token(&site, &session).await;
    let ask = async |method: &str, path: &str| {
        let asked = Plain::new(method, &site.url(path)).session(&session);
        let fields = [("token", token.as_str()), ("overlap", "1"), ("days", "90")];
        let form = uuid::Uuid::new_v4().to_string();
        let asked = match method {
            "POST" => asked
                .same_origin()
                .form(&[&fields[..], &[("form", &form)]].concat()),
            _ => asked,
        };
        asked.send().await
    };
    for path in [
        format!("/settings/people/{user}"),
        format!("/settings/keys/{record}/rotate"),
        format!("/settings/keys/{record}/revoke"),
    ] {
        assert_eq!(ask("GET", &path).await.status, 404, "{path}");
    }
    let before = site.items().await;
    for act in ["rotate", "revoke"] {
        let path = format!("/settings/keys/{record}/{act}");
        assert_eq!(ask("POST", &path).await.status, 404, "{path}");
    }
    for path in [
        "/settings",
        "/settings/connect",
        "/settings/connect/status",
        "/settings/keys",
        "/settings/activity",
        "/settings/requests",
        "/settings/people?name=lena%40crew.example",
        "/settings/safety",
    ] {
        let page = ask("GET", path).await;
        assert_eq!(page.status, 200, "{path}");
        // The name that was looked for is on the page that says that nobody has it.
        let known = ["Meridian", "Lena Ortiz", record.as_str(), user.as_str()];
        for known in known {
            assert!(!page.body.contains(known), "{path}: {known}");
        }
    }
    // A form with a name is used up, and nothing else.
    let after = site.items().await;
    let lines = |items: &str| items.lines().filter(|line| !line.contains("FORM#")).count();
    assert_eq!(lines(&after), lines(&before));
    assert_eq!(entra.test_connection().await.status, 200);
}

#[tokio::test]
async fn a_key_is_no_session_and_a_session_no_key() {
    let site = stage().await;
    let account = site.account(TENANT).await;
    account.set_api(true).await.unwrap();
    let key = account.create_key("Entra", None).await.unwrap().key;
    let session = site.session(TENANT, Scope::Setup).await;
    for path in ["/settings", "/settings/keys", "/settings/connect/status"] {
        let url = site.url(path);
        let with_key = Plain::new("GET", &url).key(key.expose());
        assert_eq!(with_key.send().await.status, 401, "{path}");
        let as_cookie = Plain::new("GET", &url).session(key.expose());
        assert_eq!(as_cookie.send().await.status, 401, "{path}");
        let own = Plain::new("GET", &url).session(&session);
        assert_eq!(own.send().await.status, 200, "{path}");
    }
    let url = site.url("/scim/v2/Users");
    for request in [
        Plain::new("GET", &url).session(&session),
        Plain::new("GET", &url).key(&session),
    ] {
        assert_eq!(request.send().await.status, 401);
    }
    let own = Plain::new("GET", &url).key(key.expose());
    assert_eq!(own.send().await.status, 200);
}

#[tokio::test]
async fn a_key_is_in_one_answer() {
    let site = stage().await;
    in_browser(Taste::default(), async |browser| {
        enter(&site, browser).await;
        browser.press("Connect Entra").await;
        browser.press("Enable the API").await;
        browser.press("Show credentials and example").await;
        let key = browser.text_of("#key").await;
        let address = browser.client.current_url().await.unwrap();
        assert!(!address.as_str().contains(&key) && !browser.title().await.contains(&key));

        // Loaded again, the form is sent again.
        browser.client.refresh().await.unwrap();
        browser.says("This form was sent already").await;
        let sent = site.answered();
        let sent = sent.iter().filter(|one| one.path == "/settings/keys");
        let sent: Vec<u16> = sent.map(|one| one.status).collect();
        assert_eq!(sent, [200, 409]);
        assert!(!browser.source().await.contains(&key));

        // A page that was left does not come back with it.
        browser.open(&site.url("/settings/connect")).await;
        browser.press("Create another key").await;
        let second = browser.text_of("#key").await;
        assert_ne!(second, key);
        browser.press("I have copied it: on to Entra").await;
        browser.client.back().await.unwrap();
        let back = browser.source().await;
        assert!(!back.contains(&second) && !back.contains(&key));
        browser.open(&site.url("/settings/keys")).await;
        let tenant_url = site.url("/scim/v2");
        for key in [&key, &second] {
            let tested = Entra::with(&tenant_url, key).test_connection().await;
            assert_eq!(tested.status, 200, "{}", tested.body);
            let secret = key.split('_').nth(2).unwrap();
            let answered = site.answered();
            let with = answered
                .iter()
                .filter(|answer| answer.body.contains(secret));
            assert_eq!(with.count(), 1);
            let heads = answered
                .iter()
                .any(|answer| format!("{} {:?}", answer.path, answer.headers).contains(secret));
            assert!(!heads);
            assert!(!site.items().await.contains(secret));
            assert!(!log::text().contains(secret));
        }
        // Neither is what opens a session, or is one.
        let session = browser.session().await.unwrap();
        let secret = session.split('_').nth(2).unwrap();
        assert!(!log::text().contains(secret) && !site.items().await.contains(secret));
        assert!(log::text().contains("/settings/open"), "the log is kept");
        assert!(!log::text().contains("htlink_"));
    })
    .await;
}

#[tokio::test]
async fn the_end_of_a_session_is_its_end() {
    let site = stage().await;
    in_browser(Taste::default(), async |browser| {
        enter(&site, browser).await;
        let session = browser.session().await.unwrap();
        let token = form_token(&site, &session).await;
        browser.press("End session").await;
        browser.says("The session is ended").await;
        let answered = site.answered();
        let end = answered
            .iter()
            .rfind(|answer| answer.path == "/settings/end");
        let end = &end.unwrap().headers;
        assert!(
            end["clear-site-data"]
                .to_str()
                .unwrap()
                .contains("\"cache\"")
        );
        assert_eq!(browser.session().await, None);
        for path in [
            "/settings",
            "/settings/connect",
            "/settings/connect/status",
            "/settings/keys",
            "/settings/keys/000000000000/rotate",
            "/settings/activity",
            "/settings/requests",
            "/settings/people",
            "/settings/safety",
        ] {
            let asked = Plain::new("GET", &site.url(path)).session(&session);
            let asked = asked.send().await;
            assert_eq!(asked.status, 401, "{path}");
            assert!(!asked.body.contains(NAME), "{path}");
        }
        let api = Plain::new("POST", &site.url("/settings/api")).session(&session);
        let api = api.same_origin().form(&[("token", &token), ("api", "on")]);
        assert_eq!(api.send().await.status, 401);
        assert!(!site.is_on(TENANT).await);
        // Neither is it there for whoever sits down at this browser next.
        browser.client.back().await.unwrap();
        browser.until_it_says("Open a link first", SOON).await;
        assert!(!browser.source().await.contains(NAME), "Back shows it");
    })
    .await;
}
