//! UpdateItem and its failures. DynamoDB serialises updates of one item, without conflicts.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};

use super::StoreError;
use super::attributes::Item;

/// The result of an update.
#[derive(Debug)]
pub(crate) enum Updated {
    /// It succeeded; the requested attributes.
    Done(Item),
    /// Its condition failed; the current item, if there is one.
    ConditionFailed(Option<Item>),
}

/// Interprets the SDK's result.
pub(super) fn answer(
    result: Result<UpdateItemOutput, SdkError<UpdateItemError>>,
) -> Result<Updated, StoreError> {
    match result {
        Ok(output) => Ok(Updated::Done(output.attributes.unwrap_or_default())),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                Ok(Updated::ConditionFailed(failed.item().cloned()))
            }
            _ => Err(StoreError::from_sdk(error)),
        },
    }
}
