//! Texts and elements of dear users and requests.

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// Multi-valued attributes with many sub-attributes, with one text each, compared exactly, and with
/// types that are free.
pub const ATTRIBUTES: [&str; 5] = ["emails", "addresses", "roles", "photos", "entitlements"];

/// Alphabets whose texts cost different work to fold: lower case, mixed case, letters that fold to
/// others of their length, to longer ones, and those that are decomposed.
pub const ALPHABETS: [&str; 6] = [
    "abcdef",
    "aBcDeF",
    "ΑΒγΔεΣ",
    "ßẞŒﬃİǅ",
    "가각힣한글",
    "éẬ\u{fdfa}½ｱé",
];

/// A text of about `length` bytes that differs from those of other numbers at its end or at its
/// start, and from those of other variants in case alone.
pub fn text(alphabet: usize, length: usize, number: usize, variant: usize, at_end: bool) -> String {
    let letters: Vec<char> = ALPHABETS
        .get(alphabet)
        .copied()
        .unwrap_or("a")
        .chars()
        .collect();
    let mark = format!("{number:x}");
    let mark: String = mark
        .chars()
        .enumerate()
        .map(|(index, digit)| {
            if (variant >> (index % 8)) & 1 == 1 {
                digit.to_ascii_uppercase()
            } else {
                digit
            }
        })
        .collect();
    let mut padding = String::new();
    let mut index = 0;
    while padding.len() + mark.len() < length {
        let letter = letters
            .get(index % letters.len().max(1))
            .copied()
            .unwrap_or('a');
        if (variant >> (index % 8)) & 1 == 1 {
            padding.extend(letter.to_uppercase());
        } else {
            padding.push(letter);
        }
        index += 1;
    }
    if at_end {
        padding + &mark
    } else {
        mark + &padding
    }
}

/// An element of an attribute.
pub fn element(attribute: &str, value: String, kind: String) -> Map<String, Value> {
    let name = if attribute == "addresses" {
        "formatted"
    } else {
        "value"
    };
    Map::from_iter([
        (name.to_owned(), value.into()),
        ("type".to_owned(), kind.into()),
    ])
}

/// The sub-attribute that distinguishes elements.
pub fn key(attribute: &str) -> &'static str {
    if attribute == "addresses" {
        "formatted"
    } else {
        "value"
    }
}

/// The body of a user with these elements, and with as much in other attributes as fits.
pub fn user(
    rng: &mut Rng,
    attribute: &str,
    elements: Vec<Map<String, Value>>,
    full: bool,
) -> Value {
    let mut user =
        json!({"userName": format!("dear-{:x}@crew.example", rng.u64(..)), "active": true});
    let mut size = user.to_string().len();
    user[attribute] = elements
        .into_iter()
        .map(Value::Object)
        .take_while(|element| {
            size += element.to_string().len() + 1;
            size < crate::MAX_DOCUMENT - 1024
        })
        .collect();
    let others = ["ims", "phoneNumbers", "photos", "entitlements", "roles"];
    for other in others
        .into_iter()
        .filter(|other| full && *other != attribute)
    {
        user[other] = (0..500)
            .map(|number| json!({"value": format!("o-{number}"), "type": format!("t{number}")}))
            .take_while(|element| {
                size += element.to_string().len() + 1;
                size < crate::MAX_DOCUMENT - 1024
            })
            .collect();
    }
    user
}
