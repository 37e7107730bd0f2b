//! Cursors (RFC 9865): where a walk through a list continues.
//!
//! A cursor is opaque to clients but not secret: it is the position in plain text plus a seal. The
//! seal covers the query too, so a cursor only works for the query and the key it was issued for.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::digest::Key;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use time::{Duration, OffsetDateTime};

use super::{ResourceId, ScimError};

/// How long a cursor can be used; published in `/ServiceProviderConfig`.
pub const TIMEOUT: Duration = Duration::hours(1);

/// A position in a list, and the list's length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The position.
    pub position: Position,
    /// `totalResults`, counted for the first page and carried along.
    pub total: u64,
}

/// A position in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// Resources after this one, in the order of ids.
    After(ResourceId),
    /// Resources before this one, in the order of ids.
    Before(ResourceId),
    /// Resources from this 0-based index on, for lists in any other order.
    Offset(u64),
}

/// Seals and opens cursors for one query of one client.
pub struct Seal {
    mac: Hmac<Sha256>,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").finish_non_exhaustive()
    }
}

impl Seal {
    /// A seal under a secret `key` for the query that `parts` describe.
    pub fn new(key: &[u8; 32], parts: &[&str]) -> Self {
        // HMAC pads a short key with zeros.
        let mut padded = Key::<Hmac<Sha256>>::default();
        padded
            .iter_mut()
            .zip(key)
            .for_each(|(slot, byte)| *slot = *byte);
        let mut mac = Hmac::<Sha256>::new(&padded);
        for part in parts {
            // The length keeps `["ab", "c"]` apart from `["a", "bc"]`.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        Self { mac }
    }

    /// The text of a cursor that is valid for [`TIMEOUT`] from `now`.
    pub fn close(&self, cursor: &Cursor, now: OffsetDateTime) -> String {
        let expires = (now + TIMEOUT).unix_timestamp();
        let text = match &cursor.position {
            Position::After(id) => format!("a {id} {} {expires}", cursor.total),
            Position::Before(id) => format!("b {id} {} {expires}", cursor.total),
            Position::Offset(offset) => format!("o {offset} {} {expires}", cursor.total),
        };
        let mut sealed = self
            .mac
            .clone()
            .chain_update(&text)
            .finalize()
            .into_bytes()
            .to_vec();
        sealed.extend_from_slice(text.as_bytes());
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// The cursor in a text made by [`Seal::close`].
    ///
    /// # Errors
    /// `invalidCursor` when it was not made for this query, `expiredCursor` when it is too old.
    pub fn open(&self, text: &str, now: OffsetDateTime) -> Result<Cursor, ScimError> {
        let (cursor, expires) = self.read(text).ok_or_else(|| {
            ScimError::InvalidCursor(
                "`cursor` is not one that was given for this query; start again with an empty `cursor`".to_owned(),
            )
        })?;
        if now.unix_timestamp() >= expires {
            return Err(ScimError::ExpiredCursor(
                "`cursor` has expired; start again with an empty `cursor`".to_owned(),
            ));
        }
        Ok(cursor)
    }

    fn read(&self, text: &str) -> Option<(Cursor, i64)> {
        const SEAL: usize = 32;
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (seal, text) = sealed.split_at_checked(SEAL)?;
        self.mac
            .clone()
            .chain_update(text)
            .verify_slice(seal)
            .ok()?;
        let mut words = std::str::from_utf8(text).ok()?.split(' ');
        let position = match (words.next()?, words.next()?) {
            ("a", id) => Position::After(ResourceId::parse(id)?),
            ("b", id) => Position::Before(ResourceId::parse(id)?),
            ("o", offset) => Position::Offset(offset.parse().ok()?),
            _ => return None,
        };
        let total = words.next()?.parse().ok()?;
        Some((Cursor { position, total }, words.next()?.parse().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor() -> Cursor {
        Cursor {
            position: Position::After(
                ResourceId::parse("2819c223-7f76-453a-919d-413861904646").unwrap(),
            ),
            total: 7,
        }
    }

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    #[test]
    fn cursors_round_trip_until_they_expire() {
        let seal = Seal::new(&[1; 32], &["User", "title pr"]);
        for cursor in [
            cursor(),
            Cursor {
                position: Position::Before(
                    ResourceId::parse("2819c223-7f76-453a-919d-413861904646").unwrap(),
                ),
                total: 1,
            },
            Cursor {
                position: Position::Offset(3),
                total: 0,
            },
        ] {
            assert_eq!(
                seal.open(&seal.close(&cursor, NOW), NOW + TIMEOUT - Duration::SECOND),
                Ok(cursor)
            );
        }
        let late = seal
            .open(&seal.close(&cursor(), NOW), NOW + TIMEOUT)
            .unwrap_err();
        assert_eq!(late.scim_type(), Some("expiredCursor"));
    }

    #[test]
    fn another_query_key_or_character_is_refused() {
        let text = Seal::new(&[1; 32], &["User", "title pr"]).close(&cursor(), NOW);
        let refused = |seal: Seal, text: &str| {
            seal.open(text, NOW).unwrap_err().scim_type() == Some("invalidCursor")
        };
        assert!(refused(Seal::new(&[2; 32], &["User", "title pr"]), &text));
        assert!(refused(Seal::new(&[1; 32], &["User", "title"]), &text));
        assert!(refused(Seal::new(&[1; 32], &["Use", "rtitle pr"]), &text));
        for index in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(
                refused(Seal::new(&[1; 32], &["User", "title pr"]), &changed),
                "{index}"
            );
        }
        for text in ["", "x", "é", "AAAA"] {
            assert!(refused(Seal::new(&[1; 32], &[]), text));
        }
    }

    #[test]
    fn a_seal_does_not_show_its_key() {
        let seal = Seal::new(&[77; 32], &["User"]);
        assert_eq!(format!("{seal:?}"), "Seal { .. }");
    }
}
