//! `events`: what the product is told of a tenant's changes, printed, or sent again.

use std::collections::BTreeMap;
use std::io::Write;

use account::Account;
use account::events::Present;
use account::history::horizon;
use member_events::{Event, Publisher};
use scim::ResourceId;
use serde_json::{Value, json};
use store::directory::history::Span;
use time::{Duration, OffsetDateTime};

use super::send::{Sender, Target};
use crate::args::EventsArgs;
use crate::commands::Done;
use crate::failure::Failure;
use crate::lines::{Form, Printer};
use crate::report::Report;

/// A record can be read later than its time says, by as much as a request may take. What steps of a
/// large change have carried out is told at the time of the change, and can come much later: who
/// has to have it asks again.
const LATECOMERS: Duration = Duration::seconds(60);
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// The id of the request that a snapshot comes from.
const SNAPSHOT: &str = "scim-admin";

/// How many were sent, and where.
#[derive(Debug)]
pub struct Sent {
    count: u64,
    target: &'static str,
}

impl Report for Sent {
    fn text(&self) -> String {
        format!("{} events sent to the {}", self.count, self.target)
    }

    fn json(&self) -> Value {
        json!({"sent": self.count, "target": self.target})
    }
}

/// Prints or sends what is asked for. A reader that goes away ends it.
pub async fn run(
    arguments: &EventsArgs,
    json: bool,
    account: &Account,
    out: &mut (dyn Write + Send),
) -> Result<Done, Failure> {
    let publisher = arguments.publisher();
    let asked = Asked {
        account,
        publisher: &publisher,
        user: match &arguments.user {
            Some(user) => Some(account.user_id(user).await?),
            None => None,
        },
    };
    let Some(kind) = arguments.replay else {
        let mut printer = Printer::new(out, Form::of(!json, json, arguments.follow));
        match (arguments.snapshot, arguments.follow) {
            (true, _) => asked.print_snapshot(&mut printer).await?,
            (_, true) => asked.follow(arguments.since, &mut printer).await?,
            _ => {
                let mut print = |event: Event| printer.print(&event.json());
                asked.pages(arguments.span()?, &mut print).await?;
            }
        }
        printer.finish()?;
        return Ok(Done::Printed { is_bad_news: false });
    };
    let target = Target::of(kind, arguments).await;
    let begun = account.begin_replay(kind.name()).await?;
    let mut sender = Sender::new(&target, &begun.id);
    match arguments.snapshot {
        true => asked.send_snapshot(&mut sender).await?,
        false => asked.send(arguments.span()?, &mut sender).await?,
    }
    let count = sender.sent();
    account.complete_replay(&begun, count).await?;
    let target = kind.name();
    Ok(Done::Report(Box::new(Sent { count, target })))
}

/// Whose events are asked for.
struct Asked<'a> {
    account: &'a Account,
    publisher: &'a Publisher,
    user: Option<ResourceId>,
}

impl Asked<'_> {
    /// Shows `visit` the events of the records of a span, until it returns false.
    async fn pages(
        &self,
        span: Span,
        visit: &mut (dyn FnMut(Event) -> bool + Send),
    ) -> Result<(), Failure> {
        let mut from = None;
        loop {
            let (events, next) = self.page(span, from.as_ref()).await?;
            if !events.into_iter().all(&mut *visit) || next.is_none() {
                return Ok(());
            }
            from = next;
        }
    }

    async fn page(
        &self,
        span: Span,
        from: Option<&store::directory::history::Continuation>,
    ) -> Result<(Vec<Event>, Option<store::directory::history::Continuation>), Failure> {
        let (items, next) = self.account.outbox_page(span, from).await?;
        let events = items
            .iter()
            .flat_map(|item| self.publisher.events_of_item(item));
        let events = events.filter(|event| self.is_wanted(event));
        Ok((events.collect(), next))
    }

    fn is_wanted(&self, event: &Event) -> bool {
        self.user.as_ref().is_none_or(|user| event.names_user(user))
    }

    /// Prints what is there and then what comes, until printing fails or the process is ended.
    async fn follow(
        &self,
        since: OffsetDateTime,
        printer: &mut Printer<'_>,
    ) -> Result<(), Failure> {
        // By id, when they were printed.
        let mut printed = BTreeMap::<String, OffsetDateTime>::new();
        let mut from = since;
        loop {
            let now = OffsetDateTime::now_utc();
            let to = horizon().max(from);
            let mut print = |event: Event| {
                let is_new = printed.insert(event.id.clone(), now).is_none();
                !is_new || printer.print(&event.json())
            };
            self.pages(Span { from, to }, &mut print).await?;
            if !printer.flush() {
                return Ok(());
            }
            from = from.max(now - LATECOMERS);
            // What is read again was printed within twice that time.
            printed.retain(|_, at| *at >= now - LATECOMERS * 2);
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn print_snapshot(&self, printer: &mut Printer<'_>) -> Result<(), Failure> {
        let visit = |present| {
            for event in self.of_present(&present) {
                printer.print(&event.json());
            }
        };
        Ok(self.account.present(visit).await?)
    }

    fn of_present(&self, present: &Present) -> Vec<Event> {
        let tenant = &self.account.tenant().id;
        match present {
            Present::Resource(resource_type, stored) => {
                vec![
                    self.publisher
                        .snapshot(tenant, resource_type, stored, SNAPSHOT),
                ]
            }
            Present::Members {
                group,
                since,
                members,
            } => self
                .publisher
                .snapshot_of_members(tenant, group, *since, members, SNAPSHOT),
        }
    }

    async fn send(&self, span: Span, sender: &mut Sender<'_>) -> Result<(), Failure> {
        let mut from = None;
        loop {
            let (events, next) = self.page(span, from.as_ref()).await?;
            sender.send(&events).await?;
            if next.is_none() {
                return Ok(());
            }
            from = next;
        }
    }

    async fn send_snapshot(&self, sender: &mut Sender<'_>) -> Result<(), Failure> {
        let mut events = Vec::new();
        let visit = |present| events.extend(self.of_present(&present));
        self.account.present(visit).await?;
        sender.send(&events).await
    }
}
