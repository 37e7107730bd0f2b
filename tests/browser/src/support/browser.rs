//! What a person does in a browser, and sees.

use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, Locator};
use http::Method;
use serde_json::{Value, json};
use url::{ParseError, Url};

/// How long a page may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Somebody's browser, at a page.
pub struct Browser {
    pub client: Client,
}

/// A command that chromedriver has beside those of WebDriver.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or(""), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

impl Browser {
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    pub async fn open(&self, url: &str) {
        self.client.goto(url).await.expect("a page");
    }

    /// The path of the page.
    pub async fn path(&self) -> String {
        self.client.current_url().await.unwrap().path().to_owned()
    }

    pub async fn title(&self) -> String {
        self.client.title().await.unwrap()
    }

    /// What can be read on the page.
    pub async fn text(&self) -> String {
        self.find("body").await.text().await.unwrap()
    }

    /// Everything in the page, seen or not.
    pub async fn source(&self) -> String {
        self.client.source().await.unwrap()
    }

    /// The first element of a CSS selector.
    pub async fn find(&self, selector: &str) -> Element {
        let found = self.client.find(Locator::Css(selector)).await;
        found.unwrap_or_else(|error| panic!("{selector}: {error}"))
    }

    /// How many there are.
    pub async fn count(&self, selector: &str) -> usize {
        let found = self.client.find_all(Locator::Css(selector)).await;
        found.unwrap().len()
    }

    /// What can be read in the first element of a CSS selector.
    pub async fn text_of(&self, selector: &str) -> String {
        self.find(selector).await.text().await.unwrap()
    }

    pub async fn click(&self, selector: &str) {
        let clicked = self.find(selector).await.click().await;
        clicked.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Presses the button, or follows the link, that has this text, and is on the next page.
    pub async fn press(&self, text: &str) {
        let is_it = format!("[normalize-space(.)=\"{text}\"]");
        let path = format!("//button{is_it} | //a{is_it}");
        let found = self.client.find(Locator::XPath(&path)).await;
        let found = found.unwrap_or_else(|error| panic!("{text}: {error}"));
        self.leave(found.click()).await;
    }

    /// Does what leads to another page, and is there.
    pub async fn leave(&self, act: impl Future<Output = Result<(), CmdError>>) {
        let page = self.find("html").await;
        act.await.expect("it can be done");
        let started = Instant::now();
        // An element of a page that was left is not known any more.
        while page.tag_name().await.is_ok() {
            assert!(started.elapsed() < PATIENCE, "it leads nowhere");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the page is one whose path ends so.
    pub async fn until_at(&self, end: &str) {
        let started = Instant::now();
        while !self.path().await.ends_with(end) {
            assert!(started.elapsed() < PATIENCE, "{end} does not come");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until keys come to the page: a window that was opened just now may not have them.
    pub async fn until_it_has_the_keyboard(&self) {
        let started = Instant::now();
        while self.run("return document.hasFocus()", vec![]).await != true {
            assert!(started.elapsed() < PATIENCE, "no key would come");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn fill(&self, selector: &str, text: &str) {
        self.find(selector).await.send_keys(text).await.unwrap();
    }

    /// Waits until the page says something, for at most so long.
    pub async fn until_it_says(&self, text: &str, patience: Duration) {
        let started = Instant::now();
        loop {
            let said = self.text().await;
            if said.contains(text) {
                return;
            }
            assert!(started.elapsed() < patience, "`{text}` is not in: {said}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The page says this.
    pub async fn says(&self, text: &str) {
        let said = self.text().await;
        assert!(said.contains(text), "`{text}` is not in: {said}");
    }

    /// The value of the session's cookie.
    pub async fn session(&self) -> Option<String> {
        let cookie = self.client.get_named_cookie("__Host-session").await;
        cookie.ok().map(|cookie| cookie.value().to_owned())
    }

    /// Runs a script of the test, which the page cannot forbid.
    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        let outcome = self.client.execute(script, arguments).await;
        outcome.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    async fn extension(&self, path: &'static str, body: Value) -> Value {
        let command = Extension { path, body };
        self.client.issue_cmd(command).await.expect("an outcome")
    }

    /// A command of the DevTools.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.extension("goog/cdp/execute", body).await
    }

    /// Has the browser light or dark.
    pub async fn prefer(&self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        let parameters = json!({"features": features});
        self.devtools("Emulation.setEmulatedMedia", parameters)
            .await;
    }

    /// Has the window this wide, which no window of a desktop can be at 320.
    pub async fn be_wide(&self, width: u32) {
        let metrics =
            json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
    }

    /// What the console has had since the last time: errors, and violations of the page's policy.
    /// That a page was answered with 4xx is one of its lines, and no fault.
    pub async fn complaints(&self) -> Vec<String> {
        let lines = self.extension("se/log", json!({"type": "browser"})).await;
        let lines = lines.as_array().cloned().unwrap_or_default();
        let is_fault = |line: &&Value| line["level"] == "SEVERE" || line["level"] == "WARNING";
        let texts = lines
            .iter()
            .filter(is_fault)
            .map(|line| line["message"].as_str().unwrap_or_default().to_owned());
        let is_answer = |text: &String| {
            text.contains("Failed to load resource: the server responded with a status of 4")
        };
        texts.filter(|text| !is_answer(text)).collect()
    }
}
