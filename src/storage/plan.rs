//! From a bound filter to the way DynamoDB is asked.

use super::keys;
use crate::scim::ResourceType;
use crate::scim::filter::{BoundFilter, Comparison, Operator, Test};
use crate::scim::schema::BoundPath;

/// How to find the resources that may match a filter. The filter is still evaluated on them: a
/// plan only narrows the choice.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// The one resource with this id, if there is one.
    Id(String),
    /// The resources whose lookups start with this sort key.
    Lookup(String),
    /// None can match.
    Nothing,
    /// Every resource of the type.
    Scan,
}

impl Plan {
    /// The cheapest way that finds every match.
    pub(super) fn of(resource_type: &ResourceType, filter: &BoundFilter) -> Self {
        match filter {
            BoundFilter::And(terms) => terms
                .iter()
                .map(|term| Self::of(resource_type, term))
                .min_by_key(Self::cost)
                .unwrap_or(Self::Scan),
            BoundFilter::Compare(comparison) => Self::of_comparison(resource_type, comparison),
            BoundFilter::Element(path, inner) => Self::of_element(resource_type, path, inner),
            BoundFilter::Nothing => Self::Nothing,
            BoundFilter::Or(_) | BoundFilter::Not(_) | BoundFilter::Present(_) => Self::Scan,
        }
    }

    fn of_comparison(resource_type: &ResourceType, Comparison { path, test }: &Comparison) -> Self {
        match test {
            Test::Text {
                operator: Operator::Eq,
                value,
                ..
            } if path.attribute.name == "id" => Self::Id(value.clone()),
            Test::Text {
                operator: Operator::Eq,
                value,
                ..
            } if keys::has_lookup(resource_type, path) => {
                Self::Lookup(keys::lookup(resource_type, path, value))
            }
            _ => Self::Scan,
        }
    }

    /// `emails[type eq "work" and value eq "x"]` is found by the lookup of `emails.value`.
    fn of_element(resource_type: &ResourceType, path: &BoundPath, inner: &BoundFilter) -> Self {
        let terms = match inner {
            BoundFilter::And(terms) => terms.as_slice(),
            single => std::slice::from_ref(single),
        };
        terms
            .iter()
            .filter_map(|term| match term {
                BoundFilter::Compare(Comparison {
                    path: of_element,
                    test,
                }) => {
                    let path = BoundPath {
                        sub_attribute: Some(of_element.attribute),
                        ..*path
                    };
                    Some(Self::of_comparison(
                        resource_type,
                        &Comparison {
                            path,
                            test: test.clone(),
                        },
                    ))
                }
                _ => None,
            })
            .min_by_key(Self::cost)
            .unwrap_or(Self::Scan)
    }

    fn cost(&self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Id(_) => 1,
            Self::Lookup(_) => 2,
            Self::Scan => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::filter::Filter;
    use crate::scim::schema::USERS;

    fn plan(filter: &str) -> Plan {
        Plan::of(&USERS, &Filter::compile(filter, &USERS).unwrap())
    }

    fn lookup(sort_key: &str) -> Plan {
        Plan::Lookup(sort_key.to_owned())
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
            Plan::Id("i".to_owned())
        );
        assert_eq!(
            plan(r#"userName eq "a" and urn:custom:x eq 1"#),
            Plan::Nothing
        );
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
