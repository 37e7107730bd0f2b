//! The limit on how many may lose access at once, and who was deleted lately.

use account::lately::LOOKED;
use askama::Template;
use scim::schema::{GROUPS, USERS};
use store::directory::breaker::Breaker;
use store::directory::history::Record;
use store::directory::record::ChangeKind;
use store::secrets::OperatorEntry;
use time::OffsetDateTime;

use super::Visited;
use super::credentials::Known;
use super::events::{Event, Names, events};
use super::frame::Base;
use crate::charts::gauge;
use crate::failed::Answer;
use crate::html::Html;
use crate::texts::{Texts, fill};

/// How many deletions are shown.
const SHOWN: usize = 50;

/// How many entries of the operator's log are looked through.
const ACTS: u16 = 50;

/// How the page names itself in the operator's log.
const OWN: &str = "settings page, ";

/// The acts on keys, client secrets and trusts.
const OF_CREDENTIALS: &[&str] = &["createKey", "rotateKey", "revokeKey", "endKey"];

#[derive(Template)]
#[template(path = "safety.html")]
struct Page {
    base: Base,
    limits: Vec<Limit>,
    events: Vec<Event>,
    acts: Vec<Act>,
}

/// What somebody did to keys, links, the switch of the API or the directory, and who.
struct Act {
    time: Html,
    text: String,
    by: String,
}

/// A limit, and how near it is.
struct Limit {
    title: &'static str,
    gauge: Option<Html>,
    texts: Vec<Html>,
}

impl Visited<'_> {
    pub(super) async fn safety(&self) -> Answer {
        let t = self.asked.language.texts();
        let (account, now) = (&self.visit.account, OffsetDateTime::now_utc());
        let directory = account.directory();
        let (of_users, of_groups, latest, entries) = tokio::try_join!(
            directory.breaker(&USERS),
            directory.breaker(&GROUPS),
            directory.latest_changes(None, LOOKED),
            account.latest_acts(ACTS),
        )?;
        let mut limits = vec![limit(t, [t.gauge_title, t.gauge_text], &of_users, now)];
        if of_groups.window(now).is_some() {
            let texts = [t.gauge_groups_title, t.gauge_groups_text];
            limits.push(limit(t, texts, &of_groups, now));
        }
        let is_deletion = |record: &Record| match record {
            Record::Change(change) => change.operation == ChangeKind::Delete,
            _ => false,
        };
        let mut records = latest.found;
        records.retain(is_deletion);
        records.truncate(SHOWN);
        let names = Names::of(account, &records).await?;
        let page = Page {
            base: self.base("/settings/safety"),
            limits,
            events: events(t, &records, &names),
            acts: entries
                .iter()
                .filter_map(|entry| act(t, entry, &names.credentials))
                .collect(),
        };
        self.page(&page)
    }
}

/// An entry of the operator's log in the admin's words; none for what only this service's operators
/// have to do with. Who they are, and their reasons, are theirs.
fn act(t: &'static Texts, entry: &OperatorEntry, credentials: &Known) -> Option<Act> {
    let (_, text) = t.acts.iter().find(|(name, _)| *name == entry.act)?;
    let target = entry.target.as_deref().unwrap_or_default();
    // The log has one name for the acts on keys, client secrets and trusts.
    let target = match OF_CREDENTIALS.contains(&entry.act.as_str()) {
        true => credentials.target(t, target),
        false => target.to_owned(),
    };
    Some(Act {
        time: Html::time(entry.at),
        text: fill(text, &[("target", &target)]),
        by: match entry.caller.strip_prefix(OWN) {
            Some(link) => link.to_owned(),
            None => "Hellotracks".to_owned(),
        },
    })
}

/// How near a limit is, in a picture and in sentences: what it is called, and how many of how many.
fn limit(
    t: &'static Texts,
    [title, text]: [&'static str; 2],
    breaker: &Breaker,
    now: OffsetDateTime,
) -> Limit {
    let mut texts = Vec::new();
    let window = breaker.window(now);
    match &window {
        None => texts.push(Html::text(t.gauge_none)),
        Some(window) => {
            let number = |number: u64| Html::text(&number.to_string());
            let (used, limit) = (number(window.used), number(window.limit));
            let since = Html::time(window.since);
            texts.push(Html::fill(
                text,
                &[("used", &used), ("limit", &limit), ("since", &since)],
            ));
        }
    }
    if let Some(open) = breaker.open(now) {
        let frees = Html::time(open.frees);
        texts.push(Html::fill(t.gauge_open, &[("time", &frees)]));
    }
    if let Some(until) = breaker.lifted_until.filter(|until| *until > now) {
        texts.push(Html::fill(t.gauge_lifted, &[("time", &Html::time(until))]));
    }
    Limit {
        title,
        gauge: window.map(|window| gauge::svg(window.used, window.limit, title)),
        texts,
    }
}
