//! What a command reports, as text and as JSON.

mod attributes;
mod check;
mod identified;
pub mod key;
pub mod known_key;
mod migration;
pub mod new_key;
pub mod new_secret;
pub mod record;
pub mod request;
mod status;
pub mod tenant;
pub mod user;

use serde_json::Value;

/// The result of a command.
pub trait Report: Send {
    /// For people, without the end of the last line.
    fn text(&self) -> String;

    /// For programs.
    fn json(&self) -> Value;

    /// What the operator has to know in addition; it is not part of the result.
    fn note(&self) -> Option<String> {
        None
    }

    /// Whether the command did its work and found that something is wrong.
    fn is_bad_news(&self) -> bool {
        false
    }
}
