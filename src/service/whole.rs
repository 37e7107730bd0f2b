//! The resources of a page, each with what is stored apart from it. Which resources are on the page
//! is known by then; so for those alone something is read, and for many at once.

use std::collections::HashMap;

use scim::page::{MAX_PAGE, PageContent, Shown};
use scim::{Membership, ResourceId, ScimError};
use store::directory::members::Wanted;

use super::apart::{Apart, MAX_COMPRESSED, MAX_OF_PAGE};
use super::bound::Bound;
use super::{Directory, Failure};

/// A resource as clients see it, without what is stored apart from it.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) shown: Shown,
    /// What is known of its members.
    pub(super) membership: Membership,
}

/// A resource that may be on a page, if those before it leave room.
#[derive(Debug)]
pub(super) struct Entry {
    /// Of which of the bound types it is.
    pub(super) of: usize,
    pub(super) id: ResourceId,
    pub(super) kept: Kept,
}

/// A page while it is collected.
pub(super) struct WholePage<'p> {
    bound: &'p [Bound],
    content: PageContent,
    /// Whether the resources of each type are all there are in a range of ids.
    are_a_range: bool,
    /// How many more groups of its users may be read.
    left: usize,
}

impl<'p> WholePage<'p> {
    /// A page of at most `count` resources.
    pub fn new(bound: &'p [Bound], count: usize, are_a_range: bool) -> Self {
        Self {
            bound,
            content: PageContent::new(count),
            are_a_range,
            left: MAX_OF_PAGE,
        }
    }

    pub fn into_resources(self) -> Vec<Shown> {
        self.content.into_resources()
    }

    /// How many of these fit on the page, as far as that is known before anything is read: the
    /// first of an empty page in any case, and no more members than may be held at a time.
    fn fitting(&self, entries: &[Entry]) -> usize {
        let mut room = self.content.room() as u64;
        let mut members = MAX_OF_PAGE as u64;
        let fitting = entries.iter().take_while(|entry| {
            let count = self.members(entry);
            let size = entry.kept.shown.outgoing() as u64;
            let size = size.saturating_add(self.size_of(entry.of, count));
            let rest = room.checked_sub(size).zip(members.checked_sub(count));
            if let Some(rest) = rest {
                (room, members) = rest;
            }
            rest.is_some()
        });
        let fitting = fitting.count();
        // The rest of a page may hold a group of more members than are read with others.
        let is_alone = entries.first().is_some_and(|first| {
            let size = self.size_of(first.of, self.members(first));
            self.content.is_empty() || size <= self.content.room() as u64
        });
        match fitting {
            0 if is_alone && self.content.room() > 0 => 1,
            some => some,
        }
    }

    /// How many members of a resource are shown.
    fn members(&self, entry: &Entry) -> u64 {
        match self.bound.get(entry.of) {
            Some(Bound { shape: Some(_), .. }) => entry.kept.membership.members,
            _ => 0,
        }
    }

    fn size_of(&self, of: usize, count: u64) -> u64 {
        let shape = self.bound.get(of).and_then(|bound| bound.shape.as_ref());
        shape.map_or(0, |shape| shape.size_of(count))
    }
}

impl Directory<'_> {
    /// Adds resources to a page, in their order, until it is full. Returns how many it took.
    ///
    /// # Errors
    /// `tooMany` when the first resource of the page does not fit in an answer, or the users of the
    /// page are in too many groups.
    pub(super) async fn add_whole(
        &self,
        page: &mut WholePage<'_>,
        entries: Vec<Entry>,
    ) -> Result<usize, Failure> {
        let mut entries = entries;
        let mut taken = 0;
        while !entries.is_empty() {
            let mut fitting = page.fitting(&entries);
            if fitting == 0 {
                break;
            }
            let apart = loop {
                let some = entries.get(..fitting).unwrap_or_default();
                match self.apart_of_page(page, some).await {
                    // What clients call members takes more than was thought.
                    Err(failure)
                        if matches!(failure.error, ScimError::TooMany(_))
                            && some.iter().any(|entry| page.members(entry) > 0) =>
                    {
                        match fitting {
                            1 if page.content.is_empty() => return Err(failure),
                            1 => return Ok(taken),
                            some => fitting = some.div_ceil(2),
                        }
                    }
                    read => break read?,
                }
            };
            let rest = entries.split_off(fitting.min(entries.len()));
            for entry in std::mem::replace(&mut entries, rest) {
                let whole = self.whole(page, entry, &apart)?;
                if !page.content.push(whole) {
                    return Ok(taken);
                }
                taken += 1;
            }
        }
        Ok(taken)
    }

    /// A resource with what was read of it.
    fn whole(
        &self,
        page: &WholePage<'_>,
        Entry { of, id, kept }: Entry,
        apart: &HashMap<(usize, ResourceId), Apart>,
    ) -> Result<Shown, Failure> {
        let Some(shape) = page.bound.get(of).and_then(|bound| bound.shape.as_ref()) else {
            return Ok(kept.shown);
        };
        let whole = shape.complete(kept.shown, apart.get(&(of, id.clone())));
        let is_alone = page.content.is_empty();
        if is_alone && !self.is_compressed && whole.outgoing() > MAX_PAGE {
            return Err(self.too_large(shape, &id, kept.membership).into());
        }
        Ok(whole)
    }

    /// What is stored apart from these resources and is shown.
    async fn apart_of_page(
        &self,
        page: &mut WholePage<'_>,
        entries: &[Entry],
    ) -> Result<HashMap<(usize, ResourceId), Apart>, Failure> {
        let mut apart = HashMap::new();
        for (of, bound) in page.bound.iter().enumerate() {
            let Some(shape) = &bound.shape else {
                continue;
            };
            let of_type = entries.iter().filter(|entry| entry.of == of);
            let mut of_type: Vec<Wanted> = of_type
                .map(|entry| (entry.id.clone(), entry.kept.membership))
                .collect();
            of_type.sort_by(|(one, _), (other, _)| one.cmp(other));
            if bound.resource_type.members.is_none() {
                let users: Vec<_> = of_type.into_iter().map(|(id, _)| id).collect();
                let groups = self
                    .store
                    .groups_of(&users, page.are_a_range, page.left)
                    .await?;
                let read: usize = groups.values().map(Vec::len).sum();
                page.left = page.left.saturating_sub(read);
                let groups = groups.into_iter();
                apart.extend(groups.map(|(id, groups)| ((of, id), Apart::Groups(groups))));
                continue;
            }
            if let ([(id, membership)], true) = (of_type.as_slice(), entries.len() == 1) {
                if page.content.is_empty() {
                    self.check_size(shape, id, *membership)?;
                }
                let members = self.members_of(shape, id, *membership).await?;
                apart.insert((of, id.clone()), members);
                continue;
            }
            let members = self
                .store
                .members_of_groups(&of_type, page.are_a_range, MAX_COMPRESSED as usize)
                .await?;
            let members = members.into_iter();
            apart.extend(members.map(|(id, members)| ((of, id), Apart::Members(members))));
        }
        Ok(apart)
    }
}
