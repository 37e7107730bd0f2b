//! The pending changes of all tenants, found by the index of the directory table, which has nothing
//! else in it.

use scim::ResourceId;
use tenant::TenantId;
use time::OffsetDateTime;

use crate::client::attributes::{damaged, text};
use crate::client::gate::Passage;
use crate::client::tables::{DIRECTORY, PARTITION_KEY, SORT_KEY};
use crate::directory::keys;
use crate::directory::members::pending::RECORD;
use crate::{Meter, Store, StoreError};

impl Store {
    /// Shows `visit` the pending changes of all tenants that were decided before a time: whose they
    /// are, and the group. The index that is read may lag behind for a moment.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn pending_of_all(
        &self,
        before: OffsetDateTime,
        meter: &Meter,
        mut visit: impl FnMut(TenantId, ResourceId),
    ) -> Result<(), StoreError> {
        let Some(index) = DIRECTORY.index else {
            return Ok(());
        };
        let request = self.client.scan();
        let request = request
            .table_name(&self.tables.directory)
            .index_name(index.name);
        // Their records' keys begin with the time.
        let before = keys::changes_from(before);
        self.each(request, meter, Passage::Free, |item| {
            let tenant = keys::tenant(text(item, PARTITION_KEY)?);
            let group = text(item, SORT_KEY)?.strip_prefix(keys::members::PENDING);
            let group = group.and_then(ResourceId::parse);
            if text(item, RECORD)? < before.as_str() {
                visit(
                    tenant.ok_or_else(|| damaged(item, PARTITION_KEY))?,
                    group.ok_or_else(|| damaged(item, SORT_KEY))?,
                );
            }
            Ok(true)
        })
        .await
    }
}
