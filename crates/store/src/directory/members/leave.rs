//! Users who are deleted leave their groups (`returning` brings them back when they are restored).
//!
//! Who is deleted leaves all groups in the transaction of the deletion, as far as it has room;
//! those beyond are left before, some at a time. Each of these is a change of its group with a
//! record of its own, for the deletion may come to nothing after it. What could become a membership
//! in the meantime is excluded: a user's item notes each group that it joins, and a large change
//! that names users raises the fence before them. A deletion that has not seen one of the two
//! fails, and begins again.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use scim::resource::later;
use scim::{ResourceId, Stored};
use time::OffsetDateTime;
use uuid::Uuid;

use super::edge::{LEFT, joined_at};
use super::fence::Fence;
use super::pending::{Fate, GONE, Pending, SEQUENCE};
use super::record::LeftOut;
use super::shard::{Expected, Moved};
use super::{Delta, Moves};
use crate::client::attributes::{number_of, optional_text, text};
use crate::client::tables::SORT_KEY;
use crate::client::transaction::MAX_ACTIONS;
use crate::directory::keys;
use crate::directory::parts::{Expectation, Parts};
use crate::directory::record::Origin;
use crate::{StoreError, TenantStore};

/// How many actions a transaction takes for each group that is left or come back to, besides its
/// record if it has one of its own.
pub(super) const ACTIONS: usize = 3;

/// How many groups a transaction leaves that does nothing else, besides the check of a fence, and
/// that of an operator's work.
const AT_ONCE: usize = (MAX_ACTIONS - 2) / (ACTIONS + 1);

/// The groups of a user who is about to be deleted.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    /// Each with the time since when the user is a member, unless an earlier release wrote the
    /// edge.
    groups: BTreeMap<ResourceId, Option<OffsetDateTime>>,
    /// Pending changes that make the user a member.
    late: Vec<Pending>,
    /// The fence of the user.
    fence: Fence,
    /// Whether nobody is to be restored: no edge stays to come back by.
    is_for_good: bool,
}

impl Leaving {
    /// The same for a user who is not to be restored.
    pub fn for_good(self) -> Self {
        Self {
            is_for_good: true,
            ..self
        }
    }

    /// How many actions it takes to leave none of the groups.
    fn least(&self) -> usize {
        // The fence; and each of them, with the shard of its group. They are counted as groups that
        // are left, for a restoration has to come back to them too.
        1 + ACTIONS * self.late.len()
    }

    /// How many groups a transaction with room for so many actions can leave, of which others take
    /// so many.
    pub fn room(&self, all: usize, others: usize) -> usize {
        all.saturating_sub(others + self.least()) / ACTIONS
    }

    /// All groups that the deletion leaves.
    pub fn all(&self) -> BTreeSet<&ResourceId> {
        let late = self.late.iter().map(|pending| &pending.group);
        self.groups.keys().chain(late).collect()
    }
}

impl TenantStore<'_> {
    /// The groups of a user who is about to be deleted.
    pub(crate) async fn leaving(&self, user: &ResourceId) -> Result<Leaving, StoreError> {
        let mut leaving = Leaving::default();
        let mut all = Vec::new();
        // The fence is read before the pending changes, and these before the edges: what is read
        // later may be newer, and is then noticed.
        let fence = keys::members::fence(keys::members::digit(user));
        let query = self.query_between(fence.clone(), keys::members::PENDING_END.to_owned());
        self.each(query, |item| {
            let sort_key = text(item, SORT_KEY)?;
            if sort_key == fence {
                leaving.fence = Fence::read(item)?;
            } else if !sort_key.starts_with(keys::members::FENCES) {
                all.push(Pending::read(item)?);
            }
            Ok(true)
        })
        .await?;
        let mut parted = BTreeSet::new();
        for pending in all {
            match self.fate(&pending, user).await? {
                Some(Fate::Joins(_)) => leaving.late.push(pending),
                Some(Fate::Parts) => _ = parted.insert(pending.group),
                None => {}
            }
        }
        let query = self.query_prefix(keys::members::edges_of_user(user));
        self.each(query, |item| {
            let group = keys::members::ends(text(item, SORT_KEY)?).map(|(_, group)| group);
            let is_member = optional_text(item, LEFT)?.is_none();
            let group = group.filter(|group| is_member && !parted.contains(group));
            let since = joined_at(item)?;
            leaving.groups.extend(group.map(|group| (group, since)));
            Ok(true)
        })
        .await?;
        // What was pending when it was read may have been carried out since.
        let Leaving { groups, late, .. } = &mut leaving;
        late.retain(|pending| !groups.contains_key(&pending.group));
        Ok(leaving)
    }

    /// Leaves as many groups as there are too many for the deletion itself.
    pub(crate) async fn leave_before(
        &self,
        user: &ResourceId,
        leaving: &mut Leaving,
        others: usize,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        let room = leaving.room(self.room(), others);
        while leaving.groups.len() > room {
            let excess = leaving.groups.len() - room;
            let some = leaving.groups.iter().take(excess.min(AT_ONCE));
            let groups: Vec<ResourceId> = some.map(|(group, _)| group.clone()).collect();
            Box::pin(self.leave_some(user, &groups, leaving, origin)).await?;
            leaving.groups.retain(|group, _| !groups.contains(group));
        }
        Ok(())
    }

    /// Leaves some of the groups before the deletion.
    async fn leave_some(
        &self,
        user: &ResourceId,
        groups: &[ResourceId],
        leaving: &Leaving,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        let digit = keys::members::digit(user);
        let parted = self.last_parted(groups.iter(), digit).await?;
        let mut parts = Parts::default();
        // A large change that was decided since may have ended one of the memberships; then it is
        // counted, and must not be counted again.
        let fence = self.check_fence(digit, leaving.fence)?;
        parts.push(fence, Expectation::Unmoved);
        let delta = Delta {
            removed: BTreeSet::from([user.clone()]),
            ..Delta::default()
        };
        let nobody = BTreeSet::new();
        let mut proof = None;
        for group in groups {
            // Later than all that happened to this membership.
            let joined = leaving.groups.get(group).copied().flatten();
            let parted = parted.get(group).copied();
            let at = [joined, parted].into_iter().flatten();
            let at = at.fold(origin.at, later);
            match leaving.is_for_good {
                true => self.part((group, user), Some(at), &mut parts)?,
                false => self.leave((group, user), at, true, &mut parts)?,
            }
            self.count_one_less(group, digit, at, true, &mut parts)?;
            let change = ResourceId::from_bytes(Uuid::new_v4().as_bytes());
            let record = keys::members::member_record(group, at, &change);
            let record = self.member_record_item(origin, record, &delta, LeftOut(&nobody));
            if let Some(earlier) = proof.replace(record) {
                parts.push(self.put(earlier)?, Expectation::Nothing);
            }
        }
        match proof {
            Some(record) => self.send_all(parts, record).await,
            None => Ok(()),
        }
    }

    /// The parts of a user's deletion that leave the groups.
    pub(crate) fn leave_now(
        &self,
        user: &Stored,
        leaving: &Leaving,
        at: OffsetDateTime,
        parts: &mut Parts,
    ) -> Result<(), StoreError> {
        let digit = keys::members::digit(&user.id);
        for group in leaving.groups.keys() {
            match leaving.is_for_good {
                true => self.part((group, &user.id), None, parts)?,
                false => self.leave((group, &user.id), at, false, parts)?,
            }
            self.count_one_less(group, digit, at, false, parts)?;
        }
        for pending in &leaving.late {
            let gone = Update::builder()
                .table_name(self.table())
                .set_key(Some(self.key(keys::members::pending(&pending.group))))
                .update_expression("ADD #gone :user, #sequence :one")
                .condition_expression("#sequence = :read")
                .expression_attribute_names("#gone", GONE)
                .expression_attribute_names("#sequence", SEQUENCE)
                .expression_attribute_values(":user", AttributeValue::Ss(vec![user.id.to_string()]))
                .expression_attribute_values(":one", number_of(1))
                .expression_attribute_values(":read", number_of(pending.sequence))
                .build()?;
            let gone = TransactWriteItem::builder().update(gone).build();
            parts.push(gone, Expectation::Unmoved);
            self.count_one_less(&pending.group, digit, at, false, parts)?;
        }
        let fence = self.delete_at(digit, leaving.fence)?;
        parts.push(fence, Expectation::Unmoved);
        Ok(())
    }

    /// `is_told`: whether it is a change of the group that is told of.
    fn count_one_less(
        &self,
        group: &ResourceId,
        digit: char,
        at: OffsetDateTime,
        is_told: bool,
        parts: &mut Parts,
    ) -> Result<(), StoreError> {
        let moved = Moved {
            group,
            at,
            pending: None,
            is_version: true,
        };
        let moves = Moves {
            by: -1,
            parts: is_told,
            ..Moves::default()
        };
        let (part, expectation) = self.count_members(moved, digit, moves, Expected::Anything)?;
        parts.push(part, expectation);
        Ok(())
    }
}
