//! The use cases: load, let [`scim`](scim) decide, store. One file for each operation.
//!
//! The one place that turns storage errors into SCIM errors, and the one that decides what to do
//! after a lost race: load again and decide again, so that no update is lost.

mod access;
mod body;
mod bulk;
mod create;
mod delete;
mod get;
mod list;
mod patch;
mod replace;

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use scim::project::Projection;
use scim::{ResourceId, ResourceType, ScimError, Stored};
use store::breaker::BreakerPolicy;
use store::history::{Actor, Operation, Origin};
use store::{StoreError, TenantStore};
use tenant::KeyId;

pub use body::Body;
pub use bulk::BulkResponse;

/// A tenant's directory, for one request.
#[derive(Debug)]
pub struct Directory<'a> {
    /// The tenant's data.
    pub store: TenantStore<'a>,
    /// The service's base URL, for locations; without a final slash.
    pub base: &'a str,
    /// When the request is handled, to the millisecond.
    pub now: OffsetDateTime,
    /// Which key the request came with.
    pub key: KeyId,
    /// The request's id, for change records.
    pub request_id: &'a str,
    /// How long tombstones are kept.
    pub retention: time::Duration,
    /// How long change records are kept.
    pub history: time::Duration,
    /// How many users may lose access, and in what time.
    pub breaker: BreakerPolicy,
    /// The secret under which cursors are sealed: different for each API key.
    pub cursor_key: &'a [u8; 32],
}

/// A resource as an operation answers it.
#[derive(Debug)]
pub struct Answer {
    /// Its entity tag.
    pub etag: String,
    /// Its URL.
    pub location: String,
    /// The resource, projected.
    pub body: Map<String, Value>,
}

/// A refused or failed operation: what the client is told, and what only the log is.
#[derive(Debug)]
pub struct Failure {
    /// The outward message.
    pub error: ScimError,
    /// The inward cause.
    pub cause: Option<StoreError>,
    /// The URL of the resource that is in the way.
    pub existing: Option<String>,
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
            StoreError::Taken { attribute } => ScimError::Uniqueness(format!(
                "another resource of this tenant has the same `{attribute}`, or keeps it while it is in Entra's recycle bin; change it, or match on `{attribute}` so that the existing resource is updated"
            )),
            StoreError::TooLarge(text) => {
                ScimError::InvalidValue(format!("{text}; map fewer or shorter values"))
            }
            StoreError::TooMany { total, accepted } => ScimError::TooMany(format!(
                "the list would have to read {total} resources, and {accepted} are accepted; leave `sortBy` out, and filter with `eq` or `sw` on `userName`, `externalId`, `emails.value` or `employeeNumber`"
            )),
            StoreError::NotFound => ScimError::NotFound("the resource does not exist".to_owned()),
            StoreError::VersionMismatch | StoreError::Conflict | StoreError::AlreadyExists => ScimError::Unavailable(
                "other requests kept changing the same resource; nothing was changed by this one, send it again".to_owned(),
            ),
            StoreError::Unavailable { .. } | StoreError::Throttled => ScimError::Unavailable(
                "the directory cannot answer at the moment; send the request again".to_owned(),
            ),
            StoreError::Refused { .. } | StoreError::Damaged(_) => ScimError::Internal(
                "the service failed; its operator finds the cause in the log under this request's id".to_owned(),
            ),
        };
        Self {
            error,
            cause: Some(cause),
            existing: None,
        }
    }
}

/// How often a lost race is run again, and with what pauses: two to five seconds in all, within
/// the request's deadline. The random part keeps the racers from meeting again.
const RACES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(4))
    .with_max_delay(Duration::from_millis(250))
    .with_max_times(14)
    .with_jitter();

/// Loads, decides and writes again for as long as somebody else writes in between.
async fn until_settled<T, F>(attempt: impl FnMut() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    attempt
        .retry(RACES)
        .when(|failure| {
            matches!(
                failure.cause,
                Some(StoreError::VersionMismatch | StoreError::Conflict | StoreError::Throttled)
            )
        })
        .await
}

impl Directory<'_> {
    /// The resource, or 404.
    async fn load(&self, resource_type: &ResourceType, id: &str) -> Result<Stored, Failure> {
        let found = match ResourceId::parse(id) {
            Some(id) => self.store.get(resource_type, &id).await?,
            None => None,
        };
        found.ok_or_else(|| {
            ScimError::NotFound(format!(
                "no {} with the id {} exists in this tenant",
                resource_type.name,
                scim::text::quote(id)
            ))
            .into()
        })
    }

    /// What a change record says of this request.
    fn origin(&self, operation: Operation) -> Origin {
        Origin {
            actor: Actor::Key(self.key.clone()),
            operation,
            request_id: self.request_id.to_owned(),
            at: self.now,
            expires: self.now.saturating_add(self.history),
        }
    }

    fn answer(
        &self,
        resource_type: &ResourceType,
        stored: Stored,
        projection: &Projection,
    ) -> Answer {
        Answer {
            etag: stored.meta.etag(),
            location: stored.location(resource_type, self.base),
            body: projection.apply(resource_type, stored.represent(resource_type, self.base)),
        }
    }
}

/// `If-Match` (RFC 7644 §3.14): the versions a client is willing to change; absent means any.
#[derive(Debug, Clone, Default)]
pub struct IfMatch(pub Option<String>);

impl IfMatch {
    fn check(&self, stored: &Stored) -> Result<(), ScimError> {
        match &self.0 {
            Some(expected) if !matches_etag(expected, &stored.meta.etag()) => {
                Err(ScimError::PreconditionFailed(format!(
                    "the resource has changed: its version is {}; read it again before changing it",
                    stored.meta.etag()
                )))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a list of entity tags, or `*`, names `etag` (RFC 9110 §13.1). Tags are compared weakly:
/// every version of this service is a weak one.
pub fn matches_etag(list: &str, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    list.split(',')
        .any(|tag| tag.trim() == "*" || opaque(tag) == opaque(etag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_tags_match_weakly_and_in_lists() {
        for list in ["W/\"3\"", "\"3\"", "*", "W/\"1\", W/\"3\"", " W/\"3\" "] {
            assert!(matches_etag(list, "W/\"3\""), "{list}");
        }
        for list in ["W/\"33\"", "3", "", "W/\"2\""] {
            assert!(!matches_etag(list, "W/\"3\""), "{list}");
        }
    }
}
