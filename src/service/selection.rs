//! The matches of a list that may be on its page: collected while the directory is read, and shown.
//!
//! What is held does not grow with what is read: of each walk as much text as a page can show, and
//! of the other matches the ids.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use scim::page::{Allowance, MAX_PAGE, Shown};
use scim::{Membership, ResourceId};

use super::bound::{Bound, Object};
use super::whole::{Entry, Kept, WholePage};
use super::{Directory, Failure};

/// How many of a page's resources are read at a time.
const BATCH: usize = 100;

/// A match of a list request.
pub(super) struct Match {
    /// Of which of the bound types it is.
    pub(super) of: usize,
    pub(super) id: ResourceId,
    /// `None` if it has to be read again, should it be on the page.
    pub(super) kept: Option<Kept>,
}

/// What is known of the matches of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// They match the filter; those that are read again are held against it again.
    ByFilter,
    /// There is no filter, and they are all resources of a range of ids.
    InRange,
    /// They match the filter, and need not be held against it.
    ByMembership,
}

/// The matches that may be on a page, in its order.
pub(super) struct Selection {
    pub(super) matches: Vec<Match>,
    count: usize,
    /// How much those take that need not be read again.
    size: usize,
}

impl Selection {
    pub(super) fn new(count: usize) -> Self {
        Self {
            matches: Vec::new(),
            count,
            size: 0,
        }
    }

    /// Adds a match, unless the page is full without it.
    pub(super) fn add(&mut self, found: Match) -> bool {
        let fits = self.matches.len() < self.count && self.size <= MAX_PAGE;
        if fits {
            let shown = found.kept.as_ref().map(|kept| &kept.shown);
            self.size += shown.map_or(0, Shown::outgoing);
            self.matches.push(found);
        }
        fits
    }
}

/// Begins a walk for a page that the first `reach` matches of a walk may be on: it keeps their text
/// within an [`Allowance`], until the page is full.
pub(super) fn keep<'l>(
    bound: &'l Bound,
    reach: u64,
    is_full: &'l AtomicBool,
) -> impl Fn() -> Box<dyn FnMut(Object, ResourceId, Membership) -> Match + Send + 'l> {
    move || {
        let mut allowance = Allowance::new(reach);
        Box::new(move |object, id, membership| Match {
            of: 0,
            id,
            kept: (!is_full.load(Relaxed))
                .then(|| allowance.keep(|| bound.show(object)))
                .flatten()
                .map(|shown| Kept { shown, membership }),
        })
    }
}

impl Directory<'_> {
    /// As many of the matches as fit on a page, and how many of them it took: those that do not
    /// match any more by the time they are read are left out.
    pub(super) async fn fill(
        &self,
        bound: &[Bound],
        count: usize,
        mut matches: Vec<Match>,
        found: Found,
    ) -> Result<(Vec<Shown>, usize), Failure> {
        let mut page = WholePage::new(bound, count, found == Found::InRange);
        let mut taken = 0;
        while let Some(first) = matches.get(taken) {
            // Those that are kept fill the page perhaps, before others have to be read.
            let is_kept = first.kept.is_some();
            let rest = matches.get(taken..).unwrap_or_default();
            let run = match is_kept {
                true => rest.iter().take_while(|found| found.kept.is_some()).count(),
                false => rest.len(),
            };
            let run = match found {
                Found::InRange if is_kept => run,
                _ => run.min(BATCH),
            };
            let batch = matches.get_mut(taken..taken + run).unwrap_or_default();
            let mut read = match is_kept {
                true => HashMap::new(),
                false => Box::pin(self.read(bound, batch, found)).await?,
            };
            let mut places = Vec::with_capacity(run);
            let mut entries = Vec::with_capacity(run);
            for (place, Match { of, id, kept }) in batch.iter_mut().enumerate() {
                let (of, id) = (*of, id.clone());
                let kept = match kept.take() {
                    None => read.remove(&(of, id.clone())),
                    kept => kept,
                };
                if let Some(kept) = kept {
                    places.push(place);
                    entries.push(Entry { of, id, kept });
                }
            }
            let added = Box::pin(self.add_whole(&mut page, entries)).await?;
            if let Some(place) = places.get(added) {
                return Ok((page.into_resources(), taken + place));
            }
            taken += run;
        }
        Ok((page.into_resources(), taken))
    }

    /// Those of the matches that have to be read again, if they still match.
    async fn read(
        &self,
        bound: &[Bound],
        matches: &[Match],
        found: Found,
    ) -> Result<HashMap<(usize, ResourceId), Kept>, Failure> {
        let mut read = HashMap::new();
        for (of, bound) in bound.iter().enumerate() {
            let ids: Vec<_> = matches
                .iter()
                .filter(|found| found.of == of && found.kept.is_none())
                .map(|found| found.id.clone())
                .collect();
            if ids.is_empty() {
                continue;
            }
            let mut keep = |id, membership, object| {
                let shown = bound.show(object);
                read.insert((of, id), Kept { shown, membership });
            };
            if found != Found::ByFilter {
                for stored in self.store.get_many(bound.resource_type, &ids).await? {
                    let (id, membership) = (stored.id.clone(), stored.meta.membership);
                    let object = stored.represent(bound.resource_type, self.base);
                    keep(id, membership, object);
                }
                continue;
            }
            let sought = bound.sought();
            for candidate in self.store.candidates_again(sought, &ids).await? {
                let (id, membership) = (
                    candidate.stored.id.clone(),
                    candidate.stored.meta.membership,
                );
                if let Some(object) = bound.accept(candidate, self.base, &self.budget) {
                    keep(id, membership, object);
                }
            }
        }
        self.budget.spend(0)?;
        Ok(read)
    }
}
