//! Writing a tenant's part of the directory table. Each operation is one transaction, applied
//! completely or not at all: a resource always stays consistent with its lookups, guards and
//! counters, and a change with its record.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use scim::{ResourceType, Stored};
use time::OffsetDateTime;

use super::breaker::Grant;
use super::document::{self, ACTIVE, COUNT, RECORDED_UNTIL, SEQUENCE};
use super::parts::{Expectation, Parts};
use super::record::{self, Origin, Written};
use super::{TenantStore, difference, keys};
use crate::StoreError;
use crate::client::attributes::{Item, epoch_seconds, number_of};
use crate::client::format::Upsert as _;

/// The condition for writing a resource: it is unchanged since it was read.
pub(super) const UNCHANGED: &str = "version = :read";

/// What is to be known of a deletion.
#[derive(Debug, Clone, Copy)]
pub struct Deletion<'d> {
    /// How long the tombstone is kept.
    pub expires: OffsetDateTime,
    /// The breaker's permission to take access.
    pub grant: Option<&'d Grant>,
    /// Whether nobody's membership may have changed since a group was read (`If-Match`).
    pub is_conditional: bool,
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
        let mut parts = Parts::default();
        self.creation(resource_type, new, origin, &mut parts)?;
        let record = Written::creation(resource_type, new);
        self.commit(parts, origin, &record).await
    }

    /// The parts of a transaction that add a resource.
    pub(super) fn creation(
        &self,
        resource_type: &ResourceType,
        new: &Stored,
        origin: &Origin,
        parts: &mut Parts,
    ) -> Result<(), StoreError> {
        let guards = keys::guards(resource_type, new)?;
        let lookups = keys::lookups(resource_type, &new.id, &new.resource);
        check_keys(resource_type, guards.len() + lookups.len())?;
        let sort_key = keys::resource(resource_type, &new.id);
        let item = recorded(document::write(self.new_item(sort_key), new)?, origin);
        parts.push(self.put_new(item)?, Expectation::NewId);
        for guard in guards {
            let item = document::guard(self.new_item(guard), &new.id);
            parts.push(
                self.put_new(item)?,
                Expectation::FreeValue(resource_type.unique),
            );
        }
        for lookup in lookups {
            let put = self.put(self.new_item(lookup))?;
            parts.push(put, Expectation::Nothing);
        }
        self.count_by(resource_type, new, 1, parts)
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
        let mut parts = Parts::default();
        self.replacement(resource_type, current, next, origin, grant, &mut parts)?;
        let record = Written::replacement(resource_type, current, next);
        self.commit(parts, origin, &record).await
    }

    /// The parts of a transaction that replace a resource.
    pub(super) fn replacement(
        &self,
        resource_type: &ResourceType,
        current: &Stored,
        next: &Stored,
        origin: &Origin,
        grant: Option<&Grant>,
        parts: &mut Parts,
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
        let mut item = recorded(document::write(self.new_item(sort_key), next)?, origin);
        let was = resource_type.has_access(&current.resource);
        let is = resource_type.has_access(&next.resource);
        let place = self.place_part(resource_type, was && !is, grant, &mut item)?;
        let resource = Put::builder()
            .table_name(self.table())
            .set_item(Some(item))
            .condition_expression(UNCHANGED)
            .expression_attribute_values(":read", number_of(current.meta.version))
            .build()?;
        parts.push(
            TransactWriteItem::builder().put(resource).build(),
            Expectation::SameVersion,
        );
        for guard in guards.added {
            let item = document::guard(self.new_item(guard), &next.id);
            parts.push(
                self.put_new(item)?,
                Expectation::FreeValue(resource_type.unique),
            );
        }
        for lookup in lookups.added {
            let put = self.put(self.new_item(lookup))?;
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
        Ok(())
    }

    /// Removes a resource that is unchanged since it was read, and everything that leads to it. A
    /// tombstone keeps it. If it has access, that needs the breaker's grant.
    ///
    /// One that can be a member leaves its groups, in the same transaction as far as that has room.
    /// The members of a group keep their edges, which lead nowhere while there is no group.
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
        Deletion {
            expires,
            grant,
            is_conditional,
        }: Deletion<'_>,
    ) -> Result<(), StoreError> {
        let mut parts = Parts::default();
        self.removal(resource_type, current, &mut parts)?;
        if is_conditional && resource_type.members.is_some() {
            self.check_membership(current, &mut parts).await?;
        }
        let sort_key = keys::tombstone(resource_type, &current.id);
        let deletion = current.meta.changed(origin.at);
        let deleted = deletion.last_modified;
        let mut tombstone =
            document::tombstone(self.new_item(sort_key), current, deleted, expires)?;
        let had = resource_type.has_access(&current.resource);
        parts.extend(self.place_part(resource_type, had, grant, &mut tombstone)?);
        parts.push(self.put(recorded(tombstone, origin))?, Expectation::Nothing);
        let record = Written {
            version: deletion.version,
            at: deleted,
            previous: Some(current.meta.last_modified),
            created: None,
            before: Some(&current.resource),
            after: None,
            ..Written::creation(resource_type, current)
        };
        let mut record = self.record_item(origin, &record);
        if resource_type.can_be_member() {
            let mut leaving = self.leaving(&current.id).await?;
            // And the record.
            let others = parts.len() + 1;
            let left = leaving.all().into_iter().cloned().collect::<Vec<_>>();
            self.leave_before(&current.id, &mut leaving, others, origin)
                .await?;
            self.leave_now(current, &leaving, deleted, &mut parts)?;
            record.extend(record::left(&left));
        }
        self.send_all(parts, record).await
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

    /// Writes all parts, the change's record, and an entry of the log if something was left out; or
    /// nothing.
    pub(super) async fn commit(
        &self,
        mut parts: Parts,
        origin: &Origin,
        record: &Written<'_>,
    ) -> Result<(), StoreError> {
        let log = self.log_part(origin.entry.as_deref(), 0)?;
        parts.extend(log.map(|log| (log, Expectation::Nothing)));
        self.send_all(parts, self.record_item(origin, record)).await
    }

    /// The same with the record as it is to be written.
    pub(crate) async fn send_all(&self, parts: Parts, record: Item) -> Result<(), StoreError> {
        match self.send(parts, record).await?.first() {
            None => Ok(()),
            // Somebody's membership has changed since it was read.
            Some(_) => Err(StoreError::VersionMismatch),
        }
    }

    /// Adds a resource to the counts or removes it, including the count of active ones if it is
    /// active.
    pub(super) fn count_by(
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
            .upsert_expression(&format!("ADD {}", terms.join(", ")))
            .build()?;
        Ok(TransactWriteItem::builder().update(update).build())
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
