//! Finding resources by a filter: the use of its access paths.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use futures_util::future::{try_join, try_join_all};
use scim::{ResourceId, ResourceType};

use super::plan::{Access, Plan};
use super::range::Start;
use super::read::{BATCH, Batch, UNIT};
use super::scan::{MAX_READ, Walk};
use super::sides::{Candidate, Had, Sides, Sought};
use super::{TenantStore, keys};
use crate::StoreError;
use crate::client::attributes::{Item, text};
use crate::client::tables::SORT_KEY;

/// How many lookups of a value are read before the key is accepted: more than one batch of
/// resources. Beyond that the value is one that many share, and a key that is refused in the end
/// must not read them all.
const FIRST: i32 = BATCH as i32 + 1;

/// How many lookups are followed: to read that many resources one by one costs what reading
/// [`MAX_READ`] of 1 KB together does.
const MAX_FOUND: u64 = MAX_READ / 4;

/// If lookups lead to more resources than fit in a batch, this many are read first, to know what
/// reading them one by one costs.
const SAMPLE: usize = 25;

impl TenantStore<'_> {
    /// Shows `visit` what an examination makes of the resources that may match the filter, in the
    /// order of their ids, until it returns false. Which other resources it sees depends on the
    /// access path, so it must still evaluate the filter. `examine` begins an examination: there is
    /// one for each walk through the directory, and several walks at once. `expected` is how many
    /// `visit` will take, if that is known.
    ///
    /// Lookups are followed while that is cheaper than reading the whole directory. Of memberships
    /// only those are read that the filter names.
    ///
    /// # Errors
    /// [`StoreError::TooMany`], [`StoreError::TooManyFound`], [`StoreError::TooManyNamed`],
    /// failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn candidates<T, E: FnMut(Candidate) -> Option<T>>(
        &self,
        sought: Sought<'_>,
        start: &Start,
        expected: Option<usize>,
        examine: impl Fn() -> E,
        visit: impl FnMut(T) -> bool,
    ) -> Result<(), StoreError> {
        let resource_type = sought.resource_type;
        let walk = Walk {
            resource_type,
            start,
            expected,
            is_filtered: sought.filter.is_some(),
        };
        let mut sides = Box::pin(self.sides(sought)).await?;
        let plan = sought.filter.map(|filter| Plan::of(resource_type, filter));
        let Some(Plan::Find(accesses)) = plan else {
            return Box::pin(self.scan_sides(walk, None, &mut sides, examine, visit)).await;
        };
        let found = Box::pin(self.find_all(resource_type, accesses, &mut sides)).await?;
        if let Some(found) = found {
            return Box::pin(self.read_found(walk, found, &mut sides, examine, visit)).await;
        }
        let total = self.count(resource_type).await?;
        if total > MAX_READ {
            return Err(StoreError::TooManyFound {
                accepted: MAX_FOUND,
            });
        }
        Box::pin(self.scan_sides(walk, Some(total), &mut sides, examine, visit)).await
    }

    /// Those of these resources that are there, as candidates.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn candidates_again(
        &self,
        sought: Sought<'_>,
        ids: &[ResourceId],
    ) -> Result<Vec<Candidate>, StoreError> {
        let sides = self.sides(sought).await?;
        let mut candidates = Vec::with_capacity(ids.len());
        for ids in ids.chunks(BATCH) {
            let batch = self.get_some(sought.resource_type, ids).await?;
            let had = self.had(sought.resource_type, &sides, &batch.resources);
            let had = had.await?;
            let resources = batch.resources.into_iter();
            candidates.extend(resources.map(|stored| sides.candidate(stored, &had)));
        }
        Ok(candidates)
    }

    /// Scans, with all candidates known that have those which the filter names. `total` is how many
    /// resources there are, if that is known.
    async fn scan_sides<T, E: FnMut(Candidate) -> Option<T>>(
        &self,
        walk: Walk<'_>,
        total: Option<u64>,
        sides: &mut Sides,
        examine: impl Fn() -> E,
        visit: impl FnMut(T) -> bool,
    ) -> Result<(), StoreError> {
        self.know_all(walk.resource_type, sides, MAX_READ).await?;
        let sides = &*sides;
        let none = &Had::new();
        let examine = || {
            let mut examine = examine();
            move |stored| examine(sides.candidate(stored, none))
        };
        match total {
            Some(total) => self.scan_counted(walk, total, examine, visit).await,
            None => self.scan(walk, examine, visit).await,
        }
    }

    /// Reads the resources that were found one by one, as long as that is cheaper than to read all
    /// there are.
    async fn read_found<T, E: FnMut(Candidate) -> Option<T>>(
        &self,
        walk: Walk<'_>,
        found: BTreeSet<ResourceId>,
        sides: &mut Sides,
        examine: impl Fn() -> E,
        mut visit: impl FnMut(T) -> bool,
    ) -> Result<(), StoreError> {
        let all_found = found.len() as u64;
        let mut ids: Vec<_> = found
            .into_iter()
            .filter(|id| walk.start.admits(id))
            .collect();
        let is_backwards = matches!(walk.start, Start::Before(_));
        if is_backwards {
            ids.reverse();
        }
        if sides.unknown().saturating_mul(ids.len() as u64) > MAX_FOUND {
            self.know_all(walk.resource_type, sides, MAX_READ).await?;
        }
        let mut examination = examine();
        let mut total = None;
        let mut rest = ids.as_slice();
        while !rest.is_empty() {
            let is_sample = total.is_none() && rest.len() > BATCH;
            let size = if is_sample { SAMPLE } else { BATCH };
            let (ids, later) = rest.split_at(size.min(rest.len()));
            rest = later;
            let batch = self.get_some(walk.resource_type, ids);
            let mut batch = if is_sample {
                let (batch, count) = try_join(batch, self.count(walk.resource_type)).await?;
                total = Some(count);
                batch
            } else {
                batch.await?
            };
            let had = self.had(walk.resource_type, sides, &batch.resources);
            let had = had.await?;
            if is_backwards {
                batch.resources.reverse();
            }
            let turn = total.filter(|total| batch.is_dearer_than_all(all_found, *total));
            let candidates = batch.resources.into_iter();
            let candidates = candidates.map(|stored| sides.candidate(stored, &had));
            for found in candidates.filter_map(&mut examination) {
                if !visit(found) {
                    return Ok(());
                }
            }
            if let (Some(total), Some(last), false) = (turn, ids.last(), rest.is_empty()) {
                let start = &walk.start.continued(last);
                let rest = Walk { start, ..walk };
                return self
                    .scan_sides(rest, Some(total), sides, examine, visit)
                    .await;
            }
        }
        Ok(())
    }

    /// The ids of the resources that access paths lead to; `None` if they are more than are worth
    /// following.
    async fn find_all(
        &self,
        resource_type: &ResourceType,
        accesses: Vec<Access>,
        sides: &mut Sides,
    ) -> Result<Option<BTreeSet<ResourceId>>, StoreError> {
        let places = accesses.iter().filter_map(|access| match access {
            Access::Side(id) => sides.by_id(id),
            Access::SideCalled(display) => sides.by_display(display),
            _ => None,
        });
        let places: BTreeSet<usize> = places.collect();
        match self.know(resource_type, sides, &places, MAX_FOUND).await {
            Err(StoreError::TooManyNamed { .. }) => return Ok(None),
            read => read?,
        }
        let followed = AtomicU64::new(0);
        let sides = &*sides;
        let finds = accesses
            .into_iter()
            .map(|access| self.find(access, sides, &followed));
        let found = try_join_all(finds).await?;
        let is_bounded = followed.into_inner() <= MAX_FOUND;
        Ok(is_bounded.then(|| found.into_iter().flatten().collect()))
    }

    /// The ids of the resources that an access path leads to. A lookup may go ahead of the check of
    /// the key, as far as [`FIRST`] goes.
    async fn find(
        &self,
        access: Access,
        sides: &Sides,
        followed: &AtomicU64,
    ) -> Result<BTreeSet<ResourceId>, StoreError> {
        let mut ids = BTreeSet::new();
        let mut follow = |item: &Item| {
            ids.extend(keys::lookup_id(text(item, SORT_KEY)?));
            // Each of them is read, also those that lead to the same resource.
            Ok(followed.fetch_add(1, Relaxed) < MAX_FOUND)
        };
        let side = |place: Option<usize>| {
            let known = place.and_then(|place| sides.known(place));
            let known = known.into_iter().flatten().cloned();
            let known: BTreeSet<ResourceId> = known.collect();
            followed.fetch_add(known.len() as u64, Relaxed);
            known
        };
        match access {
            Access::Id(id) => return Ok(ResourceId::parse(&id).into_iter().collect()),
            Access::Side(id) => return Ok(side(sides.by_id(&id))),
            Access::SideCalled(display) => return Ok(side(sides.by_display(&display))),
            Access::LookupPrefix(prefix) => self.each(self.query_prefix(prefix), follow).await?,
            Access::Lookup(prefix) => {
                let mut last = None;
                let mut left = FIRST;
                let first = self.query_prefix(&prefix).limit(FIRST);
                self.each_when(first, self.ahead(), |item| {
                    left -= 1;
                    last = Some(text(item, SORT_KEY)?.to_owned());
                    Ok(follow(item)? && left > 0)
                })
                .await?;
                if let (Some(last), 0) = (last, left) {
                    // Ids are hexadecimal digits and hyphens: `~` is above them all.
                    let rest = self.query_between(last, format!("{prefix}~"));
                    self.each(rest, follow).await?;
                }
            }
        }
        Ok(ids)
    }
}

impl Batch {
    /// Whether it costs more to read `found` resources like these one by one than to read all of
    /// `total` resources in pages, if so many may be read.
    fn is_dearer_than_all(&self, found: u64, total: u64) -> bool {
        let one_by_one = self.units.saturating_mul(UNIT).saturating_mul(found);
        total <= MAX_READ && one_by_one > self.size.saturating_mul(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A batch of a hundred users of this length.
    fn batch(size: u64) -> Batch {
        Batch {
            size: 100 * size,
            units: 100 * size.div_ceil(UNIT),
            ..Batch::default()
        }
    }

    #[test]
    fn users_are_read_one_by_one_while_that_is_cheaper() {
        // A unit reads one user of 1 KB, or four of them in a page.
        assert!(!batch(1024).is_dearer_than_all(2_500, 10_000));
        assert!(batch(1024).is_dearer_than_all(2_501, 10_000));
        assert!(batch(410).is_dearer_than_all(1_002, 10_000));
        // Users of whole units cost the same in both ways.
        assert!(!batch(UNIT).is_dearer_than_all(10_000, 10_000));
        assert!(batch(UNIT + 1).is_dearer_than_all(10_000, 10_000));
        // More than may be read is never read.
        assert!(batch(410).is_dearer_than_all(MAX_FOUND, MAX_READ));
        assert!(!batch(410).is_dearer_than_all(MAX_FOUND, MAX_READ + 1));
        // Nothing was there any more.
        assert!(!Batch::default().is_dearer_than_all(10_000, 10_000));
    }
}
