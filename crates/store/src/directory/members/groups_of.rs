//! Reading which groups users are in.
//!
//! Pending changes are read before the edges: what is not in an edge yet is in them, whatever is
//! carried out in between.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use scim::ResourceId;
use scim::schema::GROUPS;

use super::edge::LEFT;
use super::pending::Fate;
use super::read::{CONCURRENCY, Limit, PASSED_OVER};
use crate::client::attributes::{Item, damaged, text};
use crate::client::tables::SORT_KEY;
use crate::directory::read::{BATCH, BATCHES};
use crate::directory::{document, keys};
use crate::{StoreError, TenantStore};

/// From this number of users on, the edges of a range of users are looked at in one go, even if
/// there are others between them.
const WORTH_A_RANGE: usize = 8;

/// A group that a user is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InGroup {
    /// The group's id.
    pub id: ResourceId,
    /// What it is called.
    pub display: Arc<str>,
}

/// The groups of users: of each, their ids in order. Those of deleted groups are among them.
pub(super) type Sides = BTreeMap<ResourceId, BTreeSet<ResourceId>>;

/// What pending changes do to users: for each user, what becomes of the memberships in groups.
type Fates = Vec<(ResourceId, ResourceId, Fate)>;

impl TenantStore<'_> {
    /// Which groups these users are in, by their ids, each in the order of the groups' ids. The
    /// users are in the order of their ids. If they are all users of a range, or there are few
    /// edges of others between theirs, one Query reads the edges of all.
    ///
    /// # Errors
    /// [`StoreError::TooManyEdges`] when the users have more than `at_most` groups together,
    /// failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn groups_of(
        &self,
        users: &[ResourceId],
        are_a_range: bool,
        at_most: usize,
    ) -> Result<HashMap<ResourceId, Vec<InGroup>>, StoreError> {
        let sides = self
            .sides_of(users, are_a_range, &Limit::new(at_most))
            .await?;
        let groups: BTreeSet<&ResourceId> = sides.values().flatten().collect();
        let names = self.names(&groups.into_iter().collect::<Vec<_>>()).await?;
        let named = |id: ResourceId| {
            let display = Arc::clone(names.get(&id)?);
            Some(InGroup { id, display })
        };
        let groups = sides.into_iter().map(|(user, groups)| {
            let groups = groups.into_iter().filter_map(named).collect();
            (user, groups)
        });
        Ok(groups.collect())
    }

    /// The same without what the groups are called, and whether they still exist.
    pub(crate) async fn sides_of(
        &self,
        users: &[ResourceId],
        are_a_range: bool,
        limit: &Limit,
    ) -> Result<Sides, StoreError> {
        let fates = self.fates_of(users).await?;
        // In most directories the edges of all users are no more than one Query reads. Where they
        // are, each user's are read.
        let is_worth_it = are_a_range || users.len() >= WORTH_A_RANGE;
        let mut sides = match (users.iter().min(), users.iter().max()) {
            (Some(first), Some(last)) if is_worth_it => {
                self.sides_in_range(first, last, users, limit).await?
            }
            _ => None,
        };
        if sides.is_none() {
            let reads: Vec<_> = users
                .iter()
                .map(|user| async move {
                    let prefix = keys::members::edges_of_user(user);
                    let mut groups = BTreeSet::new();
                    self.each(self.query_prefix(prefix), |item| {
                        if let Some((_, group)) = edge(item)? {
                            limit.take()?;
                            groups.insert(group);
                        }
                        Ok(true)
                    })
                    .await?;
                    Ok::<_, StoreError>((user.clone(), groups))
                })
                .collect();
            let read: Vec<_> = stream::iter(reads)
                .buffer_unordered(CONCURRENCY)
                .try_collect()
                .await?;
            sides = Some(read.into_iter().collect());
        }
        let mut sides = sides.unwrap_or_default();
        for (user, group, fate) in fates {
            let groups = sides.entry(user).or_default();
            match fate {
                Fate::Joins(_) => groups.insert(group),
                Fate::Parts => groups.remove(&group),
            };
        }
        Ok(sides)
    }

    /// The edges of a range of users in one go; `None` if too many edges of deleted users are among
    /// them.
    async fn sides_in_range(
        &self,
        first: &ResourceId,
        last: &ResourceId,
        users: &[ResourceId],
        limit: &Limit,
    ) -> Result<Option<Sides>, StoreError> {
        let wanted: BTreeSet<&ResourceId> = users.iter().collect();
        let mut sides = Sides::new();
        let mut passed_over = 0;
        let from = keys::members::edges_of_user(first);
        let to = keys::members::edges_of_user_end(last);
        // A page of edges is as large as what may be passed over, and ends with it.
        let page = i32::try_from(PASSED_OVER).ok();
        let query = self.query_between(from, to).set_limit(page);
        self.each(query, |item| {
            match edge(item)? {
                Some((user, group)) if wanted.contains(&user) => {
                    limit.take()?;
                    sides.entry(user).or_default().insert(group);
                }
                _ => passed_over += 1,
            }
            Ok(passed_over <= PASSED_OVER)
        })
        .await?;
        if passed_over <= PASSED_OVER {
            return Ok(Some(sides));
        }
        limit.give_back(sides.values().map(BTreeSet::len).sum());
        Ok(None)
    }

    /// What the pending changes of all groups do to these users.
    async fn fates_of(&self, users: &[ResourceId]) -> Result<Fates, StoreError> {
        let mut fates = Fates::new();
        for pending in self.all_pending().await? {
            if let [user] = users {
                let fate = self.fate(&pending, user).await?;
                fates.extend(fate.map(|fate| (user.clone(), pending.group, fate)));
                continue;
            }
            let delta = self.pending_delta(&pending).await?;
            let mut of_all = pending.fates(delta);
            let of_these = users.iter().filter_map(|user| {
                Some((user.clone(), pending.group.clone(), of_all.remove(user)?))
            });
            fates.extend(of_these);
        }
        Ok(fates)
    }

    /// What these groups are called; those that do not exist any more are missing.
    async fn names(
        &self,
        groups: &[&ResourceId],
    ) -> Result<HashMap<ResourceId, Arc<str>>, StoreError> {
        let batches: Vec<_> = groups
            .chunks(BATCH)
            .map(|batch| self.names_of_batch(batch))
            .collect();
        let batches = stream::iter(batches).buffer_unordered(BATCHES);
        let names: Vec<Vec<_>> = batches.try_collect().await?;
        Ok(names.into_iter().flatten().collect())
    }

    async fn names_of_batch(
        &self,
        groups: &[&ResourceId],
    ) -> Result<Vec<(ResourceId, Arc<str>)>, StoreError> {
        let key = |id: &&ResourceId| self.key(keys::resource(&GROUPS, id));
        let mut names = Vec::with_capacity(groups.len());
        self.get_batch(groups.iter().map(key).collect(), |item| {
            let group = document::read(item)?;
            let name = group.resource.text(GROUPS.unique).unwrap_or_default();
            names.push((group.id, Arc::from(name)));
            Ok(())
        })
        .await?;
        Ok(names)
    }
}

/// The user and the group of an edge, unless the user was deleted.
fn edge(item: &Item) -> Result<Option<(ResourceId, ResourceId)>, StoreError> {
    if item.contains_key(LEFT) {
        return Ok(None);
    }
    let ends = keys::members::ends(text(item, SORT_KEY)?);
    ends.map(Some).ok_or_else(|| damaged(item, SORT_KEY))
}
