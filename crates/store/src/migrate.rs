//! Brings stored items to the format that this release writes, the current one. For operators: the
//! function never calls this.
//!
//! Every partition is walked page by page, and nothing is kept of it but counts. Each item is
//! changed by itself, on condition that it is there and still has the format that was read: so a
//! migration may run while clients write, be interrupted, and be run again.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use backon::Retryable as _;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use tenant::TenantId;

use crate::client::attributes::{Item, number_of, string, text};
use crate::client::call::Paged as _;
use crate::client::format::{self, FORMAT};
use crate::client::gate::Passage;
use crate::client::tables::{PARTITION_KEY, SECRETS_PARTITION_KEY, SECRETS_SORT_KEY, SORT_KEY};
use crate::client::transaction::RACES;
use crate::client::update::Updated;
use crate::directory::keys;
use crate::{Meter, Store, StoreError, TenantStore, secrets};

/// How many items are changed at the same time.
const AT_ONCE: usize = 8;

/// What brings an item of one format to the next.
#[derive(Debug)]
struct Step {
    from: Format,
    to: u64,
}

/// One step for each format that an older release has written. Items without a number are those of
/// format 1, so that the first step changes nothing but that they say so.
const STEPS: &[Step] = &[Step {
    from: Format::Unnumbered,
    to: 1,
}];

/// The format that an item is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// It has no number.
    Unnumbered,
    /// The number that it has.
    Numbered(u64),
    /// What should be its number is none.
    Unreadable,
}

impl Format {
    fn of(item: &Item) -> Self {
        match format::numbered(item) {
            Ok(None) => Self::Unnumbered,
            Ok(Some(number)) => Self::Numbered(number),
            Err(_) => Self::Unreadable,
        }
    }

    /// Whether only a newer release can read it.
    pub fn is_newer(self) -> bool {
        matches!(self, Self::Numbered(number) if number > format::READ)
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unnumbered => f.write_str("none"),
            Self::Numbered(number) => number.fmt(f),
            Self::Unreadable => f.write_str("unreadable"),
        }
    }
}

/// The items of one kind and format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many there were.
    pub items: u64,
    /// How many of them were brought to the current format, or would be.
    pub changed: u64,
}

/// What a migration found and did, by the kind of item and the format that it had. Items of a kind
/// that this release does not know have none, and are left alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Migrated(pub BTreeMap<(Option<&'static str>, Format), Tally>);

impl Migrated {
    /// Adds what was found elsewhere.
    pub fn add(&mut self, other: Self) {
        for (of, Tally { items, changed }) in other.0 {
            let tally = self.0.entry(of).or_default();
            tally.items = tally.items.saturating_add(items);
            tally.changed = tally.changed.saturating_add(changed);
        }
    }

    fn count(&mut self, kind: Option<&'static str>, format: Format, is_changed: bool) {
        let tally = self.0.entry((kind, format)).or_default();
        tally.items = tally.items.saturating_add(1);
        tally.changed = tally.changed.saturating_add(is_changed.into());
    }
}

/// What one tenant has in a table.
struct Partition<'p> {
    table: &'p str,
    /// The names of the parts of the table's key.
    key: [&'static str; 2],
    tenant: String,
    /// What the item with a sort key is, if this release knows it.
    kind: fn(&str) -> Option<&'static str>,
    passage: Passage<'p>,
}

impl TenantStore<'_> {
    /// Brings the tenant's part of the directory to the current format, or only says what that
    /// would change.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when clients kept writing an item, and failures of DynamoDB. What
    /// was changed until then stays changed, and the rest is for the next run.
    pub async fn migrate(&self, is_dry_run: bool) -> Result<Migrated, StoreError> {
        let directory = Partition {
            table: self.table(),
            key: [PARTITION_KEY, SORT_KEY],
            tenant: self.partition().to_owned(),
            kind: keys::kind,
            passage: self.accepted_only(),
        };
        let store = self.store();
        store
            .migrate_all(&directory, is_dry_run, self.meter())
            .await
    }
}

impl Store {
    /// The same of what the secrets table has of a tenant.
    ///
    /// # Errors
    /// As [`TenantStore::migrate`].
    pub async fn migrate_secrets(
        &self,
        tenant: &TenantId,
        is_dry_run: bool,
        meter: &Meter,
    ) -> Result<Migrated, StoreError> {
        let mut migrated = Migrated::default();
        for tenant in [secrets::partition_of(tenant), secrets::log_of(tenant)] {
            let secrets = Partition {
                table: &self.tables.secrets,
                key: [SECRETS_PARTITION_KEY, SECRETS_SORT_KEY],
                tenant,
                kind: secrets::kind,
                passage: Passage::Free,
            };
            migrated.add(self.migrate_all(&secrets, is_dry_run, meter).await?);
        }
        Ok(migrated)
    }

    async fn migrate_all(
        &self,
        partition: &Partition<'_>,
        is_dry_run: bool,
        meter: &Meter,
    ) -> Result<Migrated, StoreError> {
        let [partition_key, sort_key] = partition.key;
        let query = self
            .client
            .query()
            .table_name(partition.table)
            .key_condition_expression("#pk = :pk")
            .projection_expression(format!("#pk, #sk, {FORMAT}"))
            .expression_attribute_names("#pk", partition_key)
            .expression_attribute_names("#sk", sort_key)
            .expression_attribute_values(":pk", string(&partition.tenant))
            .consistent_read(true);
        let (mut migrated, mut start) = (Migrated::default(), None);
        loop {
            let page = query.clone().starting_after(start);
            let page = self.call(page, meter, partition.passage).await?;
            let items = page.items.unwrap_or_default();
            let changes = items.iter().map(async |item| {
                let kind = (partition.kind)(text(item, sort_key)?);
                let format = Format::of(item);
                let is_changed = match kind {
                    None => false,
                    Some(_) if is_dry_run => step_from(format).is_some(),
                    Some(_) => self.bring(partition, item, format, meter).await?,
                };
                Ok::<_, StoreError>((kind, format, is_changed))
            });
            // Collected first: a future that borrows from a closure's argument is not known to be
            // `Send`.
            let changes: Vec<_> = changes.collect();
            let mut changes = stream::iter(changes).buffer_unordered(AT_ONCE);
            while let Some((kind, format, is_changed)) = changes.try_next().await? {
                migrated.count(kind, format, is_changed);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(migrated);
            }
        }
    }

    /// Brings an item to the current format. Returns whether it did: not if it is of that format
    /// already or of a newer one, or somebody has removed it or written it anew.
    async fn bring(
        &self,
        partition: &Partition<'_>,
        item: &Item,
        mut format: Format,
        meter: &Meter,
    ) -> Result<bool, StoreError> {
        let mut is_changed = false;
        while let Some(step) = step_from(format) {
            let update = || {
                let update = self.step(partition, item, step);
                self.call(update, meter, partition.passage)
            };
            // Conflicts are with transactions of clients.
            let updated = update
                .retry(RACES)
                .when(|error| matches!(error, StoreError::Conflict))
                .await?;
            if let Updated::ConditionFailed = updated {
                return Ok(is_changed);
            }
            is_changed = true;
            format = Format::Numbered(step.to);
        }
        Ok(is_changed)
    }

    /// A step of an item that is there and still has the format that the step begins with.
    fn step(&self, partition: &Partition<'_>, item: &Item, step: &Step) -> UpdateItemFluentBuilder {
        let key = partition.key.iter().filter_map(|name| {
            let value = item.get(*name)?;
            Some(((*name).to_owned(), value.clone()))
        });
        let [partition_key, _] = partition.key;
        let update = self
            .client
            .update_item()
            .table_name(partition.table)
            .set_key(Some(key.collect()))
            .update_expression(format!("SET {FORMAT} = :to"))
            .expression_attribute_names("#pk", partition_key)
            .expression_attribute_values(":to", number_of(step.to));
        match step.from {
            Format::Numbered(from) => update
                .condition_expression(format!("attribute_exists(#pk) AND {FORMAT} = :from"))
                .expression_attribute_values(":from", number_of(from)),
            _ => update.condition_expression(format!(
                "attribute_exists(#pk) AND attribute_not_exists({FORMAT})"
            )),
        }
    }
}

fn step_from(format: Format) -> Option<&'static Step> {
    STEPS.iter().find(|step| step.from == format)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever an older release has written comes to the current format, step by step.
    #[test]
    fn the_steps_lead_from_every_older_format_to_the_current_one() {
        let older = (1..format::WRITTEN).map(Format::Numbered);
        for mut format in older.chain([Format::Unnumbered]) {
            let mut steps = 0;
            while let Some(step) = step_from(format) {
                format = Format::Numbered(step.to);
                steps += 1;
                assert!(steps <= STEPS.len(), "a circle");
            }
            assert_eq!(format, Format::Numbered(format::WRITTEN));
        }
        for left_alone in [Format::Numbered(format::READ + 1), Format::Unreadable] {
            assert!(step_from(left_alone).is_none());
        }
        assert_eq!(STEPS.len() as u64, format::WRITTEN);
    }
}
