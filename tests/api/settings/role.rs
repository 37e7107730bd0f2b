//! The role that template.yaml gives the page's function: all that the page does works with it, on
//! a wire that refuses everything else, and all that it allows is used.

use serde_json::json;
use store::sessions::Scope;
use tenant::ApiKey;

use super::pages::PAGES;
use crate::support::engine;
use crate::support::permissions::{Guarded, role};
use crate::support::settings::{Browser, Reply};

/// Sends the form of a page of keys, and follows where it leads.
async fn submit(visitor: &Browser<'_>, path: &str, more: &[(&str, &str)]) -> Reply {
    let asked = visitor.get(path).await;
    assert_eq!(asked.status, 200, "{path}: {}", asked.text);
    let (token, form) = (asked.field("token"), uuid::Uuid::new_v4().to_string());
    let mut fields = vec![("token", token.as_str()), ("form", &form)];
    fields.extend(more);
    visitor.post(path, &fields).await
}

#[tokio::test]
async fn the_page_works_with_its_role_and_needs_all_of_it() {
    let page = super::pages::stage().await;
    for (tenant, commands) in [
        ("empty", vec!["tenant create empty"]),
        (
            "gone",
            vec![
                "tenant create gone",
                "tenant disable gone --reason x",
                "tenant delete gone --confirm gone --reason x",
            ],
        ),
    ] {
        for command in commands {
            if command.starts_with("tenant delete") {
                let since = "2026-01-01T00:00:00Z";
                page.directory.plant_disabled(tenant, since).await;
            }
            let (code, said) = page.admin.run(command).await;
            assert_eq!(code, 0, "{command}: {said}");
        }
    }
    let guarded = Guarded::start(engine::endpoint(), role("SettingsFunction")).await;
    let page = page.behind(&guarded.wire).await;
    let allowed = |context: &str| {
        let refused = guarded.refused();
        assert!(refused.is_empty(), "{context}: {refused:?}");
    };

    // The product issues links for tenants that there are, that there are not, and that there were.
    for (body, expected) in [
        (json!({"tenant": "acme", "for": "it"}), 201),
        (json!({"tenant": "new", "for": "it"}), 409),
        (json!({"tenant": "new", "name": "New", "for": "it"}), 201),
        (json!({"tenant": "gone", "for": "it"}), 409),
        (json!({"tenant": "gone", "name": "Again", "for": "it"}), 409),
    ] {
        let (status, said) = page.issue(&body).await;
        allowed(&body.to_string());
        assert_eq!(status, expected, "{body}: {said}");
    }

    // Every page, of a tenant with everything and of one with nothing.
    for tenant in ["acme", "empty"] {
        let visitor = page.visitor(tenant, Scope::Setup).await;
        for path in PAGES {
            assert_eq!(visitor.get(path).await.status, 200, "{path}");
            allowed(path);
        }
    }
    let visitor = page.visitor("acme", Scope::Setup).await;
    for name in ["lena", "kim", "nobody"] {
        let found = visitor.get(&format!("/settings/people?name={name}")).await;
        if let Some(person) = found.text.split("href=\"/settings/people/").nth(1) {
            let path = format!("/settings/people/{}", person.split('"').next().unwrap());
            assert_eq!(visitor.get(&path).await.status, 200);
        }
        allowed(name);
    }

    // Every change.
    let created = submit(
        &visitor,
        "/settings/keys",
        &[("label", "x"), ("days", "90")],
    )
    .await;
    allowed("create a key");
    let key = created.key().expect("a key");
    let id = ApiKey::parse(key.as_bytes()).unwrap().id();
    let rotate = format!("/settings/keys/{id}/rotate");
    let rotated = submit(&visitor, &rotate, &[("overlap", "1"), ("days", "90")]).await;
    allowed("replace a key");
    assert!(rotated.key().is_some(), "{}", rotated.text);
    let revoke = format!("/settings/keys/{id}/revoke");
    let revoked = submit(&visitor, &revoke, &[("confirm", "acme")]).await;
    allowed("revoke a key");
    assert_eq!(revoked.status, 303, "{}", revoked.text);
    clients(&visitor, allowed).await;
    for fields in [
        [("api", "off"), ("sure", "yes")],
        [("api", "on"), ("sure", "")],
    ] {
        let token = visitor.get("/settings").await.field("token");
        let fields: Vec<_> = fields.into_iter().chain([("token", &*token)]).collect();
        assert_eq!(visitor.post("/settings/api", &fields).await.status, 303);
        allowed("the switch");
    }

    // Where there is no room for a key but for one that was deleted by hand.
    while page.admin.run("key create acme --label x").await.0 == 0 {}
    let full = submit(
        &visitor,
        "/settings/keys",
        &[("label", "x"), ("days", "90")],
    )
    .await;
    allowed("one key too many");
    assert_eq!(full.key(), None, "{}", full.text);
    let first = ApiKey::parse(page.service.key.as_bytes()).unwrap();
    page.directory.remove_key(&first).await;
    let room = submit(
        &visitor,
        "/settings/keys",
        &[("label", "x"), ("days", "90")],
    )
    .await;
    allowed("room for a key");
    assert!(room.key().is_some(), "{}", room.text);

    let token = visitor.get("/settings").await.field("token");
    let ended = visitor.post("/settings/end", &[("token", &token)]).await;
    allowed("the end");
    assert_eq!(ended.status, 200);
    assert_eq!(visitor.get("/settings").await.status, 401);
    let unused = guarded.unused();
    assert!(unused.is_empty(), "the page does not need {unused:?}");
}

/// What is done with OAuth 2.0 clients.
async fn clients(visitor: &Browser<'_>, allowed: impl Fn(&str)) {
    let list = "/settings/clients";
    let created = submit(visitor, list, &[("label", "x"), ("years", "1")]).await;
    allowed("create a client");
    assert!(created.text.contains("htscs_"), "{}", created.text);
    let listed = visitor.get(list).await.text;
    let rotate = listed.split('"').find(|part| part.ends_with("/rotate"));
    let rotate = rotate.expect("a secret");
    let rotated = submit(visitor, rotate, &[("overlap", "1"), ("years", "1")]).await;
    allowed("replace a client secret");
    assert!(rotated.text.contains("htscs_"), "{}", rotated.text);
    let trust = listed.split('"').find(|part| part.ends_with("/trust"));
    let host = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555";
    let values = [
        ("issuer", &*format!("{host}/v2.0")),
        ("jwks", &format!("{host}/discovery/v2.0/keys")),
        ("subject", "3f9c1b7a-2d4e-4c11-9a55-0d5e8b7c6a21"),
        ("audience", "9b1f2c3d-0000-4c11-9a55-0d5e8b7c6a21"),
    ];
    let trusted = submit(visitor, trust.expect("a client"), &values).await;
    allowed("trust an issuer");
    assert_eq!(trusted.status, 200, "{}", trusted.text);
    let secret = rotate.replace("/rotate", "/revoke");
    let all = trust.expect("a client").replace("/trust", "/revoke");
    for path in [secret, all] {
        let revoked = submit(visitor, &path, &[("confirm", "acme")]).await;
        allowed(&path);
        assert_eq!(revoked.status, 303, "{}", revoked.text);
    }
}
