//! Everything a tenant owns, as far as an audit compares it.

use std::collections::BTreeMap;

use scim::schema::{GROUPS, PROVIDED, USERS};
use scim::{ResourceId, ResourceType};
use time::OffsetDateTime;

use super::members::seen::{Memberships, SeenMembers};
use super::records::Records;
use super::seen_type::{Counter, Present, SeenType};
use super::{Defect, DefectKind};
use crate::StoreError;
use crate::client::attributes::{Item, damaged, text};
use crate::client::format;
use crate::client::tables::SORT_KEY;
use crate::directory::breaker::Breaker;
use crate::directory::keys;
use crate::directory::record::ChangeKind;

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
    /// How many items a newer release has written: of a format, a kind or a resource type that this
    /// one does not know.
    newer: u64,
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
        let sorted = match format::check(item) {
            Ok(()) if keys::kind(sort_key).is_some() => self.sort(sort_key, item, now),
            Ok(()) | Err(StoreError::NewerFormat { .. }) => {
                self.newer += 1;
                return Ok(());
            }
            damaged => damaged,
        };
        if let Err(StoreError::Damaged(_)) = sorted {
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

    /// How many items a newer release has written.
    pub(super) fn newer(&self) -> u64 {
        self.newer
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
            // What this release does not know may leave nothing behind either.
            let may_be_last = matches!(
                operation,
                ChangeKind::Delete | ChangeKind::Erase | ChangeKind::Other(_)
            );
            if !may_be_last && must_be_last {
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
