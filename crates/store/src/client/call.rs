//! The one place that sends requests to DynamoDB: it waits until the request may go, counts it,
//! sends it, meters what it consumed, and maps its errors.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::batch_get_item::builders::BatchGetItemFluentBuilder;
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemError, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder;
use aws_sdk_dynamodb::operation::create_table::{CreateTableError, CreateTableOutput};
use aws_sdk_dynamodb::operation::describe_continuous_backups::builders::DescribeContinuousBackupsFluentBuilder;
use aws_sdk_dynamodb::operation::describe_continuous_backups::{
    DescribeContinuousBackupsError, DescribeContinuousBackupsOutput,
};
use aws_sdk_dynamodb::operation::describe_table::builders::DescribeTableFluentBuilder;
use aws_sdk_dynamodb::operation::describe_table::{DescribeTableError, DescribeTableOutput};
use aws_sdk_dynamodb::operation::describe_time_to_live::builders::DescribeTimeToLiveFluentBuilder;
use aws_sdk_dynamodb::operation::describe_time_to_live::{
    DescribeTimeToLiveError, DescribeTimeToLiveOutput,
};
use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use aws_sdk_dynamodb::operation::get_item::{GetItemError, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::query::{QueryError, QueryOutput};
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::operation::scan::{ScanError, ScanOutput};
use aws_sdk_dynamodb::operation::transact_write_items::builders::TransactWriteItemsFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsError, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::operation::update_continuous_backups::builders::UpdateContinuousBackupsFluentBuilder;
use aws_sdk_dynamodb::operation::update_continuous_backups::{
    UpdateContinuousBackupsError, UpdateContinuousBackupsOutput,
};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::operation::update_table::builders::UpdateTableFluentBuilder;
use aws_sdk_dynamodb::operation::update_table::{UpdateTableError, UpdateTableOutput};
use aws_sdk_dynamodb::operation::update_time_to_live::builders::UpdateTimeToLiveFluentBuilder;
use aws_sdk_dynamodb::operation::update_time_to_live::{
    UpdateTimeToLiveError, UpdateTimeToLiveOutput,
};
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity, TableDescription};

use super::attributes::Item;
use super::gate::Passage;
use super::meter::Pool;
use super::tables::{self, Backups};
use super::transaction::{self, Outcome};
use super::update::{self, Updated};
use super::{Meter, Store, StoreError, adopt};

/// A request as the SDK builds it.
pub(crate) trait Call: Sized {
    /// What the SDK returns.
    type Output;
    type Error;
    /// What the caller gets.
    type Answer;
    /// Which of the two kinds of capacity it consumes.
    const POOL: Pool;

    /// Sends it and asks for the consumed capacity.
    fn dispatch(self) -> impl Future<Output = Result<Self::Output, SdkError<Self::Error>>> + Send;

    /// The capacity it consumed.
    fn consumed(output: &Self::Output) -> impl Iterator<Item = &ConsumedCapacity>;

    /// What the SDK's result means.
    fn answer(
        result: Result<Self::Output, SdkError<Self::Error>>,
    ) -> Result<Self::Answer, StoreError>;
}

/// A request with a paged answer.
pub(crate) trait Paged: Call + Clone {
    /// The same request, continued after this key.
    fn starting_after(self, key: Option<Item>) -> Self;

    /// The items of a page, and the key of the next page, if there is one.
    fn into_page(answer: Self::Answer) -> (Vec<Item>, Option<Item>);
}

macro_rules! call {
    ($request:ty, $output:ty, $error:ty, $pool:ident) => {
        call!($request, $output, $error, $pool, $output, unread);
    };
    ($request:ty, $output:ty, $error:ty, $pool:ident, $answer:ty, $read:expr) => {
        impl Call for $request {
            type Output = $output;
            type Error = $error;
            type Answer = $answer;
            const POOL: Pool = Pool::$pool;

            fn dispatch(
                self,
            ) -> impl Future<Output = Result<Self::Output, SdkError<Self::Error>>> + Send {
                self.return_consumed_capacity(ReturnConsumedCapacity::Total)
                    .send()
            }

            fn consumed(output: &Self::Output) -> impl Iterator<Item = &ConsumedCapacity> {
                output.consumed_capacity().into_iter()
            }

            fn answer(
                result: Result<Self::Output, SdkError<Self::Error>>,
            ) -> Result<Self::Answer, StoreError> {
                $read(result)
            }
        }
    };
}

call!(GetItemFluentBuilder, GetItemOutput, GetItemError, Read);
call!(
    BatchGetItemFluentBuilder,
    BatchGetItemOutput,
    BatchGetItemError,
    Read
);
call!(QueryFluentBuilder, QueryOutput, QueryError, Read);
call!(ScanFluentBuilder, ScanOutput, ScanError, Read);
call!(PutItemFluentBuilder, PutItemOutput, PutItemError, Write);
call!(
    UpdateItemFluentBuilder,
    UpdateItemOutput,
    UpdateItemError,
    Write,
    Updated,
    update::answer
);
call!(
    TransactWriteItemsFluentBuilder,
    TransactWriteItemsOutput,
    TransactWriteItemsError,
    Write,
    Outcome,
    transaction::answer
);

/// The SDK's own output and error.
fn unread<O, E>(result: Result<O, SdkError<E>>) -> Result<O, StoreError>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    result.map_err(StoreError::from_sdk)
}

/// Requests about tables consume no capacity.
macro_rules! table_call {
    ($request:ty, $output:ty, $error:ty, $answer:ty, $read:expr) => {
        impl Call for $request {
            type Output = $output;
            type Error = $error;
            type Answer = $answer;
            const POOL: Pool = Pool::Read;

            fn dispatch(
                self,
            ) -> impl Future<Output = Result<Self::Output, SdkError<Self::Error>>> + Send {
                self.send()
            }

            fn consumed(_: &Self::Output) -> impl Iterator<Item = &ConsumedCapacity> {
                std::iter::empty()
            }

            fn answer(
                result: Result<Self::Output, SdkError<Self::Error>>,
            ) -> Result<Self::Answer, StoreError> {
                $read(result)
            }
        }
    };
}

table_call!(
    CreateTableFluentBuilder,
    CreateTableOutput,
    CreateTableError,
    bool,
    tables::created
);
table_call!(
    DescribeTableFluentBuilder,
    DescribeTableOutput,
    DescribeTableError,
    Option<TableDescription>,
    tables::described
);
table_call!(
    DescribeContinuousBackupsFluentBuilder,
    DescribeContinuousBackupsOutput,
    DescribeContinuousBackupsError,
    Option<bool>,
    adopt::recovery
);
table_call!(
    UpdateTableFluentBuilder,
    UpdateTableOutput,
    UpdateTableError,
    bool,
    adopt::updated
);
table_call!(
    DescribeTimeToLiveFluentBuilder,
    DescribeTimeToLiveOutput,
    DescribeTimeToLiveError,
    DescribeTimeToLiveOutput,
    unread
);
table_call!(
    UpdateTimeToLiveFluentBuilder,
    UpdateTimeToLiveOutput,
    UpdateTimeToLiveError,
    UpdateTimeToLiveOutput,
    unread
);
table_call!(
    UpdateContinuousBackupsFluentBuilder,
    UpdateContinuousBackupsOutput,
    UpdateContinuousBackupsError,
    Backups,
    tables::backed_up
);

macro_rules! paged {
    ($request:ty) => {
        impl Paged for $request {
            fn starting_after(self, key: Option<Item>) -> Self {
                self.set_exclusive_start_key(key)
            }

            fn into_page(answer: Self::Answer) -> (Vec<Item>, Option<Item>) {
                (answer.items.unwrap_or_default(), answer.last_evaluated_key)
            }
        }
    };
}

paged!(QueryFluentBuilder);
paged!(ScanFluentBuilder);

impl Store {
    /// Makes a call as soon as it is allowed.
    ///
    /// # Errors
    /// What [`Call::answer`] makes of the SDK's error.
    pub(crate) async fn call<C: Call>(
        &self,
        request: C,
        meter: &Meter,
        passage: Passage<'_>,
    ) -> Result<C::Answer, StoreError> {
        match passage {
            Passage::Free => {}
            Passage::Accepted(gate) => gate.passed().await,
            Passage::Ahead(gate) => gate.passed_or_first().await,
        }
        meter.call();
        let result = request.dispatch().await;
        if let Ok(output) = &result {
            meter.record(C::POOL, C::consumed(output));
        }
        C::answer(result)
    }

    /// Makes an operator's call about a table, which is not metered.
    ///
    /// # Errors
    /// What [`Call::answer`] makes of the SDK's error.
    pub(crate) async fn administer<C: Call>(&self, request: C) -> Result<C::Answer, StoreError> {
        self.call(request, &Meter::default(), Passage::Free).await
    }

    /// Shows `visit` every item of all pages, one call per page, until it returns false.
    ///
    /// # Errors
    /// Failures of DynamoDB, and those of `visit`.
    pub(crate) async fn each<P: Paged>(
        &self,
        request: P,
        meter: &Meter,
        passage: Passage<'_>,
        mut visit: impl FnMut(&Item) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let mut start = None;
        loop {
            let request = request.clone().starting_after(start);
            let (items, next) = P::into_page(self.call(request, meter, passage).await?);
            for item in &items {
                if !visit(item)? {
                    return Ok(());
                }
            }
            if next.is_none() {
                return Ok(());
            }
            start = next;
        }
    }
}
