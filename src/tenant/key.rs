//! The API key that a tenant's administrator pastes into their identity provider.

use std::fmt;

use super::digest::{KeyDigest, KeyId, hex, is_lower_hex};
use super::id::TenantId;

const PREFIX: &str = "htscim_";
const SECRET_LEN: usize = 64;
const CHECKSUM_LEN: usize = 8;

/// An API key in its text form: `htscim_<tenant>_<secret>_<checksum>`.
///
/// - The prefix lets secret scanners find keys that were published by mistake. The expression:
///   `htscim_[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?_[0-9a-f]{64}_[0-9a-f]{8}`
/// - The tenant id tells the service whose data to read while the key is still being checked.
///   It grants nothing by itself.
/// - The secret is 32 random bytes as hexadecimal digits.
/// - The checksum is the CRC-32 of everything before the last underscore. It finds a key that
///   was not copied whole, and is no protection.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    text: String,
    tenant: TenantId,
}

/// Why a text is no API key. Neither case repeats any part of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    /// The text does not have the form of an API key.
    #[error("this is not an API key, which starts with `{PREFIX}`; copy the key whole")]
    Malformed,
    /// The text has the form of an API key, but some characters differ from those issued.
    #[error("the API key contains a mistake; copy it again")]
    Checksum,
}

impl ApiKey {
    /// The key of `tenant` with this secret, which must be random.
    pub fn from_secret(tenant: &TenantId, secret: [u8; 32]) -> Self {
        let mut text = format!("{PREFIX}{tenant}_{}", hex(&secret));
        let checksum = checksum(&text);
        text.push('_');
        text.push_str(&checksum);
        Self {
            text,
            tenant: tenant.clone(),
        }
    }

    /// Checks the form and the checksum of a key.
    ///
    /// # Errors
    /// When either is wrong. A key that passes was not necessarily ever issued.
    pub fn parse(text: &str) -> Result<Self, ApiKeyError> {
        let (tenant, body, stated) = split(text).ok_or(ApiKeyError::Malformed)?;
        if checksum(body) == stated {
            Ok(Self {
                text: text.to_owned(),
                tenant,
            })
        } else {
            Err(ApiKeyError::Checksum)
        }
    }

    /// The tenant that the key names.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// What is stored of the key.
    pub fn digest(&self) -> KeyDigest {
        KeyDigest::of(self.text.as_bytes())
    }

    /// The key itself, to be shown once to the person it is issued to.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

/// Whatever a client sent in the place of an API key, reduced to what may be kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentedKey {
    tenant: Option<TenantId>,
    digest: KeyDigest,
}

impl PresentedKey {
    /// Any bytes will do, and none at all when the client sent nothing.
    pub fn new(presented: &[u8]) -> Self {
        let key = std::str::from_utf8(presented)
            .ok()
            .and_then(|text| ApiKey::parse(text).ok());
        Self {
            tenant: key.map(|key| key.tenant),
            digest: KeyDigest::of(presented),
        }
    }

    /// The tenant that the key names, which proves nothing yet; `None` when no such key can
    /// have been issued.
    pub fn tenant(&self) -> Option<&TenantId> {
        self.tenant.as_ref()
    }

    /// The digest of the presented bytes.
    pub fn digest(&self) -> KeyDigest {
        self.digest
    }

    /// What to call the key in logs.
    pub fn key_id(&self) -> KeyId {
        self.digest.key_id()
    }
}

/// The tenant of a key, everything that its checksum covers, and the checksum.
fn split(text: &str) -> Option<(TenantId, &str, &str)> {
    let (body, checksum) = text.rsplit_once('_')?;
    let (tenant, secret) = body.strip_prefix(PREFIX)?.split_once('_')?;
    let well_formed = secret.len() == SECRET_LEN
        && is_lower_hex(secret)
        && checksum.len() == CHECKSUM_LEN
        && is_lower_hex(checksum);
    let tenant = TenantId::parse(tenant).ok()?;
    well_formed.then_some((tenant, body, checksum))
}

fn checksum(body: &str) -> String {
    format!("{:08x}", crc32fast::hash(body.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> ApiKey {
        ApiKey::from_secret(&TenantId::parse("acme-2").unwrap(), [0xa5; 32])
    }

    /// A key that customers hold must stay valid: this text may never change.
    #[test]
    fn has_the_documented_form() {
        let secret = "a5".repeat(32);
        assert_eq!(key().expose(), format!("htscim_acme-2_{secret}_b1e004c5"));
    }

    #[test]
    fn round_trip() {
        let parsed = ApiKey::parse(key().expose()).unwrap();
        assert_eq!(parsed, key());
        assert_eq!(parsed.tenant().as_str(), "acme-2");
        assert_eq!(parsed.digest(), KeyDigest::of(key().expose().as_bytes()));
    }

    #[test]
    fn every_single_typo_is_found() {
        let key = key();
        for (position, original) in key.expose().char_indices() {
            let replacement = if original == '0' { "1" } else { "0" };
            let mut typo = key.expose().to_owned();
            typo.replace_range(position..=position, replacement);
            assert!(ApiKey::parse(&typo).is_err(), "accepted `{typo}`");
        }
        let typo = key.expose().replacen("a5a5", "a55a", 1);
        assert_eq!(ApiKey::parse(&typo), Err(ApiKeyError::Checksum));
    }

    #[test]
    fn other_forms_are_malformed() {
        let text = key().expose().to_owned();
        let cut = text.get(..text.len() - 1).unwrap();
        for text in [
            "",
            "htscim_",
            "Bearer",
            cut,
            &format!("{text} "),
            &text.to_uppercase(),
        ] {
            assert_eq!(ApiKey::parse(text), Err(ApiKeyError::Malformed), "`{text}`");
        }
    }

    #[test]
    fn debug_is_mute() {
        let key = key();
        let shown = format!("{key:?} {:?}", PresentedKey::new(key.expose().as_bytes()));
        assert!(!shown.contains("a5a5"), "{shown}");
        assert!(!shown.contains(&key.digest().to_hex()), "{shown}");
        assert!(shown.contains("acme-2"), "{shown}");
    }

    #[test]
    fn a_presented_key_has_a_tenant_only_when_it_may_have_been_issued() {
        let key = key();
        let presented = PresentedKey::new(key.expose().as_bytes());
        assert_eq!(presented.tenant(), Some(key.tenant()));
        assert_eq!(presented.digest(), key.digest());
        assert_eq!(presented.key_id(), key.digest().key_id());
        for bytes in [&b""[..], b"htscim_acme-2_", &[0xff; 3], &[b'a'; 20_000]] {
            assert_eq!(PresentedKey::new(bytes).tenant(), None);
        }
    }

    proptest! {
        #[test]
        fn parse_never_panics(text in ".*") {
            let _ = ApiKey::parse(&text);
            let _ = PresentedKey::new(text.as_bytes());
        }

        #[test]
        fn parse_never_panics_near_the_form(text in "htscim_[a-z_é-]{0,9}_[0-9a-f_é]{60,66}_[0-9a-f]{7,9}") {
            let _ = ApiKey::parse(&text);
        }

        #[test]
        fn every_secret_round_trips(secret: [u8; 32], tenant in "[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?") {
            let key = ApiKey::from_secret(&TenantId::parse(&tenant).unwrap(), secret);
            prop_assert_eq!(ApiKey::parse(key.expose()), Ok(key));
        }
    }
}
