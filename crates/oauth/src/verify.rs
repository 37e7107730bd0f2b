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

/// Verifies an assertion: that it is signed with `key`, which must be the issuer's, and that it
/// is about the subject, for the audience and of the time that `trust` wants.
///
/// An assertion is accepted again and again while it is valid, because Entra sends it again and
/// again.
///
/// # Errors
/// `invalid_client`. Without a valid signature of the trusted issuer, in the words of
/// [`Refusal::unknown`]; with one, the claim that is wrong is named, and never what would be right.
pub fn verify(
    assertion: &Assertion,
    key: &WebKey,
    trust: &Trust,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    if !is_signed(assertion, key) {
        return Err(Refusal::unknown("badSignature", None));
    }
    let claims = assertion.claims();
    // Entra signs with the same keys for all its tenants: of which one it is, the claims say.
    if claims.iss != trust.issuer.as_str() {
        return Err(Refusal::unknown("wrongIssuer", None));
    }
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

/// Whether the assertion is signed with the key, by RS256 (RFC 7518, section 3.3). No other
/// algorithm can be asked for.
fn is_signed(assertion: &Assertion, key: &WebKey) -> bool {
    let public = RsaPublicKeyComponents {
        n: &key.n,
        e: &key.e,
    };
    let verified = public.verify(
        &RSA_PKCS1_2048_8192_SHA256,
        assertion.signed(),
        assertion.signature(),
    );
    key.kid == assertion.kid() && verified.is_ok()
}
