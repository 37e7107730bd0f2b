//! GET of many resources (RFC 7644 §3.4.2) and the equivalent POST (§3.4.3): filtered, sorted, and
//! paged by index or by cursor.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use scim::cursor::{Cursor, Position, Seal};
use scim::list::{ListResponse, Page, Paging, Query};
use scim::page::{PageContent, Shown};
use scim::sort::SortKey;
use scim::{ResourceId, ResourceType, ScimError, Stored};
use store::directory::range::Start;

use super::bound::{Bound, Object, bind};
use super::selection::{Match, Selection, keep};
use super::{Directory, Failure};

/// How much text the keys may have by which a list is sorted, in bytes: they are all held at once.
const MAX_SORT_KEYS: usize = 32 * 1024 * 1024;

impl Directory<'_> {
    /// The matching resources of the given types, sorted or else in the order of their ids.
    ///
    /// # Errors
    /// `invalidFilter`, `invalidValue`, `invalidCursor`, `expiredCursor`, `invalidCount`. A filter
    /// that matches nothing is no error.
    pub async fn list(
        &self,
        resource_types: &[&'static ResourceType],
        request: &Query,
    ) -> Result<ListResponse, Failure> {
        let bound = bind(resource_types, request)?;
        let seal = || self.seal(resource_types, request);
        // A single type in id order is walked by id, which costs the same on every page.
        let by_id = match (bound.as_slice(), &request.sort_by) {
            ([single], None) => Some(single),
            _ => None,
        };
        // Boxed, so that the requests that are no lists have no room for one in their futures.
        match (by_id, request.paging()?) {
            (Some(bound), Paging::Index(page)) => Box::pin(self.index_page(bound, page)).await,
            (Some(bound), Paging::Cursor { cursor, count }) => {
                Box::pin(self.cursor_page(bound, &seal(), cursor, count)).await
            }
            (None, Paging::Index(page)) => {
                let sorted = Box::pin(self.sorted(&bound, page.skip(), page.count));
                let (total, resources, _) = sorted.await?;
                let start_index = Some(page.start_index);
                Ok(ListResponse {
                    total,
                    resources,
                    start_index,
                    ..ListResponse::default()
                })
            }
            (None, Paging::Cursor { cursor, count }) => {
                Box::pin(self.sorted_cursor_page(&bound, &seal(), cursor, count)).await
            }
        }
    }

    /// A page by index in the order of ids.
    async fn index_page(&self, bound: &Bound, page: Page) -> Result<ListResponse, Failure> {
        let start_index = Some(page.start_index);
        if bound.filter.is_none() {
            let mut content = PageContent::new(page.count);
            let total = self
                .store
                .page(bound.resource_type, &page, |stored| {
                    content.push(bound.show(stored.represent(bound.resource_type, self.base)))
                })
                .await?;
            return Ok(ListResponse {
                total,
                resources: content.into_resources(),
                start_index,
                ..ListResponse::default()
            });
        }
        let mut total = 0;
        let mut selection = Selection::new(page.count);
        let reach = page.skip().saturating_add(page.count as u64);
        let is_full = AtomicBool::new(page.count == 0);
        let visit = |found| {
            total += 1;
            if total >= page.start_index && !selection.add(found) {
                is_full.store(true, Relaxed);
            }
            true
        };
        let keep = keep(bound, reach, &is_full);
        self.matches(bound, &Start::First, None, keep, visit)
            .await?;
        let (resources, _) = self
            .fill(std::slice::from_ref(bound), page.count, selection.matches)
            .await?;
        Ok(ListResponse {
            total,
            resources,
            start_index,
            ..ListResponse::default()
        })
    }

    /// A page by cursor in the order of ids. The first page counts all matches; the others stop
    /// reading when they are full.
    async fn cursor_page(
        &self,
        bound: &Bound,
        seal: &Seal,
        cursor: Option<&str>,
        count: usize,
    ) -> Result<ListResponse, Failure> {
        let cursor = cursor
            .map(|cursor| seal.open(cursor, self.now))
            .transpose()?;
        let start = match cursor.as_ref().map(|cursor| &cursor.position) {
            Some(Position::After(id)) => Start::After(id.clone()),
            Some(Position::Before(id)) => Start::Before(id.clone()),
            Some(Position::Offset(_)) | None => Start::First,
        };
        let mut total = match (&cursor, &bound.filter) {
            (Some(cursor), _) => Some(cursor.total),
            (None, None) => Some(self.store.count(bound.resource_type).await?),
            (None, Some(_)) => None,
        };
        let backwards = matches!(start, Start::Before(_));
        let mut counted = 0;
        let mut selection = Selection::new(count);
        // One match more than the page holds shows that there is another page.
        let mut has_more = false;
        let expected = total.is_some().then_some(count.saturating_add(1));
        let is_full = AtomicBool::new(count == 0);
        let visit = |found| {
            counted += 1;
            if !selection.add(found) {
                has_more = true;
                is_full.store(true, Relaxed);
            }
            total.is_none() || !has_more
        };
        let keep = keep(bound, count as u64, &is_full);
        self.matches(bound, &start, expected, keep, visit).await?;
        let total = *total.get_or_insert(counted);
        let mut ids: Vec<_> = selection
            .matches
            .iter()
            .map(|found| found.id.clone())
            .collect();
        let (mut resources, taken) = self
            .fill(std::slice::from_ref(bound), count, selection.matches)
            .await?;
        has_more |= taken < ids.len();
        ids.truncate(taken);
        if backwards {
            resources.reverse();
            ids.reverse();
        }
        let (has_previous, has_next) = match start {
            Start::First => (false, has_more),
            Start::After(_) => (true, has_more),
            Start::Before(_) => (has_more, true),
        };
        let close = |position| seal.close(&Cursor { position, total }, self.now);
        let next_cursor = ids
            .last()
            .filter(|_| has_next)
            .map(|id| close(Position::After(id.clone())));
        let previous_cursor = ids
            .first()
            .filter(|_| has_previous)
            .map(|id| close(Position::Before(id.clone())));
        Ok(ListResponse {
            total,
            resources,
            next_cursor,
            previous_cursor,
            start_index: None,
        })
    }

    /// A page by cursor of a list that is not in the order of ids: the cursor is an index.
    async fn sorted_cursor_page(
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
        let (total, resources, taken) = self.sorted(bound, offset, count).await?;
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
                move |object: Object, id| {
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
            .map(|(of, _, id)| Match {
                of,
                id,
                shown: None,
            })
            .collect();
        let (resources, taken) = self.fill(bound, count, page).await?;
        Ok((total, resources, taken as u64))
    }

    /// Shows `visit` what is made of every matching resource, in the order of ids, until it returns
    /// false. `begin` begins a walk: the directory may be read in several at once.
    async fn matches<T, M: FnMut(Object, ResourceId) -> T>(
        &self,
        bound: &Bound,
        start: &Start,
        expected: Option<usize>,
        begin: impl Fn() -> M,
        visit: impl FnMut(T) -> bool,
    ) -> Result<(), Failure> {
        let examine = || {
            let mut make = begin();
            move |stored: Stored| {
                let id = stored.id.clone();
                let object = stored.represent(bound.resource_type, self.base);
                bound
                    .accepts(&object, &self.budget)
                    .then(|| make(object, id))
            }
        };
        let filter = bound.filter.as_ref();
        self.store
            .candidates(bound.resource_type, filter, start, expected, examine, visit)
            .await?;
        Ok(self.budget.spend(0)?)
    }

    /// The seal of a request's cursors: for one key, and for one query regardless of its page.
    fn seal(&self, resource_types: &[&'static ResourceType], request: &Query) -> Seal {
        let names: Vec<_> = resource_types
            .iter()
            .map(|resource_type| resource_type.name)
            .collect();
        let text = |parameter: &Option<String>| parameter.clone().unwrap_or_default();
        let (filter, by, order) = (
            text(&request.filter),
            text(&request.sort_by),
            text(&request.sort_order),
        );
        Seal::new(
            self.cursor_key,
            &["cursor", &names.join(","), &filter, &by, &order],
        )
    }
}
