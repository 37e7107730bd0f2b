//! What can go wrong between this service and DynamoDB. Nothing here depends on HTTP or SCIM.

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};

/// A failed storage operation.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The item does not exist, or no longer.
    #[error("the item does not exist")]
    NotFound,
    /// The item changed since it was read; reload and try again.
    #[error("the item changed since it was read")]
    VersionMismatch,
    /// What an operator's work hangs on is no more: the tenant is being deleted or imported, or
    /// another run of the command has ended the work. Nothing was written.
    #[error("another command has changed the tenant meanwhile")]
    Overtaken,
    /// Another resource holds a value that must be unique in the tenant.
    #[error("the value of {attribute} is held by another resource")]
    Taken {
        /// The attribute whose value is taken.
        attribute: &'static str,
    },
    /// An item with this key already exists.
    #[error("the item exists already")]
    AlreadyExists,
    /// DynamoDB throttled a transaction and wrote nothing; the same call may succeed in a moment.
    /// The SDK retries other throttled calls, but not transactions.
    #[error("DynamoDB throttled a transaction")]
    Throttled,
    /// A concurrent transaction touched the same items; the same call may succeed in a moment.
    #[error("a concurrent transaction touched the same items")]
    Conflict,
    /// The resource exceeds DynamoDB's limits. The text says which one and by how much.
    #[error("{0}")]
    TooLarge(String),
    /// More resources would have to be read than one request may read.
    #[error("{total} resources would have to be read, and {accepted} are accepted")]
    TooMany {
        /// How many there are.
        total: u64,
        /// How many one request may read.
        accepted: u64,
    },
    /// More resources have a value, or a start of one, than one request may read one by one.
    #[error("more than {accepted} resources were found by a value or the start of one")]
    TooManyFound {
        /// How many one request may read one by one.
        accepted: u64,
    },
    /// Some were to become members of a group, and none of them is a user of the tenant.
    #[error("none of those who were to become members is a user")]
    Nobody {
        /// As the client named them.
        named: std::collections::BTreeSet<String>,
    },
    /// More would stop being members of a group than one request may remove.
    #[error("{removed} members would be removed, and {accepted} are accepted")]
    TooManyMembers {
        /// How many would be removed.
        removed: u64,
        /// How many one request may remove.
        accepted: u64,
    },
    /// More memberships would have to be read to show resources than one request may read.
    #[error("more than {accepted} memberships would have to be read")]
    TooManyEdges {
        /// How many one request may read.
        accepted: u64,
    },
    /// More memberships would have to be read to evaluate a filter than one request may read.
    #[error("more than {accepted} memberships would have to be read for a filter")]
    TooManyNamed {
        /// How many one request may read.
        accepted: u64,
    },
    /// DynamoDB is throttling, unreachable or failing. The call was applied completely or not at
    /// all; which is unknown.
    #[error("DynamoDB is not available: {message}")]
    Unavailable {
        /// DynamoDB's or the SDK's own message.
        message: String,
        /// The SDK's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// DynamoDB refused the request: a missing table or permission, or a bug in this service.
    #[error("DynamoDB refused the request: {message}")]
    Refused {
        /// DynamoDB's own message.
        message: String,
        /// The SDK's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A stored item is in a format that only a newer release reads.
    #[error(
        "{item} has the format {format}, and this release reads formats up to {}: a newer release wrote it; deploy that release again",
        super::format::READ
    )]
    NewerFormat {
        /// Which item, without a person's data.
        item: String,
        /// The number of its format.
        format: u64,
    },
    /// A stored item does not have the expected form.
    #[error("stored item is damaged: {0}")]
    Damaged(String),
}

impl StoreError {
    /// Maps an SDK error to what a caller can do about it: try later, or call an engineer. Failed
    /// conditions and cancelled transactions are handled earlier, by the operations that set them.
    pub(crate) fn from_sdk<E>(error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let code = error.code().unwrap_or_default();
        if code == "TransactionConflictException" {
            return Self::Conflict;
        }
        let message = match error
            .as_service_error()
            .and_then(ProvideErrorMetadata::message)
        {
            Some(message) => format!("{code}: {message}"),
            None => error.to_string(),
        };
        let refused = match &error {
            SdkError::ConstructionFailure(_) => true,
            // Every refusal has a code. An answer without one is not DynamoDB's, such as the HTML
            // of a load balancer in front of it, or could not be read: the call may have been
            // carried out.
            SdkError::ServiceError(answer) => {
                let is_transient = code.is_empty() || TRANSIENT.contains(&code);
                !is_transient && !answer.raw().status().is_server_error()
            }
            _ => false,
        };
        let source = Box::new(error);
        if refused {
            Self::Refused { message, source }
        } else {
            Self::Unavailable { message, source }
        }
    }
}

impl From<BuildError> for StoreError {
    /// A request that lacks a required part is a bug in this service.
    fn from(error: BuildError) -> Self {
        Self::Refused {
            message: error.to_string(),
            source: Box::new(error),
        }
    }
}

/// Service error codes of temporary problems.
const TRANSIENT: &[&str] = &[
    "InternalServerError",
    "InternalServerErrorException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "ThrottlingException",
    "TransactionInProgressException",
];
