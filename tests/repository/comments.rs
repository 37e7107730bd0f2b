//! The width of comments. rustfmt leaves them as they are.

use super::sources;

/// The widest line, in columns.
const MAX_COLUMNS: usize = 100;

/// The comment lines that are too wide, with their numbers. A URL alone on a line cannot be
/// wrapped.
fn too_wide(text: &str) -> Vec<(usize, &str)> {
    let is_wide = |line: &str| {
        let is_comment = line.trim_start().starts_with("//");
        is_comment && !is_url(line) && line.chars().count() > MAX_COLUMNS
    };
    let numbered = text.lines().enumerate();
    numbered
        .filter(|(_, line)| is_wide(line))
        .map(|(index, line)| (index + 1, line))
        .collect()
}

/// Whether a comment consists of one URL.
fn is_url(comment: &str) -> bool {
    let text = comment.trim_start().trim_start_matches(['/', '!']).trim();
    text.contains("://") && !text.contains(' ')
}

#[test]
fn comments_wrap_at_100_columns() {
    let mut wide = Vec::new();
    for (path, text) in sources() {
        let shown = |(number, line)| format!("{path}:{number}: {line}");
        wide.extend(too_wide(&text).into_iter().map(shown));
    }
    assert!(
        wide.is_empty(),
        "comments of more than {MAX_COLUMNS} columns: {wide:#?}"
    );
}

/// Planted faults, so that the test above cannot pass by seeing nothing.
#[test]
fn wide_comments_are_found() {
    let of_width = |start: &str, width: usize| {
        format!("{start}{}\n", "é ".repeat(width))
            .chars()
            .take(width)
            .collect::<String>()
    };
    for start in ["// ", "/// ", "//! ", "        // ", "\t/// ", "//"] {
        assert_eq!(too_wide(&of_width(start, 100)), [], "{start:?}");
        let text = format!("fn f() {{}}\n{}\nfn g() {{}}\n", of_width(start, 101));
        let found = too_wide(&text);
        assert!(matches!(found.as_slice(), [(2, _)]), "{start:?}: {found:?}");
    }
    let url = format!("https://datatracker.ietf.org/{}", "x".repeat(100));
    assert_eq!(too_wide(&format!("//! {url}\n    // <{url}>\n")), []);
    assert_eq!(too_wide(&format!("/// See {url}\n")).len(), 1);
    let code = format!("    let text = \"{}\"; // short\n", "x".repeat(100));
    assert_eq!(too_wide(&code), []);
}
