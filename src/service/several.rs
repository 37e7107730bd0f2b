//! Lists whose pages are found by an index: of several types, sorted, or of all resources.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use scim::cursor::{Cursor, Position, Seal};
use scim::list::{ListResponse, Page};
use scim::page::Shown;
use scim::sort::SortKey;
use scim::{ResourceId, ScimError, Stored};
use store::directory::range::Start;

use super::bound::{Bound, Object};
use super::selection::{Found, Match, Selection};
use super::whole::Kept;
use super::{Directory, Failure};

/// How much text the keys may have by which a list is sorted, in bytes: they are all held at once.
const MAX_SORT_KEYS: usize = 32 * 1024 * 1024;

impl Directory<'_> {
    /// A page by cursor of a list that is not in the order of ids, or of several types: the cursor
    /// is an index.
    pub(super) async fn cursor_page_of_several(
        &self,
        bound: &[Bound],
        seal: &Seal,
        cursor: Option<&str>,
        count: usize,
    ) -> Result<ListResponse, Failure> {
        let cursor = cursor
            .map(|cursor| seal.open(cursor, self.now))
            .transpose()?;
        let offset = match cursor.map(|cursor| cursor.position) {
            Some(Position::Offset(offset)) => offset,
            _ => 0,
        };
        let (total, resources, taken) = self.part(bound, offset, count).await?;
        let close = |offset| {
            let position = Position::Offset(offset);
            seal.close(&Cursor { position, total }, self.now)
        };
        let next = offset.saturating_add(taken);
        Ok(ListResponse {
            total,
            next_cursor: (next < total && taken > 0).then(|| close(next)),
            previous_cursor: (offset > 0).then(|| close(offset.saturating_sub(count as u64))),
            resources,
            start_index: None,
        })
    }

    /// A page of a list that is not in the order of ids, or of several types, and how many matches
    /// it took.
    pub(super) async fn part(
        &self,
        bound: &[Bound],
        skip: u64,
        count: usize,
    ) -> Result<(u64, Vec<Shown>, u64), Failure> {
        let is_all = |bound: &Bound| bound.filter.is_none() && bound.sort.is_none();
        match bound.iter().all(is_all) {
            true => self.all(bound, skip, count).await,
            false => self.sorted(bound, skip, count).await,
        }
    }

    /// A page of all resources in the order of types and ids, and how many of them it took. The
    /// counters say where it begins, so its cost does not grow with what comes before.
    pub(super) async fn all(
        &self,
        bound: &[Bound],
        skip: u64,
        count: usize,
    ) -> Result<(u64, Vec<Shown>, u64), Failure> {
        let mut before = 0;
        let mut selection = Selection::new(count);
        for (of, bound) in bound.iter().enumerate() {
            let page = Page {
                start_index: skip.saturating_sub(before).saturating_add(1),
                count: count.saturating_sub(selection.matches.len()),
            };
            let visit = |stored: Stored| {
                let (id, membership) = (stored.id.clone(), stored.meta.membership);
                let shown = bound.show(stored.represent(bound.resource_type, self.base));
                let kept = Some(Kept { shown, membership });
                selection.add(Match { of, id, kept })
            };
            before += self.store.page(bound.resource_type, &page, visit).await?;
        }
        let (resources, taken) = self
            .fill(bound, count, selection.matches, Found::InRange)
            .await?;
        Ok((before, resources, taken as u64))
    }

    /// A page of a list that is not in the order of ids, and how many matches it took. All matches
    /// are read for their sort keys, but only the page's resources are kept and read in full.
    async fn sorted(
        &self,
        bound: &[Bound],
        skip: u64,
        count: usize,
    ) -> Result<(u64, Vec<Shown>, u64), Failure> {
        let mut keys: Vec<(usize, Option<SortKey>, ResourceId)> = Vec::new();
        let size = AtomicUsize::new(0);
        for (of, bound) in bound.iter().enumerate() {
            let size = &size;
            let key = || {
                move |object: Object, id, _| {
                    let is_within = size.load(Relaxed) <= MAX_SORT_KEYS;
                    let sort = bound.sort.filter(|_| is_within);
                    let key = sort.map(|sort| sort.key(&object, &self.budget));
                    let length = key.as_ref().map_or(0, SortKey::size);
                    let before = size.fetch_add(length, Relaxed);
                    let fits = before.saturating_add(length) <= MAX_SORT_KEYS;
                    (of, key.filter(|_| fits), id)
                }
            };
            let visit = |key| {
                keys.push(key);
                size.load(Relaxed) <= MAX_SORT_KEYS
            };
            self.matches(bound, &Start::First, None, key, visit).await?;
        }
        if size.into_inner() > MAX_SORT_KEYS {
            return Err(ScimError::TooMany(format!(
                "the values to sort by have more than {MAX_SORT_KEYS} bytes together; leave `sortBy` out, or sort by an attribute with shorter values"
            ))
            .into());
        }
        // The sort is stable: equal keys stay in the order of types and ids.
        if let Some(sort) = bound.first().and_then(|bound| bound.sort) {
            keys.sort_by(|(_, one, _), (_, other, _)| {
                sort.compare(
                    one.as_ref().unwrap_or(&SortKey::Missing),
                    other.as_ref().unwrap_or(&SortKey::Missing),
                )
            });
        }
        let total = keys.len() as u64;
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let page = keys
            .into_iter()
            .skip(skip)
            .take(count)
            .map(|(of, _, id)| Match { of, id, kept: None })
            .collect();
        let (resources, taken) = self.fill(bound, count, page, Found::ByFilter).await?;
        Ok((total, resources, taken as u64))
    }
}
