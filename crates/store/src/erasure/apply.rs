//! One item loses what it says of a person.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem, Update};
use backon::Retryable as _;

use super::is_race;
use super::person::Person;
use super::trace::{Change, Kind, trace};
use crate::client::attributes::{Item, string, text};
use crate::client::tables::SORT_KEY;
use crate::client::transaction::{Outcome, RACES};
use crate::directory::document;
use crate::{StoreError, TenantStore};

impl TenantStore<'_> {
    /// Erases what an item says of the person, also if it is written meanwhile. Returns what kind
    /// of item it is, if it said something.
    pub(super) async fn erase_in(
        &self,
        item: &Item,
        person: &Person,
    ) -> Result<Option<Kind>, StoreError> {
        let Some((kind, _)) = trace(item, person)? else {
            return Ok(None);
        };
        let sort_key = text(item, SORT_KEY)?.to_owned();
        let mut found = Some(item.clone());
        let attempt = || {
            let found = found.take();
            async {
                let item = match found {
                    Some(item) => Some(item),
                    None => {
                        let sort_key = sort_key.clone();
                        self.get_item(sort_key, self.accepted_only()).await?
                    }
                };
                let Some(item) = item else { return Ok(()) };
                let Some((_, change)) = trace(&item, person)? else {
                    return Ok(());
                };
                match self.make(&sort_key, &item, change).await? {
                    true => Ok(()),
                    false => Err(StoreError::VersionMismatch),
                }
            }
        };
        attempt.retry(RACES).when(is_race).await?;
        Ok(Some(kind))
    }

    /// Makes a change of an item that is as it was read; returns whether it was.
    async fn make(&self, sort_key: &str, read: &Item, change: Change) -> Result<bool, StoreError> {
        let delete = match change {
            Change::Nothing => return Ok(true),
            Change::Set(set) => return self.set_unchanged(sort_key, read, set).await,
            Change::Delete => self.delete_item(sort_key.to_owned())?,
            Change::DeleteGuard => {
                let holder = text(read, document::HOLDER)?;
                let delete = Delete::builder()
                    .table_name(self.table())
                    .set_key(Some(self.key(sort_key.to_owned())))
                    .condition_expression("holder = :holder")
                    .expression_attribute_values(":holder", string(holder));
                TransactWriteItem::builder().delete(delete.build()?).build()
            }
        };
        self.transact(vec![delete]).await?;
        // A guard that was not removed is somebody else's by now.
        Ok(true)
    }

    /// Sets attributes that are as they were read; returns whether they were.
    async fn set_unchanged(
        &self,
        sort_key: &str,
        read: &Item,
        attributes: Vec<(String, Option<AttributeValue>)>,
    ) -> Result<bool, StoreError> {
        let mut update = Update::builder()
            .table_name(self.table())
            .set_key(Some(self.key(sort_key.to_owned())));
        let (mut set, mut remove, mut conditions) = (Vec::new(), Vec::new(), Vec::new());
        let mut names = BTreeMap::new();
        for (place, (name, next)) in attributes.into_iter().enumerate() {
            let was = read.get(&name).cloned();
            names.insert(format!("#a{place}"), name);
            match next {
                Some(next) => {
                    set.push(format!("#a{place} = :next{place}"));
                    update = update.expression_attribute_values(format!(":next{place}"), next);
                }
                None => remove.push(format!("#a{place}")),
            }
            if let Some(was) = was {
                conditions.push(format!("#a{place} = :was{place}"));
                update = update.expression_attribute_values(format!(":was{place}"), was);
            }
        }
        let clause = |word: &str, all: Vec<String>| match all.is_empty() {
            true => String::new(),
            false => format!("{word} {}", all.join(", ")),
        };
        let expression = format!("{} {}", clause("SET", set), clause("REMOVE", remove));
        let update = update
            .update_expression(expression.trim())
            .condition_expression(conditions.join(" AND "))
            .set_expression_attribute_names(Some(names.into_iter().collect()))
            .build()?;
        let update = TransactWriteItem::builder().update(update).build();
        Ok(self.transact(vec![update]).await? == Outcome::Written)
    }
}
