//! The circuit breaker: how many users of a tenant may lose access within a window.
//!
//! A wrong scope in the identity provider removes everyone at once, typically at night. Beyond a
//! share of the active users, further deactivations and deletions are refused; creations and other
//! updates continue.
//!
//! The window advances in steps of a twenty-fourth of its length, each with its own count. A place
//! is reserved before the transaction that uses it, by one UpdateItem; DynamoDB serialises these
//! without conflicts, so concurrent requests never get more places than there are. A place whose
//! transaction failed is given back. It counts as taken until then, so of two requests for the last
//! place one may be refused although the other fails in the end. A place that is lost with a
//! process, or counted twice because an answer was lost, makes the breaker open a little early, and
//! expires with the window.

mod steps;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use scim::ResourceType;
use time::OffsetDateTime;

use super::{TenantStore, keys};
use crate::StoreError;
use crate::client::attributes::{Item, epoch_seconds, number_of, optional, seconds, string};
use crate::client::update::Updated;

pub use steps::{BreakerPolicy, NEVER_BELOW, Window};
use steps::{CURRENT, LIMIT, PAST, STEP, STEP_SECONDS, Steps, USED, step_of};

const LIFTED_UNTIL: &str = "lifted_until";

/// A place in a window, for one user who loses access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The step it is counted in; `None` if nothing is counted.
    step: Option<u64>,
}

/// Whether a place was reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reservation {
    /// Go ahead.
    Granted(Place),
    /// All places are taken.
    Refused(Window),
}

/// The state of a tenant's breaker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Breaker {
    steps: Option<Steps>,
    /// Until when nothing is refused or counted, if an operator has lifted the limit.
    pub lifted_until: Option<OffsetDateTime>,
}

impl Breaker {
    /// Whether an operator has lifted the limit.
    pub fn is_lifted(&self, now: OffsetDateTime) -> bool {
        self.lifted_until.is_some_and(|until| until > now)
    }

    /// The window that ends now, if anyone lost access in it.
    pub fn window(&self, now: OffsetDateTime) -> Option<Window> {
        let counts = self.steps.as_ref()?;
        let window = counts.at(step_of(now, counts.step_seconds)).window();
        Some(window).filter(|window| window.used > 0)
    }

    /// The window whose places are all taken, if deactivations and deletions are refused.
    pub fn open(&self, now: OffsetDateTime) -> Option<Window> {
        let is_open = |window: &Window| window.used >= window.limit && !self.is_lifted(now);
        self.window(now).filter(is_open)
    }

    pub(crate) fn read(item: &Item) -> Result<Self, StoreError> {
        Ok(Self {
            steps: optional(item, STEP, |item, _| Steps::read(item))?,
            lifted_until: optional(item, LIFTED_UNTIL, seconds)?,
        })
    }
}

impl TenantStore<'_> {
    /// Reserves a place for a user who is about to be deactivated or deleted.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when others keep changing the breaker, failures of DynamoDB, and
    /// [`StoreError::Damaged`].
    pub async fn reserve_deactivation(
        &self,
        resource_type: &ResourceType,
        policy: BreakerPolicy,
        now: OffsetDateTime,
    ) -> Result<Reservation, StoreError> {
        /// The first place of a step takes two rounds, a changed limit two more.
        const ROUNDS: usize = 8;
        if policy.share_percent >= 100 {
            return Ok(Reservation::Granted(Place { step: None }));
        }
        let step_seconds = policy.step_seconds();
        // Instances' clocks differ: a step that has begun for one has begun for all.
        let mut step = step_of(now, step_seconds);
        for _ in 0..ROUNDS {
            let breaker = match self.take(resource_type, step, step_seconds, now).await? {
                Updated::Done(_) => return Ok(Reservation::Granted(Place { step: Some(step) })),
                Updated::ConditionFailed(Some(item)) => Breaker::read(&item)?,
                Updated::ConditionFailed(None) => Breaker::default(),
            };
            if breaker.is_lifted(now) {
                return Ok(Reservation::Granted(Place { step: None }));
            }
            // With another window length, counting starts again.
            let stored = breaker
                .steps
                .filter(|counts| counts.step_seconds == step_seconds);
            step = step.max(stored.as_ref().map_or(0, |counts| counts.step));
            let mut counts = match &stored {
                Some(counts) => counts.at(step),
                None => Steps {
                    step,
                    step_seconds,
                    current: 0,
                    past: Vec::new(),
                    limit: 0,
                },
            };
            let is_current = stored.as_ref() == Some(&counts);
            if is_current && counts.used() < counts.limit {
                // Someone advanced the counts or gave a place back in between.
                continue;
            }
            let active = self.count_active(resource_type).await?;
            if is_current {
                // The tenant may have grown within the step. Users who are losing access right now
                // may still count as active, so those who have lost it are not added.
                counts.limit = counts.limit.max(policy.limit(active));
                if counts.used() >= counts.limit {
                    return Ok(Reservation::Refused(counts.window()));
                }
            } else {
                counts.limit = policy.limit(active.saturating_add(counts.used()));
            }
            // If another request was first, the next round sees its result.
            self.replace_counts(resource_type, stored.as_ref(), &counts)
                .await?;
        }
        Err(StoreError::Conflict)
    }

    /// Gives back a place that was not needed. A place in a past step stays taken.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn release_deactivation(
        &self,
        resource_type: &ResourceType,
        place: Place,
    ) -> Result<(), StoreError> {
        let Some(step) = place.step else {
            return Ok(());
        };
        let update = self
            .update_breaker(resource_type)
            .update_expression("SET #used = #used - :one, #current = #current - :one")
            .condition_expression("#step = :step AND #current > :none")
            .expression_attribute_names("#used", USED)
            .expression_attribute_names("#current", CURRENT)
            .expression_attribute_names("#step", STEP)
            .expression_attribute_values(":one", number_of(1))
            .expression_attribute_values(":none", number_of(0))
            .expression_attribute_values(":step", number_of(step));
        self.send_update(update).await.map(|_| ())
    }

    /// The breaker of a type.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn breaker(&self, resource_type: &ResourceType) -> Result<Breaker, StoreError> {
        let sort_key = keys::breaker(resource_type);
        let item = self.get_item(sort_key, self.accepted_only()).await?;
        item.map_or(Ok(Breaker::default()), |item| Breaker::read(&item))
    }

    /// Lets everything through, uncounted, until a time, and resets the counts. A time in the past
    /// restores the limit, with all of its places. For operators.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn lift_breaker(
        &self,
        resource_type: &ResourceType,
        until: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let counts = [STEP, STEP_SECONDS, CURRENT, PAST, USED, LIMIT];
        let mut update = self
            .update_breaker(resource_type)
            .expression_attribute_names("#lifted", LIFTED_UNTIL)
            .expression_attribute_values(":until", epoch_seconds(until));
        for name in counts {
            update = update.expression_attribute_names(format!("#{name}"), name);
        }
        let names = counts.map(|name| format!("#{name}")).join(", ");
        let update = update.update_expression(format!("SET #lifted = :until REMOVE {names}"));
        self.send_update(update).await.map(|_| ())
    }

    /// Takes a place in the current step.
    async fn take(
        &self,
        resource_type: &ResourceType,
        step: u64,
        step_seconds: u64,
        now: OffsetDateTime,
    ) -> Result<Updated, StoreError> {
        let update = self
            .update_breaker(resource_type)
            .update_expression("SET #used = #used + :one, #current = #current + :one")
            .condition_expression(
                "#step = :step AND #seconds = :seconds AND #used < #limit \
                 AND (attribute_not_exists(#lifted) OR #lifted <= :now)",
            )
            .expression_attribute_names("#used", USED)
            .expression_attribute_names("#current", CURRENT)
            .expression_attribute_names("#step", STEP)
            .expression_attribute_names("#seconds", STEP_SECONDS)
            .expression_attribute_names("#limit", LIMIT)
            .expression_attribute_names("#lifted", LIFTED_UNTIL)
            .expression_attribute_values(":one", number_of(1))
            .expression_attribute_values(":step", number_of(step))
            .expression_attribute_values(":seconds", number_of(step_seconds))
            .expression_attribute_values(":now", epoch_seconds(now));
        self.send_update(update).await
    }

    /// Replaces the counts that were read by those of another step or with another limit.
    async fn replace_counts(
        &self,
        resource_type: &ResourceType,
        read: Option<&Steps>,
        counts: &Steps,
    ) -> Result<Updated, StoreError> {
        let update = self
            .update_breaker(resource_type)
            .update_expression(
                "SET #step = :step, #seconds = :seconds, #current = :current, #past = :past, \
                 #used = :used, #limit = :limit",
            )
            .expression_attribute_names("#step", STEP)
            .expression_attribute_names("#seconds", STEP_SECONDS)
            .expression_attribute_names("#current", CURRENT)
            .expression_attribute_names("#past", PAST)
            .expression_attribute_names("#used", USED)
            .expression_attribute_names("#limit", LIMIT)
            .expression_attribute_values(":step", number_of(counts.step))
            .expression_attribute_values(":seconds", number_of(counts.step_seconds))
            .expression_attribute_values(":current", number_of(counts.current))
            .expression_attribute_values(":past", string(counts.past_text()))
            .expression_attribute_values(":used", number_of(counts.used()))
            .expression_attribute_values(":limit", number_of(counts.limit));
        let update = match read {
            // None yet, or those of a window of another length.
            None => update
                .condition_expression("attribute_not_exists(#seconds) OR #seconds <> :seconds"),
            Some(read) => update
                .condition_expression(
                    "#seconds = :seconds AND #step = :read_step AND #used = :read_used \
                     AND #current = :read_current",
                )
                .expression_attribute_values(":read_step", number_of(read.step))
                .expression_attribute_values(":read_used", number_of(read.used()))
                .expression_attribute_values(":read_current", number_of(read.current)),
        };
        self.send_update(update).await
    }

    fn update_breaker(&self, resource_type: &ResourceType) -> UpdateItemFluentBuilder {
        self.update(keys::breaker(resource_type))
    }
}
