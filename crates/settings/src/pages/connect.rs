//! How to connect Entra: the steps, and whether its first request has come.

use askama::Template;
use serde_json::json;
use store::usage::refusals::RefusalCount;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::frame::{Base, clock};
use super::overview::Switch;
use super::{Answer, Visited};
use crate::respond;
use crate::texts::{Texts, fill};

/// For how long a refused request is shown as the reason why nothing works.
const LATELY: Duration = Duration::minutes(30);

#[derive(Template)]
#[template(path = "connect.html")]
struct Page {
    base: Base,
    switch: Switch,
    /// How many keys are active.
    keys: usize,
    have: String,
    /// The form's own name: it works once.
    form: String,
    url: String,
    is_connected: bool,
    wait: Wait,
}

/// What has come so far.
struct Wait {
    class: &'static str,
    text: String,
}

impl Visited<'_> {
    /// What Entra calls the Tenant URL.
    pub(super) fn tenant_url(&self) -> String {
        format!("{}/scim/v2?aadOptscim062020", self.asked.base)
    }

    pub(super) async fn connect(&self) -> Answer {
        let t = self.asked.language.texts();
        let keys = self.visit.account.keys().await?;
        let now = OffsetDateTime::now_utc();
        let active = keys.iter().filter(|key| key.record.is_active(now)).count();
        let (is_connected, wait) = self.waiting().await?;
        let page = Page {
            base: self.base("/settings/connect"),
            switch: self.switch(),
            have: fill(t.step_show_have, &[("count", &active.to_string())]),
            keys: active,
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
            "text": wait.text,
        });
        Ok(respond::json(http::StatusCode::OK, &told))
    }

    /// Whether a request was accepted; if not, why the last one was not.
    async fn waiting(&self) -> Result<(bool, Wait), super::Failed> {
        let t = self.asked.language.texts();
        let keys = self.visit.account.keys().await?;
        let used = keys.iter().filter_map(|key| key.last_used).max();
        if let Some(used) = used {
            let text = fill(t.wait_asked, &[("time", &clock(used))]);
            return Ok((
                true,
                Wait {
                    class: "good",
                    text,
                },
            ));
        }
        let lately = OffsetDateTime::now_utc() - LATELY;
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
        text: t.wait_no_script.to_owned(),
    }
}

fn refused(t: &Texts, last: &RefusalCount) -> Wait {
    let (title, advice) = t.reason(&last.reason);
    let why = format!("{title}. {advice}");
    Wait {
        class: "bad",
        text: fill(
            t.wait_refused,
            &[("time", &clock(last.last)), ("why", &why)],
        ),
    }
}
