//! What is recorded about requests: when a key was used and how fast, how requests were answered,
//! which were refused, and those that somebody may ask about.
//!
//! Nothing here decides whether a key is accepted.

pub mod answers;
pub mod key_use;
pub mod refusals;
pub mod requests;
