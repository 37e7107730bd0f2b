//! Which part of a tenant's resources a walk covers, and in which direction.

use scim::{ResourceId, ResourceType};

use super::{TenantStore, keys};
use crate::StoreError;
use crate::client::attributes::{Item, text};
use crate::client::tables::SORT_KEY;

/// Where a walk through resources in the order of their ids starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// At the first resource.
    First,
    /// After this one.
    After(ResourceId),
    /// Before this one, going backwards.
    Before(ResourceId),
}

impl Start {
    /// Whether a walk that starts here reaches `id`.
    pub(super) fn admits(&self, id: &ResourceId) -> bool {
        match self {
            Self::First => true,
            Self::After(start) => id > start,
            Self::Before(start) => id < start,
        }
    }
}

/// A range of sort keys of resources.
pub(super) struct Range {
    pub(super) from: String,
    pub(super) to: String,
    /// The key at one end that must not be shown.
    pub(super) excluded: Option<String>,
    pub(super) forward: bool,
}

impl Range {
    /// The resources that a walk from `start` reaches.
    pub(super) fn of(resource_type: &ResourceType, start: &Start) -> Self {
        let all = Self::from_digits(resource_type, "");
        match start {
            Start::First => all,
            Start::After(id) => {
                let key = keys::resource(resource_type, id);
                Self {
                    from: key.clone(),
                    excluded: Some(key),
                    ..all
                }
            }
            Start::Before(id) => {
                let key = keys::resource(resource_type, id);
                Self {
                    to: key.clone(),
                    excluded: Some(key),
                    forward: false,
                    ..all
                }
            }
        }
    }

    /// The resources whose ids start with these digits or higher ones.
    pub(super) fn from_digits(resource_type: &ResourceType, digits: &str) -> Self {
        Self {
            from: keys::resources_from(resource_type, digits),
            to: keys::resources_end(resource_type),
            excluded: None,
            forward: true,
        }
    }

    /// The resources whose ids start with this digit: a sixteenth of all.
    pub(super) fn share(resource_type: &ResourceType, digit: char) -> Self {
        let from = keys::resources_from(resource_type, &digit.to_string());
        Self {
            to: format!("{from}~"),
            from,
            excluded: None,
            forward: true,
        }
    }
}

impl TenantStore<'_> {
    /// Shows `visit` the items of a range of resources, in its order, until it returns false.
    /// `expected` is how many it will probably take, if that is known.
    pub(super) async fn walk(
        &self,
        range: Range,
        expected: Option<usize>,
        mut visit: impl FnMut(&Item) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        // BETWEEN includes both ends, so the resource to start after or before is read too.
        let limit = expected.map(|expected| expected.saturating_add(range.excluded.iter().len()));
        let query = self
            .query_between(range.from, range.to)
            .scan_index_forward(range.forward)
            .set_limit(limit.and_then(|limit| i32::try_from(limit).ok()));
        self.each(query, |item| {
            if range.excluded.as_deref() == Some(text(item, SORT_KEY)?) {
                return Ok(true);
            }
            visit(item)
        })
        .await
    }
}
