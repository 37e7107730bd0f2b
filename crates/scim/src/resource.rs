//! Resources: checked attributes, and what the service adds to them.

use std::num::NonZero;

use serde_json::{Map, Value, json};
use time::format_description::well_known::Iso8601;
use time::format_description::well_known::iso8601::{Config, EncodedConfig, TimePrecision};
use time::{Duration, OffsetDateTime, UtcOffset};

use super::ScimError;
use super::schema::{BoundPath, ResourceType};

/// The attributes of a resource as clients set them: names in schema case, values of the schema's
/// types, nothing empty, nothing that the service derives (`schemas`, `id`, `meta`), and nothing
/// that is stored apart (`members`, `groups`).
///
/// It only comes from [`schema::check`](super::schema::check), from [`patch`](super::patch), or
/// from storage, where only such values were written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resource(Map<String, Value>);

impl Resource {
    /// Wraps attributes that were already checked.
    pub(super) fn from_checked(attributes: Map<String, Value>) -> Self {
        Self(attributes)
    }

    /// Wraps attributes that this service stored.
    pub fn from_storage(attributes: Map<String, Value>) -> Self {
        Self(attributes)
    }

    /// The attributes; those of an extension are nested under its URN.
    pub fn attributes(&self) -> &Map<String, Value> {
        &self.0
    }

    pub(super) fn into_attributes(self) -> Map<String, Value> {
        self.0
    }

    /// The value of a core attribute, if it is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }
}

/// The longest document, in bytes of JSON. DynamoDB limits items to 400 KB, and the record of a
/// change has to hold the attributes before and after it.
pub const MAX_DOCUMENT: usize = 180 * 1024;

/// Rejects a resource of more than [`MAX_DOCUMENT`] bytes.
pub(crate) fn check_size(bytes: usize) -> Result<(), ScimError> {
    if bytes <= MAX_DOCUMENT {
        return Ok(());
    }
    Err(ScimError::InvalidValue(format!(
        "the resource is {bytes} bytes long, and {MAX_DOCUMENT} are accepted; map fewer or shorter values"
    )))
}

/// The length of the attributes as JSON text.
pub(crate) fn size(attributes: &Map<String, Value>) -> usize {
    struct Length(usize);
    impl std::io::Write for Length {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut length = Length(0);
    // Neither the writer nor a map with names of text can fail.
    let _ = serde_json::to_writer(&mut length, attributes);
    length.0
}

/// The values of the path's attribute in `object`: one unless it is multi-valued.
pub(crate) fn elements<'a>(object: &'a Map<String, Value>, path: &BoundPath) -> &'a [Value] {
    let container = match path.extension {
        Some(urn) => object.get(urn).and_then(Value::as_object),
        None => Some(object),
    };
    match container.and_then(|container| container.get(path.attribute.name)) {
        Some(Value::Array(elements)) => elements.as_slice(),
        Some(single) => std::slice::from_ref(single),
        None => &[],
    }
}

/// Every value that `path` selects in `object`, arrays flattened.
pub fn select<'a>(
    object: &'a Map<String, Value>,
    path: &BoundPath,
) -> impl Iterator<Item = &'a Value> + use<'a> {
    let sub_attribute = path.sub_attribute;
    elements(object, path)
        .iter()
        .filter_map(move |element| match sub_attribute {
            Some(sub_attribute) => element.get(sub_attribute.name),
            None => Some(element),
        })
}

/// Every value that `path` leads a comparison to: what [`select`] selects, and false for each
/// object that lacks an attribute which is false if it is absent (RFC 7643 §2.4).
pub(crate) fn compared<'a>(
    object: &'a Map<String, Value>,
    path: &BoundPath,
) -> impl Iterator<Item = &'a Value> + use<'a> {
    static FALSE: Value = Value::Bool(false);
    let leaf = path.leaf();
    let owner = BoundPath {
        sub_attribute: None,
        ..*path
    };
    let is_lacking = leaf.false_if_absent
        && match path.sub_attribute {
            Some(_) => select(object, &owner).any(|element| element.get(leaf.name).is_none()),
            // The object is itself an element of the attribute.
            None => select(object, path).next().is_none(),
        };
    select(object, path).chain(is_lacking.then_some(&FALSE))
}

/// A resource's identifier: assigned by the service, never reused, compared exactly.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceId(String);

impl ResourceId {
    /// The id in `text`, if it has the form of one: a UUID in lower case.
    pub fn parse(text: &str) -> Option<Self> {
        let well_formed = text.len() == 36
            && text.bytes().enumerate().all(|(index, byte)| match index {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            });
        well_formed.then(|| Self(text.to_owned()))
    }

    /// The id of the UUID with these bytes.
    pub fn from_bytes(bytes: &[u8; 16]) -> Self {
        let digits = format!("{:032x}", u128::from_be_bytes(*bytes));
        let bounds = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
        let parts = bounds.map(|(from, to)| digits.get(from..to).unwrap_or_default());
        Self(parts.join("-"))
    }

    /// The id as clients see it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ResourceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A resource's metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// When it was created.
    pub created: OffsetDateTime,
    /// When it was last changed.
    pub last_modified: OffsetDateTime,
    /// 1 at creation, incremented with each change.
    pub version: u64,
    /// Its place among those that lost access lately, if it ever had one. Clients do not see it.
    pub place: Option<Place>,
    /// How many groups it has joined since its attributes were last written; nothing for groups.
    /// Clients do not see it.
    pub joined: u64,
    /// What is known of its members, which are stored apart.
    pub membership: Membership,
}

/// What is known of the members of a group without reading them; nothing for users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Membership {
    /// How many there are.
    pub members: u64,
    /// How often they changed.
    pub changes: u64,
    /// When they last changed.
    pub last_modified: Option<OffsetDateTime>,
    /// Whether a large change is decided that is not carried out yet.
    pub pending: bool,
}

/// A place among the resources of a tenant that may lose access within a window. It is of no use
/// once that window, or so many of its steps, have passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The number of the window.
    pub window: u64,
    /// The number of the window's step in which it was taken.
    pub step: u64,
}

impl Meta {
    /// The metadata of a resource created at `now`.
    pub fn new(now: OffsetDateTime) -> Self {
        Self {
            created: now,
            last_modified: now,
            version: 1,
            place: None,
            joined: 0,
            membership: Membership::default(),
        }
    }

    /// The metadata after a change at `now`.
    ///
    /// A version is later than the one before it, whatever the clock says: requests cross, and the
    /// clocks of two instances differ.
    #[must_use]
    pub fn changed(self, now: OffsetDateTime) -> Self {
        Self {
            last_modified: later(now, self.modified()),
            version: self.version.saturating_add(1),
            joined: 0,
            ..self
        }
    }

    /// The entity tag. It is weak: two answers may differ in projection and still be the same
    /// version. A change of the members is a version too (RFC 7644 §3.14), and neither number ever
    /// falls, so no two states share a tag.
    pub fn etag(&self) -> String {
        let version = self.version.saturating_add(self.membership.changes);
        format!("W/\"{version}\"")
    }

    /// When the resource, or who its members are, was last changed.
    pub fn modified(&self) -> OffsetDateTime {
        let members = self.membership.last_modified;
        members.map_or(self.last_modified, |members| {
            members.max(self.last_modified)
        })
    }
}

/// A resource as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its identifier.
    pub id: ResourceId,
    /// Its metadata.
    pub meta: Meta,
    /// Its attributes.
    pub resource: Resource,
    /// The unique value that stays reserved while the client keeps the resource in its recycle bin
    /// under another name; see [`ResourceType::reserved`].
    pub reserved: Option<String>,
}

impl Stored {
    /// The URL of the resource below `base`, the service's base URL without a trailing slash.
    pub fn location(&self, resource_type: &ResourceType, base: &str) -> String {
        format!("{base}{}/{}", resource_type.endpoint, self.id)
    }

    /// The resource as clients see it: with `schemas`, `id` and `meta` (RFC 7643 §3.1).
    pub fn represent(self, resource_type: &ResourceType, base: &str) -> Map<String, Value> {
        let location = self.location(resource_type, base);
        let mut object = self.resource.into_attributes();
        let schemas = resource_type
            .schemas()
            .filter(|(extension, _)| extension.is_none_or(|urn| object.contains_key(urn)))
            .map(|(_, schema)| Value::from(schema.id))
            .collect();
        object.insert("schemas".to_owned(), Value::Array(schemas));
        object.insert("id".to_owned(), Value::String(self.id.0));
        object.insert(
            "meta".to_owned(),
            json!({
                "resourceType": resource_type.name,
                "created": rfc3339(self.meta.created),
                "lastModified": rfc3339(self.meta.modified()),
                "location": location,
                "version": self.meta.etag(),
            }),
        );
        object
    }
}

/// `now`, or a millisecond after `before` if that is later.
pub fn later(now: OffsetDateTime, before: OffsetDateTime) -> OffsetDateTime {
    now.max(before.saturating_add(Duration::MILLISECOND))
}

/// `instant` in RFC 3339 format: in UTC and always to the millisecond, so that later times sort
/// later as texts too. Every time that the service shows or stores as text is written by this.
pub fn rfc3339(instant: OffsetDateTime) -> String {
    const MILLISECONDS: EncodedConfig = Config::DEFAULT
        .set_time_precision(TimePrecision::Second {
            decimal_digits: NonZero::new(3),
        })
        .encode();
    // Formatting fails only for years beyond 9999.
    instant
        .to_offset(UtcOffset::UTC)
        .format(&Iso8601::<MILLISECONDS>)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(user_name: &str) -> Stored {
        let mut attributes = Map::new();
        attributes.insert("userName".to_owned(), user_name.into());
        Stored {
            id: ResourceId::parse("2819c223-7f76-453a-919d-413861904646").unwrap(),
            meta: Meta::new(OffsetDateTime::UNIX_EPOCH),
            resource: Resource(attributes),
            reserved: None,
        }
    }

    #[test]
    fn ids_are_lower_case_uuids() {
        assert!(ResourceId::parse("2819c223-7f76-453a-919d-413861904646").is_some());
        for wrong in [
            "",
            "x",
            "2819C223-7f76-453a-919d-413861904646",
            "2819c223-7f76-453a-919d-4138619046460",
        ] {
            assert_eq!(ResourceId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_change_is_a_new_version_of_the_same_age() {
        let created = OffsetDateTime::UNIX_EPOCH;
        let meta = Meta::new(created);
        assert_eq!(meta.etag(), "W/\"1\"");
        let later = created + time::Duration::DAY;
        let twice = meta.changed(created).changed(later);
        assert_eq!((twice.created, twice.last_modified), (created, later));
        assert_eq!(twice.etag(), "W/\"3\"");
    }

    #[test]
    fn a_version_is_later_than_the_one_before_whatever_the_clock_says() {
        let noon = OffsetDateTime::UNIX_EPOCH + Duration::HOUR * 12;
        let mut meta = Meta::new(noon);
        for (now, expected) in [
            (noon, Duration::milliseconds(1)),
            (noon - Duration::DAY, Duration::milliseconds(2)),
            (noon + Duration::milliseconds(2), Duration::milliseconds(3)),
            (noon + Duration::SECOND, Duration::SECOND),
        ] {
            meta = meta.changed(now);
            assert_eq!(meta.last_modified, noon + expected);
        }
        assert_eq!((meta.created, meta.version), (noon, 5));
    }

    #[test]
    fn a_change_of_the_members_is_a_version_too() {
        use crate::schema::GROUPS;
        let noon = OffsetDateTime::UNIX_EPOCH + Duration::HOUR * 12;
        let mut meta = Meta::new(noon).changed(noon + Duration::HOUR);
        assert_eq!(meta.modified(), noon + Duration::HOUR);
        meta.membership = Membership {
            members: 3,
            changes: 5,
            last_modified: Some(noon + Duration::HOUR * 2),
            pending: false,
        };
        assert_eq!(meta.etag(), "W/\"7\"");
        assert_eq!(meta.modified(), noon + Duration::HOUR * 2);
        // The next change is later than those of the members.
        let next = meta.changed(noon);
        let expected = noon + Duration::HOUR * 2 + Duration::MILLISECOND;
        assert_eq!((next.last_modified, next.modified()), (expected, expected));
        assert_eq!(next.etag(), "W/\"8\"");
        let crew = Stored {
            meta,
            ..user("no user")
        };
        let shown = &crew.represent(&GROUPS, "https://x")["meta"];
        assert_eq!(shown["version"], "W/\"7\"");
        assert_eq!(shown["lastModified"], "1970-01-01T14:00:00.000Z");
    }

    #[test]
    fn times_always_have_three_decimals_and_sort_as_texts() {
        let at = |milliseconds| {
            let instant = OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(milliseconds);
            rfc3339(instant.to_offset(UtcOffset::from_hms(2, 0, 0).unwrap()))
        };
        assert_eq!(at(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(120), "1970-01-01T00:00:00.120Z");
        let finer = OffsetDateTime::UNIX_EPOCH + Duration::nanoseconds(1_999_999);
        assert_eq!(rfc3339(finer), "1970-01-01T00:00:00.001Z");
        let texts = [0, 1, 20, 100, 1_000, 60_000].map(at);
        assert!(texts.is_sorted(), "{texts:?}");
    }

    #[test]
    fn clients_see_what_is_stored_and_what_follows_from_it() {
        use crate::schema::USERS;
        let mut lena = user("lena");
        lena.meta = lena
            .meta
            .changed(OffsetDateTime::UNIX_EPOCH + time::Duration::HOUR);
        let id = "2819c223-7f76-453a-919d-413861904646";
        assert_eq!(lena.id.as_str(), id);
        let core = "urn:ietf:params:scim:schemas:core:2.0:User";
        assert_eq!(
            Value::from(lena.clone().represent(&USERS, "https://x")),
            json!({
                "schemas": [core], "id": id, "userName": "lena",
                "meta": {
                    "resourceType": "User", "location": format!("https://x/Users/{id}"), "version": "W/\"2\"",
                    "created": "1970-01-01T00:00:00.000Z",
                    "lastModified": "1970-01-01T01:00:00.000Z"
                }
            })
        );
        // An extension's URN is in `schemas` if the user has attributes of it.
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let mut attributes = lena.resource.into_attributes();
        attributes.insert(enterprise.to_owned(), json!({"department": "Fibre"}));
        lena.resource = Resource::from_storage(attributes);
        let shown = lena.represent(&USERS, "https://x");
        assert_eq!(shown["schemas"], json!([core, enterprise]));
        assert_eq!(shown[enterprise], json!({"department": "Fibre"}));
    }
}
