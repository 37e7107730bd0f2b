//! The Group schema (RFC 7643 §4.2, §8.7.1).

use super::Schema;
use super::attribute::Attribute;
use super::user::EXTERNAL_ID;

/// Core Group.
pub const GROUP: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:core:2.0:Group",
    name: "Group",
    description: "Group",
    attributes: &[
        Attribute::string("displayName", "The group's name, unique in the tenant")
            .required()
            .unique(),
        EXTERNAL_ID,
        Attribute::complex("members", MEMBERS, "The users who belong to the group")
            .multi_valued()
            .stored_apart(),
    ],
};

// RFC 7643 §4.2: members are added and removed, and their sub-attributes are immutable.
const MEMBERS: &[Attribute] = &[
    Attribute::string("value", "The user's id")
        .exact()
        .immutable(),
    Attribute::reference("$ref", &["User"], "The user's URI").immutable(),
    Attribute::string("type", "The kind of member: groups are none")
        .canonical(&["User"])
        .immutable(),
    Attribute::string("display", "The user's name as the client sent it").immutable(),
];
