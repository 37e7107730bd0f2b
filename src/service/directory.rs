//! A tenant's directory during one request: what every use case needs.

use scim::text::quote;
use scim::work::Budget;
use scim::{Resource, ResourceId, ResourceType, ScimError, Stored};
use store::TenantStore;
use store::directory::breaker::{BreakerPolicy, Grant};
use store::directory::record::{Actor, Origin};
use tenant::KeyId;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::Failure;
use super::about::Making;
use crate::instance::request_log::RequestLog;

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
    /// The request's credential.
    pub key: KeyId,
    /// The request's id, for change records.
    pub request_id: &'a str,
    /// How long tombstones are kept.
    pub retention: time::Duration,
    /// How long change records are kept.
    pub history: time::Duration,
    /// The tenant's log of requests.
    pub log: RequestLog<'a>,
    /// How many users may lose access within which time.
    pub breaker: BreakerPolicy,
    /// What seals cursors: different for each API key and each OAuth 2.0 client.
    pub cursor_key: &'a [u8; 32],
    /// When the request has to be answered.
    pub deadline: Instant,
    /// Whether the client takes large answers compressed.
    pub is_compressed: bool,
    /// What the request has computed; the operations of a bulk request share it.
    pub budget: Budget,
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
        origin: &Origin,
        grant: Option<&Grant>,
    ) -> Result<Stored, Failure> {
        let next = self.next(resource_type, current, resource, origin.at);
        self.store
            .replace(resource_type, current, &next, origin, grant)
            .await?;
        Ok(next)
    }

    /// The next version of a resource.
    pub(super) fn next(
        &self,
        resource_type: &ResourceType,
        current: &Stored,
        resource: Resource,
        at: OffsetDateTime,
    ) -> Stored {
        Stored {
            id: current.id.clone(),
            meta: current.meta.changed(at),
            reserved: resource_type.reserved(current, &resource),
            resource,
        }
    }

    /// The origin of a change that is about to be written, for its record. Each attempt has its
    /// own: the time of a version is close to when it can be read.
    pub(super) fn origin(&self, making: &Making<'_>) -> Origin {
        let now = (self.clock)().truncate_to_millisecond();
        Origin {
            actor: Actor::Key(self.key.clone()),
            operation: making.kind.clone(),
            request_id: self.request_id.to_owned(),
            at: now,
            expires: now.saturating_add(self.history),
            entry: making.entry(self, now),
        }
    }
}
