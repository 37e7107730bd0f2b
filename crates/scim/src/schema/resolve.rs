//! From the text of an attribute path to the attribute it names (RFC 7644 §3.10).

use super::{Attribute, COMMON, ResourceType, Schema, attribute};
use crate::text::quote;

/// An attribute that exists, and where a resource holds it.
#[derive(Debug, Clone, Copy)]
pub struct BoundPath {
    /// The URN under which the attribute is nested; none for core and common attributes.
    pub extension: Option<&'static str>,
    /// The attribute.
    pub attribute: &'static Attribute,
    /// The sub-attribute, if the path names one.
    pub sub_attribute: Option<&'static Attribute>,
}

/// What an attribute path names.
#[derive(Debug, Clone, Copy)]
pub enum Resolved {
    /// The core schema's URN alone: the resource itself.
    Resource,
    /// An extension's URN alone: all its attributes.
    Extension(&'static Schema),
    /// One attribute.
    Attribute(BoundPath),
    /// An attribute of a schema this service does not have. A tenant's admin can map such
    /// attributes in Entra; they are never present here.
    Undefined,
}

/// A path that names nothing. The text is shown to the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Not of the form `[urn:]name[.sub]`.
    #[error("{} is not an attribute path such as `name.givenName`", quote(.0))]
    Malformed(String),
    /// Well-formed, but there is no such attribute.
    #[error("{} is not an attribute of {resource_type}", quote(.path))]
    Unknown {
        /// The path as the client wrote it.
        path: String,
        /// The resource type's name.
        resource_type: &'static str,
    },
}

impl BoundPath {
    /// A path to an attribute of an element of a multi-valued complex attribute.
    pub fn within_element(sub_attribute: &'static Attribute) -> Self {
        Self {
            extension: None,
            attribute: sub_attribute,
            sub_attribute: None,
        }
    }

    /// The attribute whose values the path selects.
    pub fn leaf(&self) -> &'static Attribute {
        self.sub_attribute.unwrap_or(self.attribute)
    }
}

impl std::fmt::Display for BoundPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.attribute.name)?;
        match self.sub_attribute {
            Some(sub_attribute) => write!(f, ".{}", sub_attribute.name),
            None => Ok(()),
        }
    }
}

impl ResourceType {
    /// Every schema of the type, the core schema first, with the URN under which a resource nests
    /// its attributes: `None` for the core schema.
    pub fn schemas(&self) -> impl Iterator<Item = (Option<&'static str>, &'static Schema)> {
        let extensions = self.extensions.iter();
        let core = std::iter::once((None, self.core));
        core.chain(extensions.map(|schema| (Some(schema.id), *schema)))
    }

    /// Resolves `[urn:]name[.sub]`, in any case.
    ///
    /// An unqualified name that the core schema lacks is looked up in the extensions: Entra sends a
    /// bare `manager`. After a schema's URN, a dot is accepted instead of the colon, because old
    /// Entra jobs write it.
    ///
    /// # Errors
    /// When the text is malformed or a schema of this type lacks the attribute.
    pub fn resolve(&self, text: &str) -> Result<Resolved, ResolveError> {
        for (extension, schema) in self.schemas() {
            let Some(rest) = strip_prefix_ignore_case(text, schema.id) else {
                continue;
            };
            if rest.is_empty() {
                return Ok(match extension {
                    None => Resolved::Resource,
                    Some(_) => Resolved::Extension(schema),
                });
            }
            let Some(path) = rest.strip_prefix([':', '.']) else {
                continue;
            };
            let (name, sub_name) = split(path, text)?;
            let found = attribute::find(schema.attributes, name);
            return found
                .and_then(|attribute| bind(extension, attribute, sub_name))
                .map(Resolved::Attribute)
                .ok_or_else(|| self.unknown(text));
        }
        // A schema's id is a URN or, in Microsoft's own schemas, a URL.
        if ["urn:", "http://", "https://"]
            .iter()
            .any(|start| strip_prefix_ignore_case(text, start).is_some())
        {
            return Ok(Resolved::Undefined);
        }
        let (name, sub_name) = split(text, text)?;
        self.find_unqualified(name)
            .and_then(|(extension, attribute)| bind(extension, attribute, sub_name))
            .map(Resolved::Attribute)
            .ok_or_else(|| self.unknown(text))
    }

    fn find_unqualified(&self, name: &str) -> Option<(Option<&'static str>, &'static Attribute)> {
        let core =
            attribute::find(self.core.attributes, name).or_else(|| attribute::find(COMMON, name));
        if let Some(attribute) = core {
            return Some((None, attribute));
        }
        self.extensions.iter().find_map(|schema| {
            attribute::find(schema.attributes, name).map(|attribute| (Some(schema.id), attribute))
        })
    }

    fn unknown(&self, path: &str) -> ResolveError {
        ResolveError::Unknown {
            path: path.to_owned(),
            resource_type: self.name,
        }
    }
}

fn bind(
    extension: Option<&'static str>,
    attribute: &'static Attribute,
    sub_name: Option<&str>,
) -> Option<BoundPath> {
    let sub_attribute = match sub_name {
        Some(name) => Some(attribute.sub_attribute(name)?),
        None => None,
    };
    Some(BoundPath {
        extension,
        attribute,
        sub_attribute,
    })
}

/// Splits `name.sub`; `whole` is the path as the client wrote it.
fn split<'a>(path: &'a str, whole: &str) -> Result<(&'a str, Option<&'a str>), ResolveError> {
    let (name, sub_name) = match path.split_once('.') {
        Some((name, sub_name)) => (name, Some(sub_name)),
        None => (path, None),
    };
    if is_name(name) && sub_name.is_none_or(is_name) {
        Ok((name, sub_name))
    } else {
        Err(ResolveError::Malformed(whole.to_owned()))
    }
}

/// `ATTRNAME` of RFC 7643 §2.1, with the `$` of `$ref`.
fn is_name(name: &str) -> bool {
    let unmarked = name.strip_prefix('$').unwrap_or(name);
    unmarked.starts_with(|first: char| first.is_ascii_alphabetic())
        && unmarked
            .chars()
            .all(|next| next.is_ascii_alphanumeric() || next == '-' || next == '_')
}

fn strip_prefix_ignore_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::USERS;

    fn path(text: &str) -> String {
        match USERS.resolve(text) {
            Ok(Resolved::Attribute(path)) => {
                let prefix = if path.extension.is_some() {
                    "enterprise:"
                } else {
                    ""
                };
                format!("{prefix}{path}")
            }
            Ok(Resolved::Resource) => "resource".to_owned(),
            Ok(Resolved::Extension(schema)) => schema.name.to_owned(),
            Ok(Resolved::Undefined) => "undefined".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn names_resolve_in_any_case_and_with_any_prefix() {
        assert_eq!(path("USERNAME"), "userName");
        assert_eq!(path("name.GIVENNAME"), "name.givenName");
        assert_eq!(
            path("urn:ietf:params:scim:schemas:core:2.0:User:name.givenName"),
            "name.givenName"
        );
        assert_eq!(
            path("URN:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager.value"),
            "enterprise:manager.value"
        );
        assert_eq!(
            path("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department"),
            "enterprise:department"
        );
        assert_eq!(path("manager"), "enterprise:manager");
        assert_eq!(path("manager.$ref"), "enterprise:manager.$ref");
        assert_eq!(path("meta.lastModified"), "meta.lastModified");
    }

    #[test]
    fn urns_alone_name_the_resource_or_the_extension() {
        assert_eq!(
            path("urn:ietf:params:scim:schemas:core:2.0:User"),
            "resource"
        );
        assert_eq!(
            path("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"),
            "EnterpriseUser"
        );
        assert_eq!(path("urn:example:custom:2.0:User:badge"), "undefined");
        assert_eq!(
            path("urn:ietf:params:scim:schemas:extension:enterprise:2.0User"),
            "undefined"
        );
    }

    #[test]
    fn what_names_nothing_is_an_error() {
        for name in ["shoeSize", "shoe-size", "shoe_size", "shoe2", "$shoe"] {
            assert_eq!(path(name), format!("`{name}` is not an attribute of User"));
        }
        for name in ["2shoe", "shoe size", "sho\u{e9}", "-", "$"] {
            assert_eq!(
                path(name),
                format!("`{name}` is not an attribute path such as `name.givenName`")
            );
        }
        assert_eq!(
            path("name.first"),
            "`name.first` is not an attribute of User"
        );
        assert_eq!(
            path("foo:bar"),
            "`foo:bar` is not an attribute path such as `name.givenName`"
        );
        assert_eq!(
            path("name.a.b"),
            "`name.a.b` is not an attribute path such as `name.givenName`"
        );
        assert_eq!(
            path(""),
            "`` is not an attribute path such as `name.givenName`"
        );
    }
}
