//! SCIM errors (RFC 7644 §3.12): the one place that knows statuses and `scimType`s.

use http::StatusCode;
use serde_json::{Value, json};

/// The `schemas` value of an error body.
pub const ERROR_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// A refused or failed request. The text is the `detail` that Entra shows to the tenant's admin: it
/// says what is wrong and what to do, and reveals nothing about other tenants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScimError {
    /// The body is not JSON, or not the message that the operation expects.
    #[error("{0}")]
    InvalidSyntax(String),
    /// The filter is malformed, or makes a comparison that is not possible.
    #[error("{0}")]
    InvalidFilter(String),
    /// A PATCH path is malformed or names no attribute of the resource type.
    #[error("{0}")]
    InvalidPath(String),
    /// A value is missing, of the wrong type, or out of bounds.
    #[error("{0}")]
    InvalidValue(String),
    /// A PATCH path selects nothing to operate on.
    #[error("{0}")]
    NoTarget(String),
    /// A PATCH names an attribute that clients cannot change.
    #[error("{0}")]
    Mutability(String),
    /// The request contradicts itself or the state of the resource.
    #[error("{0}")]
    Conflict(String),
    /// More users would lose access, or more groups go, than the window allows.
    #[error("{0}")]
    TooManyDeactivations(String),
    /// The cursor was not issued for this query (RFC 9865).
    #[error("{0}")]
    InvalidCursor(String),
    /// A cursor is too old (RFC 9865).
    #[error("{0}")]
    ExpiredCursor(String),
    /// The `count` of a walk by cursor is invalid (RFC 9865).
    #[error("{0}")]
    InvalidCount(String),
    /// The list would cost more than one request may use.
    #[error("{0}")]
    TooMany(String),
    /// A bulk request has more operations than are accepted (RFC 7644 §3.7.4).
    #[error("{0}")]
    TooManyOperations(String),
    /// A value that must be unique in the tenant is taken.
    #[error("{0}")]
    Uniqueness(String),
    /// Credentials are missing or invalid.
    #[error("{detail}")]
    Unauthorized {
        /// What is wrong and what to do.
        detail: String,
        /// The reason in a word.
        reason: &'static str,
    },
    /// The request is understood but not answered (RFC 7644 §4: filters on discovery).
    #[error("{0}")]
    Forbidden(String),
    /// No such resource or endpoint.
    #[error("{0}")]
    NotFound(String),
    /// The endpoint does not support this method.
    #[error("{detail}")]
    MethodNotAllowed {
        /// What is wrong and what to do.
        detail: String,
        /// The supported methods, in the format of the `Allow` header.
        allow: &'static str,
    },
    /// `If-Match` does not name the current version.
    #[error("{0}")]
    PreconditionFailed(String),
    /// The body is larger than the service accepts.
    #[error("{0}")]
    PayloadTooLarge(String),
    /// The body's `Content-Type` is not JSON.
    #[error("{0}")]
    UnsupportedMediaType(String),
    /// The body's `Content-Encoding` is none that the service decodes (RFC 9110 §15.5.16).
    #[error("{0}")]
    UnsupportedEncoding(String),
    /// The client sends too fast.
    #[error("{detail}")]
    TooManyRequests {
        /// What is wrong and what to do.
        detail: String,
        /// The seconds after which it may continue.
        retry_after: u32,
    },
    /// A part of SCIM that this service does not support.
    #[error("{0}")]
    NotImplemented(String),
    /// The database cannot answer now; the same request may succeed later.
    #[error("{0}")]
    Unavailable(String),
    /// A bug in this service.
    #[error("{0}")]
    Internal(String),
}

/// What the kind of an error determines.
struct Row {
    status: StatusCode,
    /// RFC 7644 §3.12, table 9, RFC 9865 §2.1 and, for `tooMany`, RFC 7644 §3.7.4.
    scim_type: Option<&'static str>,
    /// The reason in one word: the `scimType` where there is one.
    reason: &'static str,
    blame: Blame,
}

/// Who must act on an error.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Blame {
    Client,
    /// The client is refused, and an operator should look.
    ClientAndOperator,
    Service,
}

impl Row {
    const fn typed(status: StatusCode, scim_type: &'static str) -> Self {
        Self {
            status,
            scim_type: Some(scim_type),
            reason: scim_type,
            blame: Blame::Client,
        }
    }

    const fn untyped(status: StatusCode, reason: &'static str) -> Self {
        Self {
            status,
            scim_type: None,
            reason,
            blame: Blame::Client,
        }
    }

    const fn blaming(self, blame: Blame) -> Self {
        Self { blame, ..self }
    }
}

impl ScimError {
    /// The table of errors.
    const fn row(&self) -> Row {
        use StatusCode as S;
        match self {
            Self::InvalidSyntax(_) => Row::typed(S::BAD_REQUEST, "invalidSyntax"),
            Self::InvalidFilter(_) => Row::typed(S::BAD_REQUEST, "invalidFilter"),
            Self::InvalidPath(_) => Row::typed(S::BAD_REQUEST, "invalidPath"),
            Self::InvalidValue(_) => Row::typed(S::BAD_REQUEST, "invalidValue"),
            Self::NoTarget(_) => Row::typed(S::BAD_REQUEST, "noTarget"),
            Self::Mutability(_) => Row::typed(S::BAD_REQUEST, "mutability"),
            Self::InvalidCursor(_) => Row::typed(S::BAD_REQUEST, "invalidCursor"),
            Self::ExpiredCursor(_) => Row::typed(S::BAD_REQUEST, "expiredCursor"),
            Self::InvalidCount(_) => Row::typed(S::BAD_REQUEST, "invalidCount"),
            Self::TooMany(_) => Row::typed(S::BAD_REQUEST, "tooMany"),
            Self::TooManyOperations(_) => Row::typed(S::PAYLOAD_TOO_LARGE, "tooMany"),
            Self::Uniqueness(_) => Row::typed(S::CONFLICT, "uniqueness"),
            Self::Conflict(_) => Row::untyped(S::CONFLICT, "conflict"),
            Self::TooManyDeactivations(_) => {
                Row::untyped(S::CONFLICT, "tooManyDeactivations").blaming(Blame::ClientAndOperator)
            }
            Self::Unauthorized { reason, .. } => Row::untyped(S::UNAUTHORIZED, reason),
            Self::Forbidden(_) => Row::untyped(S::FORBIDDEN, "forbidden"),
            Self::NotFound(_) => Row::untyped(S::NOT_FOUND, "notFound"),
            Self::MethodNotAllowed { .. } => {
                Row::untyped(S::METHOD_NOT_ALLOWED, "methodNotAllowed")
            }
            Self::PreconditionFailed(_) => {
                Row::untyped(S::PRECONDITION_FAILED, "preconditionFailed")
            }
            Self::PayloadTooLarge(_) => Row::untyped(S::PAYLOAD_TOO_LARGE, "payloadTooLarge"),
            Self::UnsupportedMediaType(_) => {
                Row::untyped(S::UNSUPPORTED_MEDIA_TYPE, "unsupportedMediaType")
            }
            Self::UnsupportedEncoding(_) => {
                Row::untyped(S::UNSUPPORTED_MEDIA_TYPE, "unsupportedEncoding")
            }
            Self::TooManyRequests { .. } => Row::untyped(S::TOO_MANY_REQUESTS, "tooManyRequests"),
            Self::NotImplemented(_) => Row::untyped(S::NOT_IMPLEMENTED, "notImplemented"),
            Self::Unavailable(_) => {
                Row::untyped(S::SERVICE_UNAVAILABLE, "unavailable").blaming(Blame::Service)
            }
            Self::Internal(_) => {
                Row::untyped(S::INTERNAL_SERVER_ERROR, "internal").blaming(Blame::Service)
            }
        }
    }

    /// The HTTP status of the answer.
    pub fn status(&self) -> StatusCode {
        self.row().status
    }

    /// Whether the service failed rather than the request: then the log has the details.
    pub fn is_failure(&self) -> bool {
        self.row().blame == Blame::Service
    }

    /// Whether an operator should look although the service works as intended.
    pub fn is_alarming(&self) -> bool {
        self.row().blame == Blame::ClientAndOperator
    }

    /// The `scimType` keyword of RFC 7644 §3.12, table 9, where one fits.
    pub fn scim_type(&self) -> Option<&'static str> {
        self.row().scim_type
    }

    /// The reason in one word, for logs and counters: the `scimType` where there is one.
    pub fn reason(&self) -> &'static str {
        self.row().reason
    }

    /// The error body. `status` is a string, and there are no members beyond the RFC's: strict
    /// clients reject anything else.
    pub fn to_body(&self) -> Value {
        let mut body = json!({
            "schemas": [ERROR_SCHEMA],
            "status": self.status().as_str(),
            "detail": self.to_string(),
        });
        if let (Some(scim_type), Some(members)) = (self.scim_type(), body.as_object_mut()) {
            members.insert("scimType".to_owned(), scim_type.into());
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_the_rfc_s_members_only() {
        let body = ScimError::Uniqueness("taken".to_owned()).to_body();
        assert_eq!(
            body,
            json!({"schemas": [ERROR_SCHEMA], "status": "409", "scimType": "uniqueness", "detail": "taken"})
        );
        let body = ScimError::NotFound("gone".to_owned()).to_body();
        assert_eq!(
            body,
            json!({"schemas": [ERROR_SCHEMA], "status": "404", "detail": "gone"})
        );
    }

    #[test]
    fn statuses_and_keywords_are_those_of_the_rfcs() {
        use ScimError::*;
        // RFC 7644 §3.12, tables 8 and 9; §3.7.4 for `tooMany`; RFC 9865 §2.1 for cursors.
        for (error, status, scim_type) in [
            (
                InvalidSyntax as fn(String) -> ScimError,
                400,
                Some("invalidSyntax"),
            ),
            (InvalidFilter, 400, Some("invalidFilter")),
            (InvalidPath, 400, Some("invalidPath")),
            (InvalidValue, 400, Some("invalidValue")),
            (NoTarget, 400, Some("noTarget")),
            (Mutability, 400, Some("mutability")),
            (InvalidCursor, 400, Some("invalidCursor")),
            (ExpiredCursor, 400, Some("expiredCursor")),
            (InvalidCount, 400, Some("invalidCount")),
            (TooMany, 400, Some("tooMany")),
            (TooManyOperations, 413, Some("tooMany")),
            (Uniqueness, 409, Some("uniqueness")),
            (Conflict, 409, None),
            (TooManyDeactivations, 409, None),
            (Forbidden, 403, None),
            (NotFound, 404, None),
            (PreconditionFailed, 412, None),
            (PayloadTooLarge, 413, None),
            (UnsupportedMediaType, 415, None),
            (UnsupportedEncoding, 415, None),
            (NotImplemented, 501, None),
            (Unavailable, 503, None),
            (Internal, 500, None),
        ] {
            let error = error("text".to_owned());
            assert_eq!(
                (error.status().as_u16(), error.scim_type()),
                (status, scim_type)
            );
        }
        let error = Unauthorized {
            detail: "text".to_owned(),
            reason: "noKey",
        };
        assert_eq!((error.status().as_u16(), error.scim_type()), (401, None));
        assert_eq!(
            (error.to_string().as_str(), error.reason()),
            ("text", "noKey")
        );
        let error = MethodNotAllowed {
            detail: "text".to_owned(),
            allow: "GET",
        };
        assert_eq!((error.status().as_u16(), error.scim_type()), (405, None));
        let error = TooManyRequests {
            detail: "text".to_owned(),
            retry_after: 3,
        };
        assert_eq!((error.status().as_u16(), error.scim_type()), (429, None));
        assert_eq!(
            (error.reason(), error.is_failure()),
            ("tooManyRequests", false)
        );
    }
}
