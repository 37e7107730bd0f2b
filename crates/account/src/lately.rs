//! Users as a page shows them: found and known within bounds, whatever the size of the tenant. The
//! operator's commands look through everything ([`crate::users`]).

use scim::ResourceId;
use scim::schema::USERS;
use store::directory::history::Record;

use crate::requests::Asked;
use crate::users::{FoundUser, KnownUser, State, goes_by, had_name, is_new, subjects};
use crate::{Account, Failure};

/// How many of the latest changes, and of the latest requests, a page looks through.
pub const LOOKED: u16 = 500;

/// How many users are found who were deleted or had another name.
const MAX_FORMER: usize = 20;

/// How many changes of a user are shown, and how many requests.
const SHOWN: usize = 50;

/// In how many groups a user is shown.
const MAX_GROUPS: usize = 200;

/// Who was found.
#[derive(Debug)]
pub struct Found {
    /// The users.
    pub users: Vec<FoundUser>,
    /// Whether there are older changes, which were not looked through.
    pub is_lately: bool,
}

impl Account {
    /// The users who go by this id, userName, externalId or e-mail address; and those who did, as
    /// far as the latest [`LOOKED`] changes tell.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn find_users_lately(&self, name: &str) -> Result<Found, Failure> {
        let present = Box::pin(self.present_users(name));
        let directory = self.directory();
        let latest = async { Ok(directory.latest_changes(None, LOOKED).await?) };
        let (present, latest) = tokio::try_join!(present, latest)?;
        let mut users: Vec<FoundUser> = present.into_iter().map(FoundUser::present).collect();
        let is_lately = latest.older.is_some();
        let asked = ResourceId::parse(name);
        let mut ids: Vec<ResourceId> = asked.iter().cloned().collect();
        for record in latest.found {
            if let Record::Change(change) = record
                && change.resource_type == USERS.name
                && had_name(&change.changes, name)
                && !ids.contains(&change.id)
            {
                ids.push(change.id);
            }
        }
        ids.retain(|id| is_new(&users, id));
        for id in ids.into_iter().take(MAX_FORMER) {
            let state = self.state_of(&id).await?;
            let is_former = match &state {
                State::Deleted(tombstone) => !goes_by(tombstone.stored.resource.attributes(), name),
                State::Present(_) => true,
                // An id of which nothing is known is nobody's.
                State::OnRecord | State::Erased if asked.as_ref() == Some(&id) => continue,
                State::OnRecord | State::Erased => true,
            };
            let is_former = is_former && asked.as_ref() != Some(&id);
            users.push(FoundUser {
                id,
                state,
                is_former,
            });
        }
        Ok(Found { users, is_lately })
    }

    /// What is known of the user with this id: the latest changes and requests. None if there is
    /// nothing.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn know_user_lately(&self, id: &ResourceId) -> Result<Option<KnownUser>, Failure> {
        let directory = self.directory();
        let state = self.state_of(id).await?;
        let groups = match &state {
            State::Present(_) => {
                let users = std::slice::from_ref(id);
                let groups = directory.groups_of(users, false, MAX_GROUPS);
                Box::pin(groups).await?.remove(id).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let life = match directory.latest_of(&USERS, id, SHOWN).await? {
            Some(life) => life,
            None => self.changes_of(id).await?,
        };
        let is_nobody = matches!(state, State::OnRecord) && life.is_empty();
        if is_nobody {
            return Ok(None);
        }
        let asked = Asked {
            subjects: Some(subjects(id, &state)),
            ..Asked::default()
        };
        let mut requests = directory.latest_requests(None, LOOKED).await?.found;
        requests.retain(|request| asked.includes(request));
        requests.truncate(SHOWN);
        Ok(Some(KnownUser {
            id: id.clone(),
            state: state.erased_if(&life),
            groups,
            life,
            requests,
        }))
    }

    /// The changes of a user among the latest of all, the first change first.
    async fn changes_of(&self, id: &ResourceId) -> Result<Vec<Record>, Failure> {
        let latest = self.directory().latest_changes(None, LOOKED).await?;
        let mut records = latest.found;
        records.retain(|record| matches!(record, Record::Change(change) if change.id == *id));
        records.truncate(SHOWN);
        records.reverse();
        Ok(records)
    }
}
