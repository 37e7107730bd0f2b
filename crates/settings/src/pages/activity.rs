//! What was changed, the latest first.

use askama::Template;
use scim::resource::rfc3339;
use store::directory::history::Record;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::Visited;
use super::events::{Event, Names, events, sort};
use super::frame::Base;
use crate::charts::days::{self, Day};
use crate::failed::Answer;
use crate::html::Html;
use crate::texts::fill;

/// How many changes a page shows.
const PAGE: usize = 50;

/// How many of the latest changes the chart counts: enough for a picture, and bounded.
const COUNTED: usize = 1_000;

#[derive(Template)]
#[template(path = "activity.html")]
struct Page {
    base: Base,
    chart: Option<Chart>,
    events: Vec<Event>,
    is_later: bool,
    older: Option<String>,
}

struct Chart {
    text: String,
    svg: Html,
    days: Vec<Day>,
}

impl Visited<'_> {
    /// The time before which a page shows something.
    pub(super) fn before(&self) -> Option<OffsetDateTime> {
        let text = self.asked.parameter("before");
        OffsetDateTime::parse(text, &Rfc3339).ok()
    }

    pub(super) async fn activity(&self) -> Answer {
        let t = self.asked.language.texts();
        let (account, before) = (&self.visit.account, self.before());
        let until = before.unwrap_or_else(|| OffsetDateTime::now_utc() + Duration::DAY);
        let read = match before {
            None => COUNTED,
            Some(_) => PAGE + 1,
        };
        let mut records = account.latest_changes(until, read).await?;
        let chart = before
            .is_none()
            .then(|| chart(t.changes_text, t.changes_title, &records));
        let older = match records.len() > PAGE {
            true => records.get(PAGE - 1).map(|last| rfc3339(last.at())),
            false => None,
        };
        records.truncate(PAGE);
        let names = Names::of(account, &records).await?;
        let page = Page {
            base: self.base("/settings/activity"),
            chart: chart.flatten(),
            events: events(t, &records, &names),
            is_later: before.is_some(),
            older,
        };
        self.page(&page)
    }
}

/// The picture of these changes, if there are any.
fn chart(text: &str, title: &str, records: &[Record]) -> Option<Chart> {
    let sorted = records.iter();
    let sorted = sorted.filter_map(|record| Some((record.at(), sort(record)?)));
    let days = days::of(sorted);
    (!days.is_empty()).then(|| Chart {
        text: fill(text, &[("count", &records.len().to_string())]),
        svg: days::svg(&days, title),
        days,
    })
}
