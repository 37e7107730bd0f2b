//! GET of one resource (RFC 7644 §3.4.1).

use scim::ResourceType;
use scim::project::Projection;

use super::{Answer, Directory, Failure};

impl Directory<'_> {
    /// The resource with this id.
    ///
    /// # Errors
    /// 404 when there is none.
    pub async fn get(
        &self,
        resource_type: &'static ResourceType,
        id: &str,
        projection: &Projection,
    ) -> Result<Answer, Failure> {
        Ok(self.answer(
            resource_type,
            self.load(resource_type, id).await?,
            projection,
        ))
    }
}
