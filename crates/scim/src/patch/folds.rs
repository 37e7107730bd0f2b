//! The folded forms of an element's texts: each text is folded once while it is there.

use std::cell::OnceCell;

use serde_json::Value;

use crate::filter::Folded;
use crate::schema::Attribute;
use crate::work::{self, LOOK, reading};

/// The folded forms of an element's texts, each in the place of its sub-attribute.
#[derive(Default)]
pub(super) struct Folds(OnceCell<Box<[OnceCell<Box<str>>]>>);

/// An element with its folds.
pub(super) struct OfElement<'a> {
    /// The attribute of which it is an element.
    pub attribute: &'static Attribute,
    /// The element.
    pub value: &'a Value,
    /// Its folds.
    pub folds: &'a Folds,
}

/// What makes two values of an attribute equal under its schema (RFC 7643 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key<'a> {
    /// Text: folded, unless the attribute is `caseExact`.
    Text(&'a str),
    /// Anything else.
    Other(&'a Value),
}

impl Folds {
    /// Discards the folds of these sub-attributes, whose values change.
    pub fn forget<'n>(
        &mut self,
        attribute: &'static Attribute,
        names: impl IntoIterator<Item = &'n str>,
    ) {
        let Some(folds) = self.0.get_mut() else {
            return;
        };
        for name in names {
            let all = attribute.sub_attributes().iter();
            let of_name = all.zip(&mut *folds).find(|(one, _)| one.name == name);
            of_name.map(|(_, fold)| fold.take());
        }
    }

    /// The folded form of `text`, the value of the sub-attribute in this place of `count`, with the
    /// blanks around it.
    fn get(&self, place: usize, count: usize, text: &str, work: &mut u64) -> Option<&str> {
        let folds = self.0.get_or_init(|| {
            *work += LOOK + count as u64;
            (0..count).map(|_| OnceCell::new()).collect()
        });
        let folded = folds
            .get(place)?
            .get_or_init(|| work::fold(text, work).into());
        Some(folded)
    }
}

impl<'a> OfElement<'a> {
    /// The key of the member called `name`, if there is one.
    pub fn key(&self, name: &str, work: &mut u64) -> Option<Key<'a>> {
        *work += LOOK;
        let value = self.value.get(name)?;
        let all = self.attribute.sub_attributes();
        let place = all.iter().position(|one| one.name == name);
        let folded = place.and_then(|place| match (value, all.get(place)) {
            (Value::String(text), Some(one)) if !one.case_exact => {
                self.folds.get(place, all.len(), text, work)
            }
            _ => None,
        });
        let key = match (folded, value) {
            (Some(folded), _) => Key::Text(folded.trim()),
            (None, Value::String(text)) => Key::Text(text),
            (None, other) => Key::Other(other),
        };
        if let Key::Text(text) = key {
            *work += reading(text);
        }
        Some(key)
    }
}

impl<'t> Folded<'t> for OfElement<'_> {
    fn accepts(
        &self,
        attribute: &'static Attribute,
        text: &'t str,
        work: &mut u64,
        test: impl FnOnce(&str, &mut u64) -> bool,
    ) -> bool {
        let all = self.attribute.sub_attributes();
        // The texts of a sub-attribute with several values would share a place.
        let place = all
            .iter()
            .position(|one| one.name == attribute.name && !one.multi_valued);
        match place.and_then(|place| self.folds.get(place, all.len(), text, work)) {
            Some(folded) => test(folded, work),
            None => {
                let folded = work::fold(text, work);
                test(&folded, work)
            }
        }
    }
}
