//! The limit on how many may lose access at once, and who was deleted lately.

use account::lately::LOOKED;
use askama::Template;
use scim::schema::USERS;
use store::directory::history::Record;
use store::directory::record::ChangeKind;
use time::OffsetDateTime;

use super::Visited;
use super::events::{Event, Names, events};
use super::frame::Base;
use crate::charts::gauge;
use crate::failed::Answer;
use crate::html::Html;

/// How many deletions are shown.
const SHOWN: usize = 50;

#[derive(Template)]
#[template(path = "safety.html")]
struct Page {
    base: Base,
    gauge: Option<Html>,
    texts: Vec<Html>,
    events: Vec<Event>,
}

impl Visited<'_> {
    pub(super) async fn safety(&self) -> Answer {
        let t = self.asked.language.texts();
        let (account, now) = (&self.visit.account, OffsetDateTime::now_utc());
        let directory = account.directory();
        let breaker = directory.breaker(&USERS);
        let latest = directory.latest_changes(None, LOOKED);
        let (breaker, latest) = tokio::try_join!(breaker, latest)?;
        let mut texts = Vec::new();
        let window = breaker.window(now);
        match &window {
            None => texts.push(Html::text(t.gauge_none)),
            Some(window) => {
                let number = |number: u64| Html::text(&number.to_string());
                let (used, limit) = (number(window.used), number(window.limit));
                let since = Html::time(window.since);
                texts.push(Html::fill(
                    t.gauge_text,
                    &[("used", &used), ("limit", &limit), ("since", &since)],
                ));
            }
        }
        if let Some(open) = breaker.open(now) {
            texts.push(Html::fill(
                t.gauge_open,
                &[("time", &Html::time(open.frees))],
            ));
        }
        if let Some(until) = breaker.lifted_until.filter(|until| *until > now) {
            texts.push(Html::fill(t.gauge_lifted, &[("time", &Html::time(until))]));
        }
        let is_deletion = |record: &Record| match record {
            Record::Change(change) => {
                change.operation == ChangeKind::Delete && change.resource_type == USERS.name
            }
            _ => false,
        };
        let mut records = latest.found;
        records.retain(is_deletion);
        records.truncate(SHOWN);
        let names = Names::of(account, &records).await?;
        let page = Page {
            base: self.base("/settings/safety"),
            gauge: window.map(|window| gauge::svg(window.used, window.limit, t.gauge_title)),
            texts,
            events: events(t, &records, &names),
        };
        self.page(&page)
    }
}
