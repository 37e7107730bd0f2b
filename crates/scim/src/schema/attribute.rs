//! Attribute definitions as data (RFC 7643 §2 and §7).

/// One attribute of a schema, or one sub-attribute of a complex attribute.
///
/// The constructors use the defaults of RFC 7643 §2.2; the `const` setters override them, so that a
/// schema reads as a table.
#[derive(Debug, Clone, Copy)]
pub struct Attribute {
    /// The name in schema case.
    pub name: &'static str,
    /// Its description in `/Schemas`.
    pub description: &'static str,
    /// The data type.
    pub kind: Kind,
    /// Whether the value is an array.
    pub multi_valued: bool,
    /// Whether a resource without it is rejected.
    pub required: bool,
    /// Whether strings are compared exactly; otherwise they are compared case-folded.
    pub case_exact: bool,
    /// Who may change it.
    pub mutability: Mutability,
    /// When answers contain it.
    pub returned: Returned,
    /// Whether no two resources of a tenant may share a value.
    pub uniqueness: Uniqueness,
    /// The recommended values; others are accepted.
    pub canonical_values: &'static [&'static str],
    /// Whether an object that lacks it counts as one in which it is false (RFC 7643 §2.4, of
    /// `primary`): wherever values are compared or sorted, but not for `pr`.
    pub false_if_absent: bool,
    /// Whether it is stored apart from the resource's other attributes: a [`Resource`] never has
    /// it. Such attributes are the two sides of membership, which grow without a limit.
    ///
    /// [`Resource`]: crate::Resource
    pub stored_apart: bool,
    /// Whether `/Schemas` lists it. Microsoft's validator rejects `password` and `emails.display`.
    pub discoverable: bool,
}

/// An attribute's data type (RFC 7643 §2.3).
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A string.
    String,
    /// A boolean.
    Boolean,
    /// A number.
    Decimal,
    /// A whole number.
    Integer,
    /// An instant in RFC 3339 format.
    DateTime,
    /// Base64-encoded octets.
    Binary,
    /// A URI, with the kinds of thing it may refer to.
    Reference(&'static [&'static str]),
    /// An object of sub-attributes.
    Complex(&'static [Attribute]),
}

/// RFC 7643 §7, `mutability`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutability {
    /// Set by the service only; ignored in bodies.
    ReadOnly,
    /// Set by anyone.
    ReadWrite,
    /// Set at creation, then fixed.
    Immutable,
    /// Accepted, never returned. This service does not store such values.
    WriteOnly,
}

/// RFC 7643 §7, `returned`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returned {
    /// In every answer, whatever the client asked for.
    Always,
    /// In no answer.
    Never,
    /// Unless the client excludes it.
    Default,
    /// Only when the client asks for it.
    Request,
}

/// RFC 7643 §7, `uniqueness`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uniqueness {
    /// Values may repeat.
    None,
    /// Unique within the tenant.
    Server,
}

impl Attribute {
    const fn new(name: &'static str, description: &'static str, kind: Kind) -> Self {
        Self {
            name,
            description,
            kind,
            multi_valued: false,
            required: false,
            case_exact: false,
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            uniqueness: Uniqueness::None,
            canonical_values: &[],
            false_if_absent: false,
            stored_apart: false,
            discoverable: true,
        }
    }

    /// A case-insensitive string.
    pub const fn string(name: &'static str, description: &'static str) -> Self {
        Self::new(name, description, Kind::String)
    }

    /// A boolean.
    pub const fn boolean(name: &'static str, description: &'static str) -> Self {
        Self::new(name, description, Kind::Boolean)
    }

    /// An instant.
    pub const fn date_time(name: &'static str, description: &'static str) -> Self {
        Self::new(name, description, Kind::DateTime).exact()
    }

    /// Base64-encoded octets, compared exactly.
    pub const fn binary(name: &'static str, description: &'static str) -> Self {
        Self::new(name, description, Kind::Binary).exact()
    }

    /// A URI, compared exactly (RFC 7643 §2.3.7).
    pub const fn reference(
        name: &'static str,
        to: &'static [&'static str],
        description: &'static str,
    ) -> Self {
        Self::new(name, description, Kind::Reference(to)).exact()
    }

    /// An object.
    pub const fn complex(
        name: &'static str,
        sub_attributes: &'static [Attribute],
        description: &'static str,
    ) -> Self {
        Self::new(name, description, Kind::Complex(sub_attributes))
    }

    /// Makes it an array of such values.
    pub const fn multi_valued(mut self) -> Self {
        self.multi_valued = true;
        self
    }

    /// A resource without it is rejected.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Strings are compared exactly.
    pub const fn exact(mut self) -> Self {
        self.case_exact = true;
        self
    }

    /// Only the service sets it.
    pub const fn read_only(mut self) -> Self {
        self.mutability = Mutability::ReadOnly;
        self
    }

    /// Set once.
    pub const fn immutable(mut self) -> Self {
        self.mutability = Mutability::Immutable;
        self
    }

    /// Accepted, never stored, never returned.
    pub const fn write_only(mut self) -> Self {
        self.mutability = Mutability::WriteOnly;
        self.returned = Returned::Never;
        self
    }

    /// In every answer.
    pub const fn always(mut self) -> Self {
        self.returned = Returned::Always;
        self
    }

    /// No two resources of a tenant share a value.
    pub const fn unique(mut self) -> Self {
        self.uniqueness = Uniqueness::Server;
        self
    }

    /// The recommended values in `/Schemas`.
    pub const fn canonical(mut self, values: &'static [&'static str]) -> Self {
        self.canonical_values = values;
        self
    }

    /// An object that lacks it counts as one in which it is false.
    pub const fn false_if_absent(mut self) -> Self {
        self.false_if_absent = true;
        self
    }

    /// No [`Resource`](crate::Resource) has it.
    pub const fn stored_apart(mut self) -> Self {
        self.stored_apart = true;
        self
    }

    /// Accepted, but not listed in `/Schemas`.
    pub const fn undiscoverable(mut self) -> Self {
        self.discoverable = false;
        self
    }

    /// The sub-attributes; none unless the attribute is complex.
    pub const fn sub_attributes(&self) -> &'static [Attribute] {
        match self.kind {
            Kind::Complex(sub_attributes) => sub_attributes,
            _ => &[],
        }
    }

    /// The sub-attribute of this name, in any case.
    pub fn sub_attribute(&self, name: &str) -> Option<&'static Attribute> {
        find(self.sub_attributes(), name)
    }

    /// Whether values are objects.
    pub const fn is_complex(&self) -> bool {
        matches!(self.kind, Kind::Complex(_))
    }

    /// Whether a PATCH path that names a `type` alone means the one element of that type. True if
    /// the types are a closed list such as `work`; roles all share one type.
    pub fn is_keyed_by_type(&self) -> bool {
        self.multi_valued
            && self
                .sub_attribute("type")
                .is_some_and(|kind| !kind.canonical_values.is_empty())
    }
}

/// The attribute of this name, in any case (RFC 7643 §2.1: names are case-insensitive).
pub fn find(attributes: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    attributes
        .iter()
        .find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}
