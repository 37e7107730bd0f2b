//! The matches of a list that may be on its page: collected while the directory is read, and shown.
//!
//! What is held does not grow with what is read: of each walk as much text as a page can show, and
//! of the other matches the ids.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use scim::ResourceId;
use scim::page::{Allowance, MAX_PAGE, PageContent, Shown};

use super::bound::{Bound, Object};
use super::{Directory, Failure};

/// How many of a page's resources are read at a time.
const BATCH: usize = 100;

/// A match of a list request.
pub(super) struct Match {
    /// Of which of the bound types it is.
    pub(super) of: usize,
    pub(super) id: ResourceId,
    /// `None` if it has to be read again, should it be on the page.
    pub(super) shown: Option<Shown>,
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
            self.size += found.shown.as_ref().map_or(0, Shown::outgoing);
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
) -> impl Fn() -> Box<dyn FnMut(Object, ResourceId) -> Match + Send + 'l> {
    move || {
        let mut allowance = Allowance::new(reach);
        Box::new(move |object, id| Match {
            of: 0,
            id,
            shown: (!is_full.load(Relaxed))
                .then(|| allowance.keep(|| bound.show(object)))
                .flatten(),
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
    ) -> Result<(Vec<Shown>, usize), Failure> {
        let mut content = PageContent::new(count);
        let mut taken = 0;
        let mut read = HashMap::new();
        let mut read_to = 0;
        while let Some(found) = matches.get_mut(taken) {
            let key = (found.of, found.id.clone());
            let shown = match found.shown.take() {
                // Read only now: those before it may fill the page.
                None if taken >= read_to => {
                    read_to = matches.len().min(taken + BATCH);
                    let batch = matches.get(taken..read_to).unwrap_or_default();
                    read = self.read(bound, batch).await?;
                    read.remove(&key)
                }
                None => read.remove(&key),
                shown => shown,
            };
            if shown.is_some_and(|shown| !content.push(shown)) {
                break;
            }
            taken += 1;
        }
        Ok((content.into_resources(), taken))
    }

    /// Those of the matches that have to be read again, if they still match.
    async fn read(
        &self,
        bound: &[Bound],
        matches: &[Match],
    ) -> Result<HashMap<(usize, ResourceId), Shown>, Failure> {
        let mut read = HashMap::new();
        for (of, bound) in bound.iter().enumerate() {
            let ids: Vec<_> = matches
                .iter()
                .filter(|found| found.of == of && found.shown.is_none())
                .map(|found| found.id.clone())
                .collect();
            for stored in self.store.get_many(bound.resource_type, &ids).await? {
                let key = (of, stored.id.clone());
                let object = stored.represent(bound.resource_type, self.base);
                if bound.accepts(&object, &self.budget) {
                    read.insert(key, bound.show(object));
                }
            }
        }
        self.budget.spend(0)?;
        Ok(read)
    }
}
