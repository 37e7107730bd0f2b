//! A Chromium of a test's own, driven by chromedriver.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::Stdio;

use fantoccini::{Client, ClientBuilder};
use futures_util::FutureExt as _;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::browser::Browser;
use super::pictures;

/// Where Debian puts them.
const CHROMIUM: &str = "/usr/bin/chromium";
const CHROMEDRIVER: &str = "/usr/bin/chromedriver";

/// What somebody's browser is like.
#[derive(Debug, Clone, Copy)]
pub struct Taste {
    pub scripts: bool,
    /// As in `Accept-Language`.
    pub language: &'static str,
}

impl Default for Taste {
    fn default() -> Self {
        Self {
            scripts: true,
            language: "en",
        }
    }
}

/// Does `work` in a browser, which ends with it, also when it fails: then its last page is among
/// the pictures.
pub async fn in_browser<T>(taste: Taste, work: impl AsyncFnOnce(&Browser) -> T) -> T {
    let (_driver, address) = start().await;
    let browser = Browser::new(connect(&address, taste).await);
    let outcome = AssertUnwindSafe(Box::pin(work(&browser)))
        .catch_unwind()
        .await;
    if outcome.is_err() {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("test").replace("::", "-");
        pictures::keep(&browser, &format!("failed-{name}")).await;
    }
    // Chromium ends with its session; chromedriver alone does not take it with it.
    let closed = browser.client.clone().close().await;
    match outcome {
        Ok(outcome) => {
            closed.expect("the browser ends");
            outcome
        }
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// How often chromedriver is started until it has a port.
const STARTS: usize = 5;

/// chromedriver, and its address. It ends when dropped.
///
/// It chooses a free port of IPv4 and then asks for the same one of IPv6, which another program may
/// have by then: it says so, and ends.
async fn start() -> (Child, String) {
    for program in [CHROMIUM, CHROMEDRIVER] {
        let is_there = Path::new(program).is_file();
        assert!(is_there, "{program} is missing: run `make test-browser`");
    }
    let mut said = Vec::new();
    for _ in 0..STARTS {
        match start_once().await {
            Ok(started) => return started,
            Err(lines) => said.extend(lines),
        }
    }
    panic!("chromedriver has no port after {STARTS} starts: {said:#?}");
}

/// The same; or what chromedriver said before it ended.
async fn start_once() -> Result<(Child, String), Vec<String>> {
    let mut driver = Command::new(CHROMEDRIVER)
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("chromedriver starts");
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    let port = loop {
        let Some(line) = lines.next_line().await.unwrap() else {
            return Err(said);
        };
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            break port.trim_end_matches('.').to_owned();
        }
        said.push(line);
    };
    // It must not find its output closed.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok((driver, format!("http://127.0.0.1:{port}")))
}

async fn connect(address: &str, taste: Taste) -> Client {
    let mut preferences = json!({"intl.accept_languages": taste.language});
    if !taste.scripts {
        preferences["profile.managed_default_content_settings.javascript"] = 2.into();
    }
    let capabilities = json!({
        "goog:chromeOptions": {
            "binary": CHROMIUM,
            "args": [
                "--headless=new",
                // It shows this program's own pages and nothing else.
                "--no-sandbox",
                "--disable-dev-shm-usage",
                "--disable-gpu",
                "--no-proxy-server",
                "--no-first-run",
                "--hide-scrollbars",
                "--force-device-scale-factor=1",
                "--window-size=1280,900",
            ],
            "prefs": preferences,
        },
        "goog:loggingPrefs": {"browser": "ALL"},
        "timeouts": {"implicit": 0, "pageLoad": 60_000, "script": 60_000},
    });
    let Value::Object(capabilities) = capabilities else {
        panic!("capabilities are an object");
    };
    ClientBuilder::new(HttpConnector::new())
        .capabilities(capabilities)
        .connect(address)
        .await
        .expect("Chromium starts")
}
