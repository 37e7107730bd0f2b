//! A resource type with attributes of the kinds that no schema of the service has yet: the engine
//! follows the data, so it must know what to do with them.

use super::attribute::{Attribute, Kind, Returned};
use super::{ResourceType, Schema};

/// Specimens.
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
    recycles: None,
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
