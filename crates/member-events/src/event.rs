//! Events: CloudEvents 1.0 in JSON, the same in the queue, on the bus, at a webhook and in files.
//! `schemas/member-event-1.json` is their schema.

use std::fmt::Write as _;

use scim::resource::rfc3339;
use scim::schema::GROUPS;
use scim::{ResourceId, ResourceType};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use crate::kind::Kind;
use crate::record::{Members, Origin, Resource, Unreadable};
use crate::state::{State, meta};
use crate::{Content, Publisher};

/// The longest event, in bytes of JSON. Ten of them, which a queue takes at once, stay below its
/// limit of 256 KB.
pub const MAX_EVENT: usize = 20 * 1024;

/// The longest text that an event takes over from a record, in bytes, and the longest id.
const MAX_TEXT: usize = 128;

/// How many members an event names. A record has a hundred at most.
pub(crate) const MAX_MEMBERS: usize = 400;

/// An event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    specversion: &'static str,
    /// Names it, among all events that there are: the same change has the same id again.
    pub id: String,
    source: String,
    /// What it tells of.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Whom it is about: those of one member, and those of one group, follow each other in a queue.
    pub subject: String,
    time: String,
    datacontenttype: &'static str,
    dataschema: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<String>,
    /// The id of the stream's record, by which a pipe knows the record of an event that its target
    /// refuses.
    #[serde(rename = "eventID", skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    data: Data,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
enum Data {
    Member(MemberData),
    Group(GroupData),
    Members(MembersData),
    Unreadable(UnreadableData),
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct MemberData {
    tenant: String,
    user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    active: Option<bool>,
    #[serde(flatten)]
    version: VersionData,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "is_false")]
    truncated: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupData {
    tenant: String,
    group_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    #[serde(flatten)]
    version: VersionData,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "is_false")]
    truncated: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct MembersData {
    tenant: String,
    group_id: String,
    members: Vec<String>,
    #[serde(flatten)]
    version: VersionData,
    #[serde(skip_serializing_if = "is_false")]
    truncated: bool,
}

/// Which version it is, and where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct VersionData {
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    operation: String,
    actor: String,
    request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Map<String, Value>>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct UnreadableData {
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Event {
    /// Its JSON on one line.
    pub fn json(&self) -> String {
        // Neither texts nor maps with names of text can fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether it is about this user, or names it as a member of a group.
    pub fn names_user(&self, user: &ResourceId) -> bool {
        match &self.data {
            Data::Member(data) => data.user_id == user.as_str(),
            Data::Members(data) => data.members.iter().any(|member| member == user.as_str()),
            Data::Group(_) | Data::Unreadable(_) => false,
        }
    }

    /// Its time in seconds since 1970, for those who want it as a number.
    pub fn seconds(&self) -> Option<i64> {
        Some(crate::image::time(&self.time)?.unix_timestamp())
    }

    /// Leaves out what makes it too long: what has changed, then the state too.
    fn shortened(mut self) -> Self {
        for drop in [Data::drop_changes, Data::drop_state] {
            if self.json().len() > MAX_EVENT {
                drop(&mut self.data);
            }
        }
        self
    }
}

impl Data {
    fn drop_changes(&mut self) {
        let (version, truncated) = match self {
            Self::Member(data) => (&mut data.version, &mut data.truncated),
            Self::Group(data) => (&mut data.version, &mut data.truncated),
            Self::Members(_) | Self::Unreadable(_) => return,
        };
        version.changes = None;
        *truncated = true;
    }

    fn drop_state(&mut self) {
        match self {
            Self::Member(data) => data.user = None,
            Self::Group(data) => data.group = None,
            Self::Members(_) | Self::Unreadable(_) => {}
        }
    }
}

/// The longest start of a text that an event takes over.
pub(crate) fn cut(text: &str) -> &str {
    let end = text.floor_char_boundary(MAX_TEXT);
    text.get(..end).unwrap_or_default()
}

fn new(
    publisher: &Publisher,
    (kind, id): (Kind, String),
    subject: String,
    at: OffsetDateTime,
    data: Data,
) -> Event {
    Event {
        specversion: "1.0",
        id,
        source: publisher.base.clone(),
        kind,
        subject,
        time: rfc3339(at),
        datacontenttype: "application/json",
        dataschema: "urn:hellotracks:scim:member-event:1",
        sequence: None,
        event_id: None,
        data,
    }
}

/// What an event says of a version, and where it comes from.
pub(crate) struct Version<'v> {
    pub origin: &'v Origin,
    pub resource_type: &'static ResourceType,
    pub id: &'v ResourceId,
    pub version: u64,
    pub previous: Option<OffsetDateTime>,
    pub created: OffsetDateTime,
    pub changes: Option<&'v Map<String, Value>>,
    pub state: &'v State,
}

/// The event of a version of a user or a group.
pub(crate) fn of_resource(publisher: &Publisher, record: &Resource, kind: Kind) -> Event {
    // What a resource has when it comes to be is its state, and what it had is of no use.
    let has_changes = !kind.is_deletion() && !record.is_new();
    let version = Version {
        origin: &record.origin,
        resource_type: record.resource_type,
        id: &record.id,
        version: record.version,
        previous: record.previous,
        created: record.created,
        changes: has_changes.then_some(&record.changes),
        state: &record.state,
    };
    of_version(publisher, &version, kind)
}

/// The event of a version.
pub(crate) fn of_version(publisher: &Publisher, of: &Version<'_>, kind: Kind) -> Event {
    let (origin, state) = (of.origin, of.state);
    let is_full = publisher.content == Content::Full;
    let meta = meta(of.created, origin.at, of.version);
    let shown = state.represent(of.resource_type, of.id, meta, &publisher.base);
    let is_lacking = shown.is_none() && !kind.is_deletion();
    let shown = shown.filter(|_| is_full);
    let version = VersionData {
        previous: of.previous.map(rfc3339),
        changes: of.changes.filter(|_| is_full).cloned(),
        ..origin.version(of.version)
    };
    let tenant = origin.tenant.to_string();
    let external_id = state.identifier("externalId");
    let data = match of.resource_type.name == GROUPS.name {
        true => Data::Group(GroupData {
            tenant,
            group_id: of.id.to_string(),
            external_id,
            display_name: state.identifier("displayName"),
            version,
            group: shown,
            truncated: is_lacking && is_full,
        }),
        false => Data::Member(MemberData {
            tenant,
            user_id: of.id.to_string(),
            external_id,
            user_name: state.identifier("userName"),
            active: match kind.is_deletion() {
                true => Some(false),
                false => state.access(of.resource_type),
            },
            version,
            user: shown,
            truncated: is_lacking && is_full,
        }),
    };
    let subject = format!("{}/{}", origin.tenant, of.id);
    let id = format!("{subject}/{}", of.version);
    let event = Event {
        sequence: Some(of.version.to_string()),
        ..new(publisher, (kind, id), subject, origin.at, data)
    };
    event.shortened()
}

/// The events of a change of a group's members: of those who became one, and of those who are one
/// no more.
pub(crate) fn of_members(publisher: &Publisher, record: &Members) -> Vec<Event> {
    let step = record.step.map_or(String::new(), |step| format!("/{step}"));
    let prefix = format!("{}/{}{step}", record.origin.tenant, record.change);
    [
        (Kind::GroupMemberAdded, "added", &record.added),
        (Kind::GroupMemberRemoved, "removed", &record.removed),
    ]
    .into_iter()
    .filter(|(_, _, members)| !members.is_empty())
    .map(|(kind, name, members)| {
        let id = format!("{prefix}/{name}");
        of_memberships(
            publisher,
            &record.origin,
            &record.group,
            members,
            (kind, id),
        )
    })
    .collect()
}

/// The version of a membership that changed at this time.
pub(crate) fn version_at(at: OffsetDateTime) -> u64 {
    let milliseconds = at.unix_timestamp_nanos() / 1_000_000;
    u64::try_from(milliseconds).unwrap_or_default().max(1)
}

/// The event of memberships of one group, which all have the origin's time.
pub(crate) fn of_memberships(
    publisher: &Publisher,
    origin: &Origin,
    group: &ResourceId,
    members: &[ResourceId],
    named: (Kind, String),
) -> Event {
    // The times of the changes of one membership follow each other (`parted_at`).
    let version = version_at(origin.at);
    let some = members.iter().take(MAX_MEMBERS);
    let subject = format!("{}/{group}", origin.tenant);
    let data = Data::Members(MembersData {
        tenant: origin.tenant.to_string(),
        group_id: group.to_string(),
        members: some.map(ResourceId::to_string).collect(),
        version: origin.version(version),
        truncated: members.len() > MAX_MEMBERS,
    });
    Event {
        sequence: Some(version.to_string()),
        ..new(publisher, named, subject, origin.at, data)
    }
}

/// The event of a record that cannot be read. It is named by its key, which may be anything.
pub(crate) fn unreadable(publisher: &Publisher, record: &Unreadable) -> Event {
    let tenant = record.tenant.as_ref().map(ToString::to_string);
    let key = record.sort_key.as_deref();
    let mut subject = format!("{}/", tenant.as_deref().unwrap_or("unknown"));
    for byte in Sha256::digest(key.unwrap_or_default()).iter().take(16) {
        let _ = write!(subject, "{byte:02x}");
    }
    let data = Data::Unreadable(UnreadableData {
        tenant,
        key: key.map(|key| cut(key).to_owned()),
    });
    let named = (Kind::MemberUnreadable, format!("{subject}/unreadable"));
    // If even that is unknown, no time could pass for it.
    let at = key.and_then(|key| crate::image::time(key.split('#').nth(1)?));
    new(
        publisher,
        named,
        subject,
        at.unwrap_or(OffsetDateTime::UNIX_EPOCH),
        data,
    )
}

impl Origin {
    fn version(&self, version: u64) -> VersionData {
        VersionData {
            version,
            previous: None,
            operation: cut(&self.operation).to_owned(),
            actor: cut(&self.actor).to_owned(),
            request_id: cut(&self.request_id).to_owned(),
            changes: None,
        }
    }
}
