//! Refused requests, counted for each tenant, hour and reason: that a client fails, since when and
//! with what, is one Query.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use time::OffsetDateTime;

use super::directory::TenantStore;
use super::item::{self, Item};
use super::meter::Pool;
use super::tables::{EXPIRES_AT, SORT_KEY};
use super::{StoreError, keys};
use crate::scim::resource::rfc3339;

const FIRST: &str = "first";
const LAST: &str = "last";
const DETAIL: &str = "detail";
const REQUEST_ID: &str = "request_id";

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The reason in a word.
    pub reason: &'static str,
    /// The method and the route, without ids.
    pub route: String,
    /// What the client was told.
    pub detail: String,
    /// The request's id, which the log has too.
    pub request_id: String,
}

/// Refusals of one kind within an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalCount {
    /// The HTTP status.
    pub status: u16,
    /// The reason in a word.
    pub reason: String,
    /// The method and the route.
    pub route: String,
    /// How many there were.
    pub count: u64,
    /// When the first was.
    pub first: OffsetDateTime,
    /// When the last was.
    pub last: OffsetDateTime,
    /// What the client was told the last time.
    pub detail: String,
    /// The last request's id, which the log has too.
    pub request_id: String,
}

impl TenantStore<'_> {
    /// Counts refused requests; `refusal` is the last of them.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn count_refusals(
        &self,
        refusal: &Refusal,
        count: u64,
        now: OffsetDateTime,
        expires: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let sort_key = keys::refusal(now, refusal.status, refusal.reason, &refusal.route);
        let text = |text: &str| AttributeValue::S(text.to_owned());
        self.meter.call();
        let answer = self
            .store
            .client
            .update_item()
            .table_name(&self.store.tables.directory)
            .set_key(Some(item::key(&self.partition, sort_key)))
            .update_expression(
                "SET #first = if_not_exists(#first, :now), #last = :now, #detail = :detail, \
                 #request_id = :request_id, #expires = :expires ADD #count :count",
            )
            .expression_attribute_names("#first", FIRST)
            .expression_attribute_names("#last", LAST)
            .expression_attribute_names("#detail", DETAIL)
            .expression_attribute_names("#request_id", REQUEST_ID)
            .expression_attribute_names("#expires", EXPIRES_AT)
            .expression_attribute_names("#count", item::COUNT)
            .expression_attribute_values(":now", text(&rfc3339(now)))
            .expression_attribute_values(":detail", text(&refusal.detail))
            .expression_attribute_values(":request_id", text(&refusal.request_id))
            .expression_attribute_values(":expires", item::expiry(expires))
            .expression_attribute_values(":count", item::number_of(count))
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
        answer.map(|_| ()).map_err(StoreError::from_sdk)
    }

    /// The refusals since the hour of a time, hour by hour.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn refusals(&self, since: OffsetDateTime) -> Result<Vec<RefusalCount>, StoreError> {
        self.gate.passed().await;
        let mut counts = Vec::new();
        let query = self
            .query()
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":from", AttributeValue::S(keys::refusals_of(since)))
            .expression_attribute_values(":to", AttributeValue::S(format!("{}~", keys::REFUSALS)));
        self.each(query, |item| {
            counts.push(read(item)?);
            Ok(true)
        })
        .await?;
        Ok(counts)
    }
}

fn read(item: &Item) -> Result<RefusalCount, StoreError> {
    let parts: Vec<&str> = item::text(item, SORT_KEY)?.splitn(5, '#').collect();
    let [_, _, status, reason, route] = parts[..] else {
        return Err(item::damaged(item, SORT_KEY));
    };
    Ok(RefusalCount {
        status: status.parse().map_err(|_| item::damaged(item, SORT_KEY))?,
        reason: reason.to_owned(),
        route: route.to_owned(),
        count: item::count(item)?,
        first: item::time(item, FIRST)?,
        last: item::time(item, LAST)?,
        detail: item::text(item, DETAIL)?.to_owned(),
        request_id: item::text(item, REQUEST_ID)?.to_owned(),
    })
}
