//! What holds on every page, in each state that it has: axe finds nothing, in both languages, light
//! and dark; nothing is wider than 320 pixels, which is also a zoom of 400 %; the console stays
//! empty, where violations of the page's policy would be; the keyboard reaches everything. And a
//! picture of each.

use std::sync::Mutex;

use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::key::Key;
use serde_json::{Value, json};
use store::Meter;
use store::sessions::Scope;
use tenant::TenantId;

use crate::support::browser::Browser;
use crate::support::driver::{Taste, in_browser};
use crate::support::entra::Entra;
use crate::support::plain::Plain;
use crate::support::site::Site;
use crate::support::{axe, pictures};

const TENANT: &str = "meridian";
const NAME: &str = "Meridian Field Services";

/// Pages of which there is a picture in the dark, and a narrow one.
const OFTEN_PICTURED: &[&str] = &[
    "overview",
    "connect",
    "key",
    "keys",
    "clients",
    "client",
    "trust-wrong",
    "activity",
    "requests",
];

#[tokio::test]
async fn in_english_by_day() {
    look_at_all("en", "light").await;
}

#[tokio::test]
async fn in_english_by_night() {
    look_at_all("en", "dark").await;
}

#[tokio::test]
async fn in_german_by_day() {
    look_at_all("de", "light").await;
}

#[tokio::test]
async fn in_german_by_night() {
    look_at_all("de", "dark").await;
}

#[tokio::test]
async fn the_keyboard_reaches_everything() {
    let site = Site::with_tenant(TENANT, NAME).await;
    in_browser(Taste::default(), async |browser| {
        let faults = Mutex::new(Vec::new());
        walk(&site, browser, async |name| {
            let found = unreached(browser).await;
            let found = found.into_iter().map(|fault| format!("{name}: {fault}"));
            faults.lock().unwrap().extend(found);
        })
        .await;
        let faults = faults.into_inner().unwrap();
        assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    })
    .await;
}

async fn look_at_all(language: &'static str, scheme: &str) {
    let site = Site::with_tenant(TENANT, NAME).await;
    let taste = Taste {
        language,
        ..Taste::default()
    };
    in_browser(taste, async |browser| {
        browser.prefer(scheme).await;
        browser.be_wide(1280).await;
        let faults = Mutex::new(Vec::new());
        walk(&site, browser, async |name| {
            let said = browser.run("return document.documentElement.lang", vec![]);
            assert_eq!(said.await, language);
            if language == "en" {
                take_pictures(browser, scheme, name).await;
            }
            let found = look(browser).await;
            let found = found.into_iter().map(|fault| format!("{name}: {fault}"));
            faults.lock().unwrap().extend(found);
        })
        .await;
        let faults = faults.into_inner().unwrap();
        assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    })
    .await;
}

/// Pictures as a person sees the page first.
async fn take_pictures(browser: &Browser, scheme: &str, name: &str) {
    let is_often_pictured = OFTEN_PICTURED.contains(&name);
    match scheme {
        "light" => {
            pictures::keep(browser, name).await;
            if is_often_pictured {
                browser.be_wide(320).await;
                pictures::keep(browser, &format!("{name}-narrow")).await;
                browser.be_wide(1280).await;
            }
        }
        _ if is_often_pictured => pictures::keep(browser, &format!("{name}-dark")).await,
        _ => {}
    }
}

/// What is wrong with the page, wide and narrow, with everything unfolded.
async fn look(browser: &Browser) -> Vec<String> {
    let unfold = "for (const part of document.querySelectorAll('details')) part.open = true;";
    browser.run(unfold, vec![]).await;
    let mut faults = axe::violations(browser).await;
    browser.be_wide(320).await;
    let narrow = axe::violations(browser).await;
    let narrow = narrow.into_iter().filter(|fault| !faults.contains(fault));
    let narrow: Vec<String> = narrow.map(|fault| format!("at 320: {fault}")).collect();
    faults.extend(narrow);
    let wide = browser.run(WIDE, vec![]).await;
    if let Some(wide) = wide.as_str() {
        faults.push(format!("at 320 it scrolls sideways: {wide}"));
    }
    browser.be_wide(1280).await;
    faults.extend(browser.complaints().await);
    faults
}

/// What is wider than the window, if the document scrolls sideways.
const WIDE: &str = "
    const root = document.documentElement;
    if (root.scrollWidth <= 320 && document.body.scrollWidth <= 320) return null;
    const isClipped = (one) => {
        for (let over = one.parentElement; over !== root; over = over.parentElement) {
            if (getComputedStyle(over).overflowX !== 'visible') return true;
        }
        return false;
    };
    const all = [...document.querySelectorAll('body *')];
    const wide = all.filter((one) => one.getBoundingClientRect().right > 320.5
        && (!isClipped(one) || getComputedStyle(one).position === 'absolute'));
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const range = document.createRange();
        range.selectNodeContents(texts.currentNode);
        const one = texts.currentNode.parentElement;
        const { right } = range.getBoundingClientRect();
        if (right > 320.5 && !one.closest('.scroll, .unseen')) wide.push(one);
    }
    return root.scrollWidth + ' px: ' + wide.slice(0, 5).map((one) =>
        one.outerHTML.slice(0, 200) + ' to ' + one.getBoundingClientRect().right).join(' | ');
";

/// Goes through every page, in the states that they have, and calls `look` at each.
async fn walk(site: &Site, browser: &Browser, look: impl AsyncFn(&str)) {
    let show = async |path: &str, name: &str| {
        browser.open(&site.url(path)).await;
        look(name).await;
    };
    // Before there is a session.
    show("/settings", "no-session").await;
    show("/settings/open/htlink_nothing", "link-gone").await;
    let link = site.link(TENANT, Scope::Setup).await;
    browser.open(&site.url_of(&link)).await;
    look("link").await;
    submit(browser, "form[action^='/settings/open/']").await;

    // Before anything is there.
    look("overview-off").await;
    show("/settings/connect", "connect-off").await;
    show("/settings/keys", "keys-none").await;
    show("/settings/clients", "clients-none").await;
    show("/settings/activity", "activity-none").await;
    show("/settings/requests", "requests-none").await;
    show("/settings/safety", "safety-none").await;

    // A key is created, and Entra asks.
    browser.open(&site.url("/settings/connect")).await;
    submit(browser, "form[action='/settings/api']").await;
    look("connect-on").await;
    submit(browser, "form[action='/settings/keys']").await;
    look("key").await;
    let (url, key) = (browser.text_of("#url").await, browser.text_of("#key").await);
    browser.client.refresh().await.unwrap();
    look("key-again").await;
    show("/settings", "overview-new").await;
    show("/settings/connect", "connect-waiting").await;
    let cut = Entra::with(&url, "htscim_meridian_0123456789abcdef");
    assert_eq!(cut.test_connection().await.status, 401);
    show("/settings/connect", "connect-refused").await;
    let entra = Entra::with(&url, &key);
    let [active, gone] = provision(&entra).await;
    show("/settings/connect", "connect").await;
    show("/settings", "overview").await;
    show("/settings/activity", "activity").await;
    show("/settings/requests", "requests").await;
    show("/settings/safety", "safety").await;
    show("/settings/people", "people").await;
    show(
        "/settings/people?name=nobody%40crew.example",
        "people-nobody",
    )
    .await;
    show("/settings/people?name=marco%40crew.example", "people-found").await;
    show(&format!("/settings/people/{active}"), "person").await;
    show(&format!("/settings/people/{gone}"), "person-deleted").await;
    show("/settings/nothing", "not-found").await;

    // Keys are replaced and revoked.
    show("/settings/keys", "keys-one").await;
    browser.click("a[href$='/rotate']").await;
    browser.until_at("/rotate").await;
    look("rotate").await;
    submit(browser, "form[action$='/rotate']").await;
    look("key-replaced").await;
    show("/settings/keys", "keys").await;
    let old = key_id(browser, 1).await;
    show(&format!("/settings/keys/{old}/revoke"), "revoke").await;
    browser.fill("#confirm", "another").await;
    submit(browser, "form[action$='/revoke']").await;
    look("revoke-wrong").await;
    browser.fill("#confirm", TENANT).await;
    submit(browser, "form[action$='/revoke']").await;
    look("keys-revoked").await;
    browser.fill("#label", "htscim_").await;
    submit(browser, "form[action='/settings/keys']").await;
    look("label-invalid").await;

    walk_clients(site, browser, &look).await;

    // What is refused.
    browser.open(&site.url("/settings")).await;
    let spoil = "document.querySelector('form[action=\"/settings/end\"] [name=token]').value = 'x'";
    browser.run(spoil, vec![]).await;
    submit(browser, "form[action='/settings/end']").await;
    look("elsewhere").await;
    browser.open(&site.url_of(&link)).await;
    look("link-used").await;
    site.age_sessions(TENANT).await;
    show("/settings/connect", "connect-stale").await;
    show("/settings/keys", "keys-stale").await;
    show("/settings/clients", "clients-stale").await;
    let enable = "document.querySelector('form[action=\"/settings/api\"] button').disabled = false";
    browser.open(&site.url("/settings")).await;
    look("overview-stale").await;
    browser.run(enable, vec![]).await;
    browser.click("[name=sure]").await;
    submit(browser, "form[action='/settings/api']").await;
    look("stale").await;
    browser.open(&site.url("/settings")).await;
    submit(browser, "form[action='/settings/end']").await;
    look("session-ended").await;

    // A session that only looks, and a tenant that is closed.
    let link = site.link(TENANT, Scope::View).await;
    browser.open(&site.url_of(&link)).await;
    submit(browser, "form[action^='/settings/open/']").await;
    look("overview-view").await;
    show("/settings/connect", "connect-view").await;
    show("/settings/keys", "keys-view").await;
    show("/settings/clients", "clients-view").await;
    let id = TenantId::parse(TENANT).unwrap();
    let meter = Meter::default();
    site.store.set_enabled(&id, false, &meter).await.unwrap();
    show("/settings", "closed").await;
}

/// A client is created, its secret replaced, an issuer trusted, all of it revoked.
async fn walk_clients(site: &Site, browser: &Browser, look: &impl AsyncFn(&str)) {
    let open = async |name: &str| {
        browser.open(&site.url("/settings/clients")).await;
        look(name).await;
    };
    let follow = async |end: &str, name: &str| {
        browser.open(&site.url("/settings/clients")).await;
        browser.click(&format!("a[href$='{end}']")).await;
        browser.until_at(end).await;
        look(name).await;
    };
    browser.open(&site.url("/settings/clients")).await;
    browser.fill("#label", "Entra").await;
    submit(browser, "form[action='/settings/clients']").await;
    look("client").await;
    browser.client.refresh().await.unwrap();
    look("client-again").await;
    open("clients-one").await;
    follow("/rotate", "secret-rotate").await;
    submit(browser, "form[action$='/rotate']").await;
    look("client-replaced").await;
    follow("/trust", "trust").await;
    let host = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555";
    browser.fill("#issuer", &format!("{host}/v2.0")).await;
    browser
        .fill("#jwks", &format!("{host}/discovery/v2.0/keys"))
        .await;
    browser.fill("#subject", "Sync Fabric").await;
    browser
        .fill("#audience", "9b1f2c3d-0000-4c11-9a55-0d5e8b7c6a21")
        .await;
    submit(browser, "form[action$='/trust']").await;
    look("trust-wrong").await;
    let clear = "document.querySelector('#subject').value = ''";
    browser.run(clear, vec![]).await;
    browser
        .fill("#subject", "3f9c1b7a-2d4e-4c11-9a55-0d5e8b7c6a21")
        .await;
    submit(browser, "form[action$='/trust']").await;
    look("trusted").await;
    open("clients").await;
    let secret = "tr:last-child a[href$='/revoke']";
    browser.click(secret).await;
    browser.until_at("/revoke").await;
    look("secret-revoke").await;
    submit(browser, "form[action$='/revoke']").await;
    look("clients-secret-revoked").await;
    browser.click(".foot a[href$='/revoke']").await;
    browser.until_at("/revoke").await;
    look("client-revoke").await;
    submit(browser, "form[action$='/revoke']").await;
    look("clients-revoked").await;
}

/// Some days of a company, as far as they fit into a second. Returns the ids of somebody who is
/// there and of somebody who was deleted.
async fn provision(entra: &Entra) -> [String; 2] {
    assert_eq!(entra.test_connection().await.status, 200);
    let lena = entra.created("lena@crew.example", "Lena Ortiz").await;
    let marco = entra.created("marco@crew.example", "Marco Rossi").await;
    let long = "a.person.with.a.very.long.name.and.no.space.in.it@subsidiary.crew.example";
    let ana = entra.created(long, "Ana Silva").await;
    entra.set(&lena, "active", json!(false)).await;
    entra.set(&marco, "title", json!("Head of Dispatch")).await;
    entra.create_group("Dispatchers", &[&lena, &marco]).await;
    entra.delete(&ana).await;
    entra.create("marco@crew.example", "Another Marco").await;
    entra.create("", "Without a name").await;
    entra.set(&marco, "noSuchAttribute", json!("x")).await;
    [marco, ana]
}

/// Presses the button of a form.
async fn submit(browser: &Browser, form: &str) {
    let button = browser.find(&format!("{form} button")).await;
    browser.leave(button.click()).await;
}

/// The id of a key of the list, the latest first.
async fn key_id(browser: &Browser, place: usize) -> String {
    let script = "return [...document.querySelectorAll('tbody code')].map((id) => id.textContent)";
    let ids = browser.run(script, vec![]).await;
    ids[place].as_str().unwrap().to_owned()
}

/// What the keyboard is to reach, in its order, and where it is.
const REACHABLE: &str = "
    const all = document.querySelectorAll('a[href], button, input, select, summary, [tabindex=\"0\"]');
    window.reachable = [...all].filter((one) => !one.disabled && one.type !== 'hidden'
        && one.checkVisibility());
    document.activeElement.blur();
    return window.reachable.map((one) => one.outerHTML.slice(0, 100));
";
const REACHED: &str = "
    const here = document.activeElement;
    const style = getComputedStyle(here);
    const box = here.getBoundingClientRect();
    return {
        place: window.reachable.indexOf(here),
        what: here.outerHTML.slice(0, 100),
        seen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
        marked: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
    };
";

/// What Tab does not reach in its order, or is not marked or not seen when it is reached.
async fn unreached(browser: &Browser) -> Vec<String> {
    browser.until_it_has_the_keyboard().await;
    let expected = browser.run(REACHABLE, vec![]).await;
    let expected = expected.as_array().unwrap();
    let mut faults = Vec::new();
    let reached = async || {
        press(browser, Key::Tab.into()).await;
        browser.run(REACHED, vec![]).await
    };
    for (place, what) in expected.iter().enumerate() {
        let here = reached().await;
        if here["place"] != json!(place) {
            faults.push(format!("{what} is not reached, but {}", here["what"]));
            break;
        }
        for mark in ["seen", "marked"] {
            if here[mark] == Value::Bool(false) {
                faults.push(format!("{what} is not {mark} when it is reached"));
            }
        }
        if place == 0 {
            // The way past everything that is the same on all pages.
            assert!(what.as_str().unwrap().contains("class=\"skip\""), "{what}");
        }
    }
    let skip = "document.querySelector('.skip').focus()";
    browser.run(skip, vec![]).await;
    press(browser, Key::Enter.into()).await;
    let here = browser
        .run("return document.activeElement.id", vec![])
        .await;
    if here != "content" {
        faults.push(format!("the skip link leads to {here}"));
    }
    // Loaded again, the page would begin there.
    browser.client.back().await.unwrap();
    faults.extend(browser.complaints().await);
    faults
}

async fn press(browser: &Browser, key: char) {
    let down = KeyActions::new("keyboard".to_owned()).then(KeyAction::Down { value: key });
    let actions = down.then(KeyAction::Up { value: key });
    browser.client.perform_actions(actions).await.unwrap();
}

/// A link that only answers to a person is opened by the keyboard alone.
#[tokio::test]
async fn a_link_is_opened_by_the_keyboard() {
    let site = Site::with_tenant(TENANT, NAME).await;
    let link = site.link(TENANT, Scope::Setup).await;
    in_browser(Taste::default(), async |browser| {
        browser.open(&site.url_of(&link)).await;
        browser.until_it_has_the_keyboard().await;
        // Past the skip link and the language.
        for _ in 0..3 {
            press(browser, Key::Tab.into()).await;
        }
        let focused = "return document.activeElement.className";
        assert_eq!(browser.run(focused, vec![]).await, "primary");
        press(browser, Key::Enter.into()).await;
        browser.until_at("/settings").await;
        let token = browser.session().await.unwrap();
        let asked = Plain::new("GET", &site.url("/settings")).session(&token);
        assert_eq!(asked.send().await.status, 200);
    })
    .await;
}

/// Planted faults, so that the tests above cannot pass by seeing nothing.
#[tokio::test]
async fn faults_are_seen() {
    let site = Site::with_tenant(TENANT, NAME).await;
    let plant = "
        const add = (name, more) => {
            const one = document.createElement(name);
            Object.assign(one, more);
            return document.querySelector('main').appendChild(one);
        };
        add('img', {src: document.querySelector('link[rel=icon]').href});
        add('p', {textContent: 'pale'}).style.cssText = 'color: #aaa; background: #fff';
        add('div', {textContent: 'wide'}).style.width = '400px';
        add('p', {textContent: 'refused'}).setAttribute('style', 'color: red');
        add('button', {textContent: 'unmarked'}).style.outline = 'none';
        add('button', {textContent: 'out of reach', tabIndex: -1});
    ";
    in_browser(Taste::default(), async |browser| {
        browser.open(&site.url("/settings")).await;
        browser.be_wide(1280).await;
        assert_eq!(look(browser).await, [""; 0]);
        browser.run(plant, vec![]).await;
        let mut faults = unreached(browser).await;
        faults.extend(look(browser).await);
        let faults = faults.join("\n");
        for fault in [
            "image-alt",
            "color-contrast",
            "scrolls sideways",
            "Content Security Policy",
            "unmarked</button>\" is not marked",
            "out of reach</button>\" is not reached",
        ] {
            assert!(faults.contains(fault), "{fault}: {faults}");
        }
    })
    .await;
}
