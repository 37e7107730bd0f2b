//! Pictures of pages.

use std::path::PathBuf;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::browser::Browser;

/// Where they are put: the folder of `BROWSER_SHOTS`, or a temporary one, which is printed.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = match std::env::var_os("BROWSER_SHOTS") {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder),
        _ => std::env::temp_dir().join(format!("hellotracks-pages-{}", std::process::id())),
    };
    std::fs::create_dir_all(&folder).expect("a folder for pictures");
    eprintln!("pictures are in {}", folder.display());
    folder
});

/// Keeps a picture of the whole page.
pub async fn keep(browser: &Browser, name: &str) {
    let whole = json!({"format": "png", "captureBeyondViewport": true});
    let taken = browser.devtools("Page.captureScreenshot", whole).await;
    let picture = STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
    std::fs::write(FOLDER.join(format!("{name}.png")), picture).expect("a picture");
}
