//! Everything a tenant owns, as far as an audit compares it.

use std::collections::{BTreeMap, BTreeSet};

use scim::schema::{GROUPS, PROVIDED, USERS};
use scim::{ResourceId, ResourceType};
use time::OffsetDateTime;

use super::members::seen::{Memberships, SeenMembers};
use super::records::{Latest, Records};
use super::{CountDefect, Defect, DefectKind};
use crate::StoreError;
use crate::client::attributes::{Item, damaged, optional, seconds, signed, text};
use crate::client::tables::SORT_KEY;
use crate::directory::breaker::Breaker;
use crate::directory::document::{self, ACTIVE, COUNT, RECORDED_UNTIL};
use crate::directory::keys;
use crate::directory::record::ChangeKind;
use crate::directory::tombstone::Tombstone;

/// A tenant's items.
#[derive(Default)]
pub(super) struct Seen {
    types: BTreeMap<&'static str, SeenType>,
    members: SeenMembers,
    records: Records,
    /// The time from which on every record must still exist.
    complete_from: Option<OffsetDateTime>,
    /// The sort keys of damaged items.
    unreadable: Vec<String>,
}

/// What belongs to one resource type.
#[derive(Default)]
struct SeenType {
    resources: BTreeMap<ResourceId, Latest>,
    /// The deleted ones. Their latest change is the deletion.
    tombstones: BTreeMap<ResourceId, Latest>,
    /// The lookups and guards that should exist, with the resource that each belongs to.
    expected: BTreeMap<String, ResourceId>,
    lookups: BTreeMap<String, Option<ResourceId>>,
    guards: BTreeMap<String, ResourceId>,
    counts: BTreeMap<String, Counter>,
    /// The counters that were written while everything was read: they show that something else may
    /// have been read too early or too late.
    moved: BTreeSet<String>,
    expected_counts: BTreeMap<String, Counted>,
    /// The counters of unreadable resources: their expected value is unknown.
    uncertain: BTreeSet<String>,
}

/// What a counter counts; the active ones only where it has that number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub count: i64,
    pub active: Option<i64>,
}

impl Counted {
    /// Counts a resource; a counter that counts the active ones is told whether it is active.
    pub(super) fn add(&mut self, is_active: Option<bool>) {
        self.count += 1;
        if let Some(is_active) = is_active {
            *self.active.get_or_insert_default() += i64::from(is_active);
        }
    }
}

/// A counter as it is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counter {
    pub counted: Counted,
    /// How often it was written; `None` if it does not exist.
    pub sequence: Option<u64>,
}

impl Counter {
    pub(super) fn read(item: &Item) -> Result<Self, StoreError> {
        Ok(Self {
            counted: Counted {
                count: signed(item, COUNT)?,
                active: optional(item, ACTIVE, signed)?,
            },
            sequence: Some(document::sequence(item)?),
        })
    }
}

/// The starts of the sort keys of all counters.
pub(super) fn counters() -> impl Iterator<Item = String> {
    PROVIDED
        .iter()
        .flat_map(|resource_type| keys::kinds(resource_type).counters)
}

impl Seen {
    /// One item alone.
    pub(super) fn of(item: &Item, now: OffsetDateTime) -> Result<Self, StoreError> {
        let mut seen = Self::default();
        seen.add(item, now)?;
        Ok(seen)
    }

    pub(super) fn has_unreadable(&self) -> bool {
        !self.unreadable.is_empty()
    }

    /// Takes in an item.
    pub(super) fn add(&mut self, item: &Item, now: OffsetDateTime) -> Result<(), StoreError> {
        let sort_key = text(item, SORT_KEY)?;
        if let Err(StoreError::Damaged(_)) = self.sort(sort_key, item, now) {
            self.unreadable.push(sort_key.to_owned());
        }
        Ok(())
    }

    /// Compares a counter with what it was when everything was read.
    pub(super) fn look_again(&mut self, item: &Item) -> Result<(), StoreError> {
        let sort_key = text(item, SORT_KEY)?;
        for resource_type in PROVIDED {
            let [coarse, fine] = keys::kinds(resource_type).counters;
            if !sort_key.starts_with(&coarse) && !sort_key.starts_with(&fine) {
                continue;
            }
            let seen = self.types.entry(resource_type.name).or_default();
            let before = seen.counts.get(sort_key).copied().unwrap_or_default();
            // An unreadable one was found before.
            if Counter::read(item).is_ok_and(|counter| counter.sequence != before.sequence) {
                seen.moved.insert(sort_key.to_owned());
            }
        }
        Ok(())
    }

    pub(super) fn resources(&self) -> u64 {
        let counts = self.types.values().map(|seen| seen.resources.len() as u64);
        counts.sum()
    }

    /// What belongs to members, and which users and groups there are.
    pub(super) fn memberships(&self) -> Memberships<'_> {
        let of = |resource_type: &ResourceType| self.types.get(resource_type.name);
        Memberships {
            seen: &self.members,
            users: Present(of(&USERS)),
            groups: Present(of(&GROUPS)),
        }
    }

    fn sort(&mut self, sort_key: &str, item: &Item, now: OffsetDateTime) -> Result<(), StoreError> {
        // Before resources: shards are beside their groups.
        if self.members.sort(sort_key, item)? {
            return Ok(());
        }
        for resource_type in PROVIDED {
            let seen = self.types.entry(resource_type.name).or_default();
            if seen.sort(resource_type, sort_key, item)? {
                return Ok(());
            }
        }
        if sort_key.starts_with(keys::CHANGES) {
            self.records.add(sort_key, item, now)
        } else if let Some(resource_type) = PROVIDED.iter().find(|resource_type| {
            keys::breaker(resource_type) == sort_key
                || keys::breaker_share(resource_type, sort_key).is_some()
        }) {
            Breaker::default().add(resource_type, item)
        } else if keys::belongs_to_no_resource(sort_key) {
            Ok(())
        } else {
            Err(damaged(item, SORT_KEY))
        }
    }

    /// Everything that does not match, or may not have matched while it was read.
    pub(super) fn suspects(&mut self, now: OffsetDateTime) -> Vec<Defect> {
        let types = self.types.values();
        let latest = types.flat_map(|seen| seen.resources.values().chain(seen.tombstones.values()));
        self.complete_from = self.records.complete_from(latest.copied(), now);
        let mut defects = Vec::new();
        let mut latest: BTreeMap<_, _> = self.records.latest.iter().collect();
        for resource_type in PROVIDED {
            if let Some(seen) = self.types.get(resource_type.name) {
                seen.defects(resource_type, &mut defects);
                self.missing_records(resource_type, seen, now, &mut defects);
                for (id, change) in seen.resources.iter().chain(&seen.tombstones) {
                    if latest
                        .get(id)
                        .is_some_and(|(found, ..)| *found <= change.version)
                    {
                        latest.remove(id);
                    }
                }
            }
        }
        // What remains are deletions whose tombstone has expired.
        for (id, (_, operation, at, sort_key)) in latest {
            let must_be_last = self.complete_from.is_some_and(|from| *at >= from);
            if *operation != ChangeKind::Delete && must_be_last {
                defects.push(Defect::of_record(DefectKind::StrayRecord, sort_key, id));
            }
        }
        for sort_key in &self.unreadable {
            defects.push(Defect::of_item(sort_key));
        }
        defects.extend(self.memberships().suspects(now));
        defects
    }

    /// Follows the records of each resource back to its first, or to where records have expired.
    fn missing_records(
        &self,
        resource_type: &ResourceType,
        seen: &SeenType,
        now: OffsetDateTime,
        defects: &mut Vec<Defect>,
    ) {
        let is_gone = |(id, _): &(&ResourceId, _)| !seen.resources.contains_key(*id);
        let deleted = seen.tombstones.iter().filter(is_gone);
        for (id, latest) in seen.resources.iter().chain(deleted) {
            // It is certain that the latest record is kept.
            let is_kept = latest.recorded_until > now;
            let from = Some((latest.version, latest.at));
            if let Some(sort_key) = self.missing_record(resource_type, id, from, is_kept) {
                let kind = DefectKind::MissingRecord;
                defects.push(Defect {
                    resource_type: resource_type.name,
                    ..Defect::of_record(kind, &sort_key, id)
                });
            }
        }
    }

    /// Follows a resource's records back from the one of this version and time, which `is_kept` if
    /// that is certain. The sort key of one that was not seen and must be there.
    pub(super) fn missing_record(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
        mut next: Option<(u64, OffsetDateTime)>,
        mut is_kept: bool,
    ) -> Option<String> {
        while let Some((version, at)) = next {
            let must_be_there = is_kept || self.complete_from.is_some_and(|from| at > from);
            is_kept = false;
            let sort_key = keys::change(resource_type, id, at, version);
            let Some((version, previous)) = self.records.by_key.get(&sort_key) else {
                return Some(sort_key).filter(|_| must_be_there);
            };
            next = previous.map(|previous| (version.saturating_sub(1), previous));
        }
        None
    }
}

/// Which resources of a type there are, and which can be restored.
#[derive(Clone, Copy)]
pub(super) struct Present<'s>(Option<&'s SeenType>);

impl Present<'_> {
    pub(super) fn is_there(self, id: &ResourceId) -> bool {
        self.0.is_some_and(|seen| seen.resources.contains_key(id))
    }

    /// Whether it is there, or deleted and can come back.
    pub(super) fn is_known(self, id: &ResourceId) -> bool {
        self.is_there(id) || self.0.is_some_and(|seen| seen.tombstones.contains_key(id))
    }
}

impl SeenType {
    /// Takes in an item of this type; returns whether it is one.
    fn sort(
        &mut self,
        resource_type: &ResourceType,
        sort_key: &str,
        item: &Item,
    ) -> Result<bool, StoreError> {
        let kinds = keys::kinds(resource_type);
        if let Some(id) = sort_key.strip_prefix(&kinds.resources) {
            if let Err(error) = self.add_resource(resource_type, item) {
                let counters = ResourceId::parse(id).map(|id| keys::counters(resource_type, &id));
                self.uncertain.extend(counters.into_iter().flatten());
                return Err(error);
            }
        } else if sort_key.starts_with(&kinds.lookups) {
            let id = keys::lookup_id(sort_key);
            self.lookups.insert(sort_key.to_owned(), id);
        } else if sort_key.starts_with(&kinds.guards) {
            self.guards
                .insert(sort_key.to_owned(), document::holder(item)?);
        } else if sort_key.starts_with(&kinds.tombstones) {
            let tombstone = Tombstone::read(item)?;
            let latest = Latest {
                version: tombstone.version(),
                at: tombstone.deleted,
                recorded_until: seconds(item, RECORDED_UNTIL)?,
            };
            self.tombstones.insert(tombstone.stored.id, latest);
        } else if let [coarse, fine] = &kinds.counters
            && (sort_key.starts_with(coarse) || sort_key.starts_with(fine))
        {
            self.counts
                .insert(sort_key.to_owned(), Counter::read(item)?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn add_resource(
        &mut self,
        resource_type: &ResourceType,
        item: &Item,
    ) -> Result<(), StoreError> {
        let stored = document::read(item)?;
        let lookups = keys::lookups(resource_type, &stored.id, &stored.resource);
        for sort_key in lookups
            .into_iter()
            .chain(keys::guards(resource_type, &stored)?)
        {
            self.expected.insert(sort_key, stored.id.clone());
        }
        let [coarse, fine] = keys::counters(resource_type, &stored.id);
        let is_active = resource_type.has_access(&stored.resource);
        for (sort_key, is_active) in [(coarse, Some(is_active)), (fine, None)] {
            let counted = self.expected_counts.entry(sort_key).or_default();
            counted.add(is_active);
        }
        let latest = Latest {
            version: stored.meta.version,
            at: stored.meta.last_modified,
            recorded_until: seconds(item, RECORDED_UNTIL)?,
        };
        self.resources.insert(stored.id, latest);
        Ok(())
    }

    fn defects(&self, resource_type: &ResourceType, defects: &mut Vec<Defect>) {
        let mut add = |kind, sort_key: &String, id: Option<&ResourceId>| {
            let version = |id| self.resources.get(id).map(|latest| latest.version);
            defects.push(Defect {
                kind,
                sort_key: sort_key.clone(),
                resource: id.map(|id| (id.clone(), version(id))),
                count: CountDefect::default(),
                resource_type: resource_type.name,
                members: None,
            });
        };
        let guard_prefix = keys::kinds(resource_type).guards;
        for (sort_key, id) in &self.expected {
            if sort_key.starts_with(&guard_prefix) {
                match self.guards.get(sort_key) {
                    Some(holder) if holder == id => {}
                    // The stray one is removed first; then the next audit finds the right one
                    // missing.
                    Some(holder) => add(DefectKind::StrayGuard, sort_key, Some(holder)),
                    None => add(DefectKind::MissingGuard, sort_key, Some(id)),
                }
            } else if !self.lookups.contains_key(sort_key) {
                add(DefectKind::MissingLookup, sort_key, Some(id));
            }
        }
        let is_stray = |sort_key: &String| !self.expected.contains_key(sort_key);
        for (sort_key, holder) in self.guards.iter().filter(|(key, _)| is_stray(key)) {
            add(DefectKind::StrayGuard, sort_key, Some(holder));
        }
        for (sort_key, id) in self.lookups.iter().filter(|(key, _)| is_stray(key)) {
            add(DefectKind::StrayLookup, sort_key, id.as_ref());
        }
        let both = |id: &&ResourceId| self.resources.contains_key(*id);
        for id in self.tombstones.keys().filter(both) {
            let sort_key = keys::tombstone(resource_type, id);
            add(DefectKind::StrayTombstone, &sort_key, Some(id));
        }
        let counters = self.counts.keys().chain(self.expected_counts.keys());
        let counters: BTreeSet<_> = counters.chain(&self.moved).collect();
        for sort_key in counters.difference(&self.uncertain.iter().collect()) {
            let counter = self.counts.get(*sort_key).copied().unwrap_or_default();
            let expected = self.expected_counts.get(*sort_key).copied();
            let count = CountDefect::between(counter, expected.unwrap_or_default());
            if count.found != count.expected || self.moved.contains(*sort_key) {
                defects.push(Defect {
                    kind: DefectKind::WrongCount,
                    sort_key: (*sort_key).clone(),
                    resource: None,
                    count,
                    resource_type: resource_type.name,
                    members: None,
                });
            }
        }
    }
}
