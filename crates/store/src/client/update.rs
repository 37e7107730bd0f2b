//! UpdateItem, and what its failures mean. DynamoDB runs the updates of one item one after the
//! other, without a conflict.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};

use super::StoreError;
use super::attributes::Item;

/// What became of an update.
#[derive(Debug)]
pub(crate) enum Updated {
    /// It was made; the attributes that were asked for.
    Done(Item),
    /// Its condition does not hold; the item as it is, if there is one.
    ConditionFailed(Option<Item>),
}

/// What the SDK's result means.
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
