//! Changes of members, against plain sets of members.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::parse::Given;
use super::selection::Selection;
use super::{Effect, MemberChange};
use crate::ResourceId;
use crate::filter::Filter;
use crate::patch::{PatchRequest, apply};
use crate::schema::check::check;
use crate::schema::{Attribute, GROUPS, attribute};
use crate::work::Budget;

/// The members of a group, with what is shown of each.
type Members = BTreeMap<ResourceId, Option<String>>;

/// One thing that a request does.
#[derive(Debug, Clone)]
enum Step {
    Add(Vec<(u8, Option<String>)>),
    Replace(Vec<(u8, Option<String>)>),
    Remove(Vec<u8>),
    RemoveSelected(Selection),
    Clear,
}

fn id(number: u8) -> ResourceId {
    ResourceId::parse(&text(number)).unwrap()
}

fn text(number: u8) -> String {
    format!("0000000{number}-7f76-453a-919d-413861904646")
}

fn given(members: &[(u8, Option<String>)]) -> Vec<Given> {
    let given = members.iter().map(|(number, display)| Given {
        id: Some(text(*number)),
        is_user: true,
        display: display.clone(),
    });
    given.collect()
}

fn add(members: &mut Members, added: &[(u8, Option<String>)]) {
    for (number, display) in added {
        members
            .entry(id(*number))
            .or_insert_with(|| display.clone());
    }
}

impl Step {
    /// What it makes of a set.
    fn naive(&self, members: &mut Members) {
        match self {
            Self::Add(added) => add(members, added),
            Self::Replace(all) => {
                members.retain(|id, _| all.iter().any(|(number, _)| *id == self::id(*number)));
                add(members, all);
            }
            Self::Remove(removed) => {
                members.retain(|id, _| !removed.iter().any(|number| *id == self::id(*number)));
            }
            Self::RemoveSelected(Selection::Only(texts)) => {
                members.retain(|id, _| !texts.contains(id.as_str()));
            }
            Self::RemoveSelected(Selection::AllBut(texts)) => {
                members.retain(|id, _| texts.contains(id.as_str()));
            }
            Self::Clear => members.clear(),
        }
    }

    /// The step as an operation of a PATCH; `style` picks one of several ways to write it.
    fn written(&self, style: usize) -> Value {
        let one = |(number, display): &(u8, Option<String>)| match (style % 3, display) {
            (0, None) => json!(text(*number)),
            (1, _) => json!({"$ref": null, "value": text(*number), "display": display}),
            _ => json!({"VALUE": text(*number), "type": "user", "displayName": display}),
        };
        let all = |members: &[(u8, Option<String>)]| match members {
            [only] if style.is_multiple_of(2) => one(only),
            several => several.iter().map(one).collect(),
        };
        let write = |op: &str, value: Value| match style / 3 % 3 {
            0 => json!({"op": op, "path": "members", "value": value}),
            1 => json!({"op": op, "value": {"Members": value}}),
            _ => json!({"op": op, "path": format!("{}:members", GROUPS.core.id), "value": value}),
        };
        match self {
            Self::Add(added) => write(["add", "Add"][style % 2], all(added)),
            Self::Replace(members) => write("Replace", all(members)),
            Self::Remove(removed) => {
                let removed: Vec<_> = removed.iter().map(|number| (*number, None)).collect();
                json!({"op": "Remove", "path": "members", "value": all(&removed)})
            }
            Self::RemoveSelected(selection) => {
                let (texts, operator, word) = match selection {
                    Selection::Only(texts) => (texts, "eq", " or "),
                    Selection::AllBut(texts) => (texts, "ne", " and "),
                };
                let terms: Vec<_> = texts
                    .iter()
                    .map(|text| format!("value {operator} \"{text}\""))
                    .collect();
                let filter = match (terms.is_empty(), operator) {
                    (false, _) => terms.join(word),
                    (true, "eq") => "value eq null".to_owned(),
                    (true, _) => "type eq \"User\"".to_owned(),
                };
                json!({"op": "remove", "path": format!("members[{filter}]")})
            }
            Self::Clear => match style % 3 {
                0 => json!({"op": "remove", "path": "members"}),
                1 => json!({"op": "replace", "path": "members", "value": []}),
                _ => json!({"op": "replace", "value": {"members": null}}),
            },
        }
    }

    fn fold(&self, change: &mut MemberChange) {
        let budget = Budget::default();
        let outcome = match self {
            Self::Add(added) => change.add(given(added), &budget),
            Self::Replace(all) => change.replace(given(all), &budget),
            Self::Remove(removed) => {
                let texts: Vec<_> = removed.iter().map(|number| text(*number)).collect();
                change.remove_all(texts.iter().map(String::as_str), &budget)
            }
            Self::RemoveSelected(selection) => change.remove_selected(selection, &budget),
            Self::Clear => {
                change.clear();
                Ok(())
            }
        };
        outcome.unwrap();
    }
}

/// What a change makes of a set.
fn applied(change: &MemberChange, members: &Members) -> Members {
    let mut next = members.clone();
    if change.clears() {
        next.retain(|id, _| change.named().contains_key(id));
    }
    for (id, effect) in change.named() {
        match effect {
            Effect::Put(display) => _ = next.entry(id.clone()).or_insert_with(|| display.clone()),
            Effect::Remove => _ = next.remove(id),
            Effect::Keep => {}
        }
    }
    next
}

/// The members, and what is shown of those who were none before: what is shown of somebody who goes
/// and comes back within one request is what was shown before.
fn told(members: Members, before: &Members) -> Members {
    let told = members.into_iter().map(|(id, display)| {
        let is_new = !before.contains_key(&id);
        (id, display.filter(|_| is_new))
    });
    told.collect()
}

/// A change without what is shown of members.
fn unshown(change: &MemberChange) -> (bool, BTreeMap<ResourceId, Effect>) {
    let effects = change.named().iter().map(|(id, effect)| match effect {
        Effect::Put(_) => (id.clone(), Effect::Put(None)),
        other => (id.clone(), other.clone()),
    });
    (change.clears(), effects.collect())
}

fn folded(steps: &[Step]) -> MemberChange {
    let mut change = MemberChange::default();
    for step in steps {
        step.fold(&mut change);
    }
    for effect in change.named().values() {
        assert!(*effect != Effect::Keep || change.clears());
        assert!(*effect != Effect::Remove || !change.clears());
    }
    change
}

fn some() -> impl Strategy<Value = Vec<(u8, Option<String>)>> {
    prop::collection::vec((0..6_u8, prop::option::of("[xyz]")), 0..4)
}

fn numbers() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..6_u8, 0..4)
}

fn texts() -> impl Strategy<Value = BTreeSet<String>> {
    numbers().prop_map(|numbers| numbers.into_iter().map(text).collect())
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => some().prop_map(Step::Add),
        2 => some().prop_map(Step::Replace),
        4 => numbers().prop_map(Step::Remove),
        2 => texts().prop_map(|texts| Step::RemoveSelected(Selection::Only(texts))),
        2 => texts().prop_map(|texts| Step::RemoveSelected(Selection::AllBut(texts))),
        1 => Just(Step::Clear),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 0..6)
}

fn before() -> impl Strategy<Value = Members> {
    some().prop_map(|some| {
        let mut members = Members::new();
        add(&mut members, &some);
        members
    })
}

fn members_attribute() -> &'static Attribute {
    attribute::find(GROUPS.core.attributes, "members").unwrap()
}

/// A filter on a member, of everything that is accepted in a path.
fn filter() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => (prop::sample::select(vec!["eq", "ne", "EQ"]), 0..4_u8)
            .prop_map(|(operator, number)| format!("value {operator} \"{}\"", text(number))),
        1 => prop::sample::select(vec![
            "value pr", "type pr", "type eq \"User\"", "type ne \"user\"", "TYPE eq \"Group\"",
            "value eq null", "value ne \"nobody\"",
        ]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        let all = prop::collection::vec(inner.clone(), 2..4);
        let word = prop::sample::select(vec![" and ", " or "]);
        prop_oneof![
            (all, word).prop_map(|(all, word)| format!("({})", all.join(word))),
            inner.prop_map(|inner| format!("not ({inner})")),
        ]
    })
}

proptest! {
    #[test]
    fn steps_come_to_what_they_do_one_after_another(before in before(), steps in steps()) {
        let mut expected = before.clone();
        for step in &steps {
            step.naive(&mut expected);
        }
        let next = applied(&folded(&steps), &before);
        prop_assert_eq!(told(next, &before), told(expected, &before));
    }

    #[test]
    fn a_patch_comes_to_what_its_operations_do_one_after_another(
        before in before(),
        steps in prop::collection::vec((step(), 0..18_usize), 0..6),
    ) {
        let mut expected = before.clone();
        let mut operations = Vec::new();
        for (step, style) in &steps {
            step.naive(&mut expected);
            operations.push(step.written(*style));
        }
        let object = |value: Value| value.as_object().cloned().unwrap();
        let group = check(&GROUPS, object(json!({"displayName": "Crew"}))).unwrap().resource;
        let request = PatchRequest::parse(object(json!({"Operations": operations}))).unwrap();
        let patched = apply(&GROUPS, &group, &request, &Budget::default()).unwrap();
        prop_assert_eq!(patched.resource, None);
        let next = applied(&patched.members, &before);
        prop_assert_eq!(told(next, &before), told(expected, &before), "{:?}", operations);
    }

    #[test]
    fn a_change_and_then_another_is_one(
        before in before(), one in steps(), two in steps(), three in steps(),
    ) {
        let [one, two, three] = [one, two, three].map(|steps| folded(&steps));
        let middle = applied(&one, &before);
        let expected = told(applied(&two, &middle), &before);
        let both = one.clone().then(two.clone());
        prop_assert_eq!(told(applied(&both, &before), &before), expected);
        // In whatever order they are put together.
        let last = one.then(two.then(three.clone()));
        prop_assert_eq!(unshown(&both.then(three)), unshown(&last));
    }

    #[test]
    fn a_filter_selects_whom_it_matches(text_of_filter in filter()) {
        let filter = Filter::parse(&text_of_filter).unwrap();
        let bound = filter.bind_element(members_attribute()).unwrap();
        let selection = Selection::of(&bound).unwrap();
        for number in 0..6 {
            let Value::Object(element) = json!({"value": text(number), "type": "User"}) else {
                continue;
            };
            let is_selected = match &selection {
                Selection::Only(texts) => texts.contains(&text(number)),
                Selection::AllBut(texts) => !texts.contains(&text(number)),
            };
            prop_assert_eq!(bound.matches(&element), is_selected, "{}", text_of_filter);
        }
    }
}
