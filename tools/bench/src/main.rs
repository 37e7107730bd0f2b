//! `make bench`: what requests cost in DynamoDB and processor time, in directories of several
//! sizes, and how the function compares with a bare one. docs/PERFORMANCE.md has results and
//! explains how to read them.
//!
//! The release build of the function runs as Lambda runs it, against a Runtime API on loopback
//! (`stand`) and a DynamoDB engine in another process (`stand::engine`). Directories are filled
//! through the function and kept in `.local/bench/` ([`directory`]).

#![expect(
    clippy::indexing_slicing,
    reason = "a member that JSON lacks reads as null, and a defect here may end the run"
)]

mod against_bare;
mod directory;
mod distance;
mod groups;
mod measure;
mod report;
mod requests;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use directory::Directory;

/// In smaller directories, pages and quarters would overlap.
const FEWEST_USERS: usize = 1000;

/// How much a cost may grow from the smallest directory to the largest, and from the smallest group
/// to the largest.
const GROWTH: [f64; 2] = [1.2, 1.1];

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [stand::engine::ARGUMENT] => stand::engine::serve(None).await,
        [stand::engine::ARGUMENT, file] => stand::engine::serve(Some(file)).await,
        _ => bench(&sizes(&arguments)?).await,
    }
}

/// Without sizes, it only runs the comparison. Environment variables can name other programs, to
/// compare two builds.
async fn bench(sizes: &[usize]) -> Result<()> {
    let function = program("FUNCTION", "hellotracks-scim")?;
    let bare = program("BARE", "bare")?;
    let folder = stand::root().join(".local/bench");
    let mut directories = Vec::new();
    for users in sizes {
        directories.push(Directory::open(&folder, &function, *users).await?);
    }
    let small = Directory::open(&folder, &function, FEWEST_USERS).await?;
    let comparisons = against_bare::compare(&function, &bare, &small).await?;
    let (rows, memory) = measure::all(&function, &directories).await?;
    report::print_rows(&rows, "users", GROWTH[0]);
    if let Some(largest) = directories.last() {
        let rows = groups::rows(&function, largest).await?;
        report::print_rows(&rows, "members", GROWTH[1]);
    }
    report::print_comparisons(&comparisons);
    for (users, memory) in sizes.iter().zip(memory) {
        let memory = memory as f64 / 1e3;
        println!("peak memory with {users} users, all operations but the last: {memory:.1} MB");
    }
    Ok(())
}

fn sizes(arguments: &[&str]) -> Result<Vec<usize>> {
    let mut sizes = Vec::new();
    for argument in arguments {
        match argument.parse() {
            Ok(size) if size >= FEWEST_USERS => sizes.push(size),
            _ => bail!("`{argument}` is no number of users from {FEWEST_USERS} on"),
        }
    }
    sizes.sort_unstable();
    Ok(sizes)
}

/// A release build next to this program, or the program named by the variable.
fn program(variable: &str, name: &str) -> Result<PathBuf> {
    let program = match std::env::var_os(variable).filter(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => {
            let this = std::env::current_exe()?;
            let target = this.ancestors().nth(2).context("not built by Cargo")?;
            target.join("release").join(name)
        }
    };
    if !program.is_file() {
        bail!("{} is missing; `make bench` builds it", program.display());
    }
    Ok(program)
}
