//! Judges again, one by one and from consistent reads, what looked wrong when everything was read.
//!
//! Everything is read in one walk, which takes a while and is no snapshot: of a change that comes
//! meanwhile the walk may see one half. So what it finds is only suspected. A suspect is judged
//! from what belongs to it alone, and only if that held still: a resource's version was the same
//! before and after its items were read, and a counter's number, which every write raises.

use std::time::Duration;

use scim::schema::PROVIDED;
use scim::{ResourceId, ResourceType};
use time::OffsetDateTime;

use super::seen::Seen;
use super::seen_type::{Counted, Counter};
use super::{CountDefect, Defect, DefectKind};
use crate::client::attributes::{Item, text};
use crate::client::tables::SORT_KEY;
use crate::directory::tombstone::Tombstone;
use crate::directory::{document, keys, record};
use crate::{StoreError, TenantStore};

/// How long a counter has to hold still: a difference is a defect if it was there before this pause
/// and after it, and the counter was not written in between. A transaction becomes visible item by
/// item within milliseconds, so no half of one is taken for a defect.
pub(super) const PAUSE: Duration = Duration::from_millis(500);

/// How often a suspect is judged, a pause apart, until it holds still.
pub(super) const ROUNDS: usize = 8;

/// What a suspect turns out to be.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Nothing is wrong, or no longer.
    Sound,
    /// It is wrong, and held still.
    Defect(Defect),
    /// It moved while it was looked at: this is how it looks now.
    Moved(Defect),
}

/// A resource as it is read for a judgement.
#[derive(Debug, PartialEq)]
enum Found {
    Gone,
    /// With its version and the sort keys of its lookups and guards.
    There(u64, Vec<String>),
    /// It is there; nobody knows what belongs to it.
    Unreadable,
}

impl Found {
    fn version(&self) -> Option<u64> {
        match self {
            Self::There(version, _) => Some(*version),
            Self::Gone | Self::Unreadable => None,
        }
    }

    fn owns(&self, sort_key: &str) -> bool {
        matches!(self, Self::There(_, keys) if keys.iter().any(|key| key == sort_key))
    }
}

/// The type with this name.
pub(super) fn type_named(name: &str) -> Result<&'static ResourceType, StoreError> {
    let provided = PROVIDED.iter().find(|provided| provided.name == name);
    provided.copied().ok_or(StoreError::NotFound)
}

impl TenantStore<'_> {
    /// Judges a suspect once.
    pub(super) async fn judge(
        &self,
        suspect: &Defect,
        seen: &Seen,
        now: OffsetDateTime,
    ) -> Result<Verdict, StoreError> {
        let judged = match suspect.kind {
            DefectKind::WrongCount => self.judge_count(suspect).await,
            DefectKind::MissingLookup
            | DefectKind::StrayLookup
            | DefectKind::MissingGuard
            | DefectKind::StrayGuard
            | DefectKind::StrayTombstone => self.judge_item(suspect).await,
            DefectKind::MissingRecord => self.judge_missing_record(suspect, seen).await,
            DefectKind::StrayRecord => self.judge_stray_record(suspect).await,
            DefectKind::Unreadable => self.judge_unreadable(suspect, now).await,
            _ => Box::pin(self.judge_members(suspect)).await,
        };
        match judged {
            // What depends on an item of a newer release is for that release to judge. What cannot
            // be read is told as such, and cannot be mended.
            Err(StoreError::NewerFormat { .. } | StoreError::Damaged(_)) => Ok(Verdict::Sound),
            judged => judged,
        }
    }

    /// Counts what a counter counts, between two reads of the counter.
    async fn judge_count(&self, suspect: &Defect) -> Result<Verdict, StoreError> {
        let resource_type = type_named(suspect.resource_type)?;
        let kinds = keys::kinds(resource_type);
        let sort_key = &suspect.sort_key;
        let Some((digits, is_coarse)) = kinds
            .counters
            .iter()
            .zip([true, false])
            .find_map(|(prefix, is_coarse)| Some((sort_key.strip_prefix(prefix)?, is_coarse)))
        else {
            return Ok(Verdict::Sound);
        };
        let before = self.counter(sort_key).await?;
        let (mut expected, mut is_certain) = (Counted::default(), true);
        let counted = self.query_prefix(keys::resources_from(resource_type, digits));
        self.each(counted, |item| {
            if keys::members::shard_group(text(item, SORT_KEY)?).is_some() {
                return Ok(true);
            }
            match document::read(item) {
                Ok(stored) => {
                    let has_access = resource_type.has_access(&stored.resource);
                    expected.add(is_coarse.then_some(has_access));
                }
                Err(StoreError::Damaged(_)) => is_certain = false,
                Err(error) => return Err(error),
            }
            Ok(true)
        })
        .await?;
        let after = self.counter(sort_key).await?;
        let count = CountDefect::between(after, expected);
        let looked = Defect {
            count,
            ..suspect.clone()
        };
        Ok(if before.sequence != after.sequence {
            Verdict::Moved(looked)
        } else if !is_certain || count.found == count.expected {
            // What an unreadable resource adds to the counter is unknown.
            Verdict::Sound
        } else if suspect.count == count {
            Verdict::Defect(looked)
        } else {
            Verdict::Moved(looked)
        })
    }

    /// The counter with this sort key, which may be missing.
    async fn counter(&self, sort_key: &str) -> Result<Counter, StoreError> {
        let item = self.item(sort_key).await?;
        // A damaged one is told as such, and cannot be mended.
        Ok(item.map_or(Counter::default(), |item| {
            Counter::read(&item).unwrap_or_default()
        }))
    }

    /// Reads an item that leads to a resource, between two reads of the resource.
    async fn judge_item(&self, suspect: &Defect) -> Result<Verdict, StoreError> {
        let sort_key = &suspect.sort_key;
        let Some((id, _)) = &suspect.resource else {
            // A lookup that names no resource leads nowhere, whatever changes.
            let is_there = self.item(sort_key).await?.is_some();
            return Ok(match is_there {
                true => Verdict::Defect(suspect.clone()),
                false => Verdict::Sound,
            });
        };
        let resource_type = type_named(suspect.resource_type)?;
        let before = self.found(resource_type, id).await?;
        let item = self.item(sort_key).await?;
        let after = self.found(resource_type, id).await?;
        let looked = Defect {
            resource: Some((id.clone(), after.version())),
            ..suspect.clone()
        };
        if before != after {
            return Ok(Verdict::Moved(looked));
        }
        let is_wrong = match (suspect.kind, item) {
            (DefectKind::MissingLookup | DefectKind::MissingGuard, item) => {
                item.is_none() && after.owns(sort_key)
            }
            (_, None) => false,
            (DefectKind::StrayTombstone, Some(_)) => after != Found::Gone,
            // A guard that has a new holder belongs to that holder.
            (DefectKind::StrayGuard, Some(item)) => {
                document::holder(&item).ok().as_ref() == Some(id) && !after.owns(sort_key)
            }
            (_, Some(_)) => !after.owns(sort_key),
        };
        Ok(match is_wrong {
            true => Verdict::Defect(looked),
            false => Verdict::Sound,
        })
    }

    /// Follows a resource's records from one that was not seen.
    async fn judge_missing_record(
        &self,
        suspect: &Defect,
        seen: &Seen,
    ) -> Result<Verdict, StoreError> {
        let resource_type = type_named(suspect.resource_type)?;
        let Some((id, _)) = &suspect.resource else {
            return Ok(Verdict::Sound);
        };
        let mut missing = suspect.sort_key.clone();
        while let Some(item) = self.item(&missing).await? {
            // It was written after the records were read. Those before it were there then.
            let Ok(record) = record::read(&item) else {
                return Ok(Verdict::Sound);
            };
            let previous = record
                .previous
                .map(|at| (record.version.saturating_sub(1), at));
            match seen.missing_record(resource_type, id, previous, false) {
                Some(sort_key) => missing = sort_key,
                None => return Ok(Verdict::Sound),
            }
        }
        Ok(Verdict::Defect(Defect {
            sort_key: missing,
            ..suspect.clone()
        }))
    }

    /// Looks whether the resource has reached the version of a record since.
    async fn judge_stray_record(&self, suspect: &Defect) -> Result<Verdict, StoreError> {
        let Some(item) = self.item(&suspect.sort_key).await? else {
            return Ok(Verdict::Sound);
        };
        let (record, id) = match (record::read(&item), &suspect.resource) {
            (Ok(record), Some((id, _))) => (record, id),
            _ => return Ok(Verdict::Defect(suspect.clone())),
        };
        let resource_type = type_named(record.resource_type)?;
        let before = self.found(resource_type, id).await?;
        let tombstone = self.item(&keys::tombstone(resource_type, id)).await?;
        let after = self.found(resource_type, id).await?;
        if before != after {
            return Ok(Verdict::Moved(suspect.clone()));
        }
        let deletion = tombstone.and_then(|item| Tombstone::read(&item).ok());
        let reached = after
            .version()
            .max(deletion.map(|tombstone| tombstone.version()));
        Ok(match reached {
            Some(version) if version >= record.version => Verdict::Sound,
            _ => Verdict::Defect(suspect.clone()),
        })
    }

    /// Reads the item again, which may have been replaced or removed.
    async fn judge_unreadable(
        &self,
        suspect: &Defect,
        now: OffsetDateTime,
    ) -> Result<Verdict, StoreError> {
        let sort_key = suspect.sort_key.clone();
        let item = self.get_of_any_format(sort_key, self.accepted_only());
        let is_damaged = match item.await? {
            Some(item) => Seen::of(&item, now)?.has_unreadable(),
            None => false,
        };
        Ok(match is_damaged {
            true => Verdict::Defect(suspect.clone()),
            false => Verdict::Sound,
        })
    }

    async fn found(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
    ) -> Result<Found, StoreError> {
        let sort_key = keys::resource(resource_type, id);
        let Some(item) = self.item(&sort_key).await? else {
            return Ok(Found::Gone);
        };
        let Ok(stored) = document::read(&item) else {
            return Ok(Found::Unreadable);
        };
        let lookups = keys::lookups(resource_type, id, &stored.resource);
        let Ok(guards) = keys::guards(resource_type, &stored) else {
            return Ok(Found::Unreadable);
        };
        let keys = lookups.into_iter().chain(guards).collect();
        Ok(Found::There(stored.meta.version, keys))
    }

    pub(super) async fn item(&self, sort_key: &str) -> Result<Option<Item>, StoreError> {
        self.get_item(sort_key.to_owned(), self.accepted_only())
            .await
    }
}
