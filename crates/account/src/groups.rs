//! Groups and their members.

use std::collections::HashMap;

use scim::schema::{GROUPS, USERS};
use scim::{Meta, ResourceId, Stored};
use store::directory::members::Member;
use time::OffsetDateTime;

use crate::deleted::name;
use crate::{Account, Failure};

impl Account {
    /// All groups, in the order of their names.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn groups(&self) -> Result<Vec<Stored>, Failure> {
        let mut groups = Vec::new();
        let add = |group| groups.push(group);
        self.directory().all(&GROUPS, add).await?;
        groups.sort_by_cached_key(|group| name(&GROUPS, group));
        Ok(groups)
    }

    /// The group with this id, or else with this displayName.
    ///
    /// # Errors
    /// [`Failure::NoGroup`], and failures of DynamoDB.
    pub async fn find_group(&self, group: &str) -> Result<Stored, Failure> {
        let directory = self.directory();
        let id = match ResourceId::parse(group) {
            Some(id) => Some(id),
            None => directory.holder(&GROUPS, group).await?,
        };
        let found = match id {
            Some(id) => directory.get(&GROUPS, &id).await?,
            None => None,
        };
        found.ok_or_else(|| Failure::NoGroup(group.to_owned()))
    }

    /// The members of a group, however many there are.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn members_of(&self, group: &Stored) -> Result<Vec<Member>, Failure> {
        let wanted = (group.id.clone(), group.meta.membership);
        Ok(self.directory().members(&wanted, usize::MAX).await?)
    }

    /// The userNames of those users that exist.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn user_names(
        &self,
        ids: &[ResourceId],
    ) -> Result<HashMap<ResourceId, String>, Failure> {
        let users = self.directory().get_many(&USERS, ids).await?;
        let named = users.into_iter().map(|user| {
            let name = name(&USERS, &user);
            (user.id, name)
        });
        Ok(named.collect())
    }
}

/// When a group or its members were last changed.
pub fn changed(meta: &Meta) -> OffsetDateTime {
    let members = meta.membership.last_modified;
    members.map_or(meta.last_modified, |at| at.max(meta.last_modified))
}
