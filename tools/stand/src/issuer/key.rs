//! The RSA keys of an issuer, and what they sign.

use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A key pair and its `kid`.
pub(super) struct Key {
    pub(super) id: String,
    pair: RsaKeyPair,
}

impl Key {
    pub(super) fn from_der(pkcs8: &[u8]) -> Result<Self> {
        let pair = RsaKeyPair::from_pkcs8(pkcs8).context("the issuer's key is none")?;
        Ok(Self::new(pair))
    }

    fn new(pair: RsaKeyPair) -> Self {
        // Entra's ids are fingerprints too: those of certificates, which these keys have not.
        let print = digest(&SHA1_FOR_LEGACY_USE_ONLY, pair.public_key().as_ref());
        Self {
            id: URL_SAFE_NO_PAD.encode(print),
            pair,
        }
    }

    /// The pair in PKCS #8.
    pub(super) fn der(&self) -> Vec<u8> {
        let der = self.pair.as_der().expect("a key has a form");
        der.as_ref().to_vec()
    }

    /// The public half as it is published, with Entra's members (RFC 7517, section 4).
    pub(super) fn published(&self, issuer: &str) -> Value {
        let (modulus, exponent) = components(self.pair.public_key().as_ref());
        json!({
            "kty": "RSA",
            "use": "sig",
            "kid": self.id,
            "x5t": self.id,
            "n": URL_SAFE_NO_PAD.encode(modulus),
            "e": URL_SAFE_NO_PAD.encode(exponent),
            "issuer": issuer,
        })
    }

    /// The two texts and their signature, as in RFC 7515, section 7.1.
    pub(super) fn signed(&self, header: &str, claims: &str) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", encode(header), encode(claims));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .expect("an RSA key signs");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The key of this process with this number, which is made when it is first needed.
pub(super) fn generated(number: usize) -> Arc<Key> {
    static KEYS: Mutex<Vec<Arc<Key>>> = Mutex::new(Vec::new());
    let mut keys = KEYS.lock().unwrap();
    while keys.len() <= number {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key can be made");
        keys.push(Arc::new(Key::new(pair)));
    }
    Arc::clone(&keys[number])
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017, appendix A.1.1), a sequence of the two.
fn components(der: &[u8]) -> (&[u8], &[u8]) {
    let (sequence, _) = element(der);
    let (modulus, rest) = element(sequence);
    let (exponent, _) = element(rest);
    (positive(modulus), positive(exponent))
}

/// An integer's bytes without the zero that says that it is not negative.
fn positive(integer: &[u8]) -> &[u8] {
    integer.strip_prefix(&[0]).unwrap_or(integer)
}

/// The content of the first element, and what follows it.
fn element(der: &[u8]) -> (&[u8], &[u8]) {
    let (length, start) = match der[1] {
        short @ ..0x80 => (usize::from(short), 2),
        long => {
            let end = 2 + usize::from(long - 0x80);
            let length = der[2..end].iter();
            let length = length.fold(0, |length, byte| length << 8 | usize::from(*byte));
            (length, end)
        }
    };
    der[start..].split_at(length)
}
