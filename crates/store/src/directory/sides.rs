//! What a filter asks of memberships: which candidates are in the groups, or have the members, that
//! it names. Only of these is anything read.

use std::collections::{BTreeSet, HashSet};

use futures_util::future::try_join_all;
use scim::filter::{BoundFilter, Named};
use scim::schema::GROUPS;
use scim::text::fold;
use scim::{Membership, ResourceId, ResourceType, Stored};

use super::TenantStore;
use super::members::read::Limit;
use crate::StoreError;

/// What a list looks for.
#[derive(Debug, Clone, Copy)]
pub struct Sought<'s> {
    /// The type of the resources.
    pub resource_type: &'static ResourceType,
    /// What they match.
    pub filter: Option<&'s BoundFilter>,
    /// What the filter says of their memberships.
    pub named: Option<&'s Named>,
}

/// A resource that may match a filter.
#[derive(Debug)]
pub struct Candidate {
    /// The resource.
    pub stored: Stored,
    /// Those of the members that the filter names, or of the groups, that it has; groups with what
    /// they are called.
    pub named: Vec<(ResourceId, Option<String>)>,
}

/// A user or a group that the filter names, at the other end of a membership of a candidate.
#[derive(Debug)]
struct Side {
    id: ResourceId,
    /// What a group is called.
    display: Option<String>,
    membership: Membership,
    /// All candidates that have it, once they are read.
    known: Option<HashSet<ResourceId>>,
}

/// Those that a filter names, and what is known of the candidates.
#[derive(Debug, Default)]
pub(super) struct Sides(Vec<Side>);

/// Which of the sides some candidates have: their places, and the candidate.
pub(super) type Had = HashSet<(usize, ResourceId)>;

impl Sides {
    /// The place of the one that a filter names by its id.
    pub fn by_id(&self, id: &str) -> Option<usize> {
        self.0.iter().position(|side| side.id.as_str() == id)
    }

    /// The place of the one that a filter names by what it is called, folded.
    pub fn by_display(&self, display: &str) -> Option<usize> {
        let is_called = |side: &Side| {
            let called = side.display.as_deref();
            called.is_some_and(|called| fold(called) == display)
        };
        self.0.iter().position(is_called)
    }

    /// How many of them are not known of all candidates.
    pub fn unknown(&self) -> u64 {
        let unknown = self.0.iter().filter(|side| side.known.is_none());
        unknown.count() as u64
    }

    /// All candidates that have one, if they are read.
    pub fn known(&self, place: usize) -> Option<&HashSet<ResourceId>> {
        self.0.get(place)?.known.as_ref()
    }

    /// A candidate with those that it has.
    pub fn candidate(&self, stored: Stored, had: &Had) -> Candidate {
        let has = |(place, side): &(usize, &Side)| match &side.known {
            Some(known) => known.contains(&stored.id),
            None => had.contains(&(*place, stored.id.clone())),
        };
        let named = self.0.iter().enumerate().filter(has);
        let named = named
            .map(|(_, side)| (side.id.clone(), side.display.clone()))
            .collect();
        Candidate { stored, named }
    }
}

impl TenantStore<'_> {
    /// Those that a filter names. Groups are read: one that does not exist has no members.
    pub(super) async fn sides(&self, sought: Sought<'_>) -> Result<Sides, StoreError> {
        let Some(named) = sought.named else {
            return Ok(Sides::default());
        };
        let mut ids: BTreeSet<ResourceId> = named
            .values
            .iter()
            .filter_map(|id| ResourceId::parse(id))
            .collect();
        if sought.resource_type.members.is_some() {
            let side = |id| Side {
                id,
                display: None,
                membership: Membership::default(),
                known: None,
            };
            return Ok(Sides(ids.into_iter().map(side).collect()));
        }
        if !named.displays.is_empty() {
            let displays: Vec<&str> = named.displays.iter().map(String::as_str).collect();
            ids.extend(
                self.holders(&GROUPS, &displays)
                    .await?
                    .into_iter()
                    .flatten(),
            );
        }
        let ids: Vec<_> = ids.into_iter().collect();
        if ids.is_empty() {
            return Ok(Sides::default());
        }
        let groups = self.get_many(&GROUPS, &ids).await?;
        let side = |group: Stored| Side {
            display: group.resource.text(GROUPS.unique).map(str::to_owned),
            id: group.id,
            membership: group.meta.membership,
            known: None,
        };
        Ok(Sides(groups.into_iter().map(side).collect()))
    }

    /// Reads all candidates that have these sides, which are at these places.
    ///
    /// # Errors
    /// [`StoreError::TooManyNamed`] when they are more than `at_most` together.
    pub(super) async fn know(
        &self,
        resource_type: &ResourceType,
        sides: &mut Sides,
        places: &BTreeSet<usize>,
        at_most: u64,
    ) -> Result<(), StoreError> {
        let limit = &Limit::new(usize::try_from(at_most).unwrap_or(usize::MAX));
        let unknown = sides.0.iter().enumerate();
        let unknown: Vec<_> = unknown
            .filter(|(place, side)| places.contains(place) && side.known.is_none())
            .map(|(place, side)| (place, side.id.clone(), side.membership.pending))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let read: Vec<(usize, HashSet<ResourceId>)> = if resource_type.members.is_some() {
            let users: Vec<_> = unknown.iter().map(|(_, id, _)| id.clone()).collect();
            let mut groups = self.sides_of(&users, false, limit).await.map_err(named)?;
            let mut groups_of = |user: &ResourceId| groups.remove(user).unwrap_or_default();
            unknown
                .iter()
                .map(|(place, user, _)| (*place, groups_of(user).into_iter().collect()))
                .collect()
        } else {
            let reads: Vec<_> = unknown
                .iter()
                .map(|(place, group, is_pending)| async move {
                    let members = self.members_within(group, *is_pending, limit).await;
                    let ids = members.map_err(named)?.into_iter();
                    Ok::<_, StoreError>((*place, ids.map(|member| member.id).collect()))
                })
                .collect();
            try_join_all(reads).await?
        };
        for (place, known) in read {
            if let Some(side) = sides.0.get_mut(place) {
                side.known = Some(known);
            }
        }
        Ok(())
    }

    /// The same for all sides.
    pub(super) async fn know_all(
        &self,
        resource_type: &ResourceType,
        sides: &mut Sides,
        at_most: u64,
    ) -> Result<(), StoreError> {
        let places = (0..sides.0.len()).collect();
        self.know(resource_type, sides, &places, at_most).await
    }

    /// Which of the sides that are not known of all candidates these candidates have. They were
    /// read before.
    pub(super) async fn had(
        &self,
        resource_type: &ResourceType,
        sides: &Sides,
        candidates: &[Stored],
    ) -> Result<Had, StoreError> {
        let are_groups = resource_type.members.is_some();
        let pair = |side: &Side, candidate: &ResourceId| match are_groups {
            true => (candidate.clone(), side.id.clone()),
            false => (side.id.clone(), candidate.clone()),
        };
        let sides = sides.0.iter().enumerate();
        let unknown: Vec<_> = sides.filter(|(_, side)| side.known.is_none()).collect();
        if unknown.is_empty() || candidates.is_empty() {
            return Ok(Had::new());
        }
        let pending: HashSet<ResourceId> = match are_groups {
            true => candidates
                .iter()
                .filter(|group| group.meta.membership.pending)
                .map(|group| group.id.clone())
                .collect(),
            false => unknown
                .iter()
                .filter(|(_, side)| side.membership.pending)
                .map(|(_, side)| side.id.clone())
                .collect(),
        };
        let mut pairs = Vec::new();
        for (_, side) in &unknown {
            pairs.extend(candidates.iter().map(|stored| pair(side, &stored.id)));
        }
        let memberships = self.memberships(pairs, pending).await?;
        let mut had = Had::new();
        for (place, side) in unknown {
            let has = candidates
                .iter()
                .filter(|stored| memberships.contains(&pair(side, &stored.id)));
            had.extend(has.map(|stored| (place, stored.id.clone())));
        }
        Ok(had)
    }
}

/// What a limit means that was met for a filter.
fn named(error: StoreError) -> StoreError {
    match error {
        StoreError::TooManyEdges { accepted } => StoreError::TooManyNamed { accepted },
        other => other,
    }
}
