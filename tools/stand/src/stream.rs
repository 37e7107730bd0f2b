//! The stream of the directory table, read as a pipe reads it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::StreamSpecification;
use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::types::{AttributeValue, Record, ShardIteratorType, StreamRecord};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use member_events::{Event, Publisher, function};
use serde_json::{Map, Value, json};

/// How many records a pipe hands to the function at once.
const BATCH: usize = 5;

/// How many shards a stream's description has on a page at most.
const SHARDS: usize = 100;

/// A reader of a table's stream.
pub struct Stream {
    client: Client,
    arn: String,
    shards: BTreeMap<String, Shard>,
    /// Whether records were read since the positions were last taken.
    has_moved: bool,
}

/// How far a shard was read.
#[derive(Debug, Default)]
struct Shard {
    /// Where its next records are. Iterators are good for minutes: after an error, and for a reader
    /// that starts again, the position counts.
    iterator: Option<String>,
    /// The sequence number of the last record that was read.
    position: Option<String>,
    has_ended: bool,
}

impl Stream {
    /// Opens the stream of a table. `positions` are those of an earlier reader: by shard, the last
    /// sequence number that it has read. A shard without one is read from its beginning.
    pub async fn open(
        endpoint: &str,
        table: &str,
        positions: BTreeMap<String, String>,
    ) -> Result<Self> {
        let config = crate::tenant::sdk_config(endpoint).await;
        let tables = aws_sdk_dynamodb::Client::new(&config);
        let table = tables.describe_table().table_name(table).send().await?;
        let arn = table.table.and_then(|table| table.latest_stream_arn);
        let of_reader = positions.into_iter().map(|(id, position)| {
            let shard = Shard {
                position: Some(position),
                ..Shard::default()
            };
            (id, shard)
        });
        Ok(Self {
            client: Client::new(&config),
            arn: arn.context("the table has no stream")?,
            shards: of_reader.collect(),
            has_moved: false,
        })
    }

    /// How far each shard was read, if there was something to read since the last call.
    pub fn take_moved(&mut self) -> Option<BTreeMap<String, String>> {
        let read = self.shards.iter();
        let positions = read
            .filter_map(|(id, shard)| Some((id.clone(), shard.position.clone()?)))
            .collect();
        std::mem::take(&mut self.has_moved).then_some(positions)
    }

    /// The records since the last call, in their order, as a pipe hands them on. Of a stream that
    /// is longer than a page, some of them; none only if there are none.
    pub async fn read(&mut self) -> Result<Vec<Value>> {
        self.look_for_shards().await?;
        let mut records = Vec::new();
        for (id, shard) in &mut self.shards {
            if shard.has_ended {
                continue;
            }
            if shard.iterator.is_none() {
                shard.iterator = iterator(&self.client, &self.arn, id, shard).await?;
            }
            let Some(iterator) = shard.iterator.take() else {
                continue;
            };
            let request = self.client.get_records().shard_iterator(iterator);
            let page = request.send().await?;
            shard.has_ended = page.next_shard_iterator.is_none();
            shard.iterator = page.next_shard_iterator;
            for record in page.records.unwrap_or_default() {
                let number = record.dynamodb.as_ref();
                let number = number.and_then(|record| record.sequence_number.clone());
                shard.position = number.or(shard.position.take());
                self.has_moved = true;
                records.push(piped(record));
            }
        }
        Ok(records)
    }

    /// The records that the pipes' filter lets pass, since the last call, made into events batch by
    /// batch, as the function makes them.
    pub async fn events(&mut self, publisher: &Publisher) -> Result<Vec<Event>> {
        let mut records = self.read().await?;
        records.retain(passes);
        let batches = records.chunks(BATCH);
        let events = batches.flat_map(|batch| function::handle(publisher, &batch.into()));
        Ok(events.collect())
    }

    async fn look_for_shards(&mut self) -> Result<()> {
        let mut known = BTreeSet::new();
        let mut last = None;
        loop {
            let request = self.client.describe_stream().stream_arn(&self.arn);
            let page = request.set_exclusive_start_shard_id(last).send().await?;
            let description = page.stream_description.context("no stream")?;
            let shards = description.shards();
            known.extend(shards.iter().filter_map(|shard| shard.shard_id.clone()));
            last = description.last_evaluated_shard_id().map(str::to_owned);
            if last.is_none() || shards.len() < SHARDS {
                break;
            }
        }
        // Those of a day ago are gone, and those of another stream of the table.
        self.shards.retain(|id, _| known.contains(id));
        for id in known {
            self.shards.entry(id).or_default();
        }
        Ok(())
    }
}

/// Turns the stream of a table off. The embedded engine writes half as fast to a table with one.
pub async fn turn_off(endpoint: &str, table: &str) -> Result<()> {
    let config = crate::tenant::sdk_config(endpoint).await;
    let off = StreamSpecification::builder().stream_enabled(false);
    let request = aws_sdk_dynamodb::Client::new(&config).update_table();
    let request = request.table_name(table).stream_specification(off.build()?);
    request.send().await?;
    Ok(())
}

async fn iterator(client: &Client, arn: &str, id: &str, shard: &Shard) -> Result<Option<String>> {
    let request = client.get_shard_iterator().stream_arn(arn).shard_id(id);
    let request = match &shard.position {
        Some(position) => request
            .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
            .sequence_number(position),
        None => request.shard_iterator_type(ShardIteratorType::TrimHorizon),
    };
    Ok(request.send().await?.shard_iterator)
}

/// Whether the filter of template.yaml lets a record pass; `tests/api` holds the two against each
/// other.
pub fn passes(record: &Value) -> bool {
    let key = &record["dynamodb"]["Keys"]["sk"]["S"];
    record["eventName"] == "INSERT" && key.as_str().is_some_and(|key| key.starts_with("E#"))
}

/// A record in the form in which a pipe hands it on.
fn piped(record: Record) -> Value {
    let of = record
        .dynamodb
        .unwrap_or_else(|| StreamRecord::builder().build());
    let mut stream = Map::new();
    for (name, part) in [("Keys", of.keys), ("NewImage", of.new_image)] {
        if let Some(attributes) = part {
            let members = attributes.iter();
            let members: Map<String, Value> = members
                .map(|(name, attribute)| (name.clone(), value(attribute)))
                .collect();
            stream.insert(name.to_owned(), Value::Object(members));
        }
    }
    stream.insert("SequenceNumber".to_owned(), json!(of.sequence_number));
    json!({
        "eventID": record.event_id,
        "eventName": record.event_name.map(|name| name.as_str().to_owned()),
        "eventSource": "aws:dynamodb",
        "dynamodb": stream,
    })
}

fn value(attribute: &AttributeValue) -> Value {
    match attribute {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::B(bytes) => json!({"B": STANDARD.encode(bytes.as_ref())}),
        AttributeValue::Bool(flag) => json!({"BOOL": flag}),
        AttributeValue::Ss(texts) => json!({"SS": texts}),
        AttributeValue::L(values) => json!({"L": values.iter().map(value).collect::<Vec<_>>()}),
        AttributeValue::M(members) => {
            let members = members.iter();
            let members: Map<String, Value> = members
                .map(|(name, of)| (name.clone(), value(of)))
                .collect();
            json!({"M": members})
        }
        _ => json!({"NULL": true}),
    }
}
