//! Why a request has another answer than it asked for.

use function::log::chain;
use function::panic::Panic;
use lambda_http::{Body, Response};
use store::StoreError;
use store::secrets::SecretsError;
use time::OffsetDateTime;

/// Why a request is refused: the page says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// There is no session, or it has ended.
    NoSession,
    /// The operator has disabled the tenant.
    Closed,
    /// The form is not of this page, or of another session.
    Elsewhere,
    /// The session may only look.
    ViewOnly,
    /// The session is too old for keys.
    Stale,
    /// The form was sent before.
    SentBefore,
    /// The key has ended, so that nothing can be done with it.
    KeyEnded,
    /// There is no such page.
    NotFound,
    /// The page does not take this method.
    Method,
}

/// Why there is no answer as it was asked for.
#[derive(Debug)]
pub enum Failed {
    /// It was refused.
    Refused(Refused),
    /// A use case refused it, and says why.
    Said(account::Failure),
    /// DynamoDB failed.
    Store(StoreError),
    /// A template cannot be shown.
    Template(askama::Error),
    /// It took too long.
    TooLate,
    /// A panic.
    Panic(Panic),
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<account::Failure> for Failed {
    fn from(failure: account::Failure) -> Self {
        match failure {
            account::Failure::Secrets(SecretsError::Store(error))
            | account::Failure::Store(error) => Self::Store(error),
            other => Self::Said(other),
        }
    }
}

impl Failed {
    /// What belongs into the log: a failure of the service, and no refusal.
    pub fn cause(&self) -> Option<String> {
        match self {
            Self::Store(error) => Some(chain(error)),
            Self::Template(error) => Some(chain(error)),
            Self::Panic(panic) => Some(panic.to_string()),
            Self::TooLate => Some("the deadline has passed".to_owned()),
            // An admin should not meet it.
            Self::Said(failure) if Known::of(failure).is_none() => Some(chain(failure)),
            Self::Refused(_) | Self::Said(_) => None,
        }
    }
}

/// A refusal of a use case that an admin can meet: the page says in its own words what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    TooManyKeys,
    KeyEnded,
    NoKey,
    AmbiguousKey,
    NewKeyEndsFirst {
        new: OffsetDateTime,
        old: OffsetDateTime,
    },
    /// The tenant is gone, or on its way.
    Closed,
    Importing,
    /// There is another tenant of the same id.
    Replaced,
    /// Something else was done at the same time.
    Overtaken,
}

impl Known {
    /// The refusal that this is, if an admin can meet it.
    pub fn of(failure: &account::Failure) -> Option<Self> {
        use account::Failure;
        Some(match failure {
            Failure::Overtaken(_) => Self::Overtaken,
            Failure::Secrets(refused) => match refused {
                SecretsError::TooManyKeys(_) => Self::TooManyKeys,
                SecretsError::KeyEnded { .. } => Self::KeyEnded,
                SecretsError::NoKey { .. } | SecretsError::NoClient { .. } => Self::NoKey,
                SecretsError::AmbiguousKey { .. } => Self::AmbiguousKey,
                SecretsError::NewKeyEndsFirst { new, old } => Self::NewKeyEndsFirst {
                    new: *new,
                    old: *old,
                },
                SecretsError::NoTenant(_) | SecretsError::BeingDeleted(_) => Self::Closed,
                SecretsError::ImportUnderWay(_) => Self::Importing,
                SecretsError::Replaced(_) => Self::Replaced,
                _ => return None,
            },
            _ => return None,
        })
    }
}

/// An answer, or why there is none as it was asked for.
pub type Answer = Result<Response<Body>, Failed>;
