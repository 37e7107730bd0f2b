//! Refused and failed operations: what the client is told, and what only the log contains.

use scim::ScimError;
use scim::members::nobody;
use store::StoreError;

use crate::log::Panic;

/// A refused or failed operation.
#[derive(Debug)]
pub struct Failure {
    /// The message for the client.
    pub error: ScimError,
    /// The cause, for the log.
    pub cause: Option<Cause>,
    /// The resource that has the name already.
    pub existing: Option<Box<Existing>>,
}

/// A resource that a creation conflicts with.
#[derive(Debug)]
pub struct Existing {
    /// Its id.
    pub id: String,
    /// Its URL.
    pub location: String,
    /// Whether it is evidently the one that was to be created: it is called so now, and has the
    /// same `externalId`, or neither has one.
    pub is_the_same: bool,
}

/// Why the service failed or refused.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// DynamoDB, or its content.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A bug.
    #[error("{0}")]
    Panic(Panic),
}

impl Failure {
    /// The underlying storage error, if there is one.
    pub fn store_error(&self) -> Option<&StoreError> {
        match &self.cause {
            Some(Cause::Store(error)) => Some(error),
            _ => None,
        }
    }
}

impl From<ScimError> for Failure {
    fn from(error: ScimError) -> Self {
        Self {
            error,
            cause: None,
            existing: None,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(cause: StoreError) -> Self {
        let error = match &cause {
            StoreError::Taken {
                attribute: "displayName",
            } => ScimError::Uniqueness(
                "another group of this tenant has the same `displayName`; rename one of the two, or map `displayName` to an expression that makes it unique, for example by appending `objectId`".to_owned(),
            ),
            StoreError::Taken { attribute } => ScimError::Uniqueness(format!(
                "another resource of this tenant has the same `{attribute}`, or keeps it while it is in Entra's recycle bin; change it, or match on `{attribute}` so that the existing resource is updated"
            )),
            StoreError::TooLarge(text) => {
                ScimError::InvalidValue(format!("{text}; map fewer or shorter values"))
            }
            StoreError::TooMany { total, accepted } => ScimError::TooMany(format!(
                "the list would have to read {total} resources, and {accepted} are accepted; leave `sortBy` out, and filter with `eq` or `sw` on `userName`, `externalId`, `emails.value` or `employeeNumber`"
            )),
            StoreError::TooManyFound { accepted } => ScimError::TooMany(format!(
                "more than {accepted} resources have the value, or a start of one, that the filter asks for; give `sw` a longer value, or filter by a value that fewer resources have"
            )),
            StoreError::Nobody { named } => nobody(named.iter().map(String::as_str)),
            StoreError::TooManyMembers { removed, accepted } => ScimError::TooMany(format!(
                "{removed} members would be removed, and one request may remove {accepted}; remove them in parts, or delete the group"
            )),
            StoreError::TooManyEdges { accepted } => ScimError::TooMany(format!(
                "the resources of the answer have more than {accepted} memberships; leave them out with `excludedAttributes=groups` or `excludedAttributes=members`, or ask for fewer resources with a smaller `count`"
            )),
            StoreError::TooManyNamed { accepted } => ScimError::TooMany(format!(
                "the groups that the filter names have more than {accepted} members; ask for one of them, with `groups.value eq` alone, or filter with `eq` on `userName`, `externalId`, `emails.value` or `employeeNumber` besides"
            )),
            StoreError::NotFound => ScimError::NotFound("the resource does not exist".to_owned()),
            StoreError::VersionMismatch
            | StoreError::Overtaken
            | StoreError::Conflict
            | StoreError::AlreadyExists => ScimError::Unavailable(
                "other requests kept changing the same resource; nothing was changed by this one, send it again".to_owned(),
            ),
            StoreError::Unavailable { .. } | StoreError::Throttled => ScimError::Unavailable(
                "the directory cannot answer at the moment; send the request again".to_owned(),
            ),
            StoreError::Refused { .. }
            | StoreError::NewerFormat { .. }
            | StoreError::Damaged(_) => ScimError::Internal(
                "the service failed; its operator finds the cause in the log under this request's id".to_owned(),
            ),
        };
        Self {
            cause: Some(cause.into()),
            ..error.into()
        }
    }
}
