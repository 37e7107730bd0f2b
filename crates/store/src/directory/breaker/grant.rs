//! The permission to take a user's access, and the place that the transaction takes with it.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use scim::{Place, ResourceType};

use super::share::{CURRENT, STEP, Share, USED, WINDOW};
use crate::client::attributes::number_of;
use crate::directory::keys;
use crate::{StoreError, TenantStore};

/// The permission to take a user's access. The transaction that does so takes the user's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant(pub(super) Taking);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Taking {
    /// Nothing is counted.
    Uncounted,
    /// The user has a place in this window.
    Held,
    /// A place of this share, which has so many.
    New {
        share: u64,
        quota: u64,
        /// As it was read.
        read: Option<Share>,
        /// As it is with the place.
        next: Share,
    },
}

impl Grant {
    /// The user's new place, if it takes one.
    pub(crate) fn place(&self) -> Option<Place> {
        match &self.0 {
            Taking::New { next, .. } => Some(Place {
                window: next.window,
                step: next.step,
            }),
            Taking::Uncounted | Taking::Held => None,
        }
    }
}

impl TenantStore<'_> {
    /// The part of a transaction that takes the place of a grant. Its condition fails if the share
    /// has changed so that the place may not be there.
    pub(crate) fn take_place(
        &self,
        resource_type: &ResourceType,
        grant: &Grant,
    ) -> Result<Option<TransactWriteItem>, StoreError> {
        let Taking::New {
            share,
            quota,
            read,
            next,
        } = &grant.0
        else {
            return Ok(None);
        };
        let sort_key = keys::breaker_share_of(resource_type, *share);
        let is_current = |read: &Share| (read.window, read.step) == (next.window, next.step);
        if read.as_ref().is_some_and(is_current) {
            // Others may take places of this step meanwhile.
            let update = Update::builder()
                .table_name(self.table())
                .set_key(Some(self.key(sort_key)))
                .update_expression("SET #used = #used + :one, #current = #current + :one")
                .condition_expression("#window = :window AND #step = :step AND #used < :quota")
                .expression_attribute_names("#window", WINDOW)
                .expression_attribute_names("#step", STEP)
                .expression_attribute_names("#used", USED)
                .expression_attribute_names("#current", CURRENT)
                .expression_attribute_values(":one", number_of(1))
                .expression_attribute_values(":window", number_of(next.window))
                .expression_attribute_values(":step", number_of(next.step))
                .expression_attribute_values(":quota", number_of(*quota))
                .build()?;
            return Ok(Some(TransactWriteItem::builder().update(update).build()));
        }
        let mut item = self.new_item(sort_key);
        item.extend(next.attributes());
        let put = Put::builder().table_name(self.table()).set_item(Some(item));
        let put = match read {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(read) => put
                .condition_expression(
                    "#window = :window AND #step = :step AND #used = :used \
                     AND #current = :current",
                )
                .expression_attribute_names("#window", WINDOW)
                .expression_attribute_names("#step", STEP)
                .expression_attribute_names("#used", USED)
                .expression_attribute_names("#current", CURRENT)
                .expression_attribute_values(":window", number_of(read.window))
                .expression_attribute_values(":step", number_of(read.step))
                .expression_attribute_values(":used", number_of(read.used()))
                .expression_attribute_values(":current", number_of(read.current)),
        };
        Ok(Some(TransactWriteItem::builder().put(put.build()?).build()))
    }
}
