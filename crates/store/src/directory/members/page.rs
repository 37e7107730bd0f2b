//! A part of the members of a group, cut from its edges: at the same cost in groups of any size.

use std::collections::BTreeMap;

use scim::ResourceId;
use scim::schema::GROUPS;

use super::pending::{Fate, LARGE};
use super::read::place;
use super::shard::Shards;
use crate::client::attributes::{number, optional, text};
use crate::client::tables::SORT_KEY;
use crate::directory::keys;
use crate::directory::keys::members::Place;
use crate::directory::range::Start;
use crate::{StoreError, TenantStore};

/// Where a part of the members begins, in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// At this 0-based index.
    Index(u64),
    /// At a member.
    From(Start),
}

/// A part of the members of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MembersPage {
    /// How many there are in all.
    pub total: u64,
    /// Their ids, in the order in which they are walked through.
    pub ids: Vec<ResourceId>,
    /// What the group counted before they were read.
    counted: Shards,
    /// Whether they are of one moment as far as large changes go.
    is_settled: bool,
}

/// How often a part is cut until it is of one moment as far as large changes go.
const ROUNDS: usize = 5;

impl TenantStore<'_> {
    /// How many members a group has, and at most `count` of them. A group that does not exist has
    /// none. The read of the group may go ahead of the check of the key.
    ///
    /// The shards say where an index is, so at most a sixteenth of the edges is passed over. Should
    /// a large change be decided meanwhile, the part may have some of it:
    /// [`Self::members_page_again`] is to be asked before it is shown.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn members_page(
        &self,
        group: &ResourceId,
        part: &Part,
        count: usize,
    ) -> Result<MembersPage, StoreError> {
        let Some(shards) = self.shards_of_existing(group).await? else {
            return Ok(MembersPage {
                is_settled: true,
                ..MembersPage::default()
            });
        };
        let membership = shards.membership();
        let total = membership.members;
        let (start, digit, skip) = match part {
            Part::From(start) => (start, '0', 0),
            Part::Index(index) => match shards.locate(*index) {
                Some((digit, skip)) => (&Start::First, digit, skip),
                None => {
                    return Ok(MembersPage {
                        total,
                        is_settled: true,
                        ..MembersPage::default()
                    });
                }
            },
        };
        let fates = match membership.pending {
            true if count > 0 => self.held_fates(group).await?,
            _ => BTreeMap::new(),
        };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let mut cut = Cut::new(&fates, start, digit, skip, count);
        self.cut(group, start, digit, &mut cut).await?;
        Ok(MembersPage {
            total,
            ids: cut.into_ids(),
            counted: shards,
            // Without edges it is what the shards say.
            is_settled: count == 0,
        })
    }

    /// The same part of the members once more, if the one that was read may have some of a large
    /// change: it is then of one moment.
    ///
    /// # Errors
    /// As [`Self::members_page`], and [`StoreError::Conflict`] when large changes kept coming.
    pub async fn members_page_again(
        &self,
        group: &ResourceId,
        part: &Part,
        count: usize,
        read: &MembersPage,
    ) -> Result<Option<MembersPage>, StoreError> {
        if read.is_settled || self.shards(group).await? == read.counted {
            return Ok(None);
        }
        let mut large = self.large_changes(group).await?;
        for _ in 0..ROUNDS {
            let page = self.members_page(group, part, count).await?;
            let before = std::mem::replace(&mut large, self.large_changes(group).await?);
            if before == large {
                let is_settled = true;
                return Ok(Some(MembersPage { is_settled, ..page }));
            }
        }
        Err(StoreError::Conflict)
    }

    /// How many large changes a group has had.
    async fn large_changes(&self, group: &ResourceId) -> Result<u64, StoreError> {
        let head = keys::members::head(group);
        let head = self.get_item(head, self.accepted_only()).await?;
        let large = head
            .map(|head| optional(&head, LARGE, number))
            .transpose()?;
        Ok(large.flatten().unwrap_or_default())
    }

    /// The shards of a group that exists.
    async fn shards_of_existing(&self, group: &ResourceId) -> Result<Option<Shards>, StoreError> {
        let mut exists = false;
        let mut shards = Shards::default();
        let query = self.query_prefix(keys::resource(&GROUPS, group));
        self.each_when(query, self.ahead(), |item| {
            match keys::members::shard_group(text(item, SORT_KEY)?) {
                Some(_) => shards.add(item)?,
                None => exists = true,
            }
            Ok(true)
        })
        .await?;
        Ok(exists.then_some(shards))
    }

    async fn held_fates(
        &self,
        group: &ResourceId,
    ) -> Result<BTreeMap<ResourceId, Fate>, StoreError> {
        let Some(pending) = self.pending(group).await? else {
            return Ok(BTreeMap::new());
        };
        let delta = self.pending_delta(&pending).await?;
        Ok(pending.fates(delta))
    }

    /// Shows a cut the edges that it may need.
    async fn cut(
        &self,
        group: &ResourceId,
        start: &Start,
        digit: char,
        cut: &mut Cut<'_>,
    ) -> Result<(), StoreError> {
        if cut.is_full() {
            return Ok(());
        }
        let first = keys::members::edges_from(group, digit);
        let last = keys::members::tail(group);
        let (from, to) = match start {
            Start::First => (first, last),
            Start::After(id) => (keys::members::edge(group, id), last),
            Start::Before(id) => (first, keys::members::edge(group, id)),
        };
        let query = self
            .query_between(from, to)
            .scan_index_forward(cut.is_forward)
            .set_limit(i32::try_from(cut.reach()).ok());
        self.each(query, |item| {
            if let (_, Place::Edge(id)) = place(item)?
                && start.admits(&id)
            {
                cut.pass(id);
            }
            Ok(!cut.is_full())
        })
        .await
    }
}

/// What is cut from the edges of a group, with a pending change laid over them.
struct Cut<'f> {
    fates: &'f BTreeMap<ResourceId, Fate>,
    /// Who becomes a member and was not passed yet, the next one last.
    joins: Vec<&'f ResourceId>,
    is_forward: bool,
    skip: usize,
    count: usize,
    ids: Vec<ResourceId>,
}

impl<'f> Cut<'f> {
    /// The part from `start` on, of those whose ids start with `digit` or a higher one.
    fn new(
        fates: &'f BTreeMap<ResourceId, Fate>,
        start: &Start,
        digit: char,
        skip: usize,
        count: usize,
    ) -> Self {
        let is_forward = !matches!(start, Start::Before(_));
        let mut joins: Vec<_> = fates
            .iter()
            .filter(|(_, fate)| matches!(fate, Fate::Joins(_)))
            .map(|(id, _)| id)
            .filter(|id| start.admits(id) && keys::members::digit(id) >= digit)
            .collect();
        if is_forward {
            joins.reverse();
        }
        Self {
            fates,
            joins,
            is_forward,
            skip,
            count,
            ids: Vec::new(),
        }
    }

    /// How many edges it takes at most, with the one to start at and the tail.
    fn reach(&self) -> usize {
        let shown = self.skip.saturating_add(self.count);
        shown.saturating_add(self.fates.len()).saturating_add(2)
    }

    fn is_full(&self) -> bool {
        self.ids.len() >= self.count
    }

    /// Takes in an edge to this user.
    fn pass(&mut self, id: ResourceId) {
        while let Some(join) = self.joins.last()
            && (if self.is_forward {
                **join < id
            } else {
                **join > id
            })
        {
            let join = (*join).clone();
            self.joins.pop();
            self.push(join);
        }
        // Who becomes a member is pushed when the next one is passed.
        if !self.fates.contains_key(&id) {
            self.push(id);
        }
    }

    fn push(&mut self, id: ResourceId) {
        if self.skip > 0 {
            self.skip -= 1;
        } else if !self.is_full() {
            self.ids.push(id);
        }
    }

    /// The ids, once the edges are passed.
    fn into_ids(mut self) -> Vec<ResourceId> {
        while let Some(join) = self.joins.pop() {
            self.push(join.clone());
        }
        self.ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> ResourceId {
        ResourceId::parse(&format!("{number:08x}-0000-4000-8000-000000000000")).unwrap()
    }

    /// What is cut from edges to these users.
    fn cut(
        edges: &[u32],
        fates: &BTreeMap<ResourceId, Fate>,
        start: &Start,
        skip: usize,
    ) -> Vec<ResourceId> {
        let mut cut = Cut::new(fates, start, '0', skip, 3);
        let mut edges: Vec<_> = edges.iter().map(|number| id(*number)).collect();
        if !cut.is_forward {
            edges.reverse();
        }
        for edge in edges.into_iter().filter(|id| start.admits(id)) {
            cut.pass(edge);
        }
        cut.into_ids()
    }

    #[test]
    fn a_part_is_cut_from_the_edges_with_the_pending_change_laid_over_them() {
        let none = BTreeMap::new();
        let fates = BTreeMap::from([
            (id(1), Fate::Joins(None)),
            (id(4), Fate::Parts),
            (id(5), Fate::Joins(None)),
            (id(9), Fate::Joins(None)),
        ]);
        let edges = [2, 3, 4, 5, 6];
        // With the change: 1 2 3 5 6 9.
        for (fates, start, skip, expected) in [
            (&none, Start::First, 0, &[2, 3, 4][..]),
            (&none, Start::After(id(4)), 0, &[5, 6]),
            (&none, Start::Before(id(6)), 0, &[5, 4, 3]),
            (&fates, Start::First, 0, &[1, 2, 3]),
            (&fates, Start::First, 2, &[3, 5, 6]),
            (&fates, Start::First, 4, &[6, 9]),
            (&fates, Start::First, 6, &[]),
            (&fates, Start::After(id(3)), 0, &[5, 6, 9]),
            (&fates, Start::After(id(4)), 1, &[6, 9]),
            (&fates, Start::Before(id(9)), 0, &[6, 5, 3]),
            (&fates, Start::Before(id(3)), 0, &[2, 1]),
        ] {
            let expected: Vec<_> = expected.iter().map(|number| id(*number)).collect();
            assert_eq!(
                cut(&edges, fates, &start, skip),
                expected,
                "{start:?} {skip}"
            );
        }
    }
}
