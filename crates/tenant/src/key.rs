//! The API key that a tenant's administrator pastes into their identity provider.

use super::id::TenantId;
use super::secret::{NotWhole, Secret, of_secret};

const PREFIX: &str = "htscim_";

/// An API key in its text form: `htscim_<tenant>_<secret>_<checksum>`.
///
/// - The prefix lets secret scanners find keys that were published by mistake. The expression:
///   `htscim_[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?_[0-9a-f]{64}_[0-9a-f]{8}`
/// - The tenant id tells the service whose data to read while the key is still being checked.
///   It grants nothing by itself.
/// - The secret is 32 random bytes as hexadecimal digits.
/// - The checksum is the CRC-32 of everything before the last underscore. It detects a badly copied
///   key before anything is read; it protects against nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(Secret);

/// Why something is not an API key. Neither variant repeats any part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    /// It does not start like an API key.
    #[error("this is not an API key, which starts with `{PREFIX}`; copy the key whole")]
    Foreign,
    /// It starts like an API key, but characters are missing, added or changed.
    #[error("the API key is incomplete or has a typing mistake; copy it again")]
    Mistyped,
}

impl ApiKey {
    /// Checks the form and the checksum of a presented key. The work is the same for any length
    /// beyond that of a key.
    ///
    /// # Errors
    /// When either is wrong. A key that passes was not necessarily ever issued.
    pub fn parse(presented: &[u8]) -> Result<Self, ApiKeyError> {
        match Secret::parse(PREFIX, presented) {
            Ok(secret) => Ok(Self(secret)),
            Err(NotWhole::Foreign) => Err(ApiKeyError::Foreign),
            Err(NotWhole::Mistyped) => Err(ApiKeyError::Mistyped),
        }
    }

    /// Whether something starts like a key.
    pub fn is_like(presented: &[u8]) -> bool {
        Secret::parse(PREFIX, presented) != Err(NotWhole::Foreign)
    }

    /// The tenant named by anything that starts like a key, whatever follows.
    pub fn named_tenant(presented: &[u8]) -> Option<TenantId> {
        Secret::named_tenant(PREFIX, presented)
    }
}

of_secret!(ApiKey, PREFIX, "key");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::id::MAX_LEN as MAX_TENANT_LEN;
    use super::super::secret::max_len;
    use super::*;
    use crate::KeyDigest;

    fn key() -> ApiKey {
        ApiKey::from_secret(&TenantId::parse("acme-2").unwrap(), [0xa5; 32])
    }

    /// Keys that customers hold must stay valid: this text may never change.
    #[test]
    fn has_the_documented_form() {
        let secret = "a5".repeat(32);
        assert_eq!(key().expose(), format!("htscim_acme-2_{secret}_b1e004c5"));
    }

    #[test]
    fn round_trip() {
        let parsed = ApiKey::parse(key().expose().as_bytes()).unwrap();
        assert_eq!(parsed, key());
        assert_eq!(parsed.tenant().as_str(), "acme-2");
        assert_eq!(parsed.digest(), KeyDigest::of(key().expose().as_bytes()));
        assert_eq!(parsed.id(), parsed.digest().key_id());
    }

    #[test]
    fn every_single_typo_is_found() {
        let key = key();
        for (position, original) in key.expose().char_indices() {
            let replacement = if original == '0' { "1" } else { "0" };
            let mut typo = key.expose().to_owned();
            typo.replace_range(position..=position, replacement);
            let expected = if position < PREFIX.len() {
                ApiKeyError::Foreign
            } else {
                ApiKeyError::Mistyped
            };
            assert_eq!(ApiKey::parse(typo.as_bytes()), Err(expected), "`{typo}`");
        }
        let typo = key.expose().replacen("a5a5", "a55a", 1);
        assert_eq!(ApiKey::parse(typo.as_bytes()), Err(ApiKeyError::Mistyped));
    }

    #[test]
    fn a_key_that_is_not_whole_is_mistyped_and_anything_else_is_foreign() {
        let text = key().expose().to_owned();
        for length in PREFIX.len()..text.len() {
            let cut = &text.as_bytes()[..length];
            assert_eq!(ApiKey::parse(cut), Err(ApiKeyError::Mistyped), "{length}");
        }
        for text in [
            &format!("{text} "),
            &format!("{text}\n"),
            &text.to_uppercase(),
            &text.repeat(80),
        ] {
            let refused = ApiKey::parse(text.as_bytes());
            assert_eq!(refused, Err(ApiKeyError::Mistyped), "`{text}`");
        }
        for bytes in [&b""[..], b"htscim", b"Bearer", &[0xff; 3], &[b'a'; 20_000]] {
            assert_eq!(ApiKey::parse(bytes), Err(ApiKeyError::Foreign));
        }
    }

    #[test]
    fn the_longest_key_is_accepted() {
        let tenant = TenantId::parse(&"a".repeat(MAX_TENANT_LEN)).unwrap();
        let key = ApiKey::from_secret(&tenant, [1; 32]);
        assert_eq!(key.expose().len(), max_len(PREFIX));
        assert_eq!(ApiKey::parse(key.expose().as_bytes()), Ok(key));
    }

    #[test]
    fn a_mistyped_key_names_its_tenant() {
        let key = key();
        let text = key.expose();
        for named in [
            text,
            text.get(..20).unwrap(),
            "htscim_acme-2_",
            "htscim_acme-2",
        ] {
            let tenant = ApiKey::named_tenant(named.as_bytes());
            assert_eq!(tenant.as_ref(), Some(key.tenant()), "{named}");
        }
        for nobody in ["", "htscim_", "htscim_A_", "acme-2", "htscim__acme"] {
            assert_eq!(ApiKey::named_tenant(nobody.as_bytes()), None, "{nobody}");
        }
    }

    #[test]
    fn debug_is_mute() {
        let key = key();
        let shown = format!("{key:?}");
        assert!(!shown.contains("a5a5"), "{shown}");
        assert!(!shown.contains(&key.digest().to_hex()), "{shown}");
        assert!(shown.contains("acme-2"), "{shown}");
    }

    proptest! {
        #[test]
        fn parse_never_panics(bytes: Vec<u8>) {
            let _ = ApiKey::parse(&bytes);
        }

        #[test]
        fn parse_never_panics_near_the_form(text in "htscim_[a-z_é-]{0,9}_[0-9a-f_é]{60,66}_[0-9a-f]{7,9}") {
            let _ = ApiKey::parse(text.as_bytes());
        }

        #[test]
        fn every_secret_round_trips(secret: [u8; 32], tenant in "[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?") {
            let key = ApiKey::from_secret(&TenantId::parse(&tenant).unwrap(), secret);
            prop_assert_eq!(ApiKey::parse(key.expose().as_bytes()), Ok(key));
        }
    }
}
