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
    /// Its condition failed.
    ConditionFailed,
}

/// Interprets the SDK's result.
pub(super) fn answer(
    result: Result<UpdateItemOutput, SdkError<UpdateItemError>>,
) -> Result<Updated, StoreError> {
    match result {
        Ok(output) => Ok(Updated::Done(output.attributes.unwrap_or_default())),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => {
                Ok(Updated::ConditionFailed)
            }
            _ => Err(StoreError::from_sdk(error)),
        },
    }
}
