//! template.yaml against the code: what AWS deploys is what the code defines, calls and reads.
//!
//! - [`tables`]: the tables of `store::tables`, from which the local engines' tables are made.
//! - [`permissions`]: the calls made by `crates/store`, found in its source text.
//! - [`function`]: the variables named in `src/config.rs`, and time limits, each within the next.

// Tells Clippy that the functions without `#[test]` are tests too (`clippy.toml`).
#![cfg(test)]
#![expect(clippy::string_slice, reason = "a test may end with a panic")]

mod function;
mod permissions;
mod tables;
mod values;
mod yaml;
