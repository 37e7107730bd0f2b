//! A second reading of RFC 7644 §3.4.2.2, written to be obvious rather than fast: it walks the JSON
//! of a resource by name and knows the schema from a few lists below. On random filters and
//! resources the engine must agree with it, including on what is refused.
//!
//! Where the RFC leaves room, it follows ARCHITECTURE.md: of several values one match is enough,
//! `ne` is the negation of `eq`, `null` is the absence of a value, and an attribute of an unknown
//! schema has no value.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Filter, Literal, Operator};

mod agreement;

const CORE_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE_URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// What the filters of the test compare, by the full name within the schema.
const IGNORING_CASE: &[&str] = &[
    "userName",
    "displayName",
    "title",
    "name.givenName",
    "name.familyName",
    "emails.value",
    "emails.type",
    "emails.display",
    "roles.value",
    "roles.display",
    "addresses.type",
    "addresses.locality",
    "employeeNumber",
    "department",
];
const EXACT: &[&str] = &[
    "schemas",
    "id",
    "externalId",
    "profileUrl",
    "photos.value",
    "meta.resourceType",
    "meta.version",
    "manager.value",
    "manager.$ref",
];
const BOOLEANS: &[&str] = &["active", "emails.primary", "roles.primary"];
const INSTANTS: &[&str] = &["meta.created", "meta.lastModified"];
const BINARIES: &[&str] = &["x509Certificates.value"];

/// Complex attributes; a comparison of one means its `value`, if it has one.
const COMPLEX: &[&str] = &[
    "name",
    "emails",
    "roles",
    "addresses",
    "photos",
    "x509Certificates",
    "meta",
    "manager",
];
const OF_THE_EXTENSION: &[&str] = &["employeeNumber", "department", "manager"];

/// The filter cannot be answered: it has an unknown name or an impossible comparison.
#[derive(Debug)]
pub(super) struct Refused;

/// Whether a resource, as clients see it, satisfies a filter.
pub(super) fn holds(filter: &Filter, resource: &Map<String, Value>) -> Result<bool, Refused> {
    judge(filter, &Value::Object(resource.clone()), None)
}

/// `within` is the attribute whose element is evaluated, inside brackets.
fn judge(filter: &Filter, subject: &Value, within: Option<&str>) -> Result<bool, Refused> {
    match filter {
        // Every term is evaluated, so that an invalid one is noticed in any position.
        Filter::And(terms) => {
            let results = terms.iter().map(|term| judge(term, subject, within));
            let results: Vec<bool> = results.collect::<Result<_, _>>()?;
            Ok(!results.contains(&false))
        }
        Filter::Or(terms) => {
            let results = terms.iter().map(|term| judge(term, subject, within));
            let results: Vec<bool> = results.collect::<Result<_, _>>()?;
            Ok(results.contains(&true))
        }
        Filter::Not(inner) => Ok(!judge(inner, subject, within)?),
        Filter::Present(path) => {
            let Some(name) = known_name(path, within)? else {
                return Ok(false);
            };
            let found = walk(subject, &name, within);
            Ok(found.iter().any(|value| !is_nothing(value)))
        }
        Filter::Element(path, inner) => {
            let Some(name) = known_name(path, within)? else {
                return Ok(false);
            };
            if within.is_some() || !COMPLEX.contains(&name.as_str()) {
                return Err(Refused);
            }
            // An empty element shows whether the inner filter is valid at all.
            judge(inner, &Value::Object(Map::new()), Some(&name))?;
            let mut found = false;
            for element in walk(subject, &name, within) {
                found |= judge(inner, element, Some(&name))?;
            }
            Ok(found)
        }
        Filter::Compare(path, Operator::Ne, literal) => {
            let equal = Filter::Compare(path.clone(), Operator::Eq, literal.clone());
            Ok(!judge(&equal, subject, within)?)
        }
        Filter::Compare(path, Operator::Eq, Literal::Bare(word))
            if word.eq_ignore_ascii_case("null") =>
        {
            if let Some(name) = known_name(path, within)? {
                value_of_complex(&name)?;
            }
            Ok(!judge(&Filter::Present(path.clone()), subject, within)?)
        }
        Filter::Compare(path, operator, literal) => {
            let Some(name) = known_name(path, within)? else {
                return Ok(false);
            };
            let name = value_of_complex(&name)?;
            let (Literal::String(text) | Literal::Bare(text)) = literal;
            check_sense(&name, *operator, text)?;
            let mut found = walk(subject, &name, within);
            if name.ends_with(".primary") && is_primary_missing(subject, &name, within) {
                found.push(&Value::Bool(false));
            }
            Ok(found
                .iter()
                .any(|value| compare(&name, value, *operator, text)))
        }
    }
}

/// Whether `subject`, or one of its elements, has no `primary`: RFC 7643 §2.4 has it false then.
fn is_primary_missing(subject: &Value, name: &str, within: Option<&str>) -> bool {
    let elements = match within {
        Some(_) => vec![subject],
        None => walk(subject, first(name), None),
    };
    elements
        .iter()
        .any(|element| element.get("primary").is_none())
}

/// The full name that a path means, as in the lists above; `None` for a name in an unknown schema.
fn known_name(path: &str, within: Option<&str>) -> Result<Option<String>, Refused> {
    let lower = path.to_ascii_lowercase();
    let full = match within {
        Some(attribute) => format!("{}.{lower}", attribute.to_ascii_lowercase()),
        None => lower,
    };
    let (urn, name) = match full.rsplit_once(':') {
        Some((urn, name)) => (Some(urn.to_owned()), name.to_owned()),
        None => (None, full),
    };
    let is_core = urn.as_deref() == Some(&CORE_URN.to_ascii_lowercase());
    let is_enterprise = urn.as_deref() == Some(&ENTERPRISE_URN.to_ascii_lowercase());
    if urn.is_some() && !is_core && !is_enterprise {
        return Ok(None);
    }
    let found = [IGNORING_CASE, EXACT, BOOLEANS, INSTANTS, BINARIES, COMPLEX]
        .concat()
        .into_iter()
        .find(|known| known.to_ascii_lowercase() == name)
        .ok_or(Refused)?;
    let of_extension = is_of_extension(found);
    let of_no_schema = ["schemas", "id", "meta"].contains(&first(found));
    if (is_core && (of_extension || of_no_schema)) || (is_enterprise && !of_extension) {
        return Err(Refused);
    }
    Ok(Some(found.to_owned()))
}

fn first(name: &str) -> &str {
    name.split('.').next().unwrap()
}

fn is_of_extension(name: &str) -> bool {
    OF_THE_EXTENSION.contains(&first(name))
}

fn value_of_complex(name: &str) -> Result<String, Refused> {
    match name {
        "name" | "addresses" | "meta" => Err(Refused),
        complex if COMPLEX.contains(&complex) => Ok(format!("{complex}.value")),
        simple => Ok(simple.to_owned()),
    }
}

/// All values at a name, from the resource or, within brackets, from an element.
fn walk<'a>(subject: &'a Value, name: &str, within: Option<&str>) -> Vec<&'a Value> {
    let mut found = vec![subject];
    let mut steps: Vec<&str> = name.split('.').collect();
    if within.is_some() {
        steps.remove(0);
    } else if is_of_extension(name) {
        steps.insert(0, ENTERPRISE_URN);
    }
    for step in steps {
        let mut next = Vec::new();
        for value in found {
            let members = value.as_object().into_iter().flatten();
            for (key, member) in members.filter(|(key, _)| key.eq_ignore_ascii_case(step)) {
                assert_eq!(key, step, "resources have their names in schema case");
                match member {
                    Value::Array(elements) => next.extend(elements),
                    single => next.push(single),
                }
            }
        }
        found = next;
    }
    found
}

fn is_nothing(value: &Value) -> bool {
    [
        Value::Null,
        "".into(),
        Value::Array(vec![]),
        Value::Object(Map::new()),
    ]
    .contains(value)
}

fn check_sense(name: &str, operator: Operator, text: &str) -> Result<(), Refused> {
    use Operator::{Eq, Ge, Gt, Le, Lt, Ne};
    let is_equality = matches!(operator, Eq | Ne);
    let is_order = matches!(operator, Gt | Ge | Lt | Le);
    let makes_sense = if BOOLEANS.contains(&name) {
        is_equality && ["true", "false"].contains(&text.to_ascii_lowercase().as_str())
    } else if BINARIES.contains(&name) {
        // RFC 7644: "Boolean and Binary attributes SHALL cause a failed response".
        !is_order
    } else if INSTANTS.contains(&name) && (is_equality || is_order) {
        OffsetDateTime::parse(whole_time(text), &Rfc3339).is_ok()
    } else {
        true
    };
    makes_sense.then_some(()).ok_or(Refused)
}

fn compare(name: &str, value: &Value, operator: Operator, text: &str) -> bool {
    if BOOLEANS.contains(&name) {
        return *value == Value::Bool(text.eq_ignore_ascii_case("true"));
    }
    let value = value.as_str().unwrap();
    let by_substring = match operator {
        Operator::Co | Operator::Sw | Operator::Ew => true,
        Operator::Eq | Operator::Ne => false,
        Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le => false,
    };
    if INSTANTS.contains(&name) && !by_substring {
        let nanoseconds = |text| {
            let instant = OffsetDateTime::parse(whole_time(text), &Rfc3339).unwrap();
            instant.unix_timestamp_nanos()
        };
        return ordered(&nanoseconds(value), operator, &nanoseconds(text));
    }
    let (value, text) = if IGNORING_CASE.contains(&name) && by_substring {
        (without_case(value), without_case(text))
    } else if IGNORING_CASE.contains(&name) {
        let whole = |text| without_case(text).trim().to_owned();
        (whole(value), whole(text))
    } else {
        (value.to_owned(), text.to_owned())
    };
    match operator {
        Operator::Co => (0..=value.len()).any(|from| {
            value
                .get(from..)
                .is_some_and(|rest| rest.starts_with(&text))
        }),
        Operator::Sw => value.get(..text.len()) == Some(&text),
        Operator::Ew => value
            .len()
            .checked_sub(text.len())
            .is_some_and(|from| value.get(from..) == Some(&text)),
        _ => ordered(&value, operator, &text),
    }
}

/// What the shortened times of this test mean.
fn whole_time(text: &str) -> &str {
    match text {
        "2026-01-31" => "2026-01-31T00:00:00Z",
        "2026-01-31T08:00" | "2026-01-31T08:00:00" => "2026-01-31T08:00:00Z",
        "2026-01-31T09:00+01:00" => "2026-01-31T08:00:00Z",
        whole => whole,
    }
}

fn ordered<T: Ord>(value: &T, operator: Operator, wanted: &T) -> bool {
    let order = value.cmp(wanted);
    match operator {
        Operator::Eq => order.is_eq(),
        Operator::Gt => order.is_gt(),
        Operator::Ge => order.is_ge(),
        Operator::Lt => order.is_lt(),
        Operator::Le => order.is_le(),
        Operator::Ne | Operator::Co | Operator::Sw | Operator::Ew => {
            panic!("{operator:?} does not order")
        }
    }
}

/// Text as it is compared, for the values in this test: `ß` is `ss`, `ς` is `σ`, an accent may be
/// a character of its own, `ａ` is a wide `a`, and nobody sees U+200B.
fn without_case(text: &str) -> String {
    let shown = text
        .replace("e\u{301}", "é")
        .replace("E\u{301}", "É")
        .replace('ａ', "a")
        .replace('\u{200b}', "");
    shown
        .chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}
