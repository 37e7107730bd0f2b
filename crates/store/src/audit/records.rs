//! The change records of a tenant, as far as an audit compares them.

use std::collections::BTreeMap;

use scim::ResourceId;
use time::{Duration, OffsetDateTime};

use crate::StoreError;
use crate::client::attributes::Item;
use crate::directory::document;
use crate::directory::history::Record;
use crate::directory::record::ChangeKind;

/// The latest change of a resource.
#[derive(Debug, Clone, Copy)]
pub(super) struct Latest {
    pub version: u64,
    pub at: OffsetDateTime,
    pub recorded_until: OffsetDateTime,
}

/// The change records of all resources.
#[derive(Default)]
pub(super) struct Records {
    pub by_key: BTreeMap<String, (u64, Option<OffsetDateTime>)>,
    /// The latest unexpired record of each resource: its version, kind, time and sort key.
    pub latest: BTreeMap<ResourceId, (u64, ChangeKind, OffsetDateTime, String)>,
    /// The time of the oldest unexpired record.
    oldest: Option<OffsetDateTime>,
    /// The shortest retention of any record.
    shortest: Option<Duration>,
}

impl Records {
    pub(super) fn add(
        &mut self,
        sort_key: &str,
        item: &Item,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let expires = document::expires(item)?;
        // Those of other kinds are about no version of a resource.
        let Record::Change(record) = Record::read(item)? else {
            return Ok(());
        };
        self.by_key
            .insert(sort_key.to_owned(), (record.version, record.previous));
        let kept = expires - record.at;
        let shortest = self.shortest.get_or_insert(kept);
        *shortest = kept.min(*shortest);
        // DynamoDB removes expired items within days, in any order.
        if expires <= now {
            return Ok(());
        }
        let oldest = self.oldest.get_or_insert(record.at);
        *oldest = record.at.min(*oldest);
        let (version, at) = (record.version, record.at);
        let latest = (version, record.operation, at, sort_key.to_owned());
        let known = self.latest.entry(record.id).or_insert(latest.clone());
        if latest.0 > known.0 {
            *known = latest;
        }
        Ok(())
    }

    /// The time from which on every record must still exist. A record made after an existing one
    /// also expires after it, unless the retention was shortened in between: then there are
    /// records, or changes whose records are gone, that show it.
    pub(super) fn complete_from(
        &self,
        latest: impl Iterator<Item = Latest>,
        now: OffsetDateTime,
    ) -> Option<OffsetDateTime> {
        let kept = latest.map(|latest| latest.recorded_until - latest.at);
        let (oldest, shortest) = (self.oldest?, kept.chain(self.shortest).min()?);
        Some(oldest.max(now.checked_sub(shortest)?))
    }
}
