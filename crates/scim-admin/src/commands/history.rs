//! `history`: a tenant's change records, printed as they are read.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use scim::ResourceId;
use scim::schema::USERS;
use serde_json::{Value, json};
use store::directory::record::{Actor, ChangeRecord, Span};
use store::{Gate, Meter, Store, TenantStore};
use tenant::TenantId;
use time::{Duration, OffsetDateTime};

use crate::args::HistoryArgs;
use crate::failure::Failure;
use crate::terminal::{self, printable, stamp};

/// A record carries the time at which its write was sent, by the clock of the instance that sent
/// it. It can be read later, by as much as a request may take, so the last half minute is read
/// again.
const LATECOMERS: Duration = Duration::seconds(30);
const PAUSE: std::time::Duration = std::time::Duration::from_secs(2);

/// Prints what is asked for. A reader that goes away ends it.
pub async fn run(
    arguments: &HistoryArgs,
    json: bool,
    store: &Store,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    let tenant = &arguments.tenant;
    store.find_tenant(tenant, &meter).await?;
    let directory = store.tenant(tenant, &meter, &gate);
    let mut printer = Printer {
        out: BufWriter::new(out),
        tenant,
        form: Form::of(arguments, json),
        printed: false,
        failed: None,
    };
    match &arguments.user {
        Some(user) => {
            let id = find(&directory, user).await?;
            let life = directory.life(&USERS, &id).await?;
            if life.is_empty() {
                return Err(Failure::NothingOnRecord(id));
            }
            for record in life {
                printer.print(&record);
            }
        }
        None if arguments.follow => follow(arguments, &directory, &mut printer).await?,
        None => {
            let to = arguments.until.unwrap_or_else(horizon);
            if to <= arguments.since {
                return Err(Failure::EmptySpan {
                    since: arguments.since,
                    until: to,
                });
            }
            let span = Span {
                from: arguments.since,
                to,
            };
            directory
                .history(span, |record| printer.print(&record))
                .await?;
        }
    }
    printer.finish()
}

/// Prints what is there and then what comes, until printing fails or the process is ended.
async fn follow(
    arguments: &HistoryArgs,
    directory: &TenantStore<'_>,
    printer: &mut Printer<'_>,
) -> Result<(), Failure> {
    let mut printed = BTreeMap::new();
    let mut from = arguments.since;
    while printer.failed.is_none() {
        let to = horizon().max(from);
        let span = Span { from, to };
        directory
            .history(span, |record| {
                let key = (record.at, record.id.clone(), record.version);
                if printed.insert(key, ()).is_some() {
                    return true;
                }
                printer.print(&record)
            })
            .await?;
        printer.flush();
        from = from.max(OffsetDateTime::now_utc() - LATECOMERS);
        printed.retain(|(at, ..), ()| *at >= from);
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// After every record there is: clocks of different machines differ.
fn horizon() -> OffsetDateTime {
    OffsetDateTime::now_utc() + Duration::DAY
}

/// The user with this id, or else with this userName.
async fn find(directory: &TenantStore<'_>, user: &str) -> Result<ResourceId, Failure> {
    if let Some(id) = ResourceId::parse(user) {
        return Ok(id);
    }
    let holder = directory.holder(&USERS, user).await?;
    holder.ok_or_else(|| Failure::NoUser(user.to_owned()))
}

/// How records are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    /// One JSON object a line.
    Lines,
    /// One JSON array.
    Array,
}

impl Form {
    /// What is followed has no end, and an array without its end is no JSON.
    fn of(arguments: &HistoryArgs, json: bool) -> Self {
        if arguments.ndjson || (json && arguments.follow) {
            Self::Lines
        } else if json {
            Self::Array
        } else {
            Self::Text
        }
    }
}

struct Printer<'a> {
    out: BufWriter<&'a mut (dyn Write + Send)>,
    tenant: &'a TenantId,
    form: Form,
    /// Whether a record has been printed.
    printed: bool,
    failed: Option<io::Error>,
}

impl Printer<'_> {
    /// Prints a record; returns whether to go on.
    fn print(&mut self, record: &ChangeRecord) -> bool {
        let printed = match self.form {
            Form::Text => writeln!(self.out, "{}", text_line(record)),
            Form::Lines => writeln!(self.out, "{}", json_line(self.tenant, record)),
            Form::Array => {
                let before = if self.printed { ",\n" } else { "[\n" };
                write!(self.out, "{before}{}", json_line(self.tenant, record))
            }
        };
        self.printed = true;
        self.note(printed)
    }

    fn flush(&mut self) {
        let flushed = self.out.flush();
        self.note(flushed);
    }

    fn note(&mut self, outcome: io::Result<()>) -> bool {
        if let Err(error) = outcome {
            self.failed.get_or_insert(error);
        }
        self.failed.is_none()
    }

    /// Ends an array. After a failure of the store it stays open, so that no program takes a part
    /// of the records for all of them.
    fn finish(mut self) -> Result<(), Failure> {
        if self.form == Form::Array {
            let end = if self.printed { "\n]" } else { "[]" };
            let ended = writeln!(self.out, "{end}");
            self.note(ended);
        }
        self.flush();
        match self.failed {
            // `scim-admin history acme | head` is no failure.
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }
}

fn actor(record: &ChangeRecord) -> String {
    match &record.actor {
        Actor::Key(key) => format!("key {key}"),
        Actor::Operator => "operator".to_owned(),
    }
}

fn json_line(tenant: &TenantId, record: &ChangeRecord) -> String {
    let value = json!({
        "time": stamp(record.at),
        "tenant": tenant.as_str(),
        "actor": actor(record),
        "operation": record.operation.as_str(),
        "resourceType": record.resource_type,
        "id": record.id.as_str(),
        "version": record.version,
        "requestId": record.request_id,
        "changes": record.changes,
    });
    terminal::json(&value.to_string()).into_owned()
}

fn text_line(record: &ChangeRecord) -> String {
    let side = |change: &Value, side: &str| match change.get(side) {
        Some(value) => value.to_string(),
        None => "-".to_owned(),
    };
    let changes: Vec<String> = record
        .changes
        .iter()
        .map(|(attribute, change)| {
            let (before, after) = (side(change, "before"), side(change, "after"));
            let change = format!("{attribute}: {before} -> {after}");
            printable(&change).into_owned()
        })
        .collect();
    format!(
        "{}  {:7}  {} {} version {}, {}, request {}\n    {}",
        stamp(record.at),
        record.operation.as_str(),
        record.resource_type,
        record.id,
        record.version,
        actor(record),
        printable(&record.request_id),
        changes.join("\n    ")
    )
}
