//! The assertion by which Entra proves who a client is: a signed JWT in the compact form (RFC 7515,
//! section 7.1; RFC 7519; RFC 7523, section 3), read strictly (RFC 8725).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use time::OffsetDateTime;

use super::object::Object;
use super::refusal::Refusal;

/// The longest assertion accepted, in bytes. Entra's have about 1,100.
pub const MAX_ASSERTION: usize = 16 * 1024;

/// The longest name of a key, in bytes.
pub(crate) const MAX_KID: usize = 256;

/// The longest `uti` that a log line shows. Entra's have 22 characters.
const MAX_UTI: usize = 64;

/// The seconds since 1970 in which a time may lie: the years 2000 to 2199. Milliseconds are far
/// beyond them.
const TIMES: std::ops::Range<i64> = 946_684_800..7_258_118_400;

/// An assertion that is well formed. Nothing of it is true yet: [`super::verify_origin`] and
/// [`super::verify_claims`] say whether it
/// is.
#[derive(Clone, PartialEq, Eq)]
pub struct Assertion {
    /// Header and claims as they were presented, which is what was signed.
    signed: String,
    signature: Vec<u8>,
    kid: String,
    claims: Claims,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) tid: String,
    pub(crate) sub: String,
    pub(crate) aud: String,
    pub(crate) exp: OffsetDateTime,
    pub(crate) nbf: Option<OffsetDateTime>,
    uti: Option<String>,
}

impl Assertion {
    /// Reads an assertion. All words about a malformed one depend on the text alone, so that they
    /// tell nothing of what is stored.
    ///
    /// # Errors
    /// `invalid_client` (RFC 7523, section 3.2) when it is too long; when it is not three parts in
    /// base64url, each in its one form; when header or claims are not an object in which each name
    /// occurs once; when the algorithm is not RS256 or the key has no name; when a claim that is
    /// needed is missing or has another type than it should; or when it was not issued to an
    /// application.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        if text.len() > MAX_ASSERTION {
            let description = format!("the assertion is longer than {MAX_ASSERTION} bytes");
            return Err(Refusal::client("assertionTooLong", description));
        }
        let malformed = || {
            let description = "the assertion is not a JWT, which is three parts in base64url \
                               without padding and a point between them";
            Refusal::client("assertionForm", description)
        };
        let (signed, signature) = text.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
        // The point of a fourth part is in none of base64url's characters.
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed());
        let (header, claims, signature) = (decode(header)?, decode(claims)?, decode(signature)?);
        Ok(Self {
            kid: read_header(&header)?,
            claims: read_claims(&claims)?,
            signed: signed.to_owned(),
            signature,
        })
    }

    /// The claim `iss`: who says that it is the issuer.
    pub fn issuer(&self) -> &str {
        &self.claims.iss
    }

    /// The name of the key by which it says it is signed: 1 to 256 bytes, compared with names of
    /// keys and used for nothing else.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Entra's name for this assertion, for the log; `None` when it has none, or one that is not a
    /// short word of letters, digits, `-` and `_`.
    pub fn uti(&self) -> Option<&str> {
        self.claims.uti.as_deref()
    }

    pub(crate) fn signed(&self) -> &[u8] {
        self.signed.as_bytes()
    }

    pub(crate) fn signature(&self) -> &[u8] {
        &self.signature
    }

    pub(crate) fn claims(&self) -> &Claims {
        &self.claims
    }
}

/// An assertion is a credential as long as it is valid.
impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assertion")
            .field("uti", &self.claims.uti)
            .finish_non_exhaustive()
    }
}

/// The `kid` of a header that is as it should be. `jku`, `jwk`, `x5u`, `x5c` and `x5t` are never
/// read: whoever sends an assertion does not choose the key that verifies it.
fn read_header(json: &[u8]) -> Result<String, Refusal> {
    let header = Object::parse(json).ok_or_else(|| {
        Refusal::client(
            "assertionHeader",
            "the header of the assertion is not a JSON object in which each name occurs once",
        )
    })?;
    if header.get("alg").and_then(Value::as_str) != Some("RS256") {
        let description = "the assertion is signed in another way than with RS256";
        return Err(Refusal::client("assertionAlgorithm", description));
    }
    let is_jwt = |typ: &Value| {
        typ.as_str()
            .is_some_and(|typ| typ.eq_ignore_ascii_case("JWT"))
    };
    if !header.get("typ").is_none_or(is_jwt) {
        let description = "the type in the header of the assertion (typ) is not JWT";
        return Err(Refusal::client("assertionTyp", description));
    }
    // RFC 7515, section 4.1.11: whoever does not understand what is critical must refuse.
    if header.get("crit").is_some() {
        let description = "the header of the assertion has critical extensions (crit), \
                           and none is known here";
        return Err(Refusal::client("assertionCrit", description));
    }
    let kid = header.get("kid").and_then(Value::as_str);
    let kid = kid.filter(|kid| (1..=MAX_KID).contains(&kid.len()));
    kid.map(str::to_owned).ok_or_else(|| {
        let description = format!(
            "the header of the assertion does not name its key with 1 to {MAX_KID} bytes (kid)"
        );
        Refusal::client("assertionKid", description)
    })
}

fn read_claims(json: &[u8]) -> Result<Claims, Refusal> {
    let claims = Object::parse(json).ok_or_else(|| {
        Refusal::client(
            "assertionClaims",
            "the claims of the assertion are not a JSON object in which each name occurs once",
        )
    })?;
    // What kind of token it is comes first: one of the wrong kind lacks claims too.
    if claims.get("ver").is_some_and(|ver| ver != "2.0") {
        return Err(Refusal::client(
            "assertionVersion",
            "the assertion is not a token of version 2.0 (claim ver); set \
             requestedAccessTokenVersion to 2 in the manifest of the app registration in Entra",
        ));
    }
    if claims.get("scp").is_some() || claims.get("idtyp").is_some_and(|idtyp| idtyp != "app") {
        return Err(Refusal::client(
            "assertionOfUser",
            "the assertion was issued for a user (claims scp, idtyp), and only one that was issued \
             for an application is accepted",
        ));
    }
    // Nothing depends on it, but a token with a wrong time in it is no token.
    time(&claims, "iat")?;
    let text = |name| text(&claims, name).ok_or_else(|| claim(name, "text"));
    Ok(Claims {
        iss: text("iss")?,
        tid: text("tid")?,
        sub: text("sub")?,
        aud: audience(&claims)?,
        exp: time(&claims, "exp")?.ok_or_else(|| claim("exp", "a time"))?,
        nbf: time(&claims, "nbf")?,
        uti: self::text(&claims, "uti").filter(|uti| is_word(uti)),
    })
}

/// A claim that is text, and not the empty one.
fn text(claims: &Object, name: &str) -> Option<String> {
    let text = claims.get(name)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// The one audience. An assertion for several could be replayed by each of them at the others.
fn audience(claims: &Object) -> Result<String, Refusal> {
    let one = match claims.get("aud") {
        Some(Value::String(one)) => Some(one),
        Some(Value::Array(several)) => match several.as_slice() {
            [Value::String(one)] => Some(one),
            _ => None,
        },
        _ => None,
    };
    one.filter(|one| !one.is_empty())
        .cloned()
        .ok_or_else(|| claim("aud", "one audience"))
}

/// A NumericDate (RFC 7519, section 2). Entra's are whole seconds; a fraction is refused.
fn time(claims: &Object, name: &'static str) -> Result<Option<OffsetDateTime>, Refusal> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let seconds = value.as_i64().filter(|seconds| TIMES.contains(seconds));
    let time = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    match time {
        Some(time) => Ok(Some(time)),
        None => Err(claim(name, "a time in whole seconds since 1970")),
    }
}

fn claim(name: &'static str, expected: &'static str) -> Refusal {
    let description = format!("the claim {name} of the assertion is not {expected}");
    Refusal::client("assertionClaim", description)
}

/// Whether a text can stand in a log line as it is.
fn is_word(text: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=MAX_UTI).contains(&text.len()) && text.bytes().all(is_safe)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::mint::{self, KID, SUBJECT, unsigned, with};

    fn reason(text: &str) -> Result<(), &'static str> {
        Assertion::parse(text)
            .map(|_| ())
            .map_err(|refusal| refusal.reason)
    }

    /// What becomes of header and claims with any signature.
    fn of(header: &str, claims: &str) -> Result<(), &'static str> {
        reason(&format!("{}.AAAA", unsigned(header, claims)))
    }

    fn header_with(name: &str, value: Value) -> Result<(), &'static str> {
        let header = with(mint::header(), name, value);
        of(&header.to_string(), &mint::claims().to_string())
    }

    fn claims_with(name: &str, value: Value) -> Result<(), &'static str> {
        let claims = with(mint::claims(), name, value);
        of(&mint::header().to_string(), &claims.to_string())
    }

    #[test]
    fn what_entra_sends_is_read() {
        let (header, claims) = (mint::header(), mint::claims());
        let parsed = Assertion::parse(&mint::assertion(&header, &claims)).unwrap();
        assert_eq!(parsed.kid(), KID);
        assert_eq!(parsed.issuer(), claims["iss"].as_str().unwrap());
        assert_eq!(parsed.uti(), claims["uti"].as_str());
        assert_eq!(parsed.claims().sub, SUBJECT);
        assert_eq!(parsed.claims().exp, mint::end());
        let shown = format!("{parsed:?}");
        assert_eq!(
            shown,
            "Assertion { uti: Some(\"Zm9vYmFyYmF6cXV4AAEAAA\"), .. }"
        );
    }

    #[test]
    fn it_has_three_parts_in_their_one_form() {
        for text in [
            "",
            ".",
            "..",
            "e30.e30",
            "e30.e30.e30.e30",
            "e30=.e30.AAAA",
            "e30.e30.AAAA=",
            "e30.e30.AAAB\n",
            " e30.e30.AAAA",
            "e30.e30.AA+A",
            "e30.e30.AA/A",
            "e30.e30.AB", // bits behind the end
            "e30.e30.A",
            "e30.e3 0.AAAA",
            "é.e30.AAAA",
            "{\"payload\":\"e30\"}",
        ] {
            let expected = if text == ".." {
                "assertionHeader"
            } else {
                "assertionForm"
            };
            assert_eq!(reason(text), Err(expected), "{text}");
        }
        let long = |length: usize| "a".repeat(length);
        assert_eq!(reason(&long(MAX_ASSERTION)), Err("assertionForm"));
        assert_eq!(reason(&long(MAX_ASSERTION + 1)), Err("assertionTooLong"));
    }

    #[test]
    fn the_header_says_rs256_and_names_a_key() {
        for alg in [
            "none", "None", "HS256", "RS384", "rs256", "PS256", "ES256", "RS256 ", "",
        ] {
            assert_eq!(header_with("alg", alg.into()), Err("assertionAlgorithm"));
        }
        for alg in [Value::Null, json!(["RS256"]), json!(1)] {
            assert_eq!(header_with("alg", alg), Err("assertionAlgorithm"));
        }
        for typ in [Value::Null, json!("jwt")] {
            assert_eq!(header_with("typ", typ), Ok(()));
        }
        for typ in [json!("at+jwt"), json!("JOSE"), json!(1), json!([])] {
            assert_eq!(header_with("typ", typ), Err("assertionTyp"));
        }
        for crit in [json!([]), json!(["exp"]), json!(false)] {
            assert_eq!(header_with("crit", crit), Err("assertionCrit"));
        }
        for kid in [
            Value::Null,
            json!(""),
            json!("a".repeat(257)),
            json!(1),
            json!(["a"]),
        ] {
            assert_eq!(header_with("kid", kid), Err("assertionKid"));
        }
        for kid in ["a", &"a".repeat(256), "../' OR 1=1", "https://a.example"] {
            assert_eq!(header_with("kid", kid.into()), Ok(()));
        }
    }

    #[test]
    fn keys_in_the_header_are_never_read() {
        for name in ["jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256"] {
            for value in [
                json!("https://a.example/keys"),
                json!({"kty": "oct"}),
                json!([1]),
            ] {
                assert_eq!(header_with(name, value), Ok(()), "{name}");
            }
        }
    }

    #[test]
    fn header_and_claims_are_objects_with_each_name_once() {
        let (header, claims) = (mint::header().to_string(), mint::claims().to_string());
        let twice = |json: &str, name: &str| json.replacen('{', &format!("{{\"{name}\":\"x\","), 1);
        for name in ["alg", "kid", "typ"] {
            assert_eq!(of(&twice(&header, name), &claims), Err("assertionHeader"));
        }
        for name in ["iss", "aud", "sub", "tid", "exp", "nbf", "azp", "ver"] {
            assert_eq!(of(&header, &twice(&claims, name)), Err("assertionClaims"));
        }
        for json in [
            "",
            "[]",
            "null",
            "\"x\"",
            "{",
            &format!("{header}{header}"),
            "\u{feff}{}",
        ] {
            assert_eq!(of(json, &claims), Err("assertionHeader"), "{json}");
            assert_eq!(of(&header, json), Err("assertionClaims"), "{json}");
        }
        let nested = format!("{{\"a\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
        assert_eq!(of(&nested, &claims), Err("assertionHeader"));
    }

    #[test]
    fn needed_claims_are_texts() {
        for name in ["iss", "tid", "sub", "aud"] {
            for value in [
                Value::Null,
                json!(1),
                json!({}),
                json!(""),
                json!([]),
                json!(true),
            ] {
                assert_eq!(claims_with(name, value), Err("assertionClaim"), "{name}");
            }
        }
        for name in ["iss", "tid", "sub"] {
            assert_eq!(claims_with(name, json!(["a"])), Err("assertionClaim"));
        }
        assert_eq!(claims_with("aud", json!(["a"])), Ok(()));
        for aud in [json!(["a", "a"]), json!([1]), json!([["a"]]), json!([""])] {
            assert_eq!(claims_with("aud", aud), Err("assertionClaim"));
        }
    }

    #[test]
    fn times_are_whole_seconds() {
        for name in ["exp", "nbf", "iat"] {
            for value in [
                json!("1780000000"),
                json!(1_780_000_000.0),
                json!(1_780_000_000.5),
                json!(1e300),
                json!(-1),
                json!(0),
                json!(i64::MAX),
                json!(u64::MAX),
                json!(1_780_000_000_000_i64),
                json!(TIMES.end),
                json!(TIMES.start - 1),
                json!([]),
                json!(true),
            ] {
                let refused = claims_with(name, value.clone());
                assert_eq!(refused, Err("assertionClaim"), "{name}: {value}");
            }
            assert_eq!(claims_with(name, json!(TIMES.start)), Ok(()));
            assert_eq!(claims_with(name, json!(TIMES.end - 1)), Ok(()));
        }
        assert_eq!(claims_with("exp", Value::Null), Err("assertionClaim"));
        assert_eq!(claims_with("nbf", Value::Null), Ok(()));
        assert_eq!(claims_with("iat", Value::Null), Ok(()));
        // JSON's null is not the same as absence.
        let claims = mint::claims()
            .to_string()
            .replacen("\"nbf\":", "\"nbf\":null,\"x\":", 1);
        let refused = of(&mint::header().to_string(), &claims);
        assert_eq!(refused, Err("assertionClaim"));
    }

    #[test]
    fn only_tokens_of_applications_of_version_2_are_accepted() {
        assert_eq!(claims_with("ver", Value::Null), Ok(()));
        for ver in [json!("1.0"), json!(2), json!(2.0), json!("2"), json!("")] {
            assert_eq!(claims_with("ver", ver), Err("assertionVersion"));
        }
        for scp in [json!("User.Read"), json!(""), json!([])] {
            assert_eq!(claims_with("scp", scp), Err("assertionOfUser"));
        }
        assert_eq!(claims_with("idtyp", json!("app")), Ok(()));
        for idtyp in [json!("user"), json!("App"), json!(1)] {
            assert_eq!(claims_with("idtyp", idtyp), Err("assertionOfUser"));
        }
    }

    #[test]
    fn what_is_logged_is_a_short_word() {
        for (uti, is_shown) in [
            (json!("a"), true),
            (json!("a".repeat(64)), true),
            (json!("a".repeat(65)), false),
            (json!(""), false),
            (json!("a b"), false),
            (json!("a\nb"), false),
            (json!("é"), false),
            (json!(1), false),
        ] {
            let claims = with(mint::claims(), "uti", uti.clone());
            let text = format!(
                "{}.AAAA",
                unsigned(&mint::header().to_string(), &claims.to_string())
            );
            let parsed = Assertion::parse(&text).unwrap();
            assert_eq!(parsed.uti().is_some(), is_shown, "{uti}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String, near in "[A-Za-z0-9_=.-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,9}") {
            let _ = Assertion::parse(&text);
            let _ = Assertion::parse(&near);
        }

        #[test]
        fn no_header_or_claims_panic(
            header: String,
            claims: String,
            name in "alg|kid|typ|iss|aud|exp|nbf|iat|ver|scp|uti",
            number: f64,
            text: String,
        ) {
            let _ = of(&header, &claims);
            for value in [Value::from(number), Value::from(text.clone()), json!([text])] {
                let members = |object| with(object, &name, value.clone()).to_string();
                let _ = of(&members(mint::header()), &members(mint::claims()));
            }
        }
    }
}
