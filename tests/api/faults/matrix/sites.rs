//! Every place in `crates/store/src` that calls DynamoDB is in the matrix.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::cases::labels;
use super::{operations, operator};

/// The functions that send a request, and one that no other sends, as the wire names it.
const SITES: &[(&str, &str, &str)] = &[("client/call.rs", "dispatch", "GetItem directory U")];

/// What the functions above are asked to send by others: an operation that is not in the matrix
/// shows as a kind of item that is never asked for.
const REQUESTS: &[&str] = &[
    "BatchGetItem directory U",
    "Query directory U",
    "Scan secrets TENANT",
    "Query secrets KEY",
    "GetItem secrets TENANT",
    "GetItem secrets KEY",
    "TransactWriteItems directory U",
    "UpdateItem directory B",
    "GetItem directory D",
    "GetItem directory E",
    "GetItem directory N",
    "Query directory",
    "Query directory C",
    "Query directory D",
    "Query directory E",
    "Query directory K",
    "Query directory L",
    "Query directory R",
    "Scan secrets KEY",
    "TransactWriteItems directory C",
    "TransactWriteItems directory D",
    "TransactWriteItems secrets TENANT",
    "UpdateItem directory K",
    "UpdateItem directory R",
];

/// Makes the tables once, before there is anything to break.
const NOT_IN_THE_MATRIX: &[&str] = &["client/tables.rs"];

#[tokio::test]
async fn every_call_site_is_in_the_matrix() {
    let mut known: BTreeSet<(String, String)> = SITES
        .iter()
        .map(|(file, function, _)| ((*file).to_owned(), (*function).to_owned()))
        .collect();
    for site in sites() {
        assert!(
            known.remove(&site),
            "{site:?} sends a request and is not in the matrix: give it an operation and a line here"
        );
    }
    assert_eq!(known, BTreeSet::new(), "these send nothing any more");

    let groups: [fn(&super::tenants::Users) -> Vec<operations::Operation>; 7] = [
        operations::finds,
        operations::lists,
        operations::creations,
        operations::changes,
        operations::bulk,
        operator::reads,
        operator::changes,
    ];
    let mut seen = BTreeSet::new();
    for group in groups {
        seen.extend(labels(group).await);
    }
    let wanted = SITES.iter().map(|(_, _, label)| label).chain(REQUESTS);
    for label in wanted {
        assert!(
            seen.contains(*label),
            "no operation of the matrix asks for `{label}`: {seen:?}"
        );
    }
}

/// The files and functions of `crates/store/src` that send requests.
fn sites() -> BTreeSet<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/store/src");
    let mut folders = vec![root.clone()];
    let mut sites = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let file = path
                .strip_prefix(&root)
                .unwrap()
                .to_str()
                .unwrap()
                .replace('\\', "/");
            if NOT_IN_THE_MATRIX.contains(&file.as_str()) {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let senders = senders(&text).into_iter();
            sites.extend(senders.map(|function| (file.clone(), function)));
        }
    }
    sites
}

/// The functions in which something is sent.
fn senders(text: &str) -> BTreeSet<String> {
    let code: Vec<&str> = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect();
    let mut function = String::new();
    let mut senders = BTreeSet::new();
    for line in code {
        if let Some((_, rest)) = line.split_once("fn ") {
            let name = rest.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            function = name.into_iter().next().unwrap_or_default().to_owned();
        }
        if line.contains(".send()") {
            senders.insert(function.clone());
        }
    }
    senders
}

#[test]
fn senders_are_found_in_code_of_any_layout() {
    let text = "
        pub async fn one(&self) { self.client.scan().send().await }
        fn none() {} // .send()
        async fn two<T>(
            &self,
        ) {
            query
                .send()
                .await
        }
    ";
    let found: Vec<_> = senders(text).into_iter().collect();
    assert_eq!(found, ["one", "two"]);
}
