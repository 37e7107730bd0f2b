//! Finding resources by a filter: from a bound filter to an access path in DynamoDB, and its use.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;
use scim::filter::{BoundFilter, Comparison, Operator, Test};
use scim::schema::BoundPath;
use scim::{ResourceId, ResourceType, Stored};

use super::range::Start;
use super::read::BATCH;
use super::scan::MAX_READ;
use super::{TenantStore, keys};
use crate::StoreError;
use crate::client::attributes::text;
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

impl TenantStore<'_> {
    /// Shows `visit` what `examine` makes of the resources that may match the filter, in the order
    /// of their ids, until it returns false. Which other resources `examine` sees depends on the
    /// access path, so it must still evaluate the filter. `expected` is how many resources `visit`
    /// will take, if that is known.
    ///
    /// # Errors
    /// [`StoreError::TooMany`], failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn candidates<T>(
        &self,
        resource_type: &ResourceType,
        filter: Option<&BoundFilter>,
        start: &Start,
        expected: Option<usize>,
        examine: impl Fn(Stored) -> Option<T>,
        mut visit: impl FnMut(T) -> bool,
    ) -> Result<(), StoreError> {
        let plan = filter.map_or(Plan::Scan, |filter| Plan::of(resource_type, filter));
        let Plan::Find(accesses) = plan else {
            return self
                .scan(
                    resource_type,
                    start,
                    expected,
                    filter.is_some(),
                    examine,
                    visit,
                )
                .await;
        };
        let found = try_join_all(accesses.into_iter().map(|access| self.find(access))).await?;
        let ids: BTreeSet<_> = found.into_iter().flatten().collect();
        let mut ids: Vec<_> = ids.into_iter().filter(|id| start.admits(id)).collect();
        let is_backwards = matches!(start, Start::Before(_));
        if is_backwards {
            ids.reverse();
        }
        for batch in ids.chunks(BATCH) {
            let mut resources = self.get_many(resource_type, batch).await?;
            if is_backwards {
                resources.reverse();
            }
            for found in resources.into_iter().filter_map(&examine) {
                if !visit(found) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The ids of the resources that an access path leads to. A lookup may go ahead of the check of
    /// the key.
    async fn find(&self, access: Access) -> Result<BTreeSet<ResourceId>, StoreError> {
        let (prefix, passage) = match access {
            Access::Id(id) => return Ok(ResourceId::parse(&id).into_iter().collect()),
            Access::Lookup(prefix) => (prefix, self.ahead()),
            Access::LookupPrefix(prefix) => (prefix, self.accepted_only()),
        };
        let mut ids = BTreeSet::new();
        let mut is_bounded = true;
        self.each_when(self.query_prefix(prefix), passage, |item| {
            ids.extend(keys::lookup_id(text(item, SORT_KEY)?));
            is_bounded = ids.len() <= MAX_READ as usize;
            Ok(is_bounded)
        })
        .await?;
        if is_bounded {
            Ok(ids)
        } else {
            Err(StoreError::TooManyFound { accepted: MAX_READ })
        }
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
