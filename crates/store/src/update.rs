//! UpdateItem: changes of one item of the directory table that belong to no resource, and to no
//! transaction. DynamoDB runs those of one item one after the other, without a conflict.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure};

use super::StoreError;
use super::directory::TenantStore;
use super::item::{self, Item};
use super::meter::Pool;

/// What became of an update.
pub(super) enum Updated {
    /// It was made; the attributes that were asked for.
    Done(Item),
    /// Its condition does not hold; the item as it is, if there is one.
    ConditionFailed(Option<Item>),
}

impl TenantStore<'_> {
    /// An update of the item with this sort key, to be completed and sent.
    pub(super) fn update(&self, sort_key: String) -> UpdateItemFluentBuilder {
        self.store
            .client
            .update_item()
            .table_name(&self.store.tables.directory)
            .set_key(Some(item::key(&self.partition, sort_key)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
    }

    /// Makes an update.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub(super) async fn send_update(
        &self,
        update: UpdateItemFluentBuilder,
    ) -> Result<Updated, StoreError> {
        self.gate.passed().await;
        self.meter.call();
        let answer = update.send().await;
        self.meter.record(
            Pool::Write,
            answer
                .as_ref()
                .ok()
                .and_then(|answer| answer.consumed_capacity()),
        );
        match answer {
            Ok(answer) => Ok(Updated::Done(answer.attributes.unwrap_or_default())),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Updated::ConditionFailed(failed.item().cloned()))
                }
                _ => Err(StoreError::from_sdk(error)),
            },
        }
    }
}
