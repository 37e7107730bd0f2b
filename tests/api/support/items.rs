//! Not tests: the items of both tables as they are stored, and as DynamoDB's JSON.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use store::Tables;

use crate::support::directory::Item;
use crate::support::engine;

/// Both tables of a service.
pub struct BothTables {
    client: Client,
    tables: Tables,
}

/// An item, and whether it is one of the directory table or of the secrets table.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    pub is_secret: bool,
    pub item: Item,
}

impl BothTables {
    /// The tables with this prefix.
    pub async fn of(prefix: &str) -> Self {
        Self {
            client: Client::new(&engine::sdk_config(engine::endpoint()).await),
            tables: engine::tables(prefix),
        }
    }

    fn name(&self, is_secret: bool) -> &str {
        match is_secret {
            true => &self.tables.secrets,
            false => &self.tables.directory,
        }
    }

    /// All items, in the order of their keys.
    pub async fn items(&self) -> Vec<Stored> {
        let mut all = Vec::new();
        for is_secret in [true, false] {
            let scan = self.client.scan().table_name(self.name(is_secret));
            let scan = scan.consistent_read(true).into_paginator().items();
            let mut items = scan.send();
            while let Some(item) = items.next().await {
                let item = item.unwrap();
                all.push(Stored { is_secret, item });
            }
        }
        all.sort_by_key(|stored| (!stored.is_secret, stored.key()));
        all
    }

    /// Puts an item as it is.
    pub async fn put(&self, stored: &Stored) {
        let put = self
            .client
            .put_item()
            .table_name(self.name(stored.is_secret));
        let put = put.set_item(Some(stored.item.clone()));
        put.send().await.unwrap();
    }
}

impl Stored {
    fn parts(&self) -> [&'static str; 2] {
        match self.is_secret {
            true => ["secrets_pk", "secrets_sk"],
            false => ["pk", "sk"],
        }
    }

    /// Its partition key and its sort key.
    pub fn key(&self) -> [String; 2] {
        self.parts()
            .map(|part| self.item[part].as_s().unwrap().clone())
    }

    /// Its sort key.
    pub fn sort_key(&self) -> String {
        let [_, sort_key] = self.key();
        sort_key
    }

    /// Its kind: the sort key with what differs from item to item left out.
    pub fn kind(&self) -> String {
        let sort_key = self.sort_key();
        let parts: Vec<&str> = sort_key.split('#').collect();
        let kind = match parts[..] {
            ["TENANT"] => "TENANT",
            ["DELETED"] => "DELETED",
            ["KEY", _] => "KEY#<digest>",
            [letter @ ("U" | "G"), _] => return format!("{letter}#<id>"),
            ["G", _, _] => "G#<g>#<d>",
            [letter @ ("L" | "N" | "C" | "F" | "D"), of, ..] => {
                return format!("{letter}#{of}#<…>");
            }
            ["B", of] => return format!("B#{of}"),
            ["B", of, _] => return format!("B#{of}#<d>"),
            ["E", _, letter @ ("U" | "G"), _, _] => return format!("E#<time>#{letter}#<id>#<n>"),
            ["E", _, "M", _, _] => "E#<time>#M#<g>#<c>",
            ["E", _, "M", _, _, step] if step.starts_with('~') => "E#<time>#M#<g>#<c>#~<n>",
            ["E", _, "M", _, _, _] => "E#<time>#M#<g>#<c>#<d>",
            ["E", _, "I", _, _] => "E#<time>#I#<u>#<g>",
            ["R", ..] => "R#<…>",
            ["H", _] => "H#<hour>",
            ["P", _, _] => "P#<time>#<request>",
            ["P", _, _, _] => "P#<time>#<request>#<n>",
            ["O", _, _] => "O#<time>#<id>",
            ["K", _] => "K#<key>",
            ["M", _] => "M#<g>",
            ["M", _, "~"] => "M#<g>#~",
            ["M", _, _] => "M#<g>#<u>",
            ["I", _, _] => "I#<u>#<g>",
            ["J", fence] if fence.starts_with('!') => "J#!<d>",
            ["J", _] => "J#<g>",
            ["X", _] => "X#<u>",
            ["A", _] => "A#<digest>",
            ["W", _] => "W#<issuer>",
            _ => panic!("an item of unknown kind: {sort_key}"),
        };
        kind.to_owned()
    }

    /// One line of JSON, with the attributes in order.
    pub fn to_line(&self) -> String {
        let table = if self.is_secret {
            "secrets"
        } else {
            "directory"
        };
        let attributes: Map<String, Value> = self
            .item
            .iter()
            .map(|(name, value)| (name.clone(), to_json(value)))
            .collect::<BTreeMap<_, _>>()
            .into_iter()
            .collect();
        json!({"table": table, "item": attributes}).to_string()
    }

    /// The item of such a line.
    pub fn from_line(line: &str) -> Self {
        let line: Value = serde_json::from_str(line).unwrap();
        let attributes = line["item"].as_object().unwrap();
        Self {
            is_secret: line["table"] == "secrets",
            item: attributes
                .iter()
                .map(|(name, value)| (name.clone(), from_json(value)))
                .collect(),
        }
    }
}

/// The names and types of the attributes of each kind of item.
pub type Shapes = BTreeMap<String, BTreeSet<String>>;

/// What the kinds of these items look like.
pub fn shapes(items: &[Stored]) -> Shapes {
    let mut shapes = Shapes::new();
    for stored in items {
        let shape = shapes.entry(stored.kind()).or_default();
        for (name, value) in &stored.item {
            let value = to_json(value);
            let (kind, _) = value.as_object().unwrap().iter().next().unwrap();
            shape.insert(format!("{name}: {kind}"));
        }
    }
    shapes
}

fn to_json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::Bool(flag) => json!({"BOOL": flag}),
        AttributeValue::B(bytes) => json!({"B": STANDARD.encode(bytes)}),
        AttributeValue::Ss(texts) => {
            let sorted: BTreeSet<_> = texts.iter().collect();
            json!({"SS": sorted})
        }
        AttributeValue::L(values) => {
            let values: Vec<Value> = values.iter().map(to_json).collect();
            json!({"L": values})
        }
        AttributeValue::M(members) => {
            let members: BTreeMap<_, _> = members
                .iter()
                .map(|(name, value)| (name, to_json(value)))
                .collect();
            json!({"M": members})
        }
        other => panic!("no item has an attribute such as {other:?}"),
    }
}

fn from_json(value: &Value) -> AttributeValue {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    let text = || value.as_str().unwrap().to_owned();
    match kind.as_str() {
        "S" => AttributeValue::S(text()),
        "N" => AttributeValue::N(text()),
        "BOOL" => AttributeValue::Bool(value.as_bool().unwrap()),
        "B" => AttributeValue::B(Blob::new(STANDARD.decode(text()).unwrap())),
        "SS" => {
            let texts = value.as_array().unwrap().iter();
            AttributeValue::Ss(
                texts
                    .map(|text| text.as_str().unwrap().to_owned())
                    .collect(),
            )
        }
        "L" => AttributeValue::L(value.as_array().unwrap().iter().map(from_json).collect()),
        "M" => AttributeValue::M(
            value
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| (name.clone(), from_json(value)))
                .collect(),
        ),
        other => panic!("no item has an attribute of the type {other}"),
    }
}
