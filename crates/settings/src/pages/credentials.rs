//! What keys, client secrets and trusts have in common on the pages that change them.

use account::clients::{KnownClient, is_secret};
use account::keys::KnownKey;
use askama::Template;
use store::secrets::{KeyKind, KeyRecord, MAX_TOKEN_LIFE};
use tenant::KeyId;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::Visited;
use super::frame::Base;
use crate::failed::{Answer, Failed, Refused};
use crate::html::{Html, isolated};
use crate::texts::{Texts, fill};

/// What was used so lately is something that somebody needs.
const IN_USE: Duration = Duration::HOUR;

/// What Entra asks for that is the same for all clients.
pub struct Urls {
    pub tenant: String,
    pub token: String,
}

/// A secret, or a trust that has ended.
pub struct Row {
    pub id: String,
    pub kind: &'static str,
    pub class: &'static str,
    pub state: Html,
    pub is_warned: bool,
    /// Whether it has ended and tokens that it gave may live still.
    pub has_tokens: bool,
    pub created: Html,
    pub used: Html,
    pub expires: Html,
}

#[derive(Template)]
#[template(path = "revoke.html")]
struct Page {
    base: Base,
    title: String,
    heading: Html,
    text: &'static str,
    back: &'static str,
    warnings: Vec<Html>,
    /// Whether the tenant's name has to be typed.
    is_typed: bool,
    type_this: Html,
    error: Html,
    token: String,
}

/// What somebody asks to revoke.
pub struct Revocation {
    pub path: String,
    pub title: String,
    pub heading: Html,
    /// What it means.
    pub text: &'static str,
    /// The page that it leads back to.
    pub back: &'static str,
    /// When it was used, if that is not long ago, and what is said of that.
    pub used: Option<(&'static str, OffsetDateTime)>,
    /// What is said where nothing else works.
    pub last: Option<&'static str>,
}

/// The state of a key, client secret or trust: its class, and in words.
pub fn state(t: &Texts, credential: &KnownKey, now: OffsetDateTime) -> (&'static str, Html) {
    let record = &credential.record;
    match (record.revoked, record.is_active(now)) {
        (Some(_), _) => ("none", Html::text(t.key_revoked)),
        (None, false) => ("bad", Html::text(t.key_expired)),
        (None, true) => match (&record.replaced_by, record.expires) {
            (Some(_), Some(end)) => (
                "some",
                Html::fill(t.key_ending, &[("time", &Html::time(end))]),
            ),
            _ => ("good", Html::text(t.key_active)),
        },
    }
}

/// Refuses what cannot be done with one that has ended.
pub fn alive(credential: &KnownKey) -> Result<(), Refused> {
    match credential.record.is_active(OffsetDateTime::now_utc()) {
        true => Ok(()),
        false => Err(Refused::KeyEnded),
    }
}

/// What people know a client by.
pub fn named(client: &KnownClient) -> Html {
    let label = Html::foreign(&client.label);
    Html::own(format!("{label} ({})", Html::text(client.id.as_str())))
}

/// Whether tokens that it gave may be accepted still: those of an expired secret live out their
/// time.
pub fn has_tokens(credential: &KnownKey, now: OffsetDateTime) -> bool {
    let record = &credential.record;
    let expired = record.expires.filter(|_| is_secret(record));
    let may_live = expired.is_some_and(|expires| now < expires + MAX_TOKEN_LIFE);
    record.revoked.is_none() && (record.is_active(now) || may_live)
}

/// When it was used, if that is not long ago.
pub fn used_lately(credential: &KnownKey) -> Option<OffsetDateTime> {
    let since = OffsetDateTime::now_utc() - IN_USE;
    credential.last_used.filter(|used| *used >= since)
}

/// Whether these work, and nothing else that the tenant has.
pub fn are_last(all: &[KnownKey], these: &[&KnownKey]) -> bool {
    let now = OffsetDateTime::now_utc();
    let is_one = |id: &KeyId| these.iter().any(|one| one.record.id == *id);
    let mut active = all
        .iter()
        .filter(|one| one.record.is_active(now))
        .peekable();
    active.peek().is_some() && active.all(|one| is_one(&one.record.id))
}

/// What is known of keys, client secrets and trusts by their ids.
pub struct Known(Vec<KeyRecord>);

impl Known {
    pub fn of(records: Vec<KeyRecord>) -> Self {
        Self(records)
    }

    fn find(&self, id: &str) -> Option<&KeyRecord> {
        self.0.iter().find(|record| record.id.as_str() == id)
    }

    /// By which of them a change came.
    pub fn by(&self, t: &Texts, id: &str) -> Html {
        let kind = self.find(id).map(|record| (&record.kind, &record.label));
        let (text, label) = match kind {
            None | Some((KeyKind::ApiKey, _)) => (t.by_key, ""),
            Some((KeyKind::ClientSecret(_), label)) => (t.clients.by_secret, label.as_str()),
            Some((KeyKind::Trust(..), label)) => (t.clients.by_trust, label.as_str()),
        };
        let (id, label) = (Html::foreign(id), Html::foreign(label));
        Html::fill(text, &[("key", &id), ("client", &label)])
    }

    /// What an act on one of them is said to be about.
    pub fn target(&self, t: &Texts, id: &str) -> String {
        let Some(record) = self.find(id) else {
            return fill(t.clients.act_any, &[("key", id)]);
        };
        let text = match record.kind {
            KeyKind::ApiKey => t.clients.act_key,
            KeyKind::ClientSecret(_) => t.clients.act_secret,
            KeyKind::Trust(..) => t.clients.act_trust,
        };
        fill(text, &[("key", id), ("client", &isolated(&record.label))])
    }
}

impl Visited<'_> {
    /// Asks whether it is to be revoked; in use, or the last that works, it wants a name typed.
    pub(super) fn ask_for(&self, what: Revocation, error: Html) -> Answer {
        let t = self.asked.language.texts();
        let used = what
            .used
            .map(|(text, at)| Html::fill(text, &[("time", &Html::time(at))]));
        let last = what.last.map(Html::text);
        let warnings: Vec<Html> = used.into_iter().chain(last).collect();
        let tenant = Html::code(self.visit.account.tenant().id.as_str());
        let page = Page {
            base: self.base(&what.path),
            title: what.title,
            heading: what.heading,
            text: what.text,
            back: what.back,
            is_typed: !warnings.is_empty(),
            warnings,
            type_this: Html::fill(t.revoke_type, &[("tenant", &tenant)]),
            error,
            token: self.visit.form_token(),
        };
        self.page(&page)
    }

    /// Whether the name of the tenant was typed, as the page shows it everywhere.
    pub(super) fn is_confirmed(&self) -> bool {
        let tenant = self.visit.account.tenant();
        let typed = self.asked.field("confirm");
        !typed.is_empty() && [tenant.id.as_str(), tenant.name.trim()].contains(&typed)
    }

    /// What is said where another name was typed.
    pub(super) fn not_confirmed(&self) -> Html {
        let t = self.asked.language.texts();
        let id = Html::code(self.visit.account.tenant().id.as_str());
        Html::fill(t.revoke_wrong, &[("tenant", &id)])
    }

    /// For how long an old key or secret is to be accepted, as the form says.
    pub(super) fn wanted_overlap(&self) -> Result<Duration, Refused> {
        Ok(Duration::days(match self.asked.field("overlap") {
            "1" => 1,
            "7" => 7,
            "30" => 30,
            _ => return Err(Refused::Elsewhere),
        }))
    }

    /// A form works once, also when the page is loaded again.
    pub(super) async fn use_form(&self) -> Result<(), Failed> {
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
