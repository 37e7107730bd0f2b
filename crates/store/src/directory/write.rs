//! Writing a tenant's part of the directory table. Each operation is one transaction, applied
//! completely or not at all: a resource always stays consistent with its lookups, guards and
//! counters, and a change with its record.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem, Update};
use scim::{ResourceType, Stored};
use time::OffsetDateTime;

use super::breaker::Grant;
use super::document::{self, ACTIVE, COUNT, RECORDED_UNTIL, SEQUENCE};
use super::record::{Origin, Written};
use super::{TenantStore, difference, keys};
use crate::StoreError;
use crate::client::attributes::{Item, epoch_seconds, number_of};
use crate::client::transaction::Outcome;

/// The condition for writing a resource: it is unchanged since it was read.
const UNCHANGED: &str = "version = :read";

/// The parts of a transaction, each with the meaning of its condition's failure.
#[derive(Default)]
pub(super) struct Parts(Vec<(TransactWriteItem, Expectation)>);

/// What a part of a transaction expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expectation {
    /// Nothing: it has no condition.
    Nothing,
    /// The resource does not exist.
    NewId,
    /// The resource is unchanged since it was read.
    SameVersion,
    /// The value is free.
    FreeValue,
    /// The place that was granted is there.
    Place,
}

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
        origin: &Origin,
    ) -> Result<(), StoreError> {
        let record = Written {
            resource_type,
            id: &new.id,
            version: new.meta.version,
            at: new.meta.last_modified,
            previous: None,
            before: None,
            after: Some(&new.resource),
        };
        self.add(new, Parts::default(), origin, &record).await
    }

    /// Adds a resource, together with other parts of the same transaction.
    pub(super) async fn add(
        &self,
        new: &Stored,
        mut parts: Parts,
        origin: &Origin,
        record: &Written<'_>,
    ) -> Result<(), StoreError> {
        let resource_type = record.resource_type;
        let guards = keys::guards(resource_type, new)?;
        let lookups = keys::lookups(resource_type, &new.id, &new.resource);
        check_keys(resource_type, guards.len() + lookups.len())?;
        let sort_key = keys::resource(resource_type, &new.id);
        let item = recorded(document::write(self.key(sort_key), new)?, origin);
        parts.push(self.put_new(item)?, Expectation::NewId);
        for guard in guards {
            let item = document::guard(self.key(guard), &new.id);
            parts.push(self.put_new(item)?, Expectation::FreeValue);
        }
        for lookup in lookups {
            let put = self.put(self.key(lookup))?;
            parts.push(put, Expectation::Nothing);
        }
        self.count_by(resource_type, new, 1, &mut parts)?;
        self.commit(parts, origin, record).await
    }

    /// Replaces a resource that is unchanged since it was read. Lookups, guards and counters are
    /// written only if they change. What takes access needs the breaker's `grant`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the granted place is gone,
    /// [`StoreError::VersionMismatch`] when it has changed or is gone, and as [`Self::create`].
    pub async fn replace(
        &self,
        resource_type: &ResourceType,
        current: &Stored,
        next: &Stored,
        origin: &Origin,
        grant: Option<&Grant>,
    ) -> Result<(), StoreError> {
        let guards = Difference::between(
            keys::guards(resource_type, current)?,
            keys::guards(resource_type, next)?,
        );
        let lookups = Difference::between(
            keys::lookups(resource_type, &current.id, &current.resource),
            keys::lookups(resource_type, &next.id, &next.resource),
        );
        check_keys(resource_type, guards.after + lookups.after)?;
        let sort_key = keys::resource(resource_type, &next.id);
        let mut item = recorded(document::write(self.key(sort_key), next)?, origin);
        let was = resource_type.has_access(&current.resource);
        let is = resource_type.has_access(&next.resource);
        let place = self.place_part(resource_type, was && !is, grant, &mut item)?;
        let resource = Put::builder()
            .table_name(self.table())
            .set_item(Some(item))
            .condition_expression(UNCHANGED)
            .expression_attribute_values(":read", number_of(current.meta.version))
            .build()?;
        let mut parts = Parts::default();
        parts.push(
            TransactWriteItem::builder().put(resource).build(),
            Expectation::SameVersion,
        );
        for guard in guards.added {
            let item = document::guard(self.key(guard), &next.id);
            parts.push(self.put_new(item)?, Expectation::FreeValue);
        }
        for lookup in lookups.added {
            let put = self.put(self.key(lookup))?;
            parts.push(put, Expectation::Nothing);
        }
        for sort_key in guards.removed.into_iter().chain(lookups.removed) {
            parts.push(self.delete_item(sort_key)?, Expectation::Nothing);
        }
        if was != is {
            let [coarse, _] = keys::counters(resource_type, &next.id);
            let by = if is { 1 } else { -1 };
            parts.push(self.add_to(coarse, &[(ACTIVE, by)])?, Expectation::Nothing);
        }
        parts.extend(place);
        let record = Written {
            resource_type,
            id: &next.id,
            version: next.meta.version,
            at: next.meta.last_modified,
            previous: Some(current.meta.last_modified),
            before: Some(&current.resource),
            after: Some(&next.resource),
        };
        self.commit(parts, origin, &record).await
    }

    /// Removes a resource that is unchanged since it was read, and everything that leads to it. A
    /// tombstone keeps it until `expires`. If it has access, that needs the breaker's `grant`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the granted place is gone,
    /// [`StoreError::VersionMismatch`] when it has changed or is gone, [`StoreError::Conflict`],
    /// and failures of DynamoDB.
    pub async fn delete(
        &self,
        resource_type: &ResourceType,
        current: &Stored,
        origin: &Origin,
        expires: OffsetDateTime,
        grant: Option<&Grant>,
    ) -> Result<(), StoreError> {
        let mut parts = Parts::default();
        let sort_key = keys::resource(resource_type, &current.id);
        self.delete_unchanged(sort_key, current.meta.version, &mut parts)?;
        let lookups = keys::lookups(resource_type, &current.id, &current.resource);
        for sort_key in keys::guards(resource_type, current)?
            .into_iter()
            .chain(lookups)
        {
            parts.push(self.delete_item(sort_key)?, Expectation::Nothing);
        }
        let sort_key = keys::tombstone(resource_type, &current.id);
        let deletion = current.meta.changed(origin.at);
        let deleted = deletion.last_modified;
        let mut tombstone = document::tombstone(self.key(sort_key), current, deleted, expires)?;
        let had = resource_type.has_access(&current.resource);
        parts.extend(self.place_part(resource_type, had, grant, &mut tombstone)?);
        parts.push(self.put(recorded(tombstone, origin))?, Expectation::Nothing);
        self.count_by(resource_type, current, -1, &mut parts)?;
        let record = Written {
            resource_type,
            id: &current.id,
            version: deletion.version,
            at: deleted,
            previous: Some(current.meta.last_modified),
            before: Some(&current.resource),
            after: None,
        };
        self.commit(parts, origin, &record).await
    }

    /// The part of a transaction that takes a place for the resource of `item`, which notes it.
    /// Nothing takes access without a grant.
    fn place_part(
        &self,
        resource_type: &ResourceType,
        takes_access: bool,
        grant: Option<&Grant>,
        item: &mut Item,
    ) -> Result<Option<(TransactWriteItem, Expectation)>, StoreError> {
        let Some(grant) = grant else {
            return match takes_access {
                true => Err(StoreError::Damaged(
                    "access is taken without the breaker's grant".to_owned(),
                )),
                false => Ok(None),
            };
        };
        if let Some(place) = grant.place() {
            document::put_place(item, place);
        }
        let part = self.take_place(resource_type, grant)?;
        Ok(part.map(|part| (part, Expectation::Place)))
    }

    /// Writes all parts and the change's record, or nothing.
    ///
    /// If every attempt fails without an answer, the record tells whether one of them took effect
    /// after all: a client that is told of a failure would send the request again and collide with
    /// its own change.
    async fn commit(
        &self,
        mut parts: Parts,
        origin: &Origin,
        record: &Written<'_>,
    ) -> Result<(), StoreError> {
        parts.push(self.put_record(origin, record)?, Expectation::Nothing);
        let (writes, expectations): (Vec<_>, Vec<_>) = parts.0.into_iter().unzip();
        let position = match self.transact(writes).await {
            Ok(Outcome::Written) => return Ok(()),
            Ok(Outcome::ConditionFailed(position)) => position,
            Err(unknown @ StoreError::Unavailable { .. }) => {
                return match self.was_made(origin, record).await {
                    Ok(true) => Ok(()),
                    _ => Err(unknown),
                };
            }
            Err(error) => return Err(error),
        };
        Err(match expectations.get(position) {
            Some(Expectation::NewId) => StoreError::AlreadyExists,
            Some(Expectation::SameVersion) => StoreError::VersionMismatch,
            Some(Expectation::Place) => StoreError::Conflict,
            Some(Expectation::FreeValue) => StoreError::Taken {
                attribute: record.resource_type.unique,
            },
            Some(Expectation::Nothing) | None => StoreError::Damaged(format!(
                "DynamoDB reports a failed condition on item {position}, which has none"
            )),
        })
    }

    /// Puts an item that must not exist yet.
    pub(crate) fn put_new(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(self.table())
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    pub(super) fn put(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(self.table())
            .set_item(Some(item))
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn delete_item(&self, sort_key: String) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(self.table())
            .set_key(Some(self.key(sort_key)))
            .build()?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// Deletes an item that must have the given version.
    pub(super) fn delete_unchanged(
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

    /// Adds a resource to the counts or removes it, including the count of active ones if it is
    /// active.
    fn count_by(
        &self,
        resource_type: &ResourceType,
        stored: &Stored,
        by: i8,
        parts: &mut Parts,
    ) -> Result<(), StoreError> {
        let [coarse, fine] = keys::counters(resource_type, &stored.id);
        let counts: &[_] = if resource_type.has_access(&stored.resource) {
            &[(COUNT, by), (ACTIVE, by)]
        } else {
            &[(COUNT, by)]
        };
        parts.push(self.add_to(coarse, counts)?, Expectation::Nothing);
        parts.push(self.add_to(fine, &[(COUNT, by)])?, Expectation::Nothing);
        Ok(())
    }

    /// Adds to a counter, and raises its number.
    fn add_to(
        &self,
        sort_key: String,
        counts: &[(&str, i8)],
    ) -> Result<TransactWriteItem, StoreError> {
        let mut update = Update::builder()
            .table_name(self.table())
            .set_key(Some(self.key(sort_key)));
        let mut terms = Vec::new();
        for (name, by) in counts.iter().chain(&[(SEQUENCE, 1)]) {
            // `count` is a reserved word in expressions.
            terms.push(format!("#{name} :{name}"));
            update = update
                .expression_attribute_names(format!("#{name}"), *name)
                .expression_attribute_values(format!(":{name}"), difference(*by));
        }
        let update = update
            .update_expression(format!("ADD {}", terms.join(", ")))
            .build()?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

impl Parts {
    fn push(&mut self, write: TransactWriteItem, expectation: Expectation) {
        self.0.push((write, expectation));
    }

    fn extend(&mut self, part: Option<(TransactWriteItem, Expectation)>) {
        self.0.extend(part);
    }
}

/// The item with the time until which the record of its latest change is kept.
fn recorded(mut item: Item, origin: &Origin) -> Item {
    item.insert(RECORDED_UNTIL.to_owned(), epoch_seconds(origin.expires));
    item
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
