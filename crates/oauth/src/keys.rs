//! The keys that an issuer publishes (RFC 7517), read as if the document were hostile: what is not
//! a key for RS256 is skipped, and what is kept is bounded.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::assertion::MAX_KID;
use super::authority::Issuer;

/// The longest document read, in bytes.
pub const MAX_DOCUMENT: usize = 1024 * 1024;

/// How many keys of a document are looked at. With the longest modulus and the longest name this
/// many have less than 130 KB, and fit into a database item in base64.
const MAX_KEYS: usize = 100;

/// The longest key looked at, in bytes of JSON. Entra's have 2 KB with their certificate.
const MAX_KEY: usize = 32 * 1024;

/// The length of a modulus, in bits. A shorter one is too weak (RFC 7518, section 3.3); a longer
/// one takes too long.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The longest public exponent, in bytes. 65,537 has three.
const MAX_EXPONENT: usize = 4;

/// The keys of an issuer: at least one, at most 100, no two of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebKeys(Vec<WebKey>);

/// A public RSA key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebKey {
    /// Its name.
    pub kid: String,
    /// The modulus, big-endian, without zeros in front.
    pub n: Vec<u8>,
    /// The public exponent, likewise.
    pub e: Vec<u8>,
}

/// A key in the form in which it is stored: as in the document, nothing else of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredKey {
    /// Its name.
    pub kid: String,
    /// The modulus in base64url.
    pub n: String,
    /// The public exponent in base64url.
    pub e: String,
}

/// Why a document has no keys to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotKeys {
    /// It is too long.
    #[error("the document with the keys is longer than {MAX_DOCUMENT} bytes")]
    TooLong,
    /// It is no set of keys.
    #[error("the document with the keys is not a JSON object with an array `keys`")]
    Malformed,
    /// None of the keys is one for RS256, of this issuer.
    #[error("none of the first {MAX_KEYS} keys of the document can be used")]
    NoneUsable,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

/// A member of `keys`. Those that it does not have are ignored, and a name that occurs twice makes
/// it no key.
#[derive(Deserialize)]
struct Published {
    kty: String,
    kid: String,
    n: String,
    e: String,
    r#use: Option<String>,
    alg: Option<String>,
    issuer: Option<String>,
}

impl WebKeys {
    /// Reads the document with an issuer's keys. Of two keys of the same name the first counts.
    ///
    /// # Errors
    /// When it is longer than [`MAX_DOCUMENT`], is no set of keys, or none of the first 100 can be
    /// used.
    pub fn read(json: &[u8], issuer: &Issuer) -> Result<Self, NotKeys> {
        if json.len() > MAX_DOCUMENT {
            return Err(NotKeys::TooLong);
        }
        let document: Document = serde_json::from_slice(json).map_err(|_| NotKeys::Malformed)?;
        let read = |key: &RawValue| {
            let text = (key.get().len() <= MAX_KEY).then(|| key.get())?;
            let published: Published = serde_json::from_str(text).ok()?;
            published.usable(issuer)
        };
        Self::of(document.keys.into_iter().take(MAX_KEYS).filter_map(read))
    }

    /// The keys that were stored.
    ///
    /// # Errors
    /// When none of the first 100 can be used.
    pub fn from_stored(stored: impl IntoIterator<Item = StoredKey>) -> Result<Self, NotKeys> {
        let keys = stored.into_iter().take(MAX_KEYS);
        Self::of(keys.filter_map(|key| WebKey::decode(key.kid, &key.n, &key.e)))
    }

    /// The keys in the form in which they are stored.
    pub fn to_stored(&self) -> Vec<StoredKey> {
        let stored = |key: &WebKey| StoredKey {
            kid: key.kid.clone(),
            n: URL_SAFE_NO_PAD.encode(&key.n),
            e: URL_SAFE_NO_PAD.encode(&key.e),
        };
        self.0.iter().map(stored).collect()
    }

    /// The key of this name.
    pub fn find(&self, kid: &str) -> Option<&WebKey> {
        self.0.iter().find(|key| key.kid == kid)
    }

    fn of(keys: impl Iterator<Item = WebKey>) -> Result<Self, NotKeys> {
        let mut all = Self(Vec::new());
        for key in keys {
            if all.find(&key.kid).is_none() {
                all.0.push(key);
            }
        }
        if all.0.is_empty() {
            return Err(NotKeys::NoneUsable);
        }
        Ok(all)
    }
}

impl Published {
    /// The key, if it is one for RS256 by which this issuer signs. The document for all tenants
    /// has `{tenantid}` in the issuer of its keys.
    fn usable(self, issuer: &Issuer) -> Option<WebKey> {
        let is_or_absent =
            |member: &Option<String>, value| member.as_deref().is_none_or(|text| text == value);
        let is_of_issuer = self.issuer.as_ref().is_none_or(|template| {
            template.replace("{tenantid}", issuer.entra_tenant()) == issuer.as_str()
        });
        let is_usable = self.kty == "RSA"
            && is_or_absent(&self.r#use, "sig")
            && is_or_absent(&self.alg, "RS256")
            && is_of_issuer;
        if !is_usable {
            return None;
        }
        WebKey::decode(self.kid, &self.n, &self.e)
    }
}

impl WebKey {
    /// The key of these numbers in base64url, each in its one form (RFC 7518, section 6.3.1).
    fn decode(kid: String, n: &str, e: &str) -> Option<Self> {
        if !(1..=MAX_KID).contains(&kid.len()) {
            return None;
        }
        let (n, e) = (number(n)?, number(e)?);
        let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
        let is_usable = MODULUS_BITS.contains(&bits) && e.len() <= MAX_EXPONENT && e != [1];
        is_usable.then_some(Self { kid, n, e })
    }
}

/// An odd number without zeros in front. The modulus of RSA is odd, as is its exponent.
fn number(base64: &str) -> Option<Vec<u8>> {
    let number = URL_SAFE_NO_PAD.decode(base64).ok()?;
    let (first, last) = (number.first()?, number.last()?);
    (*first != 0 && last % 2 == 1).then_some(number)
}
