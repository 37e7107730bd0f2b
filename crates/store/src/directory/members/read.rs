//! Reading the members of groups.
//!
//! A large change is decided at once and carried out in steps. No reader may see a part of it: the
//! edges of a group lie between a head and a tail, which count its large changes. If they agree
//! and the head knows of no pending change but the one that is laid over the edges, then the edges
//! are those of one moment as far as large changes go.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use scim::{Membership, ResourceId};

use super::edge::DISPLAY;
use super::pending::{Fate, LARGE};
use super::shard::PENDING;
use crate::client::attributes::{Item, damaged, number, optional, optional_text, text};
use crate::client::tables::SORT_KEY;
use crate::directory::keys;
use crate::directory::keys::members::Place;
use crate::{StoreError, TenantStore};

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The user's id.
    pub id: ResourceId,
    /// What the client calls the user.
    pub display: Option<String>,
}

/// What clients call a member is held as well: so many bytes of it count as another member.
const BYTES_OF_ONE: usize = 64;

impl Member {
    fn weight(&self) -> usize {
        1 + self.display.as_ref().map_or(0, String::len) / BYTES_OF_ONE
    }
}

/// A group whose members are to be read: its id, and what was read of it.
pub type Wanted = (ResourceId, Membership);

/// How often the edges of a group are read until they are those of one moment. More than twice
/// takes a large change that is decided meanwhile, and those take seconds each.
const ROUNDS: usize = 5;

/// How many groups or users are read at a time.
pub(super) const CONCURRENCY: usize = 16;

/// How many edges of others are passed over until the edges of each group, or user, are read by
/// themselves: those of deleted ones lie among them.
pub(super) const PASSED_OVER: usize = 2_000;

/// How many edges may be read.
#[derive(Debug)]
pub(crate) struct Limit {
    left: AtomicUsize,
    accepted: usize,
}

impl Limit {
    pub fn new(accepted: usize) -> Self {
        Self {
            left: AtomicUsize::new(accepted),
            accepted,
        }
    }

    /// Counts an edge.
    ///
    /// # Errors
    /// [`StoreError::TooManyEdges`] when it is one more than may be read.
    pub fn take(&self) -> Result<(), StoreError> {
        self.take_as(1)
    }

    /// Counts an edge as several.
    fn take_as(&self, several: usize) -> Result<(), StoreError> {
        let taken = self
            .left
            .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(several));
        taken.map(drop).map_err(|_| StoreError::TooManyEdges {
            accepted: self.accepted as u64,
        })
    }

    /// Lets edges be read again.
    pub fn give_back(&self, edges: usize) {
        self.left.fetch_add(edges, Relaxed);
    }
}

/// The edges of a group as they were read.
#[derive(Debug, Default)]
struct Edges {
    members: Vec<Member>,
    /// How many large changes there had been when the reading began, and when it ended.
    large: [u64; 2],
    /// The record of the change that was pending when it began.
    pending: Option<String>,
}

/// A pending change that was read before the edges.
struct Held {
    record: String,
    fates: BTreeMap<ResourceId, Fate>,
}

impl Edges {
    fn add(&mut self, item: &Item, place: Place, limit: &Limit) -> Result<(), StoreError> {
        let large = || optional(item, LARGE, number).map(Option::unwrap_or_default);
        match place {
            Place::Head => {
                self.pending = optional_text(item, PENDING)?.map(str::to_owned);
                self.large[0] = large()?;
            }
            Place::Tail => self.large[1] = large()?,
            Place::Edge(id) => {
                let display = optional_text(item, DISPLAY)?.map(str::to_owned);
                let member = Member { id, display };
                limit.take_as(member.weight())?;
                self.members.push(member);
            }
        }
        Ok(())
    }

    fn weight(&self) -> usize {
        self.members.iter().map(Member::weight).sum()
    }

    /// The members, if the edges are those of one moment with what is held laid over them.
    fn settle(self, held: Option<&Held>) -> Result<Vec<Member>, Self> {
        let [before, after] = self.large;
        if before != after {
            return Err(self);
        }
        match (&self.pending, held) {
            (None, _) => Ok(self.members),
            (Some(record), Some(held)) if *record == held.record => {
                Ok(overlay(self.members, &held.fates))
            }
            _ => Err(self),
        }
    }
}

/// Lays a pending change over members, in the order of their ids.
fn overlay(members: Vec<Member>, fates: &BTreeMap<ResourceId, Fate>) -> Vec<Member> {
    let joins = fates.iter().filter_map(|(id, fate)| match fate {
        Fate::Joins(display) => Some(Member {
            id: id.clone(),
            display: display.clone(),
        }),
        Fate::Parts => None,
    });
    let others = members
        .into_iter()
        .filter(|member| !fates.contains_key(&member.id));
    let mut all: Vec<Member> = others.chain(joins).collect();
    // Two runs in order: the stable sort merges them.
    all.sort_by(|one, other| one.id.cmp(&other.id));
    all
}

impl TenantStore<'_> {
    /// The members of a group that was read before, in the order of their ids: with all changes
    /// that were decided by then.
    ///
    /// # Errors
    /// [`StoreError::TooManyEdges`] when there are more than `at_most`, [`StoreError::Conflict`]
    /// when large changes kept coming, failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn members(
        &self,
        (group, membership): &Wanted,
        at_most: usize,
    ) -> Result<Vec<Member>, StoreError> {
        self.members_within(group, membership.pending, &Limit::new(at_most))
            .await
    }

    pub(crate) async fn members_within(
        &self,
        group: &ResourceId,
        mut is_pending: bool,
        limit: &Limit,
    ) -> Result<Vec<Member>, StoreError> {
        let mut held = None;
        for _ in 0..ROUNDS {
            if is_pending {
                held = self.held(group).await?;
            }
            let mut edges = Edges::default();
            let (head, tail) = (keys::members::head(group), keys::members::tail(group));
            self.each(self.query_between(head, tail), |item| {
                let (_, place) = place(item)?;
                edges.add(item, place, limit)?;
                Ok(true)
            })
            .await?;
            match edges.settle(held.as_ref()) {
                Ok(members) => return Ok(members),
                Err(edges) => limit.give_back(edges.weight()),
            }
            is_pending = true;
        }
        Err(StoreError::Conflict)
    }

    /// The pending change of a group, with what becomes of whom.
    async fn held(&self, group: &ResourceId) -> Result<Option<Held>, StoreError> {
        let Some(pending) = self.pending(group).await? else {
            return Ok(None);
        };
        let delta = self.pending_delta(&pending).await?;
        Ok(Some(Held {
            fates: pending.fates(delta),
            record: pending.record,
        }))
    }

    /// The members of some groups that were read before, which are in the order of their ids. If
    /// these are all groups of a range, one Query reads the edges of all.
    ///
    /// # Errors
    /// As [`Self::members`], with `at_most` of all groups together.
    pub async fn members_of_groups(
        &self,
        groups: &[Wanted],
        are_a_range: bool,
        at_most: usize,
    ) -> Result<HashMap<ResourceId, Vec<Member>>, StoreError> {
        let limit = &Limit::new(at_most);
        let has_any = |(_, membership): &&Wanted| membership.members > 0 || membership.pending;
        let groups: Vec<&Wanted> = groups.iter().filter(has_any).collect();
        let mut members = match (groups.as_slice(), are_a_range) {
            ([first, .., last], true) => {
                let pending = groups
                    .iter()
                    .map(|(id, membership)| (id, membership.pending));
                self.members_in_range(&first.0, &last.0, &pending.collect(), limit)
                    .await?
            }
            _ => HashMap::new(),
        };
        let rest: Vec<_> = groups
            .into_iter()
            .filter(|(id, _)| !members.contains_key(id))
            .map(|(id, membership)| async move {
                let read = self.members_within(id, membership.pending, limit).await?;
                Ok::<_, StoreError>((id.clone(), read))
            })
            .collect();
        let rest: Vec<_> = stream::iter(rest)
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await?;
        members.extend(rest);
        Ok(members)
    }

    /// Those groups of a range whose edges can be read in one go: no change is pending, and not too
    /// many edges of deleted groups lie before them.
    async fn members_in_range(
        &self,
        first: &ResourceId,
        last: &ResourceId,
        pending: &HashMap<&ResourceId, bool>,
        limit: &Limit,
    ) -> Result<HashMap<ResourceId, Vec<Member>>, StoreError> {
        let mut read = BTreeMap::<ResourceId, Edges>::new();
        let mut passed_over = 0;
        let mut end = None;
        let (head, tail) = (keys::members::head(first), keys::members::tail(last));
        self.each(self.query_between(head, tail), |item| {
            let (group, place) = place(item)?;
            if pending.contains_key(&group) {
                read.entry(group).or_default().add(item, place, limit)?;
                return Ok(true);
            }
            passed_over += 1;
            if passed_over > PASSED_OVER {
                end = Some(group);
            }
            Ok(end.is_none())
        })
        .await?;
        let mut members = HashMap::new();
        for (id, is_pending) in pending {
            if *is_pending || end.as_ref().is_some_and(|end| *id > end) {
                continue;
            }
            // A group may have lost its last edge since.
            let edges = read.remove(*id).unwrap_or_default();
            match edges.settle(None) {
                Ok(settled) => _ = members.insert((*id).clone(), settled),
                Err(edges) => limit.give_back(edges.weight()),
            }
        }
        // What was read of the others is read again.
        limit.give_back(read.values().map(Edges::weight).sum());
        Ok(members)
    }
}

/// Where an item of the edges of a group belongs.
pub(super) fn place(item: &Item) -> Result<(ResourceId, Place), StoreError> {
    keys::members::place(text(item, SORT_KEY)?).ok_or_else(|| damaged(item, SORT_KEY))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> ResourceId {
        ResourceId::parse(&format!("{number:08x}-0000-4000-8000-000000000000")).unwrap()
    }

    fn member(number: u32, display: Option<&str>) -> Member {
        Member {
            id: id(number),
            display: display.map(str::to_owned),
        }
    }

    #[test]
    fn a_pending_change_decides_for_those_whom_it_names() {
        let fates = BTreeMap::from([
            (id(1), Fate::Joins(Some("one".to_owned()))),
            (id(2), Fate::Parts),
            (id(3), Fate::Joins(None)),
            (id(9), Fate::Parts),
        ]);
        let members = vec![
            member(0, None),
            member(2, None),
            member(3, Some("old")),
            member(4, Some("four")),
        ];
        assert_eq!(
            overlay(members.clone(), &fates),
            [
                member(0, None),
                member(1, Some("one")),
                member(3, None),
                member(4, Some("four"))
            ]
        );
        assert_eq!(overlay(members.clone(), &BTreeMap::new()), members);
    }

    #[test]
    fn edges_of_two_moments_are_not_taken_for_those_of_one() {
        let edges = |large, pending: Option<&str>| Edges {
            members: vec![member(1, None)],
            large,
            pending: pending.map(str::to_owned),
        };
        let held = Held {
            record: "r".to_owned(),
            fates: BTreeMap::from([(id(1), Fate::Parts)]),
        };
        assert_eq!(edges([2, 2], None).settle(None).unwrap().len(), 1);
        assert!(edges([2, 3], None).settle(None).is_err());
        assert!(edges([3, 3], Some("r")).settle(None).is_err());
        assert!(edges([3, 3], Some("s")).settle(Some(&held)).is_err());
        assert!(edges([3, 4], Some("r")).settle(Some(&held)).is_err());
        assert_eq!(edges([3, 3], Some("r")).settle(Some(&held)).unwrap(), []);
        // It was carried out before the edges were read: they may have changed again since.
        assert_eq!(edges([3, 3], None).settle(Some(&held)).unwrap().len(), 1);
    }

    #[test]
    fn a_limit_ends() {
        let limit = Limit::new(2);
        assert!(limit.take().is_ok() && limit.take().is_ok());
        let error = limit.take().unwrap_err();
        assert!(matches!(error, StoreError::TooManyEdges { accepted: 2 }));
        limit.give_back(1);
        assert!(limit.take().is_ok());
    }
}
