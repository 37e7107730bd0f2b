//! Every `scim-admin` command in the documents' blocks of commands is one that the program takes,
//! with its options and values.

use super::documents::documents;

/// What a shell makes of a line, as far as documents use it.
#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    /// Where a command ends, such as `|` and `)`.
    End,
}

/// The tokens of a line. Quotes are taken away, a variable stands for a tenant's id, and a
/// redirection takes its file with it.
fn tokens(line: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars().peekable();
    let mut is_file = false;
    let finish = |word: &mut Option<String>, is_file: &mut bool, tokens: &mut Vec<Token>| {
        if let Some(word) = word.take()
            && !std::mem::take(is_file)
        {
            tokens.push(Token::Word(word));
        }
    };
    while let Some(char) = chars.next() {
        match char {
            '\'' | '"' => {
                let quoted: String = chars.by_ref().take_while(|it| *it != char).collect();
                let is_variable = char == '"' && quoted.starts_with('$');
                let quoted = if is_variable { "acme" } else { &quoted };
                word.get_or_insert_default().push_str(quoted);
            }
            '#' if word.is_none() => break,
            '$' if chars.peek() == Some(&'(') => {}
            '$' => {
                while chars
                    .next_if(|it| it.is_alphanumeric() || *it == '_')
                    .is_some()
                {}
                word.get_or_insert_default().push_str("acme");
            }
            '<' | '>' => {
                finish(&mut word, &mut is_file, &mut tokens);
                is_file = true;
            }
            '|' | ';' | '&' | '(' | ')' => {
                finish(&mut word, &mut is_file, &mut tokens);
                tokens.push(Token::End);
            }
            _ if char.is_whitespace() => finish(&mut word, &mut is_file, &mut tokens),
            _ => word.get_or_insert_default().push(char),
        }
    }
    finish(&mut word, &mut is_file, &mut tokens);
    tokens
}

/// The lines of a document's blocks of commands; one that ends with a backslash goes on.
fn lines(text: &str) -> Vec<String> {
    let (mut lines, mut open, mut is_commands) = (Vec::new(), String::new(), false);
    for line in text.lines() {
        match line.trim_start().strip_prefix("```") {
            Some(language) => is_commands = !is_commands && language == "sh",
            None if is_commands => match line.strip_suffix('\\') {
                Some(first) => open.push_str(first),
                None => lines.push(std::mem::take(&mut open) + line),
            },
            None => {}
        }
    }
    lines
}

/// The words of each `scim-admin` command of a document, the program's name first.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for line in lines(text) {
        for command in tokens(&line).split(|token| *token == Token::End) {
            let words = command.iter().filter_map(|token| match token {
                Token::Word(word) => Some(word.clone()),
                Token::End => None,
            });
            let words: Vec<_> = words.skip_while(|word| word != "scim-admin").collect();
            if !words.is_empty() {
                found.push(words);
            }
        }
    }
    found
}

/// What operators have in the environment, where a command insists on it.
const GIVEN: &[(&str, [&str; 2])] = &[
    (
        "queue",
        ["--queue-url", "https://sqs.eu-central-1.amazonaws.com/1/q"],
    ),
    ("bus", ["--bus-name", "members"]),
];

/// What the program says of the commands that it does not take.
fn refused(text: &str) -> Vec<String> {
    let commands = commands(text).into_iter();
    commands
        .filter_map(|words| {
            let given = GIVEN.iter().filter(|(target, _)| {
                let replays = |pair: &[String]| pair[0] == "--replay" && pair[1] == *target;
                words.windows(2).any(replays)
            });
            let given = given.flat_map(|(_, option)| option.iter().copied());
            let parsed = scim_admin::parse(words.iter().map(String::as_str).chain(given));
            parsed.err().map(|why| format!("{words:?}: {why}"))
        })
        .collect()
}

#[test]
fn every_command_of_the_documents_is_understood() {
    let mut found = 0;
    for (path, text) in documents() {
        assert_eq!(refused(&text), [""; 0], "{path}");
        found += commands(&text).len();
    }
    assert!(found >= 60, "{found} commands");
}

#[test]
fn what_is_not_understood_is_found() {
    for command in [
        "scim-admin tenants list",
        "scim-admin tenant status",
        "scim-admin history acme --untill 2h",
        "scim-admin history acme --since yesterday",
        "scim-admin key revoke acme",
        "scim-admin key revoke Acme 1a2b3c4d5e6f",
        "jq . x | scim-admin breaker lift acme --for",
        "for id in $(scim-admin tenant lst); do",
    ] {
        let text = format!("```sh\n{command}\n```\n");
        assert_eq!(refused(&text).len(), 1, "{command}");
    }
    let fine = "```sh\n\
        for id in $(scim-admin --json tenant list | jq -r '.[].id'); do\n  \
          scim-admin tenant status \"$id\"  # whose (is it) | not\n\
        done\n\
        scim-admin key identify < key.txt\n\
        scim-admin breaker lift acme --for 2h \\\n    --reason 'asked for; by # Acme'\n\
        ```\n\
        ```text\nscim-admin nonsense\n```\n";
    assert_eq!(refused(fine), [""; 0]);
    assert_eq!(commands(fine).len(), 4);
}
