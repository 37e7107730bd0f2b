//! Whether DynamoDB takes an item: what it would refuse in the middle of an import is found before
//! the import begins. The limits are those of DynamoDB's developer guide.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;

use super::json::NoItem;
use crate::client::attributes::{Item, text};
use crate::client::format;
use crate::client::tables::SORT_KEY;
use crate::directory::keys;

/// The largest item, with the names of its attributes, in bytes.
const MAX_ITEM: usize = 409_600;

/// The longest sort key, in bytes.
const MAX_SORT_KEY: usize = 1_024;

/// The longest name of an attribute, in bytes.
const MAX_NAME: usize = 65_535;

/// How deep lists and maps may be nested.
const MAX_DEPTH: usize = 32;

/// The most significant digits of a number.
const MAX_DIGITS: usize = 38;

/// The exponents of a number's first digit.
const EXPONENTS: std::ops::RangeInclusive<i64> = -130..=125;

/// What a list or a map has for itself, and for each of its elements, in bytes.
const NEST: usize = 3;
const ELEMENT: usize = 1;

/// Why a line is not imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotImported {
    /// It is no item in DynamoDB's JSON.
    #[error("is no item in DynamoDB's JSON")]
    NoItem,
    /// It is another tenant's.
    #[error("is an item of another tenant")]
    OtherTenant,
    /// It is an access token or a web key.
    #[error("is what lets a client in, which no import brings")]
    Access,
    /// A later release wrote it.
    #[error("is of a later format; use the scim-admin that exported it, or a newer one")]
    LaterFormat,
    /// It is not after the one before it.
    #[error("has not a later sort key than the line before it: every item is there once, in order")]
    NotInOrder,
    /// DynamoDB does not take it.
    #[error("is refused by DynamoDB, because {0}")]
    Refused(&'static str),
}

impl From<NoItem> for NotImported {
    fn from(NoItem: NoItem) -> Self {
        Self::NoItem
    }
}

/// An item that can be written.
///
/// # Errors
/// [`NotImported::Access`], [`NotImported::LaterFormat`] and [`NotImported::Refused`].
pub(super) fn checked(item: Item) -> Result<Item, NotImported> {
    let sort_key = text(&item, SORT_KEY).map_err(|_| NotImported::NoItem)?;
    match sort_key.len() {
        0 => return Err(NotImported::Refused("its sort key is empty")),
        _ if keys::access::is_access(sort_key) => return Err(NotImported::Access),
        1..=MAX_SORT_KEY => {}
        _ => return Err(NotImported::Refused("its sort key is too long")),
    }
    match format::is_newer(&item) {
        Ok(false) => {}
        Ok(true) => return Err(NotImported::LaterFormat),
        Err(_) => return Err(NotImported::NoItem),
    }
    let size = map_size(item.iter(), 0).map_err(NotImported::Refused)?;
    match size <= MAX_ITEM {
        true => Ok(item),
        false => Err(NotImported::Refused("it is larger than 400 KB")),
    }
}

fn map_size<'i>(
    members: impl Iterator<Item = (&'i String, &'i AttributeValue)>,
    depth: usize,
) -> Result<usize, &'static str> {
    let mut size = 0;
    for (name, value) in members {
        if name.is_empty() || name.len() > MAX_NAME {
            return Err("the name of an attribute is empty or too long");
        }
        size += name.len() + size_of(value, depth)?;
    }
    Ok(size)
}

fn size_of(value: &AttributeValue, depth: usize) -> Result<usize, &'static str> {
    if depth > MAX_DEPTH {
        return Err("it is nested too deep");
    }
    Ok(match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => Number::read(number)?.size(),
        AttributeValue::B(blob) => blob.as_ref().len(),
        AttributeValue::Ss(texts) => {
            distinct(texts)?;
            texts.iter().map(String::len).sum()
        }
        AttributeValue::Ns(numbers) => {
            let numbers = numbers.iter().map(|number| Number::read(number));
            let numbers = numbers.collect::<Result<Vec<_>, _>>()?;
            distinct(&numbers)?;
            numbers.iter().map(Number::size).sum()
        }
        AttributeValue::Bs(blobs) => {
            let blobs: Vec<&[u8]> = blobs.iter().map(AsRef::as_ref).collect();
            distinct(&blobs)?;
            blobs.iter().map(|blob| blob.len()).sum()
        }
        AttributeValue::L(values) => {
            let mut size = NEST;
            for value in values {
                size += ELEMENT + size_of(value, depth + 1)?;
            }
            size
        }
        AttributeValue::M(members) => {
            NEST + ELEMENT * members.len() + map_size(members.iter(), depth + 1)?
        }
        _ => 1,
    })
}

fn distinct<T: Ord>(values: &[T]) -> Result<(), &'static str> {
    let all: BTreeSet<&T> = values.iter().collect();
    match all.len() {
        0 => Err("a set is empty"),
        count if count < values.len() => Err("a set has a value twice"),
        _ => Ok(()),
    }
}

/// A number by its value.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Number {
    is_negative: bool,
    /// Of the first digit.
    exponent: i64,
    /// The significant ones; none of zero.
    digits: String,
}

impl Number {
    fn read(text: &str) -> Result<Self, &'static str> {
        const NONE: &str = "a number is none";
        let (is_negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, power) = match rest.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse::<i32>().map_err(|_| NONE)?),
            None => (rest, 0),
        };
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{part}");
        if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NONE);
        }
        let from_first = all.trim_start_matches('0');
        let zeros = all.len() - from_first.len();
        let digits = from_first.trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Ok(Self {
                is_negative: false,
                exponent: 0,
                digits,
            });
        }
        let places = |count: usize| i64::try_from(count).map_err(|_| NONE);
        let exponent = i64::from(power) + places(whole.len())? - places(zeros)? - 1;
        if digits.len() > MAX_DIGITS || !EXPONENTS.contains(&exponent) {
            return Err("a number has more digits or a larger exponent than DynamoDB keeps");
        }
        Ok(Self {
            is_negative,
            exponent,
            digits,
        })
    }

    fn size(&self) -> usize {
        self.digits.len().div_ceil(2) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::item;
    use super::*;

    fn of(attributes: &str) -> Result<(), NotImported> {
        let line = format!(r#"{{"pk":{{"S":"T#acme"}},"sk":{{"S":"U#1"}}{attributes}}}"#);
        checked(item(&line).unwrap()).map(drop)
    }

    #[test]
    fn what_dynamodb_takes_passes() {
        let nested = format!("{}{}", "{\"L\":[".repeat(31), "]}".repeat(31));
        for attributes in [
            String::new(),
            r#","f":{"N":"1"},"a":{"S":""},"b":{"SS":["x",""]},"c":{"M":{"m":{"L":[]}}}"#
                .to_owned(),
            r#","a":{"N":"-0.00"},"b":{"N":"1E-130"},"c":{"N":"9.9e125"},"d":{"NS":["1","-1"]}"#
                .to_owned(),
            format!(r#","a":{{"N":"{}"}}"#, "9".repeat(38)),
            format!(r#","a":{{"N":"0.{}1000"}}"#, "0".repeat(100)),
            format!(r#","a":{{"S":"{}"}}"#, "x".repeat(MAX_ITEM - 14)),
            format!(r#","a":{nested}"#),
        ] {
            assert_eq!(of(&attributes), Ok(()), "{attributes:.80}");
        }
    }

    #[test]
    fn what_dynamodb_refuses_is_refused_before() {
        let nested = format!("{}{}", "{\"L\":[".repeat(34), "]}".repeat(34));
        for (attributes, why) in [
            (r#","a":{"N":"x"}"#.to_owned(), "a number is none"),
            (r#","a":{"N":""}"#.to_owned(), "a number is none"),
            (r#","a":{"N":"NaN"}"#.to_owned(), "a number is none"),
            (
                r#","a":{"N":"1e99999999999"}"#.to_owned(),
                "a number is none",
            ),
            (r#","a":{"N":"1e126"}"#.to_owned(), "digits"),
            (r#","a":{"N":"1e-131"}"#.to_owned(), "digits"),
            (format!(r#","a":{{"N":"{}"}}"#, "9".repeat(39)), "digits"),
            (r#","a":{"SS":[]}"#.to_owned(), "a set is empty"),
            (r#","a":{"BS":["AA==","AA=="]}"#.to_owned(), "twice"),
            (r#","a":{"NS":["1","1.0"]}"#.to_owned(), "twice"),
            (r#","":{"S":"x"}"#.to_owned(), "the name"),
            (
                format!(r#","a":{{"S":"{}"}}"#, "x".repeat(MAX_ITEM - 13)),
                "400 KB",
            ),
            (format!(r#","a":{nested}"#), "nested"),
        ] {
            let error = of(&attributes).unwrap_err();
            assert!(matches!(error, NotImported::Refused(_)), "{attributes:.80}");
            assert!(
                error.to_string().contains(why),
                "{error} of {attributes:.80}"
            );
        }
        let of_sort_key = |sort_key: &str| {
            let line = format!(r#"{{"pk":{{"S":"T#acme"}},"sk":{{"S":"{sort_key}"}}}}"#);
            checked(item(&line).unwrap()).map(drop)
        };
        assert_eq!(of_sort_key("A#ba78"), Err(NotImported::Access));
        assert_eq!(of_sort_key("W#ba78"), Err(NotImported::Access));
        assert_eq!(of(r#","f":{"N":"99"}"#), Err(NotImported::LaterFormat));
        assert_eq!(of(r#","f":{"S":"1"}"#), Err(NotImported::NoItem));
        let long = format!(
            r#"{{"pk":{{"S":"T#acme"}},"sk":{{"S":"{}"}}}}"#,
            "x".repeat(1025)
        );
        assert!(checked(item(&long).unwrap()).is_err());
        let empty = r#"{"pk":{"S":"T#acme"},"sk":{"S":""}}"#;
        assert!(checked(item(empty).unwrap()).is_err());
    }
}
