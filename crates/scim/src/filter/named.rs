//! What a filter says of memberships, which are stored apart from what it is evaluated on.
//!
//! A group can have any number of members, so they are not read to evaluate a filter: only those
//! are that it names. That is exact for equality with constants, and nothing else is accepted.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{BoundFilter, Comparison, Operator, Test};
use crate::ScimError;

/// The most constants that a filter may compare memberships with.
const MAX_NAMED: usize = 16;

/// The constants that a filter compares memberships with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Named {
    /// Those compared with `value`: ids, if they have the form of one.
    pub values: BTreeSet<String>,
    /// Those compared with `display`, folded.
    pub displays: BTreeSet<String>,
}

impl Named {
    /// An element of `members` that stands for all that the filter does not name: with it, and
    /// those that it names, the filter gives the answer that it gives with all.
    pub fn other(&self) -> Value {
        let mut value = "other".to_owned();
        while self.values.contains(&value) {
            value.push('_');
        }
        json!({"value": value, "type": "User"})
    }
}

impl BoundFilter {
    /// What the filter says of `attribute`, which is `members` or `groups`; `None` if it says
    /// nothing.
    ///
    /// Whether there are others than those that it names is known of the members of a group, and
    /// not of the groups of a user. So `members pr` is answered, and `groups pr` is refused.
    ///
    /// # Errors
    /// `invalidFilter` when it takes more than those that it names, or names too many.
    pub fn named(&self, attribute: &str) -> Result<Option<Named>, ScimError> {
        let mut walk = Walk {
            attribute,
            knows_of_others: attribute == "members",
            named: None,
        };
        walk.resource(self)?;
        if let Some(named) = &walk.named {
            let count = named.values.len() + named.displays.len();
            if count > MAX_NAMED {
                return Err(ScimError::InvalidFilter(format!(
                    "the filter compares `{attribute}` with {count} values, and {MAX_NAMED} are accepted; send several requests"
                )));
            }
        }
        Ok(walk.named)
    }
}

struct Walk<'a> {
    attribute: &'a str,
    knows_of_others: bool,
    named: Option<Named>,
}

impl Walk<'_> {
    /// Looks at a filter on a resource.
    fn resource(&mut self, filter: &BoundFilter) -> Result<(), ScimError> {
        match filter {
            BoundFilter::And(terms) | BoundFilter::Or(terms) => {
                terms.iter().try_for_each(|term| self.resource(term))
            }
            BoundFilter::Not(inner) => self.resource(inner),
            BoundFilter::Element(path, inner) if path.attribute.name == self.attribute => {
                self.named.get_or_insert_default();
                let accepts_others = self.element(inner)?;
                self.check_others(accepts_others)
            }
            BoundFilter::Present(path) if path.attribute.name == self.attribute => {
                self.named.get_or_insert_default();
                let name = path.sub_attribute.map_or("value", |sub| sub.name);
                let accepts_others = self.present(name)?;
                self.check_others(accepts_others)
            }
            BoundFilter::Compare(Comparison { path, test })
                if path.attribute.name == self.attribute =>
            {
                self.named.get_or_insert_default();
                let accepts_others = self.compared(path.leaf().name, test)?;
                self.check_others(accepts_others)
            }
            BoundFilter::Element(..)
            | BoundFilter::Present(_)
            | BoundFilter::Compare(_)
            | BoundFilter::Nothing => Ok(()),
        }
    }

    /// Looks at a filter on an element. Returns whether it accepts one that it does not name.
    fn element(&mut self, filter: &BoundFilter) -> Result<bool, ScimError> {
        match filter {
            BoundFilter::And(terms) => terms
                .iter()
                .try_fold(true, |all, term| Ok(self.element(term)? && all)),
            BoundFilter::Or(terms) => terms
                .iter()
                .try_fold(false, |any, term| Ok(self.element(term)? || any)),
            BoundFilter::Not(inner) => Ok(!self.element(inner)?),
            BoundFilter::Present(path) => self.present(path.leaf().name),
            BoundFilter::Compare(Comparison { path, test }) => {
                self.compared(path.leaf().name, test)
            }
            BoundFilter::Element(..) | BoundFilter::Nothing => Ok(false),
        }
    }

    /// Whether `name pr` accepts an element that is not named.
    fn present(&self, name: &str) -> Result<bool, ScimError> {
        match name {
            "value" | "type" => Ok(true),
            "display" if !self.knows_of_others => Ok(true),
            _ => Err(self.refusal()),
        }
    }

    /// Whether a comparison of `name` accepts an element that is not named.
    fn compared(&mut self, name: &str, test: &Test) -> Result<bool, ScimError> {
        let Test::Text {
            operator: Operator::Eq,
            value,
            ..
        } = test
        else {
            return Err(self.refusal());
        };
        let named = self.named.get_or_insert_default();
        match name {
            "value" => _ = named.values.insert(value.clone()),
            "display" if !self.knows_of_others => _ = named.displays.insert(value.clone()),
            // All have the same.
            "type" if self.knows_of_others => return Ok(value == "user"),
            "type" => return Ok(value == "direct"),
            _ => return Err(self.refusal()),
        }
        Ok(false)
    }

    fn check_others(&self, accepts_others: bool) -> Result<(), ScimError> {
        match accepts_others && !self.knows_of_others {
            true => Err(self.refusal()),
            false => Ok(()),
        }
    }

    fn refusal(&self) -> ScimError {
        let Self { attribute, .. } = self;
        ScimError::InvalidFilter(match self.knows_of_others {
            true => format!(
                "`{attribute}` can be filtered by `value` only, with `eq`, `ne` or `pr`, such as `{attribute}.value eq \"…\"`"
            ),
            false => format!(
                "`{attribute}` can be filtered by `value` or `display` only, with `eq` or `ne`, such as `{attribute}.value eq \"…\"`"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Map;

    use super::*;
    use crate::ResourceType;
    use crate::filter::Filter;
    use crate::schema::{GROUPS, USERS};

    fn named(resource_type: &ResourceType, text: &str) -> Result<Option<Named>, ScimError> {
        let attribute = match resource_type.name {
            "Group" => "members",
            _ => "groups",
        };
        Filter::compile(text, resource_type)
            .unwrap()
            .named(attribute)
    }

    fn values(values: &[&str], displays: &[&str]) -> Option<Named> {
        let set = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Some(Named {
            values: set(values),
            displays: set(displays),
        })
    }

    #[test]
    fn the_constants_of_a_filter_on_groups_are_found() {
        for (text, expected) in [
            ("displayName eq \"Crew\"", None),
            ("id eq \"g\" and members eq \"U\"", values(&["U"], &[])),
            (
                "members.value ne \"U\" or not (members.value eq \"V\")",
                values(&["U", "V"], &[]),
            ),
            (
                "MEMBERS[VALUE eq \"U\" and type eq \"User\"]",
                values(&["U"], &[]),
            ),
            (
                "members[type eq \"User\"].value eq \"U\"",
                values(&["U"], &[]),
            ),
            ("members pr", values(&[], &[])),
            (
                "members.value pr and not (members[value pr])",
                values(&[], &[]),
            ),
            ("members eq null", values(&[], &[])),
            (
                "members.type eq \"user\" and displayName pr",
                values(&[], &[]),
            ),
        ] {
            assert_eq!(named(&GROUPS, text), Ok(expected), "{text}");
        }
        for text in [
            "members.value sw \"U\"",
            "members gt \"U\"",
            "members.display eq \"Ana\"",
            "members[value eq \"U\" and display eq \"Ana\"]",
            "members[display pr]",
            "members.$ref pr",
            "displayName eq \"Crew\" or members.type co \"User\"",
        ] {
            let refused = named(&GROUPS, text).unwrap_err();
            assert_eq!(refused.scim_type(), Some("invalidFilter"), "{text}");
            assert!(refused.to_string().contains("by `value` only"), "{refused}");
        }
    }

    #[test]
    fn the_constants_of_a_filter_on_users_are_found() {
        for (text, expected) in [
            ("userName eq \"lena\"", None),
            ("groups eq \"G\" and active eq true", values(&["G"], &[])),
            ("groups.value ne \"G\"", values(&["G"], &[])),
            (
                "groups.display eq \"North CREW\"",
                values(&[], &["north crew"]),
            ),
            (
                "groups.display ne \"Crew\" or groups eq \"G\"",
                values(&["G"], &["crew"]),
            ),
            (
                "groups[value eq \"G\" and type eq \"direct\"]",
                values(&["G"], &[]),
            ),
            (
                "groups[value eq \"G\" and display ne \"Crew\"]",
                values(&["G"], &["crew"]),
            ),
            (
                "not (groups[display eq \"Crew\" and value pr])",
                values(&[], &["crew"]),
            ),
        ] {
            assert_eq!(named(&USERS, text), Ok(expected), "{text}");
        }
        for text in [
            "groups pr",
            "groups.value pr",
            "groups eq null",
            "not (groups pr)",
            "groups[value pr]",
            "groups[value ne \"G\"]",
            "groups[not (display eq \"Crew\")]",
            "groups[value eq \"G\" or type eq \"direct\"]",
            "groups.type eq \"direct\"",
            "groups.display sw \"North\"",
            "groups.$ref eq \"x\"",
        ] {
            let refused = named(&USERS, text).unwrap_err();
            assert_eq!(refused.scim_type(), Some("invalidFilter"), "{text}");
            assert!(
                refused.to_string().contains("`value` or `display` only"),
                "{refused}"
            );
        }
    }

    #[test]
    fn the_number_of_constants_is_bounded() {
        let filter = |count: usize| {
            let terms = (0..count).map(|number| format!("members eq \"{number}\""));
            let twice: Vec<_> = terms.clone().chain(terms).collect();
            named(&GROUPS, &twice.join(" or "))
        };
        assert_eq!(filter(MAX_NAMED).unwrap().unwrap().values.len(), MAX_NAMED);
        let refused = filter(MAX_NAMED + 1).unwrap_err();
        assert_eq!(refused.scim_type(), Some("invalidFilter"));
        assert!(
            refused
                .to_string()
                .contains("with 17 values, and 16 are accepted")
        );
    }

    /// A filter, of conditions on a resource or on an element.
    fn combined(leaf: BoxedStrategy<String>) -> BoxedStrategy<String> {
        let combined = leaf.prop_recursive(3, 12, 3, |inner| {
            let all = prop::collection::vec(inner.clone(), 2..4);
            let word = prop::sample::select(vec![" and ", " or "]);
            prop_oneof![
                (all, word).prop_map(|(all, word)| format!("({})", all.join(word))),
                inner.prop_map(|inner| format!("not ({inner})")),
            ]
        });
        combined.boxed()
    }

    fn filter(attribute: &'static str, names: Vec<&'static str>) -> BoxedStrategy<String> {
        let texts = prop::sample::select(vec!["a", "b", "c", "A", "", "other", " ", "User"]);
        let operators = prop::sample::select(vec!["eq", "ne"]);
        let compared = (prop::sample::select(names), operators, texts)
            .prop_map(|(name, operator, text)| format!("{name} {operator} \"{text}\""));
        let condition = prop_oneof![
            6 => compared,
            1 => prop::sample::select(vec![
                "value pr", "value eq null", "type eq \"User\"", "type eq \"direct\"", "type pr",
            ]).prop_map(str::to_owned),
        ];
        let elements = combined(condition.clone().boxed());
        let on_resource = prop_oneof![
            6 => condition.prop_map(move |condition| format!("{attribute}.{condition}")),
            6 => elements.prop_map(move |inner| format!("{attribute}[{inner}]")),
            1 => Just(format!("{attribute} pr")),
            1 => Just("externalId eq \"e\"".to_owned()),
        ];
        combined(on_resource.boxed())
    }

    fn with(attribute: &str, elements: Vec<Value>) -> Map<String, Value> {
        let mut object = Map::from_iter([("externalId".to_owned(), "e".into())]);
        if !elements.is_empty() {
            object.insert(attribute.to_owned(), elements.into());
        }
        object
    }

    /// Who can be a member, or a group; ids are never empty.
    fn ids() -> impl Strategy<Value = Vec<&'static str>> {
        prop::sample::subsequence(vec!["a", "b", "c", "d", "e", "User"], 0..6)
    }

    proptest! {
        #[test]
        fn the_members_that_a_filter_names_and_another_are_as_good_as_all(
            text in filter("members", vec!["value"]), ids in ids(),
        ) {
            let bound = Filter::compile(&text, &GROUPS).unwrap();
            let element = |id: &&str| json!({"value": id, "type": "User", "display": "x"});
            let all = with("members", ids.iter().map(element).collect());
            if let Some(named) = bound.named("members").unwrap() {
                let (known, others): (Vec<_>, Vec<_>) =
                    ids.iter().partition(|id| named.values.contains(**id));
                let mut some: Vec<_> = known.into_iter().map(element).collect();
                if !others.is_empty() {
                    some.push(named.other());
                }
                prop_assert_eq!(bound.matches(&with("members", some)), bound.matches(&all), "{}", text);
            }
        }

        #[test]
        fn the_groups_that_a_filter_names_are_as_good_as_all(
            text in filter("groups", vec!["value", "display"]), ids in ids(),
        ) {
            let bound = Filter::compile(&text, &USERS).unwrap();
            let element = |id: &&str| json!({"value": id, "display": id.to_uppercase(), "type": "direct"});
            let all = with("groups", ids.iter().map(element).collect());
            if let Ok(Some(named)) = bound.named("groups") {
                let some = ids.iter().filter(|id| {
                    named.values.contains(**id) || named.displays.contains(&id.to_lowercase())
                });
                let some = with("groups", some.map(element).collect());
                prop_assert_eq!(bound.matches(&some), bound.matches(&all), "{}", text);
            }
        }
    }
}
