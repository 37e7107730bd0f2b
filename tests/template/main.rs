//! template.yaml against the code: what AWS deploys is what the code defines, calls and reads.
//!
//! - [`tables`]: the tables of `storage::tables`, from which the local engines' tables are made.
//! - [`permissions`]: the calls that `src/storage` makes, found in its source text.
//! - [`function`]: the variables that `src/config.rs` names, and time limits, each inside the next.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and so do the functions that tests share"
)]

mod function;
mod permissions;
mod tables;
mod yaml;
