//! API keys: listed, created and shown once, replaced, revoked.

use account::keys::KnownKey;
use askama::Template;
use http::StatusCode;
use store::secrets::{KeyRecord, Successor};
use tenant::{ApiKey, KeyId};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::Visited;
use super::frame::{Base, Link};
use super::message::Said;
use super::warnings::{Warned, warned};
use crate::charts::timeline;
use crate::failed::{Answer, Failed, Refused};
use crate::html::Html;
use crate::label;
use crate::respond;
use crate::texts::{Texts, fill};

/// A key that was used so lately is one that somebody needs.
const IN_USE: Duration = Duration::HOUR;

#[derive(Template)]
#[template(path = "keys.html")]
struct List {
    base: Base,
    keys: Vec<Row>,
    warned: Vec<Warned>,
    timeline: Html,
    /// That not all keys are in the picture; empty if they are.
    latest: String,
    token: String,
    form: String,
    /// Why keys cannot be changed by this session; empty if they can.
    locked: &'static str,
}

struct Row {
    label: String,
    id: String,
    class: &'static str,
    state: Html,
    is_active: bool,
    is_warned: bool,
    created: Html,
    used: Html,
    expires: Html,
}

#[derive(Template)]
#[template(path = "key.html")]
struct New {
    base: Base,
    url: String,
    key: String,
    ends: Html,
    old: Html,
    example: String,
    is_off: bool,
}

#[derive(Template)]
#[template(path = "rotate.html")]
struct Rotate {
    base: Base,
    title: String,
    heading: Html,
    token: String,
    form: String,
}

#[derive(Template)]
#[template(path = "revoke.html")]
struct Revoke {
    base: Base,
    title: String,
    heading: Html,
    warnings: Vec<Html>,
    /// Whether the tenant's name has to be typed.
    is_typed: bool,
    type_this: Html,
    error: Html,
    token: String,
}

impl Visited<'_> {
    pub(super) async fn keys(&self) -> Answer {
        let t = self.asked.language.texts();
        let (keys, now) = (self.visit.account.keys().await?, OffsetDateTime::now_utc());
        let rows = keys.iter().rev().map(|key| row(t, key, now));
        let page = List {
            base: self.base("/settings/keys"),
            warned: warned(t, &keys),
            timeline: timeline::svg(&keys, now, t.timeline_title),
            latest: match keys.len() > timeline::SHOWN {
                true => fill(
                    t.timeline_latest,
                    &[("count", &timeline::SHOWN.to_string())],
                ),
                false => String::new(),
            },
            keys: rows.collect(),
            token: self.visit.form_token(),
            form: Uuid::new_v4().to_string(),
            locked: self.locked(),
        };
        self.page(&page)
    }

    pub(super) async fn create_key(&self) -> Answer {
        self.visit.may_change_keys(self.asked)?;
        let t = self.asked.language.texts();
        let label = self.asked.field("label");
        if let Some(problem) = label::problem(t, label) {
            let (status, texts) = (StatusCode::BAD_REQUEST, vec![Html::text(problem)]);
            let said = Said::new(status, t.problem_key, texts);
            let link = Some(Link::to("/settings/keys", t.back));
            return said.link(link).page(self.asked, Some(self.visit));
        }
        let expires = self.wanted_end()?;
        self.use_form().await?;
        let new = self.visit.account.create_key(label, Some(expires)).await?;
        self.show(&new.key, &new.record, Html::default())
    }

    pub(super) async fn ask_to_rotate(&self, key: &str) -> Answer {
        self.visit.unlocked()?;
        let t = self.asked.language.texts();
        let key = self.find(key).await?;
        alive(&key)?;
        let id = key.record.id.as_str();
        let page = Rotate {
            base: self.base(&format!("/settings/keys/{id}/rotate")),
            title: fill(t.rotate_title, &[("key", id)]),
            heading: Html::fill(t.rotate_title, &[("key", &named(&key))]),
            token: self.visit.form_token(),
            form: Uuid::new_v4().to_string(),
        };
        self.page(&page)
    }

    pub(super) async fn rotate(&self, key: &str) -> Answer {
        self.visit.may_change_keys(self.asked)?;
        let t = self.asked.language.texts();
        let key = self.find(key).await?;
        alive(&key)?;
        let overlap = match self.asked.field("overlap") {
            "1" => Duration::DAY,
            "7" => Duration::days(7),
            "30" => Duration::days(30),
            _ => return Err(Refused::Elsewhere.into()),
        };
        let successor = Successor {
            old: Some(key.record.id.clone()),
            overlap,
            label: None,
            expires: Some(self.wanted_end()?),
        };
        self.use_form().await?;
        let (new, rotation) = self.visit.account.rotate_key(&successor).await?;
        let until = rotation.old.expires.map(Html::time).unwrap_or_default();
        let id = Html::code(rotation.old.id.as_str());
        let old = Html::fill(t.key_old_until, &[("key", &id), ("time", &until)]);
        self.show(&new, &rotation.new, old)
    }

    /// Asks whether a key is to be revoked, with what that means.
    pub(super) async fn ask_to_revoke(&self, key: &str, error: Html) -> Answer {
        self.visit.unlocked()?;
        let t = self.asked.language.texts();
        let keys = self.visit.account.keys().await?;
        let key = found(&keys, key)?;
        alive(key)?;
        let (used, last) = (used_lately(key), is_last(&keys, key));
        let mut warnings = Vec::new();
        if let Some(at) = used {
            warnings.push(Html::fill(t.revoke_used, &[("time", &Html::time(at))]));
        }
        if last {
            warnings.push(Html::text(t.revoke_last));
        }
        let id = key.record.id.as_str();
        let tenant = Html::code(self.visit.account.tenant().id.as_str());
        let page = Revoke {
            base: self.base(&format!("/settings/keys/{id}/revoke")),
            title: fill(t.revoke_title, &[("key", id)]),
            heading: Html::fill(t.revoke_title, &[("key", &named(key))]),
            warnings,
            is_typed: used.is_some() || last,
            type_this: Html::fill(t.revoke_type, &[("tenant", &tenant)]),
            error,
            token: self.visit.form_token(),
        };
        self.page(&page)
    }

    pub(super) async fn revoke(&self, key: &str) -> Answer {
        self.visit.may_change_keys(self.asked)?;
        let t = self.asked.language.texts();
        let keys = self.visit.account.keys().await?;
        let known = found(&keys, key)?;
        alive(known)?;
        let tenant = self.visit.account.tenant();
        let is_typed = used_lately(known).is_some() || is_last(&keys, known);
        // The name is what the page shows everywhere.
        let names = [tenant.id.as_str(), tenant.name.trim()];
        let typed = self.asked.field("confirm");
        if is_typed && (typed.is_empty() || !names.contains(&typed)) {
            let id = Html::code(tenant.id.as_str());
            let error = Html::fill(t.revoke_wrong, &[("tenant", &id)]);
            return Box::pin(self.ask_to_revoke(key, error)).await;
        }
        self.visit.account.revoke_key(&known.record.id).await?;
        Ok(respond::see("/settings/keys"))
    }

    /// The answer that has the key in it: there is no other.
    fn show(&self, key: &ApiKey, record: &KeyRecord, old: Html) -> Answer {
        let t = self.asked.language.texts();
        let ends = record.expires.map(Html::time).unwrap_or_default();
        let base = Base {
            is_once: true,
            ..self.base("/settings/keys")
        };
        let page = New {
            base,
            is_off: self.visit.account.tenant().api_off.is_some(),
            url: self.tenant_url(),
            key: key.expose().to_owned(),
            ends: Html::fill(t.key_ends, &[("time", &ends)]),
            old,
            example: format!(
                "{}/scim/v2/Users?filter=userName+eq+%22example%22",
                self.asked.base
            ),
        };
        self.page(&page)
    }

    async fn find(&self, key: &str) -> Result<KnownKey, Failed> {
        let keys = self.visit.account.keys().await?;
        found(&keys, key)?;
        let mut keys = keys.into_iter();
        let key = keys.find(|known| known.record.id.as_str() == key);
        Ok(key.ok_or(Refused::NotFound)?)
    }

    /// When a key is to end, as the form says.
    fn wanted_end(&self) -> Result<OffsetDateTime, Refused> {
        let days = match self.asked.field("days") {
            "90" => 90,
            "365" => 365,
            "730" => 730,
            _ => return Err(Refused::Elsewhere),
        };
        Ok(account::now() + Duration::days(days))
    }

    /// A form works once, also when the page is loaded again.
    async fn use_form(&self) -> Result<(), Failed> {
        let form = Uuid::parse_str(self.asked.field("form")).map_err(|_| Refused::Elsewhere)?;
        let (form, now) = (form.to_string(), OffsetDateTime::now_utc());
        let used = self
            .app
            .sessions
            .use_form(&self.visit.token, &form, now, self.meter);
        match used.await? {
            true => Ok(()),
            false => Err(Refused::SentBefore.into()),
        }
    }
}

fn found<'k>(keys: &'k [KnownKey], id: &str) -> Result<&'k KnownKey, Refused> {
    let id = KeyId::parse(id).map_err(|_| Refused::NotFound)?;
    let known = keys.iter().find(|key| key.record.id == id);
    known.ok_or(Refused::NotFound)
}

/// Refuses what cannot be done with a key that has ended.
fn alive(key: &KnownKey) -> Result<(), Refused> {
    match key.record.is_active(OffsetDateTime::now_utc()) {
        true => Ok(()),
        false => Err(Refused::KeyEnded),
    }
}

fn named(key: &KnownKey) -> Html {
    let label = Html::foreign(&key.record.label);
    Html::own(format!("{label} ({})", Html::text(key.record.id.as_str())))
}

fn used_lately(key: &KnownKey) -> Option<OffsetDateTime> {
    let since = OffsetDateTime::now_utc() - IN_USE;
    key.last_used.filter(|used| *used >= since)
}

/// Whether no other key works.
fn is_last(keys: &[KnownKey], key: &KnownKey) -> bool {
    let now = OffsetDateTime::now_utc();
    let is_active = |key: &&KnownKey| key.record.is_active(now);
    let mut others = keys.iter().filter(is_active);
    key.record.is_active(now) && !others.any(|other| other.record.id != key.record.id)
}

fn row(t: &Texts, key: &KnownKey, now: OffsetDateTime) -> Row {
    let record = &key.record;
    let (class, state) = match (record.revoked, record.is_active(now)) {
        (Some(_), _) => ("none", Html::text(t.key_revoked)),
        (None, false) => ("bad", Html::text(t.key_expired)),
        (None, true) => match (&record.replaced_by, record.expires) {
            (Some(_), Some(end)) => (
                "some",
                Html::fill(t.key_ending, &[("time", &Html::time(end))]),
            ),
            _ => ("good", Html::text(t.key_active)),
        },
    };
    Row {
        label: record.label.clone(),
        id: record.id.to_string(),
        class,
        state,
        is_active: record.is_active(now),
        is_warned: !key.warnings.is_empty(),
        created: Html::time(record.created),
        used: Html::time_or(key.last_used, t.never),
        expires: Html::time_or(record.expires, t.never),
    }
}
