//! The length of files, their first line and their names.

use super::sources;

/// Names that say nothing about a module's content.
const EMPTY_NAMES: &[&str] = &[
    "util", "utils", "helper", "helpers", "common", "misc", "manager", "shared", "base",
];

/// The longest file, and the longest code in a file without the tests at its end.
const MAX_LINES: usize = 600;
const MAX_CODE_LINES: usize = 400;

#[test]
fn files_are_short_and_say_what_they_are() {
    let faults: Vec<String> = sources()
        .iter()
        .flat_map(|(path, text)| faults(path, text))
        .collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// The code of a file, without the tests at its end.
fn code(text: &str) -> &str {
    let start = text
        .match_indices("\n#[cfg(test)]\n")
        .find(|(index, found)| {
            let after = &text[index + found.len()..];
            after.lines().next().is_some_and(|line| line.ends_with('{'))
        });
    &text[..start.map_or(text.len(), |(index, _)| index + 1)]
}

fn faults(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |what: String| faults.push(format!("{path}: {what}"));
    let lines = text.lines().count();
    if lines > MAX_LINES {
        fault(format!("has {lines} lines, and {MAX_LINES} are allowed"));
    }
    let is_test = path.starts_with("tests/") || path.contains("/tests/");
    let code = code(text).lines().count();
    if code > MAX_CODE_LINES && !is_test {
        fault(format!(
            "has {code} lines of code, and {MAX_CODE_LINES} are allowed"
        ));
    }
    if !text.starts_with("//! ") {
        fault("does not say what it is; begin with `//! `".to_owned());
    }
    for name in path.trim_end_matches(".rs").split('/') {
        if name
            .split(['_', '-'])
            .any(|word| EMPTY_NAMES.contains(&word))
        {
            fault(format!("the name `{name}` says nothing of what is in it"));
        }
    }
    faults
}

/// Planted faults, so that the test above cannot pass by seeing nothing.
#[test]
fn each_kind_of_fault_is_seen() {
    for (path, text, expected) in [
        ("src/a.rs", "fn f() {}\n".to_owned(), "does not say"),
        (
            "src/utils.rs",
            "//! Doc.\n".to_owned(),
            "`utils` says nothing",
        ),
        (
            "src/request_manager/mod.rs",
            "//! Doc.\n".to_owned(),
            "`request_manager` says nothing",
        ),
        (
            "src/a.rs",
            "//! Doc.\n".to_owned() + &"fn f() {}\n".repeat(400),
            "401 lines of code",
        ),
        (
            "src/a.rs",
            format!(
                "//! Doc.\n#[cfg(test)]\nmod tests {{\n{}}}\n",
                "fn f() {}\n".repeat(597)
            ),
            "601 lines",
        ),
    ] {
        let found = faults(path, &text).join("\n");
        assert!(found.contains(expected), "{path}: {found:?}");
    }
    let tests = format!(
        "//! Doc.\n#[cfg(test)]\nmod tests {{\n{}}}\n",
        "fn f() {}\n".repeat(500)
    );
    assert_eq!(faults("src/a.rs", &tests), [""; 0]);
}
