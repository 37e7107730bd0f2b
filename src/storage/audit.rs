//! Whether a tenant's directory is consistent, and making it so again. For operators: nothing
//! here is called by the function.
//!
//! Transactions keep resources, lookups, guards and counters together. What parts them all the
//! same is a restored backup of a part, an edit by hand, or a defect of this service.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem, Update,
};

use super::directory::TenantStore;
use super::item::{self, COUNT, Item};
use super::tables::SORT_KEY;
use super::transaction::Outcome;
use super::{StoreError, keys};
use crate::scim::discovery::RESOURCE_TYPES;
use crate::scim::{ResourceId, ResourceType};

/// What an audit found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// How many resources there are.
    pub resources: u64,
    /// What is wrong.
    pub defects: Vec<Defect>,
}

/// Something that does not fit the resources there are. Its text names no values of attributes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Defect {
    /// What is wrong.
    pub kind: DefectKind,
    /// The sort key of the item that is, or should be, there.
    sort_key: String,
    /// The resource it belongs to, with the version that was seen; none for counters.
    resource: Option<(ResourceId, Option<u64>)>,
    /// What a counter says and what it should say.
    counts: (u64, u64),
    resource_type: &'static str,
}

/// The kinds of defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DefectKind {
    /// A resource cannot be found by one of its values.
    MissingLookup,
    /// A lookup leads to a resource that is gone or has another value. It costs a read and harms
    /// nothing else.
    StrayLookup,
    /// A unique value could be taken twice.
    MissingGuard,
    /// A value is taken by nobody, and cannot be given.
    StrayGuard,
    /// A total or a page is wrong.
    WrongCount,
}

impl std::fmt::Display for Defect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let of = match &self.resource {
            Some((id, _)) => format!("{} {id}", self.resource_type),
            None => format!(
                "{}, {} instead of {}",
                self.sort_key, self.counts.0, self.counts.1
            ),
        };
        let kind = match self.kind {
            DefectKind::MissingLookup => "missing lookup",
            DefectKind::StrayLookup => "stray lookup",
            DefectKind::MissingGuard => "missing guard",
            DefectKind::StrayGuard => "stray guard",
            DefectKind::WrongCount => "wrong count",
        };
        write!(f, "{kind}: {of}")
    }
}

/// A tenant's items, as far as they matter here.
#[derive(Default)]
struct Seen {
    /// The versions of the resources.
    versions: BTreeMap<ResourceId, u64>,
    /// The lookups and guards that should be there, with the resource each belongs to.
    expected: BTreeMap<String, ResourceId>,
    lookups: BTreeMap<String, Option<ResourceId>>,
    guards: BTreeMap<String, ResourceId>,
    counts: BTreeMap<String, u64>,
    expected_counts: BTreeMap<String, u64>,
}

impl TenantStore<'_> {
    /// Reads everything the tenant has and compares it. Run it when the tenant is quiet: what
    /// changes meanwhile may look like a defect once, but not twice.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn audit(&self) -> Result<Audit, StoreError> {
        let mut audit = Audit::default();
        for resource_type in RESOURCE_TYPES {
            let seen = self.see(resource_type).await?;
            audit.resources += seen.versions.len() as u64;
            audit.defects.extend(seen.defects(resource_type));
        }
        audit.defects.sort();
        Ok(audit)
    }

    /// Mends a defect, provided that the resource or the counter is still as the audit saw it.
    /// Returns whether it was.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn repair(&self, defect: &Defect) -> Result<bool, StoreError> {
        let writes = match defect.kind {
            DefectKind::WrongCount => vec![self.set_count(defect)?],
            DefectKind::MissingLookup | DefectKind::MissingGuard => {
                vec![self.unchanged(defect)?, self.put_key(defect)?]
            }
            DefectKind::StrayLookup | DefectKind::StrayGuard => {
                let delete = Delete::builder()
                    .table_name(&self.store.tables.directory)
                    .set_key(Some(item::key(&self.partition, defect.sort_key.clone())))
                    .build()?;
                let delete = TransactWriteItem::builder().delete(delete).build();
                vec![self.unchanged(defect)?, delete]
            }
        };
        Ok(self.store.transact(writes, self.meter).await? == Outcome::Written)
    }

    async fn see(&self, resource_type: &ResourceType) -> Result<Seen, StoreError> {
        let mut seen = Seen::default();
        let query = self.query().key_condition_expression("pk = :pk");
        let kinds = keys::kinds(resource_type);
        self.each(query, |item| {
            let sort_key = item::text(item, SORT_KEY)?;
            if sort_key.starts_with(&kinds.resources) {
                seen.add_resource(resource_type, item)?;
            } else if sort_key.starts_with(&kinds.lookups) {
                seen.lookups
                    .insert(sort_key.to_owned(), keys::lookup_id(sort_key));
            } else if sort_key.starts_with(&kinds.guards) {
                seen.guards.insert(sort_key.to_owned(), item::holder(item)?);
            } else if kinds
                .counters
                .iter()
                .any(|counters| sort_key.starts_with(counters))
            {
                seen.counts.insert(sort_key.to_owned(), item::count(item)?);
            }
            Ok(true)
        })
        .await?;
        Ok(seen)
    }

    /// The condition that the defect's resource is as it was seen.
    fn unchanged(&self, defect: &Defect) -> Result<TransactWriteItem, StoreError> {
        let (id, version) = defect.resource.as_ref().ok_or(StoreError::NotFound)?;
        let resource_type = RESOURCE_TYPES
            .iter()
            .find(|resource_type| resource_type.name == defect.resource_type)
            .ok_or(StoreError::NotFound)?;
        let check = ConditionCheck::builder()
            .table_name(&self.store.tables.directory)
            .set_key(Some(item::key(
                &self.partition,
                keys::resource(resource_type, id),
            )));
        let check = match version {
            Some(version) => check
                .condition_expression("version = :read")
                .expression_attribute_values(":read", AttributeValue::N(version.to_string())),
            None => check.condition_expression("attribute_not_exists(pk)"),
        };
        Ok(TransactWriteItem::builder()
            .condition_check(check.build()?)
            .build())
    }

    fn put_key(&self, defect: &Defect) -> Result<TransactWriteItem, StoreError> {
        let sort_key = defect.sort_key.clone();
        let item = match (&defect.kind, &defect.resource) {
            (DefectKind::MissingGuard, Some((id, _))) => item::guard(&self.partition, sort_key, id),
            _ => item::key(&self.partition, sort_key),
        };
        // A guard that somebody else has taken meanwhile is theirs.
        let put = Put::builder()
            .table_name(&self.store.tables.directory)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn set_count(&self, defect: &Defect) -> Result<TransactWriteItem, StoreError> {
        let (is, should_be) = defect.counts;
        let number = |count: u64| AttributeValue::N(count.to_string());
        let update = Update::builder()
            .table_name(&self.store.tables.directory)
            .set_key(Some(item::key(&self.partition, defect.sort_key.clone())))
            .update_expression("SET #count = :should_be")
            .condition_expression("#count = :is OR (attribute_not_exists(#count) AND :is = :none)")
            .expression_attribute_names("#count", COUNT)
            .expression_attribute_values(":is", number(is))
            .expression_attribute_values(":should_be", number(should_be))
            .expression_attribute_values(":none", number(0))
            .build()?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

impl Seen {
    fn add_resource(
        &mut self,
        resource_type: &ResourceType,
        item: &Item,
    ) -> Result<(), StoreError> {
        let stored = item::read(item)?;
        let lookups = keys::lookups(resource_type, &stored.id, &stored.resource);
        for sort_key in lookups
            .into_iter()
            .chain(keys::guards(resource_type, &stored)?)
        {
            self.expected.insert(sort_key, stored.id.clone());
        }
        for counter in keys::counters(resource_type, &stored.id) {
            *self.expected_counts.entry(counter).or_default() += 1;
        }
        self.versions.insert(stored.id, stored.meta.version);
        Ok(())
    }

    fn defects(&self, resource_type: &ResourceType) -> Vec<Defect> {
        let mut defects = Vec::new();
        let mut add = |kind, sort_key: &String, id: Option<&ResourceId>, counts| {
            let resource = id.map(|id| (id.clone(), self.versions.get(id).copied()));
            let sort_key = sort_key.clone();
            defects.push(Defect {
                kind,
                sort_key,
                resource,
                counts,
                resource_type: resource_type.name,
            });
        };
        let guard_prefix = keys::kinds(resource_type).guards;
        for (sort_key, id) in &self.expected {
            if sort_key.starts_with(&guard_prefix) {
                match self.guards.get(sort_key) {
                    Some(holder) if holder == id => {}
                    // First the stray one goes, then, in the next audit, the right one is missing.
                    Some(holder) => add(DefectKind::StrayGuard, sort_key, Some(holder), (0, 0)),
                    None => add(DefectKind::MissingGuard, sort_key, Some(id), (0, 0)),
                }
            } else if !self.lookups.contains_key(sort_key) {
                add(DefectKind::MissingLookup, sort_key, Some(id), (0, 0));
            }
        }
        for (sort_key, holder) in self
            .guards
            .iter()
            .filter(|(key, _)| !self.expected.contains_key(*key))
        {
            add(DefectKind::StrayGuard, sort_key, Some(holder), (0, 0));
        }
        for (sort_key, id) in self
            .lookups
            .iter()
            .filter(|(key, _)| !self.expected.contains_key(*key))
        {
            add(DefectKind::StrayLookup, sort_key, id.as_ref(), (0, 0));
        }
        let counters: BTreeSet<_> = self
            .counts
            .keys()
            .chain(self.expected_counts.keys())
            .collect();
        for sort_key in counters {
            let count =
                |counts: &BTreeMap<String, u64>| counts.get(sort_key).copied().unwrap_or_default();
            let counts = (count(&self.counts), count(&self.expected_counts));
            if counts.0 != counts.1 {
                add(DefectKind::WrongCount, sort_key, None, counts);
            }
        }
        defects
    }
}
