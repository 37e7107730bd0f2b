//! The number of the format that an item is written in: the attribute `f` of every item of both
//! tables.
//!
//! It rises with a kind of item whose new form an older release would misread, and only then: what
//! an older release does not know and can pass over (attributes, operations, actors, kinds of items
//! with a letter of their own) needs no new number. docs/UPGRADING.md has the rule.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;

use super::StoreError;
use super::attributes::{Item, described, number, number_of, optional};

/// The attribute with the number. Its name is short because every item has it.
pub(crate) const FORMAT: &str = "f";

/// The format that this release writes.
pub const WRITTEN: u64 = 1;

/// The latest format that this release reads. It rises a release before the one that is written, so
/// that going back by a release is always possible.
pub const READ: u64 = 1;

const _: () = assert!(WRITTEN <= READ);

/// The format of items without a number: those of before there were numbers.
const UNNUMBERED: u64 = 1;

/// The number as an attribute of an item that is to be put.
pub(crate) fn attribute() -> (String, AttributeValue) {
    (FORMAT.to_owned(), number_of(WRITTEN))
}

/// The format that an item is written in; `None` where it has no number.
///
/// # Errors
/// [`StoreError::Damaged`] when the number is none.
pub(crate) fn numbered(item: &Item) -> Result<Option<u64>, StoreError> {
    optional(item, FORMAT, number)
}

/// Whether a newer release wrote the item, in a form that this one would misread.
///
/// # Errors
/// [`StoreError::Damaged`] when the number is none.
pub(crate) fn is_newer(item: &Item) -> Result<bool, StoreError> {
    Ok(numbered(item)?.unwrap_or(UNNUMBERED) > READ)
}

/// Lets an item pass that this release can read.
///
/// # Errors
/// [`StoreError::NewerFormat`] when a newer release wrote it; [`StoreError::Damaged`] when its
/// number is none.
pub(crate) fn check(item: &Item) -> Result<(), StoreError> {
    match is_newer(item)? {
        false => Ok(()),
        true => Err(StoreError::NewerFormat {
            item: described(item),
            format: numbered(item)?.unwrap_or(UNNUMBERED),
        }),
    }
}

/// An update that is being put together: of one item, or as a part of a transaction.
pub(crate) trait Upsert: Sized {
    /// Sets the expression of an update that may create its item, which then gets the number of its
    /// format. An item that is there keeps the number that it has: the update does not bring it to
    /// another format.
    ///
    /// If `expression` has a clause `SET`, it begins with it.
    fn upsert_expression(self, expression: &str) -> Self;
}

macro_rules! upsert {
    ($builder:ty) => {
        impl Upsert for $builder {
            fn upsert_expression(self, expression: &str) -> Self {
                self.update_expression(with_format(expression))
                    .expression_attribute_values(":f", number_of(WRITTEN))
            }
        }
    };
}

upsert!(UpdateBuilder);
upsert!(UpdateItemFluentBuilder);

fn with_format(expression: &str) -> String {
    let number = format!("SET {FORMAT} = if_not_exists({FORMAT}, :f)");
    match expression.strip_prefix("SET ") {
        Some(others) => format!("{number}, {others}"),
        None => format!("{number} {expression}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::attributes::string;
    use crate::client::tables::{PARTITION_KEY, SORT_KEY};

    fn item(format: Option<AttributeValue>) -> Item {
        let key = [
            (PARTITION_KEY.to_owned(), string("T#acme")),
            (SORT_KEY.to_owned(), string("L#U#userName#lena#2819c223")),
        ];
        let format = format.map(|number| (FORMAT.to_owned(), number));
        key.into_iter().chain(format).collect()
    }

    #[test]
    fn only_a_newer_format_is_refused_and_told_without_a_person() {
        for known in [None, Some(number_of(1)), Some(number_of(READ))] {
            assert!(check(&item(known)).is_ok());
        }
        let error = check(&item(Some(number_of(READ + 1)))).unwrap_err();
        assert!(matches!(error, StoreError::NewerFormat { format, .. } if format == READ + 1));
        let text = error.to_string();
        assert!(text.contains("`L` of `T#acme`"), "{text}");
        assert!(text.contains("deploy that release again"), "{text}");
        assert!(!text.contains("lena"), "{text}");
        let damaged = check(&item(Some(string("1"))));
        assert!(matches!(damaged, Err(StoreError::Damaged(_))));
    }

    #[test]
    fn the_number_is_set_beside_whatever_else_an_update_does() {
        for (expression, with) in [
            (
                "SET #a = :a ADD #b :b",
                "SET f = if_not_exists(f, :f), #a = :a ADD #b :b",
            ),
            ("ADD #b :b", "SET f = if_not_exists(f, :f) ADD #b :b"),
        ] {
            assert_eq!(with_format(expression), with);
        }
    }
}
