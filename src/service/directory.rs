//! A tenant's directory during one request: what every use case needs.

use scim::patch::Ignored;
use scim::project::Projection;
use scim::text::quote;
use scim::work::Budget;
use scim::{Resource, ResourceId, ResourceType, ScimError, Stored};
use serde_json::{Map, Value};
use store::TenantStore;
use store::directory::breaker::{BreakerPolicy, Grant};
use store::directory::record::{Actor, ChangeKind, Origin};
use tenant::KeyId;
use time::OffsetDateTime;

use super::Failure;

/// A tenant's directory during one request.
#[derive(Debug)]
pub struct Directory<'a> {
    /// The tenant's data.
    pub store: TenantStore<'a>,
    /// The service's base URL for locations, without a trailing slash.
    pub base: &'a str,
    /// The time of the request, to the millisecond.
    pub now: OffsetDateTime,
    /// The clock, for the times of changes: a change may come long after its request began.
    pub clock: fn() -> OffsetDateTime,
    /// The request's key.
    pub key: KeyId,
    /// The request's id, for change records.
    pub request_id: &'a str,
    /// How long tombstones are kept.
    pub retention: time::Duration,
    /// How long change records are kept.
    pub history: time::Duration,
    /// How many users may lose access within which time.
    pub breaker: BreakerPolicy,
    /// The secret that seals cursors: different for each API key.
    pub cursor_key: &'a [u8; 32],
    /// What the request has computed; the operations of a bulk request share it.
    pub budget: Budget,
}

/// A resource in an operation's answer.
#[derive(Debug)]
pub struct Answer {
    /// Its entity tag.
    pub etag: String,
    /// Its URL.
    pub location: String,
    /// The resource, projected.
    pub body: Map<String, Value>,
    /// What a PATCH named and the service does not know.
    pub ignored: Ignored,
}

impl Directory<'_> {
    /// The resource, or 404. May go ahead of the check of the key.
    pub(super) async fn load(
        &self,
        resource_type: &ResourceType,
        id: &str,
    ) -> Result<Stored, Failure> {
        let found = match ResourceId::parse(id) {
            Some(id) => self.store.get(resource_type, &id).await?,
            None => None,
        };
        found.ok_or_else(|| {
            ScimError::NotFound(format!(
                "no {} with the id {} exists in this tenant",
                resource_type.name,
                quote(id)
            ))
            .into()
        })
    }

    /// Writes `resource` as the next version of `current`. If that takes access, the breaker has
    /// given a grant.
    pub(super) async fn store_next(
        &self,
        resource_type: &ResourceType,
        current: &Stored,
        resource: Resource,
        kind: ChangeKind,
        grant: Option<&Grant>,
    ) -> Result<Stored, Failure> {
        let origin = self.origin(kind);
        let next = Stored {
            id: current.id.clone(),
            meta: current.meta.changed(origin.at),
            reserved: resource_type.reserved(current, &resource),
            resource,
        };
        self.store
            .replace(resource_type, current, &next, &origin, grant)
            .await?;
        Ok(next)
    }

    /// The origin of a change that is about to be written, for its record. Each attempt has its
    /// own: the time of a version is close to when it can be read.
    pub(super) fn origin(&self, operation: ChangeKind) -> Origin {
        let now = (self.clock)().truncate_to_millisecond();
        Origin {
            actor: Actor::Key(self.key.clone()),
            operation,
            request_id: self.request_id.to_owned(),
            at: now,
            expires: now.saturating_add(self.history),
        }
    }

    pub(super) fn answer(
        &self,
        resource_type: &ResourceType,
        stored: Stored,
        projection: &Projection,
    ) -> Answer {
        Answer {
            etag: stored.meta.etag(),
            location: stored.location(resource_type, self.base),
            body: projection.apply(resource_type, stored.represent(resource_type, self.base)),
            ignored: Ignored::default(),
        }
    }
}
