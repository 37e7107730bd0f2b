//! How everything is, told by events of their own: for one who starts to listen.

use scim::schema::GROUPS;
use scim::{ResourceId, ResourceType, Stored};
use tenant::TenantId;
use time::OffsetDateTime;

use crate::Publisher;
use crate::event::{self, Event, Version};
use crate::kind::Kind;
use crate::record::Origin;
use crate::state::State;

const SNAPSHOT: &str = "snapshot";

impl Publisher {
    /// How a user or a group is. The event has the version that the resource has, so that one which
    /// tells of a later change counts more.
    pub fn snapshot(
        &self,
        tenant: &TenantId,
        resource_type: &'static ResourceType,
        stored: &Stored,
        request_id: &str,
    ) -> Event {
        let origin = origin(tenant, stored.meta.last_modified, request_id);
        let state = State::of(stored.resource.attributes().clone());
        let version = Version {
            origin: &origin,
            resource_type,
            id: &stored.id,
            version: stored.meta.version,
            previous: None,
            created: stored.meta.created,
            changes: None,
            state: &state,
        };
        let kind = match resource_type.name == GROUPS.name {
            true => Kind::GroupSnapshot,
            false => Kind::MemberSnapshot,
        };
        let mut event = event::of_version(self, &version, kind);
        event.id = format!("{}/{SNAPSHOT}", event.id);
        event
    }

    /// Members of a group, all of whom became one at the same time.
    pub fn snapshot_of_members(
        &self,
        tenant: &TenantId,
        group: &ResourceId,
        since: OffsetDateTime,
        members: &[ResourceId],
        request_id: &str,
    ) -> Vec<Event> {
        let origin = origin(tenant, since, request_id);
        let parts = members.chunks(event::MAX_MEMBERS);
        parts
            .filter_map(|part| {
                // No other one names the same member as its first at this time.
                let (first, since) = (part.first()?, event::version_at(since));
                let id = format!("{tenant}/{group}/{first}/{since}");
                let id = (Kind::GroupMemberAdded, id);
                Some(event::of_memberships(self, &origin, group, part, id))
            })
            .collect()
    }
}

fn origin(tenant: &TenantId, at: OffsetDateTime, request_id: &str) -> Origin {
    Origin {
        tenant: tenant.clone(),
        at,
        actor: "operator".to_owned(),
        operation: SNAPSHOT.to_owned(),
        request_id: request_id.to_owned(),
    }
}
