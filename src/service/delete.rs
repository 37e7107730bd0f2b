//! DELETE (RFC 7644 §3.6).

use super::{Directory, Failure, IfMatch, until_settled};
use crate::scim::ResourceType;

impl Directory<'_> {
    /// Deletes a resource: SCIM no longer knows it, and a tombstone keeps it for the retention
    /// period.
    ///
    /// # Errors
    /// 404, 412.
    pub async fn delete(
        &self,
        resource_type: &'static ResourceType,
        id: &str,
        if_match: &IfMatch,
    ) -> Result<(), Failure> {
        until_settled(|| async {
            let current = self.load(resource_type, id).await?;
            if_match.check(&current)?;
            let expires = self.now.saturating_add(self.retention);
            Ok(self
                .store
                .delete(resource_type, &current, self.now, expires)
                .await?)
        })
        .await
    }
}
