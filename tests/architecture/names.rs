//! What Rust code names: a scanner that knows comments, literals and imports, and no more.

/// Every path that the code names, imports spelt out: `use std::{env, fs::File}` is `std::env` and
/// `std::fs::File`.
pub fn paths(tokens: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut position = 0;
    while position < tokens.len() {
        let follows_dot = position > 0 && tokens[position - 1] == ".";
        let is_path = is_name(&tokens[position])
            && !follows_dot
            && tokens.get(position + 1).is_some_and(|next| next == "::");
        if is_path {
            position = collect(tokens, position, &mut Vec::new(), &mut found);
        } else {
            // A name imported alone, or in a group without more: `use http;`.
            if tokens[position] == "use"
                && position + 2 < tokens.len()
                && tokens[position + 2] == ";"
            {
                found.push(vec![tokens[position + 1].clone()]);
            }
            position += 1;
        }
    }
    found
}

/// Reads one path from `position` on, and all that branch off in braces; returns where it ends.
fn collect(
    tokens: &[String],
    mut position: usize,
    prefix: &mut Vec<String>,
    found: &mut Vec<Vec<String>>,
) -> usize {
    let length = prefix.len();
    while let Some(token) = tokens.get(position) {
        if is_name(token) {
            prefix.push(token.clone());
            position += 1;
        } else if token == "{" {
            position += 1;
            while tokens.get(position).is_some_and(|token| token != "}") {
                let start = position;
                position = collect(tokens, position, prefix, found);
                position += usize::from(position == start);
            }
            prefix.truncate(length);
            return position + 1;
        } else {
            break;
        }
        if tokens.get(position).is_none_or(|token| token != "::") {
            break;
        }
        position += 1;
    }
    if prefix.len() > length {
        found.push(prefix.clone());
    }
    prefix.truncate(length);
    position
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Names, `::` and other characters of the code; comments and literals left out.
pub fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let name = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let name = &rest[..name.unwrap_or(rest.len())];
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if rest.starts_with("r\"") || rest.starts_with("r#") {
            let hashes = rest[1..].bytes().take_while(|byte| *byte == b'#').count();
            let close = format!("\"{}", "#".repeat(hashes));
            let start = hashes + 2;
            rest.get(start..)
                .and_then(|inner| inner.find(&close))
                .map_or(rest.len(), |end| start + end + close.len())
        } else if next == '"' {
            literal(rest, '"').unwrap_or(rest.len())
        } else if next == '\'' {
            // A lifetime has no closing quote nearby.
            literal(rest, '\'')
                .filter(|length| *length <= 12)
                .unwrap_or(1)
        } else if !name.is_empty() {
            tokens.push(name.to_owned());
            name.len()
        } else {
            let length = if rest.starts_with("::") {
                2
            } else {
                next.len_utf8()
            };
            if !next.is_whitespace() {
                tokens.push(rest[..length].to_owned());
            }
            length
        };
        rest = &rest[length..];
    }
    tokens
}

/// The length of the literal in these quotes that `text` starts with.
fn literal(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    for (index, letter) in text.char_indices().skip(1) {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '\n' if quote == '\'' => return None,
            _ if letter == quote => return Some(index + 1),
            // Between the quotes of a character there is one, or an escape.
            _ if quote == '\'' && index > 1 && !text.starts_with("'\\") => return None,
            _ => {}
        }
    }
    None
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    for (index, pair) in text.as_bytes().windows(2).enumerate() {
        match pair {
            b"/*" => depth += 1,
            b"*/" if depth == 1 => return index + 2,
            b"*/" => depth -= 1,
            _ => {}
        }
    }
    text.len()
}
