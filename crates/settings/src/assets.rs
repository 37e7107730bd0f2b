//! The stylesheet, the script and the icon, under names that change with their content, so that
//! browsers keep them for ever.

use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

/// A static file.
#[derive(Debug)]
pub struct Asset {
    /// Its name, with a part of its digest.
    pub name: String,
    pub kind: &'static str,
    pub content: &'static str,
}

/// All of them.
#[derive(Debug)]
pub struct Assets {
    pub style: Asset,
    pub script: Asset,
    pub icon: Asset,
}

pub static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: asset(
        "settings",
        "css",
        "text/css; charset=utf-8",
        include_str!("../assets/settings.css"),
    ),
    script: asset(
        "settings",
        "js",
        "text/javascript; charset=utf-8",
        include_str!("../assets/settings.js"),
    ),
    icon: asset(
        "icon",
        "svg",
        "image/svg+xml",
        include_str!("../assets/icon.svg"),
    ),
});

impl Assets {
    /// The file of this name.
    pub fn find(&self, name: &str) -> Option<&Asset> {
        [&self.style, &self.script, &self.icon]
            .into_iter()
            .find(|asset| asset.name == name)
    }
}

fn asset(stem: &str, ending: &str, kind: &'static str, content: &'static str) -> Asset {
    let digest = Sha256::digest(content);
    let digits: String = digest
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Asset {
        name: format!("{stem}.{digits}.{ending}"),
        kind,
        content,
    }
}
