//! Holds the sources to ARCHITECTURE.md: who may import what, what the pure folders may not touch,
//! how long files get, and that each says what it is.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use names::{paths, tokens};

#[path = "architecture/documents.rs"]
mod documents;
#[path = "architecture/names.rs"]
mod names;
#[path = "architecture/planted.rs"]
mod planted;

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
            "url",
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
        parts: &["storage", "scim", "tenant"],
        crates: &[
            "aws_config",
            "clap",
            "getrandom",
            "humantime",
            "serde_json",
            "thiserror",
            "time",
            "tokio",
            "uuid",
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
        .flat_map(|(path, text)| {
            let is_test = tests.contains(path)
                || tests
                    .iter()
                    .any(|module| path.starts_with(module.replace(".rs", "/").as_str()));
            faults(path, text, is_test, &crates)
        })
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
