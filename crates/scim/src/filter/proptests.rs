//! Arbitrary filters and paths: printing and parsing round-trips, and no text, however odd, makes
//! the parser panic.

use proptest::prelude::*;

use super::{Filter, Literal, Operator};
use crate::path::Path;
use crate::schema::{GROUPS, USERS};

/// A name or a path, sometimes one that is also a keyword of the grammar.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zA-Z][a-zA-Z0-9_-]{0,8}(\\.[a-z$][a-zA-Z]{0,6})?",
        2 => prop::sample::select(vec![
            "userName", "emails", "emails.value", "name.givenName", "meta.created", "active", "manager.$ref",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value", "urn:a:b/c:2.0:x",
        ]).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["and", "or", "not", "eq", "pr", "AND", "Not", "true", "null"])
            .prop_map(str::to_owned),
    ]
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        any::<String>().prop_map(Literal::String),
        prop::sample::select(vec![
            "true", "False", "null", "7", "-1.5e3", "o'brien", "and", "é", "a,b\\"
        ])
        .prop_map(|word| Literal::Bare(word.to_owned())),
        // Anything without white space, brackets and quotes; a `'` at the start looks like a quote.
        "[^\\s()\\[\\]\"'][^\\s()\\[\\]\"]{0,12}".prop_map(Literal::Bare),
    ]
}

fn operator() -> impl Strategy<Value = Operator> {
    prop::sample::select(Operator::ALL.to_vec())
}

pub(crate) fn filter() -> impl Strategy<Value = Filter> {
    let leaf = prop_oneof![
        name().prop_map(Filter::Present),
        (name(), operator(), literal())
            .prop_map(|(path, operator, literal)| Filter::Compare(path, operator, literal)),
    ];
    leaf.prop_recursive(5, 24, 4, |inner| {
        let several = prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            several.clone().prop_map(Filter::And),
            several.prop_map(Filter::Or),
            inner.clone().prop_map(|inner| Filter::Not(Box::new(inner))),
            (name(), inner).prop_map(|(path, inner)| Filter::Element(path, Box::new(inner))),
        ]
    })
}

fn path() -> impl Strategy<Value = Path> {
    let filter = filter().prop_map(Some);
    prop_oneof![
        name().prop_map(|attribute| Path {
            attribute,
            filter: None,
            sub_attribute: None
        }),
        (name(), filter, prop::option::of("[a-z$][a-zA-Z]{0,8}")).prop_map(
            |(attribute, filter, sub_attribute)| Path {
                attribute,
                filter,
                sub_attribute
            }
        ),
    ]
}

/// `text` with one piece removed and another inserted.
fn mutated(text: String) -> impl Strategy<Value = String> {
    let length = text.chars().count();
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        prop::sample::select(vec![
            "(", ")", "[", "]", "\"", "\\", " and ", " or ", "not (", "].x", " ", "."
        ])
        .prop_map(str::to_owned),
    ];
    (0..=length, 0..4_usize, 0..=length, piece).prop_map(move |(from, cut, at, piece)| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.drain(from..(from + cut).min(length));
        let at = at.min(letters.len());
        letters.splice(at..at, piece.chars());
        letters.into_iter().collect()
    })
}

/// Parsing returns for any text, and whatever parses survives printing and parsing again.
fn is_answered(text: &str) {
    if let Ok(filter) = Filter::parse(text) {
        let printed = filter.to_string();
        assert_eq!(Filter::parse(&printed).as_ref(), Ok(&filter), "{printed}");
        for resource_type in [&USERS, &GROUPS] {
            let _ = filter.clone().bind(resource_type);
        }
    }
    if let Ok(path) = Path::parse(text) {
        let printed = path.to_string();
        assert_eq!(Path::parse(&printed).as_ref(), Ok(&path), "{printed}");
    }
}

proptest! {
    #[test]
    fn a_printed_filter_is_parsed_to_the_same(filter in filter()) {
        let printed = filter.to_string();
        prop_assert_eq!(Filter::parse(&printed), Ok(filter), "{}", printed);
    }

    #[test]
    fn a_printed_path_is_parsed_to_the_same(path in path()) {
        let printed = path.to_string();
        prop_assert_eq!(Path::parse(&printed), Ok(path), "{}", printed);
    }

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        is_answered(&text);
    }

    #[test]
    fn any_sentence_of_the_grammar_s_words_is_answered(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "userName", "emails", "and", "or", "not", "eq", "pr", "co", "(", ")", "[", "]", "\"", "\"x\"",
                "true", ".value", " ", "\\", "é", "\u{0}",
            ]),
            0..24,
        ),
        spaced: bool,
    ) {
        is_answered(&words.join(if spaced { " " } else { "" }));
    }

    #[test]
    fn almost_a_filter_is_answered(
        text in filter().prop_flat_map(|filter| mutated(filter.to_string()))
    ) {
        is_answered(&text);
    }

    #[test]
    fn almost_a_path_is_answered(text in path().prop_flat_map(|path| mutated(path.to_string()))) {
        is_answered(&text);
    }
}
