//! How to connect Entra: the steps, and whether its first request has come.

use std::collections::BTreeSet;

use askama::Template;
use scim::resource::rfc3339;
use serde_json::json;
use store::usage::refusals::RefusalCount;
use tenant::ClientId;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::Visited;
use super::frame::Base;
use super::overview::Switch;
use crate::failed::{Answer, Failed};
use crate::html::Html;
use crate::respond;
use crate::texts::{Texts, fill};

/// For how long a refused request is shown as the reason why nothing works.
const LATELY: Duration = Duration::minutes(30);

#[derive(Template)]
#[template(path = "connect.html")]
struct Page {
    base: Base,
    switch: Switch,
    /// Whether a key or a client is active.
    has_any: bool,
    /// How many keys are active.
    keys: usize,
    have: String,
    /// How many clients are active; empty if none is.
    have_clients: String,
    /// The form's own name: it works once.
    form: String,
    url: String,
    is_connected: bool,
    wait: Wait,
}

/// What has come so far: a text, and the time that belongs into its `{time}`.
struct Wait {
    class: &'static str,
    said: String,
    at: Option<OffsetDateTime>,
}

impl Wait {
    fn text(&self, t: &Texts) -> Html {
        let now = OffsetDateTime::now_utc();
        let time = self.at.map(|at| Html::near(t, at, now)).unwrap_or_default();
        Html::fill(&self.said, &[("time", &time)])
    }
}

impl Visited<'_> {
    /// What Entra calls the Tenant URL.
    pub(super) fn tenant_url(&self) -> String {
        format!("{}/scim/v2?aadOptscim062020", self.asked.base)
    }

    pub(super) async fn connect(&self) -> Answer {
        let t = self.asked.language.texts();
        let all = self.visit.account.credentials().await?;
        let now = OffsetDateTime::now_utc();
        let active = all.iter().filter(|one| one.record.is_active(now));
        let kinds = active.map(|one| one.record.kind.client());
        let (clients, keys): (Vec<_>, Vec<_>) = kinds.partition(Option::is_some);
        let clients: BTreeSet<&ClientId> = clients.into_iter().flatten().collect();
        let keys = keys.len();
        let have = |text, count: usize| fill(text, &[("count", &count.to_string())]);
        let (is_connected, wait) = self.waiting().await?;
        let page = Page {
            base: self.base("/settings/connect"),
            switch: self.switch(),
            have: have(t.step_show_have, keys),
            have_clients: match clients.len() {
                0 => String::new(),
                count => have(t.clients.connect_have, count),
            },
            has_any: keys > 0 || !clients.is_empty(),
            keys,
            form: Uuid::new_v4().to_string(),
            url: self.tenant_url(),
            is_connected,
            wait,
        };
        self.page(&page)
    }

    /// The same of the last step, for the script.
    pub(super) async fn status(&self) -> Answer {
        let (is_connected, wait) = self.waiting().await?;
        let told = json!({
            "connected": is_connected,
            "class": wait.class,
            "text": wait.said,
            "at": wait.at.map(rfc3339),
        });
        Ok(respond::json(http::StatusCode::OK, &told))
    }

    /// Whether a request was accepted; if not, why the last one was not.
    async fn waiting(&self) -> Result<(bool, Wait), Failed> {
        let t = self.asked.language.texts();
        let keys = self.visit.account.credentials().await?;
        let now = OffsetDateTime::now_utc();
        // What came with a key that has ended says nothing of the next one.
        let active = keys.iter().filter(|key| key.record.is_active(now));
        let used = active.filter_map(|key| key.last_used).max();
        if let Some(used) = used {
            let wait = Wait {
                class: "good",
                said: t.wait_asked.to_owned(),
                at: Some(used),
            };
            return Ok((true, wait));
        }
        let lately = now - LATELY;
        let refusals = self.visit.account.directory().refusals(lately).await?;
        let last = refusals.iter().max_by_key(|refusal| refusal.last);
        let last = last.filter(|refusal| refusal.last >= lately);
        Ok((
            false,
            last.map_or_else(|| nothing(t), |last| refused(t, last)),
        ))
    }
}

fn nothing(t: &Texts) -> Wait {
    Wait {
        class: "none",
        said: t.wait_no_script.to_owned(),
        at: None,
    }
}

fn refused(t: &Texts, last: &RefusalCount) -> Wait {
    let (title, advice) = t.reason(&last.reason);
    let why = format!("{title}. {advice}");
    Wait {
        class: "bad",
        said: fill(t.wait_refused, &[("time", "{time}"), ("why", &why)]),
        at: Some(last.last),
    }
}
