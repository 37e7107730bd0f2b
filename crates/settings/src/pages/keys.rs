//! API keys: listed, created and shown once, replaced, revoked.

use account::keys::KnownKey;
use askama::Template;
use http::StatusCode;
use store::secrets::{KeyKind, KeyRecord, Successor};
use tenant::{ApiKey, KeyId};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::Visited;
use super::credentials::{Revocation, alive, are_last, state, used_lately};
use super::frame::{Base, Link};
use super::message::Said;
use super::warnings::{Warnings, warned};
use crate::charts::timeline;
use crate::failed::{Answer, Failed, Refused};
use crate::html::Html;
use crate::label;
use crate::respond;
use crate::texts::{Texts, fill};

#[derive(Template)]
#[template(path = "keys.html")]
struct List {
    base: Base,
    keys: Vec<Row>,
    warned: Warnings,
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
        let overlap = self.wanted_overlap()?;
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
        let all = self.visit.account.credentials().await?;
        let key = found(&all, key)?;
        alive(key)?;
        let id = key.record.id.as_str();
        let revocation = Revocation {
            path: format!("/settings/keys/{id}/revoke"),
            title: fill(t.revoke_title, &[("key", id)]),
            heading: Html::fill(t.revoke_title, &[("key", &named(key))]),
            text: t.revoke_text,
            back: "/settings/keys",
            used: used_lately(key).map(|at| (t.revoke_used, at)),
            last: are_last(&all, &[key]).then_some(t.revoke_last),
        };
        self.ask_for(revocation, error)
    }

    pub(super) async fn revoke(&self, key: &str) -> Answer {
        self.visit.may_change_keys(self.asked)?;
        let all = self.visit.account.credentials().await?;
        let known = found(&all, key)?;
        alive(known)?;
        let is_typed = used_lately(known).is_some() || are_last(&all, &[known]);
        if is_typed && !self.is_confirmed() {
            let error = self.not_confirmed();
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
}

fn found<'k>(keys: &'k [KnownKey], id: &str) -> Result<&'k KnownKey, Refused> {
    let id = KeyId::parse(id).map_err(|_| Refused::NotFound)?;
    let is_it = |key: &&KnownKey| key.record.id == id && key.record.kind == KeyKind::ApiKey;
    let known = keys.iter().find(is_it);
    known.ok_or(Refused::NotFound)
}

fn named(key: &KnownKey) -> Html {
    let label = Html::foreign(&key.record.label);
    Html::own(format!("{label} ({})", Html::text(key.record.id.as_str())))
}

fn row(t: &Texts, key: &KnownKey, now: OffsetDateTime) -> Row {
    let record = &key.record;
    let (class, state) = state(t, key, now);
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
