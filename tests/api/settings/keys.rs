//! Keys and the switch of the API: what the page changes, and who learns of it.

use store::sessions::Scope;

use crate::support::capture::logged_text;
use crate::support::settings::{Browser, Page};

/// The fields of the form that creates a key.
async fn create<'f>(browser: &Browser<'_>, label: &'f str) -> Vec<(&'static str, String)> {
    let keys = browser.get("/settings/keys").await;
    let label: &'f str = label;
    vec![
        ("token", keys.field("token")),
        ("form", keys.field("form")),
        ("label", label.to_owned()),
        ("days", "365".to_owned()),
    ]
}

fn borrowed<'f>(fields: &'f [(&'static str, String)]) -> Vec<(&'static str, &'f str)> {
    let fields = fields.iter();
    fields
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

#[tokio::test]
async fn a_key_is_in_one_answer_and_nowhere_else() {
    let page = Page::new().await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    let fields = create(&visitor, "Entra").await;
    let (reply, log) = logged_text(visitor.post("/settings/keys", &borrowed(&fields))).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let key = reply.key().unwrap();
    let answer = page.service.call("GET", "/Users").key(&key).send().await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    // The form works once: loading the page again shows no key, and makes none.
    let keys = page.directory.secrets_of("acme").await;
    let again = visitor.post("/settings/keys", &borrowed(&fields)).await;
    assert_eq!((again.status, again.key()), (409, None));
    assert!(again.text.contains("was sent already"), "{}", again.text);
    assert_eq!(page.directory.secrets_of("acme").await, keys);
    let (_, audit) = page.admin.json("audit acme").await;
    let tables = page.directory.dump().await + &audit.to_string() + &log;
    assert!(!tables.contains(&key));
    for path in super::pages::PAGES {
        assert_eq!(visitor.get(path).await.key(), None, "{path}");
    }
    // It is on the operator's log as the link's.
    let last = audit.as_array().unwrap().last().unwrap();
    assert_eq!(last["act"], "createKey");
    let caller = last["caller"].as_str().unwrap();
    assert!(caller.starts_with("settings page, link "), "{caller}");
    assert!(!tables.contains(&visitor.session()) && !log.contains("htlink_"));

    // What no form of the page has.
    for (name, value) in [("label", ""), ("days", "9999"), ("form", "one")] {
        let mut fields = create(&visitor, "x").await;
        fields.retain(|(known, _)| *known != name);
        fields.push((name, value.to_owned()));
        let reply = visitor.post("/settings/keys", &borrowed(&fields)).await;
        assert!(
            [400, 403].contains(&reply.status),
            "{name}: {}",
            reply.status
        );
        assert_eq!(reply.key(), None);
    }
    assert_eq!(page.directory.secrets_of("acme").await, keys);
}

#[tokio::test]
async fn a_key_is_replaced_and_revoked() {
    let page = Page::new().await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    let (_, listed) = page.admin.json("key list acme").await;
    let old = listed[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/settings/keys/{old}/rotate");
    let asked = visitor.get(&path).await;
    let (token, form) = (asked.field("token"), asked.field("form"));
    let fields = [
        ("token", token.as_str()),
        ("form", &form),
        ("overlap", "7"),
        ("days", "365"),
    ];
    let rotated = visitor.post(&path, &fields).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    let new = rotated.key().unwrap();
    assert!(rotated.text.contains(&format!(
        "The key <code><bdi>{old}</bdi></code> is accepted until"
    )));
    for key in [&new, &page.service.key] {
        let answer = page.service.call("GET", "/Users").key(key).send().await;
        assert_eq!(answer.status, 200);
    }
    // A key in use asks for the tenant's name.
    let path = format!("/settings/keys/{old}/revoke");
    let asked = visitor.get(&path).await;
    assert!(asked.text.contains("It was used"), "{}", asked.text);
    let wrong = [("token", token.as_str()), ("confirm", "beta")];
    let reply = visitor.post(&path, &wrong).await;
    assert!(reply.text.contains("Nothing was revoked"), "{}", reply.text);
    let right = [("token", token.as_str()), ("confirm", "acme")];
    let reply = visitor.post(&path, &right).await;
    assert_eq!(
        (reply.status, reply.header("location")),
        (303, "/settings/keys")
    );
    let answer = page.service.get("/Users").await;
    answer.error(401, "");
    assert_eq!(visitor.get("/settings/keys/none/revoke").await.status, 404);
}

#[tokio::test]
async fn the_api_is_turned_off_and_on() {
    let page = Page::new().await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    let token = visitor.get("/settings").await.field("token");
    let turn = async |api: &str, sure: &str| {
        let fields = [
            ("token", token.as_str()),
            ("api", api),
            ("sure", sure),
            ("back", "/settings"),
        ];
        visitor.post("/settings/api", &fields).await.status
    };
    assert_eq!(turn("off", "").await, 403);
    assert_eq!(page.service.get("/Users").await.status, 200);
    assert_eq!(turn("off", "yes").await, 303);
    let refused = page.service.get("/Users").await;
    refused.error(401, "");
    let said = refused.body["detail"].as_str().unwrap();
    assert!(said.contains("turned off for this account"), "{said}");
    let off = visitor.get("/settings").await;
    assert!(
        off.text.contains("all keys and clients are refused"),
        "{}",
        off.text
    );
    let (_, listed) = page.admin.run("tenant list").await;
    assert!(listed.contains("API off"), "{listed}");
    assert_eq!(turn("on", "").await, 303);
    assert_eq!(page.service.get("/Users").await.status, 200);
}
