//! What was refused, failed or left something out, in the admin's words.

use std::collections::{BTreeMap, HashMap};

use askama::Template;
use scim::ResourceId;
use scim::schema::PROVIDED;
use store::usage::refusals::RefusalCount;
use store::usage::requests::LoggedRequest;
use time::{Duration, OffsetDateTime};

use super::Visited;
use super::activity::address;
use super::frame::Base;
use crate::failed::{Answer, Failed};
use crate::html::Html;
use crate::texts::{Texts, counted, reasons};

/// How many requests a page shows.
const PAGE: u16 = 50;

/// How far back reasons are counted.
const WEEK: Duration = Duration::days(7);

#[derive(Template)]
#[template(path = "requests.html")]
struct Page<'r> {
    base: Base,
    refusals: Vec<Reason>,
    requests: Vec<Logged<'r>>,
    is_later: bool,
    older: Option<String>,
}

struct Reason {
    title: &'static str,
    advice: &'static str,
    count: u64,
    last: Html,
}

/// A request as the page shows it.
pub struct Logged<'r> {
    pub time: Html,
    pub class: &'static str,
    pub who: String,
    pub what: String,
    pub title: Html,
    pub advice: &'static str,
    pub detail: String,
    /// The request's number, where the advice names it.
    pub number: &'r str,
}

impl Visited<'_> {
    pub(super) async fn requests(&self) -> Answer {
        let t = self.asked.language.texts();
        let (account, from) = (&self.visit.account, self.from());
        let directory = account.directory();
        let latest = directory.latest_requests(from.as_ref(), PAGE).await?;
        let refusals = match from {
            None => directory.refusals(OffsetDateTime::now_utc() - WEEK).await?,
            Some(_) => Vec::new(),
        };
        let requests = latest.found;
        let page = Page {
            base: self.base("/settings/requests"),
            refusals: by_reason(t, &refusals),
            requests: logged(t, &requests, &self.called(&requests).await?),
            is_later: from.is_some(),
            older: latest.older.as_ref().map(address),
        };
        self.page(&page)
    }
}

impl Visited<'_> {
    /// What people call the users whom requests name by their ids.
    pub(super) async fn called(&self, requests: &[LoggedRequest]) -> Result<Called, Failed> {
        let ids = requests
            .iter()
            .filter_map(|request| request.subject.id.as_deref());
        let mut ids: Vec<ResourceId> = ids.filter_map(ResourceId::parse).collect();
        ids.sort();
        ids.dedup();
        let mut called = Called::new();
        for resource_type in PROVIDED {
            let directory = self.visit.account.directory();
            let found = directory.get_many(resource_type, &ids).await?;
            called.extend(found.iter().map(|stored| {
                let name = account::deleted::name(resource_type, stored);
                (stored.id.to_string(), name)
            }));
        }
        Ok(called)
    }
}

/// Names by id.
pub type Called = HashMap<String, String>;

/// How often each reason was given, the most frequent first.
fn by_reason(t: &'static Texts, refusals: &[RefusalCount]) -> Vec<Reason> {
    let mut counted: BTreeMap<&str, (u64, OffsetDateTime)> = BTreeMap::new();
    for refusal in refusals {
        let of = counted
            .entry(reasons::known(&refusal.reason))
            .or_insert((0, refusal.last));
        of.0 += refusal.count;
        of.1 = of.1.max(refusal.last);
    }
    let mut counted: Vec<_> = counted.into_iter().collect();
    counted.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    let reasons = counted.into_iter().map(|(reason, (count, last))| {
        let (title, advice) = t.reason(reason);
        Reason {
            title,
            advice,
            count,
            last: Html::time(last),
        }
    });
    reasons.collect()
}

/// Requests in the admin's words.
pub fn logged<'r>(
    t: &'static Texts,
    requests: &'r [LoggedRequest],
    called: &Called,
) -> Vec<Logged<'r>> {
    let of = requests.iter().map(|request| one(t, request, called));
    of.collect()
}

fn one<'r>(t: &'static Texts, request: &'r LoggedRequest, called: &Called) -> Logged<'r> {
    let subject = &request.subject;
    let names = [
        &subject.user_name,
        &subject.display_name,
        &subject.external_id,
        &subject.id,
    ];
    let who = names.into_iter().flatten().next();
    let who = who.map(|name| called.get(name).unwrap_or(name));
    let (class, title, advice) = match &request.reason {
        Some(reason) => {
            let class = if request.status >= 500 { "bad" } else { "some" };
            let (title, advice) = t.reason(reason);
            (class, Html::text(title), advice)
        }
        None if request.left_out > 0 => {
            let text = counted(t.requests_no_users, request.left_out);
            ("none", Html::text(&text), "")
        }
        None => {
            let names = Html::foreign(&request.ignored_names.join(", "));
            let text = Html::fill(t.requests_left_out, &[("names", &names)]);
            ("none", text, "")
        }
    };
    Logged {
        time: Html::time(request.at),
        class,
        who: who.cloned().unwrap_or_else(|| t.unknown.to_owned()),
        what: format!("{} {} · {}", request.method, request.route, request.status),
        title,
        advice,
        detail: request.detail.clone().unwrap_or_default(),
        number: match &request.reason {
            Some(reason) if reasons::names_the_number(reason) => &request.request_id,
            _ => "",
        },
    }
}
