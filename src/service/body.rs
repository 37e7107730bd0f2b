//! Request bodies, parsed once, when the operation needs them: after the key was accepted and, for
//! a change of a resource, after it was found.

use scim::{ScimError, json};
use serde_json::{Map, Value};

/// A request body that was not parsed yet.
#[derive(Debug, Clone, Copy)]
pub enum Body<'a> {
    /// As received.
    Text(&'a [u8]),
    /// As part of a bulk request.
    Parsed(&'a Value),
}

impl Body<'_> {
    /// The object in the body.
    ///
    /// # Errors
    /// `invalidSyntax` when the body is not a JSON object, or one of its objects has a member
    /// twice.
    pub fn object(&self) -> Result<Map<String, Value>, ScimError> {
        let value = match self {
            Self::Parsed(value) => (*value).clone(),
            Self::Text(text) if text.trim_ascii().is_empty() => {
                return Err(ScimError::InvalidSyntax(
                    "the request has no body; send a JSON object".to_owned(),
                ));
            }
            Self::Text(text) => json::parse(text)?,
        };
        match value {
            Value::Object(members) => Ok(members),
            _ => Err(ScimError::InvalidSyntax(
                "the body must be a JSON object".to_owned(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_objects() {
        assert!(Body::Text(b"{\"a\": 1}").object().is_ok());
        for body in [&b""[..], b" ", b"[]", b"\"x\"", b"{", b"{\"a\":\xff}"] {
            assert_eq!(
                Body::Text(body).object().unwrap_err().scim_type(),
                Some("invalidSyntax")
            );
        }
        assert!(Body::Parsed(&Value::Null).object().is_err());
    }
}
