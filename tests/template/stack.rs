//! A stack as CloudFormation would make it of some parameters: which conditions hold, what is
//! there, and what names what.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use saphyr::Yaml;

use crate::yaml::{at, choice, items, string};

pub struct Stack<'y, 't> {
    template: &'y Yaml<'t>,
    /// Parameters that have another value than their default.
    parameters: BTreeMap<&'static str, &'static str>,
}

impl<'y, 't> Stack<'y, 't> {
    pub fn new(
        template: &'y Yaml<'t>,
        parameters: impl IntoIterator<Item = (&'static str, &'static str)>,
    ) -> Self {
        let parameters: BTreeMap<_, _> = parameters.into_iter().collect();
        for name in parameters.keys() {
            at(template, &["Parameters", name]);
        }
        Self {
            template,
            parameters,
        }
    }

    /// The names in a section, such as `Resources`, that are there.
    pub fn names(&self, section: &str) -> BTreeSet<String> {
        let all = at(self.template, &[section]).as_mapping().unwrap().iter();
        all.filter(|(_, node)| {
            let condition = node.as_mapping_get("Condition");
            condition.is_none_or(|condition| self.is_met(&string(condition)))
        })
        .map(|(name, _)| string(name))
        .collect()
    }

    /// The parameters and resources that a value names, of which an `If` gives one.
    pub fn named_by(&self, node: &Yaml<'t>) -> BTreeSet<String> {
        let mut named = BTreeSet::new();
        self.name(node, &mut named);
        named
    }

    fn name(&self, node: &Yaml<'t>, named: &mut BTreeSet<String>) {
        match node {
            Yaml::Tagged(tag, inner) => match tag.suffix.as_str() {
                "If" => {
                    let (condition, then, otherwise) = choice(node);
                    let taken = match self.is_met(&condition) {
                        true => then,
                        false => otherwise,
                    };
                    self.name(taken, named);
                }
                // SAM's `Api.Stage` is the stage that it makes for the Api.
                "Ref" => named.extend([before_dot(&string(inner))]),
                "GetAtt" => named.extend([before_dot(&string(inner))]),
                "Sub" => match inner.as_sequence() {
                    None => named.extend(variables(&string(inner))),
                    // A text, and values for some of the names in it.
                    Some(list) => {
                        let own = list[1].as_mapping().expect("values by name");
                        let names = variables(&string(&list[0])).into_iter();
                        named.extend(names.filter(|name| !list[1].contains_mapping_key(name)));
                        own.values().for_each(|value| self.name(value, named));
                    }
                },
                other => panic!("not known here: {other}"),
            },
            Yaml::Sequence(list) => list.iter().for_each(|node| self.name(node, named)),
            Yaml::Mapping(map) => map.values().for_each(|node| self.name(node, named)),
            _ => {}
        }
    }

    fn is_met(&self, condition: &str) -> bool {
        self.holds(at(self.template, &["Conditions", condition]))
    }

    fn holds(&self, node: &Yaml<'t>) -> bool {
        let Yaml::Tagged(tag, inner) = node else {
            panic!("not a condition: {node:?}");
        };
        match tag.suffix.as_str() {
            "Condition" => self.is_met(&string(inner)),
            "Equals" => {
                let values: Vec<_> = items(inner).map(|node| self.value(node)).collect();
                values[0] == values[1]
            }
            "Not" => !items(inner).all(|node| self.holds(node)),
            "And" => items(inner).all(|node| self.holds(node)),
            "Or" => items(inner).any(|node| self.holds(node)),
            other => panic!("not known here: {other}"),
        }
    }

    fn value(&self, node: &Yaml<'t>) -> String {
        match node {
            Yaml::Tagged(_, name) => {
                let name = string(name);
                match self.parameters.get(name.as_str()) {
                    Some(value) => (*value).to_owned(),
                    None => plain(at(self.template, &["Parameters", &name, "Default"])),
                }
            }
            other => plain(other),
        }
    }
}

fn plain(node: &Yaml<'_>) -> String {
    match node.as_integer() {
        Some(number) => number.to_string(),
        None => string(node),
    }
}

fn before_dot(name: &str) -> String {
    name.split('.').next().unwrap().to_owned()
}

/// The names in a text of `Sub`; those of AWS (`AWS::Region`) are among them.
fn variables(text: &str) -> Vec<String> {
    let found = text.split("${").skip(1);
    found
        .map(|rest| before_dot(rest.split('}').next().unwrap()))
        .collect()
}

/// A value on one line: `!GetAtt Queue.Arn`, `[a, b]`, `{name: value}`.
pub fn shown(node: &Yaml<'_>) -> String {
    match node {
        Yaml::Tagged(tag, inner) => format!("!{} {}", tag.suffix, shown(inner)),
        Yaml::Sequence(list) => {
            let list: Vec<_> = list.iter().map(shown).collect();
            format!("[{}]", list.join(", "))
        }
        Yaml::Mapping(map) => {
            let mut text = String::new();
            for (name, value) in map {
                let start = if text.is_empty() { "" } else { ", " };
                write!(text, "{start}{}: {}", string(name), shown(value)).unwrap();
            }
            format!("{{{text}}}")
        }
        other => match other.as_bool() {
            Some(value) => value.to_string(),
            None => plain(other),
        },
    }
}

/// The resources of a type, by name.
pub fn of_type<'y, 't>(template: &'y Yaml<'t>, name: &str) -> BTreeMap<String, &'y Yaml<'t>> {
    let all = at(template, &["Resources"]).as_mapping().unwrap().iter();
    let found: BTreeMap<_, _> = all
        .filter(|(_, node)| string(at(node, &["Type"])) == name)
        .map(|(logical, node)| (string(logical), at(node, &["Properties"])))
        .collect();
    assert!(!found.is_empty(), "template.yaml: no {name}");
    found
}
