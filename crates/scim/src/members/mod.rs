//! The members of a group. They are stored apart from the group's attributes, so a request does not
//! make a new list of them: it comes to a [`MemberChange`], which is as large as what it names,
//! however large the group is.
//!
//! `parse` reads members in every shape that clients send, `selection` what a filter in a path
//! says of them.

pub(crate) mod parse;
#[cfg(test)]
mod proptests;
pub(crate) mod selection;

use std::collections::{BTreeMap, BTreeSet};

use crate::bulk::MAX_PAYLOAD_SIZE;
use crate::text::quote;
use crate::work::{BEGIN, Budget, LOOK};
use crate::{ResourceId, ScimError};
use parse::Given;
use selection::Selection;

/// The largest body of a request for one group, in bytes: [`MAX_NAMED`] members in the form in
/// which GET shows them, or an operation for each.
pub const MAX_BODY: usize = 4 * MAX_PAYLOAD_SIZE;

/// The most members that one request may name.
pub const MAX_NAMED: usize = 20_000;

/// What a request does to the members of a group. What several do one after another is a change
/// again: see [`then`](Self::then).
///
/// The sub-attributes of a member are immutable (RFC 7643 §4.2): putting somebody who is a member
/// already changes nothing, even if `display` is another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemberChange {
    clears: bool,
    named: BTreeMap<ResourceId, Effect>,
    unknown: BTreeSet<String>,
}

/// What a change does to one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// It is a member afterwards, with this `display` unless it was one before.
    Put(Option<String>),
    /// It is no member afterwards.
    Remove,
    /// It stays if it was a member, although the change clears.
    Keep,
}

impl MemberChange {
    /// Adds these members, each with its `display`.
    pub fn adding(members: impl IntoIterator<Item = (ResourceId, Option<String>)>) -> Self {
        let mut change = Self::default();
        for (id, display) in members {
            change.put(id, display);
        }
        change
    }

    /// Removes these members.
    pub fn removing(ids: impl IntoIterator<Item = ResourceId>) -> Self {
        let mut change = Self::default();
        for id in ids {
            change.remove(id);
        }
        change
    }

    /// Whether it neither clears nor names anybody, not even somebody unknown.
    pub fn is_nothing(&self) -> bool {
        !self.clears && self.named.is_empty() && self.unknown.is_empty()
    }

    /// The same for a group that has no members: there is nobody to remove.
    #[must_use]
    pub fn for_new_group(mut self) -> Self {
        self.clears = false;
        self.named
            .retain(|_, effect| matches!(effect, Effect::Put(_)));
        self
    }

    /// Whether members that are not named are removed.
    pub fn clears(&self) -> bool {
        self.clears
    }

    /// The named members in the order of their ids. `Keep` is only there if the change clears, and
    /// `Remove` only if it does not.
    pub fn named(&self) -> &BTreeMap<ResourceId, Effect> {
        &self.named
    }

    /// Who is to be added and certainly is nobody: the text is no id, or the type is not `User`.
    pub fn unknown(&self) -> &BTreeSet<String> {
        &self.unknown
    }

    /// This change, and then another.
    #[must_use]
    pub fn then(mut self, later: Self) -> Self {
        if later.clears {
            self.clear_except(later.named, &BTreeSet::new());
        } else {
            for (id, effect) in later.named {
                match effect {
                    Effect::Put(display) => self.put(id, display),
                    Effect::Remove => self.remove(id),
                    Effect::Keep => {}
                }
            }
        }
        self.unknown.extend(later.unknown);
        self
    }

    /// Adds these members.
    ///
    /// # Errors
    /// `tooMany` when more are named than one request may name, or the budget is spent.
    pub(crate) fn add(&mut self, given: Vec<Given>, budget: &Budget) -> Result<(), ScimError> {
        for Given {
            id,
            is_user,
            display,
        } in given
        {
            budget.spend(BEGIN)?;
            let Some(text) = id else {
                continue;
            };
            match ResourceId::parse(&text) {
                Some(id) if is_user => self.put(id, display),
                _ => self.miss(&text),
            }
        }
        self.check_number()
    }

    /// Makes these the members. Those of them who are members stay as they are.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub(crate) fn replace(&mut self, given: Vec<Given>, budget: &Budget) -> Result<(), ScimError> {
        let mut all = Self {
            clears: true,
            ..Self::default()
        };
        all.add(given, budget)?;
        budget.spend(LOOK.saturating_mul(8 * all.named.len() as u64))?;
        *self = std::mem::take(self).then(all);
        Ok(())
    }

    /// Removes those who are called so.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub(crate) fn remove_all<'t>(
        &mut self,
        texts: impl Iterator<Item = &'t str>,
        budget: &Budget,
    ) -> Result<(), ScimError> {
        for text in texts {
            budget.spend(BEGIN)?;
            match ResourceId::parse(text) {
                Some(id) => self.remove(id),
                None => _ = self.unknown.remove(shortened(text)),
            }
        }
        self.check_number()
    }

    /// Removes those whom a filter selects.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub(crate) fn remove_selected(
        &mut self,
        selection: &Selection,
        budget: &Budget,
    ) -> Result<(), ScimError> {
        match selection {
            Selection::Only(texts) => self.remove_all(texts.iter().map(String::as_str), budget),
            Selection::AllBut(texts) => {
                budget.spend(BEGIN.saturating_mul(1 + texts.len() as u64))?;
                let ids = texts.iter().filter_map(|text| ResourceId::parse(text));
                let kept = ids.map(|id| (id, Effect::Keep)).collect();
                self.clear_except(kept, &texts.iter().map(|text| shortened(text)).collect());
                self.check_number()
            }
        }
    }

    /// Removes everybody.
    pub(crate) fn clear(&mut self) {
        self.clear_except(BTreeMap::new(), &BTreeSet::new());
    }

    /// Removes everybody but those who are kept or put; of those who are nobody, all but `kept`.
    fn clear_except(&mut self, effects: BTreeMap<ResourceId, Effect>, kept: &BTreeSet<&str>) {
        let before = std::mem::take(&mut self.named);
        let effects = effects.into_iter().filter_map(|(id, effect)| {
            let effect = match (before.get(&id), effect) {
                (Some(Effect::Put(display)), Effect::Put(_) | Effect::Keep) => {
                    Effect::Put(display.clone())
                }
                (_, Effect::Put(display)) => Effect::Put(display),
                (Some(Effect::Keep), Effect::Keep) => Effect::Keep,
                (None, Effect::Keep) if !self.clears => Effect::Keep,
                // It is no member any more.
                (_, Effect::Remove | Effect::Keep) => return None,
            };
            Some((id, effect))
        });
        self.named = effects.collect();
        self.unknown.retain(|text| kept.contains(text.as_str()));
        self.clears = true;
    }

    fn put(&mut self, id: ResourceId, display: Option<String>) {
        self.unknown.remove(id.as_str());
        let effect = self.named.entry(id).or_insert(Effect::Remove);
        if !matches!(effect, Effect::Put(_)) {
            *effect = Effect::Put(display);
        }
    }

    fn remove(&mut self, id: ResourceId) {
        self.unknown.remove(id.as_str());
        if self.clears {
            self.named.remove(&id);
        } else {
            self.named.insert(id, Effect::Remove);
        }
    }

    /// Notes somebody who is to be added and is nobody.
    fn miss(&mut self, text: &str) {
        self.unknown.insert(shortened(text).to_owned());
    }

    fn check_number(&self) -> Result<(), ScimError> {
        let count = self.named.len() + self.unknown.len();
        if count <= MAX_NAMED {
            return Ok(());
        }
        Err(ScimError::TooMany(format!(
            "the request names {count} members, and {MAX_NAMED} are accepted; send several PATCH requests"
        )))
    }
}

/// The refusal of a request that adds members of whom none is a user. `ids` are as the client sent
/// them.
pub fn nobody<'t>(ids: impl IntoIterator<Item = &'t str>) -> ScimError {
    const SHOWN: usize = 5;
    let mut ids = ids.into_iter();
    let shown: Vec<_> = ids.by_ref().take(SHOWN).map(quote).collect();
    let others = match ids.count() {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    ScimError::InvalidValue(format!(
        "none of the members is a user of this tenant: {}{others}; groups cannot be members; provision the users first and send their ids as `value`",
        shown.join(", ")
    ))
}

/// As much of a text that is no id as is kept of it.
fn shortened(text: &str) -> &str {
    const KEPT: usize = 80;
    let end = text
        .char_indices()
        .nth(KEPT)
        .map_or(text.len(), |(end, _)| end);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests;
