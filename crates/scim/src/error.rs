//! SCIM errors (RFC 7644 §3.12): the one place that knows statuses and `scimType`s.

use http::StatusCode;
use serde_json::{Value, json};

/// The `schemas` value of an error body.
pub const ERROR_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// A refused or failed request. The text is the `detail` that Entra shows to the tenant's admin:
/// it says what is wrong and what to do, and holds nothing of another tenant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScimError {
    /// The body is not JSON, or not the message the operation expects.
    #[error("{0}")]
    InvalidSyntax(String),
    /// The filter is malformed, or compares what cannot be compared.
    #[error("{0}")]
    InvalidFilter(String),
    /// A PATCH path is malformed or names no attribute of the resource type.
    #[error("{0}")]
    InvalidPath(String),
    /// A value is missing, of the wrong type, or out of bounds.
    #[error("{0}")]
    InvalidValue(String),
    /// A PATCH path selects nothing that could be operated on.
    #[error("{0}")]
    NoTarget(String),
    /// A PATCH names an attribute that clients cannot change.
    #[error("{0}")]
    Mutability(String),
    /// The request contradicts itself or the state of the resource.
    #[error("{0}")]
    Conflict(String),
    /// More users would lose access than may within a window.
    #[error("{0}")]
    TooManyDeactivations(String),
    /// A cursor was not given for this query (RFC 9865).
    #[error("{0}")]
    InvalidCursor(String),
    /// A cursor is too old (RFC 9865).
    #[error("{0}")]
    ExpiredCursor(String),
    /// The `count` of a walk by cursor is not one (RFC 9865).
    #[error("{0}")]
    InvalidCount(String),
    /// The list would cost more than one request may.
    #[error("{0}")]
    TooMany(String),
    /// A bulk request has more operations than are accepted (RFC 7644 §3.7.4).
    #[error("{0}")]
    TooManyOperations(String),
    /// A value that must be unique in the tenant is taken.
    #[error("{0}")]
    Uniqueness(String),
    /// No, or no valid, credentials; the second field is the reason in a word.
    #[error("{0}")]
    Unauthorized(String, &'static str),
    /// The request is understood and will not be answered (RFC 7644 §4: filters on discovery).
    #[error("{0}")]
    Forbidden(String),
    /// No such resource or endpoint.
    #[error("{0}")]
    NotFound(String),
    /// The endpoint does not support this method; the second field is the `Allow` header.
    #[error("{0}")]
    MethodNotAllowed(String, &'static str),
    /// `If-Match` does not name the current version.
    #[error("{0}")]
    PreconditionFailed(String),
    /// The body is larger than the service accepts.
    #[error("{0}")]
    PayloadTooLarge(String),
    /// The body's `Content-Type` is not JSON.
    #[error("{0}")]
    UnsupportedMediaType(String),
    /// The client sends faster than it may; the second field is when it may go on, in seconds.
    #[error("{0}")]
    TooManyRequests(String, u32),
    /// A part of SCIM that this service does not offer.
    #[error("{0}")]
    NotImplemented(String),
    /// The database cannot answer now; the same request may succeed later.
    #[error("{0}")]
    Unavailable(String),
    /// A defect of this service.
    #[error("{0}")]
    Internal(String),
}

impl ScimError {
    /// The HTTP status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::InvalidSyntax(_)
            | Self::InvalidFilter(_)
            | Self::InvalidPath(_)
            | Self::InvalidValue(_)
            | Self::NoTarget(_)
            | Self::Mutability(_)
            | Self::InvalidCursor(_)
            | Self::ExpiredCursor(_)
            | Self::InvalidCount(_)
            | Self::TooMany(_) => StatusCode::BAD_REQUEST,
            Self::Uniqueness(_) | Self::Conflict(_) | Self::TooManyDeactivations(_) => {
                StatusCode::CONFLICT
            }
            Self::Unauthorized(..) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(..) => StatusCode::METHOD_NOT_ALLOWED,
            Self::PreconditionFailed(_) => StatusCode::PRECONDITION_FAILED,
            Self::PayloadTooLarge(_) | Self::TooManyOperations(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooManyRequests(..) => StatusCode::TOO_MANY_REQUESTS,
            Self::NotImplemented(_) => StatusCode::NOT_IMPLEMENTED,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether the service failed, and not the request: then the log says more.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Internal(_))
    }

    /// Whether somebody at the operator's should look, though the service works as it is meant to.
    pub fn is_alarming(&self) -> bool {
        matches!(self, Self::TooManyDeactivations(_))
    }

    /// The `scimType` keyword of RFC 7644 §3.12, table 9, where one fits.
    pub fn scim_type(&self) -> Option<&'static str> {
        match self {
            Self::InvalidSyntax(_) => Some("invalidSyntax"),
            Self::InvalidFilter(_) => Some("invalidFilter"),
            Self::InvalidPath(_) => Some("invalidPath"),
            Self::InvalidValue(_) => Some("invalidValue"),
            Self::NoTarget(_) => Some("noTarget"),
            Self::Mutability(_) => Some("mutability"),
            Self::Uniqueness(_) => Some("uniqueness"),
            Self::InvalidCursor(_) => Some("invalidCursor"),
            Self::ExpiredCursor(_) => Some("expiredCursor"),
            Self::InvalidCount(_) => Some("invalidCount"),
            Self::TooMany(_) | Self::TooManyOperations(_) => Some("tooMany"),
            _ => None,
        }
    }

    /// The reason in a word, for logs and counters: the `scimType` where there is one.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Conflict(_) => "conflict",
            Self::TooManyDeactivations(_) => "tooManyDeactivations",
            Self::TooManyRequests(..) => "tooManyRequests",
            Self::Unauthorized(_, reason) => reason,
            Self::Forbidden(_) => "forbidden",
            Self::NotFound(_) => "notFound",
            Self::MethodNotAllowed(..) => "methodNotAllowed",
            Self::PreconditionFailed(_) => "preconditionFailed",
            Self::PayloadTooLarge(_) => "payloadTooLarge",
            Self::UnsupportedMediaType(_) => "unsupportedMediaType",
            Self::NotImplemented(_) => "notImplemented",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
            _ => self.scim_type().unwrap_or("refused"),
        }
    }

    /// The error body. `status` is a string there, and nothing beyond the RFC's members is
    /// present: strict clients refuse both.
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
        let error = Unauthorized("text".to_owned(), "noKey");
        assert_eq!((error.status().as_u16(), error.scim_type()), (401, None));
        let error = MethodNotAllowed("text".to_owned(), "GET");
        assert_eq!((error.status().as_u16(), error.scim_type()), (405, None));
        let error = TooManyRequests("text".to_owned(), 3);
        assert_eq!((error.status().as_u16(), error.scim_type()), (429, None));
        assert_eq!(
            (error.reason(), error.is_failure()),
            ("tooManyRequests", false)
        );
    }
}
