//! Reading template.yaml, with the tags that CloudFormation adds to YAML.

use std::fs;
use std::path::Path;

use saphyr::{LoadableYamlNode, Yaml};

pub fn source(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn parse(text: &str) -> Yaml<'_> {
    let mut documents = Yaml::load_from_str(text).expect("template.yaml is YAML");
    assert_eq!(documents.len(), 1);
    documents.remove(0)
}

pub fn at<'y, 't>(mut node: &'y Yaml<'t>, path: &[&str]) -> &'y Yaml<'t> {
    for step in path {
        node = node
            .as_mapping_get(step)
            .unwrap_or_else(|| panic!("template.yaml: no `{step}` on the way {path:?}"));
    }
    node
}

pub fn items<'y, 't>(node: &'y Yaml<'t>) -> impl Iterator<Item = &'y Yaml<'t>> {
    node.as_sequence().expect("a list").iter()
}

pub fn string(node: &Yaml<'_>) -> String {
    node.as_str()
        .unwrap_or_else(|| panic!("not a text: {node:?}"))
        .to_owned()
}

/// The name of a CloudFormation function such as `!GetAtt`, and its argument.
pub fn tagged(node: &Yaml<'_>) -> (String, String) {
    match node {
        Yaml::Tagged(tag, inner) => (tag.suffix.clone(), string(inner)),
        other => panic!("not a CloudFormation function: {other:?}"),
    }
}

/// The condition of an `!If`, and its two values.
pub fn choice<'y, 't>(node: &'y Yaml<'t>) -> (String, &'y Yaml<'t>, &'y Yaml<'t>) {
    let Yaml::Tagged(tag, inner) = node else {
        panic!("not a CloudFormation function: {node:?}");
    };
    assert_eq!(tag.suffix, "If");
    let [condition, then, otherwise] = &inner.as_sequence().expect("a list")[..] else {
        panic!("an If has a condition and two values: {node:?}");
    };
    (string(condition), then, otherwise)
}

/// The stack's table that a value leads to by `way` (`Ref`, `GetAtt`), unless the parameter with
/// the table's name says another one: then that is the value. A table without such a parameter is
/// always the stack's.
pub fn table_by(node: &Yaml<'_>, way: &str, other: impl Fn(&str) -> String) -> String {
    let table = |node| {
        let (tag, own) = tagged(node);
        assert_eq!(tag, way);
        own.strip_suffix(".Arn").unwrap_or(&own).to_owned()
    };
    if matches!(node, Yaml::Tagged(tag, _) if tag.suffix != "If") {
        return table(node);
    }
    let (condition, then, otherwise) = choice(node);
    let table = table(otherwise);
    assert_eq!(
        condition,
        format!("Has{table}Name"),
        "the condition of {table}"
    );
    let (tag, text) = tagged(then);
    assert_eq!(text, other(&format!("{table}Name")), "the other {table}");
    assert_eq!(tag, if text.contains("${") { "Sub" } else { "Ref" });
    table
}

/// The table that a policy names by its ARN, and the index of it if it names that and not the table
/// itself.
pub fn table_or_index(node: &Yaml<'_>) -> (String, Option<String>) {
    let arn = |name: &str| {
        format!(
            "arn:${{AWS::Partition}}:dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:table/${{{name}}}"
        )
    };
    if matches!(node, Yaml::Tagged(tag, _) if tag.suffix == "If") {
        let (condition, then, otherwise) = choice(node);
        let (tag, own) = tagged(otherwise);
        if tag == "Sub" {
            let parts = own.strip_prefix("${");
            let parts = parts.and_then(|rest| rest.split_once(".Arn}/index/"));
            let (table, index) = parts.expect("an index of a table of the stack");
            assert_eq!(
                condition,
                format!("Has{table}Name"),
                "the condition of {own}"
            );
            let other = format!("{}/index/{index}", arn(&format!("{table}Name")));
            assert_eq!(tagged(then), ("Sub".to_owned(), other), "the other {own}");
            return (table.to_owned(), Some(index.to_owned()));
        }
    }
    (table_by(node, "GetAtt", arn), None)
}

/// The statements of a policy, each with the condition under which it is there if it is not always.
pub fn statements<'y, 't>(document: &'y Yaml<'t>) -> Vec<(Option<String>, &'y Yaml<'t>)> {
    let statements = items(at(document, &["Statement"]));
    let statements = statements.map(|statement| {
        if statement.as_mapping().is_some() {
            return (None, statement);
        }
        let (condition, then, otherwise) = choice(statement);
        let nothing = ("Ref".to_owned(), "AWS::NoValue".to_owned());
        assert_eq!(tagged(otherwise), nothing, "one statement, or none");
        (Some(condition), then)
    });
    statements.collect()
}

/// What a statement allows or denies: one action, or several.
pub fn actions(statement: &Yaml<'_>) -> Vec<String> {
    let actions = at(statement, &["Action"]);
    match actions.as_str() {
        Some(action) => vec![action.to_owned()],
        None => items(actions).map(string).collect(),
    }
}
