//! Edges: the two items of a membership.

use aws_sdk_dynamodb::types::{Delete, TransactWriteItem, Update};
use scim::ResourceId;
use scim::schema::USERS;
use time::OffsetDateTime;

use crate::client::attributes::{
    Item, in_milliseconds, milliseconds, number_of, optional, string, text, timestamp,
};
use crate::client::format::Upsert as _;
use crate::client::tables::SORT_KEY;
use crate::directory::document::JOINED;
use crate::directory::keys;
use crate::directory::parts::{Expectation, Parts};
use crate::{StoreError, TenantStore};

/// What the client calls the member.
pub(crate) const DISPLAY: &str = "display";

/// When the user became a member, in milliseconds since 1970. Edges of earlier releases lack it.
pub(crate) const JOINED_AT: &str = "joined_at";

/// When the user was deleted, on an edge that waits for the user to be restored.
pub(crate) const LEFT: &str = "left";

/// Whoever was told of changes of memberships was told that this one has ended, at this time in
/// milliseconds since 1970: on an edge that was left before the deletion itself. Of all others it
/// follows from the deletion, and from the restoration that they are back.
pub(super) const PARTED_AT: &str = "parted_at";

/// Since when the user of an edge is a member.
///
/// # Errors
/// [`StoreError::Damaged`] when it is no time.
pub(super) fn joined_at(edge: &Item) -> Result<Option<OffsetDateTime>, StoreError> {
    optional(edge, JOINED_AT, milliseconds)
}

impl TenantStore<'_> {
    /// The parts of a transaction that make a user a member. The user's item notes that it joined a
    /// group: a deletion that has not seen this membership then fails (`leave`).
    pub(super) fn join(
        &self,
        (group, user): (&ResourceId, &ResourceId),
        display: Option<&str>,
        at: OffsetDateTime,
        parts: &mut Parts,
    ) -> Result<(), StoreError> {
        let edge = self.edge(keys::members::edge(group, user), display, Some(at));
        parts.push(self.put_new(edge)?, Expectation::NoMember(user.clone()));
        let reverse = keys::members::edge_of_user(user, group);
        let reverse = self.edge(reverse, display, Some(at));
        parts.push(self.put(reverse)?, Expectation::Nothing);
        parts.push(self.note_joining(user)?, Expectation::User(user.clone()));
        Ok(())
    }

    /// Notes in the item of a user, who must be there, that it joins a group.
    pub(crate) fn note_joining(&self, user: &ResourceId) -> Result<TransactWriteItem, StoreError> {
        let joined = Update::builder()
            .table_name(self.table())
            .set_key(Some(self.key(keys::resource(&USERS, user))))
            .update_expression("ADD #joined :one")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#joined", JOINED)
            .expression_attribute_values(":one", number_of(1))
            .build()?;
        Ok(TransactWriteItem::builder().update(joined).build())
    }

    /// The parts of a transaction that end a membership, which is to have begun before a time.
    pub(super) fn part(
        &self,
        (group, user): (&ResourceId, &ResourceId),
        before: Option<OffsetDateTime>,
        parts: &mut Parts,
    ) -> Result<(), StoreError> {
        self.delete_edge(group, user, parts)?;
        let reverse = keys::members::edge_of_user(user, group);
        let Some(before) = before else {
            parts.push(self.delete_item(reverse)?, Expectation::Nothing);
            return Ok(());
        };
        // On this of the two items, for the other one's condition says who is no member.
        let reverse = Delete::builder()
            .table_name(self.table())
            .set_key(Some(self.key(reverse)))
            .condition_expression("attribute_not_exists(#joined) OR #joined < :now")
            .expression_attribute_names("#joined", JOINED_AT)
            .expression_attribute_values(":now", number_of(in_milliseconds(before)))
            .build()?;
        let reverse = TransactWriteItem::builder().delete(reverse).build();
        parts.push(reverse, Expectation::Unmoved);
        Ok(())
    }

    /// The parts of a transaction that end a membership because the user is deleted. The edge from
    /// the user stays, for the user to be restored. One that ends before the deletion itself is to
    /// have begun before that time.
    pub(super) fn leave(
        &self,
        (group, user): (&ResourceId, &ResourceId),
        at: OffsetDateTime,
        is_before: bool,
        parts: &mut Parts,
    ) -> Result<(), StoreError> {
        self.delete_edge(group, user, parts)?;
        let mut left = Update::builder()
            .table_name(self.table())
            .set_key(Some(self.key(keys::members::edge_of_user(user, group))))
            .expression_attribute_names("#left", LEFT)
            .expression_attribute_values(":at", timestamp(at));
        let mut set = "SET #left = :at".to_owned();
        let mut expectation = Expectation::Nothing;
        if is_before {
            set.push_str(", #parted = :now");
            left = left
                .condition_expression("attribute_not_exists(#joined) OR #joined < :now")
                .expression_attribute_names("#parted", PARTED_AT)
                .expression_attribute_names("#joined", JOINED_AT)
                .expression_attribute_values(":now", number_of(in_milliseconds(at)));
            expectation = Expectation::Unmoved;
        }
        let left = left.upsert_expression(&set).build()?;
        let left = TransactWriteItem::builder().update(left).build();
        parts.push(left, expectation);
        Ok(())
    }

    fn delete_edge(
        &self,
        group: &ResourceId,
        user: &ResourceId,
        parts: &mut Parts,
    ) -> Result<(), StoreError> {
        let edge = Delete::builder()
            .table_name(self.table())
            .set_key(Some(self.key(keys::members::edge(group, user))))
            .condition_expression("attribute_exists(pk)")
            .build()?;
        let edge = TransactWriteItem::builder().delete(edge).build();
        parts.push(edge, Expectation::Member(user.clone()));
        Ok(())
    }

    /// Shows `visit` all memberships of the tenant: the group, the user, and since when, unless an
    /// earlier release wrote the edge. First those that are, group by group; then those that deleted
    /// users come back to, user by user, but for those that were left before the deletion. What a
    /// pending change has not carried out yet is not among them.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn all_memberships(
        &self,
        mut visit: impl FnMut(ResourceId, ResourceId, Option<OffsetDateTime>),
    ) -> Result<(), StoreError> {
        let query = self.query_prefix(keys::members::EDGES.to_owned());
        self.each(query, |item| {
            // Head and tail are no edges.
            if let Some((group, user)) = keys::members::ends(text(item, SORT_KEY)?) {
                visit(group, user, joined_at(item)?);
            }
            Ok(true)
        })
        .await?;
        let query = self
            .query_prefix(keys::members::EDGES_OF_USERS.to_owned())
            .filter_expression("attribute_exists(#left) AND attribute_not_exists(#parted)")
            .expression_attribute_names("#left", LEFT)
            .expression_attribute_names("#parted", PARTED_AT);
        self.each(query, |item| {
            if let Some((user, group)) = keys::members::ends(text(item, SORT_KEY)?) {
                visit(group, user, joined_at(item)?);
            }
            Ok(true)
        })
        .await
    }

    /// Shows `visit` the same of one user: the group, and since when.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn memberships_of(
        &self,
        user: &ResourceId,
        mut visit: impl FnMut(ResourceId, Option<OffsetDateTime>),
    ) -> Result<(), StoreError> {
        let query = self.query_prefix(keys::members::edges_of_user(user));
        self.each(query, |item| {
            let ends = keys::members::ends(text(item, SORT_KEY)?);
            if let Some((_, group)) = ends.filter(|_| !item.contains_key(PARTED_AT)) {
                visit(group, joined_at(item)?);
            }
            Ok(true)
        })
        .await
    }

    /// An edge's item: what the client calls the member, and since when it is one.
    pub(crate) fn edge(
        &self,
        sort_key: String,
        display: Option<&str>,
        at: Option<OffsetDateTime>,
    ) -> Item {
        let mut item = self.new_item(sort_key);
        if let Some(at) = at {
            item.insert(JOINED_AT.to_owned(), number_of(in_milliseconds(at)));
        }
        if let Some(display) = display {
            item.insert(DISPLAY.to_owned(), string(display));
        }
        item
    }
}
