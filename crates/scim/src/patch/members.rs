//! Operations on members. They change no list: each one becomes a part of a [`MemberChange`], so
//! it takes the same in a group of any size.

use serde_json::Value;

use super::change::Change;
use super::target::Target;
use crate::ScimError;
use crate::members::MemberChange;
use crate::members::parse::{Given, is_empty_list, list, list_to_add};
use crate::members::selection::Selection;
use crate::work::Budget;

/// Adds what an operation does to what those before it did.
pub(super) fn apply(
    members: &mut MemberChange,
    target: &Target<'_>,
    change: Change,
    budget: &Budget,
) -> Result<(), ScimError> {
    let attribute = target.path.attribute;
    if target.path.sub_attribute.is_some() {
        return Err(ScimError::Mutability(format!(
            "{} cannot be changed: members are added and removed as a whole; use the path `{}`",
            target.quoted(),
            attribute.name
        )));
    }
    let Some(filter) = &target.filter else {
        return match change {
            Change::Add(value) => members.add(list_to_add(attribute, value)?, budget),
            Change::Replace(value) => members.replace(list_to_add(attribute, value)?, budget),
            Change::Remove(None) => {
                members.clear();
                Ok(())
            }
            // Entra without its flag: these members, and no others.
            Change::Remove(Some(value)) => {
                let given = list(attribute, value)?;
                let ids = given.iter().filter_map(|given| given.id.as_deref());
                members.remove_all(ids, budget)
            }
        };
    };
    let selected = Selection::of(filter).ok_or_else(|| {
        ScimError::InvalidPath(format!(
            "{} cannot be used: members are selected by `value`, with `eq` or `ne`, such as `{}[value eq \"…\"]`",
            target.quoted(),
            attribute.name
        ))
    })?;
    let (value, replaces) = match change {
        Change::Remove(_) => return members.remove_selected(&selected, budget),
        Change::Add(value) => (value, false),
        Change::Replace(value) => (value, true),
    };
    let given = match is_empty_list(&value) {
        true => Vec::new(),
        false => described(target, &selected, value)?,
    };
    if replaces {
        members.remove_selected(&selected, budget)?;
    }
    members.add(given, budget)
}

/// The members that a value at a path with a filter means: those that it names, or those that the
/// filter names if it names nobody.
fn described(
    target: &Target<'_>,
    selected: &Selection,
    value: Value,
) -> Result<Vec<Given>, ScimError> {
    let given = list(target.path.attribute, value)?;
    if given.iter().any(|given| given.id.is_some()) {
        return Ok(given);
    }
    let Selection::Only(texts) = selected else {
        return Err(ScimError::NoTarget(format!(
            "{} names no member to add; send its id as `value`",
            target.quoted()
        )));
    };
    let first = given.into_iter().next().unwrap_or_default();
    let named = texts.iter().map(|text| Given {
        id: Some(text.clone()),
        is_user: first.is_user,
        display: first.display.clone(),
    });
    Ok(named.collect())
}
