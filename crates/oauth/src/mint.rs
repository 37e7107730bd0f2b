//! Assertions as Entra makes them, for the tests: signed with keys that every run makes anew.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::authority::{Authorities, Issuer};
use super::keys::WebKey;
use super::trust::Trust;

pub(crate) const TENANT: &str = "11111111-2222-4333-8444-555555555555";
pub(crate) const APP: &str = "66666666-7777-4888-9999-aaaaaaaaaaaa";
pub(crate) const SUBJECT: &str = "bbbbbbbb-cccc-4ddd-8eee-ffffffffffff";
pub(crate) const KID: &str = "JDNa_4i4r7FgigL3sHIlI3xV-IU";

/// When the assertion was issued, and for how many seconds.
const ISSUED: i64 = 1_780_000_000;
const LIFETIME: i64 = 3_900;

/// The key of the issuer, and the key of somebody else.
pub(crate) static KEY: LazyLock<KeyPair> = LazyLock::new(key_pair);
pub(crate) static OTHER_KEY: LazyLock<KeyPair> = LazyLock::new(key_pair);

fn key_pair() -> KeyPair {
    KeyPair::generate(KeySize::Rsa2048).unwrap()
}

/// The header of a captured assertion.
pub(crate) fn header() -> Value {
    json!({"typ": "JWT", "alg": "RS256", "kid": KID})
}

/// The claims of a captured assertion, with other ids.
pub(crate) fn claims() -> Value {
    json!({
        "aud": APP,
        "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
        "iat": ISSUED,
        "nbf": ISSUED,
        "exp": ISSUED + LIFETIME,
        "aio": "k2RgYNjqIJXhvd5lqf2uSzM7Dl4+AgA=",
        "azp": "cb1d50fe-8ed0-4944-9e7d-5981aad3bc4b",
        "azpacr": "2",
        "oid": SUBJECT,
        "rh": "1.AXkAIiIzREVVZndmZ3eImaqqqmZmZnd3iEiZmaqqqqqqAAA.",
        "sub": SUBJECT,
        "tid": TENANT,
        "uti": "Zm9vYmFyYmF6cXV4AAEAAA",
        "ver": "2.0",
        "xms_ftd": "x",
        "xms_idrel": "7 24"
    })
}

/// With one member of an object changed, or taken away by `null`.
pub(crate) fn with(mut object: Value, name: &str, value: Value) -> Value {
    let members = object.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(name).unwrap();
    } else {
        members.insert(name.to_owned(), value);
    }
    object
}

/// A second after it was issued.
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(ISSUED + 1).unwrap()
}

/// When the assertion ends.
pub(crate) fn end() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(ISSUED + LIFETIME).unwrap()
}

/// The first two parts of an assertion, of any two texts.
pub(crate) fn unsigned(header: &str, claims: &str) -> String {
    let encode = |part: &str| URL_SAFE_NO_PAD.encode(part);
    format!("{}.{}", encode(header), encode(claims))
}

/// A third part for the first two.
pub(crate) fn signed(key: &KeyPair, unsigned: &str) -> String {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        unsigned.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{unsigned}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// An assertion of the issuer.
pub(crate) fn assertion(header: &Value, claims: &Value) -> String {
    signed(&KEY, &unsigned(&header.to_string(), &claims.to_string()))
}

/// A key as the issuer publishes it.
pub(crate) fn web_key(kid: &str, key: &KeyPair) -> WebKey {
    let public = key.public_key();
    WebKey {
        kid: kid.to_owned(),
        n: public.modulus().big_endian_without_leading_zero().to_vec(),
        e: public.exponent().big_endian_without_leading_zero().to_vec(),
    }
}

pub(crate) fn authorities() -> Authorities {
    Authorities::parse("https://login.microsoftonline.com").unwrap()
}

pub(crate) fn issuer() -> Issuer {
    let text = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
    authorities().issuer(&text).unwrap()
}

pub(crate) fn trust() -> Trust {
    Trust {
        issuer: issuer(),
        subject: SUBJECT.to_owned(),
        audiences: vec![APP.to_owned(), format!("api://{APP}")],
    }
}
