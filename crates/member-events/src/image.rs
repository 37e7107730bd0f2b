//! An item in DynamoDB's JSON: `{"pk":{"S":"acme"},…}`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use scim::ResourceId;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// An item, or its keys alone.
pub(crate) struct Image<'i>(pub &'i Map<String, Value>);

impl<'i> Image<'i> {
    /// The value of an attribute of this kind (`S`, `N`, `B`), which JSON has as text.
    fn of_kind(&self, name: &str, kind: &str) -> Option<&'i str> {
        self.0.get(name)?.get(kind)?.as_str()
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<&'i str> {
        self.of_kind(name, "S")
    }

    /// A whole number.
    pub fn number(&self, name: &str) -> Option<u64> {
        number(self.of_kind(name, "N")?)
    }

    /// A time, in RFC 3339.
    pub fn time(&self, name: &str) -> Option<OffsetDateTime> {
        time(self.text(name)?)
    }

    /// A JSON object, as text.
    pub fn object(&self, name: &str) -> Option<Map<String, Value>> {
        serde_json::from_str(self.text(name)?).ok()
    }

    /// Ids of sixteen bytes each. None are there if there is no such attribute; `None` if it is
    /// something else.
    pub fn ids(&self, name: &str) -> Option<Vec<ResourceId>> {
        if !self.0.contains_key(name) {
            return Some(Vec::new());
        }
        let bytes = STANDARD.decode(self.of_kind(name, "B")?).ok()?;
        let (ids, rest) = bytes.as_chunks::<16>();
        let whole = rest.is_empty();
        whole.then(|| ids.iter().map(ResourceId::from_bytes).collect())
    }
}

/// A time in RFC 3339.
pub(crate) fn time(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

/// A whole number as the service writes it: digits alone.
pub(crate) fn number(text: &str) -> Option<u64> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_digits)
}
