//! The calls that source text makes, and the permissions that they need.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::values::identifier;

/// The permission that each SDK call needs, by method name. A transaction needs those of its parts,
/// listed below.
const CALLS: &[(&str, Option<&str>)] = &[
    ("batch_get_item", Some("BatchGetItem")),
    ("delete_item", Some("DeleteItem")),
    ("get_item", Some("GetItem")),
    ("put_item", Some("PutItem")),
    ("query", Some("Query")),
    ("scan", Some("Scan")),
    ("transact_get_items", None),
    ("transact_write_items", None),
    ("update_item", Some("UpdateItem")),
];

/// The parts of a transaction, by the name of their type.
const PARTS: &[(&str, &str)] = &[
    ("ConditionCheck", "ConditionCheckItem"),
    ("Delete", "DeleteItem"),
    ("Get", "GetItem"),
    ("Put", "PutItem"),
    ("Update", "UpdateItem"),
];

/// What files of `client/` build or call for others.
const BUILT: &[(&str, &str)] = &[
    ("bulk::delete(", "DeleteItem"),
    ("bulk::put(", "PutItem"),
    (".get_items(", "BatchGetItem"),
];

/// Methods of the SDK's client, and of the id of an OAuth 2.0 client, that are not calls.
const NO_CALLS: &[&str] = &["as_str", "clone", "config", "tenant", "trust_digest"];

/// The permissions that [`code`] needs.
pub fn permissions(code: &str) -> BTreeSet<String> {
    let calls = CALLS
        .iter()
        .filter(|(method, _)| code.contains(&format!(".{method}()")))
        .filter_map(|(_, permission)| *permission);
    let parts = PARTS
        .iter()
        .filter(|(part, _)| {
            // `Get::builder()` must not match in `BatchGet::builder()`.
            let ways = [
                format!("{part}::builder()"),
                format!("{part}Builder::default()"),
            ];
            ways.iter().any(|way| {
                code.match_indices(way.as_str()).any(|(position, _)| {
                    !code[..position].ends_with(|before: char| before.is_alphanumeric())
                })
            })
        })
        .map(|(_, permission)| *permission);
    let built = BUILT.iter().filter(|(way, _)| code.contains(way));
    let built = built.map(|(_, permission)| *permission);
    calls.chain(parts).chain(built).map(str::to_owned).collect()
}

/// The calls in [`code`] that [`permissions`] would overlook, and how many others there are.
pub fn unknown_calls(code: &str) -> (Vec<&str>, usize) {
    let (known, unknown): (Vec<_>, Vec<_>) = sdk_calls(code)
        .into_iter()
        .partition(|call| CALLS.iter().any(|(name, _)| name == call) || NO_CALLS.contains(call));
    (unknown, known.len())
}

/// The methods called on the SDK's client, whether it is a field, a variable or a return value.
fn sdk_calls(code: &str) -> Vec<&str> {
    let ways = ["client.", "client().", "sdk.", "sdk()."];
    let found = ways.iter().flat_map(|way| {
        code.match_indices(way)
            .filter(|(position, _)| {
                !code[..*position]
                    .ends_with(|before: char| before.is_alphanumeric() || before == '_')
            })
            .map(|(position, _)| identifier(&code[position + way.len()..]))
    });
    found.collect()
}

/// Source text without line comments and white space, so that a call looks the same however it is
/// wrapped.
pub fn code(text: &str) -> String {
    text.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .flat_map(str::split_whitespace)
        .collect()
}

/// The [`code`] of each function in source text, by name. rustfmt has formatted it: a function ends
/// with the brace that is as far to the right as its beginning, or, without a body, with its line.
pub fn functions(text: &str) -> BTreeMap<String, String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut functions: BTreeMap<String, String> = BTreeMap::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_named(line.trim_start()) else {
            continue;
        };
        let indent = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indent}}}");
        let rest = lines[start..].iter();
        let length = match line.ends_with("{}") || line.ends_with(';') {
            true => 0,
            false => rest.clone().take_while(|line| **line != end).count(),
        };
        let body: Vec<&str> = rest.take(length + 1).copied().collect();
        let body = code(&body.join("\n"));
        functions
            .entry(name.to_owned())
            .or_default()
            .push_str(&body);
    }
    functions
}

/// The name of the function that begins with this line.
fn function_named(line: &str) -> Option<&str> {
    let (before, named) = line.split_once("fn ")?;
    let mut before = before.split_whitespace();
    let begins =
        before.all(|word| word.starts_with("pub") || ["async", "const", "unsafe"].contains(&word));
    begins.then(|| identifier(named))
}

/// The Rust files below a folder.
pub fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    assert!(!files.is_empty(), "no Rust files in {folder}");
    files
}

#[test]
fn permissions_are_found_in_code_of_any_layout() {
    let text = "
        // Not a call: self.client.scan()
        self.client
            .batch_get_item()
            .table_name(name);
        let put = types::Put::builder();
        let keys = KeysAndAttributesGet::builder();
        let delete = bulk::delete(
            table,
        );
    ";
    let found = permissions(&code(text));
    let expected = ["BatchGetItem", "DeleteItem", "PutItem"];
    assert_eq!(found, expected.map(str::to_owned).into());
}

#[test]
fn functions_are_told_apart() {
    let text = "
impl Store {
    /// Not a call: fn other() { self.client.scan() }
    pub(super) async fn first(
        &self,
    ) -> u8 {
        let inner = || {
            self.client.query()
        };
    }

    fn second(&self) {}

    fn third(&self) -> String {
        format!(\"the fn of {}\", self.client.scan())
    }
}
";
    let found = functions(text);
    let names: Vec<_> = found.keys().map(String::as_str).collect();
    assert_eq!(names, ["first", "second", "third"]);
    assert_eq!(permissions(&found["first"]), ["Query".to_owned()].into());
    assert_eq!(permissions(&found["second"]), [].into());
    assert_eq!(permissions(&found["third"]), ["Scan".to_owned()].into());
}
