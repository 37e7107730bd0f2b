//! Sorting (RFC 7644 §3.4.2.3).

use std::cmp::Ordering;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::ScimError;
use super::resource::{compared, elements, select};
use super::schema::{BoundPath, Kind, Resolved, ResourceType};
use super::text::quote;
use super::work::{self, Budget, LOOK, reading};

/// By which attribute a list is sorted, and in which direction.
#[derive(Debug, Clone)]
pub struct Sort {
    by: String,
    order: Order,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Ascending,
    Descending,
}

/// A [`Sort`] resolved against one resource type.
#[derive(Debug, Clone, Copy)]
pub struct BoundSort {
    /// `None` for a type that lacks the attribute: its resources have no value.
    path: Option<BoundPath>,
    order: Order,
}

/// The value by which a resource is sorted, in a form that compares as its type requires.
#[derive(Debug, Clone, PartialEq)]
pub enum SortKey {
    /// Text, folded unless the attribute is `caseExact`.
    Text(String),
    /// A boolean; false comes first.
    Boolean(bool),
    /// A number.
    Number(f64),
    /// An instant.
    Instant(OffsetDateTime),
    /// No value: last in ascending order, first in descending order.
    Missing,
}

impl SortKey {
    /// How many bytes of text it holds.
    pub fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Boolean(_) | Self::Number(_) | Self::Instant(_) | Self::Missing => 0,
        }
    }
}

impl Sort {
    /// Reads `sortBy` and `sortOrder`; `None` without `sortBy`.
    ///
    /// # Errors
    /// `invalidValue` for an unknown order.
    pub fn parse(by: Option<&str>, order: Option<&str>) -> Result<Option<Self>, ScimError> {
        let order = match order.map(str::trim) {
            None | Some("") => Order::Ascending,
            Some(text) if text.eq_ignore_ascii_case("ascending") => Order::Ascending,
            Some(text) if text.eq_ignore_ascii_case("descending") => Order::Descending,
            Some(text) => {
                return Err(ScimError::InvalidValue(format!(
                    "`sortOrder` is `ascending` or `descending`, and the request has {}",
                    quote(text)
                )));
            }
        };
        let by = by.map(str::trim).filter(|by| !by.is_empty());
        Ok(by.map(|by| Self {
            by: by.to_owned(),
            order,
        }))
    }

    /// Resolves the attribute against a resource type. A complex attribute stands for its `value`.
    ///
    /// # Errors
    /// `invalidValue` when the type has no such attribute, or it is complex without a `value`.
    pub fn bind(&self, resource_type: &ResourceType) -> Result<BoundSort, ScimError> {
        let refused = |text: String| {
            Err(ScimError::InvalidValue(format!(
                "`sortBy` cannot be used: {text}"
            )))
        };
        let path = match resource_type.resolve(&self.by) {
            Ok(Resolved::Attribute(path)) => path,
            Ok(Resolved::Undefined) => return Ok(self.unbound()),
            Ok(Resolved::Resource | Resolved::Extension(_)) => {
                return refused(format!(
                    "{} is a schema; name one of its attributes",
                    quote(&self.by)
                ));
            }
            Err(error) => return refused(error.to_string()),
        };
        if path.attribute.stored_apart {
            return refused(format!(
                "`{}` has no order; sort by another attribute",
                path.attribute.name
            ));
        }
        if !path.leaf().is_complex() {
            return Ok(BoundSort {
                path: Some(path),
                order: self.order,
            });
        }
        match path.leaf().sub_attribute("value") {
            Some(value) => {
                let path = BoundPath {
                    sub_attribute: Some(value),
                    ..path
                };
                Ok(BoundSort {
                    path: Some(path),
                    order: self.order,
                })
            }
            None => refused(format!(
                "`{path}` is complex; name one of its sub-attributes"
            )),
        }
    }

    /// The sort for a resource type that lacks the attribute, in a list over several types.
    pub fn unbound(&self) -> BoundSort {
        BoundSort {
            path: None,
            order: self.order,
        }
    }
}

impl BoundSort {
    /// The value by which `object`, a resource as clients see it, is sorted: the primary value or
    /// else the first. What it takes is counted in `budget`; none is found once that is spent.
    pub fn key(&self, object: &Map<String, Value>, budget: &Budget) -> SortKey {
        let Some(path) = &self.path else {
            return SortKey::Missing;
        };
        let looks = LOOK * (1 + elements(object, path).len() as u64);
        if budget.spend(looks).is_err() {
            return SortKey::Missing;
        }
        let mut work = 0;
        let key = self.counted_key(path, object, &mut work);
        // Whoever asks for the next key, or ends the list, is told.
        let _ = budget.spend(work);
        key
    }

    fn counted_key(
        &self,
        path: &BoundPath,
        object: &Map<String, Value>,
        work: &mut u64,
    ) -> SortKey {
        let primary = BoundPath {
            sub_attribute: None,
            ..*path
        };
        let primary = select(object, &primary)
            .find(|element| element.get("primary") == Some(&Value::Bool(true)))
            .and_then(|element| element.get(path.sub_attribute?.name));
        let value = primary.or_else(|| compared(object, path).next());
        match (path.leaf().kind, value) {
            (Kind::DateTime, Some(Value::String(text))) => {
                OffsetDateTime::parse(text, &Rfc3339).map_or(SortKey::Missing, SortKey::Instant)
            }
            (_, Some(Value::String(text))) if path.leaf().case_exact => {
                *work += reading(text);
                SortKey::Text(text.clone())
            }
            (_, Some(Value::String(text))) => {
                SortKey::Text(work::fold(text, work).trim().to_owned())
            }
            (_, Some(Value::Bool(truth))) => SortKey::Boolean(*truth),
            (_, Some(Value::Number(number))) => {
                number.as_f64().map_or(SortKey::Missing, SortKey::Number)
            }
            _ => SortKey::Missing,
        }
    }

    /// Compares two keys of this sort.
    pub fn compare(&self, one: &SortKey, other: &SortKey) -> Ordering {
        let ascending = match (one, other) {
            (SortKey::Text(one), SortKey::Text(other)) => one.cmp(other),
            (SortKey::Boolean(one), SortKey::Boolean(other)) => one.cmp(other),
            (SortKey::Number(one), SortKey::Number(other)) => one.total_cmp(other),
            (SortKey::Instant(one), SortKey::Instant(other)) => one.cmp(other),
            (one, other) => matches!(one, SortKey::Missing).cmp(&matches!(other, SortKey::Missing)),
        };
        match self.order {
            Order::Ascending => ascending,
            Order::Descending => ascending.reverse(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::USERS;

    fn sorted(by: &str, order: &str, objects: Value) -> Vec<u64> {
        let sort = Sort::parse(Some(by), Some(order))
            .unwrap()
            .unwrap()
            .bind(&USERS)
            .unwrap();
        let Value::Array(objects) = objects else {
            panic!("not an array")
        };
        let mut keyed: Vec<_> = objects
            .iter()
            .map(|object| object.as_object().unwrap())
            .enumerate()
            .collect();
        let key = |object| sort.key(object, &Budget::default());
        keyed.sort_by(|(_, one), (_, other)| sort.compare(&key(one), &key(other)));
        keyed.into_iter().map(|(index, _)| index as u64).collect()
    }

    #[test]
    fn keys_are_counted_and_end_with_the_budget() {
        let sort = Sort::parse(Some("title"), None).unwrap().unwrap();
        let sort = sort.bind(&USERS).unwrap();
        let user = Map::from_iter([("title".to_owned(), "Ä".repeat(10_000).into())]);
        let budget = Budget::default();
        assert!(matches!(sort.key(&user, &budget), SortKey::Text(_)));
        assert!(budget.spent() > 20_000);
        let _ = budget.spend(crate::work::MAX_WORK);
        assert!(matches!(sort.key(&user, &budget), SortKey::Missing));
    }

    #[test]
    fn text_sorts_folded_unless_exact() {
        let objects = json!([{"userName": "b", "externalId": "b"}, {"userName": "A", "externalId": "A"}, {"userName": "a2", "externalId": "a2"}]);
        assert_eq!(sorted("username", "", objects.clone()), [1, 2, 0]);
        assert_eq!(sorted("externalId", "ascending", objects), [1, 2, 0]);
        assert_eq!(
            sorted("title", "", json!([{"title": "B"}, {"title": "a"}])),
            [1, 0]
        );
        assert_eq!(
            sorted(
                "externalId",
                "",
                json!([{"externalId": "a"}, {"externalId": "B"}])
            ),
            [1, 0]
        );
    }

    #[test]
    fn missing_values_come_last_ascending_and_first_descending() {
        let objects = json!([{}, {"title": "a"}, {"title": "b"}]);
        assert_eq!(sorted("title", "ascending", objects.clone()), [1, 2, 0]);
        assert_eq!(sorted("title", "Descending", objects), [0, 2, 1]);
    }

    #[test]
    fn of_several_values_the_primary_counts_or_the_first() {
        let objects = json!([
            {"emails": [{"value": "a"}, {"value": "z", "primary": true}]},
            {"emails": [{"value": "m"}, {"value": "b"}]}
        ]);
        assert_eq!(sorted("emails", "", objects.clone()), [1, 0]);
        assert_eq!(sorted("emails.value", "", objects), [1, 0]);
    }

    #[test]
    fn an_element_without_primary_sorts_as_not_primary() {
        let objects = json!([
            {"emails": [{"value": "a"}, {"value": "b", "primary": true}]},
            {},
            {"emails": [{"value": "c"}]},
            {"emails": [{"value": "d"}, {"value": "e", "primary": false}]}
        ]);
        assert_eq!(
            sorted("emails.primary", "", objects.clone()),
            [2, 3, 0, 1],
            "false, true, no element"
        );
        assert_eq!(sorted("emails", "", objects), [0, 2, 3, 1]);
    }

    #[test]
    fn instants_and_booleans_sort_as_such() {
        let objects = json!([{"meta": {"created": "2026-01-01T00:00:00Z"}, "active": true}, {"meta": {"created": "2026-01-01T00:30:00+01:00"}, "active": false}]);
        assert_eq!(sorted("meta.created", "", objects.clone()), [1, 0]);
        assert_eq!(sorted("active", "", objects), [1, 0]);
    }

    #[test]
    fn what_cannot_be_sorted_by_is_refused() {
        let refusal = |by| {
            Sort::parse(Some(by), None)
                .unwrap()
                .unwrap()
                .bind(&USERS)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refusal("shoeSize"),
            "`sortBy` cannot be used: `shoeSize` is not an attribute of User"
        );
        assert_eq!(
            refusal("name"),
            "`sortBy` cannot be used: `name` is complex; name one of its sub-attributes"
        );
        for by in ["groups", "GROUPS.value", "groups.display"] {
            assert_eq!(
                refusal(by),
                "`sortBy` cannot be used: `groups` has no order; sort by another attribute"
            );
        }
        assert!(Sort::parse(Some("title"), Some("up")).is_err());
        assert!(Sort::parse(Some(" "), None).unwrap().is_none());
    }

    #[test]
    fn numbers_sort_as_numbers() {
        let sort = Sort::parse(Some("integer"), None).unwrap().unwrap();
        let sort = sort.bind(&crate::schema::specimen::SPECIMENS).unwrap();
        let key = |number: Value| {
            sort.key(
                &Map::from_iter([("integer".to_owned(), number)]),
                &Budget::default(),
            )
        };
        assert_eq!(
            sort.compare(&key(json!(9)), &key(json!(10))),
            Ordering::Less
        );
        assert_eq!(
            sort.compare(&key(json!(10)), &key(json!(null))),
            Ordering::Less
        );
    }

    #[test]
    fn a_type_without_the_attribute_sorts_as_without_a_value() {
        let sort = Sort::parse(Some("urn:example:custom:badge"), None)
            .unwrap()
            .unwrap();
        let sort = sort.bind(&USERS).unwrap();
        assert_eq!(
            sort.key(
                &Map::from_iter([("title".to_owned(), "x".into())]),
                &Budget::default(),
            ),
            SortKey::Missing
        );
    }
}
