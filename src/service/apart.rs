//! What is stored apart from a resource, read and shown with it: the members of a group, the groups
//! of a user.
//!
//! Nothing is read unless it is shown, and nothing is shown in part: an answer has all members of a
//! group, or the request is refused. The size of an answer is known before a member is read.

use scim::page::{MAX_PAGE, Shown, outgoing};
use scim::project::Projection;
use scim::{Membership, ResourceId, ResourceType, ScimError, Stored};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use store::StoreError;
use store::directory::members::{InGroup, Member};

use super::{Directory, Failure};

/// The most members of a group that an answer has if the client takes it compressed. Their ids are
/// random: compressed, each takes some 26 bytes, and what Lambda takes as base64 a third more.
pub(super) const MAX_COMPRESSED: u64 = 160_000;

/// The most memberships that are read for a page of users, and of groups that a page may have more
/// than one of.
pub(super) const MAX_OF_PAGE: usize = 50_000;

/// An id, to measure by.
const SAMPLE: &str = "00000000-0000-4000-8000-000000000000";

/// How an attribute that is stored apart is shown.
#[derive(Debug)]
pub(super) struct Shape {
    /// The attribute.
    name: &'static str,
    /// Its sub-attributes that are shown.
    parts: Vec<&'static str>,
    /// What `$ref` starts with.
    endpoint: String,
    /// The `type` of all elements.
    kind: &'static str,
    /// How much an element without `display` takes in an answer.
    size: u64,
}

/// What was read of it, of one resource.
#[derive(Debug)]
pub(super) enum Apart {
    /// The members of a group.
    Members(Vec<Member>),
    /// The groups of a user.
    Groups(Vec<InGroup>),
}

/// One element of it.
struct Element<'e> {
    shape: &'e Shape,
    value: &'e str,
    display: Option<&'e str>,
}

/// All elements.
struct Elements<'e>(&'e Shape, &'e Apart);

impl Shape {
    /// How the attribute of a type that is stored apart is shown; `None` if it is not.
    pub fn of(resource_type: &ResourceType, projection: &Projection, base: &str) -> Option<Self> {
        let attribute = resource_type.apart()?;
        let parts = projection.parts(attribute);
        let (of, kind) = match resource_type.members {
            Some(members) => (members, members.name),
            None => (&scim::schema::GROUPS, "direct"),
        };
        let mut shape = Self {
            name: attribute.name,
            parts,
            endpoint: format!("{base}{}/", of.endpoint),
            kind,
            size: 0,
        };
        shape.size = shape.measured();
        (!shape.parts.is_empty()).then_some(shape)
    }

    fn shows(&self, part: &str) -> bool {
        self.parts.contains(&part)
    }

    /// Whether elements without `display` are shown.
    fn shows_all(&self) -> bool {
        self.parts.iter().any(|part| *part != "display")
    }

    fn measured(&self) -> u64 {
        const COMMA: u64 = 1;
        if !self.shows_all() {
            return 0;
        }
        let element = Element {
            shape: self,
            value: SAMPLE,
            display: None,
        };
        let text = serde_json::to_string(&element).unwrap_or_default();
        outgoing(&text) as u64 + COMMA
    }

    /// How much so many elements take in an answer, at least.
    pub fn size_of(&self, elements: u64) -> u64 {
        elements.saturating_mul(self.size)
    }

    /// How much all elements take in an answer.
    fn outgoing(&self, apart: &Apart) -> u64 {
        /// `,"display":`, as it goes out.
        const NAME: u64 = 13;
        let display = |display: &str| {
            let text = serde_json::to_string(display).unwrap_or_default();
            NAME.saturating_add(outgoing(&text) as u64)
        };
        let (count, displays): (usize, u64) = match apart {
            Apart::Members(members) => (
                members.len(),
                members
                    .iter()
                    .filter_map(|member| member.display.as_deref())
                    .map(display)
                    .sum(),
            ),
            Apart::Groups(groups) => (
                groups.len(),
                groups.iter().map(|group| display(&group.display)).sum(),
            ),
        };
        let shown = if self.shows("display") { displays } else { 0 };
        self.size_of(count as u64).saturating_add(shown)
    }

    /// The resource with what was read.
    pub fn complete(&self, shown: Shown, apart: Option<&Apart>) -> Shown {
        match apart {
            Some(apart) if self.is_shown(apart) => shown.with(self.name, &Elements(self, apart)),
            _ => shown,
        }
    }

    fn is_shown(&self, apart: &Apart) -> bool {
        match apart {
            Apart::Members(members) => members
                .iter()
                .any(|member| self.shows_all() || member.display.is_some()),
            Apart::Groups(groups) => !groups.is_empty(),
        }
    }
}

impl Serialize for Element<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            shape,
            value,
            display,
        } = self;
        let mut map = serializer.serialize_map(None)?;
        if shape.shows("$ref") {
            let reference = format_args!("{}{value}", shape.endpoint);
            map.serialize_entry("$ref", &reference)?;
        }
        if let Some(display) = display.filter(|_| shape.shows("display")) {
            map.serialize_entry("display", display)?;
        }
        if shape.shows("type") {
            map.serialize_entry("type", shape.kind)?;
        }
        if shape.shows("value") {
            map.serialize_entry("value", value)?;
        }
        map.end()
    }
}

impl Serialize for Elements<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(shape, apart) = self;
        let mut elements = serializer.serialize_seq(None)?;
        match apart {
            Apart::Members(members) => {
                for Member { id, display } in members {
                    let display = display.as_deref();
                    // Nothing would be left of it.
                    if !shape.shows_all() && display.is_none() {
                        continue;
                    }
                    elements.serialize_element(&Element {
                        shape,
                        value: id.as_str(),
                        display,
                    })?;
                }
            }
            Apart::Groups(groups) => {
                for InGroup { id, display } in groups {
                    elements.serialize_element(&Element {
                        shape,
                        value: id.as_str(),
                        display: Some(display),
                    })?;
                }
            }
        }
        elements.end()
    }
}

impl Directory<'_> {
    /// A resource as the client asked for it, with what is stored apart.
    ///
    /// # Errors
    /// `tooMany` when an answer cannot have all of it.
    pub(super) async fn show(
        &self,
        resource_type: &'static ResourceType,
        stored: Stored,
        projection: &Projection,
    ) -> Result<Shown, Failure> {
        let membership = stored.meta.membership;
        let apart = self
            .apart(resource_type, &stored.id, membership, projection)
            .await?;
        Ok(self.show_with(resource_type, stored, projection, apart.as_ref()))
    }

    /// What is stored apart from a resource, if it is shown: `None` if it is not. It may be read
    /// beside a change of the resource that does not change it.
    ///
    /// # Errors
    /// `tooMany` when an answer cannot have all of it.
    pub(super) async fn apart(
        &self,
        resource_type: &'static ResourceType,
        id: &ResourceId,
        membership: Membership,
        projection: &Projection,
    ) -> Result<Option<Apart>, Failure> {
        let Some(shape) = Shape::of(resource_type, projection, self.base) else {
            return Ok(None);
        };
        if resource_type.members.is_none() {
            let users = std::slice::from_ref(id);
            let mut groups = self.store.groups_of(users, false, MAX_OF_PAGE).await?;
            return Ok(groups.remove(id).map(Apart::Groups));
        }
        self.check_size(&shape, id, membership)?;
        self.members_of(&shape, id, membership).await.map(Some)
    }

    /// The resource with what was read.
    pub(super) fn show_with(
        &self,
        resource_type: &'static ResourceType,
        stored: Stored,
        projection: &Projection,
        apart: Option<&Apart>,
    ) -> Shown {
        let object = stored.represent(resource_type, self.base);
        let shown = Shown::new(&projection.apply(resource_type, object));
        match Shape::of(resource_type, projection, self.base) {
            Some(shape) => shape.complete(shown, apart),
            None => shown,
        }
    }

    /// All members of one group.
    pub(super) async fn members_of(
        &self,
        shape: &Shape,
        id: &ResourceId,
        membership: Membership,
    ) -> Result<Apart, Failure> {
        if membership.members == 0 && !membership.pending {
            return Ok(Apart::Members(Vec::new()));
        }
        let wanted = (id.clone(), membership);
        match self.store.members(&wanted, MAX_COMPRESSED as usize).await {
            Ok(members) => {
                let read = Membership {
                    members: members.len() as u64,
                    ..membership
                };
                let apart = Apart::Members(members);
                // What the client calls them is known only now.
                if !self.is_compressed && shape.outgoing(&apart) > MAX_PAGE as u64 {
                    return Err(self.too_large(shape, id, read).into());
                }
                Ok(apart)
            }
            Err(StoreError::TooManyEdges { .. }) => {
                Err(self.too_large(shape, id, membership).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// # Errors
    /// `tooMany` when the members of a group do not fit in an answer.
    pub(super) fn check_size(
        &self,
        shape: &Shape,
        id: &ResourceId,
        membership: Membership,
    ) -> Result<(), ScimError> {
        let fits = match self.is_compressed {
            true => membership.members <= MAX_COMPRESSED,
            false => shape.size_of(membership.members) <= MAX_PAGE as u64,
        };
        match fits {
            true => Ok(()),
            false => Err(self.too_large(shape, id, membership)),
        }
    }

    pub(super) fn too_large(
        &self,
        shape: &Shape,
        id: &ResourceId,
        membership: Membership,
    ) -> ScimError {
        let fit = (MAX_PAGE as u64).checked_div(shape.size);
        let fit = fit.unwrap_or_default().min(MAX_COMPRESSED);
        ScimError::TooMany(format!(
            "group {id} has {} members, and with what is shown of them that is more than one answer holds ({fit}; {MAX_COMPRESSED} with `Accept-Encoding: gzip`; fewer if they have long names); leave them out with `excludedAttributes=members`, ask for `attributes=members.value`, or page through them with `GET /Users?filter=groups.value eq \"{id}\"&attributes=id&cursor`",
            membership.members,
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use scim::schema::{GROUPS, USERS};
    use serde_json::{Map, Value, json};

    use super::*;

    const BASE: &str = "https://x.example/scim/v2";

    fn shape(of: &ResourceType, attributes: Option<&str>, excluded: Option<&str>) -> Option<Shape> {
        let projection = Projection::parse(of, attributes, excluded).unwrap();
        Shape::of(of, &projection, BASE)
    }

    fn id(number: u32) -> ResourceId {
        ResourceId::parse(&format!("{number:08x}-0000-4000-8000-000000000000")).unwrap()
    }

    fn members() -> Apart {
        let member = |number, display: Option<&str>| Member {
            id: id(number),
            display: display.map(str::to_owned),
        };
        Apart::Members(vec![member(1, None), member(2, Some("\"Lena\""))])
    }

    fn shown(shape: &Shape, apart: &Apart) -> Value {
        let whole = shape.complete(Shown::new(&Map::new()), Some(apart));
        serde_json::from_str::<Value>(whole.text()).unwrap()[shape.name].take()
    }

    #[test]
    fn elements_have_the_parts_that_are_asked_for() {
        let (one, two) = (id(1), id(2));
        let reference = |id| format!("{BASE}/Users/{id}");
        for (attributes, excluded, expected) in [
            (
                None,
                None,
                json!([
                    {"value": one.as_str(), "$ref": reference(&one), "type": "User"},
                    {"value": two.as_str(), "$ref": reference(&two), "type": "User", "display": "\"Lena\""},
                ]),
            ),
            (
                Some("members.value"),
                None,
                json!([{"value": one.as_str()}, {"value": two.as_str()}]),
            ),
            (
                Some("members.display"),
                None,
                json!([{"display": "\"Lena\""}]),
            ),
            (
                None,
                Some("members.$ref,members.display,members.value"),
                json!([{"type": "User"}, {"type": "User"}]),
            ),
        ] {
            let shape = shape(&GROUPS, attributes, excluded).unwrap();
            assert_eq!(shown(&shape, &members()), expected, "{attributes:?}");
        }
        for (attributes, excluded) in [
            (Some("displayName"), None),
            (None, Some("members")),
            (
                None,
                Some("members.$ref,members.display,members.value,members.type"),
            ),
        ] {
            assert!(shape(&GROUPS, attributes, excluded).is_none());
        }
        let groups = Apart::Groups(vec![InGroup {
            id: id(3),
            display: Arc::from("Crew"),
        }]);
        let shape = shape(&USERS, None, None).unwrap();
        assert_eq!(
            shown(&shape, &groups),
            json!([{"value": id(3).as_str(), "$ref": format!("{BASE}/Groups/{}", id(3)), "display": "Crew", "type": "direct"}])
        );
        assert_eq!(shown(&shape, &Apart::Groups(Vec::new())), Value::Null);
    }

    /// What is said of an answer before its members are read is true once it is written.
    #[test]
    fn sizes_are_those_of_the_answer() {
        for attributes in [
            None,
            Some("members.value"),
            Some("members.value,members.display"),
        ] {
            let shape = shape(&GROUPS, attributes, None).unwrap();
            let whole = shape.complete(Shown::new(&Map::new()), Some(&members()));
            let empty = Shown::new(&Map::from_iter([("members".to_owned(), json!([]))]));
            let elements = (whole.outgoing() - empty.outgoing()) as u64;
            // The last comma is that of the next attribute.
            assert_eq!(shape.outgoing(&members()), elements + 1, "{attributes:?}");
            assert!(shape.size_of(2) <= elements + 1);
        }
    }
}
