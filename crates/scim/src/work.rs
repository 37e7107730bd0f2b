//! What one request may compute.
//!
//! A body of 1 MB can ask for work that grows with the product of its parts: operations, the values
//! of a resource, the conditions of a filter. No deadline can interrupt that, since computing never
//! waits. So work is counted while it is done, in units of about four nanoseconds, and a request
//! that exceeds its [`Budget`] is refused. What grows with the length of a body alone is bounded by
//! [`MAX_PAYLOAD_SIZE`](crate::bulk::MAX_PAYLOAD_SIZE).

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use crate::ScimError;
use crate::text::fold_untrimmed;

/// The most that one request may compute, in units: a fifth of a second.
pub const MAX_WORK: u64 = 50_000_000;

/// Looking at a node of a filter, or for a member of an object.
pub(crate) const LOOK: u64 = 4;

/// Resolving a name, or beginning an operation.
pub(crate) const BEGIN: u64 = 128;

/// Copying, comparing and dropping one value of a document, beside its text.
const VALUE: u64 = 32;

/// What one request has computed. The operations of a bulk request share one.
#[derive(Debug, Default)]
pub struct Budget {
    spent: AtomicU64,
}

impl Budget {
    /// Counts work that is done, or about to be.
    ///
    /// # Errors
    /// `tooMany` when it is more than [`MAX_WORK`] in all.
    pub fn spend(&self, units: u64) -> Result<(), ScimError> {
        let before = self.spent.fetch_add(units, Ordering::Relaxed);
        if before.saturating_add(units) <= MAX_WORK {
            return Ok(());
        }
        Err(ScimError::TooMany(
            "the request takes more work than one request may; split it into requests with fewer operations, values or conditions"
                .to_owned(),
        ))
    }

    /// The units that were spent.
    pub fn spent(&self) -> u64 {
        self.spent.load(Ordering::Relaxed)
    }
}

/// What it takes to read `text` once, to compare, hash or copy it.
pub(crate) fn reading(text: &str) -> u64 {
    1 + text.len() as u64 / 16
}

/// What it took to fold `text` to a text of this length.
fn folding(text: &str, folded: usize) -> u64 {
    // Characters beyond ASCII are looked up one by one, and one may become eighteen.
    let each = if text.is_ascii() { 1 } else { 96 };
    4 + text.len().max(folded) as u64 * each / 16
}

/// What it takes to fold `text`, at most.
pub(crate) fn folding_at_most(text: &str) -> u64 {
    folding(text, if text.is_ascii() { 0 } else { 11 * text.len() })
}

/// The folded form of `text`, with the blanks around it; adds to `work` what it took.
pub(crate) fn fold<'t>(text: &'t str, work: &mut u64) -> Cow<'t, str> {
    let folded = fold_untrimmed(text);
    *work += folding(text, folded.len());
    folded
}

/// What it takes to look for `wanted` within `text`.
pub(crate) fn searching(text: &str, wanted: &str) -> u64 {
    8 + (text.len() + wanted.len()) as u64 / 2
}

/// What it takes to copy `value`, compare it and drop it.
pub(crate) fn copying(value: &Value) -> u64 {
    match value {
        Value::String(text) => VALUE + text.len() as u64 / 4,
        Value::Array(elements) => VALUE + elements.iter().map(copying).sum::<u64>(),
        Value::Object(members) => VALUE + members.values().map(copying).sum::<u64>(),
        Value::Null | Value::Bool(_) | Value::Number(_) => VALUE,
    }
}

/// What it takes to copy `value` and to resolve the names in it.
pub(crate) fn resolving(value: &Value) -> u64 {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| BEGIN + 2 * reading(name) + resolving(value))
            .sum(),
        Value::Array(elements) => VALUE + elements.iter().map(resolving).sum::<u64>(),
        plain => copying(plain),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_budget_ends() {
        let budget = Budget::default();
        assert_eq!(budget.spend(MAX_WORK), Ok(()));
        let refused = budget.spend(1).unwrap_err();
        assert_eq!(refused.scim_type(), Some("tooMany"));
        assert!(budget.spend(u64::MAX - MAX_WORK - 1).is_err());
        assert!(budget.spent() > MAX_WORK);
    }

    #[test]
    fn work_grows_with_what_is_there() {
        let work = |text: &str| {
            let mut work = 0;
            fold(text, &mut work);
            assert!(work <= folding_at_most(text), "{text}");
            work
        };
        assert!(work(&"é".repeat(100)) > 10 * work(&"e".repeat(200)));
        // One character of three bytes becomes eighteen of thirty-three bytes.
        assert!(work(&"\u{fdfa}".repeat(100)) > 10 * work(&"\u{3042}".repeat(100)));
        assert!(copying(&json!(vec!["x"; 100])) > 50 * copying(&json!(["x"])));
        assert!(copying(&json!({"a": {"b": "x"}})) > copying(&json!({"a": "x"})));
        assert!(searching(&"x".repeat(1000), "y") > 2 * reading(&"x".repeat(1000)));
    }
}
