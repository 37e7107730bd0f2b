//! Random filters on random resources: the engine must agree with the naive reading.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use super::*;
use crate::filter::{Filter, MAX_LENGTH};
use crate::schema::{USERS, check::check};
use crate::{Meta, ResourceId, Stored};

/// Only a few, so that filters and resources share them.
const TEXTS: &[&str] = &[
    "a",
    "A",
    "ab",
    "B",
    "aB a",
    "é",
    "É",
    "straße",
    "STRASSE",
    "ΟΔΟΣ",
    "οδος",
    "a\"b",
    "null",
    "true",
    "e\u{301}",
    "E\u{301}",
    " a",
    "b ",
    "ａ",
    "a\u{200b}b",
    "a ",
];
const BINARY_TEXTS: &[&str] = &["ab", "aB==", "null", "true"];
const TYPES: &[&str] = &["work", "home", "Work"];
const TRUTHS: &[&str] = &["true", "false", "True"];
const TIMES: &[&str] = &[
    "2026-01-31T08:00:00Z",
    "2026-01-31T09:00:00+01:00",
    "2026-01-31T08:00:00.5Z",
    "2026-02-01T00:00:00+09:00",
];
/// The same, and times that filters may shorten.
const FILTER_TIMES: &[&str] = &[
    "2026-01-31T08:00:00Z",
    "2026-01-31T09:00:00+01:00",
    "2026-01-31T08:00:00.5Z",
    "2026-02-01T00:00:00+09:00",
    "2026-01-31",
    "2026-01-31T08:00",
    "2026-01-31T08:00:00",
    "2026-01-31T09:00+01:00",
];
const OPERATORS: &[&str] = &["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"];

fn text() -> impl Strategy<Value = String> {
    select(TEXTS).prop_map(str::to_owned)
}

fn elements() -> impl Strategy<Value = Value> {
    let element = (
        proptest::option::of(select(TYPES)),
        text(),
        proptest::option::of(text()),
        proptest::option::of(any::<bool>()),
    )
        .prop_map(|(kind, value, display, primary)| {
            json!({"type": kind, "value": value, "display": display, "primary": primary})
        });
    proptest::collection::vec(element, 0..3).prop_map(Value::Array)
}

fn resource() -> impl Strategy<Value = Map<String, Value>> {
    let maybe = || proptest::option::of(text());
    let simple = (
        text(),
        maybe(),
        maybe(),
        maybe(),
        maybe(),
        proptest::option::of(any::<bool>()),
    );
    let complex = (elements(), elements(), maybe(), maybe(), maybe());
    let certificate = proptest::option::of(select(BINARY_TEXTS)).boxed();
    let extension = (maybe(), maybe(), maybe(), certificate);
    (simple, complex, extension, select(TIMES)).prop_map(|(simple, complex, extension, time)| {
        let (user_name, external_id, display_name, title, profile_url, active) = simple;
        let (emails, roles, locality, photo, given_name) = complex;
        let (number, department, manager, certificate) = extension;
        let body = json!({
            "userName": user_name, "externalId": external_id, "displayName": display_name,
            "title": title, "profileUrl": profile_url, "active": active, "emails": emails, "roles": roles,
            "name": {"givenName": given_name},
            "addresses": [{"type": "work", "locality": locality}],
            "photos": [{"value": photo}],
            "x509Certificates": [{"value": certificate}],
            ENTERPRISE_URN: {"employeeNumber": number, "department": department, "manager": manager}
        });
        let Value::Object(body) = body else {
            panic!("not an object")
        };
        let stored = Stored {
            id: ResourceId::parse("2819c223-7f76-453a-919d-413861904646").unwrap(),
            meta: Meta::new(OffsetDateTime::parse(time, &Rfc3339).unwrap()),
            resource: check(&USERS, body).unwrap().resource,
            reserved: None,
        };
        stored.represent(&USERS, "https://scim.example")
    })
}

fn quoted(texts: &'static [&'static str]) -> BoxedStrategy<String> {
    select(texts)
        .prop_map(|text| Value::from(text).to_string())
        .boxed()
}

/// A comparison of `name` with a value of its type.
fn comparison(name: &'static str, shown: String) -> BoxedStrategy<String> {
    let (often, operators) = if BOOLEANS.contains(&name) {
        let bare = select(TRUTHS).prop_map(str::to_owned);
        (prop_oneof![bare, quoted(TRUTHS)].boxed(), &OPERATORS[..2])
    } else if INSTANTS.contains(&name) {
        (quoted(FILTER_TIMES), OPERATORS)
    } else if name.ends_with("type") {
        (quoted(TYPES), OPERATORS)
    } else {
        (quoted(TEXTS), OPERATORS)
    };
    let literal = prop_oneof![
        20 => often,
        2 => select(&["null", "NULL"][..]).prop_map(str::to_owned),
        1 => quoted(TEXTS),
    ];
    let operator = prop_oneof![20 => select(operators), 1 => select(OPERATORS)];
    prop_oneof![
        1 => Just(format!("{shown} pr")),
        6 => (operator, literal).prop_map(move |(operator, literal)| format!("{shown} {operator} {literal}")),
    ]
    .boxed()
}

/// The name as a client may write it.
fn written(name: &'static str, whole: bool) -> impl Strategy<Value = String> {
    let of_extension = is_of_extension(name);
    (any::<bool>(), 0..6).prop_map(move |(upper, prefix)| {
        let name = if upper {
            name.to_ascii_uppercase()
        } else {
            name.to_owned()
        };
        let schema = if of_extension {
            ENTERPRISE_URN
        } else {
            CORE_URN
        };
        match prefix {
            0 if whole => format!("{schema}:{name}"),
            1 if whole => format!("{}:{name}", schema.to_ascii_uppercase()),
            _ => name,
        }
    })
}

fn names() -> Vec<&'static str> {
    [IGNORING_CASE, EXACT, BOOLEANS, INSTANTS, BINARIES, COMPLEX].concat()
}

fn within(attribute: &'static str) -> BoxedStrategy<String> {
    let subs: Vec<&'static str> = names()
        .into_iter()
        .filter_map(|name| name.strip_prefix(attribute)?.strip_prefix('.'))
        .collect();
    let full = move |sub: &str| {
        let is_sub = |name: &&&str| name.strip_prefix(attribute) == Some(&format!(".{sub}"));
        *names().iter().find(is_sub).unwrap()
    };
    let leaf = select(subs).prop_flat_map(move |sub| {
        written(sub, false).prop_flat_map(move |shown| comparison(full(sub), shown))
    });
    combined(leaf.boxed())
}

/// Compound filters.
fn combined(leaf: BoxedStrategy<String>) -> BoxedStrategy<String> {
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("{one} and {other}")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("{one} or {other}")),
            inner.clone().prop_map(|inner| format!("({inner})")),
            inner.prop_map(|inner| format!("not ({inner})")),
        ]
    })
    .boxed()
}

fn filter() -> BoxedStrategy<String> {
    let plain = select(names()).prop_flat_map(|name| {
        written(name, true).prop_flat_map(move |shown| comparison(name, shown))
    });
    let element = select(COMPLEX).prop_flat_map(|attribute| {
        (written(attribute, true), within(attribute))
            .prop_map(|(shown, inner)| format!("{shown}[{inner}]"))
    });
    let unknown = comparison("title", "urn:example:custom:badge".to_owned());
    let nonsense = select(
        &[
            "shoeSize eq 1",
            "title[value pr]",
            "emails[size pr]",
            "emails.value[type pr]",
        ][..],
    );
    combined(
        prop_oneof![
            30 => plain,
            10 => element,
            1 => unknown,
            1 => nonsense.prop_map(str::to_owned),
        ]
        .boxed(),
    )
}

#[test]
fn the_engine_agrees_with_the_naive_reading() {
    let (cases, matched, refused) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let count = |counter: &Cell<u32>| counter.set(counter.get() + 1);
    let config = Config {
        cases: 4 * Config::default().cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&(filter(), resource()), |(text, resource)| {
            prop_assume!(text.len() <= MAX_LENGTH);
            let parsed = Filter::parse(&text).unwrap();
            let naive = holds(&parsed, &resource).ok();
            let bound = parsed.bind(&USERS).ok();
            count(&cases);
            naive.is_none().then(|| count(&refused));
            (naive == Some(true)).then(|| count(&matched));
            prop_assert_eq!(bound.map(|bound| bound.matches(&resource)), naive);
            Ok(())
        })
        .unwrap();
    // If the filters matched nothing, or were all invalid, the test would prove little.
    assert!(
        matched.get() * 5 >= cases.get(),
        "{matched:?} of {cases:?} matched"
    );
    assert!(
        refused.get() * 3 <= cases.get(),
        "{refused:?} of {cases:?} refused"
    );
}
