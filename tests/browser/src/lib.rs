//! The settings page as people use it: in Chromium, against both functions in one process, on the
//! embedded engine.
//!
//! - [`story`]: from a link to members that Entra creates, with scripts and without.
//! - [`attacks`]: links, forms, sessions and keys in the wrong hands.
//! - [`every_page`]: what holds on every page, in both languages, light and dark, wide and narrow;
//!   and a picture of each.
//! - [`extremes`]: names as long as they may be, and the page that waits.
//!
//! All of them need Chromium and axe, which `make test-browser` gets, and are there with the
//! feature `chromium` alone.

// Tells Clippy that the functions without `#[test]` are tests too (`clippy.toml`).
#![cfg(test)]
#![cfg(feature = "chromium")]

mod attacks;
mod every_page;
mod extremes;
mod story;
mod support;
