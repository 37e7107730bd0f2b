//! The circuit breaker: how many users of a tenant may lose access within a window.
//!
//! A wrong scope in the identity provider takes everybody out at once, and it happens at night. From
//! a share of the active users on, further deactivations and deletions are refused; creations and
//! other updates go on.
//!
//! A place is reserved before the transaction that takes it, by one UpdateItem, which DynamoDB runs
//! one after the other without a conflict: however many requests meet, no more places are given than
//! there are. A place whose transaction failed is given back; until then it is taken, so that of two
//! requests for the last place one may be refused although the other fails in the end. A place that is
//! lost with a process, or counted twice because an answer was, makes the breaker open a little early,
//! and ends with the window.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::{
    ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure,
};
use time::OffsetDateTime;

use super::directory::TenantStore;
use super::item::{self, Item};
use super::meter::Pool;
use super::{StoreError, keys};
use crate::scim::ResourceType;

const BEGAN: &str = "window_began";
const ENDS: &str = "window_ends";
const LIMIT: &str = "limit";
const USED: &str = "used";
const LIFTED_UNTIL: &str = "lifted_until";

/// So many may lose access within a window, however small the tenant is.
pub const NEVER_BELOW: u64 = 50;

/// How many users may lose access, and in what time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Of the active users at the window's begin, in percent; 100 turns the breaker off.
    pub share_percent: u8,
    /// How long a window is, from its first deactivation on.
    pub window: time::Duration,
}

/// A place in a window, for one user who loses access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The end of the window; none where nothing is counted.
    window_ends: Option<OffsetDateTime>,
}

/// The answer to the wish for a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reservation {
    /// Go ahead.
    Granted(Place),
    /// All places are taken.
    Refused(Window),
}

impl Reservation {
    fn granted(breaker: Breaker) -> Self {
        Self::Granted(Place {
            window_ends: breaker.window.map(|window| window.ends),
        })
    }
}

/// What is known of a tenant's breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breaker {
    /// The window under way, or the last one.
    pub window: Option<Window>,
    /// Until when nothing is refused nor counted, if an operator has lifted the limit.
    pub lifted_until: Option<OffsetDateTime>,
}

/// A time in which places are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// When it began: with the first user who lost access.
    pub began: OffsetDateTime,
    /// When it ends, and the places are free again.
    pub ends: OffsetDateTime,
    /// How many places there are.
    pub limit: u64,
    /// How many are taken.
    pub used: u64,
}

impl Breaker {
    /// Whether an operator has lifted the limit.
    pub fn is_lifted(&self, now: OffsetDateTime) -> bool {
        self.lifted_until.is_some_and(|until| until > now)
    }

    /// The window whose places are all taken, if deactivations and deletions are refused.
    pub fn open(&self, now: OffsetDateTime) -> Option<Window> {
        self.window.filter(|window| {
            window.ends > now && window.used >= window.limit && !self.is_lifted(now)
        })
    }

    pub(super) fn read(item: &Item) -> Result<Self, StoreError> {
        let has = |name: &str| item.contains_key(name);
        let window = match has(ENDS) {
            true => Some(Window {
                began: item::seconds(item, BEGAN)?,
                ends: item::seconds(item, ENDS)?,
                limit: item::number(item, LIMIT)?,
                used: item::number(item, USED)?,
            }),
            false => None,
        };
        let lifted_until = match has(LIFTED_UNTIL) {
            true => Some(item::seconds(item, LIFTED_UNTIL)?),
            false => None,
        };
        Ok(Self {
            window,
            lifted_until,
        })
    }
}

impl TenantStore<'_> {
    /// Reserves a place for a user who is to be deactivated or deleted. Begins a window if there is
    /// none.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when others keep beginning windows, failures of DynamoDB, and
    /// [`StoreError::Damaged`].
    pub async fn reserve_deactivation(
        &self,
        resource_type: &ResourceType,
        policy: BreakerPolicy,
        now: OffsetDateTime,
    ) -> Result<Reservation, StoreError> {
        /// More than once only if a window ends, or another begins, in between.
        const ROUNDS: usize = 4;
        if policy.share_percent >= 100 {
            return Ok(Reservation::Granted(Place { window_ends: None }));
        }
        self.gate.passed().await;
        for _ in 0..ROUNDS {
            let breaker = match self.take(resource_type, now).await? {
                Updated::Done(breaker) => return Ok(Reservation::granted(breaker)),
                Updated::ConditionFailed(breaker) => breaker,
            };
            if breaker.is_lifted(now) {
                return Ok(Reservation::Granted(Place { window_ends: None }));
            }
            if let Some(window) = breaker.open(now) {
                return Ok(Reservation::Refused(window));
            }
            let begun = self.begin(resource_type, policy, now, breaker.window);
            if let Updated::Done(breaker) = begun.await? {
                return Ok(Reservation::granted(breaker));
            }
        }
        Err(StoreError::Conflict)
    }

    /// Gives a place back that was not needed. A window that is over has no use for it.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn release_deactivation(
        &self,
        resource_type: &ResourceType,
        place: Place,
    ) -> Result<(), StoreError> {
        let Some(ends) = place.window_ends else {
            return Ok(());
        };
        let update = self
            .update_breaker(resource_type)
            .update_expression("SET #used = #used - :one")
            .condition_expression("#ends = :ends AND #used > :none")
            .expression_attribute_names("#used", USED)
            .expression_attribute_names("#ends", ENDS)
            .expression_attribute_values(":one", item::number_of(1))
            .expression_attribute_values(":none", item::number_of(0))
            .expression_attribute_values(":ends", item::expiry(ends));
        self.send(update).await.map(|_| ())
    }

    /// The breaker of a type.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn breaker(&self, resource_type: &ResourceType) -> Result<Breaker, StoreError> {
        let item = self.get_item(keys::breaker(resource_type)).await?;
        item.map_or(Ok(Breaker::default()), |item| Breaker::read(&item))
    }

    /// Lets everything through, uncounted, until a time; a time that has passed sets the breaker to
    /// work again. For operators.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn lift_breaker(
        &self,
        resource_type: &ResourceType,
        until: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let update = self
            .update_breaker(resource_type)
            .update_expression("SET #lifted = :until REMOVE #began, #ends, #limit, #used")
            .expression_attribute_names("#lifted", LIFTED_UNTIL)
            .expression_attribute_names("#began", BEGAN)
            .expression_attribute_names("#ends", ENDS)
            .expression_attribute_names("#limit", LIMIT)
            .expression_attribute_names("#used", USED)
            .expression_attribute_values(":until", item::expiry(until));
        self.send(update).await.map(|_| ())
    }

    /// Takes a place of the window under way.
    async fn take(
        &self,
        resource_type: &ResourceType,
        now: OffsetDateTime,
    ) -> Result<Updated, StoreError> {
        let update = self
            .update_breaker(resource_type)
            .update_expression("SET #used = #used + :one")
            .condition_expression(
                "#ends > :now AND #used < #limit AND (attribute_not_exists(#lifted) OR #lifted <= :now)",
            )
            .expression_attribute_names("#used", USED)
            .expression_attribute_names("#ends", ENDS)
            .expression_attribute_names("#limit", LIMIT)
            .expression_attribute_names("#lifted", LIFTED_UNTIL)
            .expression_attribute_values(":one", item::number_of(1))
            .expression_attribute_values(":now", item::expiry(now));
        self.send(update).await
    }

    /// Begins a window and takes its first place, unless another request has begun one.
    async fn begin(
        &self,
        resource_type: &ResourceType,
        policy: BreakerPolicy,
        now: OffsetDateTime,
        last: Option<Window>,
    ) -> Result<Updated, StoreError> {
        let active = self.count_active(resource_type).await?;
        let share = active
            .saturating_mul(policy.share_percent.into())
            .div_ceil(100);
        let update = self
            .update_breaker(resource_type)
            .update_expression("SET #began = :now, #ends = :ends, #limit = :limit, #used = :one")
            .expression_attribute_names("#began", BEGAN)
            .expression_attribute_names("#ends", ENDS)
            .expression_attribute_names("#limit", LIMIT)
            .expression_attribute_names("#used", USED)
            .expression_attribute_values(":now", item::expiry(now))
            .expression_attribute_values(":ends", item::expiry(now + policy.window))
            .expression_attribute_values(":limit", item::number_of(share.max(NEVER_BELOW)))
            .expression_attribute_values(":one", item::number_of(1));
        let update = match last {
            None => update.condition_expression("attribute_not_exists(#ends)"),
            Some(last) => update
                .condition_expression("#ends = :last")
                .expression_attribute_values(":last", item::expiry(last.ends)),
        };
        self.send(update).await
    }

    fn update_breaker(&self, resource_type: &ResourceType) -> UpdateItemFluentBuilder {
        self.store
            .client
            .update_item()
            .table_name(&self.store.tables.directory)
            .set_key(Some(item::key(
                &self.partition,
                keys::breaker(resource_type),
            )))
    }

    async fn send(&self, update: UpdateItemFluentBuilder) -> Result<Updated, StoreError> {
        self.meter.call();
        let answer = update
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        self.meter.record(
            Pool::Write,
            answer
                .as_ref()
                .ok()
                .and_then(UpdateItemOutput::consumed_capacity),
        );
        match answer {
            Ok(answer) => {
                let item = answer.attributes.unwrap_or_default();
                Breaker::read(&item).map(Updated::Done)
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    let breaker = failed.item().map(Breaker::read).transpose()?;
                    Ok(Updated::ConditionFailed(breaker.unwrap_or_default()))
                }
                _ => Err(StoreError::from_sdk(error)),
            },
        }
    }
}

/// What became of an update, and the breaker as it is since.
enum Updated {
    Done(Breaker),
    ConditionFailed(Breaker),
}
