//! DELETE (RFC 7644 §3.6).

use scim::{ResourceType, Stored};
use store::directory::record::ChangeKind;

use super::about::Making;
use super::change::Decision;
use super::{Directory, Failure, IfMatch};

impl Directory<'_> {
    /// Deletes a resource: SCIM no longer shows it, and a tombstone keeps it for the retention
    /// period.
    ///
    /// # Errors
    /// 404, 412, and 409 when too many users have lost access recently.
    pub async fn delete(
        &self,
        resource_type: &'static ResourceType,
        id: &str,
        if_match: &IfMatch,
    ) -> Result<(), Failure> {
        let always = |_: &Stored| Ok(Decision::Delete);
        let making = Making::new(self, resource_type, ChangeKind::Delete, Some(id), None);
        let deleted = self.change(resource_type, id, if_match, &making, || Ok(always));
        deleted.await.map(drop)
    }
}
