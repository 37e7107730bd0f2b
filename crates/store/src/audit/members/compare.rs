//! Reads edge by edge what does not add up.

use std::collections::{BTreeMap, BTreeSet};

use scim::ResourceId;

use super::super::{Defect, DefectKind};
use super::seen::{Memberships, Unequal};
use crate::client::attributes::{Item, optional_text, text};
use crate::client::format;
use crate::client::tables::SORT_KEY;
use crate::directory::keys::members::{EDGES_OF_USERS, ends, head};
use crate::directory::members::edge::{DISPLAY, LEFT};
use crate::{StoreError, TenantStore};

/// How many single memberships are suspected at a time: the rest is for the next audit, since what
/// is wrong with so many has one reason.
const MAX: usize = 10_000;

/// The edges of a group: who is at their other end, and what it is called.
type Edges = BTreeMap<ResourceId, Option<String>>;

impl TenantStore<'_> {
    /// The single memberships of which something does not match.
    pub(in crate::audit) async fn compare_edges(
        &self,
        memberships: &Memberships<'_>,
    ) -> Result<Vec<Defect>, StoreError> {
        let unequal = memberships.unequal();
        let Unequal {
            groups,
            users,
            ended,
        } = &unequal;
        let mut suspects = BTreeMap::new();
        if groups.is_empty() && users.is_empty() && ended.is_empty() {
            return Ok(Vec::new());
        }
        let mut found: BTreeMap<ResourceId, Edges> = BTreeMap::new();
        self.each_of_any_format(self.query_prefix(EDGES_OF_USERS), |item| {
            let Some((user, group)) = known_ends(item)? else {
                return Ok(true);
            };
            let has_left = item.contains_key(LEFT);
            // Those of an ended group are swept with it, as far as they are found from it.
            let is_stray = match users.get(&user) {
                Some(can_return) => !has_left || !can_return,
                None => has_left && ended.contains(&group),
            };
            if is_stray && suspects.len() < MAX {
                suspects.insert((group.clone(), user.clone()), DefectKind::StrayEdge);
            }
            if !has_left && groups.contains(&group) {
                found.entry(group).or_default().insert(user, display(item)?);
            }
            Ok(true)
        })
        .await?;
        for group in groups {
            let mut reverse = found.remove(group).unwrap_or_default();
            let is_ended = ended.contains(group);
            let query = self.query_prefix(format!("{}#", head(group)));
            self.each_of_any_format(query, |item| {
                let Some((_, user)) = known_ends(item)? else {
                    return Ok(true);
                };
                let other = reverse.remove(&user);
                if !is_ended && other != Some(display(item)?) && suspects.len() < MAX {
                    suspects.insert((group.clone(), user), DefectKind::MissingEdge);
                }
                Ok(true)
            })
            .await?;
            let stray: BTreeSet<ResourceId> = reverse.into_keys().collect();
            for user in stray.into_iter().take(MAX.saturating_sub(suspects.len())) {
                suspects.insert((group.clone(), user), DefectKind::StrayEdge);
            }
        }
        let defect = |((group, user), kind)| Defect::of_edge(kind, &group, &user);
        Ok(suspects.into_iter().map(defect).collect())
    }
}

/// The two ids of an edge, unless it is a newer release's, or no edge. An unreadable one was found
/// before.
fn known_ends(item: &Item) -> Result<Option<(ResourceId, ResourceId)>, StoreError> {
    Ok(match format::is_newer(item)? {
        false => ends(text(item, SORT_KEY)?),
        true => None,
    })
}

fn display(item: &Item) -> Result<Option<String>, StoreError> {
    Ok(optional_text(item, DISPLAY)?.map(str::to_owned))
}
