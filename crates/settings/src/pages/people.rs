//! One user, found by any name: what is stored, what happened, what was refused.

use account::lately::LOOKED;
use account::users::{FoundUser, KnownUser, State};
use askama::Template;
use scim::schema::USERS;
use scim::{ResourceId, Stored};
use store::directory::history::Record;

use super::Visited;
use super::events::{Event, Names, events};
use super::frame::Base;
use super::requests::{Logged, logged};
use super::values::{self, Change};
use crate::failed::{Answer, Refused};
use crate::html::{Html, isolated};
use crate::label::has_key;
use crate::texts::{Texts, fill};

/// The longest name that is looked for, in bytes: as long as a userName can be.
pub const MAX_NAME: usize = 900;

#[derive(Template)]
#[template(path = "people.html")]
struct Search {
    base: Base,
    name: String,
    nobody: Option<Html>,
    longest: usize,
    /// How far back those were looked for who have the name no more.
    lately: Option<String>,
    found: Vec<Person>,
}

struct Person {
    id: String,
    name: String,
    class: &'static str,
    state: &'static str,
    is_former: bool,
}

#[derive(Template)]
#[template(path = "person.html")]
struct Page<'r> {
    base: Base,
    name: String,
    title: String,
    class: &'static str,
    state: &'static str,
    deleted: Html,
    attributes: Vec<Change>,
    groups: Vec<String>,
    events: Vec<Event>,
    requests: Vec<Logged<'r>>,
}

impl Visited<'_> {
    pub(super) async fn people(&self) -> Answer {
        let t = self.asked.language.texts();
        // A key in the wrong field is looked up by nobody, and not repeated.
        let name = match self.asked.parameter("name") {
            key if has_key(key) => String::new(),
            name => name.to_owned(),
        };
        let is_asked = !name.is_empty();
        // What is longer than a name can be is nobody's.
        let found = match is_asked && name.len() <= MAX_NAME {
            true => Some(Box::pin(self.visit.account.find_users_lately(&name)).await?),
            false => None,
        };
        let is_lately = found.as_ref().is_some_and(|found| found.is_lately);
        let found = found.map(|found| found.users).unwrap_or_default();
        let is_nobody = found.is_empty() && is_asked;
        let count = LOOKED.to_string();
        let page = Search {
            base: self.base("/settings/people"),
            lately: is_lately.then(|| fill(t.people_lately, &[("count", &count)])),
            nobody: is_nobody
                .then(|| Html::fill(t.people_nobody, &[("name", &Html::foreign(&name))])),
            longest: MAX_NAME,
            found: found.iter().map(|found| person(t, found)).collect(),
            name,
        };
        self.page(&page)
    }

    pub(super) async fn person(&self, id: &str) -> Answer {
        let t = self.asked.language.texts();
        let id = ResourceId::parse(id).ok_or(Refused::NotFound)?;
        let known = Box::pin(self.visit.account.know_user_lately(&id)).await?;
        let known = known.ok_or(Refused::NotFound)?;
        let id = id.as_str();
        let KnownUser {
            state,
            life,
            groups,
            requests,
            ..
        } = &known;
        let latest: Vec<Record> = life.iter().rev().cloned().collect();
        let names = Names::of(&self.visit.account, &latest).await?;
        let stored = stored(state);
        let attributes = stored.map(|stored| stored.resource.attributes().iter());
        let attributes = attributes.into_iter().flatten();
        let name = called(stored, id);
        let (class, word) = word(t, state);
        let page = Page {
            base: self.base(&format!("/settings/people/{id}")),
            title: isolated(&name),
            name,
            class,
            state: word,
            deleted: deleted(t, state),
            attributes: values::stored(t, attributes),
            groups: groups
                .iter()
                .map(|group| group.display.to_string())
                .collect(),
            events: events(t, &latest, &names),
            requests: logged(t, requests, &self.called(requests).await?),
        };
        self.page(&page)
    }
}

fn stored(state: &State) -> Option<&Stored> {
    match state {
        State::Present(stored) => Some(stored),
        State::Deleted(tombstone) => Some(&tombstone.stored),
        State::OnRecord | State::Erased => None,
    }
}

fn called(stored: Option<&Stored>, id: &str) -> String {
    let name = stored.and_then(|stored| stored.resource.text("userName"));
    name.unwrap_or(id).to_owned()
}

fn word(t: &'static Texts, state: &State) -> (&'static str, &'static str) {
    match state {
        State::Present(stored) if USERS.has_access(&stored.resource) => ("good", t.state_active),
        State::Present(_) => ("some", t.state_deactivated),
        State::Deleted(_) => ("bad", t.state_deleted),
        State::OnRecord => ("none", t.state_record),
        State::Erased => ("none", t.state_erased),
    }
}

fn deleted(t: &Texts, state: &State) -> Html {
    let State::Deleted(tombstone) = state else {
        return Html::default();
    };
    let (time, until) = (Html::time(tombstone.deleted), Html::time(tombstone.expires));
    Html::fill(t.person_deleted, &[("time", &time), ("until", &until)])
}

fn person(t: &'static Texts, found: &FoundUser) -> Person {
    let (class, state) = word(t, &found.state);
    Person {
        id: found.id.to_string(),
        name: called(stored(&found.state), found.id.as_str()),
        class,
        state,
        is_former: found.is_former,
    }
}
