//! The name of a tenant in keys, logs and commands.

use std::fmt;

/// The longest tenant id.
pub(super) const MAX_LEN: usize = 40;

/// Identifies a tenant: 1 to 40 of `a-z`, `0-9` and `-`, with a letter or digit at both ends.
///
/// It contains neither `_`, which separates the parts of an [`ApiKey`](super::ApiKey), nor `#`,
/// which separates the parts of a DynamoDB key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(String);

/// The text is not a tenant id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a tenant id is 1 to {MAX_LEN} lower-case letters, digits and hyphens and starts and ends with a letter or digit"
)]
pub struct TenantIdError(());

impl TenantId {
    /// Checks that `text` is a tenant id.
    ///
    /// # Errors
    /// When its length or a character is invalid, or a hyphen is at either end.
    pub fn parse(text: &str) -> Result<Self, TenantIdError> {
        let well_formed = (1..=MAX_LEN).contains(&text.len())
            && text
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && !text.starts_with('-')
            && !text.ends_with('-');
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(TenantIdError(()))
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_documented_form() {
        let longest = "a".repeat(MAX_LEN);
        for text in ["a", "7", "acme", "acme-2", "a--b", longest.as_str()] {
            assert_eq!(TenantId::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn refuses_everything_else() {
        let too_long = "a".repeat(MAX_LEN + 1);
        for text in [
            "",
            "-",
            "-a",
            "a-",
            "Acme",
            "a_b",
            "a#b",
            "a b",
            "ä",
            too_long.as_str(),
        ] {
            assert!(TenantId::parse(text).is_err(), "accepted `{text}`");
        }
    }
}
