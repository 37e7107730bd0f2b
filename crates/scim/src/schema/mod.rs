//! Schemas and resource types as data, and the resolution of names against them.

pub mod attribute;
pub mod check;
pub(crate) mod coerce;
pub mod group;
pub(crate) mod members;
#[cfg(test)]
pub(crate) mod proptests;
mod resolve;
pub mod settle;
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
    /// What `/Schemas` says of it.
    pub description: &'static str,
    /// Its attributes, in the order of `/Schemas`.
    pub attributes: &'static [Attribute],
}

/// A kind of resource (RFC 7643 §6). What the engine does with it follows from this data alone.
#[derive(Debug)]
pub struct ResourceType {
    /// `User` or `Group`; also the value of `meta.resourceType`.
    pub name: &'static str,
    /// The path below the base URL, such as `/Users`.
    pub endpoint: &'static str,
    /// What `/ResourceTypes` says of it.
    pub description: &'static str,
    /// The schema every such resource has.
    pub core: &'static Schema,
    /// Schemas that add attributes, each optional.
    pub extensions: &'static [&'static Schema],
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
};

/// Groups.
pub static GROUPS: ResourceType = ResourceType {
    name: "Group",
    endpoint: "/Groups",
    description: "Group",
    core: &group::GROUP,
    extensions: &[],
};

/// The attributes every resource has beside those of its schemas (RFC 7643 §3.1). The service
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
    use super::*;

    #[test]
    fn resource_types_are_told_apart() {
        assert_ne!(USERS, GROUPS);
    }
}
