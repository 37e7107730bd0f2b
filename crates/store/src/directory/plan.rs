//! From a bound filter to the access paths in DynamoDB that lead to all its matches.

use scim::ResourceType;
use scim::filter::{BoundFilter, Comparison, Operator, Test};
use scim::schema::BoundPath;

use super::keys;

/// How to find the resources that may match a filter. A plan only narrows the candidates; the
/// filter is still evaluated on them.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Those that any of these leads to; nothing if empty.
    Find(Vec<Access>),
    /// Every resource of the type.
    Scan,
}

/// An access path with the same cost in tenants of any size.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Access {
    /// The one resource with this id, if there is one.
    Id(String),
    /// The resources whose lookups start with this: they all have the same value.
    Lookup(String),
    /// The resources whose lookups start with this: the start of a value.
    LookupPrefix(String),
    /// The groups of the user with this id, or the members of the group.
    Side(String),
    /// The members of the group that is called so.
    SideCalled(String),
}

/// Maximum number of access paths in a plan. More are not worth their calls.
const MAX_ACCESSES: usize = 16;

impl Plan {
    /// The cheapest plan that finds every match.
    pub fn of(resource_type: &ResourceType, filter: &BoundFilter) -> Self {
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
            Operator::Eq if path.attribute.stored_apart => match path.leaf().name {
                "value" => Access::Side(value.clone()),
                "display" => Access::SideCalled(value.clone()),
                _ => return Self::Scan,
            },
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
                    // The number of values with the same start is unknown, and that of the members
                    // of a group.
                    Access::LookupPrefix(_) | Access::Side(_) | Access::SideCalled(_) => 100,
                })
                .sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use scim::filter::Filter;
    use scim::schema::{GROUPS, USERS};

    use super::*;

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

    #[test]
    fn memberships_lead_to_their_other_end() {
        let group = |filter: &str| Plan::of(&GROUPS, &Filter::compile(filter, &GROUPS).unwrap());
        let side = |id: &str| Plan::Find(vec![Access::Side(id.to_owned())]);
        for filter in [
            r#"members eq "u""#,
            r#"members.value eq "u""#,
            r#"members[value eq "u" and type eq "User"]"#,
            r#"members eq "u" and externalId pr"#,
        ] {
            assert_eq!(group(filter), side("u"), "{filter}");
        }
        assert_eq!(
            group(r#"members eq "u" and displayName eq "X""#),
            lookup("L#G#displayName#x#")
        );
        assert_eq!(
            group(r#"id eq "g" and members eq "u""#),
            Plan::Find(vec![Access::Id("g".to_owned())])
        );
        assert_eq!(plan(r#"groups.value eq "g""#), side("g"));
        assert_eq!(
            plan(r#"groups.display eq "X" or groups eq "g""#),
            Plan::Find(vec![
                Access::Side("g".to_owned()),
                Access::SideCalled("x".to_owned())
            ])
        );
        for filter in [
            r#"members ne "u""#,
            "members pr",
            r#"members.type eq "User""#,
            r#"members eq "u" or externalId pr"#,
        ] {
            assert_eq!(group(filter), Plan::Scan, "{filter}");
        }
    }
}
