//! Reading who of some users is in which of some groups, without the other members of these.
//!
//! The groups were read before, and say whether a change of theirs is pending: that is then read
//! before the edges. The heads of the groups are read with the edges, and tell of changes that were
//! decided in between.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use scim::ResourceId;

use super::pending::{Fate, Pending};
use super::shard::PENDING;
use crate::client::attributes::{optional_text, text};
use crate::client::tables::SORT_KEY;
use crate::directory::keys;
use crate::directory::read::{BATCH, BATCHES};
use crate::{StoreError, TenantStore};

/// A group and a user.
pub(crate) type Pair = (ResourceId, ResourceId);

/// For at most so many users, what a pending change does is read of each.
const FEW: usize = 2;

/// How often edges are read, should changes be decided meanwhile.
const ROUNDS: usize = 5;

/// A pending change: its record, and what it does to users.
type Held = (String, BTreeMap<ResourceId, Fate>);

/// What was read of the edges: the sort keys that are there, heads with their pending changes.
type There = HashMap<String, Option<String>>;

impl TenantStore<'_> {
    /// Those of the pairs that are memberships. `pending` are the groups of which a change was
    /// pending when they were read.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when large changes kept coming, failures of DynamoDB, and
    /// [`StoreError::Damaged`].
    pub(crate) async fn memberships(
        &self,
        pairs: Vec<Pair>,
        pending: HashSet<ResourceId>,
    ) -> Result<HashSet<Pair>, StoreError> {
        let mut of_groups = HashMap::<&ResourceId, Vec<&ResourceId>>::new();
        for (group, user) in &pairs {
            of_groups.entry(group).or_default().push(user);
        }
        let heads = of_groups.keys().map(|group| keys::members::head(group));
        let edges = pairs.iter().map(edge);
        let wanted: Vec<String> = heads.chain(edges).collect();
        let mut held = HashMap::<ResourceId, Held>::new();
        let mut unread = pending;
        for _ in 0..ROUNDS {
            for group in unread {
                let users = of_groups.get(&group).map_or(&[][..], Vec::as_slice);
                let change = self.pending(&group).await?;
                if let Some(change) = change.filter(|_| !users.is_empty()) {
                    let fates = self.fates_for(&change, users).await?;
                    held.insert(group, (change.record, fates));
                }
            }
            let there = self.read_there(&wanted).await?;
            let pending_now = |group: &ResourceId| {
                let head = there.get(&keys::members::head(group));
                head.and_then(Option::as_ref)
            };
            let is_held = |group: &ResourceId, record: &String| {
                held.get(group).is_some_and(|(held, _)| held == record)
            };
            unread = of_groups
                .keys()
                .filter(|group| pending_now(group).is_some_and(|record| !is_held(group, record)))
                .map(|group| (*group).clone())
                .collect();
            if !unread.is_empty() {
                continue;
            }
            let is_one = |pair: &Pair| {
                let (group, user) = pair;
                // Also if it is carried out by now: an edge may have been read before its head.
                match held.get(group).and_then(|(_, fates)| fates.get(user)) {
                    Some(fate) => matches!(fate, Fate::Joins(_)),
                    None => there.contains_key(&edge(pair)),
                }
            };
            return Ok(pairs.iter().filter(|pair| is_one(pair)).cloned().collect());
        }
        Err(StoreError::Conflict)
    }

    /// Those of these heads and edges that are there.
    async fn read_there(&self, sort_keys: &[String]) -> Result<There, StoreError> {
        // Collected first: a future that borrows from a closure's argument is not known to be
        // `Send`.
        let batches: Vec<_> = sort_keys
            .chunks(BATCH)
            .map(|batch| self.read_batch(batch))
            .collect();
        let batches = stream::iter(batches).buffer_unordered(BATCHES);
        let there: Vec<Vec<_>> = batches.try_collect().await?;
        Ok(there.into_iter().flatten().collect())
    }

    async fn read_batch(
        &self,
        sort_keys: &[String],
    ) -> Result<Vec<(String, Option<String>)>, StoreError> {
        // No batch has a key twice.
        let distinct: BTreeSet<&String> = sort_keys.iter().collect();
        let keys = distinct
            .into_iter()
            .map(|sort_key| self.key(sort_key.clone()));
        let mut there = Vec::with_capacity(sort_keys.len());
        self.get_batch(keys.collect(), |item| {
            let pending = optional_text(item, PENDING)?.map(str::to_owned);
            there.push((text(item, SORT_KEY)?.to_owned(), pending));
            Ok(())
        })
        .await?;
        Ok(there)
    }

    /// What a pending change does to those of these users for whom it is not carried out yet.
    async fn fates_for(
        &self,
        pending: &Pending,
        users: &[&ResourceId],
    ) -> Result<BTreeMap<ResourceId, Fate>, StoreError> {
        let mut fates = BTreeMap::new();
        if users.len() <= FEW {
            for user in users {
                let fate = self.fate(pending, user).await?;
                fates.extend(fate.map(|fate| ((*user).clone(), fate)));
            }
            return Ok(fates);
        }
        let mut all = pending.fates(self.pending_delta(pending).await?);
        fates.extend(users.iter().filter_map(|user| all.remove_entry(*user)));
        Ok(fates)
    }
}

/// The sort key of the edge of a pair.
fn edge((group, user): &Pair) -> String {
    keys::members::edge(group, user)
}
