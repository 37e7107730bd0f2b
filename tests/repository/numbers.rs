//! Numbers in documents, counted again.

use std::fs;

use super::documents::root;

/// A document's sentence, with the number that belongs in it.
fn states(document: &str, before: &str, number: usize, after: &str) -> Result<(), String> {
    let text = fs::read_to_string(root().join(document)).unwrap();
    is_stated(&text, before, number, after).map_err(|wrong| format!("{document}: {wrong}"))
}

fn is_stated(text: &str, before: &str, number: usize, after: &str) -> Result<(), String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let stated = format!("{before}{number}{after}");
    if text.contains(&stated) {
        return Ok(());
    }
    Err(format!("it should say `{stated}`"))
}

fn events() -> usize {
    fs::read_dir(root().join("events"))
        .unwrap()
        .filter(|entry| {
            let path = entry.as_ref().unwrap().path();
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .count()
}

/// The members of `KINDS`, the list of possible troubles with a call to DynamoDB.
fn kinds_of_trouble() -> usize {
    let path = "tests/api/faults/matrix/kinds.rs";
    let source = fs::read_to_string(root().join(path)).unwrap();
    let (_, list) = source.split_once("pub const KINDS: &[Kind] = &[").unwrap();
    let (list, _) = list.split_once("];").unwrap();
    list.matches("Kind::").count()
}

#[test]
fn numbers_are_those_that_are_counted() {
    let (events, kinds) = (events(), kinds_of_trouble());
    assert!(events > 100 && kinds > 10, "{events} events, {kinds} kinds");
    states(
        "docs/RELIABILITY.md",
        "takes the ",
        events,
        " requests of `events/`",
    )
    .unwrap();
    states("docs/RELIABILITY.md", "× ", kinds, " kinds of trouble").unwrap();
}

#[test]
fn a_wrong_number_is_found() {
    assert!(is_stated("has the 12\nevents", "the ", 12, " events").is_ok());
    assert!(is_stated("has the 12 events", "the ", 13, " events").is_err());
}
