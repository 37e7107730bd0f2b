//! The removal of a resource with everything that leads to it, for a deletion and for an erasure.

use aws_sdk_dynamodb::types::{Delete, TransactWriteItem};
use scim::{ResourceType, Stored};

use super::document::JOINED;
use super::parts::{Expectation, Parts};
use super::write::UNCHANGED;
use super::{TenantStore, keys};
use crate::StoreError;
use crate::client::attributes::number_of;

impl TenantStore<'_> {
    /// The parts of a transaction that remove a resource that is unchanged since it was read, and
    /// everything that leads to it, and count it no more.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] when its unique value is too long for a key.
    pub(crate) fn removal(
        &self,
        resource_type: &ResourceType,
        current: &Stored,
        parts: &mut Parts,
    ) -> Result<(), StoreError> {
        self.delete_resource(resource_type, current, parts)?;
        let lookups = keys::lookups(resource_type, &current.id, &current.resource);
        for sort_key in keys::guards(resource_type, current)?
            .into_iter()
            .chain(lookups)
        {
            parts.push(self.delete_item(sort_key)?, Expectation::Nothing);
        }
        self.count_by(resource_type, current, -1, parts)
    }

    /// Deletes an item that must have the given version.
    pub(crate) fn delete_unchanged(
        &self,
        sort_key: String,
        version: u64,
        parts: &mut Parts,
    ) -> Result<(), StoreError> {
        let delete = Delete::builder()
            .table_name(self.table())
            .set_key(Some(self.key(sort_key)))
            .condition_expression(UNCHANGED)
            .expression_attribute_values(":read", number_of(version))
            .build()?;
        parts.push(
            TransactWriteItem::builder().delete(delete).build(),
            Expectation::SameVersion,
        );
        Ok(())
    }

    /// Deletes a resource that is as it was read. One that can be a member has joined no group
    /// since.
    fn delete_resource(
        &self,
        resource_type: &ResourceType,
        current: &Stored,
        parts: &mut Parts,
    ) -> Result<(), StoreError> {
        let sort_key = keys::resource(resource_type, &current.id);
        if !resource_type.can_be_member() {
            return self.delete_unchanged(sort_key, current.meta.version, parts);
        }
        let delete = Delete::builder()
            .table_name(self.table())
            .set_key(Some(self.key(sort_key)))
            .expression_attribute_names("#joined", JOINED)
            .expression_attribute_values(":read", number_of(current.meta.version));
        let delete = match current.meta.joined {
            0 => delete.condition_expression("version = :read AND attribute_not_exists(#joined)"),
            joined => delete
                .condition_expression("version = :read AND #joined = :joined")
                .expression_attribute_values(":joined", number_of(joined)),
        };
        parts.push(
            TransactWriteItem::builder().delete(delete.build()?).build(),
            Expectation::SameVersion,
        );
        Ok(())
    }
}
