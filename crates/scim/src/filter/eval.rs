//! Evaluating a bound filter. Nothing here can fail.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{BoundFilter, Comparison, Operator, Test};
use crate::ScimError;
use crate::resource::{compared, elements, select};
use crate::schema::Attribute;
use crate::schema::json::is_empty;
use crate::work::{self, Budget, LOOK, reading, searching};

/// Where an evaluation finds the folded forms of values: a filter may compare one value many times.
pub(crate) trait Folded<'a> {
    /// Whether `test` accepts the folded form of `text`, a value of `attribute`, with the blanks
    /// around it; adds to `work` what it took to fold it.
    fn accepts(
        &self,
        attribute: &'static Attribute,
        text: &'a str,
        work: &mut u64,
        test: impl FnOnce(&str, &mut u64) -> bool,
    ) -> bool;
}

impl BoundFilter {
    /// Whether `object` satisfies the filter: a resource as clients see it, or an element of an
    /// attribute. If an attribute has several values, one match is enough.
    pub fn matches(&self, object: &Map<String, Value>) -> bool {
        self.evaluate(object, &Once::default(), &mut 0)
    }

    /// Like [`BoundFilter::matches`], with its work counted; it does none when the budget is spent.
    ///
    /// # Errors
    /// `tooMany` when the request has computed too much.
    pub fn matches_within(
        &self,
        object: &Map<String, Value>,
        budget: &Budget,
    ) -> Result<bool, ScimError> {
        budget.spend(0)?;
        let mut work = 0;
        let matches = self.evaluate(object, &Once::default(), &mut work);
        budget.spend(work)?;
        Ok(matches)
    }

    /// Like [`BoundFilter::matches`]; adds to `work` what it took.
    pub(crate) fn evaluate<'a>(
        &self,
        object: &'a Map<String, Value>,
        folded: &impl Folded<'a>,
        work: &mut u64,
    ) -> bool {
        *work += LOOK;
        match self {
            Self::And(terms) => terms.iter().all(|term| term.evaluate(object, folded, work)),
            Self::Or(terms) => terms.iter().any(|term| term.evaluate(object, folded, work)),
            Self::Not(inner) => !inner.evaluate(object, folded, work),
            Self::Present(path) => {
                *work += LOOK * elements(object, path).len() as u64;
                select(object, path).any(|value| !is_empty(value))
            }
            Self::Compare(Comparison { path, test }) => {
                // Those that lack the sub-attribute are looked at too, and once more where absent
                // is false.
                let times = 1 + u64::from(path.leaf().false_if_absent);
                *work += times * LOOK * elements(object, path).len() as u64;
                compared(object, path).any(|value| test.accepts(path.leaf(), value, folded, work))
            }
            Self::Element(path, inner) => select(object, path)
                .filter_map(Value::as_object)
                .any(|element| inner.evaluate(element, folded, work)),
            Self::Nothing => false,
        }
    }
}

impl Test {
    fn accepts<'a>(
        &self,
        attribute: &'static Attribute,
        value: &'a Value,
        folded: &impl Folded<'a>,
        work: &mut u64,
    ) -> bool {
        *work += LOOK;
        match (self, value) {
            (
                Self::Text {
                    operator,
                    value: wanted,
                    exact,
                },
                Value::String(text),
            ) => {
                let compare = |text: &str, work: &mut u64| {
                    *work += match operator {
                        Operator::Co => searching(text, wanted),
                        _ => reading(if text.len() < wanted.len() {
                            text
                        } else {
                            wanted
                        }),
                    };
                    compare_text(*operator, text, wanted)
                };
                if *exact {
                    compare(text, work)
                } else {
                    folded.accepts(attribute, text, work, |text, work| {
                        compare(operator.part(text), work)
                    })
                }
            }
            (Self::Boolean(wanted), Value::Bool(truth)) => truth == wanted,
            (Self::Number(operator, wanted), Value::Number(number)) => number
                .as_f64()
                .is_some_and(|number| compare(*operator, &number, wanted)),
            (Self::Instant(operator, wanted), Value::String(text)) => {
                *work += searching(text, "");
                OffsetDateTime::parse(text, &Rfc3339)
                    .is_ok_and(|instant| compare(*operator, &instant, wanted))
            }
            _ => false,
        }
    }
}

/// Folds the values of one object once, however many conditions they are compared in.
#[derive(Default)]
struct Once<'a>(RefCell<HashMap<Address<'a>, Rc<str>>>);

/// A text by its place in memory, which is shorter to hash than the text.
struct Address<'a>(&'a str);

impl PartialEq for Address<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for Address<'_> {}

impl std::hash::Hash for Address<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.as_ptr().hash(state);
    }
}

impl<'a> Folded<'a> for Once<'a> {
    fn accepts(
        &self,
        _: &'static Attribute,
        text: &'a str,
        work: &mut u64,
        test: impl FnOnce(&str, &mut u64) -> bool,
    ) -> bool {
        /// Folding a text of ASCII letters that is no longer is as cheap as finding it again.
        const SHORT: usize = 64;
        if text.len() <= SHORT && text.is_ascii() {
            let folded = work::fold(text, work);
            return test(&folded, work);
        }
        *work += LOOK;
        let known = self.0.borrow().get(&Address(text)).cloned();
        let folded = known.unwrap_or_else(|| {
            let folded: Rc<str> = work::fold(text, work).into();
            self.0
                .borrow_mut()
                .insert(Address(text), Rc::clone(&folded));
            folded
        });
        test(&folded, work)
    }
}

fn compare_text(operator: Operator, text: &str, wanted: &str) -> bool {
    match operator {
        Operator::Co => text.contains(wanted),
        Operator::Sw => text.starts_with(wanted),
        Operator::Ew => text.ends_with(wanted),
        other => compare(other, text, wanted),
    }
}

fn compare<T: PartialOrd + ?Sized>(operator: Operator, left: &T, right: &T) -> bool {
    match operator {
        Operator::Eq => left == right,
        Operator::Gt => left > right,
        Operator::Ge => left >= right,
        Operator::Lt => left < right,
        Operator::Le => left <= right,
        // `bind` turns `ne` into the negation of `eq`, and allows substring operators for text
        // only.
        Operator::Ne | Operator::Co | Operator::Sw | Operator::Ew => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::filter::Filter;
    use crate::schema::USERS;
    use crate::schema::specimen::SPECIMENS;

    fn lena() -> Map<String, Value> {
        let Value::Object(lena) = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "id": "2819c223-7f76-453a-919d-413861904646",
            "externalId": "Abc",
            "userName": "Lena@Crew.example",
            "active": true,
            "title": "Crew lead",
            "emails": [
                {"type": "work", "value": "lena@crew.example", "primary": true},
                {"type": "home", "value": "lena@home.example"}
            ],
            "roles": [{"value": "Dispatcher", "primary": true}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
                "employeeNumber": "007", "manager": {"value": "m-1"}
            },
            "meta": {"resourceType": "User", "created": "2026-01-31T08:00:00Z"}
        }) else {
            panic!("not an object")
        };
        lena
    }

    fn matches(text: &str) -> bool {
        Filter::compile(text, &USERS).unwrap().matches(&lena())
    }

    fn refusal(text: &str) -> String {
        Filter::compile(text, &USERS).unwrap_err().to_string()
    }

    #[test]
    fn case_counts_where_the_schema_says_so() {
        assert!(matches(r#"userName eq "LENA@crew.EXAMPLE""#));
        assert!(matches(r#"externalId eq "Abc""#));
        assert!(!matches(r#"externalId eq "abc""#));
        assert!(matches("externalId eq Abc"));
    }

    #[test]
    fn what_is_looked_at_in_vain_is_counted() {
        let numbers: Vec<_> = (0..500).map(|_| json!({"value": "1"})).collect();
        let Value::Object(user) = json!({"phoneNumbers": numbers}) else {
            panic!("not an object")
        };
        for (filter, looks) in [
            ("phoneNumbers.type eq x", 500),
            ("phoneNumbers.type pr", 500),
            ("phoneNumbers.primary eq true", 1000),
        ] {
            let mut work = 0;
            let filter = Filter::compile(filter, &USERS).unwrap();
            assert!(!filter.evaluate(&user, &Once::default(), &mut work));
            assert!(work >= looks * LOOK, "{work}");
        }
    }

    #[test]
    fn every_operator() {
        for text in [
            r#"title sw "crew""#,
            r#"title ew "LEAD""#,
            r#"title co "w l""#,
            r#"title gt "crew""#,
            r#"title ge "crew lead""#,
            r#"title lt "d""#,
            r#"title le "crew lead""#,
            "title pr",
            r#"title ne "x""#,
            "active eq true",
            r#"active eq "True""#,
            "active ne false",
            r#"meta.created gt "2026-01-31T09:30:00+02:00""#,
            r#"meta.created eq "2026-01-31T10:00:00+02:00""#,
            r#"meta.created sw "2026""#,
            r#"meta.resourceType eq "User""#,
            r#"schemas eq "urn:ietf:params:scim:schemas:core:2.0:User""#,
            r#"id eq "2819c223-7f76-453a-919d-413861904646" and manager eq "m-1""#,
        ] {
            assert!(matches(text), "{text}");
        }
        for text in [
            r#"title sw "lead""#,
            r#"title gt "crew lead""#,
            "nickName pr",
            "active eq false",
            r#"meta.created lt "2026-01-31T08:00:00Z""#,
            "title eq null",
            r#"nickName gt "a""#,
        ] {
            assert!(!matches(text), "{text}");
        }
    }

    #[test]
    fn what_a_time_leaves_out_is_utc_and_zero() {
        // `lena` was created at 2026-01-31T08:00:00Z.
        for same in [
            "2026-01-31T08:00:00",
            "2026-01-31T08:00",
            "2026-01-31T08:00Z",
            "2026-01-31t08:00:00.000z",
            "2026-01-31T09:00+01:00",
            "2026-01-31T00:30-07:30",
            " 2026-01-31T08:00:00 ",
        ] {
            assert!(matches(&format!("meta.created eq \"{same}\"")), "{same}");
        }
        assert!(matches(r#"meta.created gt "2026-01-31""#));
        assert!(matches(r#"meta.created lt "2026-02-01""#));
        assert!(matches(
            r#"meta.created ge 2026-01-31 and meta.created ne 2026-01-31"#
        ));
        for wrong in [
            "2026",
            "2026-01",
            "2026-02-30",
            "2026-01-31T",
            "2026-01-31T8:00",
            "2026-01-31T08",
            "2026-01-31T08:00:00+1",
            "2026-01-31Z",
            "31.01.2026",
            "",
        ] {
            assert!(
                refusal(&format!("meta.created gt \"{wrong}\"")).contains("is a date and time"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn absent_attributes_differ_from_every_value_and_equal_null() {
        assert!(matches(r#"nickName ne "x""#));
        assert!(matches("nickName eq null"));
        assert!(matches("title ne null"));
        assert!(matches(r#"not (nickName eq "x")"#));
    }

    #[test]
    fn of_several_values_one_is_enough_and_ne_wants_none() {
        assert!(matches(r#"emails co "@home""#));
        assert!(matches(r#"emails.value eq "LENA@home.example""#));
        assert!(!matches(r#"emails.value ne "lena@home.example""#));
        assert!(matches(r#"emails[type eq "work" and value co "@crew"]"#));
        assert!(!matches(r#"emails[type eq "work" and value co "@home"]"#));
        assert!(matches(
            r#"emails[type eq "work"].value eq "lena@crew.example""#
        ));
        assert!(matches(r#"roles[primary eq "True"].value eq "Dispatcher""#));
    }

    #[test]
    fn an_element_without_primary_is_not_primary() {
        // The private address of `lena` has no `primary`.
        for text in [
            "emails[primary eq false]",
            r#"emails[type eq "home" and primary eq false]"#,
            r#"emails[type eq "home" and primary ne true]"#,
            r#"emails[type eq "home" and not (primary eq true)]"#,
            "emails.primary eq false",
            r#"emails[primary eq "False"].value eq "lena@home.example""#,
            // What is absent is false, and absent nevertheless.
            r#"emails[type eq "home" and not (primary pr)]"#,
            r#"emails[type eq "home" and primary eq null]"#,
            "emails.primary pr",
            // No element, no value.
            "not (phoneNumbers.primary eq false)",
            "phoneNumbers.primary ne false",
        ] {
            assert!(matches(text), "{text}");
        }
        for text in [
            r#"emails[type eq "work" and primary eq false]"#,
            r#"emails[type eq "home" and primary ne false]"#,
            r#"emails[type eq "home" and primary pr]"#,
            "emails.primary ne false",
            "phoneNumbers[primary eq false]",
            "roles.primary eq false",
            "phoneNumbers.primary eq false",
        ] {
            assert!(!matches(text), "{text}");
        }
    }

    #[test]
    fn extension_attributes_by_every_name() {
        assert!(matches(
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "007""#
        ));
        assert!(matches("employeeNumber eq 007"));
        assert!(!matches(r#"urn:example:custom:badge eq "1""#));
        assert!(!matches("urn:example:custom:badge pr"));
    }

    #[test]
    fn refusals_name_the_attribute() {
        assert_eq!(
            refusal(r#"shoeSize eq 1"#),
            "`shoeSize` is not an attribute of User"
        );
        assert_eq!(
            refusal("active gt true"),
            "`gt` does not apply to `active`, which is a boolean"
        );
        assert_eq!(
            refusal("active eq maybe"),
            "`active` is true or false, and the filter compares it with `maybe`"
        );
        assert_eq!(
            refusal(r#"name eq "x""#),
            "`name` is complex; compare one of its sub-attributes"
        );
        assert_eq!(
            refusal(r#"meta.created gt "x""#),
            "`meta.created` is a date and time such as `2026-01-31T08:00:00Z`, and the filter compares it with `x`"
        );
        assert_eq!(
            refusal(r#"userName[type eq "x"]"#),
            "`userName` has no sub-attributes to filter by"
        );
        assert_eq!(
            refusal(r#"emails[size eq "x"]"#),
            "`size` is not a sub-attribute of `emails`"
        );
    }

    #[test]
    fn numbers_compare_as_numbers() {
        let Value::Object(specimen) = json!({"decimal": 9.5, "integer": 10}) else {
            panic!("not an object")
        };
        let matches = |text| {
            Filter::compile(text, &SPECIMENS)
                .unwrap()
                .matches(&specimen)
        };
        for text in [
            "decimal eq 9.5",
            "decimal eq 95e-1",
            "decimal lt 10",
            "decimal ne 10",
            "integer gt 9",
            "integer ge 10.0",
            r#"integer le "10""#,
            "parts.value eq null",
        ] {
            assert!(matches(text), "{text}");
        }
        for text in [
            "decimal gt 10",
            "integer lt 9",
            "integer ne 10",
            "integer eq 1",
        ] {
            assert!(!matches(text), "{text}");
        }
    }

    #[test]
    fn substrings_of_numbers_and_the_order_of_binaries_make_no_sense() {
        let refusal = |text: &str| Filter::compile(text, &SPECIMENS).unwrap_err().to_string();
        for operator in ["co", "sw", "ew"] {
            assert_eq!(
                refusal(&format!("decimal {operator} 1")),
                format!("`{operator}` does not apply to `decimal`, which is a number")
            );
        }
        for operator in ["gt", "ge", "lt", "le"] {
            assert_eq!(
                refusal(&format!(r#"binary {operator} "QQ==""#)),
                format!("`{operator}` does not apply to `binary`, which is binary")
            );
        }
        assert_eq!(
            refusal("integer eq ten"),
            "`integer` is a number, and the filter compares it with `ten`"
        );
        for text in [
            r#"binary eq "QQ==""#,
            r#"binary sw "QQ""#,
            r#"instant ew "Z""#,
        ] {
            assert!(Filter::compile(text, &SPECIMENS).is_ok(), "{text}");
        }
    }

    #[test]
    fn of_several_types_one_may_lack_the_attribute() {
        let bound = |text: &str| Filter::parse(text).unwrap().bind_where_defined(&SPECIMENS);
        let matches = |text| bound(text).unwrap().matches(&Map::new());
        assert!(!matches(r#"userName eq "x""#));
        assert!(matches(r#"userName ne "x""#));
        assert!(matches("userName eq null"));
        assert!(!matches("userName pr"));
        assert!(!matches("emails[value pr]"));
        assert!(bound("urn:example:specimen pr").is_err());
        assert!(
            Filter::parse("userName pr")
                .unwrap()
                .bind(&SPECIMENS)
                .is_err()
        );
    }

    #[test]
    fn an_attribute_of_an_unknown_schema_has_no_value() {
        assert!(matches(r#"urn:example:custom:badge ne "1""#));
        assert!(matches("urn:example:custom:badge eq null"));
        assert!(!matches("urn:example:custom:badge ne null"));
        assert!(!matches(r#"urn:example:custom:badge[value ne "1"]"#));
    }
}
