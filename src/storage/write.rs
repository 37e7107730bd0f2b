//! Writing a tenant's part of the directory table. Each operation is one call, and so is applied
//! whole or not at all: a resource never parts from its lookups, its guards and its counter.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, Put, ReturnConsumedCapacity, TransactWriteItem, Update,
};
use time::OffsetDateTime;

use super::directory::TenantStore;
use super::item::{self, COUNT, Item};
use super::meter::Pool;
use super::transaction::Outcome;
use super::{StoreError, keys};
use crate::scim::{ResourceType, Stored};

/// The resource's own item is the first of every transaction, its guards come next.
const RESOURCE: usize = 0;

/// The condition under which a resource may be written: it is as it was read.
const UNCHANGED: &str = "version = :read";

impl TenantStore<'_> {
    /// Adds a resource.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when its unique value is taken, [`StoreError::AlreadyExists`] when
    /// its id is, [`StoreError::TooLarge`], [`StoreError::Conflict`], and failures of DynamoDB.
    pub async fn create(
        &self,
        resource_type: &ResourceType,
        new: &Stored,
    ) -> Result<(), StoreError> {
        self.gate.passed().await;
        let guards = keys::guards(resource_type, new)?;
        let lookups = keys::lookups(resource_type, &new.id, &new.resource);
        check_keys(resource_type, guards.len() + lookups.len())?;
        let sort_key = keys::resource(resource_type, &new.id);
        let mut writes = vec![self.put_new(item::write(&self.partition, sort_key, new)?)?];
        for guard in guards {
            writes.push(self.put_new(item::guard(&self.partition, guard, &new.id))?);
        }
        let guarded = writes.len();
        for lookup in lookups {
            writes.push(self.put(item::key(&self.partition, lookup))?);
        }
        writes.extend(self.add_to_counters(resource_type, new, 1)?);
        match self.store.transact(writes, self.meter).await? {
            Outcome::Written => Ok(()),
            Outcome::ConditionFailed(RESOURCE) => Err(StoreError::AlreadyExists),
            Outcome::ConditionFailed(position) => Err(refused(resource_type, position, guarded)),
        }
    }

    /// Replaces a resource that is still as it was read. Lookups and guards are written only
    /// where they change.
    ///
    /// # Errors
    /// [`StoreError::VersionMismatch`] when it has changed or gone, and as [`Self::create`].
    pub async fn replace(
        &self,
        resource_type: &ResourceType,
        current: &Stored,
        next: &Stored,
    ) -> Result<(), StoreError> {
        self.gate.passed().await;
        let guards = Difference::between(
            keys::guards(resource_type, current)?,
            keys::guards(resource_type, next)?,
        );
        let lookups = Difference::between(
            keys::lookups(resource_type, &current.id, &current.resource),
            keys::lookups(resource_type, &next.id, &next.resource),
        );
        check_keys(resource_type, guards.after + lookups.after)?;
        let item = item::write(
            &self.partition,
            keys::resource(resource_type, &next.id),
            next,
        )?;
        if guards.is_empty() && lookups.is_empty() {
            return self.replace_item(item, current).await;
        }
        let resource = Put::builder()
            .table_name(&self.store.tables.directory)
            .set_item(Some(item))
            .condition_expression(UNCHANGED)
            .expression_attribute_values(":read", number(current.meta.version))
            .build()?;
        let mut writes = vec![TransactWriteItem::builder().put(resource).build()];
        for guard in guards.added {
            writes.push(self.put_new(item::guard(&self.partition, guard, &next.id))?);
        }
        let guarded = writes.len();
        for lookup in lookups.added {
            writes.push(self.put(item::key(&self.partition, lookup))?);
        }
        for sort_key in guards.removed.into_iter().chain(lookups.removed) {
            writes.push(self.delete_item(sort_key)?);
        }
        match self.store.transact(writes, self.meter).await? {
            Outcome::Written => Ok(()),
            Outcome::ConditionFailed(RESOURCE) => Err(StoreError::VersionMismatch),
            Outcome::ConditionFailed(position) => Err(refused(resource_type, position, guarded)),
        }
    }

    /// Removes a resource that is still as it was read, and everything that leads to it. A
    /// tombstone keeps it until `expires`.
    ///
    /// # Errors
    /// [`StoreError::VersionMismatch`] when it has changed or gone, [`StoreError::Conflict`], and
    /// failures of DynamoDB.
    pub async fn delete(
        &self,
        resource_type: &ResourceType,
        current: &Stored,
        now: OffsetDateTime,
        expires: OffsetDateTime,
    ) -> Result<(), StoreError> {
        self.gate.passed().await;
        let resource = Delete::builder()
            .table_name(&self.store.tables.directory)
            .set_key(Some(item::key(
                &self.partition,
                keys::resource(resource_type, &current.id),
            )))
            .condition_expression(UNCHANGED)
            .expression_attribute_values(":read", number(current.meta.version))
            .build()?;
        let mut writes = vec![TransactWriteItem::builder().delete(resource).build()];
        let lookups = keys::lookups(resource_type, &current.id, &current.resource);
        for sort_key in keys::guards(resource_type, current)?
            .into_iter()
            .chain(lookups)
        {
            writes.push(self.delete_item(sort_key)?);
        }
        let tombstone = keys::tombstone(resource_type, &current.id);
        writes.push(self.put(item::tombstone(
            &self.partition,
            tombstone,
            current,
            now,
            expires,
        )?)?);
        writes.extend(self.add_to_counters(resource_type, current, -1)?);
        match self.store.transact(writes, self.meter).await? {
            Outcome::Written => Ok(()),
            // The resource's is the only condition.
            Outcome::ConditionFailed(_) => Err(StoreError::VersionMismatch),
        }
    }

    /// Replaces one item alone, at half the price of a transaction.
    ///
    /// The SDK repeats a call whose answer was lost, and a repeated PutItem fails on its own first
    /// attempt. That looks like a lost race, and is handled as one: the caller reloads, finds its
    /// change made, and is done.
    async fn replace_item(&self, item: Item, current: &Stored) -> Result<(), StoreError> {
        self.meter.call();
        let answer = self
            .store
            .client
            .put_item()
            .table_name(&self.store.tables.directory)
            .set_item(Some(item))
            .condition_expression(UNCHANGED)
            .expression_attribute_values(":read", number(current.meta.version))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        self.meter.record(
            Pool::Write,
            answer
                .as_ref()
                .ok()
                .and_then(|answer| answer.consumed_capacity()),
        );
        match answer {
            Ok(_) => Ok(()),
            Err(error) => match error.code() {
                Some("ConditionalCheckFailedException") => Err(StoreError::VersionMismatch),
                Some("TransactionConflictException") => Err(StoreError::Conflict),
                _ => Err(StoreError::from_sdk(error)),
            },
        }
    }

    /// Puts an item that must not exist.
    fn put_new(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.store.tables.directory)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn put(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.store.tables.directory)
            .set_item(Some(item))
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn delete_item(&self, sort_key: String) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.store.tables.directory)
            .set_key(Some(item::key(&self.partition, sort_key)))
            .build()?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// Counts a resource in or out.
    fn add_to_counters(
        &self,
        resource_type: &ResourceType,
        stored: &Stored,
        by: i8,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let add = |sort_key| {
            let update = Update::builder()
                .table_name(&self.store.tables.directory)
                .set_key(Some(item::key(&self.partition, sort_key)))
                .update_expression("ADD #count :by")
                .expression_attribute_names("#count", COUNT)
                .expression_attribute_values(":by", AttributeValue::N(by.to_string()))
                .build()?;
            Ok(TransactWriteItem::builder().update(update).build())
        };
        keys::counters(resource_type, &stored.id)
            .into_iter()
            .map(add)
            .collect()
    }
}

/// How a set of sort keys changes.
struct Difference {
    added: Vec<String>,
    removed: Vec<String>,
    /// How many there are afterwards.
    after: usize,
}

impl Difference {
    fn between(before: BTreeSet<String>, after: BTreeSet<String>) -> Self {
        Self {
            added: after.difference(&before).cloned().collect(),
            removed: before.difference(&after).cloned().collect(),
            after: after.len(),
        }
    }

    fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

/// What a failed condition on a new guard means. The items from `guarded` on have no condition.
fn refused(resource_type: &ResourceType, position: usize, guarded: usize) -> StoreError {
    if position < guarded {
        StoreError::Taken {
            attribute: keys::unique_attribute(resource_type),
        }
    } else {
        StoreError::Damaged(format!(
            "DynamoDB reports a failed condition on item {position}, which has none"
        ))
    }
}

fn check_keys(resource_type: &ResourceType, count: usize) -> Result<(), StoreError> {
    if count <= keys::MAX_KEYS {
        return Ok(());
    }
    Err(StoreError::TooLarge(format!(
        "the {} has {count} values that can be searched for, such as e-mail addresses, and {} are accepted",
        resource_type.name.to_lowercase(),
        keys::MAX_KEYS
    )))
}

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TransactWriteItems' limit.
    const MAX_ACTIONS: usize = 100;

    #[test]
    fn the_largest_change_fits_one_transaction() {
        // The resource, every key removed, every key added.
        const { assert!(2 * keys::MAX_KEYS < MAX_ACTIONS) };
        // The resource, every key removed, the tombstone, the counters.
        const { assert!(keys::MAX_KEYS + 3 < MAX_ACTIONS) };
    }
}
