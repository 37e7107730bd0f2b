//! Attributes, and the types of their values, in the admin's words.

use super::{Language, Texts};

/// A name that SCIM has (RFC 7643 §4), in English and in German.
const NAMES: &[(&str, &str, &str)] = &[
    ("active", "Active", "Aktiv"),
    ("userName", "User name", "Benutzername"),
    ("externalId", "External id", "Externe ID"),
    ("displayName", "Display name", "Anzeigename"),
    ("name", "Name", "Name"),
    ("formatted", "In full", "Vollständig"),
    ("givenName", "First name", "Vorname"),
    ("familyName", "Last name", "Nachname"),
    ("middleName", "Middle name", "Zweiter Vorname"),
    (
        "honorificPrefix",
        "Title before the name",
        "Titel vor dem Namen",
    ),
    (
        "honorificSuffix",
        "Title after the name",
        "Titel nach dem Namen",
    ),
    ("nickName", "Nickname", "Rufname"),
    ("title", "Job title", "Position"),
    ("userType", "Kind of user", "Benutzerart"),
    ("emails", "E-mail addresses", "E-Mail-Adressen"),
    ("phoneNumbers", "Phone numbers", "Telefonnummern"),
    ("addresses", "Addresses", "Adressen"),
    ("streetAddress", "Street", "Straße"),
    ("locality", "City", "Ort"),
    ("region", "Region", "Region"),
    ("postalCode", "Postal code", "Postleitzahl"),
    ("country", "Country", "Land"),
    ("photos", "Photos", "Fotos"),
    ("ims", "Instant messengers", "Kurznachrichtendienste"),
    ("roles", "Roles", "Rollen"),
    ("entitlements", "Entitlements", "Berechtigungen"),
    ("x509Certificates", "Certificates", "Zertifikate"),
    ("groups", "Groups", "Gruppen"),
    ("members", "Members", "Mitglieder"),
    (
        "preferredLanguage",
        "Preferred language",
        "Bevorzugte Sprache",
    ),
    ("locale", "Locale", "Gebietsschema"),
    ("timezone", "Time zone", "Zeitzone"),
    ("profileUrl", "Profile page", "Profilseite"),
    ("employeeNumber", "Employee number", "Personalnummer"),
    ("costCenter", "Cost center", "Kostenstelle"),
    ("organization", "Organization", "Organisation"),
    ("division", "Division", "Bereich"),
    ("department", "Department", "Abteilung"),
    ("manager", "Manager", "Vorgesetzte Person"),
    ("work", "Work", "Arbeit"),
    ("home", "Home", "Privat"),
    ("mobile", "Mobile", "Mobil"),
    ("fax", "Fax", "Fax"),
    ("pager", "Pager", "Pager"),
    ("other", "Other", "Andere"),
];

impl Texts {
    /// What people call an attribute or a type; as it is, if that is not known.
    pub fn attribute<'n>(&self, name: &'n str) -> &'n str {
        let known = NAMES.iter().find(|(known, ..)| *known == name);
        match (known, self.language) {
            (Some((_, english, _)), Language::English) => english,
            (Some((_, _, german)), Language::German) => german,
            (None, _) => name,
        }
    }
}
