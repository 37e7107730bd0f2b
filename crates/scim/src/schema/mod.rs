//! Schemas and resource types as data, and the resolution of names against them.

pub mod attribute;
pub mod check;
pub(crate) mod coerce;
pub mod finish;
pub mod group;
pub(crate) mod json;
#[cfg(test)]
pub(crate) mod proptests;
mod resolve;
#[cfg(test)]
pub(crate) mod specimen;
pub mod user;

pub use attribute::{Attribute, Kind, Mutability, Returned, Uniqueness};
pub use resolve::{BoundPath, ResolveError, Resolved};

/// A schema (RFC 7643 §7).
#[derive(Debug)]
pub struct Schema {
    /// The URN.
    pub id: &'static str,
    /// The short name.
    pub name: &'static str,
    /// Its description in `/Schemas`.
    pub description: &'static str,
    /// Its attributes, in the order of `/Schemas`.
    pub attributes: &'static [Attribute],
}

/// A kind of resource (RFC 7643 §6). The engine's behaviour follows from this data alone.
#[derive(Debug)]
pub struct ResourceType {
    /// `User` or `Group`; also the value of `meta.resourceType`.
    pub name: &'static str,
    /// The path below the base URL, such as `/Users`.
    pub endpoint: &'static str,
    /// Its description in `/ResourceTypes`.
    pub description: &'static str,
    /// The schema that every such resource has.
    pub core: &'static Schema,
    /// Schemas that add attributes, each optional.
    pub extensions: &'static [&'static Schema],
    /// The attribute whose values are unique within a tenant.
    pub unique: &'static str,
    /// The attributes by which resources can be found at the same cost in tenants of any size.
    pub lookups: &'static [&'static str],
    /// Names the type in storage keys. It may never change, and is none of the letters that name
    /// kinds of items there (`store::directory::keys`).
    pub letter: char,
    /// The boolean attribute that gives access, and counts as false if it is absent; for types
    /// without one, a resource has access while it exists.
    pub access: Option<&'static str>,
    /// The unique value in one that a client's recycle bin has made of it, for types that clients
    /// move to a recycle bin.
    pub recycled: Option<fn(&str) -> Option<&str>>,
    /// How many of them may lose access, or be deleted, within a window, however few there are.
    pub breaker_floor: u64,
    /// The type of its members, for types that have members.
    pub members: Option<&'static ResourceType>,
}

impl ResourceType {
    /// The attribute that is stored apart from the others: the side of membership that resources
    /// of this type are on.
    pub fn apart(&self) -> Option<&'static Attribute> {
        let mut attributes = self.core.attributes.iter();
        attributes.find(|attribute| attribute.stored_apart)
    }

    /// Whether resources of this type can be members of others.
    pub fn can_be_member(&self) -> bool {
        ALL.iter().any(|known| known.members == Some(self))
    }
}

impl PartialEq for ResourceType {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// Users, with the enterprise extension.
pub static USERS: ResourceType = ResourceType {
    name: "User",
    endpoint: "/Users",
    description: "User Account",
    core: &user::USER,
    extensions: &[&user::ENTERPRISE_USER],
    unique: "userName",
    lookups: &[
        "userName",
        "externalId",
        "emails.value",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
    ],
    letter: 'U',
    access: Some("active"),
    recycled: Some(user::recycled),
    breaker_floor: 50,
    members: None,
};

/// Groups.
pub static GROUPS: ResourceType = ResourceType {
    name: "Group",
    endpoint: "/Groups",
    description: "Group",
    core: &group::GROUP,
    extensions: &[],
    unique: "displayName",
    lookups: &["displayName", "externalId"],
    letter: 'G',
    access: None,
    recycled: None,
    breaker_floor: 10,
    members: Some(&USERS),
};

/// All resource types known to the service.
pub static ALL: &[&ResourceType] = &[&USERS, &GROUPS];

/// The resource types that clients can manage, in the order of `/ResourceTypes`.
pub static PROVIDED: &[&ResourceType] = &[&USERS, &GROUPS];

/// The attributes that every resource has besides those of its schemas (RFC 7643 §3.1). The service
/// derives them all; `externalId`, the fourth, is in each core schema.
pub static COMMON: &[Attribute] = &[
    Attribute::string("schemas", "The schemas of the attributes present")
        .exact()
        .multi_valued()
        .read_only()
        .always(),
    Attribute::string("id", "The service's identifier of the resource")
        .exact()
        .read_only()
        .always(),
    Attribute::complex("meta", META, "What the service knows of the resource").read_only(),
];

const META: &[Attribute] = &[
    Attribute::string("resourceType", "The kind of resource")
        .exact()
        .read_only(),
    Attribute::date_time("created", "When the resource was created").read_only(),
    Attribute::date_time("lastModified", "When the resource was last changed").read_only(),
    Attribute::reference("location", &["uri"], "The resource's URI").read_only(),
    Attribute::string("version", "The entity tag of the resource's state")
        .exact()
        .read_only(),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn resource_types_are_told_apart() {
        assert_ne!(USERS, GROUPS);
        let letters: BTreeSet<_> = ALL.iter().map(|known| known.letter).collect();
        let names: BTreeSet<_> = ALL.iter().map(|known| known.name).collect();
        assert_eq!((letters.len(), names.len()), (ALL.len(), ALL.len()));
        assert!(PROVIDED.iter().all(|provided| ALL.contains(provided)));
    }

    #[test]
    fn what_a_type_adds_to_its_schema_fits_its_schema() {
        for known in ALL {
            for lookup in known.lookups {
                let resolved = known.resolve(lookup);
                assert!(matches!(resolved, Ok(Resolved::Attribute(_))), "{lookup}");
            }
            let unique: Vec<_> = known
                .core
                .attributes
                .iter()
                .filter(|attribute| attribute.uniqueness == Uniqueness::Server)
                .map(|attribute| attribute.name)
                .collect();
            assert_eq!(unique, [known.unique]);
            if let Some(access) = known.access {
                let attribute = attribute::find(known.core.attributes, access).unwrap();
                assert!(matches!(attribute.kind, Kind::Boolean));
            }
        }
    }
}
