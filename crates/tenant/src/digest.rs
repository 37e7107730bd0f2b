//! What is stored and logged instead of an API key.

use std::fmt::{self, Write as _};

use sha2::{Digest as _, Sha256};

/// Hexadecimal digits in a [`KeyId`]: 48 bits, enough to keep one tenant's keys apart.
const ID_LEN: usize = 12;

/// The SHA-256 digest of an API key, the only form in which a key is stored.
///
/// A key holds 256 random bits and cannot be guessed, so a deliberately slow hash would only slow
/// down every request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyDigest([u8; 32]);

/// The first 12 hexadecimal digits of a [`KeyDigest`]. Names a key in logs and commands without
/// revealing any of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

/// The text is not a key id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a key id is {ID_LEN} of the digits 0 to 9 and a to f")]
pub struct KeyIdError(());

impl KeyDigest {
    /// Digests a key as presented, well formed or not.
    pub fn of(presented: &[u8]) -> Self {
        Self(Sha256::digest(presented).into())
    }

    /// The digest as 64 lower-case hexadecimal digits.
    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }

    /// The digest that these 64 lower-case hexadecimal digits write.
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 64 || !is_lower_hex(text) {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = std::str::from_utf8(digits).ok()?;
            *byte = u8::from_str_radix(digits, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// The digest itself: a secret that only the key's owner and the service can know.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The short name of the key.
    pub fn key_id(&self) -> KeyId {
        let mut id = self.to_hex();
        id.truncate(ID_LEN);
        KeyId(id)
    }
}

impl fmt::Debug for KeyDigest {
    /// Shows only the key id: readers of logs do not need the rest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyDigest({}…)", self.key_id())
    }
}

impl KeyId {
    /// Checks that `text` is a key id.
    ///
    /// # Errors
    /// When it is not 12 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, KeyIdError> {
        if text.len() == ID_LEN && is_lower_hex(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(KeyIdError(()))
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Two lower-case hexadecimal digits for each byte.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Whether `text` consists of lower-case hexadecimal digits.
pub(super) fn is_lower_hex(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of FIPS 180-2, appendix B.1.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn is_sha_256() {
        assert_eq!(KeyDigest::of(b"abc").to_hex(), ABC);
    }

    #[test]
    fn hexadecimal_digits_round_trip() {
        assert_eq!(KeyDigest::from_hex(ABC), Some(KeyDigest::of(b"abc")));
        for text in [
            "",
            &ABC.to_uppercase(),
            &ABC.replace('b', "g"),
            &format!("{ABC}0"),
        ] {
            assert_eq!(KeyDigest::from_hex(text), None, "`{text}`");
        }
    }

    #[test]
    fn key_id_is_the_start_of_the_digest() {
        let id = KeyDigest::of(b"abc").key_id();
        assert_eq!(id.as_str(), "ba7816bf8f01");
        assert_eq!(KeyId::parse("ba7816bf8f01"), Ok(id));
    }

    #[test]
    fn key_id_has_one_form() {
        for text in [
            "",
            "ba7816bf8f0",
            "ba7816bf8f011",
            "BA7816BF8F01",
            "ba7816bf8f0g",
        ] {
            assert!(KeyId::parse(text).is_err(), "accepted `{text}`");
        }
    }

    #[test]
    fn debug_shows_no_more_than_the_key_id() {
        assert_eq!(
            format!("{:?}", KeyDigest::of(b"abc")),
            "KeyDigest(ba7816bf8f01…)"
        );
    }
}
