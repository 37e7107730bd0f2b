//! The Group schema (RFC 7643 §4.2).

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
        Attribute::complex("members", MEMBERS, "The group's members").multi_valued(),
    ],
};

const MEMBERS: &[Attribute] = &[
    Attribute::string("value", "The member's id").exact(),
    Attribute::reference("$ref", &["User", "Group"], "The member's URI"),
    Attribute::string("display", "The member's name").read_only(),
    Attribute::string("type", "The kind of member").canonical(&["User", "Group"]),
];
