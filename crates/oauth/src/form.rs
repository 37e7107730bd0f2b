//! The form in the body of a token request (RFC 6749, section 3.2 and appendix B).

use percent_encoding::percent_decode_str;

use super::refusal::Refusal;

/// The longest form accepted, in bytes. The longest assertion fits twice.
pub const MAX_FORM: usize = 32 * 1024;

const CONTENT_TYPE: &[u8] = b"application/x-www-form-urlencoded";

/// The fields that mean something here. Others are ignored, as RFC 6749, section 3.2, demands: what
/// tests a service for Entra sends `baseAddress`, some connectors send `resource`.
#[derive(Default)]
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
pub(crate) struct Form {
    pub(crate) grant_type: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<String>,
    pub(crate) client_assertion_type: Option<String>,
    pub(crate) client_assertion: Option<String>,
    /// Whatever is asked for, the one scope there is will be granted.
    scope: Option<String>,
}

impl Form {
    /// Reads a form. A field without a value counts as absent (RFC 6749, section 3.2).
    ///
    /// # Errors
    /// `invalid_request` when the content type is another, the body is too long or not text, or a
    /// known field occurs twice.
    pub(crate) fn read(content_type: Option<&[u8]>, body: &[u8]) -> Result<Self, Refusal> {
        if !content_type.is_some_and(is_form) {
            return Err(Refusal::request(
                "contentType",
                "the body of a token request is a form; send it with the header \
                 `Content-Type: application/x-www-form-urlencoded`",
            ));
        }
        if body.len() > MAX_FORM {
            return Err(Refusal::request(
                "formTooLong",
                format!("the body is longer than {MAX_FORM} bytes; send the fields of OAuth only"),
            ));
        }
        let not_text = || {
            let description = "the body is not UTF-8 text; encode the fields as a form";
            Refusal::request("formNotText", description)
        };
        let text = std::str::from_utf8(body).map_err(|_| not_text())?;
        let mut form = Self::default();
        for pair in text.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            // A name that is not text is none of the known ones.
            let Some((name, field)) = decoded(name).and_then(|name| form.field(&name)) else {
                continue;
            };
            let value = decoded(value).ok_or_else(not_text)?;
            if value.is_empty() {
                continue;
            }
            if field.replace(value).is_some() {
                let description = format!("the field {name} occurs twice; send it once");
                return Err(Refusal::request("fieldTwice", description));
            }
        }
        Ok(form)
    }

    /// The known field of this name.
    fn field(&mut self, name: &str) -> Option<(&'static str, &mut Option<String>)> {
        Some(match name {
            "grant_type" => ("grant_type", &mut self.grant_type),
            "client_id" => ("client_id", &mut self.client_id),
            "client_secret" => ("client_secret", &mut self.client_secret),
            "client_assertion_type" => ("client_assertion_type", &mut self.client_assertion_type),
            "client_assertion" => ("client_assertion", &mut self.client_assertion),
            "scope" => ("scope", &mut self.scope),
            _ => return None,
        })
    }
}

/// Whether a content type is that of forms, with parameters or without.
fn is_form(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next();
    essence.is_some_and(|essence| essence.trim_ascii().eq_ignore_ascii_case(CONTENT_TYPE))
}

/// Undoes the encoding of forms; `None` when the result is not text.
pub(crate) fn decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Form, &'static str> {
        Form::read(Some(CONTENT_TYPE), body.as_bytes()).map_err(|refusal| refusal.reason)
    }

    #[test]
    fn fields_are_decoded_and_unknown_ones_ignored() {
        let form = read(
            "grant_type=client_credentials&client%5Fid=acme.1&client_secret=a%2Bb+c%3D=&scope=scim\
             &baseAddress=https%3A%2F%2Fscim.example&resource=%FF&resource=%FF&%FF=1&&=&x",
        );
        let expected = Form {
            grant_type: Some("client_credentials".to_owned()),
            client_id: Some("acme.1".to_owned()),
            client_secret: Some("a+b c==".to_owned()),
            scope: Some("scim".to_owned()),
            ..Form::default()
        };
        assert_eq!(form, Ok(expected));
    }

    #[test]
    fn a_field_without_a_value_is_absent() {
        let form = read("client_id=&client_secret&grant_type=x&client_id=acme.1").unwrap();
        assert_eq!(form.client_id.as_deref(), Some("acme.1"));
        assert_eq!(form.client_secret, None);
        assert_eq!(read(""), Ok(Form::default()));
    }

    #[test]
    fn a_known_field_occurs_once() {
        for name in [
            "grant_type",
            "client_id",
            "client_secret",
            "client_assertion_type",
            "client_assertion",
            "scope",
        ] {
            let body = format!("{name}=a&{}=a", name.replace('_', "%5f"));
            assert_eq!(read(&body), Err("fieldTwice"), "{body}");
        }
    }

    #[test]
    fn the_body_is_text() {
        assert_eq!(read("client_secret=%ff"), Err("formNotText"));
        let refused = Form::read(Some(CONTENT_TYPE), b"x=\xff");
        assert_eq!(refused.unwrap_err().reason, "formNotText");
    }

    #[test]
    fn the_content_type_is_that_of_forms() {
        for accepted in [
            "application/x-www-form-urlencoded",
            "application/x-www-form-urlencoded; charset=utf-8",
            " Application/X-WWW-Form-Urlencoded ;charset=UTF-8",
        ] {
            assert!(Form::read(Some(accepted.as_bytes()), b"").is_ok());
        }
        for refused in [
            None,
            Some(""),
            Some("application/json"),
            Some("application/x-www-form-urlencoded2"),
            Some("application/scim+json"),
        ] {
            let refused = Form::read(refused.map(str::as_bytes), b"");
            assert_eq!(refused.unwrap_err().reason, "contentType");
        }
    }

    #[test]
    fn the_body_has_a_longest_length() {
        let body = |length: usize| format!("x={}", "a".repeat(length - 2));
        assert!(read(&body(MAX_FORM)).is_ok());
        assert_eq!(read(&body(MAX_FORM + 1)), Err("formTooLong"));
    }
}
