//! Sends events to the queue or the bus, in the form in which the pipes do.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use member_events::Event;

use crate::args::{EventsArgs, TargetKind};
use crate::failure::Failure;

/// How many a call takes.
const BATCH: usize = 10;

/// The pauses before those are sent again that were refused.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// The source of events on the bus, as the pipe says it.
const SOURCE: &str = "hellotracks.scim";

/// A run of events that are sent.
pub struct Sender<'t> {
    target: &'t Target,
    /// What no other run is called.
    run: &'t str,
    /// How many were sent.
    sent: u64,
}

/// Where events are sent.
pub enum Target {
    /// An SQS FIFO queue, by its URL.
    Queue(aws_sdk_sqs::Client, String),
    /// An EventBridge bus, by its name or ARN.
    Bus(aws_sdk_eventbridge::Client, String),
}

impl Target {
    /// The one that the arguments name.
    pub async fn of(kind: TargetKind, arguments: &EventsArgs) -> Self {
        let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
        // The grammar has the one or the other.
        let name = |name: &Option<String>| name.clone().unwrap_or_default();
        match kind {
            TargetKind::Queue => {
                let client = aws_sdk_sqs::Client::new(&config);
                Self::Queue(client, name(&arguments.queue_url))
            }
            TargetKind::Bus => {
                let client = aws_sdk_eventbridge::Client::new(&config);
                Self::Bus(client, name(&arguments.bus_name))
            }
        }
    }
}

impl<'t> Sender<'t> {
    /// One that has sent nothing. `run` is the id of an act on the operator's log.
    pub fn new(target: &'t Target, run: &'t str) -> Self {
        Self {
            target,
            run,
            sent: 0,
        }
    }

    /// How many were sent.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Sends all, in their order.
    ///
    /// # Errors
    /// When the service cannot be reached or refuses one of them for good. Those before were sent,
    /// and may be sent again.
    pub async fn send(&mut self, events: &[Event]) -> Result<(), Failure> {
        for batch in events.chunks(BATCH) {
            let mut left: Vec<(u64, &Event)> = (self.sent..).zip(batch).collect();
            let mut pauses = PAUSES.iter();
            while let Some(refusal) = self.send_batch(&mut left).await? {
                let Some(pause) = pauses.next() else {
                    return Err(refusal);
                };
                tokio::time::sleep(*pause).await;
            }
            self.sent += batch.len() as u64;
        }
        Ok(())
    }

    /// Sends these at once, and leaves those that were refused, with the reason for the first. Each
    /// has its place in the run.
    async fn send_batch(
        &self,
        events: &mut Vec<(u64, &Event)>,
    ) -> Result<Option<Failure>, Failure> {
        match self.target {
            Target::Queue(client, url) => {
                let mut request = client.send_message_batch().queue_url(url);
                for (index, (place, event)) in events.iter().enumerate() {
                    // The queue leaves out what it knows by this id. It is not the event's: what
                    // was delivered a moment ago is to be delivered again.
                    let entry = SendMessageBatchRequestEntry::builder()
                        .id(index.to_string())
                        .message_body(event.json())
                        .message_group_id(&event.subject)
                        .message_deduplication_id(format!("{}/{place}", self.run))
                        .build();
                    request = request.entries(entry.map_err(Failure::sending)?);
                }
                let answer = request.send().await.map_err(Failure::sending)?;
                let first = answer.failed().first().map(|failed| {
                    let message = failed.message().unwrap_or_default();
                    Failure::Refused(format!("{} {message}", failed.code()))
                });
                // Those behind a refused one come again after it; the queue knows their places.
                let refused = answer.failed().iter();
                let refused = refused.filter_map(|failed| failed.id().parse().ok()).min();
                events.drain(..refused.unwrap_or(events.len()));
                Ok(first)
            }
            Target::Bus(client, name) => {
                let mut request = client.put_events();
                for (_, event) in events.iter() {
                    let entry = PutEventsRequestEntry::builder()
                        .event_bus_name(name)
                        .source(SOURCE)
                        .detail_type(event.kind.name())
                        .set_time(
                            event
                                .seconds()
                                .map(aws_sdk_eventbridge::primitives::DateTime::from_secs),
                        )
                        .detail(event.json())
                        .build();
                    request = request.entries(entry);
                }
                let answer = request.send().await.map_err(Failure::sending)?;
                let is_refused = |entry: &aws_sdk_eventbridge::types::PutEventsResultEntry| {
                    entry.event_id().is_none()
                };
                let first = answer.entries().iter().find(|entry| is_refused(entry));
                let first = first.map(|entry| {
                    let (code, message) = (entry.error_code(), entry.error_message());
                    let text = [code, message].map(Option::unwrap_or_default).join(" ");
                    Failure::Refused(text)
                });
                let mut entries = answer.entries().iter();
                events.retain(|_| entries.next().is_some_and(is_refused));
                Ok(first)
            }
        }
    }
}
