//! One user, found by any name: what is stored, what happened, what was refused.

use account::Failure;
use account::users::{FoundUser, KnownUser, State};
use askama::Template;
use scim::Stored;
use scim::schema::USERS;
use store::directory::history::Record;

use super::Visited;
use super::events::{Change, Event, Names, events, value};
use super::frame::Base;
use super::requests::{Logged, logged};
use crate::failed::{Answer, Failed, Refused};
use crate::html::Html;
use crate::texts::{Texts, fill};

#[derive(Template)]
#[template(path = "people.html")]
struct Search {
    base: Base,
    name: String,
    nobody: Option<String>,
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
struct Page {
    base: Base,
    name: String,
    class: &'static str,
    state: &'static str,
    deleted: Html,
    attributes: Vec<Change>,
    groups: Vec<String>,
    events: Vec<Event>,
    requests: Vec<Logged>,
}

impl Visited<'_> {
    pub(super) async fn people(&self) -> Answer {
        let t = self.asked.language.texts();
        let name = self.asked.parameter("name").to_owned();
        let found = match name.is_empty() {
            true => Vec::new(),
            false => Box::pin(self.visit.account.find_users(&name)).await?,
        };
        let is_nobody = found.is_empty() && !name.is_empty();
        let page = Search {
            base: self.base("/settings/people"),
            nobody: is_nobody.then(|| fill(t.people_nobody, &[("name", &name)])),
            found: found.iter().map(|found| person(t, found)).collect(),
            name,
        };
        self.page(&page)
    }

    pub(super) async fn person(&self, id: &str) -> Answer {
        let t = self.asked.language.texts();
        if scim::ResourceId::parse(id).is_none() {
            return Err(Refused::NotFound.into());
        }
        let known = match Box::pin(self.visit.account.know_user(id)).await {
            Ok(known) => known,
            Err(Failure::NoUserAtAll(_) | Failure::NothingOnRecord(_)) => {
                return Err(Refused::NotFound.into());
            }
            Err(failure) => return Err(Failed::from(failure)),
        };
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
        let attributes = attributes.into_iter().flatten().map(|(name, of)| Change {
            name: name.clone(),
            before: String::new(),
            after: value(Some(of)),
        });
        let (class, word) = word(t, state);
        let page = Page {
            base: self.base(&format!("/settings/people/{id}")),
            name: called(stored, id),
            class,
            state: word,
            deleted: deleted(t, state),
            attributes: attributes.collect(),
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
