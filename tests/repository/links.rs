//! Links between documents, and the width of their lines.

use std::collections::BTreeSet;
use std::path::Path;

use super::documents::{Document, documents, root};

/// The broken relative links of a document. `path` is the document's own.
fn broken(path: &str, text: &str) -> Vec<String> {
    let folder = Path::new(path).parent().unwrap();
    let mut broken = Vec::new();
    for link in links(&Document::of(text).prose) {
        let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
        let target = if file.is_empty() {
            root().join(path)
        } else {
            root().join(folder).join(file)
        };
        let is_there = if anchor.is_empty() {
            target.exists()
        } else if file.is_empty() {
            anchors(text).contains(anchor)
        } else {
            std::fs::read_to_string(&target).is_ok_and(|text| anchors(&text).contains(anchor))
        };
        if !is_there {
            broken.push(link);
        }
    }
    broken
}

/// The targets of `[text](target)`, except those on the web.
fn links(prose: &str) -> Vec<String> {
    prose
        .split("](")
        .skip(1)
        .filter_map(|after| after.split(')').next())
        .filter(|target| !target.contains("://"))
        .map(str::to_owned)
        .collect()
}

/// The anchors that GitHub generates for a document's headings.
fn anchors(text: &str) -> BTreeSet<String> {
    Document::of(text)
        .prose
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

/// The lines of prose longer than 100 columns. Tables, code and single long words cannot be
/// wrapped.
fn too_wide(text: &str) -> Vec<String> {
    let mut is_code = false;
    let mut wide = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        let can_wrap = !is_code && !line.starts_with('|') && line.trim().contains(' ');
        if can_wrap && line.chars().count() > 100 {
            wide.push(line.to_owned());
        }
    }
    wide
}

#[test]
fn every_link_leads_somewhere() {
    let (mut count, mut all) = (0, Vec::new());
    for (path, text) in documents() {
        count += links(&Document::of(&text).prose).len();
        let broken = broken(&path, &text).into_iter();
        all.extend(broken.map(|link| format!("{path}: {link}")));
    }
    assert!(all.is_empty(), "links that lead nowhere: {all:#?}");
    assert!(count > 20, "links are found: {count}");
}

#[test]
fn documents_wrap_at_100_columns() {
    let mut all = Vec::new();
    for (path, text) in documents() {
        let wide = too_wide(&text).into_iter();
        all.extend(wide.map(|line| format!("{path}: {line}")));
    }
    assert!(all.is_empty(), "lines of more than 100 columns: {all:#?}");
}

#[test]
fn broken_links_and_wide_lines_are_found() {
    let text =
        "# A b, c\n[x](docs/GONE.md) [y](#a-b-c) [z](#gone) [w](LICENSE) [v](README.md#gone)\n";
    assert_eq!(
        broken("README.md", text),
        ["docs/GONE.md", "#gone", "README.md#gone"]
    );
    assert_eq!(broken("docs/X.md", "[x](../LICENSE)"), [""; 0]);
    assert_eq!(broken("docs/X.md", "[x](LICENSE)"), ["LICENSE"]);
    let line = "a ".repeat(51);
    assert_eq!(too_wide(&line).len(), 1);
    assert!(too_wide(&format!("| {line}\n```\n{line}\n```\n")).is_empty());
}
