//! What an IT person does on the day when Entra is connected, from the link to the first members.

use std::time::Duration;

use store::sessions::Scope;

use crate::support::browser::Browser;
use crate::support::driver::{Taste, in_browser};
use crate::support::entra::Entra;
use crate::support::plain::Plain;
use crate::support::site::Site;
use serde_json::json;

const NAME: &str = "Meridian Field Services";

/// How long the page may take to show by itself what has happened.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn from_the_link_to_members() {
    let site = Site::with_tenant("meridian", NAME).await;
    in_browser(Taste::default(), async |browser| {
        walk(&site, browser, true).await;
    })
    .await;
}

#[tokio::test]
async fn the_same_without_scripts() {
    let site = Site::with_tenant("meridian", NAME).await;
    let taste = Taste {
        scripts: false,
        ..Taste::default()
    };
    in_browser(taste, async |browser| walk(&site, browser, false).await).await;
}

async fn walk(site: &Site, browser: &Browser, scripts: bool) {
    enter(site, browser).await;
    enable(site, browser).await;
    let entra = take_credentials(site, browser, scripts).await;
    let ids = connect(browser, &entra, scripts).await;
    look_around(browser, &ids).await;
    assert_eq!(browser.complaints().await, [""; 0]);
}

/// The link says whose settings it opens and for whom it was made, and its button opens them.
async fn enter(site: &Site, browser: &Browser) {
    let link = site.link("meridian", Scope::Setup).await;
    browser.open(&site.url_of(&link)).await;
    browser.says(NAME).await;
    browser.says("it@acme.example").await;
    assert_eq!(browser.session().await, None);
    browser.press(&format!("Open the settings of {NAME}")).await;
    assert_eq!(browser.path().await, "/settings");
    assert!(browser.session().await.is_some());
    browser.says("The API is off").await;
    let link = link.expose();
    assert!(!browser.source().await.contains(link), "the link is gone");
}

async fn enable(site: &Site, browser: &Browser) {
    browser.press("Connect Entra").await;
    assert_eq!(browser.path().await, "/settings/connect");
    // Nothing to copy before there is an API to use it with.
    let button = browser.find("form[action='/settings/keys'] button").await;
    assert!(!button.is_enabled().await.unwrap());
    assert!(!site.is_on("meridian").await);
    browser.press("Enable the API").await;
    assert_eq!(browser.path().await, "/settings/connect");
    assert!(site.is_on("meridian").await);
    browser.says("The API is on.").await;
}

/// The Tenant URL and the key are shown, with an example, and are pasted into Entra.
async fn take_credentials(site: &Site, browser: &Browser, scripts: bool) -> Entra {
    browser.press("Show credentials and example").await;
    browser.says("Copy the API-KEY now.").await;
    let url = browser.text_of("#url").await;
    let key = browser.text_of("#key").await;
    assert_eq!(url, site.url("/scim/v2?aadOptscim062020"));
    assert!(key.starts_with("htscim_meridian_"), "{key}");
    for example in ["#curl", "#powershell"] {
        let example = browser.text_of(example).await;
        assert!(example.contains(&key) && example.contains(&site.url("/scim/v2/Users?filter=")));
    }
    // A button that does nothing is not there.
    let button = browser.find("[data-copy=key]").await;
    assert_eq!(button.is_displayed().await.unwrap(), scripts);
    if scripts {
        let origin = json!({"origin": site.base, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]});
        browser.devtools("Browser.grantPermissions", origin).await;
        browser.click("[data-copy=key]").await;
        browser.until_it_says("Copied", SOON).await;
        let read = "return navigator.clipboard.readText()";
        assert_eq!(browser.run(read, Vec::new()).await, key.as_str());
    }
    browser.press("I have copied it: on to Entra").await;
    assert_eq!(browser.path().await, "/settings/connect");
    assert!(!browser.source().await.contains(&key));
    browser.says("Active keys: 1.").await;
    browser.says("Enter it in Entra").await;
    Entra::with(&url, &key)
}

/// The page waits, says why a first try is refused, and that the next one is answered. Then Entra
/// creates people; returns the ids of Lena, who leaves, and Marco.
async fn connect(browser: &Browser, entra: &Entra, scripts: bool) -> [String; 2] {
    browser.says("Waiting for the first request").await;
    let url = browser.text_of("#url").await;
    let look_again = async |text: &str| {
        if scripts {
            browser.until_it_says(text, SOON).await;
        } else {
            browser.press("Look again").await;
            browser.says(text).await;
        }
    };
    // A paste that lost its end.
    let cut = "htscim_meridian_0123456789abcdef";
    assert_eq!(Entra::with(&url, cut).test_connection().await.status, 401);
    look_again("and was refused: The key is incomplete").await;
    let tested = entra.test_connection().await;
    assert_eq!(
        (tested.status, &tested.json()["totalResults"]),
        (200, &json!(0))
    );
    look_again("and was answered").await;
    browser.says("A request came at").await;
    browser.says("It works. Whoever is assigned").await;

    let lena = entra.created("lena@crew.example", "Lena Ortiz").await;
    let marco = entra.created("marco@crew.example", "Marco Rossi").await;
    let ana = entra.created("ana@crew.example", "Ana Silva").await;
    let left = entra.set(&lena, "active", json!(false)).await;
    assert_eq!(left.status, 200, "{}", left.body);
    let gone = entra.delete(&ana).await;
    assert_eq!(gone.status, 204, "{}", gone.body);
    let again = entra.create("marco@crew.example", "Another Marco").await;
    assert_eq!(again.status, 409, "{}", again.body);
    [lena, marco]
}

async fn look_around(browser: &Browser, [lena, marco]: &[String; 2]) {
    browser.press("Overview").await;
    browser.says("Active members").await;
    browser.says("The API is on").await;

    browser.press("Activity").await;
    for said in [
        "lena@crew.example was created",
        "marco@crew.example was created",
        "lena@crew.example was deactivated",
        "ana@crew.example was deleted",
    ] {
        browser.says(said).await;
    }

    browser.press("Requests").await;
    browser.says("The name is taken").await;
    browser.says("marco@crew.example").await;

    browser.press("People").await;
    browser.fill("#name", "lena@crew.example").await;
    browser.press("Look up").await;
    browser.says("deactivated").await;
    browser.press("lena@crew.example").await;
    assert_eq!(browser.path().await, format!("/settings/people/{lena}"));
    browser.says("What is stored").await;
    browser.says("Dispatcher").await;
    browser.press("Activity").await;
    browser.press("marco@crew.example was created").await;
    assert_eq!(browser.path().await, format!("/settings/people/{marco}"));

    browser.press("Safety").await;
    browser.says("ana@crew.example was deleted").await;

    browser.press("Keys").await;
    browser.says("active").await;

    browser.press("Deutsch").await;
    assert_eq!(browser.path().await, "/settings/keys");
    browser.says("API-Schlüssel").await;
    browser.press("English").await;

    let token = browser.session().await.unwrap();
    browser.press("End session").await;
    browser.says("The session is ended").await;
    assert_eq!(browser.session().await, None);
    let address = browser.client.current_url().await.unwrap();
    let overview = address.join("/settings").unwrap();
    // Not for the one who has kept the cookie either.
    let asked = Plain::new("GET", overview.as_str()).session(&token);
    assert_eq!(asked.send().await.status, 401);
}
