//! Error texts that CONNECT-ENTRA.md explains must exist in the code.

use std::fs;

use super::documents::root;

const DOCUMENT: &str = "docs/CONNECT-ENTRA.md";

/// The texts in the first column of the tables below the heading; `…` is a variable part.
fn explained(document: &str) -> Vec<&str> {
    let (_, errors) = document
        .split_once("## Error texts and what to do\n")
        .unwrap();
    errors
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" |"))
        .map(|(text, _)| text)
        .filter(|text| *text != "text")
        .collect()
}

/// The fixed parts of a text that the code lacks. A leading status is ignored.
fn unknown<'a>(text: &'a str, code: &str) -> Vec<&'a str> {
    let text = text
        .split_once(": ")
        .filter(|(status, _)| status.parse::<u16>().is_ok())
        .map_or(text, |(_, text)| text);
    text.split('…')
        .map(|part| part.trim_matches(|c: char| c.is_whitespace() || matches!(c, '`' | ';' | ',')))
        .filter(|part| part.len() > 2 && !code.contains(part))
        .collect()
}

/// The code that answers requests.
fn code() -> String {
    super::sources()
        .into_iter()
        .filter(|(path, _)| path.starts_with("src/") || path.starts_with("crates/"))
        .map(|(_, text)| text)
        .collect()
}

#[test]
fn every_explained_text_is_one_of_the_code() {
    let (document, code) = (fs::read_to_string(root().join(DOCUMENT)).unwrap(), code());
    let texts = explained(&document);
    assert!(texts.len() > 30, "{texts:?}");
    let unknown: Vec<&str> = texts
        .into_iter()
        .flat_map(|text| unknown(text, &code))
        .collect();
    assert!(unknown.is_empty(), "{DOCUMENT} explains: {unknown:#?}");
}

#[test]
fn a_text_that_the_code_lacks_is_found() {
    let code = "\"the key {} is old; copy it\"";
    assert!(unknown("401: the key … is old; …", code).is_empty());
    assert_eq!(
        unknown("the key … is new; copy it", code),
        ["is new; copy it"]
    );
}
