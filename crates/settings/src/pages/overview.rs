//! How the tenant is doing, in a sentence with what to do, and the switch of the API.

use account::health::Health;
use account::verdict::{Verdict, With};
use askama::Template;
use time::{Duration, OffsetDateTime};

use super::Visited;
use super::frame::{Base, Link};
use super::warnings::{Warnings, warned};
use crate::charts::strip::{self, Hour};
use crate::failed::{Answer, Refused};
use crate::html::{Html, written};
use crate::respond;
use crate::texts::{Texts, fill};

/// How far back answers are shown.
const WEEK: Duration = Duration::days(7);

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    base: Base,
    state: State,
    facts: Vec<Fact>,
    strip: Html,
    strip_text: String,
    hours: Vec<HourRow>,
    switch: Switch,
    warned: Warnings,
}

/// What is to be thought of it all.
struct State {
    class: &'static str,
    title: &'static str,
    text: &'static str,
    link: Option<Link>,
}

struct Fact {
    name: &'static str,
    value: Html,
    note: &'static str,
}

struct HourRow {
    name: String,
    succeeded: u64,
    refused: u64,
    failed: u64,
}

/// The switch of the API.
pub struct Switch {
    pub is_on: bool,
    /// Since when it is off, in a sentence.
    pub since: Html,
    pub token: String,
    /// Why this session cannot turn it; empty if it can.
    pub locked: &'static str,
}

impl Visited<'_> {
    /// Why this session cannot change keys and the switch; empty if it can.
    pub(super) fn locked(&self) -> &'static str {
        let t = self.asked.language.texts();
        match self.visit.unlocked() {
            Ok(()) => "",
            Err(Refused::ViewOnly) => t.locked_view,
            Err(_) => t.locked_stale,
        }
    }

    pub(super) fn switch(&self) -> Switch {
        let t = self.asked.language.texts();
        let off = self.visit.account.tenant().api_off;
        let since = off.map(|at| Html::fill(t.api_off_since, &[("time", &Html::time(at))]));
        Switch {
            is_on: off.is_none(),
            since: since.unwrap_or_default(),
            token: self.visit.form_token(),
            locked: self.locked(),
        }
    }

    pub(super) async fn overview(&self) -> Answer {
        let t = self.asked.language.texts();
        let since = OffsetDateTime::now_utc() - WEEK;
        let health = self.visit.account.health(since).await?;
        let hours = strip::hours(&health.answers, health.now);
        let sum = |of: fn(&Hour) -> u64| hours.iter().map(of).sum::<u64>().to_string();
        let strip_text = fill(
            t.strip_text,
            &[
                ("ok", &sum(|hour| hour.succeeded)),
                ("refused", &sum(|hour| hour.refused)),
                ("failed", &sum(|hour| hour.failed)),
            ],
        );
        let counted = hours.iter().rev().filter(|hour| hour.total() > 0);
        let rows = counted.map(|hour| HourRow {
            name: written(hour.begins),
            succeeded: hour.succeeded,
            refused: hour.refused,
            failed: hour.failed,
        });
        let is_on = self.visit.account.tenant().api_off.is_none();
        let page = Page {
            base: self.base("/settings"),
            state: state(t, &health, is_on),
            facts: facts(t, &health),
            strip: strip::svg(&hours, t.strip_title),
            strip_text,
            hours: rows.collect(),
            switch: self.switch(),
            warned: warned(t, &health.keys),
        };
        self.page(&page)
    }

    /// Turns the API on or off, as the form says.
    pub(super) async fn turn_api(&self) -> Answer {
        self.visit.may_change_keys(self.asked)?;
        let is_on = match (self.asked.field("api"), self.asked.field("sure")) {
            ("on", _) => true,
            ("off", "yes") => false,
            _ => return Err(Refused::Elsewhere.into()),
        };
        self.visit.account.set_api(is_on).await?;
        Ok(respond::see(super::back(self.asked.field("back"))))
    }
}

/// The state in words, and where to go.
fn state(t: &'static Texts, health: &Health, is_on: bool) -> State {
    let last_accepted = health.last_accepted;
    let said = |class, title, text, link| State {
        class,
        title,
        text,
        link,
    };
    let to = |path: &str, name| Some(Link::to(path, name));
    if !is_on {
        return said("bad", t.state_off, t.state_off_text, None);
    }
    match health.verdict {
        Verdict::Ok | Verdict::Disabled => said("good", t.state_ok, t.state_ok_text, None),
        // Anybody can name a tenant: as long as nothing has come from its own client, that is all
        // there is to say.
        Verdict::NeverConnected => new_tenant(t),
        Verdict::LockedOut(With::NoKey) if last_accepted.is_none() => new_tenant(t),
        Verdict::LockedOut(With::NoKey) => said(
            "some",
            t.state_strange,
            t.state_strange_text,
            to("/settings/keys", t.see_keys),
        ),
        Verdict::Silent => said("some", t.state_silent, t.state_silent_text, None),
        Verdict::LockedOut(With::EndedKey) => said(
            "bad",
            t.state_locked,
            t.state_locked_text,
            to("/settings/keys", t.see_keys),
        ),
        Verdict::NoKey => said(
            "bad",
            t.state_no_key,
            t.state_no_key_text,
            to("/settings/keys", t.see_keys),
        ),
        Verdict::Failing => said(
            "some",
            t.state_failing,
            t.state_failing_text,
            to("/settings/requests", t.see_requests),
        ),
        Verdict::BreakerOpen => said(
            "bad",
            t.state_breaker,
            t.state_breaker_text,
            to("/settings/safety", t.see_safety),
        ),
    }
}

/// Nothing has come yet.
fn new_tenant(t: &'static Texts) -> State {
    State {
        class: "some",
        title: t.state_new,
        text: t.state_new_text,
        link: Some(Link::to("/settings/connect", t.see_connect)),
    }
}

fn facts(t: &'static Texts, health: &Health) -> Vec<Fact> {
    let number = |name, value: u64| Fact {
        name,
        value: Html::text(&value.to_string()),
        note: "",
    };
    let time = |name, at: Option<OffsetDateTime>, note| Fact {
        name,
        value: Html::time_or(at, t.never),
        note,
    };
    let refused = health.refusals.iter().map(|refusal| refusal.last).max();
    vec![
        number(t.fact_active, health.active),
        number(t.fact_inactive, health.users.saturating_sub(health.active)),
        number(t.fact_groups, health.groups),
        time(t.fact_last, health.last_accepted, t.fact_last_note),
        time(
            t.fact_change,
            health.latest_change.as_ref().map(|change| change.at()),
            "",
        ),
        time(t.fact_refused, refused, ""),
    ]
}
