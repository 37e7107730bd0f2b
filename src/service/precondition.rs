//! Conditions on the version of a resource (RFC 7644 §3.14, RFC 9110 §13.1).

use scim::{ScimError, Stored};

/// `If-Match` (RFC 7644 §3.14): the versions a client is willing to change; absent means any.
#[derive(Debug, Clone, Default)]
pub struct IfMatch(pub Option<String>);

impl IfMatch {
    /// Whether the client names the version that it is willing to change; `*` is any.
    pub(super) fn names_a_version(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|list| !list.split(',').any(|tag| tag.trim() == "*"))
    }

    pub(super) fn check(&self, stored: &Stored) -> Result<(), ScimError> {
        match &self.0 {
            Some(expected) if !matches_etag(expected, &stored.meta.etag()) => {
                Err(ScimError::PreconditionFailed(format!(
                    "the resource has changed: its version is {}; read it again before changing it",
                    stored.meta.etag()
                )))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a list of entity tags, or `*`, matches `etag` (RFC 9110 §13.1). Tags are compared
/// weakly: all of this service's tags are weak.
pub fn matches_etag(list: &str, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    list.split(',')
        .any(|tag| tag.trim() == "*" || opaque(tag) == opaque(etag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_tags_match_weakly_and_in_lists() {
        for list in ["W/\"3\"", "\"3\"", "*", "W/\"1\", W/\"3\"", " W/\"3\" "] {
            assert!(matches_etag(list, "W/\"3\""), "{list}");
        }
        for list in ["W/\"33\"", "3", "", "W/\"2\""] {
            assert!(!matches_etag(list, "W/\"3\""), "{list}");
        }
    }
}
