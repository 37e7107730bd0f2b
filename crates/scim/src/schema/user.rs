//! The User schema and its enterprise extension (RFC 7643 §4.1, §4.3, §8.7.1).

use super::Schema;
use super::attribute::Attribute;

/// Core User.
pub const USER: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:core:2.0:User",
    name: "User",
    description: "User Account",
    attributes: &[
        Attribute::string(
            "userName",
            "The name the tenant's directory gives the user, unique in the tenant",
        )
        .required()
        .unique(),
        EXTERNAL_ID,
        Attribute::complex("name", NAME, "The components of the user's name"),
        Attribute::string("displayName", "The name shown to other people"),
        Attribute::string("nickName", "The casual way to address the user"),
        // RFC 7643 makes this a reference. Microsoft's schema check drops top-level references and
        // then misses the attribute. The service does not check that it is a URI.
        Attribute::string("profileUrl", "A page about the user").exact(),
        Attribute::string("title", "The user's title, such as Crew lead"),
        Attribute::string(
            "userType",
            "The relation between organisation and user, such as Contractor",
        ),
        Attribute::string(
            "preferredLanguage",
            "The user's language, as in Accept-Language",
        ),
        Attribute::string("locale", "The user's locale, such as es-ES"),
        Attribute::string("timezone", "The user's time zone, such as Europe/Madrid"),
        Attribute::boolean(
            "active",
            "Whether the user has access; false is a logical delete",
        ),
        Attribute::string(
            "password",
            "Accepted and discarded: this service has no logins",
        )
        .exact()
        .write_only()
        .undiscoverable(),
        Attribute::complex("emails", EMAILS, "E-mail addresses").multi_valued(),
        Attribute::complex(
            "phoneNumbers",
            PHONE_NUMBERS,
            "Phone numbers, stored as they come",
        )
        .multi_valued(),
        Attribute::complex("ims", IMS, "Instant messaging addresses").multi_valued(),
        Attribute::complex("photos", PHOTOS, "URIs of photos").multi_valued(),
        Attribute::complex("addresses", ADDRESSES, "Postal addresses").multi_valued(),
        Attribute::complex(
            "groups",
            GROUPS,
            "The groups the user belongs to; changed at the groups",
        )
        .multi_valued()
        .read_only()
        .stored_apart(),
        Attribute::complex("entitlements", LABELLED, "What the user is entitled to").multi_valued(),
        Attribute::complex("roles", LABELLED, "The user's roles").multi_valued(),
        Attribute::complex(
            "x509Certificates",
            CERTIFICATES,
            "Certificates, base64-encoded DER",
        )
        .multi_valued(),
    ],
};

/// Enterprise User.
pub const ENTERPRISE_USER: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    name: "EnterpriseUser",
    description: "Enterprise User",
    attributes: &[
        Attribute::string(
            "employeeNumber",
            "The number the organisation gives the user",
        ),
        Attribute::string("costCenter", "The user's cost center"),
        Attribute::string("organization", "The user's organisation"),
        Attribute::string("division", "The user's division"),
        Attribute::string("department", "The user's department"),
        Attribute::complex("manager", MANAGER, "The user's manager"),
    ],
};

/// A common attribute (RFC 7643 §3.1), listed in each schema because Entra maps it by default
/// and looks for it in `/Schemas`.
pub const EXTERNAL_ID: Attribute =
    Attribute::string("externalId", "The client's own identifier of the resource").exact();

const NAME: &[Attribute] = &[
    Attribute::string("formatted", "The full name, ready for display"),
    Attribute::string("familyName", "The family name"),
    Attribute::string("givenName", "The given name"),
    Attribute::string("middleName", "The middle names"),
    Attribute::string("honorificPrefix", "The title, such as Dr."),
    Attribute::string("honorificSuffix", "The suffix, such as III"),
];

const DISPLAY: Attribute = Attribute::string("display", "A name for the value, for display");
const PRIMARY: Attribute = Attribute::boolean(
    "primary",
    "Whether this is the preferred value; true for one at most",
)
.false_if_absent();
const fn kind(canonical_values: &'static [&'static str]) -> Attribute {
    Attribute::string("type", "What the value is for").canonical(canonical_values)
}

const EMAILS: &[Attribute] = &[
    Attribute::string("value", "The address, stored as it comes"),
    DISPLAY.undiscoverable(),
    kind(&["work", "home", "other"]),
    PRIMARY,
];

const PHONE_NUMBERS: &[Attribute] = &[
    Attribute::string("value", "The number, stored as it comes"),
    DISPLAY,
    kind(&["work", "mobile", "fax", "home", "pager", "other"]),
    PRIMARY,
];

const IMS: &[Attribute] = &[
    Attribute::string("value", "The address"),
    DISPLAY,
    kind(&[
        "aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo", "other",
    ]),
    PRIMARY,
];

const PHOTOS: &[Attribute] = &[
    Attribute::reference("value", &["external"], "The photo's URI"),
    DISPLAY,
    kind(&["photo", "thumbnail"]),
    PRIMARY,
];

const ADDRESSES: &[Attribute] = &[
    Attribute::string("formatted", "The full address, ready for display"),
    Attribute::string("streetAddress", "Street and house number"),
    Attribute::string("locality", "The city"),
    Attribute::string("region", "The state or region"),
    Attribute::string("postalCode", "The postal code"),
    Attribute::string("country", "The country"),
    kind(&["work", "home", "other"]),
    PRIMARY,
];

const GROUPS: &[Attribute] = &[
    Attribute::string("value", "The group's id")
        .exact()
        .read_only(),
    Attribute::reference("$ref", &["User", "Group"], "The group's URI").read_only(),
    DISPLAY.read_only(),
    kind(&["direct", "indirect"]).read_only(),
];

// No canonical types: Microsoft's schema check then addresses values as `roles[primary eq "True"]`.
const LABELLED: &[Attribute] = &[
    Attribute::string("value", "The value"),
    DISPLAY,
    kind(&[]),
    PRIMARY,
];

const CERTIFICATES: &[Attribute] = &[
    Attribute::binary("value", "The certificate"),
    DISPLAY,
    kind(&[]),
    PRIMARY,
];

const MANAGER: &[Attribute] = &[
    Attribute::string(
        "value",
        "The manager's id; it may name a user that is created later",
    )
    .exact(),
    Attribute::reference("$ref", &["User"], "The manager's URI"),
    Attribute::string("displayName", "The manager's name").read_only(),
];

/// The userName in the one that a user has in Entra's recycle bin: the user's object id (32
/// hexadecimal digits) followed by the old userName.
pub fn recycled(user_name: &str) -> Option<&str> {
    const OBJECT_ID_DIGITS: usize = 32;
    let (object_id, old) = user_name.split_at_checked(OBJECT_ID_DIGITS)?;
    let is_object_id = object_id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_object_id.then_some(old)
}
