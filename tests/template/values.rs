//! Values of template.yaml that are no texts, and names within texts.

use saphyr::Yaml;

pub fn boolean(node: &Yaml<'_>) -> bool {
    node.as_bool()
        .unwrap_or_else(|| panic!("not a truth value: {node:?}"))
}

pub fn number(node: &Yaml<'_>) -> u64 {
    let number = node
        .as_integer()
        .unwrap_or_else(|| panic!("not a number: {node:?}"));
    u64::try_from(number).unwrap()
}

/// The identifier at the start of a piece of source text.
pub fn identifier(text: &str) -> &str {
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    &text[..end]
}
