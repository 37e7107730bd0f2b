//! `group`: the groups of a tenant and their members.

pub mod list;
pub mod members;
pub mod show;
pub mod undo;

use std::collections::HashMap;

use scim::schema::{GROUPS, USERS};
use scim::{ResourceId, Stored};
use store::directory::members::Member;
use store::{StoreError, TenantStore};

use super::deleted::name;
use crate::failure::Failure;

/// The group with this id, or else with this displayName.
pub async fn find(directory: &TenantStore<'_>, group: &str) -> Result<Stored, Failure> {
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
pub async fn members_of(
    directory: &TenantStore<'_>,
    group: &Stored,
) -> Result<Vec<Member>, StoreError> {
    let wanted = (group.id.clone(), group.meta.membership);
    directory.members(&wanted, usize::MAX).await
}

/// The userNames of those users that exist.
pub async fn user_names(
    directory: &TenantStore<'_>,
    ids: &[ResourceId],
) -> Result<HashMap<ResourceId, String>, StoreError> {
    let users = directory.get_many(&USERS, ids).await?;
    let named = users.into_iter().map(|user| {
        let name = name(&USERS, &user);
        (user.id, name)
    });
    Ok(named.collect())
}
