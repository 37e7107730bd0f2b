//! DELETE (RFC 7644 §3.6).

use super::{Failure, IfMatch, Resources, until_settled};

impl Resources<'_> {
    /// Deletes a resource: SCIM no longer knows it, and a tombstone keeps it for the retention
    /// period.
    ///
    /// # Errors
    /// 404, 412.
    pub async fn delete(&self, id: &str, if_match: &IfMatch) -> Result<(), Failure> {
        until_settled(|| async {
            let current = self.load(id).await?;
            if_match.check(&current)?;
            let expires = self.now.saturating_add(self.retention);
            Ok(self
                .store
                .delete(self.resource_type, &current, self.now, expires)
                .await?)
        })
        .await
    }
}
