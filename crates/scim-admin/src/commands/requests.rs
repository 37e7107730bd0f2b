//! `requests`: the log of requests, printed as it is read.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration as Pause;

use account::Account;
use account::history::horizon;
use account::requests::Asked;
use store::directory::history::Span;
use store::usage::requests::LoggedRequest;
use time::{Duration, OffsetDateTime};

use crate::args::RequestsArgs;
use crate::failure::Failure;
use crate::lines::{Form, Printer};
use crate::report::request::{json_line, text_line};

/// An entry carries the time at which its request was answered, by the clock of the instance that
/// answered it. It can be read later, so the last half minute is read again.
const LATECOMERS: Duration = Duration::seconds(30);
const PAUSE: Pause = Pause::from_secs(2);

/// Prints what is asked for. A reader that goes away ends it.
pub async fn run(
    arguments: &RequestsArgs,
    json: bool,
    account: &Account,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let form = arguments.reading.form(json);
    let mut printer = Printer::new(out, form);
    let asked = Asked {
        subjects: match &arguments.user {
            Some(user) => Some(account.subjects_of(user).await?),
            None => None,
        },
        is_failed: arguments.failed,
        reason: arguments.reason.clone(),
    };
    let tenant = &arguments.tenant;
    let line = |request: &LoggedRequest| match form {
        Form::Text => text_line(request),
        Form::Lines | Form::Array => json_line(tenant, request),
    };
    if !arguments.reading.follow {
        let Span { from, to } = arguments.reading.span()?;
        account
            .visit_requests(from, to, &asked, |request| printer.print(&line(&request)))
            .await?;
        return printer.finish();
    }
    let mut printed = BTreeSet::new();
    let mut from = arguments.reading.since;
    loop {
        let mut goes_on = true;
        account
            .visit_requests(from, horizon().max(from), &asked, |request| {
                let name = (request.at, request.request_id.clone(), request.part);
                if printed.insert(name) {
                    goes_on = printer.print(&line(&request));
                }
                goes_on
            })
            .await?;
        if !(goes_on && printer.flush()) {
            return printer.finish();
        }
        from = from.max(OffsetDateTime::now_utc() - LATECOMERS);
        printed.retain(|(at, ..)| *at >= from);
        tokio::time::sleep(PAUSE).await;
    }
}
