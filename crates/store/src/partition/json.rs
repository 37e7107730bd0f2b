//! Items as DynamoDB writes them in its own JSON: `{"pk":{"S":"T#acme"},…}`, the names sorted.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::client::attributes::Item;

/// A line that is no item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoItem;

/// An item on one line.
pub(super) fn line(item: &Item) -> String {
    Value::Object(object(item)).to_string()
}

/// An item as a JSON object.
pub(crate) fn object(item: &Item) -> Map<String, Value> {
    let members = item.iter();
    members
        .map(|(name, of)| (name.clone(), value(of)))
        .collect()
}

/// The item of a line.
///
/// # Errors
/// [`NoItem`].
pub(super) fn item(line: &str) -> Result<Item, NoItem> {
    let read: Map<String, Value> = serde_json::from_str(line).map_err(|_| NoItem)?;
    let members = read.into_iter();
    members
        .map(|(name, of)| Some((name, attribute(&of)?)))
        .collect::<Option<Item>>()
        .ok_or(NoItem)
}

fn value(of: &AttributeValue) -> Value {
    let bytes = |blob: &Blob| STANDARD.encode(blob.as_ref());
    match of {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::B(blob) => json!({"B": bytes(blob)}),
        AttributeValue::Bool(flag) => json!({"BOOL": flag}),
        AttributeValue::Ss(texts) => json!({"SS": texts}),
        AttributeValue::Ns(numbers) => json!({"NS": numbers}),
        AttributeValue::Bs(blobs) => {
            json!({"BS": blobs.iter().map(bytes).collect::<Vec<_>>()})
        }
        AttributeValue::L(values) => {
            json!({"L": values.iter().map(value).collect::<Vec<_>>()})
        }
        AttributeValue::M(members) => {
            let sorted: BTreeMap<_, _> = members.iter().collect();
            let members = sorted.into_iter();
            let members: Map<String, Value> = members
                .map(|(name, of)| (name.clone(), value(of)))
                .collect();
            json!({"M": members})
        }
        // DynamoDB has no other kinds than this.
        _ => json!({"NULL": true}),
    }
}

fn attribute(value: &Value) -> Option<AttributeValue> {
    let mut members = value.as_object()?.iter();
    let (Some((kind, of)), None) = (members.next(), members.next()) else {
        return None;
    };
    let text = || of.as_str().map(str::to_owned);
    let texts = || -> Option<Vec<String>> {
        let texts = of.as_array()?.iter();
        texts.map(|text| text.as_str().map(str::to_owned)).collect()
    };
    let blob = |text: &str| STANDARD.decode(text).ok().map(Blob::new);
    Some(match kind.as_str() {
        "S" => AttributeValue::S(text()?),
        "N" => AttributeValue::N(text()?),
        "B" => AttributeValue::B(blob(of.as_str()?)?),
        "BOOL" => AttributeValue::Bool(of.as_bool()?),
        "NULL" => AttributeValue::Null(of.as_bool().filter(|is_null| *is_null)?),
        "SS" => AttributeValue::Ss(texts()?),
        "NS" => AttributeValue::Ns(texts()?),
        "BS" => {
            let blobs = texts()?
                .iter()
                .map(|text| blob(text))
                .collect::<Option<_>>();
            AttributeValue::Bs(blobs?)
        }
        "L" => {
            let values = of.as_array()?.iter().map(attribute).collect::<Option<_>>();
            AttributeValue::L(values?)
        }
        "M" => {
            let members = of.as_object()?.iter();
            let members: Option<HashMap<_, _>> = members
                .map(|(name, of)| Some((name.clone(), attribute(of)?)))
                .collect();
            AttributeValue::M(members?)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_attribute_comes_back() {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let all = [
            text("é\n\"\u{2028}"),
            AttributeValue::N("1e126".to_owned()),
            AttributeValue::B(Blob::new([0, 255, 7])),
            AttributeValue::Bool(false),
            AttributeValue::Null(true),
            AttributeValue::Ss(vec!["a".to_owned(), "b".to_owned()]),
            AttributeValue::Ns(vec!["1".to_owned()]),
            AttributeValue::Bs(vec![Blob::new([1])]),
            AttributeValue::L(vec![text("x"), AttributeValue::L(vec![])]),
            AttributeValue::M([("m".to_owned(), text("y"))].into()),
        ];
        let named = all.into_iter().enumerate();
        let all: Item = named.map(|(place, of)| (format!("a{place}"), of)).collect();
        let written = line(&all);
        assert!(!written.contains('\n'));
        assert_eq!(item(&written), Ok(all));
    }

    #[test]
    fn what_is_no_item_is_refused() {
        for line in [
            "",
            "[]",
            "{\"a\":1}",
            "{\"a\":{}}",
            "{\"a\":{\"S\":1}}",
            "{\"a\":{\"S\":\"x\",\"N\":\"1\"}}",
            "{\"a\":{\"B\":\"*\"}}",
            "{\"a\":{\"Z\":\"x\"}}",
            "{\"a\":{\"NULL\":false}}",
            "{\"a\":{\"S\":\"x\"}",
        ] {
            assert_eq!(item(line), Err(NoItem), "{line}");
        }
    }
}
