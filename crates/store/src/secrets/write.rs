//! The transactions on the secrets table.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Put, TransactWriteItem, Update};
use backon::Retryable;
use tenant::{KeyDigest, KeyId, TenantId};
use time::OffsetDateTime;

use super::item::{self, KeyItem, TENANT_SORT_KEY, TenantItem};
use super::{Act, KeyKind, KeyRecord, SecretsError, Tenant};
use crate::client::attributes::{Item, number_of, string, timestamp};
use crate::client::bulk;
use crate::client::gate::Passage;
use crate::client::tables::{SECRETS_PARTITION_KEY, SECRETS_SORT_KEY};
use crate::client::transaction::{Outcome, RACES};
use crate::{Meter, Store, StoreError};

/// What ends when a new key takes its place.
pub(super) struct Ending<'k> {
    pub old: &'k KeyItem,
    /// When the old key is no longer accepted.
    pub end: OffsetDateTime,
    /// The keys whose place the old key took: the new one takes it now.
    pub followed: Vec<&'k KeyItem>,
}

/// Reads, decides and writes again as long as someone else writes in between.
pub(super) async fn retrying_races<T, F>(attempt: impl FnMut() -> F) -> Result<T, SecretsError>
where
    F: Future<Output = Result<T, SecretsError>>,
{
    attempt
        .retry(RACES)
        .when(|error| {
            matches!(
                error,
                SecretsError::Store(
                    StoreError::Conflict | StoreError::VersionMismatch | StoreError::Throttled
                )
            )
        })
        .await
}

impl Store {
    pub(super) async fn put_tenant(
        &self,
        tenant: &Tenant,
        is_again: bool,
        meter: &Meter,
    ) -> Result<(), SecretsError> {
        let put = self.put(item::new_tenant(tenant))?;
        let entry = self.entry(&tenant.id, Act::CreateTenant, None)?;
        let again = match is_again {
            true => self.stone(&tenant.id, meter).await?,
            false => None,
        };
        let stone = self.stone_part(&tenant.id, again.as_ref())?;
        let writes = [put, stone, entry];
        match self.transact(writes, meter, Passage::Free).await? {
            Outcome::Written => Ok(()),
            Outcome::ConditionsFailed(failed) if failed == [1] => {
                match self.stone(&tenant.id, meter).await? {
                    Some(stone) => Err(SecretsError::TenantDeleted {
                        tenant: tenant.id.clone(),
                        at: stone.completed,
                    }),
                    None => Err(StoreError::VersionMismatch.into()),
                }
            }
            Outcome::ConditionsFailed(_) => Err(SecretsError::TenantExists(tenant.id.clone())),
        }
    }

    /// Adds a key in the tenant's state as it was read, if that is unchanged. If it replaces a key,
    /// that one gets its end and a note of what replaces it, as do the keys that it replaced.
    pub(super) async fn write_key(
        &self,
        read: &TenantItem,
        digest: &KeyDigest,
        record: &KeyRecord,
        ending: Option<&Ending<'_>>,
        meter: &Meter,
    ) -> Result<(), SecretsError> {
        let digest_text = digest.to_hex();
        let mut active = read.active_digests.clone();
        active.retain(|active| *active != digest_text);
        active.push(digest_text);
        let tenant = self
            .update_tenant(&read.tenant.id)
            .update_expression("SET active_keys = :active ADD version :one")
            .condition_expression("version = :read")
            .expression_attribute_values(":active", AttributeValue::Ss(active))
            .expression_attribute_values(":one", number_of(1))
            .expression_attribute_values(":read", number_of(read.version));
        let mut writes = vec![
            update(tenant)?,
            self.put_key(item::new_key(&read.tenant, digest, record), &record.kind)?,
        ];
        if let Some(Ending { old, end, followed }) = ending {
            for key in followed {
                writes.push(self.follow(&read.tenant.id, key, Some(&record.id))?);
            }
            let old = self
                .update_key(&read.tenant.id, &old.digest)
                .update_expression("SET expires = :end, replaced_by = :new")
                .condition_expression(
                    "attribute_exists(secrets_pk) AND attribute_not_exists(revoked)",
                )
                .expression_attribute_values(":end", timestamp(*end))
                .expression_attribute_values(":new", string(record.id.as_str()));
            writes.push(update(old)?);
        }
        for digest in &read.gone_digests {
            writes.push(self.no_key(&read.tenant.id, digest)?);
        }
        writes.push(match ending {
            Some(Ending { old, end, .. }) => {
                let successor = Some(&record.id);
                self.ending_entry(&read.tenant.id, &old.record.id, *end, successor)?
            }
            None => self.entry(&read.tenant.id, Act::CreateKey, Some(record.id.as_str()))?,
        });
        match self.transact(writes, meter, Passage::Free).await? {
            Outcome::Written => Ok(()),
            Outcome::ConditionsFailed(failed) if failed.starts_with(&[1]) => {
                Err(StoreError::AlreadyExists.into())
            }
            Outcome::ConditionsFailed(_) => Err(StoreError::VersionMismatch.into()),
        }
    }

    /// Checks that a key is not there, which a Query alone cannot tell for sure.
    fn no_key(&self, tenant: &TenantId, digest: &str) -> Result<TransactWriteItem, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(&self.tables.secrets)
            .key(SECRETS_PARTITION_KEY, item::partition(tenant))
            .key(SECRETS_SORT_KEY, item::key_sort_key(digest))
            .condition_expression("attribute_not_exists(secrets_pk)")
            .build()?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    /// Ends a key, and takes it away from the keys whose place it took: theirs is the tenant's
    /// again.
    pub(super) async fn write_revoked(
        &self,
        tenant_id: &TenantId,
        key: &KeyItem,
        followed: &[&KeyItem],
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<(), SecretsError> {
        let (digest, key_id) = (&key.digest, &key.record.id);
        let tenant = self
            .update_tenant(tenant_id)
            .update_expression("ADD version :one DELETE active_keys :digests")
            .condition_expression("attribute_exists(secrets_pk)")
            .expression_attribute_values(":one", number_of(1))
            .expression_attribute_values(":digests", AttributeValue::Ss(vec![digest.clone()]));
        let key = self
            .update_key(tenant_id, digest)
            .update_expression("SET revoked = :now")
            .condition_expression("attribute_exists(secrets_pk) AND attribute_not_exists(revoked)")
            .expression_attribute_values(":now", timestamp(now));
        let mut writes = vec![update(tenant)?, update(key)?];
        for key in followed {
            writes.push(self.follow(tenant_id, key, None)?);
        }
        let target = Some(key_id.as_str());
        writes.push(self.entry(tenant_id, Act::RevokeKey, target)?);
        match self.transact(writes, meter, Passage::Free).await? {
            Outcome::Written => Ok(()),
            Outcome::ConditionsFailed(failed) if failed.starts_with(&[0]) => {
                Err(SecretsError::NoTenant(tenant_id.clone()))
            }
            // Someone else has just revoked the key, or rotated one of them.
            Outcome::ConditionsFailed(_) => Err(StoreError::VersionMismatch.into()),
        }
    }

    /// Brings the end of a key forward.
    pub(super) async fn write_end(
        &self,
        tenant_id: &TenantId,
        key: &KeyItem,
        end: OffsetDateTime,
        meter: &Meter,
    ) -> Result<(), SecretsError> {
        let tenant = self
            .update_tenant(tenant_id)
            .update_expression("ADD version :one")
            .condition_expression("attribute_exists(secrets_pk)")
            .expression_attribute_values(":one", number_of(1));
        let ended = self
            .update_key(tenant_id, &key.digest)
            .update_expression("SET expires = :end")
            .expression_attribute_values(":end", timestamp(end));
        let ended = match key.record.expires {
            None => ended.condition_expression(
                "attribute_exists(secrets_pk) AND attribute_not_exists(revoked) \
                 AND attribute_not_exists(expires)",
            ),
            Some(expires) => ended
                .condition_expression("attribute_not_exists(revoked) AND expires = :read")
                .expression_attribute_values(":read", timestamp(expires)),
        };
        let entry = self.ending_entry(tenant_id, &key.record.id, end, None)?;
        let writes = [update(tenant)?, update(ended)?, entry];
        match self.transact(writes, meter, Passage::Free).await? {
            Outcome::Written => Ok(()),
            Outcome::ConditionsFailed(failed) if failed.starts_with(&[0]) => {
                Err(SecretsError::NoTenant(tenant_id.clone()))
            }
            Outcome::ConditionsFailed(_) => Err(StoreError::VersionMismatch.into()),
        }
    }

    /// Notes that `next`, or nothing any more, takes the place of an old key, if what was read of
    /// it is unchanged.
    fn follow(
        &self,
        tenant: &TenantId,
        old: &KeyItem,
        next: Option<&KeyId>,
    ) -> Result<TransactWriteItem, StoreError> {
        let old_next = old.record.replaced_by.as_ref();
        let key = self
            .update_key(tenant, &old.digest)
            .condition_expression("replaced_by = :read")
            .expression_attribute_values(":read", string(old_next.map_or("", KeyId::as_str)));
        update(match next {
            Some(next) => key
                .update_expression("SET replaced_by = :next")
                .expression_attribute_values(":next", string(next.as_str())),
            None => key.update_expression("REMOVE replaced_by"),
        })
    }

    /// Puts a key, which must not exist yet. A trust takes the place of the one before it in the
    /// same issuer.
    fn put_key(&self, item: Item, kind: &KeyKind) -> Result<TransactWriteItem, StoreError> {
        match kind {
            KeyKind::ApiKey | KeyKind::ClientSecret(_) => self.put(item),
            KeyKind::Trust(..) => bulk::put(&self.tables.secrets, item),
        }
    }

    /// Puts an item that must not exist yet.
    pub(super) fn put(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.tables.secrets)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(secrets_pk)")
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    pub(super) fn update_tenant(&self, tenant: &TenantId) -> UpdateBuilder {
        self.update_item(tenant, string(TENANT_SORT_KEY))
    }

    pub(super) fn update_key(&self, tenant: &TenantId, digest: &str) -> UpdateBuilder {
        self.update_item(tenant, item::key_sort_key(digest))
    }

    fn update_item(&self, tenant: &TenantId, sort_key: AttributeValue) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.tables.secrets)
            .key(SECRETS_PARTITION_KEY, item::partition(tenant))
            .key(SECRETS_SORT_KEY, sort_key)
    }
}

pub(super) fn update(update: UpdateBuilder) -> Result<TransactWriteItem, StoreError> {
    Ok(TransactWriteItem::builder().update(update.build()?).build())
}
