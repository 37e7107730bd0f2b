//! What another reader says of the same assertions. `jsonwebtoken` reads the system's clock, so
//! these tests do too.

use std::collections::HashSet;

use aws_lc_rs::rsa::KeyPair;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use proptest::prelude::*;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::mint::{
    APP, KEY, KID, OTHER_KEY, SUBJECT, TENANT, claims, header, signed, trust, unsigned, web_key,
    with,
};
use super::{Assertion, verify_claims, verify_origin};

/// What this crate says: nothing, or the reason of the refusal.
fn ours(text: &str) -> Result<(), &'static str> {
    let read = Assertion::parse(text).and_then(|assertion| {
        let now = OffsetDateTime::now_utc();
        let (key, trust) = (web_key(KID, &KEY), trust());
        verify_origin(&assertion, &key, &trust)?;
        verify_claims(&assertion, &trust, now)
    });
    read.map_err(|refusal| refusal.reason)
}

/// What the other says, as strict as it can be.
fn theirs(text: &str) -> Result<(), ErrorKind> {
    let trust = trust();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.leeway = 60;
    validation.validate_nbf = true;
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.set_audience(&trust.audiences);
    validation.iss = Some(HashSet::from([trust.issuer.as_str().to_owned()]));
    validation.sub = Some(trust.subject);
    let key = web_key(KID, &KEY);
    let key = DecodingKey::from_rsa_raw_components(&key.n, &key.e);
    decode::<Value>(text, &key, &validation)
        .map(|_| ())
        .map_err(|error| error.kind().clone())
}

/// Claims that are valid now.
fn current() -> Value {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let times = [("iat", now), ("nbf", now), ("exp", now + 3_900)];
    times.into_iter().fold(claims(), |claims, (name, time)| {
        with(claims, name, time.into())
    })
}

fn mint(key: &KeyPair, header: &Value, claims: &Value) -> String {
    signed(key, &unsigned(&header.to_string(), &claims.to_string()))
}

/// Asserts that neither contradicts the other: what is accepted here is accepted there, and a
/// signature that is refused here is refused there.
fn assert_agreement(text: &str) {
    match ours(text) {
        Ok(()) => assert_eq!(theirs(text), Ok(()), "{text}"),
        Err("badSignature") => {
            assert_eq!(theirs(text), Err(ErrorKind::InvalidSignature), "{text}");
        }
        // What else is refused here is either refused there too, or is no business of a reader that
        // knows nothing of Entra.
        Err(_) => {}
    }
}

#[test]
fn both_accept_what_entra_sends() {
    let text = mint(&KEY, &header(), &current());
    assert_eq!(ours(&text), Ok(()));
    assert_eq!(theirs(&text), Ok(()));
}

#[test]
fn both_refuse_what_is_wrong() {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    for (name, value) in [
        ("iss", json!("https://a.example")),
        ("iss", json!(1)),
        ("aud", json!("a")),
        ("aud", json!(["a"])),
        ("sub", json!("a")),
        ("sub", Value::Null),
        ("exp", json!(now - 61)),
        ("exp", json!(now.to_string())),
        ("exp", Value::Null),
        ("nbf", json!(now + 120)),
        ("nbf", json!("soon")),
    ] {
        let text = mint(&KEY, &header(), &with(current(), name, value.clone()));
        assert!(ours(&text).is_err(), "{name}: {value}");
        assert!(theirs(&text).is_err(), "{name}: {value}");
    }
    for alg in ["none", "HS256", "RS512", "ES256"] {
        let text = mint(&KEY, &with(header(), "alg", alg.into()), &current());
        assert_eq!(ours(&text), Err("assertionAlgorithm"), "{alg}");
        assert!(theirs(&text).is_err(), "{alg}");
    }
    let foreign = mint(&OTHER_KEY, &header(), &current());
    assert_eq!(ours(&foreign), Err("badSignature"));
    assert_eq!(theirs(&foreign), Err(ErrorKind::InvalidSignature));
}

/// Where this crate is stricter, and is meant to be.
#[test]
fn what_the_other_lets_pass_is_refused_here() {
    let now = OffsetDateTime::now_utc();
    let far = (now + Duration::days(3)).unix_timestamp();
    for (name, value, reason) in [
        ("aud", json!([APP, "a"]), "assertionClaim"),
        ("iss", json!([trust().issuer.as_str()]), "assertionClaim"),
        ("exp", json!(far), "assertionLifetime"),
        ("tid", json!(SUBJECT), "wrongTid"),
        ("scp", json!("User.Read"), "assertionOfUser"),
    ] {
        let text = mint(&KEY, &header(), &with(current(), name, value));
        assert_eq!(ours(&text), Err(reason), "{name}");
        assert_eq!(theirs(&text), Ok(()), "{name}");
    }
}

proptest! {
    #[test]
    fn they_agree_on_other_members(
        name in "iss|tid|sub|aud|exp|nbf|iat|ver|idtyp|azp",
        text in prop::sample::select(vec![APP, TENANT, SUBJECT, "app", "2.0", ""]),
        number: i64,
        offset in -200_i64..200,
        kind in 0..5,
        is_other_key: bool,
        in_header: bool,
    ) {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let value = match kind {
            0 => json!(text),
            1 => json!([text]),
            2 => json!(number),
            3 => json!(now + offset),
            _ => json!({"a": text}),
        };
        let (header, claims) = if in_header {
            (with(header(), "typ", value), current())
        } else {
            (header(), with(current(), &name, value))
        };
        let key: &KeyPair = if is_other_key { &OTHER_KEY } else { &KEY };
        assert_agreement(&mint(key, &header, &claims));
    }

    #[test]
    fn they_agree_on_changed_bytes(position: prop::sample::Index, replacement in "[A-Za-z0-9_.=-]") {
        let mut text = mint(&KEY, &header(), &current());
        let position = position.index(text.len());
        let is_same = text.get(position..=position) == Some(&replacement);
        text.replace_range(position..=position, &replacement);
        prop_assert_eq!(ours(&text).is_ok(), is_same);
        assert_agreement(&text);
    }
}
