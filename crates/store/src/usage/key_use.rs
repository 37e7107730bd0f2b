//! The use of a tenant's API keys: one item per key in the directory table.
//!
//! It is separate from the keys themselves, so that the function needs no write permission on the
//! secrets table. Nothing here decides whether a key is accepted.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use tenant::KeyId;
use time::{OffsetDateTime, UtcOffset};

use crate::client::attributes::{number, number_of, text, time, timestamp};
use crate::client::format::Upsert as _;
use crate::client::tables::SORT_KEY;
use crate::client::update::Updated;
use crate::directory::keys;
use crate::{StoreError, TenantStore};

/// A use is only written if it is this much later than the stored one.
pub const LAST_USED_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// When the key was last accepted, to within [`LAST_USED_INTERVAL`].
const LAST_USED: &str = "last_used";
/// The number of the window in which `used` was counted.
const WINDOW: &str = "window";
/// How many requests were leased in that window.
const USED: &str = "used";

/// How often a lease is retried after another one came first.
const ROUNDS: usize = 3;

impl TenantStore<'_> {
    /// Records that the key was used, unless that was recorded within the last five minutes.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn note_use(&self, key: &KeyId, now: OffsetDateTime) -> Result<(), StoreError> {
        let update = self
            .update_use(key)
            .upsert_expression("SET #last = :now")
            .condition_expression("attribute_not_exists(#last) OR #last < :before")
            .expression_attribute_names("#last", LAST_USED)
            .expression_attribute_values(":now", stamp(now))
            .expression_attribute_values(":before", stamp(now - LAST_USED_INTERVAL));
        self.send_update(update).await.map(drop)
    }

    /// Adds requests to those that the service's instances have leased for the key in a window, and
    /// returns the total. Windows are numbered upwards; the first lease in a new window resets the
    /// count.
    ///
    /// The SDK repeats a call whose answer was lost, so a lease can be counted twice, but never not
    /// at all.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn lease(&self, key: &KeyId, window: u64, requests: u64) -> Result<u64, StoreError> {
        let lease = || {
            self.update_use(key)
                .return_values(ReturnValue::UpdatedNew)
                .expression_attribute_names("#window", WINDOW)
                .expression_attribute_names("#used", USED)
                .expression_attribute_values(":window", number_of(window))
                .expression_attribute_values(":requests", number_of(requests))
        };
        for _ in 0..ROUNDS {
            let more = lease()
                .update_expression("ADD #used :requests")
                .condition_expression("#window = :window");
            let first = lease()
                .upsert_expression("SET #window = :window, #used = :requests")
                .condition_expression("attribute_not_exists(#window) OR #window < :window");
            for update in [more, first] {
                if let Updated::Done(written) = self.send_update(update).await? {
                    return number(&written, USED);
                }
            }
        }
        // By another instance's clock this window is over, and nobody counts in it any more.
        Ok(requests)
    }

    /// When each of the tenant's keys was last used, without those that never were.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn last_uses(&self) -> Result<BTreeMap<KeyId, OffsetDateTime>, StoreError> {
        let mut uses = BTreeMap::new();
        self.each(self.query_prefix(keys::usage::KEY_USES), |item| {
            let id = text(item, SORT_KEY)?.strip_prefix(keys::usage::KEY_USES);
            let id = id.and_then(|id| KeyId::parse(id).ok());
            // The item may only hold a lease.
            if let (Some(id), true) = (id, item.contains_key(LAST_USED)) {
                uses.insert(id, time(item, LAST_USED)?);
            }
            Ok(true)
        })
        .await?;
        Ok(uses)
    }

    fn update_use(&self, key: &KeyId) -> UpdateItemFluentBuilder {
        self.update(keys::usage::key_use(key))
    }
}

/// To the second and in UTC, so that the texts sort like the times.
fn stamp(time: OffsetDateTime) -> AttributeValue {
    let time = time.to_offset(UtcOffset::UTC);
    timestamp(time.replace_nanosecond(0).unwrap_or(time))
}
