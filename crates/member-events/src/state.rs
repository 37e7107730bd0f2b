//! What a record says of how the resource is after the change.

use scim::project::Projection;
use scim::resource::Stored;
use scim::schema::GROUPS;
use scim::{Meta, ResourceId, ResourceType};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::image::Image;

/// What an erasure leaves of a value.
const ERASED: &str = "erased";

/// The longest value by which an event names a resource, in bytes.
const MAX_IDENTIFIER: usize = 1024;

/// The attributes after a change.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct State {
    /// All of them, if the record has them.
    pub attributes: Option<Map<String, Value>>,
    /// Those by which people know the resource, as far as the record has them.
    identifiers: Map<String, Value>,
}

impl State {
    /// Of a resource that has come to be: the changes say all that it has.
    pub fn of_new(resource_type: &ResourceType, changes: &Map<String, Value>) -> Self {
        let mut attributes = Map::new();
        for (name, change) in changes {
            let Some(value) = change.get("after") else {
                return Self::default();
            };
            // An attribute of an extension has the extension's URN before it.
            let extension = name.rsplit_once(':');
            let Some((urn, name)) = extension else {
                attributes.insert(name.clone(), value.clone());
                continue;
            };
            let of_extension = attributes
                .entry(urn)
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(members) = of_extension {
                members.insert(name.to_owned(), value.clone());
            }
        }
        // The values of a person who was erased are gone. Nobody erases groups.
        let is_erased = |change: &Value| change.get("after").is_some_and(|after| after == ERASED);
        match resource_type.access.is_some() && changes.values().all(is_erased) {
            true => Self::default(),
            false => Self::of(attributes),
        }
    }

    /// Of a resource that is gone: by what it was known.
    pub fn of_gone(changes: &Map<String, Value>) -> Self {
        let before = |(name, change): (&String, &Value)| {
            let value = change.get("before")?.clone();
            Some((name.clone(), value))
        };
        let before: Map<String, Value> = changes.iter().filter_map(before).collect();
        // The values of a person who was erased are gone.
        let is_erased = before.values().all(|value| value == ERASED);
        Self {
            attributes: None,
            identifiers: if is_erased { Map::new() } else { before },
        }
    }

    /// Of any other change.
    pub fn of_changed(item: &Image<'_>) -> Self {
        match item.object("document") {
            Some(attributes) => Self::of(attributes),
            None => Self {
                attributes: None,
                identifiers: item.object("identifiers").unwrap_or_default(),
            },
        }
    }

    /// That of a resource which is there.
    pub fn of(attributes: Map<String, Value>) -> Self {
        Self {
            attributes: Some(attributes),
            identifiers: Map::new(),
        }
    }

    fn value(&self, name: &str) -> Option<&Value> {
        let attributes = self.attributes.as_ref().unwrap_or(&self.identifiers);
        attributes.get(name)
    }

    /// The text of an attribute by which people know the resource.
    pub fn identifier(&self, name: &str) -> Option<String> {
        let text = self.value(name)?.as_str()?;
        (text.len() <= MAX_IDENTIFIER).then(|| text.to_owned())
    }

    /// Whether the resource has access, if that is known.
    pub fn access(&self, resource_type: &ResourceType) -> Option<bool> {
        let access = self.value(resource_type.access?).and_then(Value::as_bool);
        // Only an explicit `true` gives it.
        access.or(self.attributes.as_ref().map(|_| false))
    }

    /// The resource as SCIM shows it, without what is stored apart from it. A group has a version
    /// in SCIM that counts changes of its members too, which its event cannot know.
    pub fn represent(
        &self,
        resource_type: &'static ResourceType,
        id: &ResourceId,
        meta: Meta,
        base: &str,
    ) -> Option<Map<String, Value>> {
        let stored = Stored {
            id: id.clone(),
            meta,
            resource: scim::Resource::from_storage(self.attributes.clone()?),
            reserved: None,
        };
        let whole = stored.represent(resource_type, base);
        let mut shown = Projection::default().apply(resource_type, whole);
        if resource_type.name == GROUPS.name
            && let Some(Value::Object(meta)) = shown.get_mut("meta")
        {
            meta.remove("version");
        }
        Some(shown)
    }
}

/// The metadata of a version.
pub(crate) fn meta(created: OffsetDateTime, at: OffsetDateTime, version: u64) -> Meta {
    Meta {
        last_modified: at,
        version,
        ..Meta::new(created)
    }
}
