//! The circuit breaker: how many users of a tenant may lose access within a window.
//!
//! A wrong scope in the identity provider removes everyone at once, typically at night. Beyond a
//! share of the active users, further deactivations and deletions are refused; creations and other
//! updates continue.
//!
//! A place in the window belongs to a user, and is taken by the transaction that takes the access:
//! it counts up one item with the condition that places are left, and notes the place in the user's
//! own item. So a place is taken if and only if a user has lost access, whatever is repeated, lost
//! or killed on the way, and nothing is ever to be given back. A user who has a place in the window
//! needs no other: to lose access again within it is free.
//!
//! Transactions that meet on an item conflict. So the places are divided into sixteen shares, by
//! the last digit of the user's id, each with its quota; a user whose share is full takes a place
//! of another. The quotas add up to the limit, and each transaction has the condition that its
//! share's quota is not exhausted: never more than the limit lose access, however many requests
//! run.
//!
//! The window advances in steps of a twenty-fourth of its length, each with its own count.

mod grant;
mod limit;
mod share;

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use scim::{ResourceType, Stored};
use time::OffsetDateTime;

use super::{TenantStore, keys};
use crate::StoreError;
use crate::client::attributes::{Item, epoch_seconds, number, number_of, optional, seconds, text};
use crate::client::format::Upsert as _;
use crate::client::tables::SORT_KEY;
use crate::client::transaction::settled;
use crate::client::update::Updated;
use crate::secrets::Act;

pub use grant::Grant;
use grant::Taking;
pub use limit::{BreakerPolicy, Window};
use limit::{LIMIT, Limit, STEP_SECONDS};
use share::{SHARES, STEP, Share, WINDOW, is_counted, places_for, quota, step_of};

const LIFTED_UNTIL: &str = "lifted_until";

/// What a user who is about to lose access is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Go ahead, with this in the transaction.
    Granted(Grant),
    /// All places are taken.
    Refused(Window),
}

/// The state of a tenant's breaker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Breaker {
    /// The number of the window: another one begins when the limit is lifted.
    window: u64,
    limit: Option<Limit>,
    /// The shares that count in this window or did in one before, by number.
    shares: BTreeMap<u64, Share>,
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
        let limit = self.limit?;
        let step = limit.step.max(step_of(now, limit.step_seconds));
        Some(self.window_at(step, limit)).filter(|window| window.used > 0)
    }

    /// The window whose places are all taken, if deactivations and deletions are refused.
    pub fn open(&self, now: OffsetDateTime) -> Option<Window> {
        let is_open = |window: &Window| window.used >= window.limit && !self.is_lifted(now);
        self.window(now).filter(is_open)
    }

    fn window_at(&self, step: u64, limit: Limit) -> Window {
        let oldest = self.counted(step).filter_map(|(_, share)| share.oldest());
        limit.window(self.used(step), oldest.min().unwrap_or(step))
    }

    /// The shares of this window as of a step.
    fn counted(&self, step: u64) -> impl Iterator<Item = (u64, Share)> {
        let shares = self.shares.iter();
        shares
            .filter(|(_, share)| share.window == self.window)
            .map(move |(number, share)| (*number, share.at(step)))
    }

    fn used(&self, step: u64) -> u64 {
        self.counted(step).map(|(_, share)| share.used()).sum()
    }

    /// Whether a user has a place that still counts in a step.
    fn holds(&self, user: &Stored, step: u64) -> bool {
        user.meta
            .place
            .is_some_and(|place| place.window == self.window && is_counted(place.step, step))
    }

    /// A place in the user's share, or in the next one that has one.
    fn place_for(&self, user: &Stored, step: u64, places: u64) -> Option<Taking> {
        let digit = user.id.as_str().chars().last();
        let home = digit.and_then(|digit| digit.to_digit(16)).unwrap_or(0);
        (0..SHARES)
            .map(|further| (u64::from(home) + further) % SHARES)
            .find_map(|share| {
                let read = self.shares.get(&share);
                let counted = read.filter(|read| read.window == self.window);
                let current =
                    counted.map_or(Share::empty(self.window, step), |share| share.at(step));
                let quota = quota(places, share);
                (current.used() < quota).then(|| Taking::New {
                    share,
                    quota,
                    read: read.cloned(),
                    next: current.with_one_more(),
                })
            })
    }

    /// The limit of a step that begins: a share of those who are active or have lost access in the
    /// window. It falls no further than to what the shares have used, so that the quotas of the
    /// others never let more through than the limit.
    fn limit_for(
        &self,
        resource_type: &ResourceType,
        policy: BreakerPolicy,
        active: u64,
        step: u64,
    ) -> Limit {
        let places = policy.limit(resource_type, active.saturating_add(self.used(step)));
        let taken = self
            .counted(step)
            .map(|(number, share)| places_for(share.used(), number));
        Limit {
            step,
            step_seconds: policy.step_seconds(),
            places: taken.fold(places, u64::max),
        }
    }

    /// Takes in one of its items.
    pub(crate) fn add(
        &mut self,
        resource_type: &ResourceType,
        item: &Item,
    ) -> Result<(), StoreError> {
        match keys::breaker_share(resource_type, text(item, SORT_KEY)?) {
            Some(share) => {
                self.shares.insert(share, Share::read(item)?);
            }
            None => {
                self.window = optional(item, WINDOW, number)?.unwrap_or_default();
                self.limit = optional(item, STEP, |item, _| Limit::read(item))?;
                self.lifted_until = optional(item, LIFTED_UNTIL, seconds)?;
            }
        }
        Ok(())
    }
}

impl TenantStore<'_> {
    /// Whether a user may lose access: to be asked before it is deactivated or deleted. Nothing is
    /// taken by asking.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when others keep changing the breaker, failures of DynamoDB, and
    /// [`StoreError::Damaged`].
    pub async fn admit(
        &self,
        resource_type: &ResourceType,
        user: &Stored,
        policy: BreakerPolicy,
        now: OffsetDateTime,
    ) -> Result<Admission, StoreError> {
        /// A step that others begin, or a limit that they raise, takes one more round.
        const ROUNDS: usize = 8;
        let granted = |taking| Ok(Admission::Granted(Grant(taking)));
        if policy.share_percent >= 100 {
            return granted(Taking::Uncounted);
        }
        let step_seconds = policy.step_seconds();
        for _ in 0..ROUNDS {
            let mut breaker = self.breaker(resource_type).await?;
            if breaker.is_lifted(now) {
                return granted(Taking::Uncounted);
            }
            let read = breaker.clone();
            let before = read.limit;
            if before.is_some_and(|limit| limit.step_seconds != step_seconds) {
                // With another window length, counting starts again.
                breaker.window = breaker.window.saturating_add(1);
                breaker.limit = None;
            }
            // Instances' clocks differ: a step that has begun for one has begun for all.
            let begun = breaker.limit.map_or(0, |limit| limit.step);
            let step = begun.max(step_of(now, step_seconds));
            if breaker.holds(user, step) {
                return granted(Taking::Held);
            }
            let mut limit = match breaker.limit {
                Some(limit) if limit.step == step => limit,
                _ => {
                    let active = self.count_active(resource_type).await?;
                    let limit = breaker.limit_for(resource_type, policy, active, step);
                    if !self
                        .set_limit(resource_type, &read, breaker.window, limit)
                        .await?
                    {
                        continue;
                    }
                    limit
                }
            };
            let used = breaker.used(step);
            if used >= limit.places {
                // The tenant may have grown within the step. Users who are losing access right now
                // may still count as active, so those who have lost it are not added.
                let active = self.count_active(resource_type).await?;
                let raised = Limit {
                    places: policy.limit(resource_type, active),
                    ..limit
                };
                if used >= raised.places {
                    return Ok(Admission::Refused(breaker.window_at(step, limit)));
                }
                let known = Breaker {
                    limit: Some(limit),
                    ..breaker.clone()
                };
                if !self
                    .set_limit(resource_type, &known, breaker.window, raised)
                    .await?
                {
                    continue;
                }
                limit = raised;
            }
            if let Some(taking) = breaker.place_for(user, step, limit.places) {
                return granted(taking);
            }
        }
        Err(StoreError::Conflict)
    }

    /// The breaker of a type.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn breaker(&self, resource_type: &ResourceType) -> Result<Breaker, StoreError> {
        let mut breaker = Breaker::default();
        self.each(self.query_prefix(keys::breaker(resource_type)), |item| {
            breaker.add(resource_type, item)?;
            Ok(true)
        })
        .await?;
        Ok(breaker)
    }

    /// Lets everything of these types through, uncounted, until a time, and begins another window,
    /// in which nobody has a place. A time in the past restores the limits, with all of their
    /// places. For operators: it is on their log, in the same transaction.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], [`StoreError::Throttled`], and failures of DynamoDB.
    pub async fn lift_breakers(
        &self,
        resource_types: &[&ResourceType],
        until: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let lift = || async {
            let mut writes = Vec::new();
            for resource_type in resource_types {
                let limit = [STEP, STEP_SECONDS, LIMIT];
                let names = limit.map(|name| format!("#{name}")).join(", ");
                let mut update = Update::builder()
                    .table_name(self.table())
                    .set_key(Some(self.key(keys::breaker(resource_type))))
                    .upsert_expression(&format!(
                        "SET #lifted = :until ADD #window :one REMOVE {names}"
                    ))
                    .expression_attribute_names("#lifted", LIFTED_UNTIL)
                    .expression_attribute_names("#window", WINDOW)
                    .expression_attribute_values(":until", epoch_seconds(until))
                    .expression_attribute_values(":one", number_of(1));
                for name in limit {
                    update = update.expression_attribute_names(format!("#{name}"), name);
                }
                let update = update.build()?;
                writes.push(TransactWriteItem::builder().update(update).build());
            }
            writes.push(self.store.entry(&self.tenant, Act::LiftBreaker, None)?);
            self.transact(writes).await.map(drop)
        };
        settled(lift).await
    }

    /// Replaces the limit that was read, in this window. Returns whether nobody else was first.
    async fn set_limit(
        &self,
        resource_type: &ResourceType,
        read: &Breaker,
        window: u64,
        limit: Limit,
    ) -> Result<bool, StoreError> {
        let update = self
            .update_breaker(resource_type)
            .upsert_expression(
                "SET #window = :window, #step = :step, #seconds = :seconds, #limit = :limit",
            )
            .expression_attribute_names("#window", WINDOW)
            .expression_attribute_names("#step", STEP)
            .expression_attribute_names("#seconds", STEP_SECONDS)
            .expression_attribute_names("#limit", LIMIT)
            .expression_attribute_values(":window", number_of(window))
            .expression_attribute_values(":step", number_of(limit.step))
            .expression_attribute_values(":seconds", number_of(limit.step_seconds))
            .expression_attribute_values(":limit", number_of(limit.places));
        let same_window = match read.window {
            0 => "(attribute_not_exists(#window) OR #window = :read_window)",
            _ => "#window = :read_window",
        };
        let update = update.expression_attribute_values(":read_window", number_of(read.window));
        let update = match read.limit {
            None => update
                .condition_expression(format!("{same_window} AND attribute_not_exists(#limit)")),
            Some(before) => update
                .condition_expression(format!(
                    "{same_window} AND #step = :read_step AND #limit = :read_limit"
                ))
                .expression_attribute_values(":read_step", number_of(before.step))
                .expression_attribute_values(":read_limit", number_of(before.places)),
        };
        Ok(matches!(self.send_update(update).await?, Updated::Done(_)))
    }

    fn update_breaker(&self, resource_type: &ResourceType) -> UpdateItemFluentBuilder {
        self.update(keys::breaker(resource_type))
    }
}
