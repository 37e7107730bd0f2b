//! What a filter in a PATCH path says of members. Whoever is a member is not known where a request
//! is read, so a filter becomes a set of ids, or all ids but those of a set.

use std::collections::BTreeSet;

use crate::filter::{BoundFilter, Comparison, Operator, Test};

/// The members that a filter selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    /// Those who are called so.
    Only(BTreeSet<String>),
    /// All others.
    AllBut(BTreeSet<String>),
}

impl Selection {
    /// What a filter on the elements of `members` selects; `None` if that takes more than their
    /// ids.
    pub fn of(filter: &BoundFilter) -> Option<Self> {
        match filter {
            BoundFilter::And(terms) => terms.iter().try_fold(Self::everybody(), |all, term| {
                Some(all.and(Self::of(term)?))
            }),
            BoundFilter::Or(terms) => terms
                .iter()
                .try_fold(Self::nobody(), |any, term| Some(any.or(Self::of(term)?))),
            BoundFilter::Not(inner) => Some(Self::of(inner)?.not()),
            // Every member has an id and a type.
            BoundFilter::Present(path) => match path.leaf().name {
                "value" | "type" => Some(Self::everybody()),
                _ => None,
            },
            BoundFilter::Compare(Comparison { path, test }) => {
                let Test::Text {
                    operator: Operator::Eq,
                    value,
                    ..
                } = test
                else {
                    return None;
                };
                match path.leaf().name {
                    "value" => Some(Self::Only(BTreeSet::from([value.clone()]))),
                    "type" if value == "user" => Some(Self::everybody()),
                    "type" => Some(Self::nobody()),
                    _ => None,
                }
            }
            BoundFilter::Element(..) => None,
            BoundFilter::Nothing => Some(Self::nobody()),
        }
    }

    fn everybody() -> Self {
        Self::AllBut(BTreeSet::new())
    }

    fn nobody() -> Self {
        Self::Only(BTreeSet::new())
    }

    fn not(self) -> Self {
        match self {
            Self::Only(texts) => Self::AllBut(texts),
            Self::AllBut(texts) => Self::Only(texts),
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Only(mut one), Self::Only(other)) => {
                one.retain(|text| other.contains(text));
                Self::Only(one)
            }
            (Self::Only(mut one), Self::AllBut(not)) | (Self::AllBut(not), Self::Only(mut one)) => {
                one.retain(|text| !not.contains(text));
                Self::Only(one)
            }
            (Self::AllBut(mut one), Self::AllBut(other)) => {
                one.extend(other);
                Self::AllBut(one)
            }
        }
    }

    fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }
}
