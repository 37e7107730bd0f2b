//! OAuth 2.0 clients: listed with their secrets and trusts, created and shown once, a secret
//! replaced.

use account::clients::{KnownClient, NewSecret, is_secret};
use account::keys::KnownKey;
use askama::Template;
use http::StatusCode;
use store::secrets::KeyKind;
use tenant::{ClientId, KeyId};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::Visited;
use super::credentials::{Row, Urls, alive, has_tokens, named, state};
use super::frame::{Base, Link};
use super::message::Said;
use super::trusts::TrustCard;
use super::warnings::{Warnings, warned};
use crate::failed::{Answer, Failed, Refused};
use crate::html::Html;
use crate::label;
use crate::respond;
use crate::texts::{Texts, counted, fill};

/// For how long an old secret is accepted beside a new one, unless the admin says otherwise.
const OVERLAP: Duration = Duration::days(7);

#[derive(Template)]
#[template(path = "clients.html")]
struct List {
    base: Base,
    warned: Warnings,
    urls: Urls,
    clients: Vec<Card>,
    ended: Vec<Card>,
    ended_title: String,
    token: String,
    form: String,
    /// Why clients cannot be changed by this session; empty if they can.
    locked: &'static str,
}

/// A client.
struct Card {
    id: String,
    label: String,
    secrets: Vec<Row>,
    /// Whether none of its secrets works.
    needs_secret: bool,
    trusts: Vec<TrustCard>,
    ended: Vec<Row>,
    ended_title: String,
}

#[derive(Template)]
#[template(path = "client.html")]
struct New {
    base: Base,
    urls: Urls,
    client: String,
    secret: String,
    ends: Html,
    old: Html,
    is_off: bool,
}

#[derive(Template)]
#[template(path = "secret.html")]
struct Secret {
    base: Base,
    title: String,
    heading: Html,
    text: &'static str,
    button: &'static str,
    /// Whether there is an old one, which stays valid for a while.
    is_rotation: bool,
    token: String,
    form: String,
}

impl Visited<'_> {
    pub(super) async fn clients(&self) -> Answer {
        let t = self.asked.language.texts();
        let (clients, now) = (
            self.visit.account.clients().await?,
            OffsetDateTime::now_utc(),
        );
        let credentials = clients.iter().flat_map(|client| &client.credentials);
        let warned = warned(t, credentials);
        // The latest first.
        let (ended, present): (Vec<&KnownClient>, Vec<&KnownClient>) =
            clients.iter().rev().partition(|client| is_over(client));
        let cards = |clients: &[&KnownClient]| -> Vec<Card> {
            let cards = clients.iter().map(|client| self.card(client, now));
            cards.collect()
        };
        let page = List {
            base: self.base("/settings/clients"),
            warned,
            urls: self.urls(),
            clients: cards(&present),
            ended: cards(&ended),
            ended_title: number(t.clients.ended_clients, ended.len()),
            token: self.visit.form_token(),
            form: Uuid::new_v4().to_string(),
            locked: self.locked(),
        };
        self.page(&page)
    }

    fn card(&self, client: &KnownClient, now: OffsetDateTime) -> Card {
        let t = self.asked.language.texts();
        let mut card = Card {
            id: client.id.to_string(),
            label: client.label.clone(),
            secrets: Vec::new(),
            needs_secret: !client
                .credentials
                .iter()
                .any(|one| is_live_secret(one, now)),
            trusts: Vec::new(),
            ended: Vec::new(),
            ended_title: String::new(),
        };
        for credential in client.credentials.iter().rev() {
            match &credential.record.kind {
                _ if !credential.record.is_active(now) => card.ended.push(row(t, credential, now)),
                KeyKind::Trust(_, trust) => {
                    let row = row(t, credential, now);
                    card.trusts.push(self.trust_card(trust, row));
                }
                _ => card.secrets.push(row(t, credential, now)),
            }
        }
        card.ended_title = number(t.clients.ended_credentials, card.ended.len());
        card
    }

    /// What Entra asks for beside the id and the secret of a client.
    pub(super) fn urls(&self) -> Urls {
        let base = &self.asked.base;
        Urls {
            tenant: format!("{base}/scim/v2?aadOptscim062020"),
            token: format!("{base}/oauth2/token"),
        }
    }

    pub(super) async fn create_client(&self) -> Answer {
        self.visit.may_change_keys(self.asked)?;
        let t = self.asked.language.texts();
        let label = self.asked.field("label");
        if let Some(problem) = label::problem(t, label) {
            let (status, texts) = (StatusCode::BAD_REQUEST, vec![Html::text(problem)]);
            let said = Said::new(status, t.problem_key, texts);
            let link = Some(Link::to("/settings/clients", t.back));
            return said.link(link).page(self.asked, Some(self.visit));
        }
        let life = self.wanted_life()?;
        self.use_form().await?;
        let new = self.visit.account.create_client(label, life).await?;
        self.show_secret(&new)
    }

    /// Asks for how long a new secret is to be valid, where a client has none.
    pub(super) async fn ask_for_secret(&self, client: &str) -> Answer {
        self.visit.unlocked()?;
        let client = self.find_client(client).await?;
        if has_secret(&client) {
            return Ok(respond::see("/settings/clients"));
        }
        let t = self.asked.language.texts();
        let page = Secret {
            base: self.base(&format!("/settings/clients/{}/secret", client.id)),
            title: fill(t.clients.another_title, &[("client", client.id.as_str())]),
            heading: Html::fill(t.clients.another_title, &[("client", &named(&client))]),
            text: t.clients.another_text,
            button: t.clients.another,
            is_rotation: false,
            token: self.visit.form_token(),
            form: Uuid::new_v4().to_string(),
        };
        self.page(&page)
    }

    pub(super) async fn create_secret(&self, client: &str) -> Answer {
        self.visit.may_change_keys(self.asked)?;
        let client = self.find_client(client).await?;
        if has_secret(&client) {
            return Ok(respond::see("/settings/clients"));
        }
        self.rotate_to_new(&client, None, OVERLAP).await
    }

    pub(super) async fn ask_to_rotate_secret(&self, client: &str, secret: &str) -> Answer {
        self.visit.unlocked()?;
        let client = self.find_client(client).await?;
        let secret = found(&client, secret)?;
        let id = secret.record.id.as_str();
        rotatable(secret)?;
        let t = self.asked.language.texts();
        let page = Secret {
            base: self.base(&format!("/settings/clients/{}/{id}/rotate", client.id)),
            title: fill(t.clients.rotate_title, &[("key", id)]),
            heading: Html::fill(t.clients.rotate_title, &[("key", &Html::code(id))]),
            text: t.clients.rotate_text,
            button: t.rotate,
            is_rotation: true,
            token: self.visit.form_token(),
            form: Uuid::new_v4().to_string(),
        };
        self.page(&page)
    }

    pub(super) async fn rotate_secret(&self, client: &str, secret: &str) -> Answer {
        self.visit.may_change_keys(self.asked)?;
        let client = self.find_client(client).await?;
        let secret = found(&client, secret)?;
        rotatable(secret)?;
        let overlap = self.wanted_overlap()?;
        let old = Some(secret.record.id.clone());
        self.rotate_to_new(&client, old, overlap).await
    }

    async fn rotate_to_new(
        &self,
        client: &KnownClient,
        old: Option<KeyId>,
        overlap: Duration,
    ) -> Answer {
        let life = self.wanted_life()?;
        self.use_form().await?;
        let account = &self.visit.account;
        let new = account.rotate_secret(&client.id, old, overlap, life);
        self.show_secret(&new.await?)
    }

    /// The answer that has the secret in it: there is no other.
    fn show_secret(&self, new: &NewSecret) -> Answer {
        let t = self.asked.language.texts();
        let ends = new.record.expires.map(Html::time).unwrap_or_default();
        let old = new.old.as_ref().map(|old| {
            let until = old.expires.map(Html::time).unwrap_or_default();
            let id = Html::code(old.id.as_str());
            Html::fill(
                t.clients.secret_old_until,
                &[("key", &id), ("time", &until)],
            )
        });
        let page = New {
            base: Base {
                is_once: true,
                ..self.base("/settings/clients")
            },
            urls: self.urls(),
            client: new.client.to_string(),
            secret: new.secret.expose().to_owned(),
            ends: Html::fill(t.clients.secret_ends, &[("time", &ends)]),
            old: old.unwrap_or_default(),
            is_off: self.visit.account.tenant().api_off.is_some(),
        };
        self.page(&page)
    }

    /// A client of this tenant that can still be changed.
    pub(super) async fn find_client(&self, client: &str) -> Result<KnownClient, Failed> {
        let id = ClientId::parse(client).map_err(|_| Refused::NotFound)?;
        let clients = self.visit.account.clients().await?;
        let known = clients.into_iter().find(|client| client.id == id);
        let known = known.ok_or(Refused::NotFound)?;
        match is_over(&known) {
            true => Err(Refused::KeyEnded.into()),
            false => Ok(known),
        }
    }

    /// For how long a secret is to be valid, as the form says.
    fn wanted_life(&self) -> Result<Duration, Refused> {
        Ok(Duration::days(match self.asked.field("years") {
            "1" => 365,
            "2" => 730,
            "3" => 1_095,
            _ => return Err(Refused::Elsewhere),
        }))
    }
}

/// A secret or a trust of a client.
pub fn found<'c>(client: &'c KnownClient, id: &str) -> Result<&'c KnownKey, Refused> {
    let id = KeyId::parse(id).map_err(|_| Refused::NotFound)?;
    let mut all = client.credentials.iter();
    let known = all.find(|one| one.record.id == id);
    known.ok_or(Refused::NotFound)
}

/// Only a secret has a successor: a trust is set up again.
fn rotatable(secret: &KnownKey) -> Result<(), Refused> {
    match is_secret(&secret.record) {
        true => alive(secret),
        false => Err(Refused::NotFound),
    }
}

/// Whether all that it has was revoked. What has only expired can be renewed.
fn is_over(client: &KnownClient) -> bool {
    let mut all = client.credentials.iter();
    all.all(|credential| credential.record.revoked.is_some())
}

fn is_live_secret(credential: &KnownKey, now: OffsetDateTime) -> bool {
    is_secret(&credential.record) && credential.record.is_active(now)
}

fn has_secret(client: &KnownClient) -> bool {
    let now = OffsetDateTime::now_utc();
    client
        .credentials
        .iter()
        .any(|one| is_live_secret(one, now))
}

fn row(t: &'static Texts, credential: &KnownKey, now: OffsetDateTime) -> Row {
    let record = &credential.record;
    let (class, state) = state(t, credential, now);
    Row {
        id: record.id.to_string(),
        kind: match is_secret(record) {
            true => t.clients.client_secret,
            false => t.clients.trust,
        },
        class,
        state,
        is_warned: !credential.warnings.is_empty(),
        has_tokens: !record.is_active(now) && has_tokens(credential, now),
        created: Html::time(record.created),
        used: Html::time_or(credential.last_used, t.never),
        expires: Html::time_or(record.revoked.or(record.expires), t.never),
    }
}

fn number(texts: crate::texts::Counted, count: usize) -> String {
    counted(texts, u64::try_from(count).unwrap_or(u64::MAX))
}
