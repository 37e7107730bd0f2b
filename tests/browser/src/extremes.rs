//! Names as long as they may be, wide and narrow; and the page that waits, whatever happens
//! meanwhile.

use std::time::Duration;

use serde_json::json;
use store::Meter;
use store::sessions::Scope;
use tenant::{ApiKey, TenantId};
use time::OffsetDateTime;

use crate::support::browser::Browser;
use crate::support::driver::{Taste, in_browser};
use crate::support::entra::Entra;
use crate::support::pictures;
use crate::support::site::Site;

const TENANT: &str = "meridian";

/// How long the page may take to show by itself what has happened, after a pause too.
const SOON: Duration = Duration::from_secs(20);

/// How much wider than the window the page is, and the width of the widest that is seen of it.
const OVER: &str = "
    const root = document.documentElement;
    const over = Math.max(root.scrollWidth, document.body.scrollWidth) - innerWidth;
    const wide = [...document.querySelectorAll('main *')].find((one) =>
        one.getBoundingClientRect().right > innerWidth + 0.5 && !one.closest('.scroll, .unseen'));
    return over > 0 || wide ? `${over} px: ${wide && wide.outerHTML.slice(0, 200)}` : '';
";

async fn enter(site: &Site, browser: &Browser) {
    let link = site.link(TENANT, Scope::Setup).await;
    browser.open(&site.url_of(&link)).await;
    let button = browser.find("form[action^='/settings/open/'] button").await;
    browser.leave(button.click()).await;
}

#[tokio::test]
async fn long_names_stay_within_the_page() {
    let name = "N".repeat(100);
    let site = Site::with_tenant(TENANT, &name).await;
    let id = TenantId::parse(TENANT).unwrap();
    let account = site.account(TENANT).await;
    account.set_api(true).await.unwrap();
    let label = "L".repeat(100);
    let key = ApiKey::from_secret(&id, [3; 32]);
    let (now, meter) = (OffsetDateTime::now_utc(), Meter::default());
    let ends = Some(now + time::Duration::days(3));
    let created = site.store.create_key(&key, &label, now, ends, &meter);
    let record = created.await.unwrap().id;
    let entra = Entra::with(&site.url("/scim/v2"), key.expose());
    let long = "u".repeat(300);
    let user = entra.created(&long, &"D".repeat(300)).await;
    entra.set(&user, "title", json!("T".repeat(300))).await;
    entra.create(&long, "Again").await;
    entra.create_group(&"G".repeat(300), &[&user]).await;
    let link = site.link(TENANT, Scope::View).await;
    in_browser(Taste::default(), async |browser| {
        enter(&site, browser).await;
        let mut faults = Vec::new();
        for (path, picture) in [
            (format!("/settings/open/{}", link.expose()), "long-open"),
            ("/settings".to_owned(), "long-overview"),
            ("/settings/keys".to_owned(), "long-keys"),
            (format!("/settings/keys/{record}/rotate"), "long-rotate"),
            (format!("/settings/keys/{record}/revoke"), "long-revoke"),
            (format!("/settings/people?name={long}"), "long-people"),
            (format!("/settings/people?name=x{long}"), "long-nobody"),
            (format!("/settings/people/{user}"), "long-person"),
            ("/settings/activity".to_owned(), "long-activity"),
            ("/settings/requests".to_owned(), "long-requests"),
        ] {
            for width in [320, 1200] {
                browser.be_wide(width).await;
                browser.open(&site.url(&path)).await;
                let unfold = "for (const one of document.querySelectorAll('details')) one.open = true";
                browser.run(unfold, vec![]).await;
                pictures::keep(browser, &format!("{picture}-{width}")).await;
                let over = browser.run(OVER, vec![]).await;
                if over != "" {
                    faults.push(format!("{path} at {width}: {over}"));
                }
            }
        }
        assert!(faults.is_empty(), "\n{}", faults.join("\n"));
        // A label leaves room for the other columns, all of which are seen.
        browser.be_wide(1200).await;
        browser.open(&site.url("/settings/keys")).await;
        let room = "const all = document.querySelector('.scroll'); return all.scrollWidth - all.clientWidth";
        assert_eq!(browser.run(room, vec![]).await, 0);
    })
    .await;
}

/// Has the next answer to the page's question be of this status, and counts the questions.
const ANSWER: &str = "
    const [status] = arguments;
    window.real ??= window.fetch;
    window.asked = 0;
    window.fetch = async (...all) => {
        window.asked += 1;
        if (window.asked === 1 && status) return new Response('', { status });
        return window.real(...all);
    };
";

#[tokio::test]
async fn the_page_that_waits_goes_on_until_it_knows() {
    let site = Site::with_tenant(TENANT, "Meridian").await;
    let account = site.account(TENANT).await;
    account.set_api(true).await.unwrap();
    let key = account.create_key("Entra", None).await.unwrap().key;
    let entra = Entra::with(&site.url("/scim/v2"), key.expose());
    in_browser(Taste::default(), async |browser| {
        enter(&site, browser).await;
        browser.open(&site.url("/settings/connect")).await;
        browser.says("Waiting for the first request").await;
        // Nobody looks: nothing is asked. It is when somebody looks again, at once.
        let hide =
            "Object.defineProperty(document, 'hidden', {value: arguments[0], configurable: true});
            document.dispatchEvent(new Event('visibilitychange'))";
        browser.run(ANSWER, vec![json!(0)]).await;
        browser.run(hide, vec![json!(true)]).await;
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(browser.run("return window.asked", vec![]).await, 0);
        browser.run(hide, vec![json!(false)]).await;
        assert_eq!(browser.run("return window.asked", vec![]).await, 1);
        // Too many questions are no end of it.
        browser.run(ANSWER, vec![json!(429)]).await;
        assert_eq!(browser.count(".steps > li:last-child.done").await, 0);
        assert_eq!(entra.test_connection().await.status, 200);
        browser.until_it_says("and was answered", SOON).await;
        assert_eq!(browser.count(".steps > li:last-child.done").await, 1);
        browser.says("It works. Whoever is assigned").await;
    })
    .await;
}

#[tokio::test]
async fn the_page_that_waits_says_that_the_session_has_ended() {
    let site = Site::with_tenant(TENANT, "Meridian").await;
    in_browser(Taste::default(), async |browser| {
        enter(&site, browser).await;
        browser.open(&site.url("/settings/connect")).await;
        browser.says("Waiting for the first request").await;
        browser
            .client
            .delete_cookie("__Host-session")
            .await
            .unwrap();
        browser.until_it_says("Your session has ended", SOON).await;
        let text = browser.text().await;
        assert!(!text.contains("Waiting for the first request"), "{text}");
    })
    .await;
}
