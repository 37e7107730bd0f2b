//! The function's permissions: exactly those that its calls need, so that no call is refused and no
//! permission is superfluous.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::values::identifier;
use crate::yaml::{at, items, parse, source, string, table_by};

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

/// Methods of the SDK's client that are not calls.
const NO_CALLS: &[&str] = &["clone", "config"];

/// Who makes the calls in a file, and on which table.
#[derive(Debug, PartialEq, Eq)]
enum Caller {
    /// The deployed function, with the permissions of template.yaml.
    Function(&'static str),
    /// `scim-admin`, with the permissions of the person who runs it.
    Operator,
}

/// The parts of `crates/store/src`: a folder, or a file at its top level. The longest matching name
/// decides. A file without a match is the function's, so that a new one is always checked.
const CALLERS: &[(&str, Caller)] = &[
    ("", Caller::Function("DirectoryTable")),
    ("audit/", Caller::Operator),
    ("client/", Caller::Operator),
    ("erasure/", Caller::Operator),
    ("partition/", Caller::Operator),
    ("migrate.rs", Caller::Operator),
    ("secrets/", Caller::Operator),
    ("secrets/credential.rs", Caller::Function("SecretsTable")),
];

fn caller(file: &Path) -> &'static Caller {
    let path = file.to_str().unwrap().replace('\\', "/");
    let (_, inside) = path
        .rsplit_once("crates/store/src/")
        .expect("a file of the store");
    let fitting = CALLERS
        .iter()
        .filter(|(prefix, _)| inside.starts_with(prefix));
    let (_, caller) = fitting
        .max_by_key(|(prefix, _)| prefix.len())
        .expect("the first fits all");
    caller
}

#[test]
fn the_function_may_do_exactly_what_it_does() {
    let text = source("template.yaml");
    let template = parse(&text);
    let mut allowed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for policy in items(at(
        &template,
        &["Resources", "Function", "Properties", "Policies"],
    )) {
        for statement in items(at(policy, &["Statement"])) {
            assert_eq!(string(at(statement, &["Effect"])), "Allow");
            // One table, by its ARN, and the same one as in the function's variables.
            let table = table_by(at(statement, &["Resource"]), "GetAtt", |name| {
                format!(
                    "arn:${{AWS::Partition}}:dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:table/${{{name}}}"
                )
            });
            let actions = items(at(statement, &["Action"])).map(|action| {
                let action = string(action);
                let name = action
                    .strip_prefix("dynamodb:")
                    .expect("a DynamoDB action")
                    .to_owned();
                assert!(
                    !name.contains('*'),
                    "`{action}` allows more than the function does"
                );
                name
            });
            allowed.entry(table).or_default().extend(actions);
        }
    }

    let mut needed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in rust_files("crates/store/src") {
        if let Caller::Function(table) = caller(&file) {
            let code = code(&fs::read_to_string(&file).unwrap());
            needed
                .entry((*table).to_owned())
                .or_default()
                .extend(permissions(&code));
        }
    }
    assert_eq!(
        allowed, needed,
        "the policy in template.yaml (left) and what the calls in crates/store/src need (right) differ; \
         a file whose calls only scim-admin makes belongs in `CALLERS` above"
    );
}

/// A call missing from `CALLS` would be overlooked by the test above.
#[test]
fn every_call_of_the_function_is_known_here() {
    let mut found = 0;
    for file in rust_files("crates/store/src") {
        if *caller(&file) == Caller::Operator {
            continue;
        }
        let code = code(&fs::read_to_string(&file).unwrap());
        for call in sdk_calls(&code) {
            let known = CALLS.iter().any(|(name, _)| *name == call) || NO_CALLS.contains(&call);
            assert!(known, "{}: unknown call `{call}`", file.display());
            found += 1;
        }
    }
    assert!(
        found >= 5,
        "only {found} calls were found: they are written in a way unknown here"
    );
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

fn permissions(code: &str) -> BTreeSet<String> {
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
    calls.chain(parts).map(str::to_owned).collect()
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
    ";
    let found = permissions(&code(text));
    assert_eq!(
        found,
        BTreeSet::from(["BatchGetItem".to_owned(), "PutItem".to_owned()])
    );
}

/// Source text without line comments and white space, so that a call looks the same however it is
/// wrapped.
fn code(text: &str) -> String {
    text.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .flat_map(str::split_whitespace)
        .collect()
}

fn rust_files(folder: &str) -> Vec<PathBuf> {
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
