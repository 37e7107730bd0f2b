//! The `Authorization` header of a token request: HTTP Basic with client id and client secret
//! (RFC 6749, section 2.3.1, and RFC 7617).

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::form::decoded;
use super::refusal::Refusal;

/// Some clients leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What the `Authorization` header carries.
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
pub(crate) enum Header {
    /// There is none, or an empty one.
    Absent,
    /// Client id and client secret, neither checked.
    Basic(String, String),
    /// Another scheme than Basic.
    Other,
}

impl Header {
    /// Reads the values of all `Authorization` headers.
    ///
    /// # Errors
    /// `invalid_request` when there is more than one, `invalid_client` when what follows `Basic`
    /// is not a pair.
    pub(crate) fn read(values: &[&[u8]]) -> Result<Self, Refusal> {
        let value = match values {
            [] => return Ok(Self::Absent),
            [value] => value.trim_ascii(),
            _ => {
                let description = "the request has more than one Authorization header; send one";
                return Err(Refusal::request("authorizationTwice", description));
            }
        };
        if value.is_empty() {
            return Ok(Self::Absent);
        }
        let mut words = value.splitn(2, |byte| *byte == b' ');
        let scheme = words.next().unwrap_or_default();
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return Ok(Self::Other);
        }
        let pair = words.next().unwrap_or_default().trim_ascii();
        let (id, secret) = pair_of(pair).ok_or_else(|| {
            Refusal::client(
                "basicMalformed",
                "the Authorization header is not HTTP Basic with a client id and a client secret; \
                 it is `Basic` and the base64 of both with a colon between them",
            )
        })?;
        Ok(Self::Basic(id, secret))
    }
}

/// The two halves, each form-decoded: RFC 6749 has clients encode them before they are joined.
fn pair_of(encoded: &[u8]) -> Option<(String, String)> {
    let joined = String::from_utf8(BASE64.decode(encoded).ok()?).ok()?;
    let (id, secret) = joined.split_once(':')?;
    Some((decoded(id)?, decoded(secret)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<Header, &'static str> {
        Header::read(&[value.as_bytes()]).map_err(|refusal| refusal.reason)
    }

    fn basic(id: &str, secret: &str) -> Result<Header, &'static str> {
        Ok(Header::Basic(id.to_owned(), secret.to_owned()))
    }

    #[test]
    fn a_pair_is_read_in_each_way_it_is_written() {
        for value in [
            "Basic YWNtZS4xOnM=",
            "Basic YWNtZS4xOnM",
            "basic YWNtZS4xOnM=",
            "BASIC  YWNtZS4xOnM= ",
        ] {
            assert_eq!(read(value), basic("acme.1", "s"), "{value}");
        }
        // `a%2Eb:c+d%3A`, `a:b:c` and `:`
        assert_eq!(read("Basic YSUyRWI6YytkJTNB"), basic("a.b", "c d:"));
        assert_eq!(read("Basic YTpiOmM="), basic("a", "b:c"));
        assert_eq!(read("Basic Og=="), basic("", ""));
    }

    #[test]
    fn what_is_no_pair_is_refused() {
        for value in [
            "Basic",
            "Basic ",
            "Basic YWNtZQ==",       // `acme`
            "Basic /zo=",           // not UTF-8
            "Basic JWZmOg==",       // `%ff:`
            "Basic YWNtZS4xOnM-",   // another alphabet
            "Basic YWNtZS4xOnN=",   // bits behind the end
            "Basic YWNtZS4x OnM=",  // a space inside
            "Basic YWNtZS4xOnM==",  // too much padding
            "Basic acme.1:s",       // not base64
            "Basic YWNtZS4xOnM=,x", // a parameter
        ] {
            assert_eq!(read(value), Err("basicMalformed"), "{value}");
        }
    }

    #[test]
    fn other_schemes_and_no_header_are_told_apart() {
        for value in [
            "Bearer x",
            "Basicx YTpi",
            "Negotiate",
            "Basic\tYTpi",
            "YTpi",
        ] {
            assert_eq!(read(value), Ok(Header::Other), "{value}");
        }
        assert_eq!(read(" "), Ok(Header::Absent));
        assert_eq!(Header::read(&[]), Ok(Header::Absent));
        let twice = Header::read(&[b"Basic YTpi", b"Basic YTpi"]);
        assert_eq!(twice.unwrap_err().reason, "authorizationTwice");
    }
}
