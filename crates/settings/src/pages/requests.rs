//! What was refused, failed or left something out, in the admin's words.

use std::collections::BTreeMap;

use askama::Template;
use scim::resource::rfc3339;
use store::usage::refusals::RefusalCount;
use store::usage::requests::LoggedRequest;
use time::{Duration, OffsetDateTime};

use super::base::{Base, time_html};
use super::{Answer, Visited};
use crate::texts::{Texts, fill};

/// How many requests a page shows.
const PAGE: usize = 50;

/// How far back reasons are counted.
const WEEK: Duration = Duration::days(7);

#[derive(Template)]
#[template(path = "requests.html")]
struct Page {
    base: Base,
    refusals: Vec<Reason>,
    requests: Vec<Logged>,
    is_later: bool,
    older: Option<String>,
}

struct Reason {
    title: &'static str,
    advice: &'static str,
    count: u64,
    last: String,
}

/// A request as the page shows it.
pub struct Logged {
    pub time: String,
    pub class: &'static str,
    pub who: String,
    pub what: String,
    pub title: String,
    pub advice: &'static str,
    pub detail: String,
}

impl Visited<'_> {
    pub(super) async fn requests(&self) -> Answer {
        let t = self.asked.language.texts();
        let (account, before) = (&self.visit.account, self.before());
        let now = OffsetDateTime::now_utc();
        let until = before.unwrap_or(now + Duration::DAY);
        let mut requests = account.latest_requests(until, PAGE + 1).await?;
        let older = match requests.len() > PAGE {
            true => requests.get(PAGE - 1).map(|last| rfc3339(last.at)),
            false => None,
        };
        requests.truncate(PAGE);
        let refusals = match before {
            None => account.directory().refusals(now - WEEK).await?,
            Some(_) => Vec::new(),
        };
        let page = Page {
            base: self.base("/settings/requests"),
            refusals: reasons(t, &refusals),
            requests: logged(t, &requests),
            is_later: before.is_some(),
            older,
        };
        self.page(&page)
    }
}

/// How often each reason was given, the most frequent first.
fn reasons(t: &'static Texts, refusals: &[RefusalCount]) -> Vec<Reason> {
    let mut counted: BTreeMap<&str, (u64, OffsetDateTime)> = BTreeMap::new();
    for refusal in refusals {
        let of = counted
            .entry(refusal.reason.as_str())
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
            last: time_html(last),
        }
    });
    reasons.collect()
}

/// Requests in the admin's words.
pub fn logged(t: &'static Texts, requests: &[LoggedRequest]) -> Vec<Logged> {
    requests.iter().map(|request| one(t, request)).collect()
}

fn one(t: &'static Texts, request: &LoggedRequest) -> Logged {
    let subject = &request.subject;
    let names = [
        &subject.user_name,
        &subject.display_name,
        &subject.external_id,
        &subject.id,
    ];
    let who = names.into_iter().flatten().next();
    let (class, title, advice) = match &request.reason {
        Some(reason) => {
            let class = if request.status >= 500 { "bad" } else { "some" };
            let (title, advice) = t.reason(reason);
            (class, title.to_owned(), advice)
        }
        None if request.left_out > 0 => {
            let count = request.left_out.to_string();
            ("none", fill(t.requests_no_users, &[("count", &count)]), "")
        }
        None => {
            let names = request.ignored_names.join(", ");
            ("none", fill(t.requests_left_out, &[("names", &names)]), "")
        }
    };
    Logged {
        time: time_html(request.at),
        class,
        who: who.cloned().unwrap_or_else(|| t.unknown.to_owned()),
        what: format!("{} {} · {}", request.method, request.route, request.status),
        title,
        advice,
        detail: request.detail.clone().unwrap_or_default(),
    }
}
