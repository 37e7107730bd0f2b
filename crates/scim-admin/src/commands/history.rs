//! `history`: a tenant's records, printed as they are read.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use scim::ResourceId;
use store::directory::history::{Record, Span};
use tenant::TenantId;
use time::{Duration, OffsetDateTime};

use account::Account;
use account::history::{Wanted, horizon};

use crate::args::HistoryArgs;
use crate::failure::Failure;
use crate::lines::{Form, Printer};
use crate::report::record::{NAMED, json_line, text_line};

/// A record carries the time at which its write was sent, by the clock of the instance that sent
/// it. It can be read later, by as much as a request may take, so the last half minute is read
/// again.
const LATECOMERS: Duration = Duration::seconds(30);
const PAUSE: std::time::Duration = std::time::Duration::from_secs(2);

/// Prints what is asked for. A reader that goes away ends it.
pub async fn run(
    arguments: &HistoryArgs,
    json: bool,
    account: &Account,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let form = arguments.reading.form(json);
    let mut printer = Records {
        printer: Printer::new(out, form),
        tenant: &arguments.tenant,
    };
    let wanted = Wanted {
        group: match &arguments.group {
            Some(group) => Some(account.group_id(group).await?),
            None => None,
        },
        operation: arguments.operation.clone(),
        attribute: arguments.attribute.clone(),
        actor: arguments.by(),
    };
    match &arguments.user {
        Some(user) => {
            let id = account.user_id(user).await?;
            for record in account.life_of(&id).await? {
                if wanted.includes(&record) {
                    printer.print(&record, &HashMap::new());
                }
            }
        }
        None if arguments.reading.follow => {
            follow(arguments, account, &wanted, &mut printer).await?;
        }
        None => {
            let span = arguments.reading.span()?;
            pages(account, span, &wanted, &mut printer, |_| true).await?;
        }
    }
    printer.printer.finish()
}

/// Prints what is there and then what comes, until printing fails or the process is ended.
async fn follow(
    arguments: &HistoryArgs,
    account: &Account,
    wanted: &Wanted,
    printer: &mut Records<'_>,
) -> Result<(), Failure> {
    let mut printed = BTreeMap::new();
    let mut from = arguments.reading.since;
    loop {
        let to = horizon().max(from);
        let span = Span { from, to };
        let is_new = |record: &Record| printed.insert((record.at(), record.name()), ()).is_none();
        pages(account, span, wanted, printer, is_new).await?;
        if !printer.printer.flush() {
            return Ok(());
        }
        from = from.max(OffsetDateTime::now_utc() - LATECOMERS);
        printed.retain(|(at, ..), ()| *at >= from);
        tokio::time::sleep(PAUSE).await;
    }
}

/// Prints the records of a span, page by page, that are wanted.
async fn pages(
    account: &Account,
    span: Span,
    wanted: &Wanted,
    printer: &mut Records<'_>,
    mut is_wanted: impl FnMut(&Record) -> bool,
) -> Result<(), Failure> {
    let mut from = None;
    loop {
        let (mut records, next) = account.history_page(span, from.as_ref(), wanted).await?;
        records.retain(&mut is_wanted);
        let names = match printer.printer.form() {
            Form::Text => names(account, &records).await?,
            // Programs look up what they need.
            Form::Lines | Form::Array => HashMap::new(),
        };
        if !records.iter().all(|record| printer.print(record, &names)) || next.is_none() {
            return Ok(());
        }
        from = next;
    }
}

/// The userNames of those whom the text of these records names.
async fn names(
    account: &Account,
    records: &[Record],
) -> Result<HashMap<ResourceId, String>, Failure> {
    let mut ids = Vec::new();
    for record in records {
        if let Record::Members(record) = record {
            ids.extend(record.added().take(NAMED).cloned());
            ids.extend(record.removed().take(NAMED).cloned());
        }
    }
    ids.sort();
    ids.dedup();
    Ok(account.user_names(&ids).await?)
}

struct Records<'a> {
    printer: Printer<'a>,
    tenant: &'a TenantId,
}

impl Records<'_> {
    /// Prints a record; returns whether to go on.
    fn print(&mut self, record: &Record, names: &HashMap<ResourceId, String>) -> bool {
        let line = match self.printer.form() {
            Form::Text => text_line(record, names),
            Form::Lines | Form::Array => json_line(self.tenant, record),
        };
        self.printer.print(&line)
    }
}
