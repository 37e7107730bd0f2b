//! The width of comments. rustfmt leaves them as they are.

use std::collections::BTreeSet;

use super::sources;

/// The widest line, in columns.
const MAX_COLUMNS: usize = 100;

/// Files that are still to be wrapped.
const NOT_WRAPPED: &[&str] = &[
    "tests/api/faults/lost_answers.rs",
    "tests/api/faults/matrix/mod.rs",
    "tests/api/faults/matrix/operator.rs",
    "tests/api/support/clock.rs",
    "tests/api/support/engine.rs",
    "tools/stand/src/clock.rs",
];

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
    let (mut wide, mut not_wrapped) = (Vec::new(), BTreeSet::new());
    for (path, text) in sources() {
        let lines = too_wide(&text);
        if NOT_WRAPPED.contains(&path.as_str()) && !lines.is_empty() {
            not_wrapped.insert(path);
        } else {
            let shown = |(number, line)| format!("{path}:{number}: {line}");
            wide.extend(lines.into_iter().map(shown));
        }
    }
    assert!(
        wide.is_empty(),
        "comments of more than {MAX_COLUMNS} columns: {wide:#?}"
    );
    let expected: BTreeSet<_> = NOT_WRAPPED.iter().map(|path| (*path).to_owned()).collect();
    assert_eq!(not_wrapped, expected, "`NOT_WRAPPED` lists a wrapped file");
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
