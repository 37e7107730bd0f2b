//! Answers to the tenant's requests, counted by hour: one Query shows whether a tenant is served,
//! and since when it is not.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::refusals::UNLOGGED;
use crate::client::attributes::{
    Item, epoch_seconds, number, number_of, optional, optional_text, string, text, time, timestamp,
};
use crate::client::format::{self, Upsert as _};
use crate::client::tables::{EXPIRES_AT, SORT_KEY};
use crate::directory::keys;
use crate::{StoreError, TenantStore};

const SUCCEEDED: &str = "succeeded";
const REFUSED: &str = "refused";
const FAILED: &str = "failed";
const LAST: &str = "last";
const RELEASE: &str = "release";

/// Answers within an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerCount {
    /// When the hour begins.
    pub hour: OffsetDateTime,
    /// How many were answered with 2xx or 304.
    pub succeeded: u64,
    /// How many were answered with 4xx, or with 501, which is for what SCIM has and the service has
    /// not.
    pub refused: u64,
    /// How many were answered with another 5xx.
    pub failed: u64,
    /// How many belong into the log of requests and are not there, for there were too many or they
    /// could not be written. An operation of a bulk request counts as one.
    pub unlogged: u64,
    /// When the last was given.
    pub last: OffsetDateTime,
    /// Which release of the function counted last.
    pub release: Option<String>,
}

/// Answers of one hour to be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// How many succeeded, as in [`AnswerCount`].
    pub succeeded: u64,
    /// How many were refused.
    pub refused: u64,
    /// How many failed.
    pub failed: u64,
    /// How many requests were not logged.
    pub unlogged: u64,
    /// When the last was given.
    pub last: OffsetDateTime,
    /// When the counter may be removed.
    pub expires: OffsetDateTime,
}

impl Answers {
    /// No answers, at this time.
    pub fn none(at: OffsetDateTime, expires: OffsetDateTime) -> Self {
        Self {
            succeeded: 0,
            refused: 0,
            failed: 0,
            unlogged: 0,
            last: at,
            expires,
        }
    }

    /// Whether both are of the same hour.
    pub fn is_of_same_hour(&self, other: &Self) -> bool {
        keys::usage::answers(self.last) == keys::usage::answers(other.last)
    }

    /// Adds others of the same hour.
    pub fn add(&mut self, other: &Self) {
        self.succeeded = self.succeeded.saturating_add(other.succeeded);
        self.refused = self.refused.saturating_add(other.refused);
        self.failed = self.failed.saturating_add(other.failed);
        self.unlogged = self.unlogged.saturating_add(other.unlogged);
        self.last = self.last.max(other.last);
        self.expires = self.expires.max(other.expires);
    }
}

impl TenantStore<'_> {
    /// Counts answers, in the hour of the last of them.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn count_answers(&self, answers: &Answers) -> Result<(), StoreError> {
        let update = self
            .update(keys::usage::answers(answers.last))
            .upsert_expression(
                "SET #last = :last, #expires = :expires, #release = :release ADD #succeeded :succeeded, \
                 #refused :refused, #failed :failed, #unlogged :unlogged",
            )
            .expression_attribute_names("#last", LAST)
            .expression_attribute_names("#release", RELEASE)
            .expression_attribute_names("#expires", EXPIRES_AT)
            .expression_attribute_names("#succeeded", SUCCEEDED)
            .expression_attribute_names("#refused", REFUSED)
            .expression_attribute_names("#failed", FAILED)
            .expression_attribute_names("#unlogged", UNLOGGED)
            .expression_attribute_values(":release", string(env!("CARGO_PKG_VERSION")))
            .expression_attribute_values(":last", timestamp(answers.last))
            .expression_attribute_values(":expires", epoch_seconds(answers.expires))
            .expression_attribute_values(":succeeded", number_of(answers.succeeded))
            .expression_attribute_values(":refused", number_of(answers.refused))
            .expression_attribute_values(":failed", number_of(answers.failed))
            .expression_attribute_values(":unlogged", number_of(answers.unlogged));
        self.send_update(update).await.map(drop)
    }

    /// The answers since the hour of the given time, hour by hour. A counter that this version
    /// cannot read is left out.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn answers(&self, since: OffsetDateTime) -> Result<Vec<AnswerCount>, StoreError> {
        let mut counts = Vec::new();
        let query = self.query_between(
            keys::usage::answers(since),
            format!("{}~", keys::usage::ANSWERS),
        );
        self.each_of_any_format(query, |item| {
            if !format::is_newer(item)? {
                counts.extend(read(item));
            }
            Ok(true)
        })
        .await?;
        Ok(counts)
    }
}

fn read(item: &Item) -> Option<AnswerCount> {
    let hour = text(item, SORT_KEY)
        .ok()?
        .strip_prefix(keys::usage::ANSWERS)?;
    let count = |name| {
        optional(item, name, number)
            .ok()
            .map(Option::unwrap_or_default)
    };
    Some(AnswerCount {
        hour: OffsetDateTime::parse(&format!("{hour}:00:00Z"), &Rfc3339).ok()?,
        succeeded: count(SUCCEEDED)?,
        refused: count(REFUSED)?,
        failed: count(FAILED)?,
        unlogged: count(UNLOGGED)?,
        last: time(item, LAST).ok()?,
        release: optional_text(item, RELEASE).ok()?.map(str::to_owned),
    })
}
