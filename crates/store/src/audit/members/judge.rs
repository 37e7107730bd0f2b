//! Judges again what looked wrong with the members of a group.

use scim::ResourceId;
use scim::schema::{GROUPS, USERS};

use super::super::judge::Verdict;
use super::super::seen_type::Counted;
use super::super::{CountDefect, Defect, DefectKind};
use super::seen::Mark;
use super::{Place, Stamp};
use crate::client::attributes::{Item, optional_text, text};
use crate::client::tables::SORT_KEY;
use crate::directory::keys::members::{self, digit, ends};
use crate::directory::keys::{resource, tombstone};
use crate::directory::members::edge::{DISPLAY, LEFT};
use crate::directory::members::pending::{Fate, Pending};
use crate::directory::members::shard::Shards;
use crate::{StoreError, TenantStore};

/// What there is of a membership.
#[derive(Debug, PartialEq)]
pub(super) struct Edge {
    /// What is found from the group, and what from the user.
    pub edge: Option<Item>,
    pub reverse: Option<Item>,
    pub has_user: bool,
    /// Whether the user is there, or can be restored.
    pub knows_user: bool,
    /// Whether the group is there, or can be restored.
    pub knows_group: bool,
}

impl Edge {
    /// What is wrong with it.
    fn defect(&self) -> Option<DefectKind> {
        let is_member = self.edge.is_some();
        let has_left = |item: &Item| item.contains_key(LEFT);
        let left = self.reverse.as_ref().map(has_left);
        let is_stray = match (self.knows_group, self.has_user) {
            (false, _) => is_member || left.is_some(),
            (true, true) => !is_member && left == Some(false),
            (true, false) => {
                is_member || left == Some(false) || (left.is_some() && !self.knows_user)
            }
        };
        if is_stray {
            return Some(DefectKind::StrayEdge);
        }
        let display = |item: &Option<Item>| item.as_ref()?.get(DISPLAY).cloned();
        let is_whole = left == Some(false) && display(&self.edge) == display(&self.reverse);
        (is_member && !is_whole).then_some(DefectKind::MissingEdge)
    }
}

impl TenantStore<'_> {
    /// Judges once what is suspected of a group's members.
    pub(in crate::audit) async fn judge_members(
        &self,
        suspect: &Defect,
    ) -> Result<Verdict, StoreError> {
        let Some(place) = &suspect.members else {
            return Ok(Verdict::Sound);
        };
        // Boxed: the futures of calls are large, and a judgement has several.
        match (suspect.kind, &place.user, place.digit) {
            (_, Some(user), _) => Box::pin(self.judge_edge(suspect, place, user)).await,
            (_, _, Some(digit)) => Box::pin(self.judge_shard(suspect, place, digit)).await,
            (DefectKind::StuckGroup, ..) => Box::pin(self.judge_stuck(suspect, place)).await,
            (DefectKind::EndedGroup, ..) => Box::pin(self.judge_ended(suspect, place)).await,
            _ => Box::pin(self.judge_pending(suspect, place)).await,
        }
    }

    async fn judge_edge(
        &self,
        suspect: &Defect,
        place: &Place,
        user: &ResourceId,
    ) -> Result<Verdict, StoreError> {
        let group = &place.group;
        let (_, pending, before) = self.stamp(group, digit(user)).await?;
        if let Some(pending) = &pending
            && self.fate(pending, user).await?.is_some()
        {
            // Carrying it out makes both sides what they should be.
            return Ok(Verdict::Sound);
        }
        let found = self.edge_of(group, user).await?;
        let (_, _, after) = self.stamp(group, digit(user)).await?;
        let kind = found.defect();
        let looked = Defect {
            kind: kind.unwrap_or(suspect.kind),
            ..stamped(suspect, place, &after)
        };
        Ok(verdict(suspect, place, looked, &before, kind.is_some()))
    }

    /// What there is of a membership.
    pub(super) async fn edge_of(
        &self,
        group: &ResourceId,
        user: &ResourceId,
    ) -> Result<Edge, StoreError> {
        let [user_key, deleted_user] = [resource(&USERS, user), tombstone(&USERS, user)];
        let [group_key, deleted_group] = [resource(&GROUPS, group), tombstone(&GROUPS, group)];
        let keys = [&user_key, &deleted_user, &group_key, &deleted_group];
        let there = self.there(keys.map(Clone::clone).into()).await?;
        let has_user = there.contains(&user_key);
        Ok(Edge {
            edge: self.item(&members::edge(group, user)).await?,
            reverse: self.item(&members::edge_of_user(user, group)).await?,
            has_user,
            knows_user: has_user || there.contains(&deleted_user),
            knows_group: there.contains(&group_key) || there.contains(&deleted_group),
        })
    }

    /// The shards of a group, its pending change, and what of them changes with one shard.
    pub(super) async fn stamp(
        &self,
        group: &ResourceId,
        digit: char,
    ) -> Result<(Shards, Option<Pending>, Stamp), StoreError> {
        let shards = self.shards(group).await?;
        let pending = self.pending(group).await?;
        let stamp = Stamp {
            changes: shards.get(digit).map(|shard| shard.changes),
            pending: pending.as_ref().map(written),
            large: [None; 2],
        };
        Ok((shards, pending, stamp))
    }

    /// Counts the edges of a shard, between two reads of it.
    async fn judge_shard(
        &self,
        suspect: &Defect,
        place: &Place,
        digit: char,
    ) -> Result<Verdict, StoreError> {
        let group = &place.group;
        let (_, pending, before) = self.stamp(group, digit).await?;
        let mut fates = match &pending {
            Some(pending) => pending.fates(self.pending_delta(pending).await?),
            None => Default::default(),
        };
        let mut expected: i64 = 0;
        let query = self.query_prefix(format!("{}#{digit}", members::head(group)));
        self.each(query, |item| {
            if let Some((_, user)) = ends(text(item, SORT_KEY)?) {
                expected += i64::from(fates.remove(&user) != Some(Fate::Parts));
            }
            Ok(true)
        })
        .await?;
        let joining = fates
            .iter()
            .filter(|(user, fate)| members::digit(user) == digit && **fate != Fate::Parts);
        expected = expected.saturating_add(i64::try_from(joining.count()).unwrap_or(i64::MAX));
        let (shards, _, after) = self.stamp(group, digit).await?;
        let counted = |count| Counted {
            count,
            active: None,
        };
        let found = shards.get(digit).map_or(0, |shard| shard.count);
        let looked = Defect {
            count: CountDefect {
                found: counted(found),
                expected: counted(expected),
                sequence: after.changes,
            },
            ..stamped(suspect, place, &after)
        };
        let is_wrong = found != expected;
        Ok(verdict(suspect, place, looked, &before, is_wrong))
    }

    /// Looks whether a group still waits for a change that is not there.
    async fn judge_stuck(&self, suspect: &Defect, place: &Place) -> Result<Verdict, StoreError> {
        let (_, before) = self.stuck(&place.group).await?;
        let (stale, after) = self.stuck(&place.group).await?;
        let looked = stamped(suspect, place, &after);
        Ok(verdict(suspect, place, looked, &before, !stale.is_empty()))
    }

    /// The sort keys of the items of a group that wait for a change that is not there, with the
    /// change; the tail of the edges if it does not agree with their head.
    pub(super) async fn stuck(
        &self,
        group: &ResourceId,
    ) -> Result<(Vec<(String, Option<String>)>, Stamp), StoreError> {
        let shards = self.shards(group).await?;
        let mark = async |sort_key: &str| match self.item(sort_key).await? {
            Some(item) => Mark::read(&item),
            None => Ok(Mark::default()),
        };
        let [head_key, tail_key] = [members::head(group), members::tail(group)];
        let (head, tail) = (mark(&head_key).await?, mark(&tail_key).await?);
        let pending = self.pending(group).await?;
        let record = pending.as_ref().map(|pending| &pending.record);
        let shard = |digit: char| {
            let of = shards.get(digit)?.pending.clone();
            Some((members::shard(group, digit), of))
        };
        let mut stale: Vec<_> = crate::directory::keys::DIGITS
            .chars()
            .filter_map(shard)
            .chain([(head_key, head.pending.clone())])
            .filter(|(_, of)| of.is_some() && of.as_ref() != record)
            .collect();
        if head.large.unwrap_or_default() != tail.large.unwrap_or_default() {
            stale.push((tail_key, None));
        }
        let stamp = Stamp {
            changes: Some(shards.membership().changes),
            pending: pending.as_ref().map(written),
            large: [head.large, tail.large],
        };
        Ok((stale, stamp))
    }

    /// Looks whether a change is still pending, and whether it is there as a whole.
    async fn judge_pending(&self, suspect: &Defect, place: &Place) -> Result<Verdict, StoreError> {
        let Some(pending) = self.pending(&place.group).await? else {
            return Ok(Verdict::Sound);
        };
        let stamp = Stamp {
            pending: Some(written(&pending)),
            ..Stamp::default()
        };
        let looked = stamped(suspect, place, &stamp);
        let is_wrong = match suspect.kind {
            DefectKind::BrokenPending => {
                let delta = self.pending_delta(&pending).await?;
                delta.ids().len() as u64 != pending.size
            }
            // Another one, or one that is being carried out, has another stamp.
            _ => true,
        };
        Ok(verdict(suspect, place, looked, &stamp, is_wrong))
    }

    /// Looks whether a group is still gone for good, and something of it there.
    async fn judge_ended(&self, suspect: &Defect, place: &Place) -> Result<Verdict, StoreError> {
        let group = &place.group;
        let keys = vec![resource(&GROUPS, group), tombstone(&GROUPS, group)];
        let is_ended = self.there(keys).await?.is_empty();
        let mut has_left_something = self.pending(group).await?.is_some();
        for prefix in [
            members::head(group),
            format!("{}#", resource(&GROUPS, group)),
        ] {
            self.each(self.query_prefix(prefix).limit(1), |_| {
                has_left_something = true;
                Ok(false)
            })
            .await?;
        }
        Ok(match is_ended && has_left_something {
            true => Verdict::Defect(suspect.clone()),
            false => Verdict::Sound,
        })
    }
}

/// A pending change, and how often it was written.
fn written(pending: &Pending) -> (String, u64) {
    (pending.record.clone(), pending.sequence)
}

fn stamped(suspect: &Defect, place: &Place, stamp: &Stamp) -> Defect {
    Defect {
        members: Some(Place {
            stamp: Some(stamp.clone()),
            ..place.clone()
        }),
        ..suspect.clone()
    }
}

/// What has not moved while it was looked at, nor since it was looked at before, is what it looks
/// like.
fn verdict(
    suspect: &Defect,
    place: &Place,
    looked: Defect,
    before: &Stamp,
    is_wrong: bool,
) -> Verdict {
    let after = looked
        .members
        .as_ref()
        .and_then(|place| place.stamp.as_ref());
    if after != Some(before) {
        Verdict::Moved(looked)
    } else if !is_wrong {
        Verdict::Sound
    } else if place.stamp.as_ref() == Some(before) && suspect.kind == looked.kind {
        Verdict::Defect(looked)
    } else {
        Verdict::Moved(looked)
    }
}

/// What the client calls the member of an edge.
pub(super) fn display(item: &Item) -> Result<Option<&str>, StoreError> {
    optional_text(item, DISPLAY)
}
