//! The arguments of `events`.

use clap::{Args, ValueEnum};
use member_events::{Content, Publisher};
use store::directory::history::Span;
use tenant::TenantId;
use time::OffsetDateTime;

use super::records::span;
use super::values::{instant, web_address};
use crate::failure::Failure;

#[derive(Debug, Args)]
pub struct EventsArgs {
    /// The tenant
    #[arg(value_parser = TenantId::parse)]
    pub tenant: TenantId,
    /// Only those of one user, by id or userName; of groups, those that name the user
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// From when on: a time such as 2026-11-24T06:00:00Z, or how long ago, such as 2h or 7days
    #[arg(long, value_name = "WHEN", value_parser = instant, default_value = "24h")]
    pub since: OffsetDateTime,
    /// Until when
    #[arg(long, value_name = "WHEN", value_parser = instant, conflicts_with = "follow")]
    pub until: Option<OffsetDateTime>,
    /// Go on with what comes from now on, until interrupted
    #[arg(long)]
    pub follow: bool,
    /// In the place of changes, how everything is now: for a consumer that is new
    #[arg(long, conflicts_with_all = ["follow", "since", "until", "user"])]
    pub snapshot: bool,
    /// Send them to the queue or to the bus instead of printing them
    #[arg(long, value_name = "TARGET", conflicts_with = "follow")]
    pub replay: Option<TargetKind>,
    /// The URL of the queue
    #[arg(
        long,
        env = "SCIM_MEMBER_QUEUE_URL",
        value_name = "URL",
        required_if_eq("replay", "queue")
    )]
    pub queue_url: Option<String>,
    /// The name or the ARN of the bus
    #[arg(
        long,
        env = "SCIM_MEMBER_BUS_NAME",
        value_name = "NAME",
        required_if_eq("replay", "bus")
    )]
    pub bus_name: Option<String>,
    /// Where the service is, as the events say: the same as the event function has
    #[arg(long, env = "SCIM_PUBLIC_URL", value_name = "URL", value_parser = web_address)]
    pub public_url: Option<String>,
    /// How much events say: the same as the event function has
    #[arg(
        long,
        env = "SCIM_EVENT_CONTENT",
        value_name = "CONTENT",
        default_value = "full",
        value_parser = content
    )]
    pub content: Content,
}

/// Where events are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TargetKind {
    /// The SQS queue, ordered by member and by group
    Queue,
    /// The EventBridge bus
    Bus,
}

impl TargetKind {
    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Bus => "bus",
        }
    }
}

fn content(text: &str) -> Result<Content, String> {
    Content::named(text).ok_or_else(|| "use full or notice".to_owned())
}

impl EventsArgs {
    /// What makes the events.
    pub fn publisher(&self) -> Publisher {
        Publisher::new(self.public_url.as_deref(), self.content)
    }

    /// The time that is asked for.
    pub fn span(&self) -> Result<Span, Failure> {
        let until = self.until.unwrap_or_else(account::history::horizon);
        span(self.since, until)
    }
}
