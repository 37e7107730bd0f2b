//! Whether what an assertion says is true, and about this client (RFC 7523, section 3).

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use time::{Duration, OffsetDateTime};

use super::assertion::Assertion;
use super::keys::WebKey;
use super::refusal::Refusal;
use super::trust::Trust;

/// How far the clocks of issuer and service may be apart.
const SKEW: Duration = Duration::seconds(60);

/// How far ahead an assertion may end. Entra's last 65 to 90 minutes, and 28 hours at most.
const MAX_LIFETIME: Duration = Duration::hours(48);

/// Verifies that an assertion is one of the trusted issuer, signed with `key`, which must be the
/// issuer's: from then on it is known who asks.
///
/// # Errors
/// `invalid_client`, in the words of [`Refusal::unknown`].
pub fn verify_origin(assertion: &Assertion, key: &WebKey, trust: &Trust) -> Result<(), Refusal> {
    if !is_signed(assertion, key) {
        return Err(Refusal::unknown("badSignature", None));
    }
    // Entra signs with the same keys for all its tenants: of which one it is, the claims say.
    if assertion.claims().iss != trust.issuer.as_str() {
        return Err(Refusal::unknown("wrongIssuer", None));
    }
    Ok(())
}

/// Verifies that an assertion of the trusted issuer is about the subject, for the audience and of
/// the time that `trust` wants.
///
/// It is accepted again and again while it is valid, because Entra sends it again and again.
///
/// # Errors
/// `invalid_client`. The claim that is wrong is named, and never what would be right.
pub fn verify_claims(
    assertion: &Assertion,
    trust: &Trust,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let claims = assertion.claims();
    let wrong = |reason, description| Err(Refusal::client(reason, description));
    if !claims.tid.eq_ignore_ascii_case(trust.issuer.entra_tenant()) {
        return wrong(
            "wrongTid",
            "the assertion is of another tenant than its issuer (claim tid)",
        );
    }
    if !trust.audiences.contains(&claims.aud) {
        return wrong(
            "wrongAudience",
            "the assertion is for another audience (claim aud) than the trust of this client; set \
             up the trust again with Audience as Entra shows it",
        );
    }
    if claims.sub != trust.subject {
        return wrong(
            "wrongSubject",
            "the assertion is about another subject (claim sub) than the trust of this client; set \
             up the trust again with Subject as Entra shows it",
        );
    }
    if now >= claims.exp + SKEW {
        return wrong(
            "assertionExpired",
            "the assertion has expired (claim exp); request a token with a new one",
        );
    }
    if claims.exp - MAX_LIFETIME > now {
        return wrong(
            "assertionLifetime",
            "the assertion ends more than 48 hours ahead (claim exp); request a token with one that \
             ends sooner",
        );
    }
    if claims.nbf.is_some_and(|nbf| nbf - SKEW > now) {
        return wrong(
            "assertionNotYet",
            "the assertion is not valid yet (claim nbf); check the clock of what made it",
        );
    }
    Ok(())
}

/// Whether the assertion is signed with the key that it names.
fn is_signed(assertion: &Assertion, key: &WebKey) -> bool {
    key.kid == assertion.kid() && is_rs256(key, assertion.signed(), assertion.signature())
}

/// Verifies a signature by RS256 (RFC 7518, section 3.3). No other algorithm can be asked for.
fn is_rs256(key: &WebKey, signed: &[u8], signature: &[u8]) -> bool {
    let public = RsaPublicKeyComponents {
        n: &key.n,
        e: &key.e,
    };
    public
        .verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature)
        .is_ok()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    use super::*;
    use crate::keys::{StoredKey, WebKeys};
    use crate::mint::{
        APP, KEY, KID, OTHER_KEY, TENANT, assertion, claims, end, header, now, signed, trust,
        unsigned, web_key, with,
    };

    fn verify_text(text: &str, now: OffsetDateTime) -> Result<(), Refusal> {
        let assertion = Assertion::parse(text)?;
        let (key, trust) = (web_key(KID, &KEY), trust());
        verify_origin(&assertion, &key, &trust)?;
        verify_claims(&assertion, &trust, now)
    }

    fn reason_at(claims: &Value, now: OffsetDateTime) -> Result<(), &'static str> {
        verify_text(&assertion(&header(), claims), now).map_err(|refusal| refusal.reason)
    }

    fn reason(name: &str, value: Value) -> Result<(), &'static str> {
        reason_at(&with(claims(), name, value), now())
    }

    #[test]
    fn an_assertion_of_entra_holds() {
        assert_eq!(reason_at(&claims(), now()), Ok(()));
        for audience in [json!(APP), json!(format!("api://{APP}")), json!([APP])] {
            assert_eq!(reason("aud", audience), Ok(()));
        }
        assert_eq!(reason("tid", TENANT.to_uppercase().into()), Ok(()));
        assert_eq!(reason("nbf", Value::Null), Ok(()));
    }

    #[test]
    fn each_claim_must_be_the_trust_s() {
        let other = "99999999-2222-4333-8444-555555555555";
        let issuer = |tail: &str| json!(format!("https://login.microsoftonline.com/{tail}"));
        for (name, value, expected) in [
            ("iss", issuer(&format!("{other}/v2.0")), "wrongIssuer"),
            ("iss", issuer(&format!("{TENANT}/v2.0/")), "wrongIssuer"),
            ("iss", issuer(&format!("{TENANT}/v2.0\0")), "wrongIssuer"),
            ("tid", json!(other), "wrongTid"),
            ("aud", json!(other), "wrongAudience"),
            ("aud", json!(APP.to_uppercase()), "wrongAudience"),
            ("aud", json!(format!("api://{APP}/")), "wrongAudience"),
            (
                "aud",
                json!(format!("api://{APP}/x.example")),
                "wrongAudience",
            ),
            ("aud", json!(format!("{APP} ")), "wrongAudience"),
            ("sub", json!(other), "wrongSubject"),
            ("sub", json!("bbbbbbbb"), "wrongSubject"),
        ] {
            assert_eq!(
                reason(name, value.clone()),
                Err(expected),
                "{name}: {value}"
            );
        }
    }

    /// Whoever gets a signed assertion is told what is wrong with it, and nothing of the trust.
    #[test]
    fn no_refusal_tells_what_would_be_right() {
        for name in ["tid", "aud", "sub"] {
            let text = assertion(&header(), &with(claims(), name, "presented".into()));
            let refusal = verify_text(&text, now()).unwrap_err();
            let description = refusal.description;
            assert!(description.contains(name), "{description}");
            for secret in ["presented", TENANT, APP, crate::mint::SUBJECT] {
                assert!(!description.contains(secret), "{description}");
            }
        }
    }

    #[test]
    fn without_the_issuer_s_signature_all_refusals_are_alike() {
        let parts = unsigned(&header().to_string(), &claims().to_string());
        let bare = |signature: &[u8]| format!("{parts}.{}", URL_SAFE_NO_PAD.encode(signature));
        let foreign = assertion(
            &header(),
            &with(claims(), "iss", "https://a.example".into()),
        );
        let unknown = Refusal::unknown("", None).description;
        for text in [
            signed(&OTHER_KEY, &parts),
            bare(b""),
            bare(&[0; 256]),
            bare(&[0xff; 256]),
            bare(&[1; 255]),
            assertion(&with(header(), "kid", "x".into()), &claims()),
            foreign,
        ] {
            let refusal = verify_text(&text, now()).unwrap_err();
            assert_eq!(refusal.description, unknown);
        }
        // The signature is looked at before any claim is.
        let claims = with(
            with(claims(), "aud", "x".into()),
            "exp",
            1_000_000_000.into(),
        );
        let text = signed(
            &OTHER_KEY,
            &unsigned(&header().to_string(), &claims.to_string()),
        );
        let refusal = verify_text(&text, now()).unwrap_err();
        assert_eq!(refusal.reason, "badSignature");
    }

    #[test]
    fn times_are_compared_with_a_minute_of_skew() {
        let second = Duration::seconds(1);
        let claims = claims();
        assert_eq!(reason_at(&claims, end() + SKEW - second), Ok(()));
        let expired = Err("assertionExpired");
        assert_eq!(reason_at(&claims, end() + SKEW), expired);
        assert_eq!(
            reason_at(
                &claims,
                OffsetDateTime::from_unix_timestamp(253_402_300_799).unwrap()
            ),
            expired
        );
        let begin = now() - second;
        assert_eq!(reason_at(&claims, begin - SKEW), Ok(()));
        let early = Err("assertionNotYet");
        assert_eq!(reason_at(&claims, begin - SKEW - second), early);
        let far = Err("assertionLifetime");
        assert_eq!(reason_at(&claims, end() - MAX_LIFETIME - second), far);
        assert_eq!(reason_at(&claims, end() - MAX_LIFETIME), early);
        assert_eq!(reason_at(&claims, OffsetDateTime::UNIX_EPOCH), far);
    }

    /// RFC 7515, appendix A.2.
    #[test]
    fn the_example_of_the_standard_holds() {
        let stored = StoredKey {
            kid: "a".to_owned(),
            n: "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1\
                Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpa\
                SHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4\
                LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
                .to_owned(),
            e: "AQAB".to_owned(),
        };
        let keys = WebKeys::from_stored([stored]).unwrap();
        let key = keys.find("a").unwrap();
        let signed: &[u8] = b"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQo\
                              gImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = URL_SAFE_NO_PAD
            .decode(
                "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O\
                 8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARN\
                 PvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ\
                 1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
            )
            .unwrap();
        assert!(is_rs256(key, signed, &signature));
        assert!(!is_rs256(key, &signed[1..], &signature));
        assert!(!is_rs256(key, signed, &signature[1..]));
        assert!(!is_rs256(&web_key("a", &KEY), signed, &signature));
    }

    #[test]
    fn no_change_of_a_byte_is_accepted() {
        let text = assertion(&header(), &claims());
        assert_eq!(verify_text(&text, now()), Ok(()));
        for (position, original) in text.char_indices() {
            let with = |replacement: &str| {
                let mut changed = text.clone();
                changed.replace_range(position..=position, replacement);
                assert!(
                    verify_text(&changed, now()).is_err(),
                    "{position}: {changed}"
                );
            };
            with("");
            with(&format!("{original}{original}"));
            let case = if original.is_ascii_lowercase() {
                original.to_ascii_uppercase()
            } else {
                original.to_ascii_lowercase()
            };
            for replacement in ['A', 'B', 'Q', 'g', '_', '.', '=', ' ', '\0', 'é', case] {
                if replacement != original {
                    with(&replacement.to_string());
                }
            }
        }
        for longer in [
            format!("{text}."),
            format!("{text}A"),
            format!(".{text}"),
            format!("{text}="),
        ] {
            assert!(verify_text(&longer, now()).is_err());
        }
    }
}
