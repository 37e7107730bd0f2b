//! What every page has, and what each says.

use lambda_http::http::Method;
use serde_json::json;
use store::sessions::Scope;

use crate::support::groups::group;
use crate::support::settings::{Browser, Page, Reply};

/// Every page of a session.
pub const PAGES: [&str; 9] = [
    "/settings",
    "/settings/connect",
    "/settings/connect/status",
    "/settings/keys",
    "/settings/clients",
    "/settings/activity",
    "/settings/requests",
    "/settings/people",
    "/settings/safety",
];

/// A tenant with a bit of everything.
pub async fn stage() -> Page {
    let page = Page::new().await;
    let service = &page.service;
    let mut users = Vec::new();
    for name in ["lena", "max", "kim"] {
        let user = json!({"displayName": format!("<b>{name}</b> & \"co\""), "x": 1});
        users.push(service.create_user(name, user).await);
    }
    group(service, "Crew <script>", &users).await;
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    let max = format!("/Users/{}", users[1]);
    assert_eq!(service.patch(&max, off).await.status, 200);
    let kim = format!("/Users/{}", users[2]);
    assert_eq!(service.delete(&kim).await.status, 204);
    let again = json!({"userName": "lena"});
    service.post("/Users", again).await.error(409, "uniqueness");
    page
}

fn assert_headers(reply: &Reply, path: &str) {
    let policy = reply.header("content-security-policy");
    for part in [
        "default-src 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
    ] {
        assert!(policy.contains(part), "{path}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{path}: {policy}");
    for (name, value) in [
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-robots-tag", "noindex, nofollow"),
    ] {
        assert_eq!(reply.header(name), value, "{path}");
    }
    let kept = match path.starts_with("/settings/static/") && reply.status == 200 {
        true => "public, max-age=31536000, immutable",
        false => "no-store",
    };
    assert_eq!(reply.header("cache-control"), kept, "{path}");
}

/// Nothing is inline, and nobody's text is markup.
fn assert_clean(reply: &Reply, path: &str) {
    let text = &reply.text;
    for forbidden in [
        " style=",
        "<style",
        " onclick",
        " onload",
        " onsubmit",
        "javascript:",
        "<b>",
        "<script>",
    ] {
        assert!(!text.contains(forbidden), "{path} has {forbidden}: {text}");
    }
    let scripts = text.matches("<script").count();
    assert_eq!(
        scripts,
        text.matches("<script defer src=").count(),
        "{path}"
    );
}

#[tokio::test]
async fn every_answer_has_its_headers_and_nothing_inline() {
    let page = stage().await;
    let stranger = Browser::new(&page);
    let visitor = page.visitor("acme", Scope::Setup).await;
    let link = page.link("acme", Scope::View).await;
    let open = format!("/settings/open/{}", link.expose());
    let overview = visitor.get("/settings").await;
    let style = overview.text.split("/settings/static/").nth(2).unwrap();
    let style = format!("/settings/static/{}", style.split('"').next().unwrap());
    let found = visitor.get("/settings/people?name=lena").await;
    let person = found.text.split("/settings/people/").nth(1).unwrap();
    let person = format!("/settings/people/{}", person.split('"').next().unwrap());
    let more = [
        "/settings/nothing",
        "/settings/static/none.css",
        "/settings/people?name=%3Cscript%3E",
        "/settings/activity?before=2026-11-01T00:00:00Z",
        &open,
        &style,
        &person,
    ];
    for path in PAGES.into_iter().chain(more) {
        for browser in [&visitor, &stranger] {
            let reply = browser.get(path).await;
            assert_headers(&reply, path);
            assert!(reply.status < 500, "{path}: {}", reply.text);
            if !path.contains("static") {
                assert_clean(&reply, path);
            }
            let head = browser.send(Method::HEAD, path, &[], "").await;
            assert_eq!(
                (head.status, head.text.as_str()),
                (reply.status, ""),
                "{path}"
            );
            let refused = browser.send(Method::DELETE, path, &[], "").await;
            assert!([404, 405].contains(&refused.status), "{path}");
            assert_headers(&refused, path);
        }
    }
    assert_eq!(visitor.get(&person).await.status, 200);
    assert_eq!(
        visitor.get(&style).await.header("content-type"),
        "text/css; charset=utf-8"
    );
}

#[tokio::test]
async fn without_a_session_there_is_nothing_to_see() {
    let page = stage().await;
    let stranger = Browser::new(&page);
    for path in PAGES {
        let reply = stranger.get(path).await;
        assert_eq!(reply.status, 401, "{path}");
        assert!(reply.text.contains("Open a link first"), "{}", reply.text);
        assert!(!reply.text.contains("acme"), "{path}");
        let key = format!("Bearer {}", page.service.key);
        let headers = [("authorization", key.as_str())];
        let reply = stranger.send(Method::GET, path, &headers, "").await;
        assert_eq!(reply.status, 401, "{path} with a key");
    }
    // And a session is no key.
    let visitor = page.visitor("acme", Scope::Setup).await;
    let answer = page.service.call("GET", "/Users").key(&visitor.session());
    answer.send().await.error(401, "");
}

#[tokio::test]
async fn pages_say_what_there_is_in_both_languages() {
    let page = stage().await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    for (path, said) in [
        ("/settings", "Active members"),
        (
            "/settings/connect",
            "https://scim.example/scim/v2?aadOptscim062020",
        ),
        ("/settings/activity", "<bdi>max</bdi> was deactivated"),
        ("/settings/activity", "<bdi>kim</bdi> was deleted"),
        (
            "/settings/activity",
            "<bdi>Crew &#60;script&#62;</bdi>: 3 joined, 0 left",
        ),
        ("/settings/requests", "The name is taken"),
        (
            "/settings/requests",
            "Done, but for names that are not known here: <bdi>x</bdi>",
        ),
        ("/settings/people?name=kim", "deleted"),
        (
            "/settings/people?name=nobody",
            "Nobody goes by <bdi>nobody</bdi>",
        ),
        ("/settings/safety", "</time>: 2, of 50 at most."),
        ("/settings/safety", "<bdi>kim</bdi> was deleted"),
    ] {
        let reply = visitor.get(path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(
            reply.text.contains(said),
            "{said} at {path}: {}",
            reply.text
        );
    }
    let status = visitor.get("/settings/connect/status").await;
    let status: serde_json::Value = serde_json::from_str(&status.text).unwrap();
    assert_eq!(status["connected"], true, "{status}");

    // The language of the browser, and the one that is chosen.
    let german = [("accept-language", "de-DE,de;q=0.9")];
    let reply = visitor.send(Method::GET, "/settings", &german, "").await;
    assert!(reply.text.contains("<html lang=\"de\">"), "{}", reply.text);
    let chosen = [("language", "de"), ("back", "/settings/keys")];
    let reply = visitor.post("/settings/language", &chosen).await;
    assert_eq!(
        (reply.status, reply.header("location")),
        (303, "/settings/keys")
    );
    for path in PAGES {
        let reply = visitor.get(path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert_clean(&reply, path);
    }
    assert!(
        visitor
            .get("/settings")
            .await
            .text
            .contains("Aktive Mitglieder")
    );
    // Nobody is led away by it.
    let away = [("language", "en"), ("back", "//evil.example/settings")];
    let reply = visitor.post("/settings/language", &away).await;
    assert_eq!(reply.header("location"), "/settings");
}

/// Too many lost access at once: every page says what became of it, and until when.
#[tokio::test]
async fn the_limit_on_lost_access_is_explained() {
    let page = Page::new().await;
    let service = &page.service;
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    let mut users = Vec::new();
    for number in 0..51 {
        users.push(
            service
                .create_user(&format!("user{number}"), json!({}))
                .await,
        );
    }
    let last = users.pop().unwrap();
    for user in &users {
        let path = format!("/Users/{user}");
        assert_eq!(service.patch(&path, off.clone()).await.status, 200);
    }
    let refused = service.patch(&format!("/Users/{last}"), off).await;
    refused.error(409, "");
    let visitor = page.visitor("acme", Scope::View).await;
    for (path, said) in [
        ("/settings", "Deactivations or deletions are held back"),
        ("/settings/safety", "</time>: 50, of 50 at most."),
        ("/settings/requests", "user50"),
    ] {
        let reply = visitor.get(path).await;
        assert!(
            reply.text.contains(said),
            "{said} at {path}: {}",
            reply.text
        );
    }
    let safety = visitor.get("/settings/safety").await;
    assert!(safety.text.contains("cell bad"), "{}", safety.text);
}

/// People are found by the names that they had, and by their ids.
#[tokio::test]
async fn people_are_found_by_all_their_names() {
    let page = stage().await;
    let service = &page.service;
    let visitor = page.visitor("acme", Scope::View).await;
    let id = service
        .create_user("before", json!({"externalId": "x-1"}))
        .await;
    let name = json!([{"op": "replace", "path": "userName", "value": "after"}]);
    let path = format!("/Users/{id}");
    assert_eq!(service.patch(&path, name).await.status, 200);
    let found = async |name: &str| {
        let reply = visitor.get(&format!("/settings/people?name={name}")).await;
        assert_eq!(reply.status, 200, "{name}");
        reply.text
    };
    let former = "had this name before";
    for (name, is_former) in [
        ("after", false),
        ("x-1", false),
        (&*id, false),
        ("Before", true),
    ] {
        let text = found(name).await;
        assert!(
            text.contains(&format!("/settings/people/{id}\"><bdi>after")),
            "{name}: {text}"
        );
        assert_eq!(text.contains(former), is_former, "{name}: {text}");
    }
    assert_eq!(service.delete(&path).await.status, 204);
    for (name, is_former) in [("after", false), (&*id, false), ("before", true)] {
        let text = found(name).await;
        assert!(text.contains("deleted"), "{name}: {text}");
        assert_eq!(text.contains(former), is_former, "{name}: {text}");
    }
    let nobody = "00000000-0000-4000-8000-000000000000";
    for name in [nobody, &"x".repeat(301)] {
        assert!(found(name).await.contains("Nobody goes by"), "{name}");
    }
    let one = visitor.get(&format!("/settings/people/{nobody}")).await;
    assert_eq!(one.status, 404);
    let one = visitor.get(&format!("/settings/people/{id}")).await;
    assert!(
        one.text.contains("<bdi>after</bdi> was deleted"),
        "{}",
        one.text
    );
}

/// What a list has on all of its pages that begins with `start`, in the order of the pages.
async fn on_all_pages(visitor: &Browser<'_>, path: &str, start: &str) -> Vec<String> {
    let (mut found, mut next) = (Vec::new(), Some(path.to_owned()));
    while let Some(page) = next {
        let text = visitor.get(&page).await.text;
        let named = text.match_indices(start).filter_map(|(at, _)| {
            let name = text[at..].split(|c: char| c != '-' && !c.is_ascii_alphanumeric());
            name.into_iter().next().map(str::to_owned)
        });
        found.extend(named);
        next = text
            .split_once(&format!("class=\"button quiet\" href=\"{path}?from="))
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(place, _)| format!("{path}?from={place}"));
    }
    found
}

/// A bulk request makes many at once: of some, the time does not tell which came first.
#[tokio::test]
async fn lists_leave_nobody_out_between_pages() {
    let page = Page::new().await;
    let operation = |number: usize| {
        let name = format!("person-{number}");
        // Every other one is refused, for its title.
        let title = [json!("x"), json!(["x", "y"])][number % 2].clone();
        json!({"method": "POST", "path": "/Users", "bulkId": format!("b{number}"),
            "data": {"userName": name, "externalId": name, "title": title}})
    };
    let operations: Vec<_> = (100..220).map(operation).collect();
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": operations});
    assert_eq!(page.service.post("/Bulk", body).await.status, 200);
    let visitor = page.visitor("acme", Scope::View).await;
    for (path, odd) in [("/settings/activity", 0), ("/settings/requests", 1)] {
        let mut found = on_all_pages(&visitor, path, "person-").await;
        found.sort();
        found.dedup();
        let expected = (100..220).filter(|number| number % 2 == odd);
        let expected: Vec<_> = expected.map(|number| format!("person-{number}")).collect();
        assert_eq!(found, expected, "{path}");
    }
}

/// Where a page begins is a place in its own list, and nothing else.
#[tokio::test]
async fn a_page_begins_in_its_own_list() {
    let page = stage().await;
    let visitor = page.visitor("acme", Scope::View).await;
    for path in ["/settings/activity", "/settings/requests"] {
        let first = visitor.get(path).await;
        for from in ["x", "%23", "U%23x", "~%23", "2026-11-27", "%00%23"] {
            let other = visitor.get(&format!("{path}?from={from}")).await;
            assert_eq!(other.status, 200, "{from}");
            assert_eq!(other.text.len(), first.text.len(), "{path} {from}");
        }
        let before = format!("{path}?from=0001-01-01T00:00:00Z%23U");
        let nothing = visitor.get(&before).await;
        assert_eq!(nothing.status, 200);
        assert!(!nothing.text.contains("lena"), "{}", nothing.text);
    }
}

/// Who changed what, without what operators keep to themselves.
#[tokio::test]
async fn changes_of_keys_are_on_record_for_the_admin() {
    let page = Page::new().await;
    for command in [
        "tenant disable acme --reason overdue",
        "tenant enable acme",
        "user erase acme nobody --reason asked-for",
    ] {
        page.admin.run(command).await;
    }
    let visitor = page.visitor("acme", Scope::Setup).await;
    let (_, keys) = page.admin.json("key list acme").await;
    let key = keys[0]["id"].as_str().unwrap();
    let shown = visitor.get("/settings/safety").await.text;
    for said in [
        format!("Key {key} was created").as_str(),
        "The account was disabled",
        "was opened <span class=\"hint\">link ",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    for kept in ["overdue", "asked-for", "local user", "scim-admin"] {
        assert!(!shown.contains(kept), "{kept}: {shown}");
    }
}

/// Somebody pastes the key into the wrong field.
#[tokio::test]
async fn a_key_that_is_looked_up_is_not_repeated() {
    let page = Page::new().await;
    let visitor = page.visitor("acme", Scope::View).await;
    for key in [page.service.key.clone(), page.service.key.to_uppercase()] {
        let path = format!("/settings/people?name={key}");
        let shown = visitor.get(&path).await;
        assert_eq!(shown.status, 200);
        assert!(!shown.text.contains(&key), "{}", shown.text);
    }
}
