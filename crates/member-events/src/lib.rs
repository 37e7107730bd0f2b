//! What the product is told of every change: the events that change records become.
//!
//! Each change of a tenant's directory writes a change record in its own transaction. A record
//! becomes an event ([`Event`]) by a pure function ([`Publisher::events`]), which reads nothing but
//! the record: no clock, no database. So whoever asks for the events of a record, today or in a
//! month, gets the same ones. Three ask: the Lambda function ([`function`]) between the table's
//! stream and the product's queue, `scim-admin events`, and the runner of `make dev`.
//!
//! The function is total. What it cannot read becomes an event that says so (`kind`), for a record
//! that failed would hold up all those behind it.
//!
//! docs/EVENTS.md is the contract with those who read the events.

pub mod config;
pub mod event;
pub mod function;
mod image;
mod kind;
#[cfg(test)]
mod proptests;
mod record;
mod snapshot;
mod state;
#[cfg(test)]
mod tests;

pub use event::{Event, MAX_EVENT};
pub use kind::Kind;

use record::{Record, Resource, Unreadable};
use serde_json::{Map, Value};

use crate::image::Image;

/// How much an event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Content {
    /// The state after the change, and what has changed.
    #[default]
    Full,
    /// Neither of the two.
    Notice,
}

/// Makes events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publisher {
    /// The service's base URL, without a trailing slash: the events' source, and the base of
    /// locations. `/scim/v2` where the service is not told its URL.
    pub base: String,
    /// How much an event says.
    pub content: Content,
}

/// The path of every base URL.
const PATH: &str = "/scim/v2";

impl Publisher {
    /// One for a service with this public URL, which has neither a path of the service nor a slash
    /// at its end.
    pub fn new(public_url: Option<&str>, content: Content) -> Self {
        let base = format!("{}{PATH}", public_url.unwrap_or_default());
        Self { base, content }
    }

    /// The events of a record of the table's stream, as a pipe hands it on. None of one that is no
    /// new change record, or that needs no event: what users leave by being deleted follows from
    /// their deletion, and of a large change of members each step has a record.
    pub fn events(&self, stream_record: &Value) -> Vec<Event> {
        let text = |name: &str| stream_record.get(name).and_then(Value::as_str);
        if text("eventName") != Some("INSERT") {
            return Vec::new();
        }
        let of_stream = stream_record.get("dynamodb");
        let part = |name: &str| of_stream.and_then(|all| all.get(name)?.as_object());
        let (keys, item) = (part("Keys"), part("NewImage"));
        let mut events = match (keys, item) {
            (_, Some(item)) => self.events_of_item(item),
            // A stream that shows keys alone.
            (Some(keys), None) => self.events_of_item(keys),
            (None, None) => Vec::new(),
        };
        let event_id = text("eventID").map(|id| event::cut(id).to_owned());
        for event in &mut events {
            event.event_id.clone_from(&event_id);
        }
        events
    }

    /// The events of a change record: an item of the directory table, in DynamoDB's JSON. They are
    /// those of its stream record, without the stream's id.
    pub fn events_of_item(&self, item: &Map<String, Value>) -> Vec<Event> {
        match Record::read(&Image(item)) {
            Ok(Record::Resource(record)) => vec![self.of_resource(&record)],
            Ok(Record::Members(record)) => event::of_members(self, &record),
            Ok(Record::Nothing) => Vec::new(),
            Err(unreadable) => vec![self.unreadable(&unreadable)],
        }
    }

    fn of_resource(&self, record: &Resource) -> Event {
        event::of_resource(self, record, record.kind())
    }

    fn unreadable(&self, unreadable: &Unreadable) -> Event {
        event::unreadable(self, unreadable)
    }
}
