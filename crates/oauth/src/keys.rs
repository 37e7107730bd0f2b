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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::mint::{KEY, OTHER_KEY, TENANT, issuer, web_key, with};

    /// A key as Entra publishes it.
    fn published(kid: &str) -> Value {
        let key = WebKeys(vec![web_key(kid, &KEY)]).to_stored().remove(0);
        json!({
            "kty": "RSA", "use": "sig", "kid": kid, "x5t": kid, "n": key.n, "e": key.e,
            "x5c": ["MIIC/TCCAeWgAwIBAgIIUd7j/OIahkYwDQYJKoZIhvcNAQELBQAwLTErMCkGA1UEAxMi"],
            "cloud_instance_name": "microsoftonline.com",
            "issuer": format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
        })
    }

    fn read(keys: &[Value]) -> Result<WebKeys, NotKeys> {
        WebKeys::read(json!({"keys": keys}).to_string().as_bytes(), &issuer())
    }

    /// A number of so many bits.
    fn bits(count: usize) -> String {
        let mut number = vec![0xff; count.div_ceil(8)];
        number[0] >>= number.len() * 8 - count;
        URL_SAFE_NO_PAD.encode(number)
    }

    #[test]
    fn a_document_of_entra_is_read() {
        let keys = read(&[published("a"), published("b")]).unwrap();
        assert_eq!(keys.find("b"), Some(&web_key("b", &KEY)));
        assert_eq!(keys.find("c"), None);
        assert_eq!(keys.0.len(), 2);
    }

    #[test]
    fn what_may_be_absent_or_of_all_tenants_may() {
        for name in ["use", "issuer", "x5c"] {
            assert!(read(&[with(published("a"), name, Value::Null)]).is_ok());
        }
        let template = "https://login.microsoftonline.com/{tenantid}/v2.0";
        assert!(read(&[with(published("a"), "issuer", template.into())]).is_ok());
        assert!(read(&[with(published("a"), "alg", "RS256".into())]).is_ok());
    }

    #[test]
    fn what_is_no_key_for_this_is_skipped() {
        let other = "https://login.microsoftonline.com/99999999-2222-4333-8444-555555555555/v2.0";
        let n = || published("a")["n"].as_str().unwrap().to_owned();
        let zero_in_front = format!("AAAA{}", n());
        let even = format!("{}A", n().strip_suffix(|_| true).unwrap());
        let wrong = [
            ("kty", json!("EC")),
            ("kty", json!("rsa")),
            ("kty", json!(1)),
            ("kty", Value::Null),
            ("use", json!("enc")),
            ("use", json!(["sig"])),
            ("alg", json!("RS512")),
            ("alg", json!("none")),
            ("issuer", json!(other)),
            ("issuer", json!("https://a.example/{tenantid}/v2.0")),
            ("kid", Value::Null),
            ("kid", json!("")),
            ("kid", json!("a".repeat(257))),
            ("kid", json!(1)),
            ("n", Value::Null),
            ("n", json!("")),
            ("n", json!(format!("{}=", n()))),
            ("n", json!(zero_in_front)),
            ("n", json!(even)),
            ("n", json!(bits(2047))),
            ("n", json!(bits(8193))),
            ("e", Value::Null),
            ("e", json!("")),
            ("e", json!("AQ")),      // 1
            ("e", json!("Ag")),      // 2
            ("e", json!("AAEAAQ")),  // a zero in front
            ("e", json!("AQAAAAE")), // five bytes
            ("x5c", json!("a".repeat(MAX_KEY))),
        ];
        for (name, value) in wrong {
            // `with` takes members away that are there.
            let key = with(with(published("a"), name, json!("")), name, value.clone());
            let refused = read(std::slice::from_ref(&key));
            assert_eq!(refused, Err(NotKeys::NoneUsable), "{name}: {value}");
            let keys = read(&[key, json!(null), json!([[]]), json!("x"), published("b")]);
            assert_eq!(keys.unwrap().0.len(), 1);
        }
        let twice = published("a")
            .to_string()
            .replacen('{', r#"{"kid":"b","#, 1);
        let document = format!("{{\"keys\":[{twice}]}}");
        let refused = WebKeys::read(document.as_bytes(), &issuer());
        assert_eq!(refused, Err(NotKeys::NoneUsable));
    }

    #[test]
    fn a_modulus_has_2048_to_8192_bits() {
        for count in [2048, 3072, 4096, 8192] {
            let key = with(published("a"), "n", bits(count).into());
            assert!(read(&[key]).is_ok(), "{count}");
        }
    }

    #[test]
    fn of_two_keys_with_a_name_the_first_counts() {
        let other = WebKeys(vec![web_key("a", &OTHER_KEY)])
            .to_stored()
            .remove(0);
        let second = with(published("a"), "n", other.n.into());
        let keys = read(&[published("a"), second]).unwrap();
        assert_eq!(keys.0, [web_key("a", &KEY)]);
    }

    #[test]
    fn a_hundred_keys_are_looked_at() {
        let many: Vec<Value> = (0..101).map(|kid| published(&kid.to_string())).collect();
        let keys = read(&many).unwrap();
        assert_eq!(keys.0.len(), 100);
        assert_eq!(keys.find("100"), None);
        let mut unusable = vec![json!({}); 100];
        unusable.push(published("a"));
        assert_eq!(read(&unusable), Err(NotKeys::NoneUsable));
        assert_eq!(read(&[]), Err(NotKeys::NoneUsable));
    }

    #[test]
    fn a_document_is_an_object_with_keys() {
        let deep = format!(
            "{{\"keys\":{}{}}}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        for text in [
            "",
            "[]",
            "{}",
            "{\"keys\":{}}",
            "{\"keys\":[]}x",
            "{\"keys\":[],\"keys\":[]}",
        ] {
            let refused = WebKeys::read(text.as_bytes(), &issuer());
            assert_eq!(refused, Err(NotKeys::Malformed), "{text}");
        }
        assert!(WebKeys::read(deep.as_bytes(), &issuer()).is_err());
        assert!(WebKeys::read(b"{\"keys\":[\"\xff\"]}", &issuer()).is_err());
        let long = format!(
            "{}{}",
            json!({"keys": [published("a")]}),
            " ".repeat(MAX_DOCUMENT)
        );
        let refused = WebKeys::read(long.as_bytes(), &issuer());
        assert_eq!(refused, Err(NotKeys::TooLong));
        let longest = &long.as_bytes()[..MAX_DOCUMENT];
        assert!(WebKeys::read(longest, &issuer()).is_ok());
    }

    #[test]
    fn stored_keys_are_the_same_keys() {
        let keys = WebKeys(vec![web_key("a", &KEY), web_key("b", &OTHER_KEY)]);
        let json = serde_json::to_string(&keys.to_stored()).unwrap();
        let stored: Vec<StoredKey> = serde_json::from_str(&json).unwrap();
        assert_eq!(WebKeys::from_stored(stored), Ok(keys));
        assert_eq!(WebKeys::from_stored([]), Err(NotKeys::NoneUsable));
        let weak = StoredKey {
            kid: "a".to_owned(),
            n: bits(1024),
            e: "AQAB".to_owned(),
        };
        assert_eq!(WebKeys::from_stored([weak]), Err(NotKeys::NoneUsable));
    }

    #[test]
    fn the_most_that_is_kept_fits_into_an_item() {
        let most = (0..200).map(|number| StoredKey {
            kid: format!("{number:0>256}"),
            n: bits(8192),
            e: bits(32),
        });
        let keys = WebKeys::from_stored(most).unwrap();
        let stored = serde_json::to_vec(&keys.to_stored()).unwrap();
        assert!(stored.len() < 200 * 1024, "{}", stored.len());
    }

    proptest! {
        #[test]
        fn no_document_panics(bytes: Vec<u8>, json in r#"\{"keys":\[(\{("(kty|kid|n|e)":"(RSA|[A-Za-z0-9_-]{0,9})",?){0,5}\},?){0,3}\]\}"#) {
            let _ = WebKeys::read(&bytes, &issuer());
            let _ = WebKeys::read(json.as_bytes(), &issuer());
        }
    }
}
