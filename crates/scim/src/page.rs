//! The page of a list while it is collected. It is bounded by what goes out: by the length of the
//! response of which the page is a part.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

/// The longest response of the function, in bytes. Lambda's limit is 6 MB; of the two readings of
/// MB this is the smaller.
pub const MAX_RESPONSE: usize = 6_000_000;

/// Room for what a response has besides its resources: the status, the headers, the members of the
/// message, the cursors.
const ENVELOPE: usize = 64 * 1024;

/// The most that the resources of a page take in the response. A page may have fewer resources than
/// requested (RFC 7644 §3.4.2.4).
pub const MAX_PAGE: usize = MAX_RESPONSE - ENVELOPE;

/// A resource as clients see it: JSON text, which is written once.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Shown(Box<RawValue>);

impl Shown {
    /// The text of a resource.
    pub fn new(resource: &Map<String, Value>) -> Self {
        // A map with text keys can always be written.
        Self(to_raw_value(resource).unwrap_or_else(|_| RawValue::NULL.to_owned()))
    }

    /// The same with one attribute more. Its value is written into the text at once: what a group's
    /// members take as JSON values is several times as long.
    #[must_use]
    pub fn with(self, name: &str, value: &impl Serialize) -> Self {
        match serde_json::from_str(self.text()) {
            Ok(resource) => to_raw_value(&With {
                resource,
                name,
                value,
            })
            .map_or(self, Self),
            // It is the text of an object.
            Err(_) => self,
        }
    }

    /// The JSON text.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// How many bytes it takes in the function's response.
    pub fn outgoing(&self) -> usize {
        outgoing(self.text())
    }
}

/// A resource whose values are text already, and one attribute more.
struct With<'w, V> {
    resource: BTreeMap<String, &'w RawValue>,
    name: &'w str,
    value: &'w V,
}

impl<V: Serialize> Serialize for With<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.resource {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry(self.name, self.value)?;
        map.end()
    }
}

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

/// How many bytes `body`, or a part of it, takes in the function's response. Lambda takes the body
/// as a JSON string, so the quotes and backslashes of its JSON are escaped once more.
pub fn outgoing(body: &str) -> usize {
    body.bytes()
        .map(|byte| match byte {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
            0x00..=0x1f => 6,
            _ => 1,
        })
        .sum()
}

/// The resources of a page, as far as they are collected.
#[derive(Debug)]
pub struct PageContent {
    resources: Vec<Shown>,
    /// How much they take in the response.
    size: usize,
    count: usize,
    is_full: bool,
}

impl PageContent {
    /// A page of at most `count` resources.
    pub fn new(count: usize) -> Self {
        Self {
            resources: Vec::new(),
            size: 0,
            count,
            is_full: count == 0,
        }
    }

    /// Adds a resource if it fits. Once one did not, the page ends: a later, shorter one would
    /// leave a gap. The first one is always added: whether an answer may be so long was decided
    /// before.
    pub fn push(&mut self, resource: Shown) -> bool {
        const COMMA: usize = 1;
        let size = self
            .size
            .saturating_add(resource.outgoing())
            .saturating_add(COMMA);
        let is_first = self.resources.is_empty();
        self.is_full |= self.resources.len() >= self.count || (size > MAX_PAGE && !is_first);
        if !self.is_full {
            self.size = size;
            self.resources.push(resource);
        }
        !self.is_full
    }

    /// How much more fits.
    pub fn room(&self) -> usize {
        match self.is_full {
            true => 0,
            false => MAX_PAGE.saturating_sub(self.size),
        }
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    /// The resources.
    pub fn into_resources(self) -> Vec<Shown> {
        self.resources
    }
}

/// What may be kept of the matches that one walk through the directory finds: as much text as a
/// page can show, and of the others the ids alone. So what a list holds does not grow with what it
/// reads.
#[derive(Debug)]
pub struct Allowance {
    /// How many matches may be on the page, from the first one of the walk on.
    matches: u64,
    /// How much of a response may be kept.
    size: usize,
}

impl Allowance {
    /// For a walk of whose matches only the first ones can be on the page.
    pub fn new(matches: u64) -> Self {
        Self {
            matches,
            size: MAX_PAGE,
        }
    }

    /// The text of the next match, if it may be kept.
    pub fn keep(&mut self, show: impl FnOnce() -> Shown) -> Option<Shown> {
        self.matches = self.matches.checked_sub(1)?;
        if self.size == 0 {
            return None;
        }
        let shown = show();
        match self.size.checked_sub(shown.outgoing()) {
            Some(rest) => {
                self.size = rest;
                Some(shown)
            }
            None => {
                self.size = 0;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn titled(title: &str) -> Shown {
        Shown::new(&Map::from_iter([("title".to_owned(), title.into())]))
    }

    #[test]
    fn a_page_is_full_by_number() {
        let mut page = PageContent::new(2);
        assert!(page.push(titled("a")));
        assert!(page.push(titled("b")));
        assert!(!page.push(titled("c")));
        assert_eq!(page.into_resources(), [titled("a"), titled("b")]);
        let mut none = PageContent::new(0);
        assert!(!none.push(titled("a")));
    }

    /// What a page takes is what its characters take once they are escaped twice.
    #[test]
    fn a_page_is_full_by_what_goes_out() {
        for (character, outgoing) in [("x", 1), ("é", 2), ("\"", 4), ("\u{1}", 7), ("\n", 3)] {
            let title = character.repeat(10_000);
            let mut page = PageContent::new(100_000);
            while page.push(titled(&title)) {}
            let each = outgoing * 10_000 + r#"{\"title\":\"\"},"#.len();
            assert_eq!(
                page.into_resources().len(),
                MAX_PAGE / each,
                "{character:?}"
            );
        }
    }

    #[test]
    fn a_page_has_no_gaps() {
        let long = titled(&"x".repeat(MAX_PAGE / 2));
        let mut page = PageContent::new(10);
        assert!(page.push(long.clone()));
        assert!(!page.push(long));
        assert!(!page.push(titled("short")));
        assert_eq!(page.into_resources().len(), 1);
    }

    #[test]
    fn a_page_has_one_resource_of_any_length() {
        let mut page = PageContent::new(10);
        assert!(page.push(titled(&"x".repeat(MAX_PAGE))));
        assert!(!page.push(titled("short")));
        assert_eq!(page.into_resources().len(), 1);
    }

    #[test]
    fn an_attribute_is_added_to_what_is_text_already() {
        let group = Shown::new(&Map::from_iter([(
            "\"".to_owned(),
            json!([1.5, {"b": null}]),
        )]));
        let whole = group.with("members", &[1, 2]);
        assert_eq!(whole.text(), r#"{"\"":[1.5,{"b":null}],"members":[1,2]}"#);
    }

    #[test]
    fn no_more_is_kept_than_a_page_shows() {
        let mut by_number = Allowance::new(2);
        let kept: Vec<_> = (0..4)
            .map(|_| by_number.keep(|| titled("x")).is_some())
            .collect();
        assert_eq!(kept, [true, true, false, false]);
        let mut by_size = Allowance::new(u64::MAX);
        let title = "x".repeat(MAX_PAGE / 10);
        let kept = (0..50)
            .filter_map(|_| by_size.keep(|| titled(&title)))
            .map(|shown| shown.outgoing())
            .sum::<usize>();
        assert!((MAX_PAGE / 2..=MAX_PAGE).contains(&kept), "{kept}");
        // What is not kept is not even written.
        assert!(by_size.keep(|| panic!("written")).is_none());
    }

    proptest! {
        #[test]
        fn the_counted_length_is_that_of_the_string_in_json(texts in prop::collection::vec(any::<String>(), 0..8)) {
            let members = texts.iter().map(|text| (text.clone(), json!([text, 1.5, null])));
            let shown = Shown::new(&members.collect());
            prop_assert_eq!(shown.outgoing() + 2, serde_json::to_string(shown.text()).unwrap().len());
            for text in texts {
                prop_assert_eq!(outgoing(&text) + 2, serde_json::to_string(&text).unwrap().len());
            }
        }

        /// So the bound of a stored document bounds what goes out.
        #[test]
        fn escaping_a_document_once_more_doubles_it_at_most(text in any::<String>()) {
            let shown = titled(&text);
            prop_assert!(shown.outgoing() <= 2 * shown.text().len());
        }
    }
}
