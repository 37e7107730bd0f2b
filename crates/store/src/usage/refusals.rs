//! Refused and failed requests, counted by tenant, hour and reason: one Query shows that a client
//! fails, since when, and why.

use time::OffsetDateTime;

use crate::client::attributes::{
    Item, damaged, epoch_seconds, number, number_of, optional, string, text, time, timestamp,
};
use crate::client::format::Upsert as _;
use crate::client::tables::{EXPIRES_AT, SORT_KEY};
use crate::directory::{document, keys};
use crate::{StoreError, TenantStore};

const FIRST: &str = "first";
const LAST: &str = "last";
/// What the client was told.
pub(crate) const DETAIL: &str = "detail";
const REQUEST_ID: &str = "request_id";

/// How many requests the log of requests left out, of those that a counter counts.
pub(super) const UNLOGGED: &str = "unlogged";

/// A refused or failed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The reason in one word.
    pub reason: &'static str,
    /// The method and the route, without ids.
    pub route: String,
    /// What the client was told.
    pub detail: String,
    /// The request's id, as in the log.
    pub request_id: String,
    /// When it was refused.
    pub at: OffsetDateTime,
}

impl Refusal {
    /// Whether both count together, given the same tenant and hour.
    pub fn is_like(&self, other: &Self) -> bool {
        self.status == other.status && self.reason == other.reason && self.route == other.route
    }
}

/// Refusals of one kind to be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals {
    /// The latest one.
    pub last: Refusal,
    /// How many there are.
    pub count: u64,
    /// How many of them belong into the log of requests and were too many for it.
    pub unlogged: u64,
    /// When the first was.
    pub first: OffsetDateTime,
    /// When the counter may be removed.
    pub expires: OffsetDateTime,
}

impl Refusals {
    /// Adds later ones of the same kind.
    pub fn add(&mut self, later: Self) {
        *self = Self {
            count: self.count.saturating_add(later.count),
            unlogged: self.unlogged.saturating_add(later.unlogged),
            first: self.first,
            ..later
        };
    }
}

/// Refusals of one kind within an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalCount {
    /// The HTTP status.
    pub status: u16,
    /// The reason in one word.
    pub reason: String,
    /// The method and the route.
    pub route: String,
    /// How many there were.
    pub count: u64,
    /// How many of them belong into the log of requests and were too many for it.
    pub unlogged: u64,
    /// When the first was.
    pub first: OffsetDateTime,
    /// When the last was.
    pub last: OffsetDateTime,
    /// What the client was told the last time.
    pub detail: String,
    /// The last request's id, as in the log.
    pub request_id: String,
}

impl TenantStore<'_> {
    /// Counts refused or failed requests, in the hour of the last of them.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn count_refusals(&self, refusals: &Refusals) -> Result<(), StoreError> {
        let last = &refusals.last;
        let sort_key = keys::usage::refusal(last.at, last.status, last.reason, &last.route);
        let update = self
            .update(sort_key)
            .upsert_expression(
                "SET #first = if_not_exists(#first, :first), #last = :last, #detail = :detail, \
                 #request_id = :request_id, #expires = :expires ADD #count :count, #unlogged :unlogged",
            )
            .expression_attribute_names("#first", FIRST)
            .expression_attribute_names("#last", LAST)
            .expression_attribute_names("#detail", DETAIL)
            .expression_attribute_names("#request_id", REQUEST_ID)
            .expression_attribute_names("#expires", EXPIRES_AT)
            .expression_attribute_names("#count", document::COUNT)
            .expression_attribute_names("#unlogged", UNLOGGED)
            .expression_attribute_values(":first", timestamp(refusals.first))
            .expression_attribute_values(":last", timestamp(last.at))
            .expression_attribute_values(":detail", string(&last.detail))
            .expression_attribute_values(":request_id", string(&last.request_id))
            .expression_attribute_values(":expires", epoch_seconds(refusals.expires))
            .expression_attribute_values(":count", number_of(refusals.count))
            .expression_attribute_values(":unlogged", number_of(refusals.unlogged));
        self.send_update(update).await.map(drop)
    }

    /// The refusals since the hour of the given time, hour by hour.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn refusals(&self, since: OffsetDateTime) -> Result<Vec<RefusalCount>, StoreError> {
        let mut counts = Vec::new();
        let query = self.query_between(
            keys::usage::refusals_of(since),
            format!("{}~", keys::usage::REFUSALS),
        );
        self.each(query, |item| {
            counts.push(read(item)?);
            Ok(true)
        })
        .await?;
        Ok(counts)
    }
}

fn read(item: &Item) -> Result<RefusalCount, StoreError> {
    let parts: Vec<&str> = text(item, SORT_KEY)?.splitn(5, '#').collect();
    let [_, _, status, reason, route] = parts[..] else {
        return Err(damaged(item, SORT_KEY));
    };
    Ok(RefusalCount {
        status: status.parse().map_err(|_| damaged(item, SORT_KEY))?,
        reason: reason.to_owned(),
        route: route.to_owned(),
        count: document::count(item)?,
        unlogged: optional(item, UNLOGGED, number)?.unwrap_or_default(),
        first: time(item, FIRST)?,
        last: time(item, LAST)?,
        detail: text(item, DETAIL)?.to_owned(),
        request_id: text(item, REQUEST_ID)?.to_owned(),
    })
}
