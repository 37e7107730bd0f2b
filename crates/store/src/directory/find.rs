//! Finding resources by a filter: from a bound filter to an access path in DynamoDB, and its use.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use futures_util::future::{try_join, try_join_all};
use scim::filter::{BoundFilter, Comparison, Operator, Test};
use scim::schema::BoundPath;
use scim::{ResourceId, ResourceType, Stored};

use super::range::Start;
use super::read::{BATCH, Batch, UNIT};
use super::scan::{MAX_READ, Walk};
use super::{TenantStore, keys};
use crate::StoreError;
use crate::client::attributes::{Item, text};
use crate::client::tables::SORT_KEY;

/// How to find the resources that may match a filter. A plan only narrows the candidates; the
/// filter is still evaluated on them.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    /// Those that any of these leads to; nothing if empty.
    Find(Vec<Access>),
    /// Every resource of the type.
    Scan,
}

/// An access path with the same cost in tenants of any size.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Access {
    /// The one resource with this id, if there is one.
    Id(String),
    /// The resources whose lookups start with this: they all have the same value.
    Lookup(String),
    /// The resources whose lookups start with this: the start of a value.
    LookupPrefix(String),
}

/// How many lookups of a value are read before the key is accepted: more than one batch of
/// resources. Beyond that the value is one that many share, and a key that is refused in the end
/// must not read them all.
const FIRST: i32 = BATCH as i32 + 1;

/// Maximum number of access paths in a plan. More are not worth their calls.
const MAX_ACCESSES: usize = 16;

impl Plan {
    /// The cheapest plan that finds every match.
    fn of(resource_type: &ResourceType, filter: &BoundFilter) -> Self {
        match filter {
            BoundFilter::And(terms) => {
                Self::cheapest(terms.iter().map(|term| Self::of(resource_type, term)))
            }
            BoundFilter::Or(terms) => {
                Self::union(terms.iter().map(|term| Self::of(resource_type, term)))
            }
            BoundFilter::Compare(comparison) => Self::of_comparison(resource_type, comparison),
            BoundFilter::Element(path, inner) => Self::of_element(resource_type, path, inner),
            BoundFilter::Nothing => Self::Find(Vec::new()),
            BoundFilter::Not(_) | BoundFilter::Present(_) => Self::Scan,
        }
    }

    fn of_comparison(resource_type: &ResourceType, Comparison { path, test }: &Comparison) -> Self {
        let Test::Text {
            operator, value, ..
        } = test
        else {
            return Self::Scan;
        };
        let access = match operator {
            Operator::Eq if path.extension.is_none() && path.attribute.name == "id" => {
                Access::Id(value.clone())
            }
            Operator::Eq if keys::has_lookup(resource_type, path) => {
                Access::Lookup(keys::lookup(resource_type, path, value))
            }
            Operator::Sw
                if !keys::comparable(path, value).is_empty()
                    && keys::has_lookup(resource_type, path) =>
            {
                Access::LookupPrefix(keys::lookup_prefix(resource_type, path, value))
            }
            _ => return Self::Scan,
        };
        Self::Find(vec![access])
    }

    /// `emails[type eq "work" and value eq "x"]` is served by the lookup of `emails.value`.
    fn of_element(resource_type: &ResourceType, path: &BoundPath, inner: &BoundFilter) -> Self {
        match inner {
            BoundFilter::And(terms) => Self::cheapest(
                terms
                    .iter()
                    .map(|term| Self::of_element(resource_type, path, term)),
            ),
            BoundFilter::Or(terms) => Self::union(
                terms
                    .iter()
                    .map(|term| Self::of_element(resource_type, path, term)),
            ),
            BoundFilter::Compare(Comparison {
                path: of_element,
                test,
            }) => {
                let path = BoundPath {
                    sub_attribute: Some(of_element.attribute),
                    ..*path
                };
                Self::of_comparison(
                    resource_type,
                    &Comparison {
                        path,
                        test: test.clone(),
                    },
                )
            }
            _ => Self::Scan,
        }
    }

    /// Every match satisfies all terms, so the plan of any one term finds it.
    fn cheapest(plans: impl Iterator<Item = Self>) -> Self {
        plans.min_by_key(Self::cost).unwrap_or(Self::Scan)
    }

    /// A match may satisfy only one term, so the plans of all are needed.
    fn union(plans: impl Iterator<Item = Self>) -> Self {
        let mut all = Vec::new();
        for plan in plans {
            match plan {
                Self::Find(accesses) => all.extend(accesses),
                Self::Scan => return Self::Scan,
            }
        }
        all.sort();
        all.dedup();
        if all.len() > MAX_ACCESSES {
            Self::Scan
        } else {
            Self::Find(all)
        }
    }

    fn cost(&self) -> usize {
        match self {
            Self::Scan => usize::MAX,
            Self::Find(accesses) => accesses
                .iter()
                .map(|access| match access {
                    Access::Id(_) => 1,
                    Access::Lookup(_) => 2,
                    // The number of values with the same start is unknown.
                    Access::LookupPrefix(_) => 100,
                })
                .sum(),
        }
    }
}

/// How many lookups are followed: to read that many resources one by one costs what reading
/// [`MAX_READ`] of 1 KB together does.
const MAX_FOUND: u64 = MAX_READ / 4;

/// If lookups lead to more resources than fit in a batch, this many are read first, to know what
/// reading them one by one costs.
const SAMPLE: usize = 25;

impl TenantStore<'_> {
    /// Shows `visit` what an examination makes of the resources that may match the filter, in the
    /// order of their ids, until it returns false. Which other resources it sees depends on the
    /// access path, so it must still evaluate the filter. `examine` begins an examination: there is
    /// one for each walk through the directory, and several walks at once. `expected` is how many
    /// `visit` will take, if that is known.
    ///
    /// Lookups are followed while that is cheaper than reading the whole directory.
    ///
    /// # Errors
    /// [`StoreError::TooMany`], [`StoreError::TooManyFound`], failures of DynamoDB, and
    /// [`StoreError::Damaged`].
    pub async fn candidates<T, E: FnMut(Stored) -> Option<T>>(
        &self,
        resource_type: &ResourceType,
        filter: Option<&BoundFilter>,
        start: &Start,
        expected: Option<usize>,
        examine: impl Fn() -> E,
        visit: impl FnMut(T) -> bool,
    ) -> Result<(), StoreError> {
        let walk = Walk {
            resource_type,
            start,
            expected,
            is_filtered: filter.is_some(),
        };
        let plan = filter.map_or(Plan::Scan, |filter| Plan::of(resource_type, filter));
        let Plan::Find(accesses) = plan else {
            return self.scan(walk, examine, visit).await;
        };
        if let Some(found) = self.find_all(accesses).await? {
            return self.read_found(walk, found, examine, visit).await;
        }
        let total = self.count(resource_type).await?;
        if total > MAX_READ {
            return Err(StoreError::TooManyFound {
                accepted: MAX_FOUND,
            });
        }
        self.scan_counted(walk, total, examine, visit).await
    }

    /// Reads the resources that were found one by one, as long as that is cheaper than to read all
    /// there are.
    async fn read_found<T, E: FnMut(Stored) -> Option<T>>(
        &self,
        walk: Walk<'_>,
        found: BTreeSet<ResourceId>,
        examine: impl Fn() -> E,
        mut visit: impl FnMut(T) -> bool,
    ) -> Result<(), StoreError> {
        let all_found = found.len() as u64;
        let mut ids: Vec<_> = found
            .into_iter()
            .filter(|id| walk.start.admits(id))
            .collect();
        let is_backwards = matches!(walk.start, Start::Before(_));
        if is_backwards {
            ids.reverse();
        }
        let mut examination = examine();
        let mut total = None;
        let mut rest = ids.as_slice();
        while !rest.is_empty() {
            let is_sample = total.is_none() && rest.len() > BATCH;
            let size = if is_sample { SAMPLE } else { BATCH };
            let (ids, later) = rest.split_at(size.min(rest.len()));
            rest = later;
            let batch = self.get_some(walk.resource_type, ids);
            let mut batch = if is_sample {
                let (batch, count) = try_join(batch, self.count(walk.resource_type)).await?;
                total = Some(count);
                batch
            } else {
                batch.await?
            };
            if is_backwards {
                batch.resources.reverse();
            }
            let turn = total.filter(|total| batch.is_dearer_than_all(all_found, *total));
            for found in batch.resources.into_iter().filter_map(&mut examination) {
                if !visit(found) {
                    return Ok(());
                }
            }
            if let (Some(total), Some(last), false) = (turn, ids.last(), rest.is_empty()) {
                let start = &walk.start.continued(last);
                let rest = Walk { start, ..walk };
                return self.scan_counted(rest, total, examine, visit).await;
            }
        }
        Ok(())
    }

    /// The ids of the resources that access paths lead to; `None` if they are more than are worth
    /// following.
    async fn find_all(
        &self,
        accesses: Vec<Access>,
    ) -> Result<Option<BTreeSet<ResourceId>>, StoreError> {
        let followed = AtomicU64::new(0);
        let finds = accesses
            .into_iter()
            .map(|access| self.find(access, &followed));
        let found = try_join_all(finds).await?;
        let is_bounded = followed.into_inner() <= MAX_FOUND;
        Ok(is_bounded.then(|| found.into_iter().flatten().collect()))
    }

    /// The ids of the resources that an access path leads to. A lookup may go ahead of the check of
    /// the key, as far as [`FIRST`] goes.
    async fn find(
        &self,
        access: Access,
        followed: &AtomicU64,
    ) -> Result<BTreeSet<ResourceId>, StoreError> {
        let mut ids = BTreeSet::new();
        let mut follow = |item: &Item| {
            ids.extend(keys::lookup_id(text(item, SORT_KEY)?));
            // Each of them is read, also those that lead to the same resource.
            Ok(followed.fetch_add(1, Relaxed) < MAX_FOUND)
        };
        match access {
            Access::Id(id) => return Ok(ResourceId::parse(&id).into_iter().collect()),
            Access::LookupPrefix(prefix) => self.each(self.query_prefix(prefix), follow).await?,
            Access::Lookup(prefix) => {
                let mut last = None;
                let mut left = FIRST;
                let first = self.query_prefix(&prefix).limit(FIRST);
                self.each_when(first, self.ahead(), |item| {
                    left -= 1;
                    last = Some(text(item, SORT_KEY)?.to_owned());
                    Ok(follow(item)? && left > 0)
                })
                .await?;
                if let (Some(last), 0) = (last, left) {
                    // Ids are hexadecimal digits and hyphens: `~` is above them all.
                    let rest = self.query_between(last, format!("{prefix}~"));
                    self.each(rest, follow).await?;
                }
            }
        }
        Ok(ids)
    }
}

impl Batch {
    /// Whether it costs more to read `found` resources like these one by one than to read all of
    /// `total` resources in pages, if so many may be read.
    fn is_dearer_than_all(&self, found: u64, total: u64) -> bool {
        let one_by_one = self.units.saturating_mul(UNIT).saturating_mul(found);
        total <= MAX_READ && one_by_one > self.size.saturating_mul(total)
    }
}

#[cfg(test)]
mod tests {
    use scim::filter::Filter;

    use super::*;
    use scim::schema::USERS;

    fn plan(filter: &str) -> Plan {
        Plan::of(&USERS, &Filter::compile(filter, &USERS).unwrap())
    }

    fn lookup(sort_key: &str) -> Plan {
        Plan::Find(vec![Access::Lookup(sort_key.to_owned())])
    }

    /// A batch of a hundred users of this length.
    fn batch(size: u64) -> Batch {
        Batch {
            size: 100 * size,
            units: 100 * size.div_ceil(UNIT),
            ..Batch::default()
        }
    }

    #[test]
    fn users_are_read_one_by_one_while_that_is_cheaper() {
        // A unit reads one user of 1 KB, or four of them in a page.
        assert!(!batch(1024).is_dearer_than_all(2_500, 10_000));
        assert!(batch(1024).is_dearer_than_all(2_501, 10_000));
        assert!(batch(410).is_dearer_than_all(1_002, 10_000));
        // Users of whole units cost the same in both ways.
        assert!(!batch(UNIT).is_dearer_than_all(10_000, 10_000));
        assert!(batch(UNIT + 1).is_dearer_than_all(10_000, 10_000));
        // More than may be read is never read.
        assert!(batch(410).is_dearer_than_all(MAX_FOUND, MAX_READ));
        assert!(!batch(410).is_dearer_than_all(MAX_FOUND, MAX_READ + 1));
        // Nothing was there any more.
        assert!(!Batch::default().is_dearer_than_all(10_000, 10_000));
    }

    #[test]
    fn equality_on_an_indexed_attribute_is_a_lookup() {
        assert_eq!(plan(r#"userName eq "Lena""#), lookup("L#U#userName#lena#"));
        assert_eq!(
            plan(r#"externalId eq "Abc""#),
            lookup("L#U#externalId#Abc#")
        );
        assert_eq!(
            plan(r#"emails.value eq "A@x""#),
            lookup("L#U#emails.value#a@x#")
        );
        assert_eq!(plan(r#"emails eq "A@x""#), lookup("L#U#emails.value#a@x#"));
        assert_eq!(
            plan(r#"emails[type eq "work"].value eq "A@x""#),
            lookup("L#U#emails.value#a@x#")
        );
        assert_eq!(plan("employeeNumber eq 7"), lookup("L#U#employeeNumber#7#"));
    }

    #[test]
    fn an_and_takes_its_cheapest_term() {
        assert_eq!(
            plan(r#"active eq true and externalId eq "x" and title pr"#),
            lookup("L#U#externalId#x#")
        );
        assert_eq!(
            plan(r#"userName eq "a" and id eq "i""#),
            Plan::Find(vec![Access::Id("i".to_owned())])
        );
        assert_eq!(
            plan(r#"userName eq "a" and urn:custom:x eq 1"#),
            Plan::Find(Vec::new())
        );
    }

    #[test]
    fn the_start_of_an_indexed_value_is_a_lookup_of_last_resort() {
        let prefix = |sort_key: &str| Plan::Find(vec![Access::LookupPrefix(sort_key.to_owned())]);
        assert_eq!(plan(r#"userName sw "Le""#), prefix("L#U#userName#le"));
        assert_eq!(
            plan(r#"emails[value sw "a#"]"#),
            prefix("L#U#emails.value#a%23")
        );
        assert_eq!(
            plan(r#"userName sw "a" and externalId eq "x""#),
            lookup("L#U#externalId#x#")
        );
        assert_eq!(plan(r#"userName sw "Le ""#), prefix("L#U#userName#le"));
        for nothing_to_look_up in ["", " ", "\u{200b}"] {
            let filter = format!("userName sw \"{nothing_to_look_up}\"");
            assert_eq!(plan(&filter), Plan::Scan, "{filter:?}");
        }
        assert_eq!(plan(r#"externalId sw " ""#), prefix("L#U#externalId# "));
    }

    #[test]
    fn an_or_of_lookups_is_their_union() {
        let two = Plan::Find(vec![
            Access::Lookup("L#U#externalId#x#".to_owned()),
            Access::Lookup("L#U#userName#a#".to_owned()),
        ]);
        assert_eq!(
            plan(r#"userName eq "a" or externalId eq "x" or userName eq "A""#),
            two
        );
        assert_eq!(
            plan(r#"active eq true and (userName eq "a" or externalId eq "x")"#),
            two
        );
        assert_eq!(
            plan(r#"userName eq "a" or urn:custom:x pr"#),
            lookup("L#U#userName#a#")
        );
        let many: Vec<_> = (0..17)
            .map(|user| format!("userName eq \"{user}\""))
            .collect();
        assert_eq!(plan(&many.join(" or ")), Plan::Scan);
    }

    #[test]
    fn whatever_could_match_elsewhere_reads_everything() {
        for filter in [
            r#"userName ne "a""#,
            r#"not (userName eq "a")"#,
            r#"userName eq "a" or title pr"#,
            "title pr",
            r#"title eq "x""#,
            "not (urn:custom:x pr)",
        ] {
            assert_eq!(plan(filter), Plan::Scan, "{filter}");
        }
    }
}
