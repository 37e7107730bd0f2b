//! Transactions, put together from parts that say what they expect.

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use scim::ResourceId;

use super::TenantStore;
use crate::StoreError;
use crate::client::attributes::Item;
use crate::client::transaction::Outcome;

/// The parts of a transaction, each with the meaning of its condition's failure.
#[derive(Default, Clone)]
pub(crate) struct Parts(Vec<(TransactWriteItem, Expectation)>);

/// What a part of a transaction expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expectation {
    /// Nothing: it has no condition.
    Nothing,
    /// The resource does not exist.
    NewId,
    /// The resource is unchanged since it was read.
    SameVersion,
    /// The value of this attribute is free.
    FreeValue(&'static str),
    /// The place that was granted is there.
    Place,
    /// The user exists.
    User(ResourceId),
    /// The user is a member.
    Member(ResourceId),
    /// The user is no member.
    NoMember(ResourceId),
    /// What a change of a group's members stands on is as it was read.
    Unmoved,
}

impl Expectation {
    /// What it means for the whole transaction that it failed; what it means for one membership,
    /// the caller knows.
    fn check(&self) -> Result<(), StoreError> {
        match self {
            Self::NewId => Err(StoreError::AlreadyExists),
            Self::SameVersion => Err(StoreError::VersionMismatch),
            Self::Place | Self::Unmoved => Err(StoreError::Conflict),
            Self::FreeValue(attribute) => Err(StoreError::Taken { attribute }),
            Self::User(_) | Self::Member(_) | Self::NoMember(_) => Ok(()),
            Self::Nothing => Err(StoreError::Damaged(
                "DynamoDB reports a failed condition on an item that has none".to_owned(),
            )),
        }
    }
}

impl Parts {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn push(&mut self, write: TransactWriteItem, expectation: Expectation) {
        self.0.push((write, expectation));
    }

    pub(super) fn extend(&mut self, part: Option<(TransactWriteItem, Expectation)>) {
        self.0.extend(part);
    }
}

impl TenantStore<'_> {
    /// Writes all parts and a record, or nothing. Returns what somebody's membership was expected
    /// to be and is not, in which case nothing was written.
    ///
    /// If every attempt fails without an answer, the record tells whether one of them took effect
    /// after all: a client that is told of a failure would send the request again and collide with
    /// its own change.
    ///
    /// # Errors
    /// What every other failed expectation means, and failures of DynamoDB.
    pub(super) async fn send(
        &self,
        mut parts: Parts,
        record: Item,
    ) -> Result<Vec<Expectation>, StoreError> {
        parts.push(self.put(record.clone())?, Expectation::Nothing);
        match self.send_once(parts).await {
            Err(unknown @ StoreError::Unavailable { .. }) => match self.was_made(&record).await {
                Ok(true) => Ok(Vec::new()),
                _ => Err(unknown),
            },
            outcome => outcome,
        }
    }

    /// The same without a record: whether a transaction without an answer was made stays unknown.
    pub(super) async fn send_once(&self, parts: Parts) -> Result<Vec<Expectation>, StoreError> {
        let (writes, expectations): (Vec<_>, Vec<_>) = parts.0.into_iter().unzip();
        let positions = match self.transact(writes).await? {
            Outcome::Written => return Ok(Vec::new()),
            Outcome::ConditionsFailed(positions) => positions,
        };
        let expected = |position: &usize| expectations.get(*position).cloned();
        let failed: Vec<Expectation> = positions.iter().filter_map(expected).collect();
        for failed in &failed {
            failed.check()?;
        }
        Ok(failed)
    }

    /// Puts an item that must not exist yet.
    pub(crate) fn put_new(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(self.table())
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    pub(crate) fn put(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(self.table())
            .set_item(Some(item))
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    pub(crate) fn delete_item(&self, sort_key: String) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(self.table())
            .set_key(Some(self.key(sort_key)))
            .build()?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}
