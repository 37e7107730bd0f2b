//! What an admin is told to do: in the page's own words, in both languages, with a way on.

use lambda_http::http::Method;
use serde_json::json;
use store::Meter;
use store::sessions::Scope;
use tenant::{ApiKey, SessionToken, TenantId};
use time::{Duration, OffsetDateTime};

use super::pages::{PAGES, stage};
use crate::support::settings::{Browser, Page, Reply};

const PRODUCT: &str = "https://product.example/settings";

fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

/// Plants a key of that age, which ends so much later.
async fn plant_key(page: &Page, number: u8, label: &str, age: Duration, left: Duration) -> String {
    let key = ApiKey::from_secret(&acme(), [number; 32]);
    let (now, meter) = (OffsetDateTime::now_utc(), Meter::default());
    let store = page.admin.store();
    let created = store.create_key(&key, label, now - age, Some(now + left), &meter);
    created.await.unwrap().id.to_string()
}

async fn in_german(browser: &Browser<'_>, path: &str) -> Reply {
    let german = [("accept-language", "de")];
    browser.send(Method::GET, path, &german, "").await
}

async fn post_key(browser: &Browser<'_>, label: &str) -> Reply {
    let keys = browser.get("/settings/keys").await;
    let (token, form) = (keys.field("token"), keys.field("form"));
    let fields = [
        ("token", token.as_str()),
        ("form", &form),
        ("label", label),
        ("days", "90"),
    ];
    browser.post("/settings/keys", &fields).await
}

#[tokio::test]
async fn keys_that_need_somebody_are_named() {
    let page = Page::new().await;
    let visitor = page.visitor("acme", Scope::View).await;
    for path in ["/settings", "/settings/keys"] {
        let reply = visitor.get(path).await;
        assert!(!reply.text.contains("Keys that need action"), "{path}");
    }
    let (hour, day) = (Duration::HOUR, Duration::DAY);
    plant_key(&page, 1, "Soon", hour, day * 12 + hour).await;
    plant_key(&page, 2, "Tomorrow", hour, day + hour).await;
    plant_key(&page, 3, "Today", hour, hour).await;
    plant_key(&page, 4, "Forgotten", day * 40 + hour, day * 90).await;
    for path in ["/settings", "/settings/keys"] {
        let english = visitor.get(path).await;
        for said in [
            "Keys that need action",
            "It expires in 12 days. Replace it",
            "It expires in 1 day. Replace it",
            "It expires within a day. Replace it now",
            "It was never used in the 40 days since it was created.",
            "<bdi>Forgotten</bdi>",
        ] {
            assert!(english.text.contains(said), "{said}: {}", english.text);
        }
        let german = in_german(&visitor, path).await;
        for said in [
            "Schlüssel mit Handlungsbedarf",
            "Er läuft in 12 Tagen ab.",
            "Er läuft in 1 Tag ab.",
            "innerhalb eines Tages",
            "Er wurde in den 40 Tagen seit seiner Erstellung nie benutzt.",
        ] {
            assert!(german.text.contains(said), "{said}: {}", german.text);
        }
    }
    let keys = visitor.get("/settings/keys").await;
    assert_eq!(keys.text.matches("needs action").count(), 4);
}

/// Nothing of what operators are told is on a page.
fn assert_own_words(reply: &Reply, status: u16, said: &str) {
    assert_eq!(reply.status, status, "{}", reply.text);
    assert!(reply.text.contains(said), "{said}: {}", reply.text);
    for operators in ["scim-admin", "`", "tenant &", "tenant `"] {
        assert!(!reply.text.contains(operators), "{}", reply.text);
    }
    assert!(reply.text.contains("<nav"), "{}", reply.text);
}

#[tokio::test]
async fn refusals_are_in_the_page_s_words() {
    let page = Page::new().await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    let (hour, day) = (Duration::HOUR, Duration::DAY);
    let ended = plant_key(&page, 1, "Ended", day * 2, -hour).await;
    // A key that has ended is neither replaced nor revoked.
    for act in ["rotate", "revoke"] {
        let path = format!("/settings/keys/{ended}/{act}");
        let reply = visitor.get(&path).await;
        assert_own_words(&reply, 409, "cannot be replaced or revoked any more");
        let reply = in_german(&visitor, &path).await;
        assert_own_words(&reply, 409, "wurde widerrufen oder ist abgelaufen");
        let keys = visitor.get("/settings/keys").await;
        let (token, form) = (keys.field("token"), keys.field("form"));
        let fields = [
            ("token", token.as_str()),
            ("form", &form),
            ("overlap", "1"),
            ("days", "90"),
            ("confirm", "acme"),
        ];
        let reply = visitor.post(&path, &fields).await;
        assert_own_words(&reply, 409, "cannot be replaced or revoked any more");
    }
    let mut reply = post_key(&visitor, "More").await;
    for _ in 0..20 {
        if reply.status != 200 {
            break;
        }
        reply = post_key(&visitor, "More").await;
    }
    assert_own_words(
        &reply,
        409,
        "There are 20 keys, client secrets and trusts, as many as there can be.",
    );
}

#[tokio::test]
async fn a_label_s_fault_is_named() {
    let page = Page::new().await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    let before = page.directory.secrets_of("acme").await;
    for (label, said) in [
        ("\u{200b}\u{2800}", "would show nothing"),
        ("a\u{202e}b", "turn the direction of writing"),
        ("a\tb", "control characters"),
        ("htscim_acme", "The label is a key or a secret"),
        (&*"x".repeat(101), "1 to 100 characters"),
    ] {
        assert_own_words(&post_key(&visitor, label).await, 400, said);
    }
    assert_eq!(page.directory.secrets_of("acme").await, before);
}

/// What leaves the page of a key would lose the key.
#[tokio::test]
async fn a_key_is_not_left_by_mistake() {
    let page = Page::new().await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    let token = visitor.get("/settings").await.field("token");
    let reply = post_key(&visitor, "Entra").await;
    assert!(reply.key().is_some());
    assert!(reply.text.contains("shown only on this page"));
    for lost in ["/settings/language", ">Stay</a>", "The API is off"] {
        assert!(!reply.text.contains(lost), "{lost}: {}", reply.text);
    }
    for kept in ["/settings/language", ">Stay</a>"] {
        let keys = visitor.get("/settings/keys").await;
        assert!(keys.text.contains(kept), "{kept}");
    }
    let off = [("token", token.as_str()), ("api", "off"), ("sure", "yes")];
    assert_eq!(visitor.post("/settings/api", &off).await.status, 303);
    let reply = post_key(&visitor, "Entra").await;
    let said = "The API is off: this key is refused until you enable the API";
    assert!(reply.text.contains(said), "{}", reply.text);
    // Once there is a key, another one is nothing that catches the eye.
    let connect = visitor.get("/settings/connect").await;
    for said in ["Create another key", "Active keys: 3."] {
        assert!(connect.text.contains(said), "{}", connect.text);
    }
    let said = "Show credentials and example</button>";
    assert!(!connect.text.contains(said), "{}", connect.text);
}

/// The product has another link: every page that asks for one leads there, and none elsewhere.
#[tokio::test]
async fn there_is_a_way_back_to_the_product() {
    let page = Page::new().await;
    let way = format!("href=\"{PRODUCT}\" rel=\"noreferrer\">Back to Hellotracks");
    let visitor = page.visitor("acme", Scope::Setup).await;
    let session = visitor.session();
    let shown = visitor.get("/settings/keys").await;
    assert!(!shown.text.contains(&way), "{}", shown.text);
    let stranger = Browser::new(&page);
    let reply = stranger.get("/settings").await;
    assert!(!reply.text.contains(PRODUCT), "{}", reply.text);
    // The browser keeps it beside the session, and it is looked at again.
    let kept = form_urlencoded(PRODUCT);
    let evil = form_urlencoded("javascript:alert(1)");
    for (kept, is_way) in [(&kept, true), (&evil, false)] {
        let cookie = format!("__Host-back={kept}");
        let headers = [("cookie", cookie.as_str())];
        let reply = stranger.send(Method::GET, "/settings", &headers, "").await;
        assert_eq!(reply.status, 401);
        assert_eq!(reply.text.contains(&way), is_way, "{}", reply.text);
        assert!(!reply.text.contains("javascript"), "{}", reply.text);
    }
    // A session that may only look is led to where there is another link.
    let guest = page.visitor("acme", Scope::View).await;
    assert!(guest.get("/settings/keys").await.text.contains(&way));
    // A tenant that is closed has no page to go back to.
    let disabled = page.admin.run("tenant disable acme --reason x").await;
    assert_eq!(disabled.0, 0);
    let closed = visitor.get("/settings").await;
    assert!(closed.text.contains(&way), "{}", closed.text);
    assert!(!closed.text.contains(">Back</a>"), "{}", closed.text);
    assert_eq!(page.admin.run("tenant enable acme").await.0, 0);
    let visitor = page.visitor("acme", Scope::Setup).await;
    assert_ne!(visitor.session(), session);
    let token = visitor.get("/settings").await.field("token");
    let ended = visitor.post("/settings/end", &[("token", &token)]).await;
    assert!(ended.text.contains(&way), "{}", ended.text);
    let after = visitor.get("/settings").await;
    assert!(!after.text.contains(PRODUCT), "nothing is left of it");
}

fn form_urlencoded(url: &str) -> String {
    url.replace(':', "%3A").replace('/', "%2F")
}

#[tokio::test]
async fn pages_of_errors_are_pages_of_the_session() {
    let page = stage().await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    let reply = visitor.get("/settings/nothing").await;
    assert_eq!(reply.status, 404);
    for kept in ["<nav", "<bdi>acme</bdi>", "End session"] {
        assert!(reply.text.contains(kept), "{kept}: {}", reply.text);
    }
    let reply = visitor.post("/settings/api", &[("api", "off")]).await;
    assert_eq!(reply.status, 403);
    assert!(reply.text.contains("<nav"), "{}", reply.text);
    // What a page shows, it shows in the other language.
    let here = "/settings/people?name=lena";
    let reply = visitor.get(here).await;
    assert_eq!(reply.field("back"), here);
    assert!(reply.text.contains(&format!("<a href=\"{here}\">Stay</a>")));
    let chosen = [("language", "de"), ("back", here)];
    let reply = visitor.post("/settings/language", &chosen).await;
    assert_eq!(reply.header("location"), here);
    for (method, path, allowed) in [
        (Method::PUT, "/settings", "GET, HEAD"),
        (Method::GET, "/settings/api", "POST"),
        (Method::DELETE, "/settings/keys", "GET, HEAD, POST"),
    ] {
        let reply = visitor.send(method, path, &[], "").await;
        assert_eq!((reply.status, reply.header("allow")), (405, allowed));
    }
}

/// A page that is left open asks by itself, which keeps nobody's session alive.
#[tokio::test]
async fn only_people_keep_a_session_alive() {
    let page = Page::new().await;
    let created = "2026-01-01T00:00:00Z";
    page.directory.plant_created("acme", created).await;
    let link = page.link("acme", Scope::Setup).await;
    let secret = SessionToken::from_secret(&acme(), [9; 32]);
    let (now, meter) = (OffsetDateTime::now_utc(), Meter::default());
    let opened = now - Duration::minutes(5);
    let redeemed = page
        .sessions
        .redeem(&link, &secret, "Firefox", opened, &meter);
    redeemed.await.unwrap();
    let seen = async || {
        let sessions = page.sessions.sessions(&acme(), now, &meter).await;
        sessions.unwrap().first().unwrap().seen
    };
    let before = seen().await;
    let cookie = format!("__Host-session={}", secret.expose());
    let headers = [("cookie", cookie.as_str())];
    let browser = Browser::new(&page);
    for (path, is_kept) in [("/settings/connect/status", false), ("/settings", true)] {
        let reply = browser.send(Method::GET, path, &headers, "").await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(seen().await > before, is_kept, "{path}");
    }
}

#[tokio::test]
async fn numbers_of_requests_are_shown_where_support_asks_for_them() {
    let page = stage().await;
    let visitor = page.visitor("acme", Scope::View).await;
    let (_, history) = page.admin.json("history acme").await;
    let number = history[0]["requestId"].as_str().unwrap_or_default();
    let activity = visitor.get("/settings/activity").await;
    let shown = format!("Number of the request: <code>{number}");
    assert!(activity.text.contains(&shown), "{shown}: {}", activity.text);
    for (path, name) in [("/settings/activity", "U"), ("/settings/requests", "x")] {
        let before = format!("{path}?from=0001-01-01T00:00:00Z%23{name}");
        let nothing = visitor.get(&before).await;
        assert!(nothing.text.contains("There is nothing older."), "{path}");
    }
}

/// What is stored is written for people, and nobody's text turns what is beside it.
#[tokio::test]
async fn a_person_is_shown_in_words() {
    let page = Page::new().await;
    let name = "\u{202e}lena".to_owned() + &"x".repeat(290);
    let more = json!({
        "emails": [{"type": "work", "value": "lena@crew.example", "primary": true}],
        "name": {"givenName": "Lena"},
    });
    let id = page.service.create_user(&name, more).await;
    let visitor = page.visitor("acme", Scope::View).await;
    let person = visitor.get(&format!("/settings/people/{id}")).await;
    for said in [
        "Work: lena@crew.example (primary)",
        "First name: Lena",
        "E-mail addresses",
        &format!("<h1><bdi>{name}</bdi>"),
    ] {
        assert!(person.text.contains(said), "{said}: {}", person.text);
    }
    let (_, title) = person.text.split_once("<title>").unwrap();
    let (title, _) = title.split_once("</title>").unwrap();
    assert!(
        title.starts_with('\u{2068}') && !title.contains('\u{202e}'),
        "{title}"
    );
    // A name is as long as one can be.
    let long = "y".repeat(900);
    let id = page.service.create_user(&long, json!({})).await;
    let found = visitor.get(&format!("/settings/people?name={long}")).await;
    assert!(found.text.contains(&*id), "{}", found.text);
}

#[tokio::test]
async fn the_name_of_the_account_confirms_as_its_id_does() {
    let page = Page::new().await;
    let wanted = json!({"tenant": "nova", "name": "Nova GmbH", "for": "it@nova.example"});
    assert_eq!(page.issue(&wanted).await.0, 201);
    let visitor = page.visitor("nova", Scope::Setup).await;
    assert!(post_key(&visitor, "Entra").await.key().is_some());
    let keys = visitor.get("/settings/keys").await;
    let (_, rest) = keys.text.split_once("href=\"/settings/keys/").unwrap();
    let path = format!("/settings/keys/{}/revoke", rest.split('/').next().unwrap());
    let asked = visitor.get(&path).await;
    let said = "type the id of your account: <code><bdi>nova</bdi></code>";
    assert!(asked.text.contains(said), "{}", asked.text);
    let token = asked.field("token");
    for (typed, status) in [("", 200), ("Nova", 200), ("Nova GmbH", 303)] {
        let fields = [("token", token.as_str()), ("confirm", typed)];
        assert_eq!(visitor.post(&path, &fields).await.status, status, "{typed}");
    }
}

/// No page has a word in it that only the code knows.
#[tokio::test]
async fn nothing_is_left_unfilled() {
    let page = stage().await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    for path in PAGES {
        let replies = [visitor.get(path).await, in_german(&visitor, path).await];
        for reply in replies {
            let holes = reply.text.matches('{').count();
            let is_script = path.ends_with("/status");
            assert!(is_script || holes == 0, "{path}: {}", reply.text);
        }
    }
}
