//! What a request names and the schemas do not have.

use serde_json::Value;

use crate::schema::{BoundPath, coerce, json};

/// Most names that are kept.
const MAX_NAMES: usize = 8;

/// The longest name that is kept, in bytes.
const MAX_LENGTH: usize = 100;

/// The attributes that a request names and the service does not know: their number, and the first
/// names, for the log. A name is kept if it has the form of an attribute path; anything else may
/// hold what belongs into no log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ignored {
    count: usize,
    names: Vec<String>,
}

impl Ignored {
    /// How often something unknown was named.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The first different names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Adds what another operation of the same request ignored.
    pub fn extend(&mut self, other: &Self) {
        self.count += other.count;
        for name in &other.names {
            self.keep(name);
        }
    }

    pub(crate) fn note(&mut self, name: &str) {
        self.count += 1;
        if is_path(name) {
            self.keep(name);
        }
    }

    /// Notes the members that a complex attribute has no sub-attributes for, as `name` shows the
    /// attribute. Members without a value ask for nothing.
    pub(crate) fn note_members(&mut self, name: &str, path: &BoundPath, value: &Value) {
        if path.sub_attribute.is_some() || !path.attribute.is_complex() {
            return;
        }
        let elements = match value {
            Value::Array(elements) => elements.as_slice(),
            single => std::slice::from_ref(single),
        };
        for (member, value) in elements.iter().filter_map(Value::as_object).flatten() {
            if !json::is_empty(value) && coerce::sub_attribute(path.attribute, member).is_none() {
                self.note(&format!("{name}.{member}"));
            }
        }
    }

    fn keep(&mut self, name: &str) {
        let is_known = self.names.iter().any(|known| known == name);
        if !is_known && self.names.len() < MAX_NAMES {
            self.names.push(name.to_owned());
        }
    }
}

/// Whether the text has the form of an attribute path, `[urn:]name[.sub]` (RFC 7644 §3.10).
pub(crate) fn is_path(text: &str) -> bool {
    let path = text.rsplit_once(':').map_or(text, |(_, path)| path);
    let mut names = path.split('.');
    let is_urn_or_name = |each: char| each.is_ascii_alphanumeric() || "-_.:/$".contains(each);
    text.len() <= MAX_LENGTH
        && text.chars().all(is_urn_or_name)
        && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '$')
        && names
            .all(|name| name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '$'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_if_they_look_like_names() {
        let mut ignored = Ignored::default();
        for name in [
            "shoeSize",
            "name.first",
            "manager.$ref",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:hireDate",
            "shoeSize",
        ] {
            ignored.note(name);
        }
        let kept = ignored.clone();
        assert_eq!((kept.count(), kept.names().len()), (5, 4));
        for odd in [
            "lena@crew.example",
            "Lena Ortiz",
            "+34600000001",
            "600-000-001",
            "a\nb",
            "emails[value eq \"x\"]",
            "josé",
            "",
            ".",
            "name.",
            "x.7",
            &"x".repeat(101),
        ] {
            ignored.note(odd);
        }
        assert_eq!((ignored.count(), ignored.names()), (17, kept.names()));
    }

    #[test]
    fn the_number_of_names_is_bounded() {
        let mut ignored = Ignored::default();
        for number in 0..100 {
            ignored.note(&format!("a{number}"));
        }
        assert_eq!((ignored.count(), ignored.names().len()), (100, MAX_NAMES));
        let mut all = Ignored::default();
        all.note("b");
        all.extend(&ignored);
        all.extend(&ignored);
        assert_eq!((all.count(), all.names().len()), (201, MAX_NAMES));
        assert_eq!(all.names().first().map(String::as_str), Some("b"));
    }
}
