//! Repairs what an audit found, if it is still the case: judged again right before, and mended in
//! one transaction with the condition that nothing of it has moved since.

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, TransactWriteItem, Update};
use time::OffsetDateTime;

use super::judge::{PAUSE, ROUNDS, Verdict, type_named};
use super::seen::Seen;
use super::{CountDefect, Defect, DefectKind};
use crate::client::attributes::{number_of, string};
use crate::client::format::Upsert as _;
use crate::client::transaction::Outcome;
use crate::directory::document::{self, ACTIVE, COUNT, HOLDER, SEQUENCE};
use crate::directory::keys;
use crate::{StoreError, TenantStore};

impl TenantStore<'_> {
    /// Repairs a defect that is still there. Returns whether it did. What cannot be recovered (a
    /// lost record, the content of a damaged item) is left alone.
    ///
    /// A resource or a counter in use is waited for, until it holds still or has moved too often.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Conflict`] or [`StoreError::Throttled`] when every
    /// attempt failed for that reason.
    pub async fn repair(&self, defect: &Defect) -> Result<bool, StoreError> {
        if let DefectKind::MissingRecord | DefectKind::StrayRecord | DefectKind::Unreadable =
            defect.kind
        {
            return Ok(false);
        }
        let (nothing, now) = (Seen::default(), OffsetDateTime::UNIX_EPOCH);
        let mut suspect = defect.clone();
        let mut outcome = Ok(false);
        for round in 0..ROUNDS {
            if round > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            // Boxed: the futures of calls are large, and a judgement has several.
            suspect = match Box::pin(self.judge(&suspect, &nothing, now)).await? {
                Verdict::Sound => return Ok(false),
                Verdict::Moved(suspect) => suspect,
                Verdict::Defect(found) => {
                    outcome = match Box::pin(self.mend(&found)).await {
                        Ok(true) => return Ok(true),
                        // It belongs to a newer release.
                        Err(StoreError::NewerFormat { .. }) => return Ok(false),
                        // It held still, and yet cannot be mended: its resource is unreadable.
                        Ok(false) if round > 0 && found == suspect => return Ok(false),
                        Err(error @ (StoreError::Conflict | StoreError::Throttled)) => Err(error),
                        outcome => Ok(outcome?),
                    };
                    found
                }
            };
        }
        outcome
    }

    /// Mends a defect, provided that it is as it was judged.
    async fn mend(&self, defect: &Defect) -> Result<bool, StoreError> {
        if let Some(place) = &defect.members {
            return Box::pin(self.mend_members(defect, place)).await;
        }
        let writes = match defect.kind {
            DefectKind::WrongCount => vec![self.set_count(defect)?],
            DefectKind::MissingLookup | DefectKind::MissingGuard => {
                vec![self.unchanged(defect)?, self.put_key(defect)?]
            }
            DefectKind::StrayLookup | DefectKind::StrayGuard | DefectKind::StrayTombstone => {
                // What is gone was not removed by a repair.
                let delete = Delete::builder()
                    .table_name(self.table())
                    .set_key(Some(self.key(defect.sort_key.clone())))
                    .condition_expression("attribute_exists(pk)");
                // A guard that has a new holder belongs to that holder.
                let delete = match (defect.kind, &defect.resource) {
                    (DefectKind::StrayGuard, Some((id, _))) => delete
                        .condition_expression("#holder = :holder")
                        .expression_attribute_names("#holder", HOLDER)
                        .expression_attribute_values(":holder", string(id.as_str())),
                    _ => delete,
                };
                let delete = TransactWriteItem::builder().delete(delete.build()?).build();
                match defect.resource {
                    Some(_) => vec![self.unchanged(defect)?, delete],
                    // A lookup that names no resource leads nowhere, whatever changes.
                    None => vec![delete],
                }
            }
            _ => return Ok(false),
        };
        Ok(self.transact(writes).await? == Outcome::Written)
    }

    /// The condition that the defect's resource is unchanged.
    fn unchanged(&self, defect: &Defect) -> Result<TransactWriteItem, StoreError> {
        let (id, version) = defect.resource.as_ref().ok_or(StoreError::NotFound)?;
        let resource_type = type_named(defect.resource_type)?;
        let check = ConditionCheck::builder()
            .table_name(self.table())
            .set_key(Some(self.key(keys::resource(resource_type, id))));
        let check = match version {
            Some(version) => check
                .condition_expression("version = :read")
                .expression_attribute_values(":read", number_of(*version)),
            None => check.condition_expression("attribute_not_exists(pk)"),
        };
        Ok(TransactWriteItem::builder()
            .condition_check(check.build()?)
            .build())
    }

    fn put_key(&self, defect: &Defect) -> Result<TransactWriteItem, StoreError> {
        let sort_key = defect.sort_key.clone();
        let item = match (&defect.kind, &defect.resource) {
            (DefectKind::MissingGuard, Some((id, _))) => {
                document::guard(self.new_item(sort_key), id)
            }
            _ => self.new_item(sort_key),
        };
        // A guard that someone else has taken in the meantime is theirs.
        self.put_new(item)
    }

    fn set_count(&self, defect: &Defect) -> Result<TransactWriteItem, StoreError> {
        let CountDefect {
            found,
            expected,
            sequence,
        } = &defect.count;
        let number = |count: i64| AttributeValue::N(count.to_string());
        let mut update = Update::builder()
            .table_name(self.table())
            .set_key(Some(self.key(defect.sort_key.clone())))
            .expression_attribute_values(":none", number(0));
        // What was counted is right as long as nobody has written the counter. It may have been
        // there and back, which its number tells and its count does not.
        let written = sequence.map_or(0, |sequence| sequence.saturating_add(1));
        update = update
            .expression_attribute_names(format!("#{SEQUENCE}"), SEQUENCE)
            .expression_attribute_values(format!(":{SEQUENCE}"), number_of(written));
        let mut assignments = vec![format!("#{SEQUENCE} = :{SEQUENCE}")];
        let mut conditions = vec![match sequence {
            None => "attribute_not_exists(pk)".to_owned(),
            Some(0) => format!(
                "attribute_exists(pk) AND (attribute_not_exists(#{SEQUENCE}) OR #{SEQUENCE} = :none)"
            ),
            Some(sequence) => {
                update = update.expression_attribute_values(":sequence", number_of(*sequence));
                format!("#{SEQUENCE} = :sequence")
            }
        }];
        // Only coarse counters also count the active resources.
        for (name, found, expected) in [
            (COUNT, Some(found.count), Some(expected.count)),
            (ACTIVE, found.active, expected.active),
        ] {
            let (Some(found), Some(expected)) = (found, expected) else {
                continue;
            };
            assignments.push(format!("#{name} = :{name}"));
            conditions.push(format!(
                "(#{name} = :old_{name} OR (attribute_not_exists(#{name}) AND :old_{name} = :none))"
            ));
            update = update
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(format!(":{name}"), number(expected))
                .expression_attribute_values(format!(":old_{name}"), number(found));
        }
        let update = update
            .upsert_expression(&format!("SET {}", assignments.join(", ")))
            .condition_expression(conditions.join(" AND "))
            .build()?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}
