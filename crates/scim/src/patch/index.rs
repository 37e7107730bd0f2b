//! Finds the elements that given ones repeat or mean, without comparing each with each.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use serde_json::Value;

use super::folds::{Folds, Key, OfElement};
use crate::schema::Attribute;
use crate::work::{self, LOOK, reading};

/// A [`Key`] that lives as long as the index.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Owned {
    Text(Box<str>),
    Other(Value),
}

impl From<Key<'_>> for Owned {
    fn from(key: Key<'_>) -> Self {
        match key {
            Key::Text(text) => Self::Text(text.into()),
            Key::Other(value) => Self::Other(value.clone()),
        }
    }
}

/// The places of the elements of an attribute.
#[derive(Default)]
pub(super) struct Index {
    hasher: RandomState,
    /// By the hash of everything.
    identical: HashMap<u64, Vec<usize>>,
    /// The first of each value.
    values: HashMap<Owned, usize>,
    /// The first of each value and type.
    typed: HashMap<(Owned, Owned), usize>,
}

impl Index {
    /// Notes an element. Those of lower places were noted before.
    pub fn insert(&mut self, place: usize, element: &OfElement<'_>, work: &mut u64) {
        self.remember(place, element.value);
        let Some(value) = element.key("value", work) else {
            return;
        };
        if let Some(kind) = element.key("type", work) {
            let key = (value.into(), kind.into());
            self.typed.entry(key).or_insert(place);
        }
        self.values.entry(value.into()).or_insert(place);
    }

    /// The place of the element that `element` repeats: one that is identical, or else the first
    /// with the same value and type. Without a type, it repeats an element of any.
    pub fn repeated(&self, element: &OfElement<'_>, work: &mut u64) -> Option<usize> {
        let identical = self.identical.get(&self.hasher.hash_one(element.value));
        if let Some(place) = identical.and_then(|places| places.first()) {
            return Some(*place);
        }
        let value = element.key("value", work)?.into();
        match element.key("type", work) {
            Some(kind) => self.typed.get(&(value, kind.into())),
            None => self.values.get(&value),
        }
        .copied()
    }

    /// Forgets what the element at `place` was as a whole; its value and its type stay.
    pub fn forget(&mut self, place: usize, value: &Value) {
        if let Some(places) = self.identical.get_mut(&self.hasher.hash_one(value)) {
            places.retain(|other| *other != place);
        }
    }

    /// Notes what the element at `place` is as a whole.
    pub fn remember(&mut self, place: usize, value: &Value) {
        let hash = self.hasher.hash_one(value);
        self.identical.entry(hash).or_default().push(place);
    }
}

/// What a `remove` with values means.
pub(super) struct Wanted {
    /// The objects, by the names of their members.
    objects: HashMap<Vec<String>, HashSet<Vec<Owned>>>,
    /// The plain values, folded unless the attribute is `caseExact`.
    plain: HashSet<Owned>,
}

impl Wanted {
    pub fn new(attribute: &'static Attribute, values: &[Value], work: &mut u64) -> Self {
        let mut wanted = Self {
            objects: HashMap::new(),
            plain: HashSet::new(),
        };
        for value in values {
            let Value::Object(members) = value else {
                wanted.plain.insert(plain(attribute, value, work));
                continue;
            };
            let element = OfElement {
                attribute,
                value,
                folds: &Folds::default(),
            };
            let keys = members
                .keys()
                .filter_map(|name| element.key(name, work))
                .map(Owned::from)
                .collect();
            let names = members.keys().cloned().collect();
            wanted.objects.entry(names).or_default().insert(keys);
        }
        wanted
    }

    /// Whether the element is meant: all members of one of the values must match.
    pub fn has(&self, element: &OfElement<'_>, work: &mut u64) -> bool {
        if !element.value.is_object() {
            return self
                .plain
                .contains(&plain(element.attribute, element.value, work));
        }
        self.objects.iter().any(|(names, wanted)| {
            *work += LOOK * (1 + 2 * names.len() as u64);
            let keys: Option<Vec<Owned>> = names
                .iter()
                .map(|name| element.key(name, work).map(Owned::from))
                .collect();
            keys.is_some_and(|keys| wanted.contains(&keys))
        })
    }
}

fn plain(attribute: &Attribute, value: &Value, work: &mut u64) -> Owned {
    match value {
        Value::String(text) if !attribute.case_exact => {
            Owned::Text(work::fold(text, work).trim().into())
        }
        Value::String(text) => {
            *work += reading(text);
            Owned::Text(text.as_str().into())
        }
        other => Owned::Other(other.clone()),
    }
}
