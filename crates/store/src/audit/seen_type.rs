//! What belongs to one resource type, as far as an audit compares it.

use std::collections::{BTreeMap, BTreeSet};

use scim::{ResourceId, ResourceType};

use super::records::Latest;
use super::{CountDefect, Defect, DefectKind};
use crate::StoreError;
use crate::client::attributes::{Item, optional, seconds, signed};
use crate::directory::document::{self, ACTIVE, COUNT, RECORDED_UNTIL};
use crate::directory::keys;
use crate::directory::tombstone::Tombstone;

/// What belongs to one resource type.
#[derive(Default)]
pub(super) struct SeenType {
    pub resources: BTreeMap<ResourceId, Latest>,
    /// The deleted ones. Their latest change is the deletion.
    pub tombstones: BTreeMap<ResourceId, Latest>,
    /// The lookups and guards that should exist, with the resource that each belongs to.
    expected: BTreeMap<String, ResourceId>,
    lookups: BTreeMap<String, Option<ResourceId>>,
    guards: BTreeMap<String, ResourceId>,
    pub counts: BTreeMap<String, Counter>,
    /// The counters that were written while everything was read: they show that something else may
    /// have been read too early or too late.
    pub moved: BTreeSet<String>,
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

/// Which resources of a type there are, and which can be restored.
#[derive(Clone, Copy)]
pub(super) struct Present<'s>(pub Option<&'s SeenType>);

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
    pub(super) fn sort(
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

    pub(super) fn defects(&self, resource_type: &ResourceType, defects: &mut Vec<Defect>) {
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
