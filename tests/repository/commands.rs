//! What documents tell people to type, open or set must exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::documents::{Document, documents, root};

/// What the repository contains, as far as documents name it.
struct Facts {
    targets: BTreeSet<String>,
    /// The subcommands of each `scim-admin` command; empty if it has none.
    commands: BTreeMap<String, BTreeSet<String>>,
    /// The source text of the programs that read variables.
    readers: String,
}

impl Facts {
    fn of_the_repository() -> Self {
        let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
        let readers = super::sources()
            .into_iter()
            .filter(|(path, _)| {
                path == "src/config.rs"
                    || path.starts_with("crates/function/")
                    || path.starts_with("crates/scim-admin/")
                    || path.starts_with("tools/")
            })
            .map(|(_, text)| text)
            .collect();
        Self {
            targets: targets(&read("Makefile")),
            commands: commands(),
            readers,
        }
    }

    /// What a document names but does not exist.
    fn missing(&self, text: &str) -> Vec<String> {
        let document = Document::of(text);
        let mut missing = Vec::new();
        for code in &document.code {
            for target in after(code, "make") {
                if !self.targets.contains(target[0]) {
                    missing.push(format!("make {}", target[0]));
                }
            }
            for words in after(code, "scim-admin") {
                missing.extend(self.missing_command(&words));
            }
            missing.extend(missing_path(code));
        }
        for variable in variables(text) {
            if !self.readers.contains(&format!("\"{variable}\"")) {
                missing.push(variable);
            }
        }
        missing
    }

    fn missing_command(&self, words: &[&str]) -> Option<String> {
        let Some(subcommands) = self.commands.get(words[0]) else {
            return Some(format!("scim-admin {}", words[0]));
        };
        let subcommand = words.get(1)?;
        (!subcommands.is_empty() && !subcommands.contains(*subcommand))
            .then(|| format!("scim-admin {} {subcommand}", words[0]))
    }
}

/// The words after each mention of a command, up to the first that is not a plain word; leading
/// `VARIABLE=value` and options are skipped.
fn after<'a>(code: &'a str, command: &str) -> Vec<Vec<&'a str>> {
    let code = code.split('#').next().unwrap_or_default();
    let words: Vec<&str> = code.split_whitespace().collect();
    let is_word = |word: &&str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    let mut found = Vec::new();
    for (place, word) in words.iter().enumerate() {
        // `cargo run -p scim-admin -- tenant list` and `alias scim-admin='…'`.
        if *word != command {
            continue;
        }
        let rest: Vec<&str> = words[place + 1..]
            .iter()
            .copied()
            .skip_while(|word| word.contains('=') || word.starts_with('-'))
            .take_while(is_word)
            .collect();
        if !rest.is_empty() {
            found.push(rest);
        }
    }
    found
}

fn targets(makefile: &str) -> BTreeSet<String> {
    makefile
        .lines()
        .filter_map(|line| line.strip_prefix(".PHONY: "))
        .flat_map(str::split_whitespace)
        .map(str::to_owned)
        .collect()
}

/// The commands that the program has, with their subcommands.
fn commands() -> BTreeMap<String, BTreeSet<String>> {
    let mut commands: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for command in scim_admin::commands() {
        let mut words = command.split(' ').map(str::to_owned);
        let inner = commands.entry(words.next().unwrap()).or_default();
        inner.extend(words.next());
    }
    commands
}

/// A code span that looks like a path below one of the repository's folders, or a file at its root,
/// but does not exist.
fn missing_path(code: &str) -> Option<String> {
    const ROOTS: &[&str] = &[
        "src/", "crates/", "tools/", "tests/", "fuzz/", "docs/", "events/", ".ci/",
    ];
    const KINDS: &[&str] = &[".md", ".yaml", ".toml"];
    let is_path = ROOTS.iter().any(|folder| code.starts_with(folder))
        || KINDS.iter().any(|kind| code.ends_with(kind));
    let is_plain = code
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    (is_path && is_plain && !root().join(code).exists()).then(|| code.to_owned())
}

/// Every `SCIM_…` of the text, in code or not; those of `make dev` are written by tools/dev.
fn variables(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
        .filter(|word| word.starts_with("SCIM_") && word.len() > 5)
        .map(str::to_owned)
        .collect()
}

#[test]
fn what_documents_tell_people_to_type_is_there() {
    let facts = Facts::of_the_repository();
    let mut all = Vec::new();
    for (path, text) in documents() {
        let missing = facts.missing(&text).into_iter();
        all.extend(missing.map(|missing| format!("{path} names {missing}")));
    }
    assert!(all.is_empty(), "not there: {all:#?}");
}

#[test]
fn every_variable_of_the_function_is_described() {
    let config = fs::read_to_string(root().join("src/config.rs")).unwrap();
    let described = fs::read_to_string(root().join("docs/OPERATING.md")).unwrap();
    let read = variables(&config);
    assert!(read.len() >= 10, "{read:?}");
    for variable in read {
        assert!(
            described.contains(&format!("| `{variable}` |")),
            "docs/OPERATING.md lacks {variable}"
        );
    }
}

#[test]
fn what_the_repository_has_is_known() {
    let facts = Facts::of_the_repository();
    assert!(facts.targets.contains("bench-core"));
    assert!(facts.commands["key"].contains("rotate"));
    assert!(facts.commands["breaker"].contains("lift"));
    assert!(facts.commands["history"].is_empty());
}

#[test]
fn what_is_not_there_is_found() {
    let facts = Facts::of_the_repository();
    for (planted, found) in [
        ("Run `make everything`.", "make everything"),
        ("```sh\nPORT=1 make devv\n```", "make devv"),
        ("`make PORT=1 devv`", "make devv"),
        ("`scim-admin keys list`", "scim-admin keys"),
        ("`scim-admin key turn acme`", "scim-admin key turn"),
        (
            "```sh\ncargo run -p scim-admin -- tenant kill a\n```",
            "scim-admin tenant kill",
        ),
        ("See `src/gone.rs`.", "src/gone.rs"),
        ("See `docs/GONE.md`.", "docs/GONE.md"),
        ("Set `SCIM_GONE`.", "SCIM_GONE"),
    ] {
        assert_eq!(facts.missing(planted), [found], "{planted}");
    }
    let fine = "`make dev` and to make nothing, `scim-admin history acme`, `src/config.rs`, \
                `SCIM_PUBLIC_URL`\n```sh\nscim-admin --json key list acme # make it so\n```\n";
    assert_eq!(facts.missing(fine), [""; 0]);
}
