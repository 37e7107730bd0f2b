//! What is known of those whom a change names: who is a member already, and who is nobody.
//!
//! A change can name twenty thousand. A point read is billed as a whole unit however small its
//! item, so whoever is wanted is read in one piece with those between them where that is cheaper.
//! And what was read is kept for the next attempt, by the digits of the ids: the shard of a digit
//! says that no membership has changed since, its fence that no user was deleted.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use scim::ResourceId;
use scim::Stored;
use scim::members::{Effect, MemberChange};
use scim::schema::USERS;
use time::OffsetDateTime;

use super::Delta;
use super::change::MembersChanged;
use super::edge::{JOINED_AT, joined_at};
use super::fence::Fences;
use super::pending::REPLACED;
use super::record::LeftOut;
use super::shard::Shards;
use crate::client::attributes::{Item, number, optional, text};
use crate::client::tables::SORT_KEY;
use crate::directory::keys;
use crate::directory::keys::members::digit;
use crate::directory::parts::Expectation;
use crate::directory::read::BATCH;
use crate::{StoreError, TenantStore};

/// How many may stop being members by one request that does not name them.
const MAX_REMOVED: usize = 100_000;

/// How many edges a unit reads in one piece.
const EDGES_PER_UNIT: u64 = 48;

/// How many users a unit reads in one piece, if they are ordinary ones.
const USERS_PER_UNIT: u64 = 4;

/// How many pieces are read at a time.
const PIECES: usize = 4;

/// What is known of those whom a change names.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub delta: Delta,
    pub left_out: BTreeSet<String>,
    /// How many were to become members and are users.
    users: usize,
    /// How often the members were replaced so far, if they are replaced.
    pub replaced: Option<u64>,
}

impl Known {
    /// Everybody as the client says, before anything was read.
    pub fn of(change: &MemberChange) -> Self {
        let mut known = Self {
            left_out: change.unknown().clone(),
            ..Self::default()
        };
        for (id, effect) in change.named() {
            match effect {
                Effect::Put(display) => {
                    known.delta.added.insert(id.clone(), display.clone());
                    known.users += 1;
                }
                Effect::Remove => {
                    known.delta.removed.insert(id.clone());
                }
                Effect::Keep => {}
            }
        }
        known
    }

    /// Takes in why a transaction was cancelled. Returns whether anything was new.
    pub fn learn(&mut self, failed: Vec<Expectation>) -> bool {
        failed
            .into_iter()
            .fold(false, |is_new, failed| match failed {
                Expectation::NoMember(id) => self.delta.added.remove(&id).is_some() || is_new,
                Expectation::Member(id) => self.delta.removed.remove(&id) || is_new,
                Expectation::User(id) => self.is_nobody(&id) || is_new,
                _ => is_new,
            })
    }

    fn is_nobody(&mut self, id: &ResourceId) -> bool {
        self.left_out.insert(id.to_string());
        self.users = self.users.saturating_sub(1);
        self.delta.added.remove(id).is_some()
    }

    /// # Errors
    /// [`StoreError::Nobody`] when there were some to become members, and none of them is a user.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.users > 0 || self.left_out.is_empty() {
            return Ok(());
        }
        Err(StoreError::Nobody {
            named: self.left_out.clone(),
        })
    }

    pub fn changed(self, before: &Stored, is_pending: bool) -> MembersChanged {
        MembersChanged {
            added: self.delta.added.len() as u64,
            removed: self.delta.removed.len() as u64,
            left_out: self.left_out,
            is_pending,
            before: before.meta.membership.members,
        }
    }

    pub fn left_out(&self) -> LeftOut<'_> {
        LeftOut(&self.left_out)
    }
}

/// What the attempts at a change have read.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Which of those named were members, when a shard had changed so often.
    members: BTreeMap<char, (Option<u64>, BTreeSet<ResourceId>)>,
    /// Who was asked for and whether there is such a user, when so many had been deleted.
    users: BTreeMap<char, (u64, BTreeMap<ResourceId, bool>)>,
    /// When the latest of the members became one whose edges were read.
    pub latest: Option<OffsetDateTime>,
}

impl TenantStore<'_> {
    /// What a change comes to, from who is a member and who is a user. `shards` and `fences` were
    /// read before.
    ///
    /// # Errors
    /// [`StoreError::TooManyMembers`] when too many would be removed, failures of DynamoDB, and
    /// [`StoreError::Damaged`].
    pub(super) async fn known(
        &self,
        group: &ResourceId,
        change: &MemberChange,
        (shards, fences): (&Shards, &Fences),
        seen: &mut Seen,
    ) -> Result<Known, StoreError> {
        let mut known = Known::of(change);
        // Boxed: the futures of calls are large, and there are several.
        let present = if change.clears() {
            let (present, replaced) = Box::pin(self.member_ids(group, &mut seen.latest)).await?;
            known.replaced = Some(replaced);
            let stays = |id: &&ResourceId| !change.named().contains_key(id);
            let removed = &mut known.delta.removed;
            removed.extend(present.iter().filter(stays).cloned());
            present
        } else {
            Box::pin(self.members_named(group, change, shards, seen)).await?
        };
        known.delta.removed.retain(|id| present.contains(id));
        if known.delta.removed.len() > MAX_REMOVED {
            return Err(StoreError::TooManyMembers {
                removed: known.delta.removed.len() as u64,
                accepted: MAX_REMOVED as u64,
            });
        }
        known.delta.added.retain(|id, _| !present.contains(id));
        let added: Vec<ResourceId> = known.delta.added.keys().cloned().collect();
        Box::pin(self.look_for_users(&added, fences, seen)).await?;
        for id in &added {
            let of_digit = seen.users.get(&digit(id));
            if of_digit.and_then(|(_, users)| users.get(id)) != Some(&true) {
                known.is_nobody(id);
            }
        }
        Ok(known)
    }

    /// Those named that are members.
    async fn members_named(
        &self,
        group: &ResourceId,
        change: &MemberChange,
        shards: &Shards,
        seen: &mut Seen,
    ) -> Result<BTreeSet<ResourceId>, StoreError> {
        let named = change.named();
        if shards.membership().members <= (named.len() as u64).saturating_mul(EDGES_PER_UNIT) {
            return Ok(self.member_ids(group, &mut seen.latest).await?.0);
        }
        seen.members
            .retain(|digit, (changes, _)| *changes == shards.changes(*digit));
        let is_new = |id: &&ResourceId| !seen.members.contains_key(&digit(id));
        let wanted: Vec<&ResourceId> = named.keys().filter(is_new).collect();
        let edges = wanted.iter().map(|id| keys::members::edge(group, id));
        let read = |item: &Item| Ok((text(item, SORT_KEY)?.to_owned(), joined_at(item)?));
        let attributes = format!("{SORT_KEY}, {JOINED_AT}");
        let there = self.there_as(edges.collect(), &attributes, read);
        let there: BTreeMap<String, _> = there.await?.into_iter().collect();
        let latest = there.values().copied().max().flatten();
        seen.latest = seen.latest.max(latest);
        for id in wanted {
            let digit = digit(id);
            let of_digit = seen.members.entry(digit);
            let (_, members) = of_digit.or_insert_with(|| (shards.changes(digit), BTreeSet::new()));
            if there.contains_key(&keys::members::edge(group, id)) {
                members.insert(id.clone());
            }
        }
        let members = seen.members.values().flat_map(|(_, members)| members);
        Ok(members.cloned().collect())
    }

    /// Looks which of these ids are users', as far as it is not known.
    async fn look_for_users(
        &self,
        ids: &[ResourceId],
        fences: &Fences,
        seen: &mut Seen,
    ) -> Result<(), StoreError> {
        let deleted = |digit: char| fences.get(&digit).copied().unwrap_or_default().deleted;
        seen.users
            .retain(|digit, (read, _)| *read == deleted(*digit));
        let mut wanted = BTreeMap::<char, Vec<&ResourceId>>::new();
        for id in ids {
            let of_digit = seen.users.get(&digit(id));
            if of_digit.is_none_or(|(_, users)| !users.contains_key(id)) {
                wanted.entry(digit(id)).or_default().push(id);
            }
        }
        let there = self.users_there(&wanted).await?;
        for (digit, ids) in wanted {
            let of_digit = seen.users.entry(digit);
            let (_, users) = of_digit.or_insert_with(|| (deleted(digit), BTreeMap::new()));
            for id in ids {
                users.insert(id.clone(), there.contains(&keys::resource(&USERS, id)));
            }
        }
        Ok(())
    }

    /// The sort keys of those of these that are users, and of other users.
    async fn users_there(
        &self,
        wanted: &BTreeMap<char, Vec<&ResourceId>>,
    ) -> Result<BTreeSet<String>, StoreError> {
        let mut one_by_one = wanted.clone();
        let mut there = BTreeSet::new();
        let all = wanted.values().map(Vec::len).sum::<usize>();
        if all > BATCH {
            let counts = self.counts_by_digit(&USERS).await?;
            let is_dense = |(digit, ids): &(&char, &Vec<&ResourceId>)| {
                let users = counts.get(digit).copied().unwrap_or_default();
                users <= (ids.len() as u64).saturating_mul(USERS_PER_UNIT)
            };
            // What they cost one by one: larger users than ordinary ones cost more in one piece.
            let limit = self.meter.cost().read_units + all as f64;
            let dense: Vec<_> = wanted
                .iter()
                .filter(is_dense)
                .map(|(digit, _)| self.users_of_digit(*digit, limit))
                .collect();
            let mut dense = stream::iter(dense).buffer_unordered(PIECES);
            while let Some((digit, users)) = dense.try_next().await? {
                if let Some(users) = users {
                    there.extend(users);
                    one_by_one.remove(&digit);
                }
            }
        }
        let rest = one_by_one.values().flatten();
        let rest = rest.map(|id| keys::resource(&USERS, id)).collect();
        there.extend(self.there(rest).await?);
        Ok(there)
    }

    /// The sort keys of all users whose ids start with a digit; `None` if they are not read before
    /// the request has cost so many units.
    async fn users_of_digit(
        &self,
        digit: char,
        limit: f64,
    ) -> Result<(char, Option<Vec<String>>), StoreError> {
        let is_cheap = || self.meter.cost().read_units <= limit;
        if !is_cheap() {
            return Ok((digit, None));
        }
        let (mut users, mut is_whole) = (Vec::new(), true);
        let prefix = keys::resources_from(&USERS, &digit.to_string());
        let query = self.query_prefix(prefix).projection_expression(SORT_KEY);
        self.each(query, |item| {
            users.push(text(item, SORT_KEY)?.to_owned());
            is_whole = is_cheap();
            Ok(is_whole)
        })
        .await?;
        Ok((digit, is_whole.then_some(users)))
    }

    /// The ids of a group's members, if no change is pending, and how often they were replaced.
    async fn member_ids(
        &self,
        group: &ResourceId,
        latest: &mut Option<OffsetDateTime>,
    ) -> Result<(BTreeSet<ResourceId>, u64), StoreError> {
        let mut ids = BTreeSet::new();
        let mut replaced = 0;
        let head = keys::members::head(group);
        let query = self.query_between(head.clone(), keys::members::tail(group));
        self.each(query, |item| {
            let sort_key = text(item, SORT_KEY)?;
            if sort_key == head {
                replaced = optional(item, REPLACED, number)?.unwrap_or_default();
            }
            *latest = (*latest).max(joined_at(item)?);
            // Head and tail are no edges.
            ids.extend(keys::members::ends(sort_key).map(|(_, user)| user));
            Ok(true)
        })
        .await?;
        Ok((ids, replaced))
    }
}
