//! DELETE (RFC 7644 §3.6).

use super::access::Access;
use super::{Directory, Failure, IfMatch, until_settled};
use scim::ResourceType;
use store::history::Operation;

impl Directory<'_> {
    /// Deletes a resource: SCIM no longer knows it, and a tombstone keeps it for the retention
    /// period.
    ///
    /// # Errors
    /// 404, 412, and 409 when too many users have lost access lately.
    pub async fn delete(
        &self,
        resource_type: &'static ResourceType,
        id: &str,
        if_match: &IfMatch,
    ) -> Result<(), Failure> {
        let access = Access::default();
        let outcome = until_settled(|| async {
            let current = self.load(resource_type, id).await?;
            if_match.check(&current)?;
            self.reserve(resource_type, current.resource.is_active(), &access)
                .await?;
            let origin = self.origin(Operation::Delete);
            let expires = self.now.saturating_add(self.retention);
            Ok(self
                .store
                .delete(resource_type, &current, &origin, expires)
                .await?)
        })
        .await;
        self.settle(resource_type, &access, &outcome).await;
        outcome
    }
}
