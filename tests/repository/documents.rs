//! The documents, and the tests that they name as evidence, which must exist.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The documents whose claims are backed by tests, with the minimum number of tests each names.
const DOCUMENTS: &[(&str, usize)] = &[
    ("docs/SECURITY.md", 40),
    ("docs/RELIABILITY.md", 25),
    ("docs/EVENTS.md", 6),
];

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The documents with their text, by path. CHANGELOG.md describes the past, and is left out.
pub fn documents() -> Vec<(String, String)> {
    let mut paths: Vec<String> = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"]
        .map(str::to_owned)
        .into();
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            paths.push(format!("docs/{name}"));
        }
    }
    assert!(paths.len() >= 9, "{paths:?}");
    let read = |path: String| {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

/// A document's text, with prose and code separated.
pub struct Document {
    /// Everything outside of code.
    pub prose: String,
    /// Each code span, with line breaks as spaces, and each line of a code block.
    pub code: Vec<String>,
}

impl Document {
    /// Separates the text.
    pub fn of(text: &str) -> Self {
        let (mut prose, mut code) = (String::new(), Vec::new());
        let (mut running, mut is_block) = (String::new(), false);
        for line in text.lines() {
            if line.trim_start().starts_with("```") {
                is_block = !is_block;
            } else if is_block {
                code.push(line.to_owned());
            } else {
                running.push_str(line);
                running.push('\n');
            }
        }
        for (place, part) in running.split('`').enumerate() {
            if place % 2 == 0 {
                prose.push_str(part);
            } else {
                code.push(part.split_whitespace().collect::<Vec<_>>().join(" "));
            }
        }
        Self { prose, code }
    }
}

#[test]
fn the_tests_that_documents_name_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeMap::new();
    for folder in super::FOLDERS {
        collect(&root.join(folder), &mut tests);
    }
    for (document, at_least) in DOCUMENTS {
        let text = fs::read_to_string(root.join(document)).unwrap();
        let named: Vec<&str> = text.split('`').skip(1).step_by(2).filter(is_test).collect();
        assert!(named.len() >= *at_least, "{document}: {named:?}");
        for name in named {
            let (module, function) = name.rsplit_once("::").unwrap();
            let module = module.rsplit("::").next().unwrap();
            let found = tests.get(function).is_some_and(|files: &Vec<String>| {
                files
                    .iter()
                    .any(|file| file.split('/').any(|part| part == module))
            });
            assert!(found, "{document} names {name}, which is no test");
        }
    }
}

/// `module::a_test_with_a_long_name`.
fn is_test(quoted: &&str) -> bool {
    let is_name = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
    };
    quoted.contains("::") && quoted.split("::").all(is_name)
}

/// Every test function below a folder, with the files that contain it, such as `tests/api/auth`.
fn collect(folder: &Path, tests: &mut BTreeMap<String, Vec<String>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, tests);
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for pair in lines.windows(2) {
            let is_attribute = ["#[test]", "#[tokio::test]"].contains(&pair[0]);
            let name = pair[1]
                .trim_start_matches("async ")
                .strip_prefix("fn ")
                .and_then(|rest| rest.split_once('('));
            if let (true, Some((name, _))) = (is_attribute, name) {
                let file = path.with_extension("");
                let file = file.to_str().unwrap().replace('\\', "/");
                tests.entry(name.to_owned()).or_default().push(file);
            }
        }
    }
}
