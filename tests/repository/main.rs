//! Checks what Cargo cannot: the length of files and comment lines, the description at the start of
//! each file, and that whatever documents name exists.

#![cfg(test)]
#![expect(clippy::string_slice, reason = "a test may end with a panic")]

mod commands; // what documents tell people to type, open or set
mod comments; // the width of comments
mod documents; // the tests that documents name as evidence
mod errors; // error texts that CONNECT-ENTRA.md explains
mod links; // links between documents, and the width of their lines
mod numbers; // numbers that documents state, counted again
mod sizes; // the length of files, and their names
mod typed; // commands of scim-admin, with their options

use std::fs;
use std::path::Path;

/// The folders with Rust code.
const FOLDERS: &[&str] = &["src", "crates", "tools", "fuzz", "tests"];

/// Every `.rs` file with its text, by its path from the root.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<_> = FOLDERS.iter().map(|folder| root.join(folder)).collect();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let is_build = path.file_name().is_some_and(|name| name == "target");
            if path.is_dir() && !is_build {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                let name = name.replace('\\', "/");
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    assert!(files.len() > 150, "the sources are found");
    files
}
