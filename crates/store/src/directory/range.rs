//! Which part of a tenant's resources a walk covers, and in which direction.

use scim::{ResourceId, ResourceType, Stored};

use super::assembled::Assembly;
use super::{TenantStore, keys};
use crate::StoreError;
use crate::client::attributes::text;
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
    /// Where a walk that started here goes on after it has reached `id`.
    pub(super) fn continued(&self, id: &ResourceId) -> Self {
        match self {
            Self::First | Self::After(_) => Self::After(id.clone()),
            Self::Before(_) => Self::Before(id.clone()),
        }
    }

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
#[derive(Debug, PartialEq, Eq)]
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
            Start::After(id) if resource_type.members.is_some() => Self {
                // Its shards are passed over as well.
                from: keys::members::resource_end(resource_type, id),
                ..all
            },
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

    /// The resources that a walk from `start` reaches, in its order, in up to sixteen shares: one
    /// for each first digit of their ids.
    pub(super) fn shares(resource_type: &ResourceType, start: &Start) -> Vec<Self> {
        let all = Self::of(resource_type, start);
        let mut shares: Vec<_> = keys::DIGITS
            .chars()
            .map(|digit| {
                let from = keys::resources_from(resource_type, &digit.to_string());
                let to = format!("{from}~");
                let excluded = all.excluded.clone();
                Self {
                    excluded: excluded.filter(|key| (&from..=&to).contains(&key)),
                    from: from.max(all.from.clone()),
                    to: to.min(all.to.clone()),
                    forward: all.forward,
                }
            })
            .filter(|share| share.from <= share.to)
            .collect();
        if !all.forward {
            shares.reverse();
        }
        shares
    }
}

impl TenantStore<'_> {
    /// Shows `visit` the resources of a range, in its order, until it returns false. `expected` is
    /// how many it will probably take, if that is known.
    pub(super) async fn walk(
        &self,
        resource_type: &ResourceType,
        range: Range,
        expected: Option<usize>,
        mut visit: impl FnMut(Stored) -> bool,
    ) -> Result<(), StoreError> {
        // BETWEEN includes both ends, so the resource to start after or before is read too.
        let limit = expected.map(|expected| expected.saturating_add(range.excluded.iter().len()));
        let items = match resource_type.members {
            Some(_) => 1 + keys::DIGITS.len(),
            None => 1,
        };
        let limit = limit.map(|limit| limit.saturating_mul(items));
        let mut assembly = Assembly::new(resource_type, range.forward);
        let mut goes_on = true;
        let query = self
            .query_between(range.from, range.to)
            .scan_index_forward(range.forward)
            .set_limit(limit.and_then(|limit| i32::try_from(limit).ok()));
        self.each(query, |item| {
            if range.excluded.as_deref() == Some(text(item, SORT_KEY)?) {
                return Ok(true);
            }
            goes_on = assembly.add(item)?.is_none_or(&mut visit);
            Ok(goes_on)
        })
        .await?;
        if goes_on && let Some(last) = assembly.end() {
            visit(last);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use scim::schema::USERS;

    use super::*;

    fn id(digit: char) -> ResourceId {
        ResourceId::parse(&format!("{digit}0000000-0000-4000-8000-000000000000")).unwrap()
    }

    #[test]
    fn shares_are_the_range_in_the_order_of_the_walk() {
        let shares = |start: &Start| Range::shares(&USERS, start);
        let bounds = |share: &Range| format!("{}..{}", share.from, share.to);
        let all = shares(&Start::First);
        assert_eq!(all.len(), 16);
        assert_eq!(bounds(&all[0]), "U#0..U#0~");
        assert_eq!(bounds(&all[15]), "U#f..U#f~");
        let after = shares(&Start::After(id('d')));
        let key = format!("U#{}", id('d'));
        assert_eq!(after.len(), 3);
        assert_eq!(bounds(&after[0]), format!("{key}..U#d~"));
        assert_eq!(after[0].excluded.as_ref(), Some(&key));
        assert_eq!(
            (bounds(&after[1]), &after[1].excluded),
            ("U#e..U#e~".to_owned(), &None)
        );
        let before = shares(&Start::Before(id('d')));
        assert_eq!(before.len(), 14);
        assert_eq!(bounds(&before[0]), format!("U#d..{key}"));
        assert_eq!(before[0].excluded.as_ref(), Some(&key));
        assert_eq!(
            (bounds(&before[13]), before[13].forward),
            ("U#0..U#0~".to_owned(), false)
        );
    }
}
