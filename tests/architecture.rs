//! Holds the sources to ARCHITECTURE.md: who may import what, what the pure folders may not touch,
//! how long files get, and that each says what it is.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What a part of `src` may name: other parts of this crate, and other crates.
struct Rule {
    /// The first component of paths below `src`, without `.rs`.
    part: &'static str,
    parts: &'static [&'static str],
    crates: &'static [&'static str],
    /// No I/O, clock, environment or randomness, and nothing that waits.
    pure: bool,
}

const RULES: &[Rule] = &[
    Rule {
        part: "scim",
        parts: &["scim"],
        // The last three seal cursors.
        crates: &[
            "serde",
            "serde_json",
            "thiserror",
            "time",
            "unicase",
            "http",
            "base64",
            "hmac",
            "sha2",
        ],
        pure: true,
    },
    Rule {
        part: "tenant",
        parts: &["tenant"],
        crates: &["crc32fast", "sha2", "thiserror"],
        pure: true,
    },
    Rule {
        part: "storage",
        parts: &["storage", "scim", "tenant"],
        crates: &[
            "aws_config",
            "aws_sdk_dynamodb",
            "backon",
            "futures_util",
            "serde_json",
            "thiserror",
            "time",
            "tokio",
        ],
        pure: false,
    },
    Rule {
        part: "config",
        parts: &["config", "storage"],
        crates: &["thiserror", "time"],
        pure: false,
    },
    Rule {
        part: "service",
        parts: &["service", "storage", "scim", "tenant"],
        crates: &[
            "backon",
            "futures_util",
            "http",
            "serde",
            "serde_json",
            "time",
            "tokio",
            "uuid",
        ],
        pure: false,
    },
    Rule {
        part: "http",
        parts: &["http", "service", "storage", "scim", "tenant", "config"],
        crates: &[
            "form_urlencoded",
            "futures_util",
            "lambda_http",
            "percent_encoding",
            "serde",
            "serde_json",
            "time",
            "tokio",
            "tracing",
            "uuid",
        ],
        pure: false,
    },
    Rule {
        part: "lib",
        parts: &[],
        crates: &[],
        pure: true,
    },
    Rule {
        part: "main",
        parts: &["config", "http", "storage"],
        crates: &["aws_config", "lambda_http", "tokio", "tracing_subscriber"],
        pure: false,
    },
    // The operator's command line makes no SCIM request.
    Rule {
        part: "bin",
        parts: &["storage", "tenant"],
        crates: &[
            "aws_config",
            "clap",
            "getrandom",
            "serde_json",
            "thiserror",
            "time",
            "tokio",
        ],
        pure: false,
    },
];

/// What the pure folders may not name: the world outside, and waiting for it.
const IMPURE: &[&str] = &[
    "SystemTime",
    "now_utc",
    "now_local",
    "new_v4",
    "async",
    "await",
    "unsafe",
    "println",
    "eprintln",
    "dbg",
    "include_str",
    "option_env",
];
const IMPURE_STD: &[&str] = &["env", "fs", "io", "net", "os", "process", "thread", "time"];

/// What tests may name beside what the code may.
const TEST_CRATES: &[&str] = &["proptest"];

/// Names that say nothing of what is in a module.
const EMPTY_NAMES: &[&str] = &[
    "util", "utils", "helper", "helpers", "common", "misc", "manager", "shared", "core", "base",
];

/// The longest file, and the longest code in one: without the tests at its end.
const MAX_LINES: usize = 600;
const MAX_CODE_LINES: usize = 400;

#[test]
fn the_sources_keep_to_the_architecture() {
    let files = sources(Path::new(env!("CARGO_MANIFEST_DIR")));
    assert!(files.len() > 40, "the sources are found");
    let crates = dependencies();
    assert!(crates.contains("aws_sdk_dynamodb") && crates.contains("proptest"));
    let tests: BTreeSet<String> = files
        .iter()
        .flat_map(|(path, text)| test_modules(path, text))
        .collect();
    assert!(tests.contains("src/scim/patch/tests.rs"));
    let faults: Vec<String> = files
        .iter()
        .flat_map(|(path, text)| faults(path, text, tests.contains(path), &crates))
        .collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// The documents that name the rules name the same parts.
#[test]
fn the_rules_are_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let architecture = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let layout = fs::read_to_string(root.join("src/lib.rs")).unwrap();
    for rule in RULES.iter().filter(|rule| rule.part != "lib") {
        let row = format!("`{}`", rule.part);
        assert!(architecture.contains(&row), "ARCHITECTURE.md lacks {row}");
        if !["main", "bin"].contains(&rule.part) {
            let entry = format!("//! - [`{}`]", rule.part);
            assert!(layout.contains(&entry), "src/lib.rs lacks {entry}");
        }
    }
    // In lib.rs each part comes after those that it may import.
    let position = |part: &str| layout.find(&format!("//! - [`{part}`]"));
    for rule in RULES.iter().filter(|rule| position(rule.part).is_some()) {
        for part in rule.parts {
            assert!(
                position(part) <= position(rule.part),
                "{part} before {}",
                rule.part
            );
        }
    }
}

/// Planted faults, so that the test above cannot pass by seeing nothing.
#[test]
fn each_kind_of_fault_is_seen() {
    let crates = dependencies();
    for (path, code, expected) in [
        (
            "src/scim/a.rs",
            "use crate::storage::Store;",
            "names `storage`",
        ),
        (
            "src/scim/a.rs",
            "use crate::{scim::Resource, service::{self, Body}};",
            "names `service`",
        ),
        (
            "src/scim/a/b.rs",
            "fn f() -> super::super::super::tenant::TenantId {}",
            "names `tenant`",
        ),
        (
            "src/scim/a/mod.rs",
            "use super::super::{http};",
            "names `http`",
        ),
        (
            "src/scim/a.rs",
            "use aws_sdk_dynamodb::Client;",
            "names the crate `aws_sdk_dynamodb`",
        ),
        (
            "src/scim/a.rs",
            "fn f() { ::tokio::spawn(g()); }",
            "names the crate `tokio`",
        ),
        (
            "src/scim/a.rs",
            "use lambda_http::{Body, Request};",
            "names the crate `lambda_http`",
        ),
        (
            "src/scim/a.rs",
            "fn f() { tracing::info!(\"x\"); }",
            "names the crate `tracing`",
        ),
        (
            "src/scim/a.rs",
            "use http::HeaderMap;",
            "of `http` only `StatusCode`",
        ),
        ("src/scim/a.rs", "use std::env;", "names `std::env`"),
        (
            "src/scim/a.rs",
            "use std::{fmt, fs::{self, File}};",
            "names `std::fs`",
        ),
        (
            "src/scim/a.rs",
            "fn f() { let t = std::time::SystemTime::now(); }",
            "names `SystemTime`",
        ),
        (
            "src/scim/a.rs",
            "fn f() { OffsetDateTime::now_utc(); }",
            "names `now_utc`",
        ),
        ("src/scim/a.rs", "async fn f() {}", "names `async`"),
        (
            "src/scim/a.rs",
            "use proptest::prelude::*;",
            "names the crate `proptest`",
        ),
        (
            "src/scim/a.rs",
            "#[cfg(test)]\nmod tests;\nuse std::time::Instant;",
            "names `std::time`",
        ),
        (
            "src/scim/a.rs",
            "#[cfg(test)]\nmod tests {\nuse crate::storage;\n}",
            "names `storage`",
        ),
        (
            "src/tenant/a.rs",
            "use uuid::Uuid;",
            "names the crate `uuid`",
        ),
        (
            "src/tenant/a.rs",
            "use crate::scim::ScimError;",
            "names `scim`",
        ),
        (
            "src/storage/a.rs",
            "use crate::service::Failure;",
            "names `service`",
        ),
        ("src/storage/a.rs", "use crate::http::App;", "names `http`"),
        (
            "src/service/a.rs",
            "use aws_sdk_dynamodb::types::AttributeValue;",
            "names the crate `aws_sdk_dynamodb`",
        ),
        (
            "src/service/a.rs",
            "use lambda_http::Body;",
            "names the crate `lambda_http`",
        ),
        ("src/service/a.rs", "use crate::http::App;", "names `http`"),
        (
            "src/http/a.rs",
            "use aws_sdk_dynamodb::Client;",
            "names the crate `aws_sdk_dynamodb`",
        ),
        (
            "src/bin/x/a.rs",
            "use hellotracks_scim::http::App;",
            "names `http`",
        ),
        ("src/unheard_of/a.rs", "", "belongs to no part"),
        ("src/scim/utils.rs", "", "`utils` says nothing"),
        (
            "src/http/request_manager.rs",
            "",
            "`request_manager` says nothing",
        ),
    ] {
        let text = format!("//! Doc.\n{code}\n");
        let found = faults(path, &text, false, &crates).join("\n");
        assert!(found.contains(expected), "{path} `{code}`: {found:?}");
    }
    let long = "//! Doc.\n".to_owned() + &"fn f() {}\n".repeat(400);
    assert!(faults("src/scim/a.rs", &long, false, &crates)[0].contains("401 lines of code"));
    let long = format!(
        "//! Doc.\n#[cfg(test)]\nmod tests {{\n{}}}\n",
        "fn f() {}\n".repeat(597)
    );
    assert!(faults("src/scim/a.rs", &long, false, &crates)[0].contains("601 lines"));
    assert!(faults("src/scim/a.rs", "fn f() {}\n", false, &crates)[0].contains("does not say"));
}

/// What looks like a fault and is none.
#[test]
fn only_code_counts() {
    let crates = dependencies();
    for (path, code) in [
        (
            "src/scim/a.rs",
            "// use crate::storage; tokio::spawn\nfn f() {}",
        ),
        ("src/scim/a.rs", "/* crate::storage /* std::env */ async */"),
        (
            "src/scim/a.rs",
            "const A: &str = \"crate::storage \\\" std::env\";",
        ),
        (
            "src/scim/a.rs",
            "const A: &str = r#\"crate::storage \" std::env\"#;",
        ),
        (
            "src/scim/a.rs",
            "fn f<'a>(c: char) -> bool { c == '\"' || c == '\\'' }",
        ),
        (
            "src/scim/a.rs",
            "use super::super::scim::Resource;\nuse http::StatusCode;\nuse std::fmt;",
        ),
        (
            "src/scim/a.rs",
            "fn http() { self.http(); http(); x.time.tokio }",
        ),
        (
            "src/scim/a.rs",
            "#[cfg(test)]\nmod tests {\n    use proptest::prelude::*;\n    async fn f() {}\n}",
        ),
        (
            "src/http/a.rs",
            "use crate::storage::Meter;\nuse lambda_http::http::header;",
        ),
    ] {
        let text = format!("//! Doc.\n{code}\n");
        assert_eq!(faults(path, &text, false, &crates), [""; 0], "{code}");
    }
}

/// Every `.rs` file below `src` with its text, by its path from the root.
fn sources(root: &Path) -> Vec<(String, String)> {
    let mut folders = vec![root.join("src")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                files.push((name.to_owned(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

/// The crates in Cargo.toml as code names them.
fn dependencies() -> BTreeSet<String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let mut is_dependency = false;
    let mut crates = BTreeSet::new();
    for line in fs::read_to_string(manifest).unwrap().lines() {
        if line.starts_with('[') {
            is_dependency = line.ends_with("dependencies]");
        } else if let (true, Some((name, _))) = (is_dependency, line.split_once(" =")) {
            crates.insert(name.replace('-', "_"));
        }
    }
    crates
}

/// The files of the modules that a file declares for tests alone.
fn test_modules(path: &str, text: &str) -> Vec<String> {
    let folder = path
        .trim_end_matches("/mod.rs")
        .trim_end_matches("/lib.rs")
        .trim_end_matches(".rs");
    let lines: Vec<&str> = text.lines().collect();
    lines
        .windows(2)
        .filter(|pair| pair[0] == "#[cfg(test)]")
        .filter_map(|pair| pair[1].strip_suffix(';')?.rsplit_once("mod "))
        .map(|(_, name)| format!("{folder}/{name}.rs"))
        .collect()
}

/// The code of a file, and the tests at its end.
fn split_tests(text: &str) -> (&str, &str) {
    let start = text
        .match_indices("\n#[cfg(test)]\n")
        .find(|(index, found)| {
            let after = &text[index + found.len()..];
            after.lines().next().is_some_and(|line| line.ends_with('{'))
        });
    text.split_at(start.map_or(text.len(), |(index, _)| index + 1))
}

fn faults(path: &str, text: &str, is_test: bool, crates: &BTreeSet<String>) -> Vec<String> {
    let (code, tests) = if is_test {
        ("", text)
    } else {
        split_tests(text)
    };
    let mut faults = sizes_and_names(path, text, code);
    let parts: Vec<&str> = path.trim_end_matches(".rs").split('/').skip(1).collect();
    let Some(rule) = RULES.iter().find(|rule| rule.part == parts[0]) else {
        faults.push(format!("{path}: belongs to no part of ARCHITECTURE.md"));
        return faults;
    };
    // How many `super` lead from the file to the root of the crate.
    let depth = parts
        .iter()
        .filter(|name| !["mod", "lib", "main"].contains(name))
        .count();
    let mut fault = |what: String| faults.push(format!("{path}: {what}"));
    // Tests at the end of a file are a module of their own.
    let depth_of_tests = depth + usize::from(!is_test);
    for (text, depth, is_test) in [(code, depth, false), (tests, depth_of_tests, true)] {
        let tokens = tokens(text);
        for named in paths(&tokens) {
            imports(rule, depth, &named, is_test, crates, &mut fault);
        }
        let impure = tokens
            .iter()
            .filter(|token| IMPURE.contains(&token.as_str()));
        for name in impure.filter(|_| rule.pure && !is_test) {
            fault(format!("names `{name}` and is pure"));
        }
    }
    faults
}

/// What one path may not name.
fn imports(
    rule: &Rule,
    depth: usize,
    named: &[String],
    is_test: bool,
    crates: &BTreeSet<String>,
    fault: &mut impl FnMut(String),
) {
    let first = named[0].as_str();
    let supers = named.iter().take_while(|name| *name == "super").count();
    let other = match first {
        "crate" if rule.part != "bin" => named.get(1),
        "hellotracks_scim" => named.get(1),
        _ if supers > 0 && supers == depth && rule.part != "bin" => named.get(supers),
        _ => None,
    };
    if let Some(other) = other
        && RULES.iter().any(|rule| rule.part == other)
        && !rule.parts.contains(&other.as_str())
    {
        fault(format!("names `{other}`, and may name {:?}", rule.parts));
    }
    let is_allowed = rule.crates.contains(&first) || (is_test && TEST_CRATES.contains(&first));
    if crates.contains(first) && !is_allowed {
        fault(format!(
            "names the crate `{first}`, and may name {:?}",
            rule.crates
        ));
    }
    let second = named.get(1).map(String::as_str);
    if first == "http" && is_allowed && second != Some("StatusCode") {
        fault("may name of `http` only `StatusCode`".to_owned());
    }
    if let (true, "std", Some(module)) = (rule.pure && !is_test, first, second)
        && IMPURE_STD.contains(&module)
    {
        fault(format!("names `std::{module}` and is pure"));
    }
}

fn sizes_and_names(path: &str, text: &str, code: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |what: String| faults.push(format!("{path}: {what}"));
    let lines = text.lines().count();
    if lines > MAX_LINES {
        fault(format!("has {lines} lines, and {MAX_LINES} are allowed"));
    }
    let code = code.lines().count();
    if code > MAX_CODE_LINES {
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

/// Every path that the code names, imports spelt out: `use std::{env, fs::File}` is `std::env` and
/// `std::fs::File`.
fn paths(tokens: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut position = 0;
    while position < tokens.len() {
        let follows_dot = position > 0 && tokens[position - 1] == ".";
        let is_path = is_name(&tokens[position])
            && !follows_dot
            && tokens.get(position + 1).is_some_and(|next| next == "::");
        if is_path {
            position = collect(tokens, position, &mut Vec::new(), &mut found);
        } else {
            // A name imported alone, or in a group without more: `use http;`.
            if tokens[position] == "use"
                && position + 2 < tokens.len()
                && tokens[position + 2] == ";"
            {
                found.push(vec![tokens[position + 1].clone()]);
            }
            position += 1;
        }
    }
    found
}

/// Reads one path from `position` on, and all that branch off in braces; returns where it ends.
fn collect(
    tokens: &[String],
    mut position: usize,
    prefix: &mut Vec<String>,
    found: &mut Vec<Vec<String>>,
) -> usize {
    let length = prefix.len();
    while let Some(token) = tokens.get(position) {
        if is_name(token) {
            prefix.push(token.clone());
            position += 1;
        } else if token == "{" {
            position += 1;
            while tokens.get(position).is_some_and(|token| token != "}") {
                let start = position;
                position = collect(tokens, position, prefix, found);
                position += usize::from(position == start);
            }
            prefix.truncate(length);
            return position + 1;
        } else {
            break;
        }
        if tokens.get(position).is_none_or(|token| token != "::") {
            break;
        }
        position += 1;
    }
    if prefix.len() > length {
        found.push(prefix.clone());
    }
    prefix.truncate(length);
    position
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Names, `::` and other characters of the code; comments and literals left out.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let name = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let name = &rest[..name.unwrap_or(rest.len())];
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if rest.starts_with("r\"") || rest.starts_with("r#") {
            let hashes = rest[1..].bytes().take_while(|byte| *byte == b'#').count();
            let close = format!("\"{}", "#".repeat(hashes));
            let start = hashes + 2;
            rest.get(start..)
                .and_then(|inner| inner.find(&close))
                .map_or(rest.len(), |end| start + end + close.len())
        } else if next == '"' {
            literal(rest, '"').unwrap_or(rest.len())
        } else if next == '\'' {
            // A lifetime has no closing quote nearby.
            literal(rest, '\'')
                .filter(|length| *length <= 12)
                .unwrap_or(1)
        } else if !name.is_empty() {
            tokens.push(name.to_owned());
            name.len()
        } else {
            let length = if rest.starts_with("::") {
                2
            } else {
                next.len_utf8()
            };
            if !next.is_whitespace() {
                tokens.push(rest[..length].to_owned());
            }
            length
        };
        rest = &rest[length..];
    }
    tokens
}

/// The length of the literal in these quotes that `text` starts with.
fn literal(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    for (index, letter) in text.char_indices().skip(1) {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '\n' if quote == '\'' => return None,
            _ if letter == quote => return Some(index + 1),
            // Between the quotes of a character there is one, or an escape.
            _ if quote == '\'' && index > 1 && !text.starts_with("'\\") => return None,
            _ => {}
        }
    }
    None
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    for (index, pair) in text.as_bytes().windows(2).enumerate() {
        match pair {
            b"/*" => depth += 1,
            b"*/" if depth == 1 => return index + 2,
            b"*/" => depth -= 1,
            _ => {}
        }
    }
    text.len()
}
