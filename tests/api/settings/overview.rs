//! What the overview says of a tenant, and what it does not say.

use serde_json::json;
use store::sessions::Scope;
use tenant::ApiKey;

use crate::keys::key_use::until;
use crate::support::groups::group;
use crate::support::settings::{Browser, Page};

/// A request with a key, which is refused and counted.
async fn refused(page: &Page, key: &str, reason: &str) {
    let call = page.service.call("GET", "/Users").key(key);
    call.send().await.error(401, "");
    let counted = format!("#{reason}#");
    until(async || {
        let items = page.directory.items("acme").await;
        items
            .keys()
            .any(|sort_key| sort_key.starts_with("R#") && sort_key.contains(&counted))
            .then_some(())
    })
    .await;
}

/// When a key was last used, long ago.
async fn used_an_hour_ago(page: &Page, key: &str) {
    let id = ApiKey::parse(key.as_bytes()).unwrap().id();
    let ago = time::OffsetDateTime::now_utc() - time::Duration::minutes(50);
    let ago = scim::resource::rfc3339(ago);
    let item = format!("K#{id}");
    page.directory
        .plant_text("acme", &item, "last_used", &ago)
        .await;
}

async fn assert_says(visitor: &Browser<'_>, said: &str) {
    let shown = visitor.get("/settings").await.text;
    assert!(shown.contains(said), "{said}: {shown}");
}

const WORKS: &str = "Everything works";

#[tokio::test]
async fn without_a_key_nothing_works() {
    let page = Page::new().await;
    page.service.create_user("lena", json!({})).await;
    let visitor = page.visitor("acme", Scope::View).await;
    assert_says(&visitor, WORKS).await;
    let id = ApiKey::parse(page.service.key.as_bytes()).unwrap().id();
    let (code, said) = page.admin.run(&format!("key revoke acme {id}")).await;
    assert_eq!(code, 0, "{said}");
    assert_says(&visitor, "No key and no client works").await;
    let (code, status) = page.admin.json("tenant status acme").await;
    assert_eq!((code, &status["verdict"]), (1, &json!("no key")));
    // Its client comes all the same.
    used_an_hour_ago(&page, &page.service.key).await;
    refused(&page, &page.service.key, "revokedKey").await;
    assert_says(&visitor, "key or Client Secret is refused").await;
}

#[tokio::test]
async fn requests_while_the_api_was_off_say_nothing_of_the_key() {
    let page = Page::new().await;
    page.service.create_user("lena", json!({})).await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    let token = visitor.get("/settings").await.field("token");
    let turn = async |api| {
        let fields = [("token", token.as_str()), ("api", api), ("sure", "yes")];
        assert_eq!(visitor.post("/settings/api", &fields).await.status, 303);
    };
    turn("off").await;
    used_an_hour_ago(&page, &page.service.key).await;
    refused(&page, &page.service.key, "apiOff").await;
    assert_says(&visitor, "The API is off").await;
    turn("on").await;
    assert_says(&visitor, WORKS).await;
}

#[tokio::test]
async fn whoever_has_an_old_key_is_not_the_client() {
    let page = Page::new().await;
    let old = page.service.key.clone();
    let created = page.admin.run("key create acme --label next").await;
    let key = created
        .1
        .split_whitespace()
        .find(|word| word.starts_with("htscim_"));
    let client = page.service.call("GET", "/Users").key(key.unwrap());
    assert_eq!(client.send().await.status, 200);
    let id = ApiKey::parse(old.as_bytes()).unwrap().id();
    assert_eq!(page.admin.run(&format!("key revoke acme {id}")).await.0, 0);
    used_an_hour_ago(&page, key.unwrap()).await;
    refused(&page, &old, "revokedKey").await;
    let visitor = page.visitor("acme", Scope::View).await;
    assert_says(&visitor, WORKS).await;
}

/// Anybody can name a tenant: it is a hint, and no verdict on the key that Entra has.
#[tokio::test]
async fn strangers_do_not_decide_what_is_said() {
    let page = Page::new().await;
    let tenant = tenant::TenantId::parse("acme").unwrap();
    let strange = ApiKey::from_secret(&tenant, [9; 32]);
    refused(&page, strange.expose(), "unknownKey").await;
    let visitor = page.visitor("acme", Scope::View).await;
    assert_says(&visitor, "Not connected yet").await;
    page.service.create_user("lena", json!({})).await;
    assert_says(&visitor, WORKS).await;
    let id = ApiKey::parse(page.service.key.as_bytes()).unwrap().id();
    let ago = time::OffsetDateTime::now_utc() - time::Duration::hours(2);
    let (item, ago) = (format!("K#{id}"), scim::resource::rfc3339(ago));
    page.directory
        .plant_text("acme", &item, "last_used", &ago)
        .await;
    assert_says(&visitor, "Nothing came with a valid key lately").await;
}

#[tokio::test]
async fn the_limit_on_deleted_groups_is_explained() {
    let page = Page::new().await;
    let mut groups = Vec::new();
    for number in 0..12 {
        groups.push(group(&page.service, &format!("Crew {number}"), &[]).await);
    }
    let mut statuses = Vec::new();
    for id in &groups {
        statuses.push(page.service.delete(&format!("/Groups/{id}")).await.status);
    }
    assert!(statuses.contains(&409), "{statuses:?}");
    let visitor = page.visitor("acme", Scope::View).await;
    assert_says(&visitor, "deletions are held back").await;
    let shown = visitor.get("/settings/safety").await.text;
    for said in [
        "Groups deleted lately",
        "</time>: 10, of 10 at most.",
        "Crew 1",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
}
