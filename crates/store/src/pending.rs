//! The pending changes of all tenants, found by the index of the directory table, which has nothing
//! else in it.

use scim::ResourceId;
use tenant::TenantId;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::client::attributes::{Item, optional_text, text};
use crate::client::gate::Passage;
use crate::client::tables::{DIRECTORY, PARTITION_KEY, SORT_KEY};
use crate::directory::keys;
use crate::directory::members::pending::RECORD;
use crate::{Meter, Store, StoreError};

/// A pending change of some tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Whose it is.
    pub tenant: TenantId,
    /// The group.
    pub group: ResourceId,
    /// When it was decided.
    pub at: OffsetDateTime,
}

impl Found {
    /// What an entry of the index leads to, if it is a pending change.
    fn read(item: &Item) -> Result<Option<Self>, StoreError> {
        let group = text(item, SORT_KEY)?.strip_prefix(keys::members::PENDING);
        // Their records' keys have the time.
        let record = optional_text(item, RECORD)?.unwrap_or_default();
        let at = record.split('#').nth(1).unwrap_or_default();
        let found = (
            keys::tenant(text(item, PARTITION_KEY)?),
            group.and_then(ResourceId::parse),
            OffsetDateTime::parse(at, &Rfc3339).ok(),
        );
        Ok(match found {
            (Some(tenant), Some(group), Some(at)) => Some(Self { tenant, group, at }),
            _ => None,
        })
    }
}

impl Store {
    /// The pending changes of all tenants, and how many entries of the index lead to something else.
    /// The index that is read may lag behind for a moment.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn pending_of_all(&self, meter: &Meter) -> Result<(Vec<Found>, usize), StoreError> {
        let (mut all, mut others) = (Vec::new(), 0);
        let Some(index) = DIRECTORY.index else {
            return Ok((all, others));
        };
        let request = self.client.scan();
        let request = request
            .table_name(&self.tables.directory)
            .index_name(index.name);
        self.each(request, meter, Passage::Free, |item| {
            match Found::read(item)? {
                Some(found) => all.push(found),
                None => others += 1,
            }
            Ok(true)
        })
        .await?;
        Ok((all, others))
    }
}
