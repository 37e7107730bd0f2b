//! What is recorded about requests: when a key was used and how fast, and which requests were
//! refused.
//!
//! Nothing here decides whether a key is accepted.

pub mod key_use;
pub mod refusals;
