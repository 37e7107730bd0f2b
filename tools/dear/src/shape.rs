//! The space of dear requests.

use fastrand::Rng;

use crate::user::{ALPHABETS, ATTRIBUTES, user};
use crate::{Dear, MAX_DOCUMENT};

/// What a dear request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// PATCH: adds many values that resemble those that are there.
    Add,
    /// PATCH: removes the elements that resemble many values.
    RemoveValues,
    /// PATCH: paths with long filters.
    Filters,
    /// PATCH: paths with long filters whose elements are replaced as a whole.
    Templates,
    /// PATCH: an object with many names, each with a filter.
    Members,
    /// PATCH: writes a long value to each of many elements.
    Spread,
    /// PATCH: as many operations as fit.
    Operations,
    /// PATCH: names that nobody knows, and extensions that are cleared.
    Unknown,
    /// PUT or POST: many values in each attribute.
    Replace,
    /// PUT or POST: names that nobody knows.
    ReplaceUnknown,
    /// PUT or POST: values that are JSON in text, in text.
    Packed,
    /// Bulk: as many PATCHes of a large user as fit.
    Bulk,
    /// A search with a long filter.
    Search,
    /// A search that names very many attributes.
    Attributes,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 14] = [
        Self::Add,
        Self::RemoveValues,
        Self::Filters,
        Self::Templates,
        Self::Members,
        Self::Spread,
        Self::Operations,
        Self::Unknown,
        Self::Replace,
        Self::ReplaceUnknown,
        Self::Packed,
        Self::Bulk,
        Self::Search,
        Self::Attributes,
    ];
}

/// A point in the space of dear requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// What it does.
    pub kind: Kind,
    /// The attribute, of those that differ in what they cost.
    pub attribute: usize,
    /// The alphabet of texts.
    pub alphabet: usize,
    /// How many elements the user has.
    pub elements: usize,
    /// How many operations.
    pub operations: usize,
    /// How many values each operation has.
    pub values: usize,
    /// How many conditions each filter has.
    pub conditions: usize,
    /// The length of texts, in bytes.
    pub length: usize,
    /// Whether texts differ at their end, so that comparing them takes their whole length.
    pub at_end: bool,
    /// Variants of the same choice: of operators, of names, of what is selected.
    pub variant: u8,
    /// Whether the user's other attributes are full too.
    pub full: bool,
    /// Seed of what does not matter.
    pub seed: u64,
}

impl Shape {
    /// Any shape.
    pub fn random(rng: &mut Rng) -> Self {
        let kind = Kind::ALL[rng.usize(..Kind::ALL.len())];
        Self::of(kind, rng)
    }

    /// Any shape of this kind.
    pub fn of(kind: Kind, rng: &mut Rng) -> Self {
        Self {
            kind,
            attribute: rng.usize(..ATTRIBUTES.len()),
            alphabet: rng.usize(..ALPHABETS.len()),
            elements: scale(rng, 500),
            operations: scale(rng, 5000),
            values: scale(rng, 500),
            conditions: scale(rng, 800),
            length: scale(rng, 20_000),
            at_end: rng.bool(),
            variant: rng.u8(..),
            full: rng.bool(),
            seed: rng.u64(..),
        }
    }

    /// A shape beside this one.
    pub fn mutated(&self, rng: &mut Rng) -> Self {
        let mut next = *self;
        for _ in 0..rng.usize(1..=3) {
            match rng.u8(..10) {
                0 => next.attribute = rng.usize(..ATTRIBUTES.len()),
                1 => next.alphabet = rng.usize(..ALPHABETS.len()),
                2 => next.elements = near(rng, next.elements, 500),
                3 => next.operations = near(rng, next.operations, 5000),
                4 => next.values = near(rng, next.values, 500),
                5 => next.conditions = near(rng, next.conditions, 800),
                6 => next.length = near(rng, next.length, 20_000),
                7 => next.at_end = !next.at_end,
                8 => next.variant = rng.u8(..),
                _ => next.full = !next.full,
            }
        }
        next
    }

    /// The request, with the user that it works on. It has as many operations as the shape says, or
    /// as many as fit.
    pub fn build(&self) -> Dear {
        let mut rng = Rng::with_seed(self.seed);
        let room = MAX_DOCUMENT - 4096;
        let length = self.length.min(room / self.elements.max(1)).max(1);
        let elements: Vec<_> = (0..self.elements)
            .map(|number| self.element(number, 0, length.saturating_sub(40)))
            .collect();
        Dear {
            shape: *self,
            user: user(&mut rng, self.attribute(), elements, self.full),
            request: self.request(length),
        }
    }
}

/// A number up to `most`: each order of magnitude is as likely as another.
fn scale(rng: &mut Rng, most: usize) -> usize {
    if rng.u8(..4) == 0 {
        return most;
    }
    let bits = usize::BITS - most.leading_zeros();
    let end: usize = 1 << rng.u32(..=bits);
    rng.usize(..=end.min(most))
}

fn near(rng: &mut Rng, number: usize, most: usize) -> usize {
    match rng.u8(..5) {
        0 => scale(rng, most),
        1 => most,
        2 => number / 2,
        3 => (number * 2).min(most),
        _ => (number + 1 + rng.usize(..=number / 4)).min(most),
    }
}
