//! The web keys of an issuer, as they were last fetched, and when they may be fetched again.
//!
//! Both are shared by all instances of the function: who may fetch is decided by a conditional
//! write.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use time::{Duration, OffsetDateTime, UtcOffset};
use uuid::Uuid;

use crate::client::attributes::{
    Item, damaged, epoch_seconds, optional, optional_time, string, text, timestamp,
};
use crate::client::format::Upsert as _;
use crate::client::tables::EXPIRES_AT;
use crate::client::transaction::settled;
use crate::client::update::Updated;
use crate::directory::keys;
use crate::{StoreError, TenantStore};

const KEYS: &str = "keys";
const KID: &str = "kid";
const N: &str = "n";
const E: &str = "e";
const FETCHED: &str = "fetched";
const FRESH_UNTIL: &str = "fresh_until";
const ATTEMPTED: &str = "attempted";
const SOUGHT: &str = "sought";
const FAILED: &str = "failed";
/// Names the call that made the last claim.
const CLAIMANT: &str = "claimant";

/// How long an item that holds no keys is remembered: attempts to fetch some.
const REMEMBERED: Duration = Duration::HOUR;

/// The web keys of an issuer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebKeys {
    /// The keys that were fetched last, with the time at which they were, and until when they are
    /// used without being fetched again.
    pub fetched: Option<(Vec<StoredKey>, OffsetDateTime, OffsetDateTime)>,
    /// When an instance last set out to fetch them.
    pub attempted: Option<OffsetDateTime>,
    /// When one last did for a key that was not among them.
    pub sought: Option<OffsetDateTime>,
    /// When one last did in vain.
    pub failed: Option<OffsetDateTime>,
}

/// An RSA key. The numbers are in base64url, as in the issuer's document (RFC 7518, section 6.3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// The name by which assertions call for it.
    pub kid: String,
    /// The modulus.
    pub n: String,
    /// The exponent.
    pub e: String,
}

/// Why keys are to be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetching {
    /// They are too old, or there are none.
    Stale,
    /// A key is called for that is not among them.
    Unknown,
}

impl TenantStore<'_> {
    /// The web keys of an issuer, by the claim `iss` of its assertions.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn web_keys(&self, issuer: &str) -> Result<WebKeys, StoreError> {
        let passage = self.accepted_only();
        let item = self
            .get_item(keys::access::web_keys(issuer), passage)
            .await?;
        item.as_ref()
            .map(read)
            .transpose()
            .map(Option::unwrap_or_default)
    }

    /// Claims the right to fetch the keys of an issuer now: false if an instance has done so for
    /// the same reason since `before`.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn claim_fetch(
        &self,
        issuer: &str,
        why: Fetching,
        before: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let set = match why {
            Fetching::Stale => "SET #claimed = :now",
            Fetching::Unknown => "SET #claimed = :now, #attempted = :now",
        };
        // The SDK repeats a call whose answer was lost: the claim is this call's already then.
        let mut update = self
            .update(keys::access::web_keys(issuer))
            .upsert_expression(&format!(
                "{set}, #by = :by, #expires = if_not_exists(#expires, :expires)"
            ))
            .condition_expression(
                "attribute_not_exists(#claimed) OR #claimed < :before OR #by = :by",
            )
            .expression_attribute_names("#by", CLAIMANT)
            .expression_attribute_values(":by", string(Uuid::new_v4().to_string()))
            .expression_attribute_names("#expires", EXPIRES_AT)
            .expression_attribute_values(":now", stamp(now))
            .expression_attribute_values(":before", stamp(before))
            .expression_attribute_values(":expires", epoch_seconds(now + REMEMBERED));
        update = match why {
            Fetching::Stale => update.expression_attribute_names("#claimed", ATTEMPTED),
            Fetching::Unknown => update
                .expression_attribute_names("#claimed", SOUGHT)
                .expression_attribute_names("#attempted", ATTEMPTED),
        };
        let claimed = settled(|| self.send_update(update.clone())).await?;
        Ok(matches!(claimed, Updated::Done(_)))
    }

    /// Notes that the keys of an issuer could not be fetched by whoever set out to at `now`: nobody
    /// needs to wait for them.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn note_failed_fetch(
        &self,
        issuer: &str,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let update = self
            .update(keys::access::web_keys(issuer))
            .upsert_expression("SET #failed = :now, #expires = if_not_exists(#expires, :expires)")
            .expression_attribute_names("#failed", FAILED)
            .expression_attribute_names("#expires", EXPIRES_AT)
            .expression_attribute_values(":now", stamp(now))
            .expression_attribute_values(":expires", epoch_seconds(now + REMEMBERED));
        let noted = settled(|| self.send_update(update.clone())).await;
        noted.map(drop)
    }

    /// Stores the keys of an issuer in the place of all that were there.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn store_web_keys(
        &self,
        issuer: &str,
        found: &[StoredKey],
        now: OffsetDateTime,
        fresh_until: OffsetDateTime,
        ends: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let list = found.iter().map(|key| {
            AttributeValue::M(HashMap::from([
                (KID.to_owned(), string(&key.kid)),
                (N.to_owned(), string(&key.n)),
                (E.to_owned(), string(&key.e)),
            ]))
        });
        let update = self
            .update(keys::access::web_keys(issuer))
            .upsert_expression(
                "SET #keys = :keys, #fetched = :now, #fresh = :fresh, #expires = :expires",
            )
            .expression_attribute_names("#keys", KEYS)
            .expression_attribute_names("#fetched", FETCHED)
            .expression_attribute_names("#fresh", FRESH_UNTIL)
            .expression_attribute_names("#expires", EXPIRES_AT)
            .expression_attribute_values(":keys", AttributeValue::L(list.collect()))
            .expression_attribute_values(":now", stamp(now))
            .expression_attribute_values(":fresh", stamp(fresh_until))
            .expression_attribute_values(":expires", epoch_seconds(ends));
        let stored = settled(|| self.send_update(update.clone())).await;
        stored.map(drop)
    }
}

/// To the millisecond and in UTC, so that the texts sort like the times.
fn stamp(time: OffsetDateTime) -> AttributeValue {
    timestamp(time.to_offset(UtcOffset::UTC).truncate_to_millisecond())
}

fn read(item: &Item) -> Result<WebKeys, StoreError> {
    let fetched = optional_time(item, FETCHED)?;
    let fresh_until = optional_time(item, FRESH_UNTIL)?;
    let keys = optional(item, KEYS, |item, name| match item.get(name) {
        Some(AttributeValue::L(keys)) => keys.iter().map(|key| read_key(item, key)).collect(),
        _ => Err(damaged(item, name)),
    })?;
    let fetched = match (keys, fetched, fresh_until) {
        (Some(keys), Some(fetched), Some(fresh)) => Some((keys, fetched, fresh)),
        (None, None, None) => None,
        _ => return Err(damaged(item, FETCHED)),
    };
    Ok(WebKeys {
        fetched,
        attempted: optional_time(item, ATTEMPTED)?,
        sought: optional_time(item, SOUGHT)?,
        failed: optional_time(item, FAILED)?,
    })
}

fn read_key(item: &Item, key: &AttributeValue) -> Result<StoredKey, StoreError> {
    let AttributeValue::M(key) = key else {
        return Err(damaged(item, KEYS));
    };
    let part = |name| text(key, name).map(str::to_owned);
    let read = || {
        Ok::<_, StoreError>(StoredKey {
            kid: part(KID)?,
            n: part(N)?,
            e: part(E)?,
        })
    };
    read().map_err(|_| damaged(item, KEYS))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::days(20_000));

    #[test]
    fn a_damaged_item_is_no_key_of_anybody() {
        let key = AttributeValue::M(HashMap::from([
            (KID.to_owned(), string("1")),
            (N.to_owned(), string("AQAB")),
            (E.to_owned(), string("AQAB")),
        ]));
        let item = Item::from([
            (KEYS.to_owned(), AttributeValue::L(vec![key])),
            (FETCHED.to_owned(), stamp(NOW)),
            (FRESH_UNTIL.to_owned(), stamp(NOW)),
        ]);
        let (keys, fetched, fresh) = read(&item).unwrap().fetched.unwrap();
        assert_eq!((keys.len(), fetched, fresh), (1, NOW, NOW));
        for name in [KEYS, FETCHED, FRESH_UNTIL] {
            let mut damaged = item.clone();
            damaged.remove(name);
            assert!(read(&damaged).is_err(), "without {name}");
            damaged.insert(name.to_owned(), AttributeValue::Null(true));
            assert!(read(&damaged).is_err(), "damaged {name}");
        }
        let mut damaged = item.clone();
        damaged.insert(KEYS.to_owned(), AttributeValue::L(vec![string("key")]));
        assert!(read(&damaged).is_err());
        assert_eq!(read(&Item::new()).unwrap(), WebKeys::default());
    }
}
