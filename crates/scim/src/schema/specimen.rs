//! A resource type with the kinds of attributes that no schema of the service uses yet: the engine
//! is driven by data, so it must handle them.

use super::attribute::{Attribute, Kind, Returned};
use super::{ResourceType, Schema};

/// A resource type for tests.
pub(crate) static SPECIMENS: ResourceType = ResourceType {
    name: "Specimen",
    endpoint: "/Specimens",
    description: "",
    core: &Schema {
        id: "urn:example:specimen",
        name: "Specimen",
        description: "",
        attributes: &[
            number("decimal", Kind::Decimal),
            number("integer", Kind::Integer),
            Attribute::date_time("instant", ""),
            Attribute::binary("binary", ""),
            Attribute::string("words", "").multi_valued(),
            Attribute::string("hidden", "").write_only(),
            Attribute::string("always", "").always(),
            Attribute {
                returned: Returned::Request,
                ..Attribute::string("request", "")
            },
            Attribute::complex("parts", PARTS, "").multi_valued(),
        ],
    },
    extensions: &[],
    unique: "decimal",
    lookups: &[],
    letter: 'S',
    access: None,
    recycled: None,
    breaker_floor: 0,
    members: None,
};

const PARTS: &[Attribute] = &[
    number("value", Kind::Integer),
    Attribute::string("serial", "").read_only(),
    Attribute::string("type", "").canonical(&["left", "right"]),
];

const fn number(name: &'static str, kind: Kind) -> Attribute {
    Attribute {
        kind,
        ..Attribute::string(name, "")
    }
}
