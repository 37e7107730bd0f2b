//! Request bodies, parsed once, when the operation needs them: after the key was accepted and, for
//! a change of a resource, after it was found.

use scim::{ScimError, json};
use serde_json::{Map, Value};

use super::gzip;

/// A request body that was not parsed yet.
#[derive(Debug, Clone, Copy)]
pub enum Body<'a> {
    /// As received.
    Text(&'a [u8]),
    /// As received, to be decoded to so many bytes at most.
    Gzip(&'a [u8], usize),
    /// As part of a bulk request.
    Parsed(&'a Value),
}

impl Body<'_> {
    /// The object in the body.
    ///
    /// # Errors
    /// `invalidSyntax` when the body is not a JSON object, is not gzip, or one of its objects has a
    /// member twice; 413 when it is too large once it is decoded.
    pub fn object(&self) -> Result<Map<String, Value>, ScimError> {
        let value = match self {
            Self::Parsed(value) => (*value).clone(),
            Self::Text(text) => parse(text)?,
            Self::Gzip(encoded, most) => parse(&gzip::decoded(encoded, *most)?)?,
        };
        match value {
            Value::Object(members) => Ok(members),
            _ => Err(ScimError::InvalidSyntax(
                "the body must be a JSON object".to_owned(),
            )),
        }
    }
}

/// The byte order mark of UTF-8, which .NET and PowerShell put before JSON and RFC 8259 §8.1 lets a
/// parser ignore.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The JSON in a text.
fn parse(text: &[u8]) -> Result<Value, ScimError> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    if text.trim_ascii().is_empty() {
        return Err(ScimError::InvalidSyntax(
            "the request has no body; send a JSON object".to_owned(),
        ));
    }
    Ok(json::parse(text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_objects() {
        assert!(Body::Text(b"{\"a\": 1}").object().is_ok());
        assert!(Body::Text(b"\xef\xbb\xbf {\"a\": 1}").object().is_ok());
        for body in [
            &b""[..],
            b" ",
            b"\xef\xbb\xbf",
            b"\xef\xbb\xbf\xef\xbb\xbf{}",
            b"\xef\xbb{}",
            b"[]",
            b"\"x\"",
            b"{",
            b"{\"a\":\xff}",
        ] {
            assert_eq!(
                Body::Text(body).object().unwrap_err().scim_type(),
                Some("invalidSyntax")
            );
        }
        assert!(Body::Parsed(&Value::Null).object().is_err());
    }
}
