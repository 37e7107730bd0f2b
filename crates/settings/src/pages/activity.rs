//! What was changed, the latest first.

use account::lately::LOOKED;
use askama::Template;
use store::directory::history::Record;
use store::directory::latest::Place;
use time::OffsetDateTime;

use super::Visited;
use super::events::{Event, Names, events, sort};
use super::frame::Base;
use crate::charts::days::{self, Day};
use crate::failed::Answer;
use crate::html::Html;
use crate::texts::{Texts, counted};

/// How many changes a page shows.
const PAGE: u16 = 50;

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
    /// Where a page of what came last begins.
    pub(super) fn from(&self) -> Option<Place> {
        Place::parse(self.asked.parameter("from"))
    }

    pub(super) async fn activity(&self) -> Answer {
        let t = self.asked.language.texts();
        let (account, from) = (&self.visit.account, self.from());
        let read = match from {
            // What the chart counts: enough for a picture, and bounded.
            None => LOOKED,
            Some(_) => PAGE,
        };
        let directory = account.directory();
        let mut latest = directory.latest_changes(from.as_ref(), read).await?;
        let chart = from.is_none().then(|| chart(t, &latest.found));
        latest.truncate(PAGE.into());
        let (records, older) = (latest.found, latest.older);
        let names = Names::of(account, &records).await?;
        let page = Page {
            base: self.base("/settings/activity"),
            chart: chart.flatten(),
            events: events(t, &records, &names),
            is_later: from.is_some(),
            older: older.as_ref().map(address),
        };
        self.page(&page)
    }
}

/// A place as the value of a parameter in a link.
pub(super) fn address(place: &Place) -> String {
    form_urlencoded::byte_serialize(place.to_string().as_bytes()).collect()
}

/// The picture of these changes, if there are any.
fn chart(t: &Texts, records: &[Record]) -> Option<Chart> {
    let sorted = records.iter();
    let sorted = sorted.filter_map(|record| Some((record.at(), sort(record)?)));
    let days = days::of(sorted, OffsetDateTime::now_utc().date());
    (!days.is_empty()).then(|| Chart {
        text: counted(
            t.changes_text,
            u64::try_from(records.len()).unwrap_or(u64::MAX),
        ),
        svg: days::svg(&days, t.changes_title),
        days,
    })
}
