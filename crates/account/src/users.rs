//! Users, found by any of their names: those that are there, deleted ones, and those of whom only
//! records are left.

use std::collections::BTreeSet;

use scim::filter::Filter;
use scim::schema::USERS;
use scim::text::fold;
use scim::{ResourceId, Stored};
use serde_json::{Map, Value};
use store::StoreError;
use store::directory::history::{Record, Span};
use store::directory::members::InGroup;
use store::directory::range::Start;
use store::directory::record::ChangeKind;
use store::directory::tombstone::Tombstone;
use store::directory::{Candidate, Sought};
use store::usage::requests::LoggedRequest;
use time::{Duration, OffsetDateTime};

use crate::history::horizon;
use crate::requests::Asked;
use crate::{Account, Failure};

/// How many users a search finds at most.
const MAX_FOUND: usize = 100;

/// How many groups of a user are shown.
const MAX_GROUPS: usize = 10_000;

/// For how long refused requests for a user are looked for.
const LATELY: Duration = Duration::days(14);

/// The attributes that a user goes by.
const NAMES: [&str; 3] = ["userName", "externalId", "emails"];

/// What there is of a user.
#[derive(Debug, Clone)]
pub enum State {
    /// The user is there.
    Present(Box<Stored>),
    /// The user was deleted, and can be restored.
    Deleted(Box<Tombstone>),
    /// Only records are left.
    OnRecord,
    /// Only records are left, without what they said of the person.
    Erased,
}

impl State {
    /// The same, or [`Self::Erased`] where the records say so.
    pub(crate) fn erased_if(self, life: &[Record]) -> Self {
        let is_erasure = |record: &Record| match record {
            Record::Change(record) => record.operation == ChangeKind::Erase,
            _ => false,
        };
        match self {
            Self::OnRecord if life.iter().any(is_erasure) => Self::Erased,
            other => other,
        }
    }
}

/// A user who goes by a name, or did.
#[derive(Debug, Clone)]
pub struct FoundUser {
    /// The user's id.
    pub id: ResourceId,
    /// What there is of the user.
    pub state: State,
    /// Whether the name is one that the user had before.
    pub is_former: bool,
}

impl FoundUser {
    pub(crate) fn present(stored: Stored) -> Self {
        Self {
            id: stored.id.clone(),
            state: State::Present(Box::new(stored)),
            is_former: false,
        }
    }
}

/// Whether a user is found for the first time, and there is room for one more.
pub(crate) fn is_new(found: &[FoundUser], id: &ResourceId) -> bool {
    found.len() < MAX_FOUND && found.iter().all(|user| user.id != *id)
}

/// All that is known of a user.
#[derive(Debug)]
pub struct KnownUser {
    /// The user's id.
    pub id: ResourceId,
    /// What there is of the user.
    pub state: State,
    /// The groups that the user is in, as far as they are there.
    pub groups: Vec<InGroup>,
    /// What was changed, the first change first.
    pub life: Vec<Record>,
    /// The requests for the user that were refused or failed lately, or left something out.
    pub requests: Vec<LoggedRequest>,
}

impl Account {
    /// The users who go by this id, userName, externalId or e-mail address, or did: those that are
    /// there first, then deleted ones, then those who had the name before. This reads all records.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn find_users(&self, name: &str) -> Result<Vec<FoundUser>, Failure> {
        let present = Box::pin(self.present_users(name)).await?;
        Box::pin(self.find_users_beside(name, present)).await
    }

    /// The same, given those that are there.
    async fn find_users_beside(
        &self,
        name: &str,
        present: Vec<Stored>,
    ) -> Result<Vec<FoundUser>, Failure> {
        let mut found: Vec<FoundUser> = present.into_iter().map(FoundUser::present).collect();
        let id = ResourceId::parse(name);
        let directory = self.directory();
        directory
            .tombstones(&USERS, |tombstone| {
                let stored = &tombstone.stored;
                let is_named = goes_by(stored.resource.attributes(), name);
                let is_meant = is_named || Some(&stored.id) == id.as_ref();
                if is_meant && is_new(&found, &stored.id) {
                    found.push(FoundUser {
                        id: stored.id.clone(),
                        state: State::Deleted(Box::new(tombstone)),
                        is_former: false,
                    });
                }
            })
            .await?;
        for id in Box::pin(self.formerly(name)).await? {
            if is_new(&found, &id) {
                found.push(FoundUser {
                    state: self.state_of(&id).await?,
                    is_former: true,
                    id,
                });
            }
        }
        Ok(found)
    }

    /// The one user who goes by this name.
    ///
    /// # Errors
    /// [`Failure::NoUserAtAll`], [`Failure::SeveralUsers`], and failures of DynamoDB.
    pub async fn find_user(&self, name: &str) -> Result<FoundUser, Failure> {
        // Who is there is meant, whoever had the name before.
        let mut present = Box::pin(self.present_users(name)).await?;
        let is_meant = |stored: &Stored| stored.id.as_str() == name || is_user_name(stored, name);
        if let Some(place) = present.iter().position(is_meant) {
            return Ok(FoundUser::present(present.swap_remove(place)));
        }
        let mut found = Box::pin(self.find_users_beside(name, present)).await?;
        if found.iter().any(|user| !user.is_former) {
            found.retain(|user| !user.is_former);
        }
        let several = found.len();
        match (found.pop(), several) {
            (Some(only), 1) => Ok(only),
            (None, _) => Err(Failure::NoUserAtAll(name.to_owned())),
            (Some(_), several) => Err(Failure::SeveralUsers(name.to_owned(), several)),
        }
    }

    /// All that is known of the user who goes by this name.
    ///
    /// # Errors
    /// As [`Account::find_user`].
    pub async fn know_user(&self, name: &str) -> Result<KnownUser, Failure> {
        let FoundUser { id, state, .. } = Box::pin(self.find_user(name)).await?;
        let directory = self.directory();
        let groups = match &state {
            State::Present(_) => {
                let users = std::slice::from_ref(&id);
                let groups = directory.groups_of(users, false, MAX_GROUPS);
                Box::pin(groups).await?.remove(&id).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let life = Box::pin(directory.life(&USERS, &id)).await?;
        let state = state.erased_if(&life);
        let asked = Asked {
            subjects: Some(subjects(&id, &state)),
            ..Asked::default()
        };
        let since = OffsetDateTime::now_utc() - LATELY;
        let mut requests = Vec::new();
        self.visit_requests(since, horizon(), &asked, |request| {
            requests.push(request);
            requests.len() < MAX_FOUND
        })
        .await?;
        Ok(KnownUser {
            id,
            state,
            groups,
            life,
            requests,
        })
    }

    /// Who may be meant in requests by a name: the name, and the id, userName and externalId of the
    /// user who goes by it now.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn subjects_of(&self, name: &str) -> Result<Vec<String>, Failure> {
        let mut names = vec![name.to_owned()];
        match Box::pin(self.find_user(name)).await {
            Ok(found) => names.extend(subjects(&found.id, &found.state)),
            // Somebody who never was created is asked for most.
            Err(Failure::NoUserAtAll(_) | Failure::SeveralUsers(..)) => {}
            Err(failure) => return Err(failure),
        }
        Ok(names)
    }

    /// What there is of a user.
    pub(crate) async fn state_of(&self, id: &ResourceId) -> Result<State, Failure> {
        let directory = self.directory();
        if let Some(stored) = directory.get(&USERS, id).await? {
            return Ok(State::Present(Box::new(stored)));
        }
        let tombstone = directory.tombstone(&USERS, id).await?;
        Ok(tombstone.map_or(State::OnRecord, |tombstone| {
            State::Deleted(Box::new(tombstone))
        }))
    }

    /// The users that are there and go by this name, or have it reserved.
    pub(crate) async fn present_users(&self, name: &str) -> Result<Vec<Stored>, Failure> {
        let directory = self.directory();
        let mut found: Vec<Stored> = Vec::new();
        let mut ids = Vec::new();
        ids.extend(ResourceId::parse(name));
        match directory.holder(&USERS, name).await {
            Ok(holder) => ids.extend(holder),
            // What is too long for a name is nobody's.
            Err(StoreError::TooLarge(_)) => {}
            Err(error) => return Err(error.into()),
        }
        for id in ids {
            found.extend(directory.get(&USERS, &id).await?);
        }
        let text = Value::from(name).to_string();
        let filter =
            format!("userName eq {text} or externalId eq {text} or emails.value eq {text}");
        // A name that is no text of a filter is nobody's.
        let Ok(filter) = Filter::compile(&filter, &USERS) else {
            return Ok(found);
        };
        let sought = Sought {
            resource_type: &USERS,
            filter: Some(&filter),
            named: None,
        };
        let filter = &filter;
        let examine = || {
            move |candidate: Candidate| {
                let stored = candidate.stored;
                filter
                    .matches(stored.resource.attributes())
                    .then_some(stored)
            }
        };
        let candidates =
            directory.candidates(sought, &Start::First, Some(MAX_FOUND), examine, |stored| {
                if found.iter().all(|other| other.id != stored.id) {
                    found.push(stored);
                }
                found.len() < MAX_FOUND
            });
        Box::pin(candidates).await?;
        Ok(found)
    }

    /// The users who had this name, as the records of their changes say.
    async fn formerly(&self, name: &str) -> Result<BTreeSet<ResourceId>, Failure> {
        let mut had = BTreeSet::new();
        let id = ResourceId::parse(name);
        let everything = Span {
            from: OffsetDateTime::UNIX_EPOCH,
            to: horizon(),
        };
        self.directory()
            .history(everything, |record| {
                if let Record::Change(change) = record
                    && change.resource_type == USERS.name
                    && (id.as_ref() == Some(&change.id) || had_name(&change.changes, name))
                {
                    had.insert(change.id);
                }
                had.len() < MAX_FOUND
            })
            .await?;
        Ok(had)
    }
}

/// The names under which a client may have asked for a user.
pub(crate) fn subjects(id: &ResourceId, state: &State) -> Vec<String> {
    let mut subjects = vec![id.to_string()];
    let resource = match state {
        State::Present(stored) => &stored.resource,
        State::Deleted(tombstone) => &tombstone.stored.resource,
        State::OnRecord | State::Erased => return subjects,
    };
    for name in ["userName", "externalId"] {
        subjects.extend(resource.text(name).map(str::to_owned));
    }
    subjects
}

fn is_user_name(stored: &Stored, name: &str) -> bool {
    let user_name = stored.resource.text("userName");
    user_name.is_some_and(|own| fold(own) == fold(name))
}

/// Whether one of the attributes that a user goes by has this value.
pub(crate) fn goes_by(attributes: &Map<String, Value>, name: &str) -> bool {
    let name = fold(name);
    NAMES
        .iter()
        .filter_map(|attribute| attributes.get(*attribute))
        .any(|value| names(value, &name))
}

/// Whether a change says that the user had this name, or has.
pub(crate) fn had_name(changes: &Map<String, Value>, name: &str) -> bool {
    let name = fold(name);
    let sides = |change: &Value| {
        let mut sides = ["before", "after"].into_iter();
        sides.any(|side| change.get(side).is_some_and(|value| names(value, &name)))
    };
    NAMES
        .iter()
        .filter_map(|attribute| changes.get(*attribute))
        .any(sides)
}

/// Whether a value is this text, or has an element whose `value` is.
fn names(value: &Value, folded: &str) -> bool {
    match value {
        Value::String(text) => fold(text) == folded,
        Value::Array(elements) => elements.iter().any(|element| {
            let value = element.get("value").and_then(Value::as_str);
            value.is_some_and(|text| fold(text) == folded)
        }),
        _ => false,
    }
}
