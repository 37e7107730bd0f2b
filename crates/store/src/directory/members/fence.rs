//! Fences: between the deletion of a user and a large change that names the user, each of which is
//! to notice the other.
//!
//! A small change is noticed by the user's own item. A large one cannot write as many items, so it
//! writes one for all users whose ids start with a digit, and so does each deletion of such a user.
//! Each counts itself, and has the condition that none of the other kind came in between; those of
//! one kind do not hold each other up.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{ConditionCheck, TransactWriteItem, Update};

use crate::client::attributes::{Item, number, number_of, optional, text};
use crate::client::format::Upsert as _;
use crate::client::tables::SORT_KEY;
use crate::directory::keys;
use crate::{StoreError, TenantStore};

/// How many users behind a fence were deleted.
const DELETED: &str = "deleted_users";
/// How many large changes that name users behind it were decided.
const DECIDED: &str = "decided";

/// A fence as it was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Fence {
    pub(super) deleted: u64,
    decided: u64,
}

/// The fences of a tenant, by their digits. One that was never written does not exist.
pub(super) type Fences = BTreeMap<char, Fence>;

impl Fence {
    /// The fence of an item.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is not one.
    pub fn read(item: &Item) -> Result<Self, StoreError> {
        let count = |name| optional(item, name, number).map(Option::unwrap_or_default);
        Ok(Self {
            deleted: count(DELETED)?,
            decided: count(DECIDED)?,
        })
    }
}

impl TenantStore<'_> {
    /// All fences.
    pub(super) async fn fences(&self) -> Result<Fences, StoreError> {
        let mut fences = Fences::new();
        self.each(self.query_prefix(keys::members::FENCES), |item| {
            let digit = text(item, SORT_KEY)?.chars().last();
            if let Some(digit) = digit {
                fences.insert(digit, Fence::read(item)?);
            }
            Ok(true)
        })
        .await?;
        Ok(fences)
    }

    /// Notes a large change at a fence, unless a user behind it was deleted since it was read.
    pub(super) fn decide_at(
        &self,
        digit: char,
        fences: &Fences,
    ) -> Result<TransactWriteItem, StoreError> {
        let read = fences.get(&digit).copied().unwrap_or_default();
        self.note_at(digit, DECIDED, DELETED, read.deleted)
    }

    /// Notes a deletion at a fence, unless a large change was decided since it was read.
    pub(super) fn delete_at(
        &self,
        digit: char,
        read: Fence,
    ) -> Result<TransactWriteItem, StoreError> {
        self.note_at(digit, DELETED, DECIDED, read.decided)
    }

    fn note_at(
        &self,
        digit: char,
        noted: &str,
        unmoved: &str,
        read: u64,
    ) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(self.table())
            .set_key(Some(self.key(keys::members::fence(digit))))
            .upsert_expression("ADD #noted :one")
            .expression_attribute_names("#noted", noted)
            .expression_attribute_names("#unmoved", unmoved)
            .expression_attribute_values(":one", number_of(1))
            .condition_expression(condition(read));
        let update = match read {
            0 => update,
            _ => update.expression_attribute_values(":read", number_of(read)),
        };
        Ok(TransactWriteItem::builder().update(update.build()?).build())
    }

    /// Checks that no large change was decided since a fence was read.
    pub(super) fn check_fence(
        &self,
        digit: char,
        read: Fence,
    ) -> Result<TransactWriteItem, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(self.table())
            .set_key(Some(self.key(keys::members::fence(digit))))
            .expression_attribute_names("#unmoved", DECIDED)
            .condition_expression(condition(read.decided));
        let check = match read.decided {
            0 => check,
            decided => check.expression_attribute_values(":read", number_of(decided)),
        };
        let check = check.build()?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }
}

fn condition(read: u64) -> &'static str {
    match read {
        0 => "attribute_not_exists(#unmoved)",
        _ => "#unmoved = :read",
    }
}
