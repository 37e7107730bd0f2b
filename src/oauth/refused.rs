//! Why a token request gets no token: in the words of OAuth for the client, and in the service's
//! own for its log and counters.

use oauth::{ErrorCode, Refusal};
use scim::ScimError;
use store::StoreError;

use crate::service::Failure;

/// Why a request gets no token.
#[derive(Debug)]
pub(crate) enum Refused {
    /// A rule of the crate `oauth`, or one like them.
    ByRule(Refusal),
    /// The endpoint has not this method; these are the ones that it has.
    Method(&'static str),
    /// The client asks too fast.
    TooFast(ScimError),
}

/// Why there is no answer with a token.
#[derive(Debug)]
pub(super) enum NoToken {
    /// The request is refused.
    Refused(Refused),
    /// The service fails.
    Failed(Box<Failure>),
}

impl Refused {
    /// Which rule it was, for the log.
    pub(crate) fn rule(&self) -> Option<&'static str> {
        match self {
            Self::ByRule(refusal) => Some(refusal.reason),
            Self::Method(_) | Self::TooFast(_) => None,
        }
    }

    /// The same for the counters and the log, which know SCIM errors.
    pub(crate) fn to_failure(&self) -> Failure {
        match self {
            Self::ByRule(refusal) => match refusal.code {
                ErrorCode::InvalidClient => ScimError::Unauthorized {
                    detail: refusal.description.clone(),
                    reason: refusal.reason,
                },
                ErrorCode::InvalidRequest | ErrorCode::UnsupportedGrantType => {
                    ScimError::InvalidSyntax(refusal.description.clone())
                }
                ErrorCode::TemporarilyUnavailable => {
                    ScimError::Unavailable(refusal.description.clone())
                }
            }
            .into(),
            Self::Method(allow) => ScimError::MethodNotAllowed {
                detail: format!("the endpoint takes {allow}"),
                allow,
            }
            .into(),
            Self::TooFast(error) => error.clone().into(),
        }
    }
}

impl From<Refusal> for NoToken {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Refused::ByRule(refusal))
    }
}

impl From<StoreError> for NoToken {
    fn from(error: StoreError) -> Self {
        Self::Failed(Box::new(error.into()))
    }
}
