//! GET of many resources (RFC 7644 §3.4.2) and the equivalent POST (§3.4.3): filtered, sorted, and
//! paged by index or by cursor.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use scim::cursor::{Cursor, Position, Seal};
use scim::list::{ListResponse, Page, Paging, Query};
use scim::{Membership, ResourceId, ResourceType};
use store::directory::Candidate;
use store::directory::range::Start;

use super::bound::{Bound, Object, bind};
use super::selection::{Found, Match, Selection, keep};
use super::{Directory, Failure};

/// What a walk through ids found, besides the matches.
pub(super) struct Walked {
    pub(super) start: Start,
    /// How many there are in all.
    pub(super) total: u64,
    /// Whether there are more than the page holds.
    pub(super) has_more: bool,
    pub(super) found: Found,
}

/// Where a cursor has a walk start.
fn start(cursor: Option<&Cursor>) -> Start {
    match cursor.map(|cursor| &cursor.position) {
        Some(Position::After(id)) => Start::After(id.clone()),
        Some(Position::Before(id)) => Start::Before(id.clone()),
        Some(Position::Offset(_)) | None => Start::First,
    }
}

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
        let bound = bind(resource_types, request, self.base)?;
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
                let part = Box::pin(self.part(&bound, page.skip(), page.count));
                let (total, resources, _) = part.await?;
                let start_index = Some(page.start_index);
                Ok(ListResponse {
                    total,
                    resources,
                    start_index,
                    ..ListResponse::default()
                })
            }
            (None, Paging::Cursor { cursor, count }) => {
                Box::pin(self.cursor_page_of_several(&bound, &seal(), cursor, count)).await
            }
        }
    }

    /// A page by index in the order of ids.
    async fn index_page(&self, bound: &Bound, page: Page) -> Result<ListResponse, Failure> {
        let start_index = Some(page.start_index);
        let bounds = std::slice::from_ref(bound);
        if let Some(group) = bound.group() {
            return self.index_page_of_group(bound, group, page).await;
        }
        if bound.filter.is_none() {
            let (total, resources, _) = self.all(bounds, page.skip(), page.count).await?;
            return Ok(ListResponse {
                total,
                resources,
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
            .fill(bounds, page.count, selection.matches, Found::ByFilter)
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
        let start = start(cursor.as_ref());
        if let Some(group) = bound.group() {
            let known = cursor.map(|cursor| cursor.total);
            return self
                .cursor_page_of_group(bound, seal, group, start, known, count)
                .await;
        }
        let mut total = match (&cursor, &bound.filter) {
            (Some(cursor), _) => Some(cursor.total),
            (None, None) => Some(self.store.count(bound.resource_type).await?),
            (None, Some(_)) => None,
        };
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
        let found = match bound.filter {
            Some(_) => Found::ByFilter,
            None => Found::InRange,
        };
        let walked = Walked {
            start,
            total,
            has_more,
            found,
        };
        self.walked_page(bound, seal, selection.matches, count, walked)
            .await
    }

    /// A page by cursor of what a walk through ids found.
    pub(super) async fn walked_page(
        &self,
        bound: &Bound,
        seal: &Seal,
        matches: Vec<Match>,
        count: usize,
        walked: Walked,
    ) -> Result<ListResponse, Failure> {
        let Walked {
            start,
            total,
            mut has_more,
            found,
        } = walked;
        let mut ids: Vec<_> = matches.iter().map(|found| found.id.clone()).collect();
        let (mut resources, taken) = self
            .fill(std::slice::from_ref(bound), count, matches, found)
            .await?;
        has_more |= taken < ids.len();
        ids.truncate(taken);
        if matches!(start, Start::Before(_)) {
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

    /// Shows `visit` what is made of every matching resource, in the order of ids, until it returns
    /// false. `begin` begins a walk: the directory may be read in several at once.
    pub(super) async fn matches<T, M: FnMut(Object, ResourceId, Membership) -> T>(
        &self,
        bound: &Bound,
        start: &Start,
        expected: Option<usize>,
        begin: impl Fn() -> M,
        visit: impl FnMut(T) -> bool,
    ) -> Result<(), Failure> {
        let examine = || {
            let mut make = begin();
            move |candidate: Candidate| {
                let (id, membership) = (
                    candidate.stored.id.clone(),
                    candidate.stored.meta.membership,
                );
                let object = bound.accept(candidate, self.base, &self.budget)?;
                Some(make(object, id, membership))
            }
        };
        // Boxed, as are the larger steps within: there is room for one of them at a time.
        let candidates = self
            .store
            .candidates(bound.sought(), start, expected, examine, visit);
        Box::pin(candidates).await?;
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
