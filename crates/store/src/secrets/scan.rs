//! Reading the whole secrets table.

use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use tenant::TenantId;

use super::item::{KEY_PREFIX, KeyItem, STONE_SORT_KEY, TENANT_SORT_KEY, TenantItem, owner};
use super::{KeyRecord, SecretsError, Tenant};
use crate::client::attributes::{Item, string};
use crate::client::format;
use crate::client::gate::Passage;
use crate::{Meter, Store, StoreError};

/// A key among those of all tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantKey {
    /// Whose key it is.
    pub tenant: TenantId,
    /// Whether the tenant is enabled.
    pub tenant_enabled: bool,
    /// The key.
    pub record: KeyRecord,
}

impl Store {
    /// All tenants by id. This reads the whole secrets table.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn list_tenants(&self, meter: &Meter) -> Result<Vec<Tenant>, SecretsError> {
        let mut tenants = Vec::new();
        self.scan_secrets(TENANT_SORT_KEY, meter, |item| {
            tenants.push(TenantItem::read(item)?.tenant);
            Ok(())
        })
        .await?;
        tenants.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(tenants)
    }

    /// The ids of all tenants, in order, whatever the format of their items is, with those of
    /// deleted ones: of them there are a stone and entries of the operator's log. This reads the
    /// whole secrets table.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn tenant_ids(&self, meter: &Meter) -> Result<Vec<TenantId>, SecretsError> {
        let mut ids = Vec::new();
        let request = self
            .client
            .scan()
            .table_name(&self.tables.secrets)
            .consistent_read(true)
            .filter_expression("secrets_sk IN (:tenant, :stone)")
            .expression_attribute_values(":tenant", string(TENANT_SORT_KEY))
            .expression_attribute_values(":stone", string(STONE_SORT_KEY));
        self.each(request, meter, Passage::Free, |item| {
            ids.push(owner(item)?);
            Ok(true)
        })
        .await?;
        ids.sort();
        Ok(ids)
    }

    /// All keys of all tenants, by tenant, oldest first. This reads the whole secrets table.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn list_all_keys(&self, meter: &Meter) -> Result<Vec<TenantKey>, SecretsError> {
        let mut keys = Vec::new();
        self.scan_secrets(KEY_PREFIX, meter, |item| {
            let key = KeyItem::read(item)?;
            keys.push(TenantKey {
                tenant: owner(item)?,
                tenant_enabled: key.tenant_enabled,
                record: key.record,
            });
            Ok(())
        })
        .await?;
        keys.sort_by(|a, b| {
            let by = |key: &TenantKey| (key.tenant.clone(), key.record.created);
            by(a)
                .cmp(&by(b))
                .then_with(|| a.record.id.cmp(&b.record.id))
        });
        Ok(keys)
    }

    /// Shows `visit` every item whose sort key starts with the given text.
    pub(super) async fn scan_secrets(
        &self,
        prefix: &str,
        meter: &Meter,
        mut visit: impl FnMut(&Item) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let request = self.secrets_from(prefix);
        self.each(request, meter, Passage::Free, |item| {
            format::check(item)?;
            visit(item)?;
            Ok(true)
        })
        .await
    }

    fn secrets_from(&self, prefix: &str) -> ScanFluentBuilder {
        self.client
            .scan()
            .table_name(&self.tables.secrets)
            .consistent_read(true)
            .filter_expression("begins_with(secrets_sk, :prefix)")
            .expression_attribute_values(":prefix", string(prefix))
    }
}
