//! Any text as an assertion, and as each other part of a token request; any two texts as the header
//! and the claims of one.

#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;

use oauth::{Assertion, Authorities, Refusal, TokenRequest, WebKeys};

fuzz_target!(|text: &str| {
    assert_assertion(text);
    if let Some((header, claims)) = text.split_once('\n') {
        let encode = |part: &str| URL_SAFE_NO_PAD.encode(part);
        assert_assertion(&format!("{}.{}.AAAA", encode(header), encode(claims)));
    }

    let form = Some(b"application/x-www-form-urlencoded".as_slice());
    let body = text.as_bytes();
    let basic = format!("Basic {text}");
    for headers in [&[][..], &[body], &[basic.as_bytes()]] {
        if let Err(refusal) = TokenRequest::read(headers, form, body) {
            assert_refusal(&refusal);
        }
    }

    let authorities = Authorities::parse("https://login.microsoftonline.com").expect("it is one");
    let tenant = "11111111-2222-4333-8444-555555555555";
    let issuer = authorities.issuer(&format!("https://login.microsoftonline.com/{tenant}/v2.0"));
    if let Ok(keys) = WebKeys::read(body, &issuer.expect("it is one")) {
        assert_eq!(WebKeys::from_stored(keys.to_stored()), Ok(keys));
    }
});

fn assert_assertion(text: &str) {
    match Assertion::parse(text) {
        Ok(assertion) => {
            assert!((1..=256).contains(&assertion.kid().len()));
            assert!(!assertion.issuer().is_empty());
            assert!(
                assertion
                    .uti()
                    .is_none_or(|uti| uti.len() <= 64 && uti.is_ascii())
            );
            let parts: Vec<&str> = text.split('.').collect();
            assert_eq!(parts.len(), 3);
            let other = format!("{}.{}.BBBB", parts[0], parts[1]);
            assert!(
                Assertion::parse(&other).is_ok(),
                "the signature is not looked at yet"
            );
        }
        Err(refusal) => assert_refusal(&refusal),
    }
}

/// Asserts that a refusal can be sent as it is.
fn assert_refusal(refusal: &Refusal) {
    assert!(matches!(refusal.code.status(), 400 | 401), "{refusal}");
    assert!(!refusal.reason.is_empty());
    let description = &refusal.description;
    assert!((1..500).contains(&description.len()), "{description}");
    let can_be_sent = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    assert!(description.bytes().all(can_be_sent), "{description}");
}
